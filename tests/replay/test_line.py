"""The carrier's side of a recorded leg: what a carrier has done is told from what our own call has."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.replay.events import VERSION, Asked, Event, Fed, Header, Pass, Sent
from agent.replay.line import LOST_S, STALL_S, Incoming, Stall, line_of
from agent.wire.media_stream import Encoder

NONE: dict[str, Any] = {}
HEADER = Header(VERSION, "1", "1", {"stream_sid": "MZ1"}, NONE, NONE, NONE, 8000, [], "", "")
ENCODER = Encoder("MZ1")
SECOND, MARK = ENCODER.media(b"\x10" * 8000), ENCODER.mark("1.1")
SPOKEN: list[Event] = [Pass(0.0), Sent("media", len(SECOND), ""), Sent("mark", len(MARK), "", MARK)]
BACK = msgspec.json.encode({"event": "mark", "mark": {"name": "1.1"}}).decode()


@pytest.mark.parametrize(
    ("ends", "lags"), [(1.0 + LOST_S - 0.1, {}), (1.0 + LOST_S + 0.1, {"1.1": None})], ids=["the end", "the way"]
)
def test_a_mark_that_the_end_forestalled_was_not_lost(ends: float, lags: dict[str, float | None]) -> None:
    assert line_of(HEADER, [*SPOKEN, Pass(ends)]).lags == lags


def test_a_mark_takes_what_it_takes_beyond_its_sound() -> None:
    line = line_of(HEADER, [*SPOKEN, Asked("receive"), Pass(1.25), Fed(0, "done", BACK)])
    assert line.lags == {"1.1": pytest.approx(0.25, abs=0.001)}
    assert line.lag == pytest.approx(0.25, abs=0.001)
    assert line.incoming == []


def test_a_send_is_held_up_by_the_carrier_where_it_took_longer_than_our_own_loop_does() -> None:
    events: list[Event] = [Pass(1.0), Asked("send"), Pass(1.0 + STALL_S / 2), Fed(0, "done")]
    events += [Pass(2.0), Asked("send"), Pass(2.5), Fed(1, "done"), Asked("send"), Fed(2, "error", "broken")]
    assert line_of(HEADER, events).stalls == [Stall(2.0, 2.5), Stall(2.5, 2.5, "broken")]


@pytest.mark.parametrize("ours", [True, False])
def test_a_socket_that_ends_because_we_close_it_is_not_ended_by_the_carrier(ours: bool) -> None:
    close = [Asked("close")] if ours else []
    line = line_of(HEADER, [Pass(1.0), Asked("receive"), *close, Pass(2.0), Fed(0, "done", None)])
    assert line.incoming == ([] if ours else [Incoming(2.0, None)])
    assert line.over is not ours
