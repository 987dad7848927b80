"""When a person may be called: by the clock on their wall, wherever that is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import countries
from agent.guard.hours import LOOKED_AHEAD, allowed, day_ends, in_words, local_day, next_allowed
from agent.week import opening, timetable, weekdays

USUAL = timetable("09:00-21:00", "")
INDIA, NEW_YORK = ("Asia/Kolkata",), ("America/New_York",)


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "may"),
    [
        (utc(2026, 11, 27, 3, 29, 59), False),
        (utc(2026, 11, 27, 3, 30), True),
        (utc(2026, 11, 27, 15, 29, 59), True),
        (utc(2026, 11, 27, 15, 30), False),
    ],
)
def test_the_hours_are_those_of_the_callees_clock(at: datetime, may: bool) -> None:
    assert allowed(USUAL, INDIA, at) is may


def test_who_may_be_in_many_zones_is_called_when_it_is_day_in_all_of_them() -> None:
    zones = ("Australia/Sydney", "Australia/Perth")

    assert allowed(USUAL, zones, utc(2026, 11, 27, 0, 59)) is False  # 08:59 in Perth
    assert allowed(USUAL, zones, utc(2026, 11, 27, 1, 0)) is True
    assert allowed(USUAL, zones, utc(2026, 11, 27, 10, 0)) is False  # 21:00 in Sydney
    assert next_allowed(USUAL, zones, utc(2026, 11, 27, 10, 0)) == utc(2026, 11, 28, 1, 0)


def test_who_is_nowhere_known_is_not_called() -> None:
    assert allowed(USUAL, (), utc(2026, 11, 27, 12, 0)) is False
    assert next_allowed(USUAL, (), utc(2026, 11, 27, 12, 0)) is None


def test_summer_time_moves_nothing_on_the_wall() -> None:
    before, after = utc(2026, 3, 8, 1, 0), utc(2026, 11, 1, 1, 0)  # the evenings before the clocks change

    assert next_allowed(USUAL, NEW_YORK, before + timedelta(hours=2)) == utc(2026, 3, 8, 13, 0)
    assert next_allowed(USUAL, NEW_YORK, after + timedelta(hours=2)) == utc(2026, 11, 1, 14, 0)


def test_hours_that_a_clock_leaves_out_begin_behind_the_gap() -> None:
    night = timetable("02:30-04:00", "")

    again = next_allowed(night, NEW_YORK, utc(2026, 3, 8, 6, 0))

    assert again is not None
    assert again.astimezone(ZoneInfo(NEW_YORK[0])).strftime("%H:%M") == "03:30"


def test_days_are_those_of_the_callee() -> None:
    weekdays_only = timetable("09:00-21:00", "mon-fri")

    assert allowed(weekdays_only, INDIA, utc(2026, 11, 27, 12, 0)) is True  # a Friday
    assert next_allowed(weekdays_only, INDIA, utc(2026, 11, 27, 16, 0)) == utc(2026, 11, 30, 3, 30)


def test_zones_that_never_share_a_day_are_told_as_such() -> None:
    zones = ("Australia/Sydney", "Australia/Perth")

    assert next_allowed(timetable("09:00-11:00", ""), zones, utc(2026, 11, 27, 12, 0)) is None


def test_a_day_of_the_callee_has_its_own_date_and_end() -> None:
    at = utc(2026, 11, 27, 20, 0)

    assert local_day(INDIA, at) == "2026-11-28"
    assert day_ends(INDIA, at) == utc(2026, 11, 28, 18, 30)
    assert day_ends(NEW_YORK, utc(2026, 11, 1, 12, 0)) == utc(2026, 11, 2, 5, 0)  # of 25 hours
    assert in_words(INDIA, utc(2026, 11, 28, 3, 30)) == "Saturday 28 November, 09:00 (Asia/Kolkata)"


SOME_ZONES = sorted({zone for zones in countries.zones().values() for zone in zones})
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(st.sampled_from(SOME_ZONES), min_size=1, max_size=3), MOMENTS, st.sampled_from(["", "mon-fri", "sun"]))
def test_the_next_moment_is_allowed_and_nothing_before_it_is(zones: list[str], at: datetime, days: str) -> None:
    hours = timetable("09:00-21:00", days)
    again = next_allowed(hours, zones, at)

    assert again is None or (again >= at and allowed(hours, zones, again))
    end = again or at + timedelta(days=LOOKED_AHEAD - 1)
    step = max((end - at) / 40, timedelta(minutes=15))
    looked = at
    while looked < end:
        assert not allowed(hours, zones, looked) or looked == again
        looked += step


@pytest.mark.parametrize(
    "text", ["", "9-21", "21:00-09:00", "09:00-09:00", "09:60-21:00", "09:00-24:01", "99:00-100:00"]
)
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 09:00-21:00"):
        opening(text)


def test_days_are_written_as_people_do() -> None:
    assert weekdays("") == frozenset(range(7))
    assert weekdays("mon-sat") == frozenset(range(6))
    assert weekdays("Sat - mon") == {5, 6, 0}
    assert weekdays("mon, wed") == {0, 2}
    for text in ("monday", "mon-", "-mon", "mon-xyz"):
        with pytest.raises(ValueError, match="such as mon-sat"):
            weekdays(text)
    assert str(timetable("9:00-24:00", "mon")) == "09:00 to 24:00, mon"
    assert allowed(timetable("00:00-24:00", ""), INDIA, utc(2026, 11, 27, 18, 31)) is True
