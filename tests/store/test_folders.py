"""Trial folders: whole files or none, DONE last, and nothing that was damaged counts as done."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.store import folders
from ebmbench.store.files import append_line, digest, write_atomic
from ebmbench.store.folders import MILESTONES, SNAPSHOT, Store, TrialFolder, missing_metrics
from ebmbench.store.records import MetricCell, Point, Value
from tests.factories import make_attempt, make_cell, make_measurements, make_spec, make_training

OK = make_attempt(total_seconds=1.5)
TRAINING = make_training(steps=5, passes=15)


def metric(name: str, code: str = "1") -> MetricCell:
    return make_cell(name, code=code)


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    """A trial that ended well."""
    made = Store(tmp_path).trial_folder(make_spec().key)
    made.begin(make_spec())
    made.file("model.pt").write_bytes(b"weights" * 100)
    made.file("surface.npz").write_bytes(b"surface" * 100)
    write_atomic(made.file("TRAINED"), TRAINING.model_dump_json())
    measured = make_measurements({"kl": 1.0}, code={"kl": "1"})
    write_atomic(made.file("metrics.json"), measured.model_dump_json())
    made.finish(OK)
    return made


# --- DONE ------------------------------------------------------------------------------------------------------------


def test_done_holds_size_and_hash_of_each_file(folder: TrialFolder) -> None:
    done = json.loads(folder.file("DONE").read_text())
    assert done["status"] == "ok"
    assert set(done["files"]) == {"trial.json", "model.pt", "surface.npz", "TRAINED", "metrics.json", "attempts.jsonl"}
    for name, facts in done["files"].items():
        content = folder.file(name).read_bytes()
        assert facts == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_done_is_written_last(folder: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies at any write before it leaves a folder that is not done."""
    written = []
    real = write_atomic

    def note(path: Path, content: str | bytes) -> None:
        written.append((path.name, folder.file("attempts.jsonl").exists()))
        real(path, content)

    folder.begin(make_spec())
    folder.file("attempts.jsonl").unlink()
    monkeypatch.setattr(folders, "write_atomic", note)
    assert folder.status() is None
    folder.finish(OK)
    assert written == [("DONE", True)]
    assert folder.status() is Status.OK


@pytest.mark.parametrize("status", list(Status))
def test_the_status_is_what_was_recorded(folder: TrialFolder, status: Status) -> None:
    folder.seal(status)
    assert folder.status() is status


def test_a_line_in_the_log_changes_nothing(folder: TrialFolder) -> None:
    append_line(folder.file("log.txt"), "later")
    assert folder.check() == (Status.OK, "")


# --- damage ----------------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


DAMAGE = [flip, truncate, empty, remove]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["trial.json", "metrics.json", "TRAINED", "attempts.jsonl"])
def test_a_damaged_record_is_not_done(folder: TrialFolder, name: str, damage: Callable[[Path], None]) -> None:
    assert folder.check() == (Status.OK, "")
    damage(folder.file(name))
    status, reason = folder.check()
    assert status is None
    assert reason.startswith(name), "it is said what is wrong"


@pytest.mark.parametrize("damage", [truncate, empty, remove])
@pytest.mark.parametrize("name", ["model.pt", "surface.npz"])
def test_an_artifact_of_another_size_is_not_done(
    folder: TrialFolder, name: str, damage: Callable[[Path], None]
) -> None:
    damage(folder.file(name))
    assert folder.status() is None


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["model.pt", "surface.npz", "metrics.json"])
def test_a_damaged_artifact_is_seen_when_it_is_read(
    folder: TrialFolder, name: str, damage: Callable[[Path], None]
) -> None:
    assert folder.verified(name) == folder.file(name)
    damage(folder.file(name))
    with pytest.raises(UsageError, match=f"{name}: missing, or not what was written"):
        folder.verified(name)
    assert folder.check()[1], "and the next run knows it"


@pytest.mark.parametrize("position", [0.0, 0.25, 0.5, 0.75, 0.999])
def test_no_flipped_bit_of_done_makes_another_status(folder: TrialFolder, position: float) -> None:
    content = folder.file("DONE").read_bytes()
    place = int(position * len(content))
    for bit in range(8):
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        folder.file("DONE").write_bytes(flipped)
        assert folder.status() in (None, Status.OK)


def test_what_is_quarantined_is_whole_and_leaves_the_place_free(folder: TrialFolder, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    claim = folder.claim()
    places = [folder.quarantine(Store(tmp_path))]
    assert {path.name: path.read_bytes() for path in places[0].iterdir()} == before
    assert [path.name for path in folder.path.iterdir()] == [".run.lock"]
    assert claim is not None
    assert folder.claim() is None, "the claim outlives it"
    folder.begin(make_spec())
    places.append(folder.quarantine(Store(tmp_path)))
    assert [place.name for place in places] == [f"{make_spec().key}-1", f"{make_spec().key}-2"]


def test_a_model_that_was_damaged_before_it_was_measured_is_trained_again(folder: TrialFolder) -> None:
    """There is no DONE yet that could tell."""
    sha256 = {name: digest(folder.file(name)) for name in ("model.pt",)}
    trained = TRAINING.model_copy(update={"sha256": sha256})
    write_atomic(folder.file("TRAINED"), trained.model_dump_json())
    folder.begin(make_spec())
    assert folder.training() == trained
    flip(folder.file("model.pt"))
    folder.begin(make_spec())
    assert folder.training() is None
    assert not folder.file("model.pt").exists()


def test_what_done_does_not_know_is_not_verified(folder: TrialFolder) -> None:
    folder.file("other.pt").write_bytes(b"from elsewhere")
    with pytest.raises(UsageError):
        folder.verified("other.pt")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"ok"',
        b"{}",
        b"\xff\xfe",
        b'{"status": "ok"}',
        b'{"status": "fine", "files": {}}',
        b'{"status": ["ok"], "files": {}}',
        b'{"status": "ok", "files": {"model.pt": 3}}',
        b'{"status": "ok", "files": []}',
    ],
)
def test_a_broken_done_is_no_done(folder: TrialFolder, content: bytes) -> None:
    folder.file("DONE").write_bytes(content)
    assert folder.status() is None
    with pytest.raises(UsageError):
        folder.verified("model.pt")


def test_the_parameters_of_its_method_are_read_without_the_rest(tmp_path: Path) -> None:
    here = TrialFolder(tmp_path / "trial")
    here.begin(make_spec(params={"lr": 0.1, "ema": None, "levels": [1, 2]}))
    spec = here.spec()
    assert spec is not None
    assert here.parameters() == spec.method.params == {"lr": 0.1, "ema": None, "levels": [1, 2]}
    here.file("trial.json").write_text('{"method": {}}')
    assert here.parameters() is None


def test_an_empty_folder_is_not_done(tmp_path: Path) -> None:
    here = TrialFolder(tmp_path / "nothing")
    assert here.status() is None
    assert here.parameters() is None
    assert (here.spec(), here.training(), here.measurements()) == (None, None, None)
    assert (here.attempts(), here.curve()) == ([], [])


def test_half_a_line_of_a_killed_worker_spoils_no_other(folder: TrialFolder) -> None:
    point = Point(1, 2, 0.5, "kl", "", 1.0)
    append_line(folder.file("curve.jsonl"), point.as_json())
    with folder.file("curve.jsonl").open("ab") as file:
        file.write(point.as_json().encode()[:20])
    assert folder.curve() == [point]


# --- beginning again -------------------------------------------------------------------------------------------------


def test_a_new_attempt_is_not_done_and_keeps_what_is_trained(folder: TrialFolder) -> None:
    folder.begin(make_spec())
    assert folder.status() is None
    assert folder.training() == TRAINING
    assert folder.file("model.pt").exists()
    assert len(folder.attempts()) == 1


def test_a_new_attempt_drops_what_was_only_half_trained(folder: TrialFolder) -> None:
    append_line(folder.file("curve.jsonl"), "{}")
    folder.file("TRAINED").unlink()
    folder.file(".model.pt.tmp").write_bytes(b"half")
    folder.begin(make_spec())
    assert sorted(path.name for path in folder.path.iterdir()) == ["attempts.jsonl", "trial.json"]


def test_a_new_attempt_keeps_what_is_measured(folder: TrialFolder) -> None:
    """A metric has a key of its own; a new one is computed beside those that stand."""
    folder.begin(make_spec())
    measured = folder.measurements()
    assert measured is not None
    assert measured.values[0].value == 1.0


def test_a_training_that_was_cut_goes_on_from_what_it_left(folder: TrialFolder) -> None:
    """Its snapshot and its milestones stay; what is trained anew on purpose begins without."""
    folder.file("TRAINED").unlink()
    for name in (SNAPSHOT, MILESTONES):
        folder.file(name).write_bytes(b"state")
    folder.begin(make_spec())
    assert {SNAPSHOT, MILESTONES} <= {path.name for path in folder.path.iterdir()}
    folder.forget()
    assert not {SNAPSHOT, MILESTONES} & {path.name for path in folder.path.iterdir()}


@pytest.mark.parametrize("name", ["model.pt", MILESTONES])
def test_all_that_was_trained_is_held_against_its_hash(folder: TrialFolder, name: str) -> None:
    """Milestones are measured after the training: those that were damaged meanwhile are no curve."""
    folder.file(MILESTONES).write_bytes(b"surfaces on the way")
    sha256 = {part: digest(folder.file(part)) for part in ("model.pt", MILESTONES)}
    write_atomic(folder.file("TRAINED"), TRAINING.model_copy(update={"sha256": sha256}).model_dump_json())
    folder.begin(make_spec())
    assert folder.training() is not None
    folder.file(name).unlink()
    folder.begin(make_spec())
    assert folder.training() is None


def test_forgetting_keeps_the_attempts_alone(folder: TrialFolder) -> None:
    folder.forget()
    assert sorted(path.name for path in folder.path.iterdir()) == ["attempts.jsonl", "trial.json"]
    assert folder.training() is None


def test_which_metrics_are_missing() -> None:
    cells = (metric("kl"), metric("tv"), metric("nll", code="2"), metric("new"))
    assert missing_metrics(cells, None, retry_errors=False) == ["kl", "tv", "nll", "new"]
    values = (Value("kl", "", 1.0), Value("tv", note="error: Boom"), Value("nll", note="n/a: no"))
    measured = make_measurements(values, code={"kl": "1", "tv": "1", "nll": "1"})
    assert missing_metrics(cells, measured, retry_errors=False) == ["nll", "new"], "other code; never measured"
    assert missing_metrics(cells, measured, retry_errors=True) == ["tv", "nll", "new"], "what raised, too"
    fine = make_measurements(values[::2], code={"kl": "1", "tv": "1", "nll": "2", "new": "1"})
    assert missing_metrics(cells, fine, retry_errors=True) == [], "what does not apply is not missing"


def test_when_nothing_is_left_to_do(folder: TrialFolder) -> None:
    assert folder.finished(make_spec(metrics=(metric("kl"),)))
    assert not folder.finished(make_spec(metrics=(metric("kl"), metric("tv")))), "a metric is to be measured"
    assert not folder.finished(make_spec(metrics=(metric("kl", code="2"),))), "its code changed"
    folder.finish(make_attempt(Status.DIVERGED))
    assert folder.finished(make_spec(metrics=(metric("tv"),))), "a failure is an end"
    folder.finish(make_attempt(Status.FAILED, error_type="CodeChanged"))
    assert not folder.finished(make_spec()), "the code was edited under it: that is none"
    folder.file("DONE").unlink()
    assert not folder.finished(make_spec())


def test_one_run_at_a_time_has_a_claim(folder: TrialFolder) -> None:
    first = folder.claim()
    assert first is not None
    assert TrialFolder(folder.path).claim() is None
    first.release()
    again = TrialFolder(folder.path).claim()
    assert again is not None
    again.release()


# --- the store -------------------------------------------------------------------------------------------------------


def test_trials_lie_by_their_keys(tmp_path: Path) -> None:
    key = make_spec(3).key
    assert Store(tmp_path).trial_folder(key).path == tmp_path / "trials" / key[:2] / key
    assert len(key) == 16
    assert key != make_spec(4).key


@pytest.mark.parametrize("below", ["", "more"])
def test_a_store_that_cannot_be_written_to_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"results folder .*file.*: cannot be written to"):
        Store(tmp_path / "file" / below).prepare()


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o500)
    with pytest.raises(UsageError, match="cannot be written to"):
        Store(tmp_path / "results").prepare()


def test_rows_are_kept_by_content_and_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.keep_table("rows.npy", b"rows")
    assert path == store.tables / "rows.npy"
    before = path.stat().st_mtime_ns
    assert store.keep_table("rows.npy", b"rows") == path
    assert path.stat().st_mtime_ns == before, "what is there is left alone"
    path.write_bytes(b"row")
    assert store.keep_table("rows.npy", b"rows").read_bytes() == b"rows"


def test_preparing_leaves_no_probe(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b").prepare()
    assert list((tmp_path / "a" / "b" / "trials").iterdir()) == []


def test_plugins_are_kept_by_content(tmp_path: Path) -> None:
    store, file = Store(tmp_path / "results"), tmp_path / "mine.py"
    kept = []
    for text in ("a = 1\n", "a = 2\n", "a = 1\n"):
        file.write_text(text)
        kept.append(store.keep_plugin(file))
    assert kept[0] == kept[2] != kept[1]
    assert (store.root / kept[0]).read_text() == "a = 1\n"
    assert (store.root / kept[1]).read_text() == "a = 2\n"
    assert Path(kept[0]).name == "mine.py"
