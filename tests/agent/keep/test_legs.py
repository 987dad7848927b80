"""What lies between two legs is told to people, and what lies between two processes is not."""

from __future__ import annotations

import msgspec
import pytest

from agent.keep import table
from agent.keep.legs import Gap, gaps
from agent.keep.record import Entry
from agent.keep.redact import redacted
from agent.keep.shown import shown
from agent.keep.thread import Leg, Thread, Told
from nurseries.records.story import in_a_line, story
from tests.agent.providers.test_stores import record

SAID = (
    Entry("agent", "Which part of town?", 1000, 3000),
    Entry("caller", "Whitefield", 5000, 5600),
    Entry("agent", "Sorry, I lost you for a second.", 9000, 10_000),
)


@pytest.mark.parametrize(
    ("first", "gap"),
    [
        (Leg("p1", 0, 4000, "hand-off"), Gap(4000, 4800, "handed off")),
        (Leg("p1", 0, 4100, "connection lost"), Gap(4100, 4800, "the connection was lost")),
        (Leg("p1", 0, None, "process gone"), Gap(3000, 4800, "its process was gone")),
        (Leg("p1", 0, None, ""), Gap(3000, 4800, "its process was gone")),
        (Leg("p1", 0, 9999, "connection lost"), Gap(4800, 4800, "the connection was lost")),
    ],
)
def test_a_gap_is_from_one_leg_to_the_next(first: Leg, gap: Gap) -> None:
    assert gaps(record(entries=SAID, legs=(first, Leg("p2", 4800, 12_000)))) == [gap]


def test_a_call_of_one_leg_has_none() -> None:
    assert gaps(record()) == gaps(record(legs=(Leg("p1", 0, 4000, "hand-off"),))) == []


def test_a_gap_is_shown_where_it_was() -> None:
    legs = (Leg("p1", 0, 4000, "hand-off"), Leg("p2", 4800, None, "process gone"), Leg("p3", 7700), Leg("p4", 15_000))
    told = record(entries=SAID, legs=legs)

    assert [line.strip() for line in story(told).splitlines()[3:9]] == [
        "1.0 s   agent: Which part of town?",
        "4.0 s  -- handed off, 0.8 s --",
        "5.0 s  caller: Whitefield",
        "5.6 s  -- its process was gone, 2.1 s --",
        "9.0 s   agent: Sorry, I lost you for a second.",
        "10.0 s  -- its process was gone, 5.0 s --",
    ]
    assert in_a_line(told).endswith("(4 legs)")
    assert "leg" not in in_a_line(record())


THREAD = Thread(
    unsaid=("Your card is 4111 1111 1111 1111, right?",),
    facts=(Told("name", "Asha", "Asha, 4111 1111 1111 1111", "I am Asha, 4111 1111 1111 1111"),),
)


def test_what_is_between_processes_is_shown_to_nobody() -> None:
    goes_on = record(ending="", thread=THREAD, legs=(Leg("p1"),))
    for told in (msgspec.json.encode(shown(goes_on)), table.body("jsonl", [goes_on]), table.body("csv", [goes_on])):
        assert b"thread" not in told
        assert b"4111" not in told
    assert msgspec.json.decode(msgspec.json.encode(shown(goes_on)))["legs"] == [{"process": "p1"}]


def test_and_has_no_card_numbers_in_it() -> None:
    assert "1111 1111" not in repr(redacted(record(ending="", thread=THREAD)))


def test_a_row_tells_the_legs_and_all_keys() -> None:
    told = record(legs=(Leg("p1"), Leg("p2")), recording="a.wav")

    assert b",a.wav,2," in table.body("csv", [told])
    assert b",,1," in table.body("csv", [record()])
