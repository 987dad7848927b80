"""A call whose second leg went on without the first one's record, put together again."""

from __future__ import annotations

import msgspec

from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg, Thread, Told
from agent.keep.usage import Usage
from agent.keep.whole_call import collected, has_past, lacks, put_between, whole_call

USED = Usage("llm", "m", tokens_in=10)
PAST = CallRecord(
    *("CA1", "AC", "+91", "+80", "inbound", "2026-11-27T10:00:00.000+00:00", 5000, ""),
    entries=(Entry("agent", "Hello.", 0, 900), Entry("caller", "Hi.", 1200, 5000)),
    facts={"budget": "90 lakh", "area": "Whitefield"},
    usage=(USED,),
    barge_ins=1,
    legs=(Leg("one", 0, 5200, "connection lost"),),
    thread=Thread(turns=(1, 0), turn=1, notices=(1,), facts=(Told("budget", "90 lakh"),)),
    revision=7,
)
ON = msgspec.structs.replace(
    PAST,
    started_at="2026-11-27T10:00:08.000+00:00",
    duration_ms=2000,
    entries=(Entry("agent", "Sorry.", 0, 2000),),
    facts={"budget": "1 crore"},
    barge_ins=2,
    legs=(Leg("two"),),
    thread=Thread(turns=(1,), turn=1),
    revision=9,
    missing=1,
)


def test_the_past_comes_before_what_was_said_without_it() -> None:
    whole = whole_call(PAST, ON)

    assert has_past(PAST, ON)
    assert [(entry.text, entry.start_ms) for entry in whole.entries] == [("Hello.", 0), ("Hi.", 1200), ("Sorry.", 8000)]
    assert [(leg.process, leg.began_ms) for leg in whole.legs] == [("one", 0), ("two", 8000)]
    assert (whole.started_at, whole.duration_ms, whole.revision, whole.missing) == (PAST.started_at, 10_000, 9, 0)
    assert whole.facts == {"budget": "1 crore", "area": "Whitefield"}
    assert (whole.barge_ins, whole.usage) == (3, (Usage("llm", "m", tokens_in=20),))
    assert whole.thread is not None
    assert (whole.thread.turns, whole.thread.turn) == ((1, 0, 2), 2)


def test_a_clock_that_is_behind_puts_nothing_before_what_was_said() -> None:
    whole = whole_call(PAST, msgspec.structs.replace(ON, started_at="2026-11-27T09:59:00.000+00:00"))

    assert whole.entries[-1].start_ms == 5200


def test_what_the_store_has_together_already_is_not_put_together_again() -> None:
    """The writer is gone, and another process has its journal."""
    whole = whole_call(PAST, ON)
    later = msgspec.structs.replace(ON, ending="interrupted", thread=None, revision=11)

    again = whole_call(whole, later)
    assert again == msgspec.structs.replace(whole, ending="interrupted", thread=None, revision=11)


def test_of_nothing_there_is_no_past() -> None:
    assert not has_past(None, ON)
    assert not has_past(ON, ON)


def test_a_writer_finds_its_past_in_what_was_put_together_with_its_own_words() -> None:
    whole = whole_call(PAST, ON)
    more = (*ON.entries, Entry("agent", "Go on.", 2500, 3000))
    on = msgspec.structs.replace(
        ON, entries=more, usage=(Usage("llm", "m", tokens_in=25),), barge_ins=3, duration_ms=3000, revision=12
    )

    past = collected(None, whole, on, ON)
    assert past is not None
    kept = whole_call(past, on)
    assert [entry.text for entry in kept.entries] == ["Hello.", "Hi.", "Sorry.", "Go on."]
    assert [leg.process for leg in kept.legs] == ["one", "two"]
    assert (kept.barge_ins, kept.usage) == (4, (Usage("llm", "m", tokens_in=35),))
    assert collected(past, whole, on, ON) == past


def test_who_goes_on_without_a_past_from_one_who_did_finds_it_as_well() -> None:
    """The third leg has read the second's record; the first's is put before that only now."""
    third = Leg("three", 4000)
    on = msgspec.structs.replace(
        ON, entries=(*ON.entries, Entry("caller", "And?", 4500, 5000)), legs=(*ON.legs, third), revision=20
    )
    past = collected(None, whole_call(PAST, ON), on, None)
    assert past is not None

    kept = whole_call(past, on)
    assert [entry.text for entry in kept.entries] == ["Hello.", "Hi.", "Sorry.", "And?"]
    assert [(leg.process, leg.began_ms) for leg in kept.legs] == [("one", 0), ("two", 8000), ("three", 12_000)]


def test_a_leg_that_the_others_know_nothing_of_is_put_between_them() -> None:
    """Its record has what was before it as well: that is there already."""
    known = msgspec.structs.replace(
        whole_call(PAST, ON), legs=(*PAST.legs, Leg("three", 20_000)), entries=PAST.entries, ending="caller hung up"
    )
    on = msgspec.structs.replace(ON, legs=(*PAST.legs, Leg("two", 8000)), started_at=PAST.started_at, missing=0)
    on = msgspec.structs.replace(on, entries=(*PAST.entries, Entry("agent", "Sorry.", 8000, 9000)))

    assert lacks(known, on)
    whole = put_between(on, known)
    assert [entry.text for entry in whole.entries] == ["Hello.", "Hi.", "Sorry."]
    assert [leg.process for leg in whole.legs] == ["one", "two", "three"]
    assert (whole.usage, whole.ending) == (known.usage, "caller hung up")
    assert not lacks(whole, on)
    assert not lacks(known, PAST)
