"""A recorded leg once more, by the code that is installed and with other settings: a new recording comes of it.

It may go another way than it did then: `free` answers it, and the recorder of calls writes down what it does, so that
both are read with the same eyes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import msgspec
import trio

from agent.keep.record import CallRecord
from agent.replay.events import Command, Event, Header, Pass
from agent.replay.file import NotARecording
from agent.replay.heading import settings_of
from agent.replay.line import line_of
from agent.replay.recalled import Recalled
from agent.replay.score import score_of
from nurseries.call import Call
from nurseries.replay.free import SILENCE_S, Free, JumpingClock
from nurseries.replay.pass_clock import Watcher
from nurseries.replay.play import call_of, carry_out, listening
from nurseries.replay.played_loop import drawing
from nurseries.replay.take import Take
from nurseries.replay.taken_call import TakenCall

LONGEST_S = 300.0 + SILENCE_S
"""Longer than the recording, by this at most: a call of which nothing more comes is given up."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it."""

    header: Header
    events: list[Event]
    made_up: Mapping[str, int] = field(default_factory=dict)
    """What the recording did not have, by kind: how often."""


class _Taking:
    """Keeps the one that it takes."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.legs: list[tuple[Header, list[Event]]] = []

    def take(self) -> Take:
        return Take(self._watcher)

    def begins(self, take: Take, header: Header) -> None:
        self.legs.append((header, take.events))

    def ends(self, take: Take, record: CallRecord) -> None:
        take.over(msgspec.json.decode(msgspec.json.encode(record)))  # as it is read from a file


def freely(header: Header, events: list[Event], seed: int = 0) -> Replayed:
    """Play it so, with the header's settings. `seed` draws the order of tasks that can run at the same time.
    Raises NotARecording where its first line is none of this version's, or the call spoke to a Realtime server, whose
    answers are of the sound that it was sent."""
    if header.sessions:
        name = header.info.get("call_sid", "the call")
        raise NotARecording(f"{name} was held with a Realtime server: it can be played as it was, and not otherwise.")
    watcher = Watcher()
    taking = _Taking(watcher)
    score, clock = score_of(events), JumpingClock(header.began)
    recalled = Recalled(score, header.rate)
    free = Free(header, line_of(header, events), recalled, score.blobs)
    inputs = _inputs(events)
    dice = random.Random(seed)  # noqa: S311  no secret

    async def run() -> None:
        call = call_of(header, free, {}, partial(TakenCall, taking))
        with trio.move_on_at((inputs[-1][0] if inputs else clock.now) + LONGEST_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_command, call, inputs, name="hand")
                await _begin(call, inputs)
                nursery.cancel_scope.cancel("the call is over")

    with drawing(dice), listening(settings_of(header.settings).LOG_LEVEL):
        trio.run(run, clock=clock, instruments=[watcher])
    ((made, told),) = taking.legs
    return Replayed(made, told, dict(recalled.made_up))


def _inputs(events: list[Event]) -> list[tuple[float, Command | None]]:
    """What was done to the call, and when; the first and the last of its passes are among them, as None."""
    at, found = 0.0, list[tuple[float, Command | None]]()
    for event in events:
        match event:
            case Pass(now):
                at = now
                if not found:
                    found.append((at, None))
            case Command():
                found.append((at, event))
    return [*found, (at, None)]


async def _begin(call: Call, inputs: list[tuple[float, Command | None]]) -> None:
    await trio.sleep_until(inputs[0][0])
    with suppress(Exception):  # a decision like any other: the recorder has told of it
        await call.run()


async def _command(call: Call, inputs: list[tuple[float, Command | None]]) -> None:
    for at, command in inputs:
        if command is not None:
            await trio.sleep_until(at)
            carry_out(call, command.name, command.arguments)
