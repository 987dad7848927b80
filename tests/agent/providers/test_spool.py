"""Recordings on their way: locked, labelled, and made whole when their process is gone."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.keep import wav
from agent.providers import spool

LABEL = wav.Label("CA1", "2026-11-27T10:00:00.000+00:00")
SECOND = wav.frames(b"\x10" * 8000, b"\x20" * 8000)


def test_it_is_a_wav_file_once_complete(tmp_path: Path) -> None:
    made = spool.begin(tmp_path / "spool", "1", LABEL)
    made.append(SECOND)
    made.append(SECOND)
    made.complete()
    with wave.open(str(made.path)) as file:
        assert file.getnframes() == 16_000
    assert made.key == "2026/11/27/CA1.wav"
    made.remove()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_living_process_keeps_its_own(tmp_path: Path) -> None:
    made = spool.begin(tmp_path, "1", LABEL)
    made.append(SECOND)
    assert spool.leftovers(tmp_path) == ([], [])
    made.release()
    (left,), faults = spool.leftovers(tmp_path)
    assert (left.label, faults) == (LABEL, [])
    assert spool.leftovers(tmp_path) == ([], [])
    left.release()


def test_what_a_killed_process_left_is_made_whole(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from agent.keep import wav\n"
        "from agent.providers import spool\n"
        f"made = spool.begin(Path({str(tmp_path)!r}), '1', wav.Label({LABEL.call_sid!r}, {LABEL.started_at!r}))\n"
        "made.append(wav.frames(b'\\x10' * 8000, b'\\x20' * 8000) + b'\\x01\\x02\\x03')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    (left,), faults = spool.leftovers(tmp_path)
    assert (left.label, faults) == (LABEL, [])
    with wave.open(str(left.path)) as file:
        assert file.readframes(9000) == SECOND
    left.remove()


def test_what_has_no_sound_or_is_none_of_ours_is_no_recording(tmp_path: Path) -> None:
    spool.begin(tmp_path, "1", LABEL).release()
    (tmp_path / "2.new").write_bytes(b"RI")
    os.utime(tmp_path / "2.new", (0, 0))
    (tmp_path / "5.new").write_bytes(b"RI")  # just being begun
    (tmp_path / "3.wav").write_bytes(b"not a recording")
    (tmp_path / "4.wav").symlink_to("/etc/passwd")
    (tmp_path / "5.wav").write_bytes(wav.header(wav.Label("", "yesterday")) + SECOND)
    (tmp_path / "note.txt").write_bytes(b"not ours")

    found, faults = spool.leftovers(tmp_path)

    assert found == []
    assert len(faults) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"3.wav", "4.wav", "5.new", "5.wav", "note.txt"}


def test_an_old_one_stays_old(tmp_path: Path) -> None:
    made = spool.begin(tmp_path, "1", LABEL)
    made.append(SECOND)
    os.utime(made.path, (1e9, 1e9))
    made.release()
    (left,), _ = spool.leftovers(tmp_path)
    assert left.age_s > 1e8
    left.release()


def test_the_last_of_the_disk_is_left_to_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = spool.begin(tmp_path, "1", LABEL)
    made.append(SECOND)
    monkeypatch.setattr(spool, "SPARE_BYTES", 1 << 60)
    with pytest.raises(StoreError, match="are left on the disk"):
        made.append(SECOND)
    made.remove()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot write"):
        spool.begin(tmp_path / "file" / "spool", "1", LABEL)
