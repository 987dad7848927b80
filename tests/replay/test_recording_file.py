"""Files that are no recordings, or no whole ones: what is wrong is said, and never by a traceback."""

from __future__ import annotations

import gzip
import resource
import signal
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.replay import file
from agent.replay.events import VERSION, Asked, Fed, Header, Pass, Step
from agent.replay.timeline import timeline

NONE: dict[str, Any] = {}
HEADER = Header(VERSION, "1", "1", NONE, NONE, NONE, NONE, 8000, [], "", "")


@pytest.mark.parametrize("lines", [[Step(0)], [Pass(1.0), Fed(0, "done")], [Pass(1.0), Asked("x"), Fed(-1, "done")]])
def test_what_belongs_to_nothing_is_told_with_its_line(tmp_path: Path, lines: list[Any]) -> None:
    path = tmp_path / "x.session.gz"
    file.append(path, [HEADER, *lines])

    with pytest.raises(file.NotARecording, match=f"line {len(lines) + 1}: it belongs to nothing"):
        file.read(path)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.session.gz"
    path.write_bytes(gzip.compress(msgspec.json.encode(HEADER) + b'\n["p",1]\n["a","\xff"]\n'))

    with pytest.raises(file.NotARecording, match="line 3"):
        file.read(path)


def test_a_file_that_is_cut_anywhere_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.session.gz"
    file.append(path, [HEADER])
    for at in range(30):
        file.append(path, [Pass(float(at))])
    whole = path.read_bytes()
    ends = []
    for end in range(60 + len(gzip.compress(msgspec.json.encode(HEADER))), len(whole) + 1):
        path.write_bytes(whole[:end])
        ends.append(len(file.read(path)[1]))
    assert ends == sorted(ends)
    assert ends[-1] == 30


def test_what_is_damaged_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    """A machine that crashes may leave zeros, or the bytes of another file."""
    path = tmp_path / "x.session.gz"
    file.append(path, [HEADER, Pass(1.0)])
    whole = path.read_bytes()
    for rest in (bytes(500), b"another file", gzip.compress(b'["p",2.0]\n')[:-8] + bytes(8)):
        path.write_bytes(whole + rest)
        assert file.read(path)[1][:1] == [Pass(1.0)]


def test_a_recording_of_a_later_version_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.session.gz"
    file.append(path, [msgspec.structs.replace(HEADER, version=VERSION + 1), Pass(1.0)])

    with pytest.raises(file.NotARecording, match=f"of version {VERSION + 1}, and this product reads {VERSION}"):
        file.read(path)


def test_a_file_that_is_there_is_left_to_whoever_began_it(tmp_path: Path) -> None:
    """The same leg twice while the store was away, or two processes on one folder."""
    path = file.path_of(tmp_path / "sessions", "CA1", 1)
    first, second, third = file.Sheet(path), file.Sheet(path), file.Sheet(path)
    first.append([HEADER, Pass(1.0)])
    for at in (2.0, 3.0):
        second.append([HEADER, Pass(at)] if at == 2.0 else [Pass(at)])
        first.append([Pass(at)])
    third.append([HEADER, Pass(9.0)])

    assert [file.read(sheet.path)[1] for sheet in (first, second, third)] == [
        [Pass(1.0), Pass(2.0), Pass(3.0)],
        [Pass(2.0), Pass(3.0)],
        [Pass(9.0)],
    ]
    file.Sheet(file.path_of(tmp_path / "sessions", "CA1", 10)).append([HEADER])
    file.Sheet(file.path_of(tmp_path / "sessions", "CA1", 2)).append([HEADER])
    found = [path.name.removesuffix(file.SUFFIX) for path in file.of_call(tmp_path / "sessions", "CA1")]
    assert found == ["CA1-1", "CA1-1.2", "CA1-1.3", "CA1-2", "CA1-10"]


def test_where_the_disk_takes_nothing_of_it_no_file_is_left(tmp_path: Path) -> None:
    sheet = file.Sheet(file.path_of(tmp_path, "CA1", 1))
    full = (resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE))
    asked = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, full[1][1]))
        with pytest.raises(OSError, match="File too large"):
            sheet.append([HEADER])
    finally:
        resource.setrlimit(*full)
        signal.signal(signal.SIGXFSZ, asked)

    assert list(tmp_path.iterdir()) == []
    sheet.append([HEADER])
    assert [path.name for path in tmp_path.iterdir()] == ["CA1-1.session.gz"]


def test_many_members_are_read_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long call has thousands of them: what is behind one is not copied for it."""
    copied = 0
    real: Any = zlib.decompressobj

    class Counted:
        def __init__(self, bits: int) -> None:
            self.it = real(bits)

        def decompress(self, data: bytes) -> Any:
            nonlocal copied
            copied += len(data)
            return self.it.decompress(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.it, name)

    path = tmp_path / "x.session.gz"
    file.append(path, [HEADER])
    one = gzip.compress(b"".join(msgspec.json.encode(Asked(str(number))) + b"\n" for number in range(100)))
    file.append(path, [Pass(0.0)])
    path.write_bytes(path.read_bytes() + one * 2000)
    monkeypatch.setattr(zlib, "decompressobj", Counted)

    assert len(file.read(path)[1]) == 200_001
    assert copied < path.stat().st_size * file.PIECE / len(one)


def test_sound_that_a_caller_sent_malformed_is_told_on_the_line_of_time() -> None:
    message = '{"event":"media","media":{"payload":"a"}}'
    told = timeline(0.0, [Pass(0.0), Asked("receive"), Fed(0, "done", message)])
    assert [entry.text for entry in told] == ["a malformed message"]
