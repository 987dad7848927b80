"""The benchmark's own parts, and that each kind of workload runs: nothing is measured here."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

from ops.bench.suite import page, wire
from ops.bench.suite.__main__ import arguments, scale_of
from ops.bench.suite.figures import over, quantile
from ops.bench.suite.playout import Playout
from ops.bench.suite.server import ROOT
from ops.bench.suite.stages import OTHER, STAGES, stage_of
from ops.bench.suite.workloads import Scale


@given(st.lists(st.text(max_size=300), max_size=5), st.lists(st.integers(1, 400), max_size=20))
def test_frames_of_a_server_are_found_however_they_come(texts: list[str], cuts: list[int]) -> None:
    server = Connection(ConnectionType.SERVER)
    data = b"".join(server.send(TextMessage(text)) for text in texts)
    frames, found = wire.Frames(), []
    for size in [*cuts, len(data)]:
        found += list(frames.feed(data[:size]))
        data = data[size:]
    found += list(frames.feed(data))
    assert found == [(wire.TEXT, text.encode()) for text in texts]


def test_a_frame_of_masked_pieces_reads_as_its_text() -> None:
    server = Connection(ConnectionType.SERVER)
    for size in (0, 1, 125, 126, 900):
        server.receive_data(wire.frame(wire.masked('{"a":"') + wire.masked("x" * size) + wire.masked('"}')))
        assert [event.data for event in server.events()] == ['{"a":"' + "x" * size + '"}']


def test_the_carrier_plays_in_order_and_returns_marks_when_their_sound_is_over() -> None:
    carrier = Playout()
    carrier.media(0.2, now=1.0)
    carrier.media(0.2, now=1.1)
    carrier.mark("a")
    assert carrier.due(1.39) == []
    assert carrier.due(1.41) == ["a"]
    assert carrier.late_ms == [pytest.approx(-100)]


def test_a_clear_drops_what_is_queued_and_returns_its_marks_at_once() -> None:
    carrier = Playout()
    carrier.media(1.0, now=0.0)
    carrier.mark("a")
    assert carrier.clear(0.4)
    assert carrier.due(0.4) == ["a"]
    assert carrier.played_s == pytest.approx(0.4)
    assert not carrier.clear(0.5)


def test_a_gap_within_a_sentence_is_late_and_a_new_sentence_is_not() -> None:
    carrier = Playout()
    carrier.media(0.1, now=0.0)
    carrier.media(0.1, now=0.15)
    carrier.mark("a")
    carrier.media(0.1, now=9.0)
    assert carrier.late_ms == [pytest.approx(50)]


def test_a_stack_belongs_to_the_first_stage_that_it_names() -> None:
    run = ["trio/_core/_run.py:unrolled_run", "nurseries/main.py:run"]
    assert stage_of(
        ["onnxruntime.py:run", "agent/providers/silero.py:__call__", "nurseries/line/detector.py:detect", *run]
    ) == ("Silero")
    read = ["nurseries/door/media_socket.py:WebSocket.each", "nurseries/door/switchboard.py:Switchboard.run", *run]
    assert stage_of(read) == "socket read"
    assert stage_of(["nurseries/line/reader.py:_Reading.take", *read]) == "message: JSON, clock, mailbox"
    assert stage_of(["nurseries/talk/ears.py:Ears.run", *run]) == "ears: transcriptions"
    assert stage_of(["nurseries/ears.py:Ears.run", *run]) == "ears: transcriptions", "of an older checkout"
    assert stage_of(run) == STAGES[-1][0]
    assert stage_of(["json.py:loads"]) == OTHER


def test_rounds_become_a_median_and_its_spread() -> None:
    figure = over([{"cost_ms": 3.0}, {"cost_ms": 1.0}, {"cost_ms": 2.0}])["cost_ms"]
    assert (figure.median, figure.least, figure.most, figure.rounds) == (2.0, 1.0, 3.0, 3)
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0


def test_the_page_tells_what_was_measured() -> None:
    before = [(page.DOCS / name).read_text() for name in ("speed.md", "speed.svg")]
    assert [page.told(before[0]), page.plotted()] == before, "run: python -m ops.bench.suite --page"


def test_what_is_not_asked_for_is_as_usual() -> None:
    assert scale_of(arguments().parse_args([])) == Scale()
    assert scale_of(arguments().parse_args(["--most", "10", "--seconds", "5"])) == Scale(seconds=5, curve=(1, 10))


def test_workloads_run() -> None:
    """Servers of each kind, callers that talk, figures of each."""
    command = [sys.executable, "-m", "ops.bench.suite", "--smoke", "--only", "media 20 ms,floor Trio 20 ms,calls"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("faults 0") == 3, done.stdout
