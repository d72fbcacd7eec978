"""The file of a history: appended to, merged, torn, and read in any order."""

from __future__ import annotations

import json
import os
import random
from datetime import timedelta
from pathlib import Path

import pytest

from ebmbench.errors import UsageError
from ebmbench.gate.history.lines import History, Line, append, chosen, read
from tests.histories import FIRST, commit, make_line, make_lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


# --- lines -----------------------------------------------------------------------------------------------------------


def test_what_is_appended_is_read(file: Path) -> None:
    lines = [
        make_line(0, 0.25, spread=0.5, machine="0b5b87e9"),
        make_line(1, None, n=0),
        make_line(2, -3.0, scale="log"),
    ]
    append(file, lines[:1])
    append(file, lines[1:])
    append(file, [])
    assert read(file) == History(tuple(lines))
    assert [json.loads(text)["n"] for text in file.read_text().splitlines()] == [3, 0, 3]


def test_lines_are_written_at_once_and_at_the_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers whose files are both open: neither writes over the other."""
    with file.open("ab", buffering=0) as other:
        append(file, make_lines([1.0] * 2000))
        other.write(make_line(0, 2.0, method="pcd").model_dump_json().encode() + b"\n")
    found = read(file)
    assert (len(found.lines), found.notes) == (2001, ())


def test_a_full_disk_is_an_error(file: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no device that is full")
    with pytest.raises(OSError, match="No space left"):
        append(Path("/dev/full"), make_lines([1.0]))


def test_a_moment_is_kept_in_utc() -> None:
    there = make_line(committed="2026-01-01T02:00:00+02:00")
    assert there.committed == FIRST
    assert there.model_dump(mode="json")["committed"] == "2026-01-01T00:00:00Z"


# --- damage ----------------------------------------------------------------------------------------------------------


def test_a_torn_line_is_skipped_and_said_and_harms_no_other(file: Path) -> None:
    append(file, make_lines([1.0, 2.0]))
    file.write_bytes(file.read_bytes()[:-30])
    append(file, [make_line(2)])
    found = read(file)
    assert [line.commit for line in found.lines] == [commit(0), commit(2)]
    assert found.notes == (f"{file}: line 2 is damaged, or another version's, and skipped",)


def test_a_file_that_is_only_appended_to_would_lose_the_next_line(file: Path) -> None:
    """The wrong twin: a line that follows a torn one on the same line is lost with it."""
    append(file, make_lines([1.0, 2.0]))
    file.write_bytes(file.read_bytes()[:-30])
    with file.open("ab") as other:
        other.write(make_line(2).model_dump_json().encode() + b"\n")
    assert [line.commit for line in read(file).lines] == [commit(0)]


@pytest.mark.parametrize(
    "garbage",
    [
        b"{}",
        b"[1]",
        b"\xff\xfe\x00",
        b"[" * 5000,
        make_line(median=None).model_dump_json().replace("null", "NaN").encode(),
        make_line().model_dump_json().replace('"n":3', '"n":-1').encode(),
        make_line().model_dump_json().replace('"n":3', '"n":3,"later":1').encode(),
        make_line().model_dump_json().replace("2026-01-01T01:00:00Z", "2026-01-01T01:00:00").encode(),
        make_line().model_dump_json().replace("2026-01-01T01:00:00Z", "0001-01-01T01:00:00+20:00").encode(),
    ],
)
def test_garbage_is_skipped(file: Path, garbage: bytes) -> None:
    append(file, [make_line(0)])
    with file.open("ab") as damaged:
        damaged.write(garbage + b"\n")
    append(file, [make_line(1)])
    found = read(file)
    assert [line.commit for line in found.lines] == [commit(0), commit(1)]
    assert found.notes == (f"{file}: line 2 is damaged, or another version's, and skipped",)


def test_many_damaged_lines_are_one_sentence(file: Path) -> None:
    file.write_text("x\n" * 9)
    (note,) = read(file).notes
    assert note == f"{file}: 9 lines (1, 2, 3, 4, 5, ...) are damaged, or another version's, and skipped"


def test_a_merge_that_did_not_succeed_is_read_with_both_sides(file: Path) -> None:
    one, two, three = (line.model_dump_json() for line in make_lines([1.0, 2.0, 3.0]))
    file.write_text(f"{one}\n<<<<<<< HEAD\n{two}\n||||||| base\n=======\n{three}\n>>>>>>> other\n")
    found = read(file)
    assert [line.median for line in found.lines] == [1.0, 2.0, 3.0]
    assert found.notes == (f"{file}: it has marks of a merge that did not succeed; the lines of both sides are read",)


def test_what_cannot_be_read_at_all_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no history in .*; begin one with: ebmbench history add SUITE"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read(tmp_path)


# --- series ----------------------------------------------------------------------------------------------------------


def merged(lines: list[Line], seed: int) -> History:
    """What two branches had, one line after the other in whatever order, some in both."""
    shuffled = lines + random.Random(seed).sample(lines, len(lines) // 2)
    random.Random(seed).shuffle(shuffled)
    return History(tuple(shuffled))


def test_series_are_the_same_in_whatever_order_lines_were_merged() -> None:
    lines = make_lines([1.0, 2.0, 3.0, 4.0]) + make_lines([5.0, 6.0], method="pcd")
    expected = History(tuple(lines)).series
    assert [[line.median for line in series.lines] for series in expected] == [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0]]
    for seed in range(20):
        assert merged(lines, seed).series == expected
    by_place = [[line.median for line in merged(lines, seed).lines if line.method == "nce"] for seed in range(20)]
    assert any(found != [1.0, 2.0, 3.0, 4.0] for found in by_place), "the wrong twin: by their place in the file"


def test_commits_are_ordered_by_their_dates_and_not_by_when_they_were_run() -> None:
    late = make_line(0, date=FIRST + timedelta(days=50))
    (series,) = History((make_line(1), late)).series
    assert [line.commit for line in series.lines] == [commit(0), commit(1)]


def test_commits_of_one_second_are_ordered_by_when_they_were_run() -> None:
    """As a rebase makes them."""
    lines = [make_line(day, committed=FIRST) for day in (3, 1, 2)]
    (series,) = History(tuple(lines)).series
    assert [line.commit for line in series.lines] == [commit(1), commit(2), commit(3)]


def test_of_two_numbers_of_one_commit_the_first_measured_stands() -> None:
    first, second = make_line(0, 1.0), make_line(0, 2.0, date=FIRST + timedelta(days=9))
    for both in ((first, second), (second, first)):
        (series,) = History(both).series
        assert series.lines == (first,)


def test_machines_are_series_of_their_own() -> None:
    lines = [make_line(day, machine=machine) for day in (0, 1) for machine in ("a", "b")]
    found = History(tuple(lines)).series
    assert [(series.place.machine, len(series.lines)) for series in found] == [("a", 2), ("b", 2)]


def test_the_same_commit_again_adds_nothing() -> None:
    lines = make_lines([1.0, 2.0])
    again = [make_line(1, 7.0, date=FIRST + timedelta(days=70)), make_line(1, machine="b"), make_line(2)]
    assert History(tuple(lines)).new(again) == again[1:]


# --- what is chosen --------------------------------------------------------------------------------------------------


def asked(suite: str | None = None, keyword: str | None = None, measure: str | None = None) -> list[tuple[str, str]]:
    lines = [make_line(method=m, measure=x, suite=s) for m in ("nce", "pcd") for x in ("kl", "passes") for s in "ab"]
    found = chosen(History(tuple(lines)), Path("h.jsonl"), suite, keyword, measure)
    return [(series.place.name, series.place.measure) for series in found]


def test_series_are_chosen_by_suite_name_and_measure() -> None:
    assert len(asked()) == 8
    assert asked("a", "nce and moons", "kl") == [("nce/moons", "kl")]
    assert len(asked(None, "not nce")) == 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("c", None, None), "no suite 'c'; known: a, b"),
        ((None, None, "pases"), "no measure 'pases'; did you mean 'passes'"),
        ((None, "rings", None), "no series of what was asked for"),
        ((None, "and", None), "not an expression"),
    ],
)
def test_what_there_is_not_is_bad_input(given: tuple[str | None, str | None, str | None], said: str) -> None:
    with pytest.raises(UsageError) as error:
        asked(*given)
    assert said in str(error.value)


def test_an_empty_history_says_how_to_begin() -> None:
    with pytest.raises(UsageError, match="there is not a line in it"):
        chosen(History(()), Path("h.jsonl"))


def test_logarithms() -> None:
    assert make_line(median=1.0).log == 0.0
    assert make_line(median=-2.0, scale="log", spread=0.5).log == -2.0
    assert make_line(median=-2.0, scale="log", spread=0.5).log_spread == 0.5
    assert make_line(median=4.0, spread=1.0).log_spread == 0.25
    for nothing in (make_line(median=0.0, spread=1.0), make_line(median=-1.0, spread=1.0), make_line(median=None)):
        assert (nothing.log, nothing.log_spread) == (None, None)
