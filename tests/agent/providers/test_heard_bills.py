"""Each sound that was sent to be heard live is on the bill once: as the server tells, else by its length, or not."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from agent.errors import Fault
from agent.hear.segments import Append, Commit
from agent.keep.usage import METER, Meter, Usage
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from agent.providers.heard_bills import HeardBills

SECOND = Append(b"\x10" * 8000)


@pytest.fixture
def meter() -> Iterator[Meter]:
    made = Meter()
    before = METER.set(made)
    yield made
    METER.reset(before)


@pytest.fixture
def bills(meter: Meter) -> HeardBills:
    """Of a connection to which three sounds of one, two and three seconds were sent."""
    made = HeardBills("ears")
    for number in (1, 2, 3):
        for _ in range(number):
            made.sent(SECOND)
        made.sent(Commit(number))
    return made


def refused(number: int) -> events.Trouble:
    sent = msgspec.json.decode(requests.commit(number))
    return events.Trouble(Fault.REFUSED, "input_audio_buffer_commit_empty", "", sent["event_id"])


def test_until_the_server_tells_sound_costs_its_length(bills: HeardBills, meter: Meter) -> None:
    bills.received(events.Committed("one"))
    assert meter.used == (Usage("stt", "ears", 3, 3, seconds=6.0, estimated=True),)


def test_what_was_refused_costs_nothing_and_each_of_the_others_what_is_told_of_it(
    bills: HeardBills, meter: Meter
) -> None:
    bills.received(refused(1))
    for item in ("two", "three"):
        bills.received(events.Committed(item))
    bills.received(events.HeardAll("two", "A flat.", {"seconds": 2.5}))
    assert set(meter.used) == {
        Usage("stt", "ears", 1, seconds=2.5),
        Usage("stt", "ears", 1, 1, seconds=3.0, estimated=True),
    }


def test_words_that_are_told_without_what_they_cost_leave_the_estimate(bills: HeardBills, meter: Meter) -> None:
    bills.received(events.Committed("one"))
    bills.received(events.HeardAll("one", "A flat."))
    assert meter.used == (Usage("stt", "ears", 3, 3, seconds=6.0, estimated=True),)
