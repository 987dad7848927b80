"""Recordings on their way: locked, labelled, and made whole when their process is gone."""

import fcntl
import os
import stat
import struct
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.keep import wav
from agent.providers import spool, waiting
from agent.providers.claim import Claim, lives

LABEL = wav.Label("CA1", "2026-11-27T10:00:00.000+00:00")
SECOND = wav.frames(b"\x10" * 8000, b"\x20" * 8000)


def look(folder: Path) -> tuple[list[spool.Spooled], list[str]]:
    faults: list[str] = []
    return list(waiting.leftovers(folder, faults)), faults


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


def test_a_disk_that_takes_a_part_is_given_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = spool.begin(tmp_path, "1", LABEL)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7000]))
    made.append(SECOND)
    made.complete()
    with wave.open(str(made.path)) as file:
        assert file.readframes(9000) == SECOND
    made.remove()


def test_what_is_whole_is_on_the_disk_and_so_is_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else _data_size(file))
        fsync(file)

    monkeypatch.setattr(os, "fsync", watched)
    made = spool.begin(tmp_path, "1", LABEL)
    assert flushed == ["folder"]
    made.append(SECOND)
    made.complete()
    assert flushed == ["folder", str(len(SECOND))]
    made.remove()


def _data_size(file: int) -> str:
    """Of its sound, as its header has it."""
    head = os.pread(file, wav.LONGEST_HEADER, 0)
    return str(struct.unpack_from("<I", head, head.index(b"data") + 4)[0])


def test_a_living_process_keeps_its_own(tmp_path: Path) -> None:
    made = spool.begin(tmp_path, "1", LABEL)
    made.append(SECOND)
    assert look(tmp_path) == ([], [])
    made.release()
    (left,), faults = look(tmp_path)
    assert (left.label, faults) == (LABEL, [])
    assert look(tmp_path) == ([], [])
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
    (left,), faults = look(tmp_path)
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

    found, faults = look(tmp_path)

    assert found == []
    assert len(faults) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"3.wav", "4.wav", "5.new", "5.wav", "note.txt"}


def test_an_old_one_stays_old(tmp_path: Path) -> None:
    made = spool.begin(tmp_path, "1", LABEL)
    made.append(SECOND)
    os.utime(made.path, (1e9, 1e9))
    made.release()
    (left,), _ = look(tmp_path)
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


def test_what_rests_is_its_process_s_by_one_lock(tmp_path: Path) -> None:
    claim = Claim(tmp_path, "one")
    made = [spool.begin_claimed(claim, LABEL) for _ in range(3)]
    for each in made:
        each.append(SECOND)
        each.complete()
        each.rest()
    assert look(tmp_path) == ([], [])
    assert made[0].hold()
    assert [each.path.name for each in waiting.idle(tmp_path, [])] == ["one-2.wav", "one-3.wav"]
    for each in made:
        each.remove()
    assert list(tmp_path.iterdir()) == []
    again = spool.begin_claimed(claim, LABEL)
    assert {path.name for path in tmp_path.iterdir()} == {"one.lock", "one-4.wav"}
    again.remove()


def test_who_looks_whether_a_process_lives_is_not_taken_for_it(tmp_path: Path) -> None:
    claim = Claim(tmp_path, "one")
    path = claim.new(".wav")
    assert lives(path)
    left = tmp_path / "gone.lock"
    with left.open("w") as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        assert not lives(tmp_path / "gone-1.wav")
    claim.done(path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_taken_up_between_a_look_and_the_lock_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.begin(tmp_path, "1", LABEL).release()
    flock = fcntl.flock

    def late(file: int, how: int) -> None:
        (tmp_path / "1.wav").rename(tmp_path / "theirs-1.wav")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert spool.locked(tmp_path / "1.wav") == -1
    monkeypatch.undo()
    theirs = spool.locked(tmp_path / "theirs-1.wav")  # nor is it kept from them
    assert theirs >= 0
    os.close(theirs)


def test_exactly_one_takes_up_what_a_killed_process_left_at_rest(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from agent.keep import wav\n"
        "from agent.providers import spool\n"
        "from agent.providers.claim import Claim\n"
        f"claim = Claim(Path({str(tmp_path)!r}), 'gone')\n"
        "for n in range(40):\n"
        f"    made = spool.begin_claimed(claim, wav.Label(f'CA{{n}}', {LABEL.started_at!r}))\n"
        "    made.append(wav.frames(b'\\x10' * 800, b'\\x20' * 800))\n"
        "    made.complete()\n"
        "    made.rest()\n"
        "print('ready', flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert waiting.take_up(tmp_path, Claim(tmp_path, "early")) == ([], [])
        process.kill()
    claims = [Claim(tmp_path, f"{n}-x") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda claim: waiting.take_up(tmp_path, claim), claims))
    assert [faults for _, faults in taken] == [[]] * 4
    sounds = [each for found, _ in taken for each in found]
    assert sorted(each.label.call_sid for each in sounds) == sorted(f"CA{n}" for n in range(40))
    assert look(tmp_path) == ([], [])
    for each in sounds:
        assert each.hold()
        each.remove()
    assert list(tmp_path.iterdir()) == []
