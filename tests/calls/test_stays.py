"""When a call is not handed off, and when it is left without another word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio

from agent.model import CallInfo, Ending
from agent.providers.scripted import Script
from agent.wire.ports import MediaSocket
from nurseries.call import Call
from tests.calls.legs import Legs
from tests.calls.stage import Stage, configured, tone

BYE = Script(
    heard=("Bye",),
    replies=("Goodbye then, and thank you for calling us today! We wish you a good evening, and a very good night.",),
)


class Forgetful(Stage):
    """Its store never has the record."""

    def call(self, info: CallInfo, socket: MediaSocket, **more: object) -> Call:
        @asynccontextmanager
        async def ready() -> AsyncIterator[bool]:
            await trio.lowlevel.checkpoint()
            yield False

        return super().call(info, socket, **(more | {"ready": ready}))


async def test_a_call_that_the_store_does_not_know_stays(autojump_clock) -> None:
    legs = Legs(Forgetful(replace(BYE, replies=("A flat, lovely.",)), configured(HAND_OFF_WAIT_S=100)), [tone(1500)])

    await legs.moved(1.0, hang_up_at_ms=20_000)

    assert legs.call.to_move
    assert legs.call.ending is Ending.CALLER_HUNG_UP


async def test_the_record_of_a_call_that_could_not_go_does_not_say_that_its_leg_is_over(autojump_clock) -> None:
    stage = Forgetful(replace(BYE, replies=("A flat, lovely.",)), configured(HAND_OFF_WAIT_S=100))
    legs, told = Legs(stage, [tone(1500, at_ms=8000)]), []

    async def look() -> None:
        await trio.sleep(8.8)  # the caller speaks
        told.append(stage.calls[-1].so_far().legs[-1])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await legs.moved(1.0, hang_up_at_ms=20_000)

    assert [(leg.ended_ms, leg.why) for leg in told] == [(None, "")]


@pytest.mark.parametrize("again", [True, False])
async def test_a_call_that_is_told_to_stay_goes_when_it_is_told_so_again(again: bool, autojump_clock) -> None:
    stage = Stage(replace(BYE, replies=("A flat, lovely.",)), configured(HAND_OFF_WAIT_S=100))

    async def ask() -> None:
        await trio.sleep(0.5)  # within the greeting
        stage.calls[-1].move("a release")
        await trio.sleep(0.5)
        stage.calls[-1].stay()
        await trio.sleep(6)
        assert stage.calls[-1].ending is None
        if again:
            stage.calls[-1].move("a release")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await stage.place(tone(1500, at_ms=15_000), hang_up_at_ms=20_000)

    assert stage.ending is (Ending.MOVED if again else Ending.CALLER_HUNG_UP)


@pytest.mark.parametrize("after_s", [6.5, 7.5, 8.5, 9.5])
async def test_a_goodbye_of_two_sentences_is_said_here(after_s: float, autojump_clock) -> None:
    legs = Legs(Stage(BYE, configured(HAND_OFF_WAIT_S=0)), [tone(1500)])

    await legs.moved(after_s)

    assert legs.call.ending is Ending.AGENT_SAID_GOODBYE
    assert legs.records == []


async def test_a_call_that_another_process_has_says_nothing_more_not_even_a_goodbye(autojump_clock) -> None:
    stage = Stage(BYE, configured())

    async def fence(after_s: float) -> None:
        await trio.sleep(after_s)
        call = stage.calls[-1]
        call.end(Ending.SHUTDOWN, "the process is leaving")
        await trio.sleep(0.5)
        fenced.append(call._outbox.now_ms)
        call.fence()

    fenced: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fence, 5.0)
        log = await stage.place(tone(1500, at_ms=30_000))

    assert stage.ending is Ending.SHUTDOWN
    assert max(piece.end_ms for piece in log.played) <= fenced[0] + 200
    assert log.duration_ms <= fenced[0] + 1000


async def test_who_crashes_while_a_call_is_handed_off_does_not_apologise(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat",), replies=("A flat, lovely.",), realtime_factor=1.0), configured())
    own = stage.voice.synthesise

    async def synthesise(text: str, emit: object, **more: object) -> None:
        try:
            await own(text, emit, **more)
        except trio.Cancelled as cancelled:
            raise RuntimeError("in the middle of a word") from cancelled  # noqa: ASYNC104  a fault

    stage.voice.synthesise = synthesise

    async def move() -> None:
        await trio.sleep(1.0)
        moved_ms.append(stage.calls[-1]._outbox.now_ms)
        stage.calls[-1].end(Ending.MOVED, "a release")

    moved_ms: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(move)
        log = await stage.place(tone(1500, at_ms=30_000))

    assert stage.ending is Ending.MOVED
    assert max(piece.at_ms for piece in log.played) <= moved_ms[0] + 500
    assert log.duration_ms < moved_ms[0] + 3000
