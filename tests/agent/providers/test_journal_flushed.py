"""What the journal has taken is on the disk, and so is the name under which it is found."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.providers.journal_file import JournalFile


def test_lines_are_synchronised_and_so_is_the_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        there = (tmp_path / "one.journal").exists()
        flushed.append(("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "file") + ("" if there else " too early"))
        fsync(file)

    monkeypatch.setattr(os, "fsync", watched)
    journal = JournalFile(tmp_path, "one")
    journal.append(b"first\n")
    journal.append(b"second\n")

    assert flushed == ["folder", "file", "file"]
    journal.release()
