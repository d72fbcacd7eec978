"""The part of a module that a name is made of: what cannot matter to it is left out, and nothing else."""

from __future__ import annotations

import ast

import pytest

from ebmbench.identity.closure import closure_of
from ebmbench.identity.slices import part_of
from ebmbench_plugins.c2_chosen_points import nce

FILE = """
from __future__ import annotations
import math
from functools import cache
from torch import Generator, Tensor
from ebmbench.api import Batch, GradientMethod, hookimpl
from .helpers import first_help, second_help
WIDTH = 3
HEIGHT: int = 2 * WIDTH

def shared(x: float) -> float:
    return x + WIDTH

@cache
def remembered(x):
    return shared(x)

class First(GradientMethod):
    lr: float = 1.0

    def loss(self, surface: object, batch: Batch, rng: Generator) -> Tensor:
        return first_help(remembered(1.0))

class Second(First):
    scale: float = HEIGHT

    @property
    def half(self):
        return second_help(self.scale) / math.pi

    @half.setter
    def half(self, value):
        pass

class Third(GradientMethod):
    second: "Second | None" = None

@hookimpl
def ebmbench_methods():
    return [First, Second, Third]
"""


def part(text: str, *names: str) -> str:
    return ast.unparse(part_of(ast.parse(text), names))


def kept(text: str, *names: str) -> set[str]:
    """What is defined or imported in the part."""
    found = set[str]()
    for node in part_of(ast.parse(text), names).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        else:
            found |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return found


def test_a_class_comes_with_what_it_mentions_and_what_that_mentions() -> None:
    first = {"annotations", "cache", "Generator", "Tensor", "Batch", "GradientMethod", "first_help", "WIDTH", "shared"}
    first |= {"remembered", "First"}
    assert kept(FILE, "First") == first
    assert kept(FILE, "Second") == first | {"Second", "HEIGHT", "math", "second_help"}, "its base, and a constant's own"
    assert "Second" in kept(FILE, "Third"), "a name in a text may be an annotation"
    assert kept(FILE, "First", "Second") == kept(FILE, "First") | kept(FILE, "Second")


def test_the_order_of_what_stays_is_that_of_the_file() -> None:
    text = part(FILE, "Second")
    assert text.index("WIDTH = 3") < text.index("def shared") < text.index("class First") < text.index("class Second")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + "\nclass Fourth:\n    pass\n",
        lambda text: text.replace("scale: float = HEIGHT", "scale: float = 2.0"),
        lambda text: text.replace("2 * WIDTH", "3 * WIDTH"),
        lambda text: text.replace("import math", "import math\nimport sys"),
        lambda text: (
            text.replace("first_help, second_help", "first_help, second_help, third_help") + "\nX = third_help\n"
        ),
        lambda text: text.replace("[First, Second, Third]", "[First, Third]"),
    ],
    ids=["another class", "another's field", "another's constant", "an import", "a helper", "the hook"],
)
def test_an_edit_elsewhere_is_none(edit: object) -> None:
    assert callable(edit)
    edited = edit(FILE)
    assert edited != FILE
    if "import sys" in edited:  # of no name that is used: it may be imported for what it does
        assert part(edited, "First") != part(FILE, "First")
    else:
        assert part(edited, "First") == part(FILE, "First")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WIDTH = 3", "WIDTH = 4"),
        ("return x + WIDTH", "return x - WIDTH"),
        ("lr: float = 1.0", "lr: float = 2.0"),
        ("import first_help", "import third_help as first_help"),
        ("@cache\n", ""),
    ],
)
def test_an_edit_of_what_it_is_made_of_is_one(old: str, new: str) -> None:
    assert FILE.count(old) >= 1
    for name in ("First", "Second"):
        assert part(FILE.replace(old, new), name) != part(FILE, name)


@pytest.mark.parametrize(
    "line",
    [
        "torch.set_default_dtype(float)",
        "if True:\n    WIDTH = 4",
        "for WIDTH in range(3):\n    pass",
        "First.lr = 2.0",
        "WIDTH += 1",
        "_ = register(First)",
        "del WIDTH",
        "import side_effects",
        "from elsewhere import *",
        "try:\n    import fast\nexcept ImportError:\n    fast = None",
        "@register\nclass Fourth:\n    pass",
        "@register('x')\ndef fourth():\n    pass",
        "class Fourth:\n    First.lr = 2.0",
        "class Fourth:\n    @register\n    def loss(self):\n        pass",
        "class Fourth:\n    print('made')",
        "TABLE = {'first': First()}",
        "assert WIDTH",
        "x = [y := 1]",
    ],
)
def test_what_may_do_something_when_the_module_runs_stays(line: str) -> None:
    assert part(FILE + line + "\n", "First") != part(FILE, "First")


@pytest.mark.parametrize(
    "line",
    [
        "class Fourth(First):\n    x: int = Field(3, description='how many')",
        "def fourth():\n    First.lr = 2.0",
        "FOURTH = (1, 2, -3)",
        "@cache\ndef fourth():\n    pass",
        "class Fourth:\n    class Inner:\n        a = 1\n    @staticmethod\n    def f():\n        pass",
    ],
)
def test_what_only_defines_is_left_out(line: str) -> None:
    assert part(FILE + line + "\n", "First") == part(FILE, "First")


@pytest.mark.parametrize(
    "body", ["globals()['x']", "eval('x')", "vars(mine)", "sys.modules[__name__]", "mine.__dict__['x']", "dir()"]
)
def test_a_part_that_looks_names_up_is_the_whole_module(body: str) -> None:
    text = FILE.replace("return first_help(remembered(1.0))", f"return {body}")
    assert part(text, "First") == ast.unparse(ast.parse(text))
    assert part(text, "Third") != ast.unparse(ast.parse(text)) or "Second" in kept(text, "Third")


@pytest.mark.parametrize("name", ["Nobody", "Late"])
def test_a_name_that_is_not_bound_plainly_is_the_whole_module(name: str) -> None:
    text = FILE + "if True:\n    class Late:\n        pass\n"
    assert part(text, name) == ast.unparse(ast.parse(text))


def test_a_function_that_reads_a_name_as_a_text_keeps_it() -> None:
    text = "import mine\nX = 1\nY = 2\ndef f():\n    return getattr(mine, 'X')\n"
    assert kept(text, "f") == {"mine", "X", "f"}


def test_a_closure_of_a_name_is_less_than_that_of_its_module_and_a_module_that_others_import_is_whole() -> None:
    module = "ebmbench.datasets.plane"
    both = dict(closure_of(f"{module}:Rings", f"{module}:Moons").modules)[module]
    alone = dict(closure_of(f"{module}:Rings").modules)[module]
    whole = dict(closure_of(module).modules)[module]
    assert len({both, alone, whole}) == 3
    assert dict(closure_of(f"{module}:Rings", module).modules)[module] == whole
    assert closure_of(f"{nce.__name__}:NCE").modules[-1][0] == nce.__name__
