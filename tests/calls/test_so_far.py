"""A call's record while it goes on: what the caller has heard by now, and nothing of the call is changed by asking."""

from __future__ import annotations

import pytest
import trio

from agent.keep.record import CallRecord
from agent.providers.scripted import MS_PER_CHARACTER, Script, call
from agent.rehearsal.log import CallLog
from tests.calls.stage import Stage, configured, in_words, tone

LONG = "We have several homes in Whitefield. Some of them are large, and some of them are by the lake."
LOOK_S = 0.13

STORIES = {
    "is answered": ((tone(1200), tone(1500)), {}),
    "breaks in": ((tone(300, at_ms=700), tone(2000, at_ms=3600)), {"quiet_ms": 2000}),
    "presses keys": ((tone(1200),), {"dtmf": "42"}),
}
SCRIPT = Script(
    heard=("mm-hm", "I want to sell my house", "In Hebbal"),
    replies=("Where is that house?", LONG),
    calls={2: (call("save_lead_details", location="Hebbal"),)},
    after_calls={2: "I have noted that."},
)


async def tell(name: str, *, looking: bool) -> tuple[Stage, CallLog, list[tuple[float, CallRecord]]]:
    stage = Stage(SCRIPT, configured(GREETING=LONG))
    looks: list[tuple[float, CallRecord]] = []

    async def look() -> None:
        while not stage.calls:  # noqa: ASYNC110  virtual time
            await trio.sleep(LOOK_S)
        while True:
            looks.append((stage.calls[0]._outbox.now_ms, stage.calls[0].so_far()))
            await trio.sleep(LOOK_S)

    lines, plan = STORIES[name]
    async with trio.open_nursery() as nursery:
        if looking:
            nursery.start_soon(look)
        log = await stage.place(*lines, **plan)
        nursery.cancel_scope.cancel()
    return stage, log, looks


@pytest.mark.parametrize("name", STORIES)
async def test_asking_changes_nothing(autojump_clock, name: str) -> None:
    looked, log, looks = await tell(name, looking=True)
    alone, same, _ = await tell(name, looking=False)

    assert len(looks) > 20
    assert looked.told == alone.told
    assert len(log.clears) == len(same.clears)


@pytest.mark.parametrize("name", STORIES)
async def test_it_grows_into_the_record(autojump_clock, name: str) -> None:
    stage, _, looks = await tell(name, looking=True)

    final = " ".join(stage.told).replace(" -", "")
    for _, so_far in looks:
        assert so_far.ending == ""
        for entry in so_far.entries:
            assert in_words(entry).removesuffix(" -") in final
    assert [e.text for e in looks[-1][1].entries if e.role == "caller"] == [
        e.text for e in stage.record.entries if e.role == "caller"
    ]


async def test_what_was_played_is_in_it_to_the_word(autojump_clock) -> None:
    _, log, looks = await tell("is answered", looking=True)

    checked = 0
    for at_ms, so_far in looks:
        played = sum(min(piece.end_ms, at_ms) - piece.at_ms for piece in log.played if piece.at_ms < at_ms)
        heard = "".join(entry.text for entry in so_far.entries if entry.role == "agent")
        if 0 < played < 4000:  # within the greeting, spoken at a steady pace
            checked += 1
            assert len(heard) * MS_PER_CHARACTER <= played + 2 * MS_PER_CHARACTER
            assert len(heard) * MS_PER_CHARACTER > played - 14 * MS_PER_CHARACTER  # the longest word
    assert checked > 20
