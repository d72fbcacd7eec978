"""``ebmbench compare``: two runs by suite, id or folder, of one results folder or of two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import ebmbench
from ebmbench.analysis.shifts import Change
from ebmbench.cli import group
from ebmbench.errors import UsageError
from ebmbench.store.runs import save_run
from tests.factories import Lab

FIRST, SECOND = "20260101-000000-12345678", "20260202-000000-87654321"


def lab(root: Path, kl: float, run_id: str) -> Lab:
    """Two methods on two datasets; the KL of nce is given."""
    made = Lab(root)
    for dataset in ("moons", "rings"):
        for seed in range(2):
            made.trial("nce", {"skill": 0.5, "kl": kl}, dataset=dataset, seed=seed)
            made.trial("gmm", {"skill": 0.5, "kl": 0.25}, dataset=dataset, seed=seed)
    save_run(made.result(suite="smoke", run_id=run_id))
    (root / "smoke" / "latest").write_text(run_id + "\n")
    return made


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab(tmp_path_factory.mktemp("here"), 0.25, FIRST).root


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab(tmp_path_factory.mktemp("there"), 0.5, SECOND).root


def compare(results: Path, *args: str) -> Result:
    return CliRunner().invoke(group, ["compare", *args, "--results", str(results)], standalone_mode=False)


def test_a_run_against_itself_by_name_and_by_id(here: Path) -> None:
    done = compare(here, "smoke", FIRST)
    assert done.exit_code == 0, done.exception
    assert "Of 2 methods on 2 datasets (8 pairs of trials), all are identical." in " ".join(done.stdout.split())


def test_a_folder_of_other_results_has_its_own_trials(here: Path, there: Path) -> None:
    """Their keys are the same here, and their numbers are not."""
    done = compare(here, "smoke", str(there / "smoke" / "runs" / SECOND), "--format", "json")
    assert done.exit_code == 0, done.exception
    document = json.loads(done.stdout)
    assert document["methods"] == {"nce": "worse", "gmm": "identical"}
    assert (document["a"]["run_id"], document["b"]["run_id"]) == (FIRST, SECOND)


def test_a_file_is_markdown_or_json(here: Path, tmp_path: Path) -> None:
    for args, begins in (((), "# What changed\n"), (("--format", "json"), "{\n")):
        done = compare(here, "smoke", "smoke", "-o", str(tmp_path / "out"), *args)
        assert (done.exit_code, done.stdout) == (0, "")
        assert (tmp_path / "out").read_text().startswith(begins)
    assert compare(here, "smoke", "smoke", "--format", "md").stdout.startswith("# What changed\n")
    refused = compare(here, "smoke", "smoke", "-o", str(tmp_path / "nowhere" / "out"))
    assert "cannot be written: No such file or directory" in str(refused.exception)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smok", "no run 'smok' in {}; did you mean 'smoke'?"),
        ("20260101-000000-12345679", f"no run '20260101-000000-12345679' in {{}}; did you mean '{FIRST}'?"),
        ("../smoke", "no run '../smoke' in {}; did you mean 'smoke'?"),
        ("", f"no run '' in {{}}; known: {FIRST}, smoke"),
    ],
)
def test_the_nearest_name_is_suggested(here: Path, name: str, said: str) -> None:
    done = compare(here, "smoke", name)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == said.format(here)


def test_a_run_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    root = lab(tmp_path, 0.25, FIRST).root
    folder = root / "smoke" / "runs" / FIRST
    (folder / "run.json").write_text("{}")
    for name in ("smoke", FIRST, str(folder)):
        done = compare(root, name, name)
        assert isinstance(done.exception, UsageError)
        assert "cannot be read: it is damaged, or another version's" in str(done.exception)


def test_runs_without_a_common_trial_end_well(here: Path, tmp_path: Path) -> None:
    other = Lab(tmp_path)
    other.trial("pcd", {"skill": 0.5, "kl": 0.25}, dataset="moons")
    save_run(other.result(suite="smoke", run_id=SECOND))
    done = compare(here, "smoke", str(tmp_path / "smoke" / "runs" / SECOND))
    assert done.exit_code == 0
    assert "The two runs have no trial in common." in done.stdout


def test_from_python(here: Path, there: Path) -> None:
    found = ebmbench.compare(ebmbench.load("smoke", here), ebmbench.load("smoke", there))
    assert found.words == {"nce": Change.WORSE, "gmm": Change.IDENTICAL}
    assert found.shared == 0
