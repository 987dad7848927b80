"""Records erased from what processes have left: what takes the old file's place is on the disk before it does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.keep import journal
from agent.providers.left_files import erase_left
from tests.agent.providers.test_stores import record


def test_the_new_file_is_on_the_disk_before_it_takes_the_old_one_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal" / "9-old.journal"
    path.parent.mkdir()
    theirs, other = (journal.line(journal.change(None, record(sid))) for sid in ("CA1", "CA2"))
    path.write_bytes(theirs + other)
    flushed: list[tuple[bytes, int]] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        flushed.append((path.read_bytes(), os.fstat(file).st_size))
        fsync(file)

    monkeypatch.setattr(os, "fsync", watched)

    assert erase_left(tmp_path, lambda _: False, {"CA1"}) == ({"CA1"}, [])
    assert flushed == [(theirs + other, len(other))]
    assert path.read_bytes() == other
