"""Rounds become figures; words are compared as a listener would."""

from __future__ import annotations

import pytest

from agent.doctor.figures import FACTOR, figures, understood
from agent.speak.clips import WELCOME


def test_a_figure_is_the_median_and_the_worst_of_the_rounds_that_came() -> None:
    made = figures([{"final": 300.04}, {"final": 100}, {"final": 200, FACTOR: 0.12345}])

    assert [(f.name, f.unit, f.median, f.worst) for f in made] == [
        ("final", "ms", 200, 300.0),
        (FACTOR, "x", 0.123, 0.123),
    ]
    assert made[0].rounds == (300.0, 100, 200)


def test_no_round_no_figure() -> None:
    assert figures([]) == ()


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        (WELCOME.text, True),
        ("hello and thank you for calling how may I help you today", True),
        ("Hello, and thank you for calling. How can I help you today?", True),
        ("I am looking for a flat.", False),
        ("Thank you.", False),
        ("", False),
    ],
)
def test_words_are_right_whatever_their_case_and_one_may_be_wrong(heard: str, right: bool) -> None:
    assert understood(WELCOME.text, heard) == right
