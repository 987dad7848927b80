"""Files that are no recordings, or no whole ones: what is wrong is said, and never by a traceback."""

from __future__ import annotations

import gzip
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


def test_a_leg_that_begins_twice_has_two_files(tmp_path: Path) -> None:
    paths = [file.begin(file.path_of(tmp_path, "CA1", leg), [HEADER]) for leg in (1, 10, 1, 2, 1)]
    for n, path in enumerate(paths):
        file.append(path, [Pass(float(n))])

    assert [path.name for path in paths] == [f"CA1-{leg}.session.gz" for leg in ("1", "10", "1.2", "2", "1.3")]
    assert [file.read(path)[1] for path in paths] == [[Pass(float(n))] for n in range(5)]
    assert file.of_call(tmp_path, "CA1") == [paths[n] for n in (0, 2, 4, 3, 1)]


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
