"""What is read from the record of a call that goes on elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg, Thread, Told
from agent.think.facts import Fact
from nurseries.talk.taken_over import GONE, HAND_OFF, LONGEST_GAP_MS, LOST, TakenOver
from nurseries.talk.written import entry_of, facts_of, lines_of, told_of

BEGAN = datetime(2026, 11, 28, 12, tzinfo=UTC)
CUT = Entry(
    "agent", "A flat, lovely. What is", 4000, 6000, interrupted=True, meant="A flat, lovely. What is your name?"
)
THREAD = Thread(unsaid=("your name?", "I am Priya."), turns=(0, 2), turn=2)
RECORD = CallRecord(
    *(
        "CA1",
        "AC1",
        "+911",
        "+912",
        "inbound",
        BEGAN.isoformat(),
        6000,
        "",
        (Entry("caller", "a flat", 2000, 3000), CUT),
    ),
    legs=(Leg("one"),),
    thread=THREAD,
)


def taken(why: str = "", **changes: object) -> TakenOver:
    return TakenOver(msgspec.structs.replace(RECORD, **({"legs": (Leg("one", why=why),)} | changes)))


@given(st.integers(-(10**9), 10**9))
def test_the_clock_goes_on_and_neither_back_nor_far_ahead_whatever_two_machines_think(seconds: int) -> None:
    now_ms = taken().now_ms(BEGAN + timedelta(seconds=seconds))

    assert 6000 <= now_ms <= 6000 + LONGEST_GAP_MS
    assert seconds * 1000 not in range(6000, 6000 + LONGEST_GAP_MS) or now_ms == seconds * 1000


def test_the_clock_is_not_behind_the_end_of_the_last_leg_either() -> None:
    ended = taken(legs=(Leg("one", 0, 30_000, HAND_OFF),))
    assert ended.now_ms(BEGAN + timedelta(seconds=7)) == 30_000
    assert taken(started_at="yesterday").now_ms(BEGAN) == 6000
    assert taken(started_at="2026-11-28T12:00:00").now_ms(BEGAN) == 6000  # of no time zone


@pytest.mark.parametrize(
    ("why", "unsaid"),
    [
        (HAND_OFF, ("your name?", "I am Priya.")),
        (LOST, ("What is your name?", "I am Priya.")),
        ("", ("What is your name?", "I am Priya.")),
    ],
)
def test_a_sentence_goes_on_behind_a_hand_off_and_begins_again_behind_a_loss(why: str, unsaid: tuple[str, ...]) -> None:
    assert taken(why).unsaid == unsaid
    assert taken(why).legs[0].why == (why or GONE)


def test_a_sentence_of_which_nothing_was_heard_brings_back_none_before_it() -> None:
    whole = msgspec.structs.replace(CUT, text="A flat, lovely.")
    assert taken(entries=(whole,)).unsaid == ("your name?", "I am Priya.")


def test_behind_a_loss_nothing_is_said_of_a_reply_that_was_not_complete_or_that_the_caller_broke_into() -> None:
    for change in ({"complete": False}, {"speaking": True}):
        thread = msgspec.structs.replace(THREAD, **change)
        assert taken(thread=thread).unsaid == ()
        assert taken(HAND_OFF, thread=thread).unsaid == THREAD.unsaid


def test_without_a_thread_every_line_of_the_agents_is_a_turn_of_its_own() -> None:
    entries = (CUT, Entry("caller", "mm-hm", 6000, 6100, aside=True), CUT)
    lines = lines_of(msgspec.structs.replace(RECORD, entries=entries, thread=None))

    assert len({line.turn for line in lines}) == len(lines)
    assert tuple(map(entry_of, lines)) == entries


def test_facts_come_back_with_what_they_rest_on() -> None:
    price = Fact("objections", "price", "too dear", "it is too dear", 1000.4)
    more = Fact("objections", "price; thinking", "think about it", "I must think about it", 2000.0, (price,))

    told = msgspec.json.decode(msgspec.json.encode(told_of([more])), type=tuple[Told, ...])
    back = facts_of(told, {"objections": "price; thinking", "name": "Asha"})

    assert back["objections"].earlier[0].evidence == "too dear"
    assert back["objections"].said_ms == 2000
    assert back["name"] == Fact("name", "Asha")
