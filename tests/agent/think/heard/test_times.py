"""How soon a home is wanted, and when a call would suit."""

import pytest

from agent.think.heard.times import find_call_time, find_timeline
from agent.think.heard.words import Heard


def timeline(said: str, asked: bool = False) -> str:
    found = find_timeline(Heard.of(said), asked)
    return found[0] if found else ""


def call_time(said: str) -> str:
    found = find_call_time(Heard.of(said))
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("in three months", "in 3 months"),
        ("In about six months.", "in 6 months"),
        ("within two months", "within 2 months"),
        ("in two or three weeks", "in 2 to 3 weeks"),
        ("in a year", "in 1 year"),
        ("in half a year", "in 6 months"),
        ("We want to move by march.", "by March"),
        ("before the end of december", "by December"),
        ("around Diwali", "around Diwali"),
        ("After De Wally,", "after Diwali"),
        ("in 2027", "in 2027"),
        ("next year", "next year"),
        ("maybe next month", "next month"),
        ("by the end of the year", "by the end of the year"),
        ("immediately", "immediately"),
        ("as soon as possible", "immediately"),
        ("there is no hurry", "no hurry"),
        ("we are not in a hurry", "no hurry"),
        ("it is not urgent", "no hurry"),
    ],
)
def test_how_soon(said: str, value: str):
    assert timeline(said) == value


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("three months", "in 3 months"),
        ("march", "by March"),
        ("I march,", "by March"),
        ("now", "immediately"),
        ("we are flexible", "no hurry"),
        ("not now", ""),
    ],
)
def test_a_bare_time_is_an_answer(said: str, value: str):
    assert timeline(said, asked=True) == value
    assert timeline(said) == ""


@pytest.mark.parametrize(
    "said", ["call me next week", "I am 30 years old", "three months ago", "I may buy", "can I visit in the next week"]
)
def test_other_times_are_no_timeline(said: str):
    assert timeline(said) == ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("tomorrow evening", "tomorrow evening"),
        ("to-morrow", "tomorrow"),
        ("after six", "after 6"),
        ("on Saturday morning", "Saturday morning"),
        ("the day after tomorrow", "day after tomorrow"),
        ("call me later", "later"),
        ("ten thirty", "at 10:30"),
        ("five thirty", "at 5:30"),
        ("10:30 am", "at 10:30 a m"),
        ("half past five", "at 5:30"),
        ("six o'clock", "at 6"),
        ("five", "at 5"),
        ("Saturday evening at five", "Saturday evening at 5"),
        ("tomorrow after six thirty p.m.", "tomorrow after 6:30 p m"),
        ("at five in the evening", "evening at 5"),
        ("five in the evening tomorrow", "tomorrow evening at 5"),
        ("in two hours", "in 2 hours"),
        ("I have two kids", ""),
        ("for 80 lakhs", ""),
        ("yes please", ""),
    ],
)
def test_when_a_call_would_suit(said: str, value: str):
    assert call_time(said) == value
