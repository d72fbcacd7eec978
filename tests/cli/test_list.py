"""``ebmbench list``: tables and records of what the plugins offer; broken ones are a line in red."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ebmbench.cli import group
from ebmbench.errors import UsageError

STRATEGIES = ["C1", "C2", "C3", "A1", "A2", "A3", "A4"]

PLUGIN = """
from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods():
    yield MethodSpec("NAME", "nowhere:Nothing", Strategy.A4, EnergyKind.RANKING, "SUMMARY")
"""

BROKEN = {
    "raises": ("raise RuntimeError('boom')", "RuntimeError: boom"),
    "does not parse": ("def broken(:", "SyntaxError: "),
    "imports what is not there": ("import no_such_module_here", "ModuleNotFoundError: No module named"),
    "leaves": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "hook raises": (
        "from ebmbench.api import hookimpl\n\n@hookimpl\ndef ebmbench_methods():\n    raise KeyError('lost')",
        "ebmbench_methods: KeyError: 'lost'",
    ),
    "yields what is no record": (
        "from ebmbench.api import hookimpl\n\n@hookimpl\ndef ebmbench_methods():\n    yield 'nce'",
        "ebmbench_methods: expected a MethodSpec, got str",
    ),
    "unknown hook": (
        "from ebmbench.api import hookimpl\n\n@hookimpl\ndef ebmbench_metods():\n    return []",
        "there is no hook 'ebmbench_metods'; did you mean 'ebmbench_methods'?",
    ),
    "drives the terminal": (
        "raise RuntimeError('\\x1b]0;title\\x07')",
        "RuntimeError: \N{REPLACEMENT CHARACTER}]0;title",
    ),
}
LEAVING_HOOK = "import sys\nfrom ebmbench.api import hookimpl\n\n@hookimpl\ndef ebmbench_methods():\n    sys.exit(0)"


def ebmbench(*args: str, color: bool = False) -> Result:
    return CliRunner().invoke(group, list(args), color=color, standalone_mode=False)


def records(*args: str) -> list[dict[str, Any]]:
    done = ebmbench("list", *args, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.replace("NAME", "mine").replace("SUMMARY", "my own"))
    return path


def test_methods_as_records() -> None:
    methods = {record["name"]: record for record in records("methods")}
    assert {"mle_grid", "nce", "pcd", "dae", "kmeans", "gmm", "sparse_coding", "cae", "dsm"} <= set(methods)
    assert {"oracle", "untrained", "gaussian"} <= set(methods)
    for record in methods.values():
        assert list(record) == ["name", "strategy", "kind", "summary", "owner"]
        assert all(isinstance(value, str) and value for value in record.values())
    assert methods["nce"]["strategy"] == "C2"
    assert methods["nce"]["kind"] == "normalized"
    assert methods["nce"]["owner"] == "ebmbench:c2_chosen_points"
    assert methods["oracle"]["strategy"] == "reference"


def test_methods_come_in_the_order_of_the_strategies() -> None:
    order = [*STRATEGIES, "reference"]
    seen = [order.index(record["strategy"]) for record in records("methods")]
    assert seen == sorted(seen)
    assert set(seen) == set(range(8)), "every strategy has a method"


def test_methods_are_what_is_listed_by_default() -> None:
    assert records() == records("methods")


def test_the_seven_strategies() -> None:
    strategies = records("strategies")
    assert [record["name"] for record in strategies] == STRATEGIES
    by_name = {record["name"]: record for record in strategies}
    assert by_name["C3"]["summary"] == "train a function that maps points off the data manifold to points on it"
    assert {by_name[name]["family"] for name in STRATEGIES[:3]} == {"contrastive"}
    assert {by_name[name]["family"] for name in STRATEGIES[3:]} == {"architectural"}
    listed = {record["name"]: record["strategy"] for record in records("methods")}
    for record in strategies:
        assert set(record["methods"]) == {name for name, strategy in listed.items() if strategy == record["name"]}


def test_datasets() -> None:
    datasets = records("datasets")
    assert {r["name"] for r in datasets} >= {"8gaussians", "moons", "checkerboard_s", "rings", "pink_spiral"}
    assert all(record["summary"] and record["owner"] == "ebmbench:datasets" for record in datasets)


def test_metrics() -> None:
    metrics = {record["name"]: record for record in records("metrics")}
    assert {"skill", "kl", "kl_reverse", "tv", "nll", "nll_excess", "fisher", "spearman", "auroc", "v95_ratio"} <= set(
        metrics
    )
    assert {"beta", "mass_outside", "mmd2", "sliced_wasserstein", "mode_mass_error", "log_z_error"} <= set(metrics)
    assert metrics["kl"]["variants"] == ["raw", "beta", "iso"]
    assert metrics["kl"]["unit"] == "nats"
    assert metrics["skill"]["direction"] == "up"
    assert metrics["mmd2"]["variants"] == ["common", "native"]


def test_tracks() -> None:
    tracks = {record["name"]: record for record in records("tracks")}
    assert {"plane", "binary", "user_data"} <= set(tracks)
    assert all(list(record) == ["name", "summary", "owner"] for record in tracks.values())
    assert tracks["binary"]["summary"].startswith("bits")


def test_the_methods_of_a_track_are_those_that_work_on_its_data() -> None:
    """What takes a context, what is made for one alone, what takes none, and what works on bits."""
    given = {record["name"] for record in records("methods", "--track", "conditional")}
    assert {"oracle", "least_squares", "nce", "pcd", "dae", "mdn", "kmeans_net", "vae", "cae", "dsm"} <= given
    assert not {"kmeans", "gmm", "pca", "mpf", "independent"} & given
    plane = {record["name"] for record in records("methods", "--track", "plane")}
    assert {"kmeans", "gmm", "nce"} <= plane
    assert not {"mdn", "least_squares", "mpf"} & plane
    assert {record["name"] for record in records("datasets", "--track", "binary")} == {
        *("bars_and_stripes", "ising", "boltzmann")
    }


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("methods", "--track", "conditionl"), "unknown track 'conditionl'; did you mean 'conditional'?"),
        (("metrics", "--track", "plane"), "--track: metrics belong to no track; expected methods or datasets"),
    ],
)
def test_a_track_that_is_none_is_said(args: tuple[str, ...], said: str) -> None:
    found = ebmbench("list", *args).exception
    assert isinstance(found, UsageError)
    assert said in str(found)


def test_reporters() -> None:
    reporters = {record["name"]: record for record in records("reporters")}
    assert {"md", "csv", "metrics", "png", "json"} <= set(reporters)
    assert reporters["md"]["product"] == "leaderboard.md"
    assert reporters["json"]["product"] == "", "made on demand only"


def test_plugins(plugin: Path) -> None:
    owners = {record["name"]: record["status"] for record in records("plugins", "-p", str(plugin))}
    assert owners["ebmbench:c2_chosen_points"] == "ok"
    assert owners[str(plugin)] == "ok"


@pytest.mark.long
@pytest.mark.parametrize("what", ["methods", "strategies", "datasets", "metrics", "tracks", "reporters", "plugins"])
def test_a_table_names_every_record(what: str) -> None:
    done = ebmbench("list", what)
    assert done.exit_code == 0
    names = [record["name"] for record in records(what)]
    assert [name for name in names if name not in done.stdout] == []
    assert "\x1b" not in done.stdout, "no colors when it is not a terminal"


@pytest.mark.parametrize("before", [True, False])
def test_a_file_is_a_plugin(plugin: Path, before: bool) -> None:
    """Given before the verb or after it."""
    option = ["-p", str(plugin)]
    args = [*option, "list", "--json"] if before else ["list", "--json", *option]
    mine = next(record for record in json.loads(ebmbench(*args).stdout) if record["name"] == "mine")
    assert mine == {
        "name": "mine",
        "strategy": "A4",
        "kind": "ranking",
        "summary": "my own",
        "owner": str(plugin),
    }


@pytest.mark.long
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_one_red_line(tmp_path: Path, fault: str) -> None:
    text, reason = BROKEN[fault]
    path = tmp_path / "broken.py"
    path.write_text(text)
    done = ebmbench("list", "methods", "--json", "-p", str(path), color=True)
    assert done.exit_code == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"\x1b[31mbroken plugin {path}: ")
    assert reason in done.stderr
    assert "\x07" not in done.stderr
    assert json.loads(done.stdout) == records("methods"), "all else works"
    found = {
        record["name"]: record for record in json.loads(ebmbench("list", "plugins", "--json", "-p", str(path)).stdout)
    }
    assert reason in found[str(path)]["error"] or "broken" in {record["status"] for record in found.values()}


def test_a_hook_that_leaves_is_one_red_line(tmp_path: Path) -> None:
    path = tmp_path / "leaving.py"
    path.write_text(LEAVING_HOOK)
    done = ebmbench("list", "methods", "--json", "-p", str(path))
    assert done.stdout, "it ended before anything was said"
    assert json.loads(done.stdout) == records("methods")
    assert "SystemExit" in done.stderr


def test_a_missing_file_is_one_red_line(tmp_path: Path) -> None:
    done = ebmbench("list", "-p", str(tmp_path / "none.py"))
    assert done.exit_code == 0
    assert done.stderr.count("\n") == 1
    assert "none.py" in done.stderr
    assert "cannot be read: No such file or directory" in done.stderr


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """The first keeps it; both owners are named."""
    path = tmp_path / "second.py"
    path.write_text(PLUGIN.replace("NAME", "nce"))
    done = ebmbench("list", "methods", "--json", "-p", str(path))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == records("methods")
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert "method 'nce' is already offered by ebmbench:c2_chosen_points" in done.stderr


def test_a_summary_cannot_drive_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.replace("NAME", "mine").replace("SUMMARY", "\\x1b]0;title\\x07[red]"))
    done = ebmbench("list", "-p", str(path))
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "[red]" in done.stdout, "nor is it markup"
