"""Dates, numbers and endings as people write them."""

from zoneinfo import ZoneInfo

import pytest

from agent.keep.asked import asked
from agent.keep.query import Query

INDIA = ZoneInfo("Asia/Kolkata")


def query(**given: str) -> Query:
    found, wrong = asked(given, INDIA)
    assert wrong == []
    return found


def wrong(**given: str) -> dict[str, str]:
    return dict(asked(given, INDIA)[1])


def test_nothing_asked_is_everything() -> None:
    assert query() == Query()
    assert query(since="", q="") == Query()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-22T10:00:00+05:30", "2026-11-22T04:30:00.000+00:00"),
        ("2026-11-22T10:00:00 05:30", "2026-11-22T04:30:00.000+00:00"),
        ("2026-11-22 10:00 0530", "2026-11-22T04:30:00.000+00:00"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000+00:00"),
        ("2026-11-22T10:00:00.0001Z", "2026-11-22T10:00:00.001+00:00"),
        ("2026-11-22T10:00:00-08:00", "2026-11-22T18:00:00.000+00:00"),
        ("2026-11-22", "2026-11-21T18:30:00.000+00:00"),
        ("0001-01-01", "0001-01-01T00:00:00.000+00:00"),
    ],
)
def test_a_time_is_told_in_utc_whatever_its_zone(text: str, utc: str) -> None:
    assert query(since=text).since == utc


def test_a_day_asked_for_until_is_in_it() -> None:
    assert query(until="2026-11-22").until == "2026-11-22T18:30:00.000+00:00"
    assert query(until="9999-12-31").until.startswith("9999-12-31T")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-22T10:00:00", "22/11/2026", "+", "0"])
def test_a_time_that_is_none_or_has_no_zone_is_told_with_an_example(text: str) -> None:
    detail = wrong(since=text)["since"]

    assert text in detail
    assert "+05:30" in detail


@pytest.mark.parametrize(
    "text",
    ["+919876543210", " 919876543210", "+91 98765-43210", "+91 (98765) 43210", "00919876543210", "0091 98765 43210"],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert query(number=text).number == "+919876543210"


@pytest.mark.parametrize("text", ["sip:desk@example.in", "client:asha", "anonymous"])
def test_callers_without_a_number_are_found_by_what_the_carrier_calls_them(text: str) -> None:
    assert query(number=text).number == text


@pytest.mark.parametrize("text", ["9876543210", "09876543210", "1800123456", "56161", "+12345", "000", "00912345"])
def test_digits_that_carriers_give_without_a_country_are_taken_as_they_are(text: str) -> None:
    assert query(number=text).number == text


@pytest.mark.parametrize("text", ["98765 43210", "098765 43210", "12", "1" * 16, "91x", "", "<b>", "٩٨٧٦٥٤٣٢١٠"])
def test_a_number_without_its_country_is_refused_and_never_guessed(text: str) -> None:
    if text:
        assert "country code" in wrong(number=text)["number"]


@pytest.mark.parametrize("text", ["caller hung up", "caller_hung_up", "Caller-Hung-Up"])
def test_an_ending_may_be_written_in_one_word(text: str) -> None:
    assert query(ending=text).ending == "caller hung up"


@pytest.mark.parametrize("text", ["goes_on", "goes on"])
def test_calls_that_go_on_have_an_ending_to_ask_for(text: str) -> None:
    assert query(ending=text).ending == "goes_on"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = wrong(since="x", ending="bored", min_score="101", max_score="-1", q="y" * 201, number="5")

    assert set(found) == {"since", "ending", "min_score", "max_score", "q", "number"}
    assert "caller hung up" in found["ending"]


def test_scores_and_words_are_taken_as_they_are() -> None:
    assert query(min_score="40", max_score="100", q="two bedroom") == Query(
        least_score=40, most_score=100, text="two bedroom"
    )
