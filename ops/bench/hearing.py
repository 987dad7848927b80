"""What it costs to hear, by how many calls a process holds: each window computed by itself as it comes, as it was once,
and many calls' in one run when something can be decided. Both ways in one run, in turn, on the same sound.

Whole calls with scripted providers, the real voice-activity model and a caller who speaks a third of the time, in
virtual time, so that only processor time counts and nobody has to wait for it; the loop's own work for the socket is in
it, reading from the network is not. Prints milliseconds of processor time a call-second, the least of the rounds (what
else the machine does only adds to it): with a model that costs next to nothing, with each window alone, and together;
the median ratio; the model's part of both, and its ratio; and how many calls were in a run.

    python ops/bench/hearing.py --calls 1 10 50 200 --rounds 5
"""

from __future__ import annotations

import argparse
import base64
import logging
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import structlog
import trio
from numpy.typing import NDArray
from trio.testing import MockClock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.hear.ports import VoiceActivity
from agent.model import CallInfo
from agent.providers.bundled import Port, Session
from agent.providers.silero import MOST, Silero, Silero8k, load_session
from agent.speak.clips import WELCOME
from agent.wire import mulaw
from agent.wire.ports import MediaSocket
from nurseries.call import Call
from nurseries.line import detector
from tests.calls.stage import Ear, Stage, configured, loud

FRAME = 160
STEADY_S = 2.0
"""Of each call, before its cost counts."""


@dataclass
class Counted:
    """A Session that knows how many windows it computed in how many runs."""

    own: Session
    windows: int = 0
    runs: int = 0

    def run(self, names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.runs += 1
        self.windows += len(feed["input"])
        return self.own.run(names, feed)

    def get_inputs(self) -> list[Port]:
        return self.own.get_inputs()

    def get_outputs(self) -> list[Port]:
        return self.own.get_outputs()


@dataclass
class Line(MediaSocket):
    """A `MediaSocket` on which the caller's sound comes every 20 ms."""

    messages: list[str]
    began: float
    next: int = field(default=0)

    async def receive(self) -> str | None:
        await trio.sleep_until(self.began + self.next * 0.02)
        self.next += 1
        return self.messages[self.next % len(self.messages)]

    async def send(self, text: str) -> None:  # noqa: ARG002  as the port has it
        await trio.lowlevel.checkpoint()

    async def close(self, code: int = 1000, reason: str = "") -> None:  # noqa: ARG002
        await trio.lowlevel.checkpoint()

    async def abort(self) -> None:
        await trio.lowlevel.checkpoint()


def spoken() -> list[str]:
    """A sentence and twice as much of a line's noise, as messages."""
    noise = np.random.default_rng(1).standard_normal(2 * len(WELCOME.mulaw)) * 30
    sound = WELCOME.mulaw + mulaw.encode(noise.astype(np.int16))
    pieces = [sound[at : at + FRAME] for at in range(0, len(sound), FRAME)]
    return [
        msgspec.json.encode(
            {"event": "media", "media": {"track": "inbound", "payload": base64.b64encode(piece).decode()}}
        ).decode()
        for piece in pieces
    ]


def cost(calls: int, seconds: float, vad: Callable[[], VoiceActivity]) -> float:
    """Milliseconds of processor time a call-second."""
    messages, took = spoken(), 0.0

    async def main() -> None:
        nonlocal took
        stage = Stage(settings=configured(GREETING="Hello.", SILENCE_S=600))
        stage.parts = replace(stage.parts, vad=vad)
        async with trio.open_nursery() as nursery:
            for n in range(calls):
                # Each in another place of the sentence, and at another moment of a frame.
                turned = len(messages) * n // calls
                line = Line(messages[turned:] + messages[:turned], trio.current_time() + n * 7 % 20 / 1000)
                info = CallInfo(
                    *(f"MZ{n:032}", f"CA{n:032}", f"AC{0:032}", "+919876543210", "+918012345678"), direction="inbound"
                )
                nursery.start_soon(Call(info, line, stage.parts).run)
            await trio.sleep(STEADY_S)
            began = time.process_time()
            await trio.sleep(seconds)
            took = time.process_time() - began
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return took * 1000 / calls / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--call-seconds", type=float, default=300.0, help="that a figure is of, at least")
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    session = load_session()
    print(f"{'calls':>5}{'free':>8}{'alone':>8}{'together':>10}{'ratio':>7}{'model':>16}{'ratio':>7}{'in a run':>10}")
    for calls in args.calls:
        seconds = max(3.0, args.call_seconds / calls)
        took: dict[str, list[float]] = {"free": [], "alone": [], "together": []}
        for _ in range(args.rounds):  # in turn, so that what else the machine does is in all of them
            counted = Counted(session)
            alone, together = Silero(session, most=1), Silero(counted, MOST)
            for name, patience, vad in (
                ("free", detector.PATIENCE, lambda: Ear(loud)),
                ("alone", 1, lambda alone=alone: Silero8k(alone)),
                ("together", detector.PATIENCE, lambda together=together: Silero8k(together)),
            ):
                usual, detector.PATIENCE = detector.PATIENCE, patience
                took[name].append(cost(calls, seconds, vad))
                detector.PATIENCE = usual
        free, before, after = (min(took[name]) for name in ("free", "alone", "together"))
        ratio = statistics.median(b / a for a, b in zip(took["alone"], took["together"], strict=True))
        print(
            f"{calls:5}{free:8.2f}{before:8.2f}{after:10.2f}{ratio:7.2f}"
            f"{before - free:8.2f}{after - free:8.2f}{(after - free) / (before - free):7.2f}"
            f"{counted.windows / counted.runs:10.1f}"
        )


if __name__ == "__main__":
    main()
