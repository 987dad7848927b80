"""The journal's files, on a real disk."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.providers.journal_file import JournalFile, leftovers


def test_what_is_appended_is_there_and_goes_when_it_is_closed(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "journal", "one")
    file.append(b"a\n")
    file.append(b"b\n")

    assert (tmp_path / "journal" / "one.journal").read_bytes() == b"a\nb\n"
    assert file.size == 4
    file.close()
    assert list((tmp_path / "journal").iterdir()) == []
    assert file.size == 0


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "one")
    file.append(b"old\n")
    file.begin_anew(b"new\n")
    file.append(b"more\n")

    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"new\nmore\n"
    file.close()


def test_a_file_in_use_is_nobody_else_s(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "one")
    file.append(b"a\n")

    assert leftovers(tmp_path) == ([], [])
    file.close()


def test_the_file_of_a_process_that_was_killed_is_found_once(tmp_path: Path) -> None:
    program = (
        "import sys, os, signal; from pathlib import Path; from agent.providers.journal_file import JournalFile\n"
        "JournalFile(Path(sys.argv[1]), 'gone').append(b'a\\n'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)

    (left,), _ = leftovers(tmp_path)
    assert left.read() == b"a\n"
    assert leftovers(tmp_path) == ([], [])  # somebody is at it
    left.release()
    (left,), _ = leftovers(tmp_path)
    left.remove()
    assert leftovers(tmp_path) == ([], [])


def test_a_folder_that_is_none_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")

    with pytest.raises(StoreError, match=os.strerror(17)):
        JournalFile(tmp_path / "journal", "one").append(b"a\n")


def test_nothing_half_written_stays_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = JournalFile(tmp_path, "one")
    file.append(b"whole\n")
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if len(data) < 5:
            raise OSError(28, os.strerror(28))
        return write(fd, data[: len(data) - 4])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="No space"):
        file.append(b"half of this\n")
    monkeypatch.undo()

    assert (tmp_path / "one.journal").read_bytes() == b"whole\n"
    file.append(b"again\n")
    assert (tmp_path / "one.journal").read_bytes() == b"whole\nagain\n"
    file.close()


def test_a_file_that_somebody_has_removed_is_told_and_begun_anew(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "one")
    file.append(b"a\n")
    (tmp_path / "one.journal").unlink()

    with pytest.raises(StoreError, match="removed"):
        file.append(b"b\n")
    assert not file.whole
    file.begin_anew(b"a\nb\n")

    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"a\nb\n"
    file.close()


def test_after_a_failed_synchronisation_the_file_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = JournalFile(tmp_path, "one")
    file.append(b"a\n")

    def fails(_fd: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError, match=os.strerror(5)):
        file.append(b"b\n")
    with pytest.raises(StoreError, match=os.strerror(5)):
        file.begin_anew(b"a\nb\n")
    monkeypatch.undo()

    assert not file.whole
    (path,) = tmp_path.iterdir()
    assert path.read_bytes().startswith(b"a\n")
    assert leftovers(tmp_path) == ([], [])  # it is this process's still
    file.begin_anew(b"a\nb\n")
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"a\nb\n"
    file.close()


def test_what_is_released_is_the_next_start_s(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "one")
    file.append(b"a\n")
    file.release()

    (left,), _ = leftovers(tmp_path)
    assert left.read() == b"a\n"
    kept = left.put_aside()
    assert kept.read_bytes() == b"a\n"
    assert leftovers(tmp_path) == ([], [])


def test_a_disk_that_has_no_room_is_told_before_it_is_needed(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "one")
    file.probe()
    assert list(tmp_path.iterdir()) == []

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(StoreError, match=os.strerror(27)):
            file.probe()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_opened_are_named_and_the_others_told(tmp_path: Path) -> None:
    (tmp_path / "a.journal").mkdir()
    (tmp_path / "b.journal").write_bytes(b"b\n")

    (left,), (fault,) = leftovers(tmp_path)

    assert left.path.name == "b.journal"
    assert "a.journal" in fault
    left.release()
