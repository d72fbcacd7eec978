"""Suite files: what is read, and the one sentence that says what is wrong and where."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ebmbench.suite.errors import UsageError
from ebmbench.suite.loading import MAX_BYTES, read_suite
from ebmbench.suite.schema import Suite, parse_duration, parse_size

VALID = """\
name: trial
datasets: [moons, {name: rings, sigma: 0.1}]
methods:
  - oracle
  - {name: nce, lr: 1e-3}
  - {name: gmm, label: few, grid: {components: [8, 32]}, select: nll_validation}
budget: {passes: 1_000}
seeds: 2
devices: [cpu, {device: cpu, dtype: float64}]
timeout: 5m
memory: 4GB
"""

Read = Callable[..., Suite]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a text (or bytes) as the file suite.yaml, with ``--set`` overrides."""

    def run(content: str | bytes, *overrides: str) -> Suite:
        path = tmp_path / "suite.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_suite(str(path), overrides)[0]

    return run


def refusal(read: Read, content: str | bytes, *overrides: str) -> str:
    """The error's text, without the folder."""
    with pytest.raises(UsageError) as caught:
        read(content, *overrides)
    text = str(caught.value)
    return text[text.index("suite.yaml") :] if "suite.yaml" in text else text


def changed(old: str, new: str) -> str:
    assert old in VALID
    return VALID.replace(old, new)


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_valid_suite(read: Read) -> None:
    suite = read(VALID)
    assert suite.name == "trial"
    assert [entry.row for entry in suite.methods] == ["oracle", "nce", "few"]
    assert suite.datasets[1].params == {"sigma": 0.1}
    assert suite.budget.passes == 1000
    assert suite.budget.steps is None
    assert suite.seeds == (0, 1)
    assert [profile.name for profile in suite.devices] == ["cpu", "cpu-float64"]
    assert (suite.timeout, suite.memory) == (300.0, 4_000_000_000)


def test_a_number_in_scientific_notation_is_a_float(read: Read) -> None:
    """YAML 1.1 reads 1e-3 without a dot as a text."""
    value = read(VALID).methods[1].params["lr"]
    assert value == 1e-3
    assert type(value) is float


def test_yes_and_no_are_not_truths(read: Read) -> None:
    """The Norway problem: YAML 1.1 reads `no` as false."""
    assert read(changed("lr: 1e-3", "a: no, b: true")).methods[1].params == {"a": "no", "b": True}


def test_labels_and_grids(read: Read) -> None:
    entry = read(VALID).methods[2]
    assert (entry.name, entry.label, entry.row) == ("gmm", "few", "few")
    assert entry.grid == {"components": [8, 32]}
    assert entry.params == {}
    assert entry.select == "nll_validation"


def test_defaults(read: Read) -> None:
    suite = read("name: a\ndatasets: [moons]\nmethods: [nce]\nbudget: {steps: 10}\n")
    assert (suite.seeds, suite.metrics, suite.data.train) == ((0, 1, 2), "core", "stream")
    assert [profile.name for profile in suite.devices] == ["cpu"]


def test_seeds_may_be_listed_and_given_from_outside(read: Read, tmp_path: Path) -> None:
    assert read(changed("seeds: 2", "seeds: [7, 3]")).seeds == (7, 3)
    assert read_suite(str(tmp_path / "suite.yaml"), (), 4)[0].seeds == (0, 1, 2, 3)


@pytest.mark.parametrize("content", [VALID.encode("utf-8-sig"), VALID.replace("\n", "\r\n").encode()])
def test_files_of_other_editors(read: Read, content: bytes) -> None:
    """A byte order mark, and the line ends of Windows."""
    assert read(content) == read(VALID)


def test_anchors_and_merges(read: Read) -> None:
    text = changed("seeds: 2", "net: &n {width: 32}").replace("budget:", "data: {validation: &v 50, test: *v}\nbudget:")
    suite = read(text)
    assert (suite.net.width, suite.data.validation, suite.data.test) == (32, 50, 50)


@pytest.mark.parametrize("name", ["smoke", "toy2d"])
def test_shipped_suites_are_found_by_name(name: str) -> None:
    suite, source = read_suite(name)
    assert suite.name == name
    assert source.path.name == f"{name}.yaml"


# --- what is wrong, and where -----------------------------------------------------------------------------------------


def test_an_unknown_key_names_the_place_and_the_nearest(read: Read) -> None:
    text = refusal(read, changed("{passes: 1_000}", "{pases: 1_000}"))
    first, line, caret = text.splitlines()
    assert first == "suite.yaml:7:10: unknown key 'pases'; did you mean 'passes'?"
    assert line == "    budget: {pases: 1_000}"
    assert caret == " " * (4 + 9) + "^"


@pytest.mark.parametrize(
    ("old", "new", "nearest"),
    [("seeds: 2", "seedz: 2", "seeds"), ("seeds: 2", "net: {widht: 3}", "width"), ("timeout", "time_out", "timeout")],
)
def test_unknown_keys_suggest_the_nearest(read: Read, old: str, new: str, nearest: str) -> None:
    assert f"did you mean '{nearest}'?" in refusal(read, changed(old, new))


def test_an_unknown_key_with_a_block_below_shows_its_own_line(read: Read) -> None:
    text = refusal(read, VALID + "nett:\n  width: 3\n")
    assert text.splitlines()[0].startswith("suite.yaml:12:1: unknown key 'nett'")
    assert "nett:" in text.splitlines()[1]


def test_a_duplicate_key_is_an_error(read: Read) -> None:
    text = refusal(read, VALID + "name: again\n")
    assert text.splitlines()[0] == 'suite.yaml:12:1: found duplicate key "name"'
    assert text.splitlines()[1].strip() == "name: again"


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "says"),
    [
        ("passes: 1_000", "passes: -5", 7, 18, "budget.passes: input should be greater than 0, got -5"),
        ("passes: 1_000", "passes: many", 7, 18, "budget.passes: input should be a valid integer"),
        ("{passes: 1_000}", "{}", 7, 9, "a budget names either passes or steps"),
        ("passes: 1_000", "passes: 1, steps: 2", 7, 9, "a budget names either passes or steps"),
        ("seeds: 2", "seeds: some", 8, 8, "seeds: expected how many, or a list of them, got 'some'"),
        ("seeds: 2", "seeds: 0", 8, 8, "seeds: "),
        ("seeds: 2", "seeds: [0, -1]", 8, 12, "seeds.1: input should be greater than or equal to 0, got -1"),
        ("seeds: 2", "seeds: true", 8, 8, "seeds: "),
        ("  - oracle", "  - 3", 4, 5, "methods.0: expected a name, or a mapping with a name, got 3"),
        ("{name: nce, lr: 1e-3}", "{lr: 1e-3}", 5, 5, "'methods.1.name' is missing"),
        ("[8, 32]", "[]", 6, 35, "the grid of components is empty"),
        ("[8, 32]", "8", 6, 48, "methods.2.grid.components: input should be a valid list, got 8"),
        ("cpu, {", "tpu, {", 9, 11, "devices.0.device: string should match pattern"),
        ("timeout: 5m", "timeout: 5 parsecs", 10, 10, "timeout: expected a positive duration such as 90s, 5m or 2h"),
        ("memory: 4GB", "memory: -4GB", 11, 9, "memory: expected a positive size such as 500MB or 4GB"),
        ("memory: 4GB", "net: {features: 63}", 11, 6, "features (63) must be a multiple of the number of scales"),
    ],
)
def test_a_wrong_value_names_its_place(read: Read, old: str, new: str, line: int, column: int, says: str) -> None:
    text = refusal(read, changed(old, new))
    first, shown, caret = text.splitlines()
    assert first.startswith(f"suite.yaml:{line}:{column}: ")
    assert says in first
    assert shown[4:] == changed(old, new).splitlines()[line - 1]
    assert caret == " " * (column + 3) + "^"


def test_a_missing_key_is_named(read: Read) -> None:
    assert "'budget' is missing" in refusal(read, changed("budget: {passes: 1_000}\n", ""))


@pytest.mark.parametrize("name", ["../../etc", "a/b", "a\\b", ".hidden", "", "a" * 81, "a b", '"\\e[31m"', "-x", "ä"])
def test_a_name_with_a_path_in_it_is_refused(read: Read, name: str) -> None:
    text = refusal(read, changed("name: trial", f"name: {name or repr('')}"))
    assert text.startswith("suite.yaml:1:7: name: ")
    assert "\x1b" not in text


def test_a_label_with_a_path_in_it_is_refused(read: Read) -> None:
    text = refusal(read, changed("label: few", "label: ../few"))
    assert "methods.2.label: a name has letters, digits, '_', '-' and '.', at most 80, and no path" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("- a\n- b\n", "expected a mapping with name, datasets, methods; got a list"),
        ("hello\n", "expected a mapping with name, datasets, methods; got a str"),
        (bytes(range(256)), "not a text file in UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "not a YAML file"),
        ("name: a\0b\n", "not a YAML file"),
        ("name: [a\n", "suite.yaml:2:1: "),
        ("data:\n\ttrain: 5\n", "suite.yaml:2:1: found character '\\t' that cannot start any token"),
        ("name: *nobody\n", "suite.yaml:1:7: found undefined alias 'nobody'"),
        (VALID + "---\n" + VALID, "suite.yaml:12:1: "),
        (VALID + "started: 2020-13-45\n", "not a YAML file"),
        ("plugins: " + "[" * 3000, "is nested too deeply"),
        ("seeds: " + "9" * 5000, "not a YAML file"),
        ("#" * (MAX_BYTES + 1), "larger than"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "bytes",
)
def test_what_is_not_a_suite_file_is_one_sentence(read: Read, content: str | bytes, says: str) -> None:
    text = refusal(read, content)
    assert says in text
    assert len(text) < 500


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        read_suite(str(tmp_path))


SHIPPED = ", ".join(sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "suites").glob("*.yaml")))


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("toy2", "no suite is called 'toy2'; did you mean 'toy2d'?"),
        ("suites/toy2dd.yaml", "there is no such file; did you mean 'toy2d'?"),
        ("nothing/like/it.yml", f"there is no such file; known: {SHIPPED}"),
        ("x\0y", "there is no such file"),
        ("", ""),
        ("../toy2d", "there is no such file"),
    ],
)
def test_a_missing_file_suggests(reference: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_suite(reference)
    assert says in str(caught.value)


def test_a_reference_that_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError):
        read_suite("a" * 300)


@pytest.mark.parametrize(
    "content",
    [
        '!!python/object/apply:os.system ["echo hi"]\n',
        changed("name: trial", "name: !!python/name:os.system trial"),
        changed("name: trial", "name: !mine trial"),
        changed("[cpu,", "!!python/object/apply:os.system [cpu,"),
        changed("{passes: 1_000}", "!!python/object:os.x {passes: 1_000}"),
        "!!python/object:os.x\n" + VALID,
    ],
    ids=["file", "text", "own tag", "list", "mapping", "whole mapping"],
)
def test_tags_are_refused(read: Read, content: str) -> None:
    """Nothing is ever made of them; that they stand there is an error."""
    assert refusal(read, content).startswith("suite.yaml")


@pytest.mark.parametrize(
    "line",
    [
        "memory: " + "9" * 400,
        "seeds: 1000000000000000",
        "seeds: 100000000000000000000",
        "plugins: &a [*a]",
    ],
    ids=["memory", "seeds", "more seeds", "recursion"],
)
def test_absurd_values_are_refused(read: Read, line: str) -> None:
    """Values whose meaning cannot be held in memory: an error of the file and not of Python."""
    key = line.partition(":")[0]
    kept = "".join(text for text in VALID.splitlines(keepends=True) if not text.startswith(f"{key}:"))
    assert refusal(read, kept + line + "\n").startswith(f"suite.yaml:{len(kept.splitlines()) + 1}:")


BOMB = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (4, 4))
from ebmbench.suite.errors import UsageError
from ebmbench.suite.loading import read_suite
try:
    read_suite(sys.argv[1])
except UsageError:
    print("refused")
"""


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    """Nine levels of nine aliases: half a kilobyte that stands for 400 million values."""
    levels = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
    levels += [f"a{k}: &a{k} [" + ", ".join([f"*a{k - 1}"] * 9) + "]" for k in range(1, 9)]
    path = tmp_path / "suite.yaml"
    path.write_text(VALID + "\n".join(levels) + "\n")
    ended = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "refused"


# --- --set ------------------------------------------------------------------------------------------------------------


def test_set_replaces_a_nested_value(read: Read) -> None:
    assert read(VALID, "budget.passes=77").budget.passes == 77
    assert read(VALID, "name=other", "seeds=[5]").seeds == (5,)


def test_set_creates_what_is_not_there(read: Read) -> None:
    suite = read(VALID, "net.width=32", "data.train=100")
    assert (suite.net.width, suite.data.train) == (32, 100)


def test_set_reaches_into_lists_by_name_label_and_index(read: Read) -> None:
    suite = read(VALID, "methods.nce.lr=2e-3", "methods.few.init=5", "methods.0.extra=1", "datasets.moons.sigma=0.3")
    assert suite.methods[1].params == {"lr": 2e-3}
    assert suite.methods[2].params == {"init": 5}
    assert suite.methods[0].params == {"extra": 1}
    assert suite.datasets[0].params == {"sigma": 0.3}


def test_set_replaces_an_entry(read: Read) -> None:
    suite = read(VALID, "methods.nce=pcd", "devices.0={device: cpu, threads: 2}")
    assert suite.methods[1].name == "pcd"
    assert suite.devices[0].threads == 2


def test_set_reads_its_values_as_yaml(read: Read) -> None:
    params = read(VALID, "methods.nce.a=1e-4", "methods.nce.b=[1, two]", "methods.nce.c=null").methods[1].params
    assert params == {"lr": 1e-3, "a": 1e-4, "b": [1, "two"], "c": None}


def test_later_settings_win(read: Read) -> None:
    assert read(VALID, "seeds=3", "seeds=4").seeds == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("budget", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("", "expected KEY=VALUE"),
        ("seeds=[", "the value is not valid YAML"),
        (
            "name=!!python/object/apply:os.system [echo]",
            "python/object/apply:os) means nothing in a suite",
        ),
        ("name.x=3", "a single value has no 'x' inside"),
        ("name.x.y=3", "a single value has no 'x' inside"),
        ("methods.ncee.lr=1", "no entry 'ncee'; did you mean 'nce'?"),
        ("methods.9.lr=1", "no entry '9'"),
        ("methods.-1.lr=1", "no entry '-1'"),
        ("nett.width=3", "unknown key 'nett'; did you mean 'net'?"),
        ("budget.passes=-3", "budget.passes: input should be greater than 0, got -3"),
        ("net.width=-3", "net.width: input should be greater than or equal to 1, got -3"),
    ],
)
def test_a_setting_that_cannot_be_made_says_why(read: Read, override: str, says: str) -> None:
    assert says in refusal(read, VALID, override)


@pytest.mark.parametrize(
    "override",
    [
        "methods.oracle.label=../x",
        "name=2020-13-45",
        "methods.².lr=1",
        "name=" + "[" * 3000,
    ],
)
def test_a_setting_never_crashes(read: Read, override: str) -> None:
    assert refusal(read, VALID, override)


# --- durations and sizes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("2min", 120),
        ("1.5h", 5400),
        ("1d", 86400),
        ("250ms", 0.25),
        (" 3 s ", 3),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "value", [0, -1, "0s", "-5m", "", "5 parsecs", "m", "5mm", True, None, [5], "1e3", float("inf")]
)
def test_durations_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a positive duration"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (12, 12),
        ("12", 12),
        ("12B", 12),
        ("4GB", 4_000_000_000),
        ("500MB", 500_000_000),
        ("2GiB", 2 << 30),
        ("1.5 kb", 1500),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes(value: object, size: int) -> None:
    assert parse_size(value) == size


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0GB",
        "",
        "4GBs",
        "4G",
        "GB",
        True,
        None,
        [4],
        "1e9",
        "4iB",
        0.1,
    ],
)
def test_sizes_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a positive size"):
        parse_size(value)
