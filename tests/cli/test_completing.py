"""What a shell is offered, as the shell asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from ebmbench.cli import group


def offered(*words: str, incomplete: str = "") -> list[str]:
    """The completions of a line."""
    complete = ShellComplete(group, {}, "ebmbench", "_EBMBENCH_COMPLETE")
    return [item.value for item in complete.get_completions(list(words), incomplete) if item.type == "plain"]


def test_verbs_suites_and_options() -> None:
    assert offered(incomplete="che") == ["check"]
    assert {"toy2d", "smoke"} <= set(offered("run"))
    assert offered("run", incomplete="smo") == ["smoke"]
    assert offered("run", "smoke", incomplete="--retry") == ["--retry-failed"]
    assert offered("gate", "--suite", incomplete="toy") == ["toy2d"]


def test_methods_datasets_and_metrics() -> None:
    assert offered("info", incomplete="kmean") == ["kmeans", "kmeans_free", "kmeans_net", "kmeans_sgd"]
    assert {"moons", "mmd2"} <= set(offered("info", incomplete="m"))
    assert "nce" in offered("check", incomplete="n")


def test_runs_of_the_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "elsewhere" / "mine" / "runs" / "20260131-094500-1a2b3c4d"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert offered("report") == []
    assert offered("report", "--results", "elsewhere") == ["mine", run.name]
    assert offered("compare", "--results", "elsewhere", incomplete="2026") == [run.name]
