"""Who watches a call hangs it up, has its caller passed on, or listens: in virtual time, whatever the call is doing."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import trio

from agent.keep.live_sound import MOST_MS
from agent.keep.wav import Label
from agent.model import BYTES_PER_MS, Ending
from agent.providers.scripted import Script
from nurseries.line.tape import Tape
from nurseries.replay.play import play_events
from tests.calls.stage import Stage, configured, tone
from tests.calls.test_recorded import stretches
from tests.calls.watchers import House, Watcher
from tests.replay.taken_stage import taken

TO = "+918011112222"
TALK = Script(
    heard=("I want to buy a flat in Whitefield", "eighty lakhs"),
    replies=("Lovely. What is your budget? We have many of them there, near the lake and near the park.", "Good."),
    hear_s=0.2,
    first_token_s=0.5,
)
LINES = (tone(1500), tone(900))

MOMENTS_S = [0.1, 1.0, 3.6, 4.9, 5.2, 5.5, 6.2, 9.0, 12.5]
"""In the greeting, in the caller's words, behind them, before the answer, in it."""


def house(script: Script = TALK, **changes: object) -> House:
    return House(Stage(script, configured(**({"TRANSFER_TO": TO} | changes))))


@pytest.mark.parametrize("after_s", MOMENTS_S)
async def test_a_call_is_hung_up_at_once(autojump_clock, after_s: float) -> None:
    held = house()
    ended: list[float] = []

    async def hang_up(call_sid: str) -> None:
        await trio.sleep(after_s)
        assert held.watching.hang_up(call_sid, "key ca_1") == ""
        assert held.watching.hang_up(call_sid, "key ca_2") == "The call is ending already."
        ended.append(trio.current_time())

    await held.watched(partial(held.stage.place, *LINES), hang_up)

    record = held.stage.record
    assert (record.ending, record.reason) == ("hung up", "by key ca_1")
    assert record.duration_ms == pytest.approx(after_s * 1000, abs=100)


@pytest.mark.parametrize("after_s", MOMENTS_S)
async def test_a_caller_is_told_and_passed_on(autojump_clock, after_s: float) -> None:
    held = house()

    async def transfer(call_sid: str) -> None:
        await trio.sleep(after_s)
        assert held.watching.transfer(call_sid, "key ca_1") == ""

    await held.watched(partial(held.stage.place, *LINES), transfer)

    record = held.stage.record
    assert (record.ending, record.reason) == ("transferred", "to a colleague, by key ca_1")
    assert record.transferred_to == TO
    assert held.stage.handed_over == [(record.call_sid, TO)]
    assert "connect" in next(entry.text for entry in reversed(record.entries) if entry.role == "agent")


async def test_what_is_not_to_be_interrupted_is_finished_first(autojump_clock) -> None:
    held = house(RECORD_CALLS=True, RECORD_NOTICE="This call is recorded, so that we do not forget what you need.")
    held.stage.tape = lambda: Tape(Label("CA1", "2026-11-27T10:00:00.000+00:00"))

    async def transfer(call_sid: str) -> None:
        await trio.sleep(0.5)
        assert held.watching.transfer(call_sid, "key ca_1") == ""

    await held.watched(held.stage.place, transfer)

    first, last = held.stage.record.entries
    assert first.text == "This call is recorded, so that we do not forget what you need."
    assert not first.interrupted
    assert "connect" in last.text
    assert (held.stage.ending, held.stage.record.reason) == (Ending.TRANSFERRED, "to a colleague, by key ca_1")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"TRANSFER_TO": ""}, "TRANSFER_TO is not set: there is nobody to pass the caller on to."),
        ({}, "The call is ending already."),
    ],
)
async def test_why_a_caller_cannot_be_passed_on_is_told(autojump_clock, changes: dict[str, object], why: str) -> None:
    held = house(**changes)

    async def transfer(call_sid: str) -> None:
        await trio.sleep(2)
        if not changes:
            assert held.watching.transfer(call_sid, "key ca_1") == ""
            await trio.sleep(1)
        assert held.watching.transfer(call_sid, "key ca_2") == why
        assert held.watching.transfer("CA-of-nobody", "key ca_2") == "The call is ending already."

    await held.watched(partial(held.stage.place, *LINES), transfer)

    assert len(held.stage.handed_over) == (not changes)


async def test_a_call_from_a_browser_is_not_passed_on(autojump_clock) -> None:
    held = house()
    held.softphone = True

    async def transfer(call_sid: str) -> None:
        await trio.sleep(2)
        why = held.watching.transfer(call_sid, "key ca_2")
        assert why == "A call from a browser cannot be passed on to a telephone."

    await held.watched(partial(held.stage.place, *LINES), transfer)

    assert held.stage.handed_over == []


@pytest.mark.parametrize("what", ["transfer", "hang_up"])
@pytest.mark.parametrize("after_s", MOMENTS_S[::3])
def test_what_was_done_to_a_call_is_done_again_when_it_is_played(what: str, after_s: float) -> None:
    held = house()

    async def reach(call_sid: str) -> None:
        await trio.sleep(after_s)
        assert getattr(held.watching, what)(call_sid, "key ca_1") == ""

    ((header, events),) = taken(held.stage, partial(held.watched, partial(held.stage.place, *LINES), reach))

    assert play_events(header, events).difference is None


async def test_who_listens_hears_both_sides_as_they_were(autojump_clock) -> None:
    held = house(RECORD_CALLS=True, RECORD_NOTICE="This call is recorded.")
    held.stage.tape = lambda: Tape(Label("CA1", "2026-11-27T10:00:00.000+00:00"))
    listener, watchers = Watcher(), []

    async def listen(call_sid: str) -> None:
        await trio.sleep(4)
        assert held.watching.audible(call_sid)
        await listener.read(held.watching.sound(call_sid))
        watchers.append(held.watching.watchers)

    log = []

    async def place(**more) -> None:
        log.append(await held.stage.place(*LINES, **more))

    await held.watched(place, listen)

    assert listener.ended
    assert watchers == [0]
    sides = listener.sent[::2], listener.sent[1::2]
    for side, real in zip(sides, log[0].both, strict=True):
        kept, was = stretches(side), [each for each in stretches(real) if each[0] > 4200]
        assert [round((end - start) / 40) for start, end in kept[-len(was) :]] == [
            round((end - start) / 40) for start, end in was
        ]
        gaps = [b[0] - a[0] for a, b in pairwise(kept[-len(was) :])]
        assert gaps == pytest.approx([b[0] - a[0] for a, b in pairwise(was)], abs=60)


async def test_nothing_is_heard_before_the_caller_has_been_told(autojump_clock) -> None:
    notice = "This call is recorded, so that we do not forget what you need."
    held = house(RECORD_CALLS=True, RECORD_NOTICE=notice)
    held.stage.tape = lambda: Tape(Label("CA1", "2026-11-27T10:00:00.000+00:00"))
    listener = Watcher()

    async def listen(call_sid: str) -> None:
        with trio.move_on_after(2.5):
            await listener.read(held.watching.sound(call_sid))

    await held.watched(partial(held.stage.place, tone(2000, at_ms=300)), listen)

    assert set(listener.sent) == {0xFF}


async def test_who_takes_the_sound_too_slowly_loses_the_oldest(autojump_clock) -> None:
    held = house(RECORD_CALLS=True, RECORD_NOTICE="This call is recorded.")
    tape = Tape(Label("CA1", "2026-11-27T10:00:00.000+00:00"))
    held.stage.tape = lambda: tape
    pieces: list[int] = []

    async def listen(call_sid: str) -> None:
        async for piece in held.watching.sound(call_sid):
            pieces.append(len(piece))
            await trio.sleep(5)

    await held.watched(partial(held.stage.place, *LINES), listen)

    assert max(pieces) == MOST_MS * BYTES_PER_MS * 2
    assert tape._live is None  # nobody listens any more


async def test_a_call_that_is_not_recorded_is_not_listened_to(autojump_clock) -> None:
    held = house()

    async def listen(call_sid: str) -> None:
        await trio.lowlevel.checkpoint()
        assert not held.watching.audible(call_sid)

    await held.watched(partial(held.stage.place, hang_up_at_ms=1000), listen)


async def test_words_that_come_in_the_same_moment_do_not_undo_a_transfer(autojump_clock) -> None:
    held = house()

    async def transfer(call_sid: str) -> None:
        dialogue = held.stage.calls[-1].dialogue
        while not dialogue.runner.busy or dialogue.awaiting or not dialogue.memory.conversation.unanswered:  # noqa: ASYNC110
            await trio.sleep(0.01)
        assert held.watching.transfer(call_sid, "key ca_1") == ""
        dialogue.await_words("the caller's turn has ended")  # before the turn that passes them on could begin
        dialogue.answer("the caller's turn has ended")

    await held.watched(partial(held.stage.place, *LINES), transfer)

    assert held.stage.handed_over == [(held.stage.record.call_sid, TO)]
