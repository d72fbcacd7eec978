"""Writing: a reader sees the old file or the new one, and never half of one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ebmbench.store.files import append_line, digest, last_lines, replacing, size_of, write_atomic


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is interrupted before the rename has changed nothing."""
    path = tmp_path / "table"
    write_atomic(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"


def test_a_write_is_flushed_to_disk_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table"
    seen = []

    def note(descriptor: int) -> None:
        seen.append((path.exists(), Path(os.readlink(f"/proc/self/fd/{descriptor}")).read_text()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", note)
    write_atomic(path, "content")
    assert seen == [(False, "content")]
    assert [file.name for file in tmp_path.iterdir()] == ["table"], "no temporary file stays"


def test_lines_are_appended(tmp_path: Path) -> None:
    for text in ("one", "two"):
        append_line(tmp_path / "lines", text)
    assert (tmp_path / "lines").read_text() == "one\ntwo\n"


def test_the_end_of_a_log_has_no_control_codes_and_no_endless_line(tmp_path: Path) -> None:
    """Bars of progress are rewritten with returns: each state is a line."""
    path = tmp_path / "log.txt"
    assert last_lines(path, 3) == ()
    path.write_bytes(b"\xff" * 20000 + b"\n1 of 2\r2 of 2\n\x1b[2J\tgone\n" + b"x" * 900)
    assert last_lines(path, 3) == ("2 of 2", "\N{REPLACEMENT CHARACTER}[2J    gone", "x" * 500)


def test_what_is_written_beside_takes_the_name_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent, "a rename across disks is none"
        assert temporary.name.startswith("."), "nobody takes it for a file of the folder's"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["table"]


def test_what_fails_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("old")

    def cut() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["table"]


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_atomic(tmp_path / "text", "ä\n")
    write_atomic(tmp_path / "bytes", b"\xff\x00\r\n")
    assert (tmp_path / "text").read_bytes() == "ä\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\xff\x00\r\n"


def test_sizes_and_hashes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert size_of(str(path)) is None
    path.write_bytes(b"abc" * 1000)
    assert size_of(str(path)) == 3000
    assert digest(path) == hashlib.sha256(b"abc" * 1000).hexdigest()
