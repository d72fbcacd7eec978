"""Closures: what counts is the code of a module and of what it imports, not its text; and nothing is left out."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from ebmbench.identity import closure
from ebmbench.identity.canonical import canonical
from ebmbench.identity.closure import (
    NUMBERS,
    SILENT,
    Closure,
    api_table,
    closure_of,
    forget,
    makes_numbers,
    public_name,
)
from tests.sources import Sources, single_file

METHOD = '''"""A method."""

import math
from .helper import double

SCALE = 2.0


class Mine:
    """It scales."""

    def loss(self, x: float) -> float:
        """A loss."""
        return double(x) * SCALE + math.pi
'''
HELPER = """def double(x: float) -> float:
    return 2 * x
"""

_names = (f"keys_package_{index}" for index in itertools.count())


class Package:
    """A package on the path, written anew under a new name for each version of its sources."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def closure(self, start: str = "method", **sources: str) -> Closure:
        """The closure of one of its modules, with the package's name replaced by ``pkg``."""
        name = next(_names)
        folder = self.root / name
        folder.mkdir()
        for module, text in {"__init__": "", "method": METHOD, "helper": HELPER, **sources}.items():
            (folder / f"{module}.py").write_text(text.replace("PACKAGE", name))
        importlib.invalidate_caches()
        found = closure_of(f"{name}.{start}")
        modules = tuple((module.replace(name, "pkg"), digest) for module, digest in found.modules)
        return Closure(modules, found.versions)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Package(tmp_path)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    made = Sources(tmp_path / "edits", monkeypatch)
    yield made
    made.restore()


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Versions to be told instead of those installed."""

    class Told(dict[str, str]):
        def __setitem__(self, name: str, text: str) -> None:
            super().__setitem__(name, text)
            closure._version.cache_clear()

    told = Told()
    monkeypatch.setattr(closure, "version", lambda name: told.get(name) or version(name))
    yield told
    closure._version.cache_clear()


def names(closure: Closure) -> set[str]:
    return {name for name, _ in closure.modules}


# --- what changes a closure -------------------------------------------------------------------------------------------


def test_the_closure_is_the_module_and_its_helpers(package: Package) -> None:
    assert names(package.closure()) == {"pkg.method", "pkg.helper"}


def test_the_same_code_under_another_name_has_the_same_hashes(package: Package) -> None:
    assert package.closure() == package.closure()


@pytest.mark.parametrize(
    "text",
    [
        METHOD.replace("2.0", "2.5"),
        METHOD.replace("* SCALE", "/ SCALE"),
        METHOD.replace("x: float) -> float:\n        ", "x: float = 1) -> float:\n        "),
        METHOD + "\nEXTRA = 1\n",
        METHOD.replace('"A method."', '"A method."') + 'TEXT = """a text that is used"""\n',
        METHOD.replace("    def loss", "    @staticmethod\n    def loss"),
    ],
)
def test_changed_code_changes_the_closure(package: Package, text: str) -> None:
    assert package.closure(method=text).digest != package.closure().digest


@pytest.mark.parametrize(
    "text",
    [
        METHOD.replace("SCALE = 2.0", "# a comment\nSCALE = 2.0  # and another"),
        METHOD.replace('"""A method."""', '"""Another text."""'),
        METHOD.replace('    """It scales."""\n\n', ""),
        METHOD.replace('"""A loss."""', '"""A loss.\n\n        Longer.\n        """'),
        METHOD.replace("\n\n\n", "\n\n\n\n\n\n"),
        METHOD.replace(
            "double(x) * SCALE + math.pi", "(\n            double( x )*SCALE\n            + math.pi\n        )"
        ),
        METHOD.replace("SCALE = 2.0", "SCALE = (2.00)"),
        METHOD.replace("\n", "\r\n"),
    ],
    ids=["comments", "docstring", "no docstring", "long docstring", "blank lines", "formatting", "parentheses", "crlf"],
)
def test_changed_text_does_not_change_the_closure(package: Package, text: str) -> None:
    assert text != METHOD
    assert package.closure(method=text) == package.closure()


def test_a_changed_helper_changes_the_closure(package: Package) -> None:
    changed = package.closure(helper=HELPER.replace("2 * x", "3 * x"))
    assert dict(changed.modules)["pkg.method"] == dict(package.closure().modules)["pkg.method"]
    assert changed.digest != package.closure().digest
    assert package.closure(helper="# quietly\n" + HELPER) == package.closure()


@pytest.mark.parametrize(
    "line",
    [
        "from .helper import double",
        "from . import helper",
        "import PACKAGE.helper as helper",
        "from PACKAGE import helper",
        "from PACKAGE.helper import double as twice",
        "def late():\n    from . import helper",
        "if True:\n    import PACKAGE.helper",
        "try:\n    from .helper import double\nexcept ImportError:\n    double = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .helper import double",
        "class Late:\n    def loss(self):\n        from PACKAGE.helper import double",
        "from .helper import *",
        "from . import *",
        "from PACKAGE import *",
        "import importlib\nhelper = importlib.import_module('PACKAGE.helper')",
        "from importlib import import_module\nhelper = import_module('.helper', __package__)",
        "helper = __import__('PACKAGE.helper')",
    ],
)
def test_every_form_of_import_is_followed(package: Package, line: str) -> None:
    assert "pkg.helper" in names(package.closure(method=line + "\n"))


def test_imports_are_followed_through_helpers_and_in_circles(package: Package) -> None:
    closure = package.closure(helper="from . import deeper\n" + HELPER, deeper="from . import method\n")
    assert names(closure) == {"pkg.method", "pkg.helper", "pkg.deeper"}


def test_names_of_the_package_itself_are_followed(package: Package) -> None:
    first = package.closure(method="from . import LEVEL\n", __init__="LEVEL = 1\n")
    assert "pkg" in names(first)
    assert first.digest != package.closure(method="from . import LEVEL\n", __init__="LEVEL = 2\n").digest


def test_a_module_that_is_not_imported_does_not_count(package: Package) -> None:
    assert package.closure(other="X = 1\n") == package.closure(other="X = 2\n")


def test_a_package_that_is_bound_by_its_name_counts_with_all_it_holds(package: Package) -> None:
    """``import a.b`` binds ``a``, whose other modules are then to be had too; ``import a.b as b`` does not."""
    sources = {"__init__": "from . import other\n", "other": "X = 1\n"}
    assert "pkg.other" in names(package.closure(method="import PACKAGE.helper\n", **sources))
    assert "pkg.other" not in names(package.closure(method="import PACKAGE.helper as helper\n", **sources))


def test_a_relative_import_climbs_and_descends(package: Package) -> None:
    (package.root / "tree_of_a_test" / "inner" / "deep").mkdir(parents=True)
    for place, text in {
        "__init__.py": "",
        "shared.py": "X = 1\n",
        "inner/__init__.py": "",
        "inner/beside.py": "Y = 1\n",
        "inner/deep/__init__.py": "",
        "inner/deep/method.py": "from ... import shared\nfrom ..beside import Y\nfrom .below import Z\n",
        "inner/deep/below.py": "Z = 1\n",
    }.items():
        (package.root / "tree_of_a_test" / place).write_text(text)
    importlib.invalidate_caches()
    found = names(closure_of("tree_of_a_test.inner.deep.method"))
    assert found == {
        "tree_of_a_test.inner.deep.method",
        "tree_of_a_test.shared",
        "tree_of_a_test.inner.beside",
        "tree_of_a_test.inner.deep.below",
    }


def test_a_folder_without_an_init_is_followed(package: Package) -> None:
    (package.root / "bare_folder_of_a_test").mkdir()
    (package.root / "bare_folder_of_a_test" / "helper.py").write_text("X = 1\n")
    importlib.invalidate_caches()
    for line in ("from bare_folder_of_a_test import helper", "import bare_folder_of_a_test.helper"):
        assert "bare_folder_of_a_test.helper" in names(package.closure(method=line + "\n"))


@pytest.mark.parametrize(
    "text",
    [
        "this is no Python\n",
        "X = '\0'\n",
        "from ...... import beyond\n",
        "from . import nothing\n",
        "import_module()\n",
    ],
)
def test_a_helper_that_cannot_be_read_or_followed_still_counts(package: Package, text: str) -> None:
    """It may stand in a branch that is never taken: a plan does not fail for its sake, and an edit of it is seen."""
    first = package.closure(helper=text)
    assert "pkg.helper" in names(first)
    assert first.digest != package.closure(helper=text + "and_more = 1\n").digest


@pytest.mark.parametrize(
    "line",
    [
        "import importlib\nname = 'helper'\nhelper = importlib.import_module('PACKAGE.' + name)",
        "exec('from .helper import double')",
        "TEXT = open(__file__.replace('method.py', 'helper.py')).read()",
    ],
)
def test_what_is_known_only_when_it_runs_does_not_count(package: Package, line: str) -> None:
    """The limits that the module's docstring names."""
    assert names(package.closure(method=line + "\n")) == {"pkg.method"}


def test_nothing_is_executed(package: Package) -> None:
    closure = package.closure(method="from . import helper\nraise SystemExit\n", helper="raise SystemExit\n")
    assert names(closure) == {"pkg.method", "pkg.helper"}


# --- other distributions ----------------------------------------------------------------------------------------------


def test_other_distributions_count_by_their_version(package: Package) -> None:
    """By the distribution's name and not the module's; torch and numpy always; the standard library never."""
    text = "import os, json\nimport sklearn.cluster\nfrom scipy import stats\nimport ruamel.yaml\n"
    versions = dict(package.closure(method=text).versions)
    assert versions["scikit-learn"] == version("scikit-learn")
    assert versions["scipy"] == version("scipy")
    assert versions["torch"] == version("torch").partition("+")[0]
    assert versions["numpy"] == version("numpy")
    assert not {"os", "json", "sklearn", "ebmbench"} & set(versions)
    assert "scipy" not in dict(package.closure().versions)


def test_a_module_that_does_not_exist_has_no_version(package: Package) -> None:
    assert dict(package.closure(method="import nowhere_at_all\n").versions)["nowhere_at_all"] == "unknown"


def test_a_loose_module_counts_by_its_code(package: Package) -> None:
    (package.root / "loose_helper_of_a_test.py").write_text("LEVEL = 1\n")
    importlib.invalidate_caches()
    assert "loose_helper_of_a_test" in names(package.closure(method="import loose_helper_of_a_test\n"))


def installed(folder: Path, name: str, editable: bool) -> None:
    """A distribution of one module, as pip would have left it."""
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    url = {"url": "file:///somewhere", "dir_info": {"editable": editable}}
    (facts / "direct_url.json").write_text(canonical(url))
    (folder / f"{name}.py").write_text("LEVEL = 1\n")
    importlib.invalidate_caches()


@pytest.mark.parametrize("editable", [True, False])
def test_a_distribution_that_is_worked_on_counts_by_its_source(package: Package, editable: bool) -> None:
    """Its version says little: it is the same before an edit and after."""
    name = f"dist_of_a_test_{editable}".lower()
    installed(package.root, name, editable)
    found = package.closure(method=f"import {name}\n")
    assert (name in names(found)) is editable
    assert dict(found.versions).get(name) == (None if editable else "1.0")


def test_another_version_of_a_distribution_is_another_closure(package: Package, versions: dict[str, str]) -> None:
    first = package.closure(method="import scipy\n")
    without = package.closure()
    versions["scipy"] = "99.1"
    assert dict(package.closure(method="import scipy\n").versions) == dict(first.versions) | {"scipy": "99.1"}
    assert package.closure() == without, "it is not imported here"
    versions["torch"] = "99.2+cu999"
    assert dict(package.closure().versions)["torch"] == "99.2", "of which the kind of its build is no part"


# --- what is read anew ------------------------------------------------------------------------------------------------


def test_an_edit_is_seen_by_a_process_that_read_the_old_code(package: Package) -> None:
    (package.root / "edited_module_of_a_test.py").write_text("X = 1\n")
    importlib.invalidate_caches()
    first = closure_of("edited_module_of_a_test")
    (package.root / "edited_module_of_a_test.py").write_text("X = 2\n")
    assert closure_of("edited_module_of_a_test") == first, "within one plan a file is read once"
    forget()
    assert closure_of("edited_module_of_a_test").digest != first.digest


def test_a_single_file_that_was_edited_since_keeps_the_code_that_its_name_stands_for(single_files: Path) -> None:
    """A copy of the old text elsewhere is the old module, whose file now says something else."""
    first = closure_of(single_file(single_files, "mine", "EDITED_SINCE = 1\n"))
    (single_files / "mine.py").write_text("EDITED_SINCE = 2\n")
    forget()
    assert closure_of(single_file(single_files / "copy", "mine", "EDITED_SINCE = 1\n")) == first
    assert closure_of(single_file(single_files, "mine", "EDITED_SINCE = 2\n")) != first


# --- the facade -------------------------------------------------------------------------------------------------------


def test_a_name_of_the_facade_is_followed_to_where_it_is_defined(package: Package) -> None:
    found = names(package.closure(method="from ebmbench.api import GradientMethod\n"))
    assert "ebmbench.parts.gradient" in found
    assert "ebmbench.contracts.surface" in found  # what that imports
    assert "ebmbench.api" not in found
    assert "ebmbench.parts.samplers" not in found
    assert "ebmbench.contracts.surface" in names(package.closure(method="from ebmbench.api import input_gradient\n"))


def test_a_star_import_of_the_facade_is_followed(package: Package) -> None:
    found = names(package.closure(method="from ebmbench.api import *\n"))
    assert found == {"pkg.method", *names(closure_of(*filter(makes_numbers, api_table().values())))}
    assert "ebmbench.parts.gradient" in found


def test_the_facade_imported_as_a_module_is_followed(package: Package) -> None:
    for line in ("import ebmbench.api", "from ebmbench import api"):
        assert "ebmbench.parts.gradient" in names(package.closure(method=line + "\n"))


# --- what makes numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "makes"),
    [
        ("ebmbench.parts.nets", True),
        ("ebmbench.datasets.plane", True),
        ("ebmbench.truth.normalizer", True),
        ("ebmbench.metrics.evaluate", True),
        ("ebmbench.contracts.domain", True),
        ("ebmbench.training.components", True),
        ("ebmbench.training.measuring", True),
        ("ebmbench_plugins.c2_chosen_points.nce", True),
        ("somebody.elses", True),
        ("ebmbenchmark", True),
        ("ebmbench", False),
        ("ebmbench.errors", False),
        ("ebmbench.contracts.records", False),
        ("ebmbench.datasets.files", False),
        ("ebmbench.training.worker", False),
        ("ebmbench.training.snapshots", False),
        ("ebmbench.store.folders", False),
        ("ebmbench.report.markdown", False),
        ("ebmbench.execution.local", False),
    ],
)
def test_what_makes_numbers(module: str, makes: bool) -> None:
    """Of ebmbench only some rooms do; of everybody else everything may."""
    assert makes_numbers(module) is makes


def test_the_rooms_and_the_modules_that_are_named_exist() -> None:
    """Else a renamed one would silently count no more, or begin to count."""
    for name in (*NUMBERS, *SILENT):
        assert closure.module_path(name.rstrip(".")) is not None, name


@pytest.mark.parametrize(
    "line",
    [
        "from ebmbench.errors import UsageError",
        "import ebmbench.errors as errors",
        "from ebmbench.contracts.records import Track",
        "from ebmbench.store import folders",
        "from ebmbench.training.worker import main",
        "import importlib\nmain = importlib.import_module('ebmbench.session')",
        "from ebmbench.api import hookimpl, MethodSpec, NotApplicable",
    ],
)
def test_what_makes_no_number_is_not_followed(package: Package, line: str) -> None:
    assert names(package.closure(method=line + "\n")) == {"pkg.method"}


@pytest.mark.parametrize(
    ("call", "module"),
    [
        ("problem.energy_net()", "ebmbench.parts.nets"),
        ("problem.map_net()", "ebmbench.parts.nets"),
        ("problem.gaussian(scale=2.0)", "ebmbench.parts.noise"),
        ("map(lambda p: p.energy_net, problem)", "ebmbench.parts.nets"),
    ],
)
def test_what_a_problem_makes_is_followed_to_where_it_is_made(package: Package, call: str, module: str) -> None:
    """Nothing is imported for it."""
    assert module in names(package.closure(method=f"def build(problem):\n    return {call}\n"))
    assert module not in names(package.closure(method="def build(problem):\n    return energy_net(problem)\n"))


def test_an_edit_of_what_is_imported_of_ours_is_seen(package: Package, sources: Sources) -> None:
    text = "from ebmbench.api import GradientMethod\n"
    first = package.closure(method=text)
    sources.edit("ebmbench.parts.gradient", "\n# words alone\n")
    assert package.closure(method=text) == first
    sources.edit("ebmbench.parts.gradient")
    assert package.closure(method=text).digest != first.digest


# --- single files ----------------------------------------------------------------------------------------------------


def test_a_single_file_counts_by_its_code_and_not_by_its_place(single_files: Path) -> None:
    first = closure_of(single_file(single_files, "mine", "X = 1\n"))
    assert closure_of(single_file(single_files / "copy", "mine", "X = 1  # the same\n")) == first
    assert closure_of(single_file(single_files, "mine", "X = 2\n")).digest != first.digest


def test_the_public_name_of_a_single_file_has_no_hash_of_its_text() -> None:
    assert public_name(f"ebmbench_local_mine_{'0' * 16}:Mine") == public_name(f"ebmbench_local_mine_{'a' * 16}:Mine")
    assert public_name(f"ebmbench_local_mine_{'0' * 16}:Mine").endswith(":Mine")
    assert public_name("ebmbench_plugins.nce:NCE") == "ebmbench_plugins.nce:NCE"
