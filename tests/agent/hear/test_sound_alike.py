"""Spellings of the same sounds are near each other, others are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hear.sound_alike import distance, nearest, sounds


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("rico", "ruko"),
        ("acminute", "ek minute"),
        ("hanjay", "haan ji"),
        ("a car", "aka"),
        ("accha", "atcha"),
        ("high", "hi"),
    ],
)
def test_the_same_sounds(one: str, two: str) -> None:
    assert sounds(one) == sounds(two)


@pytest.mark.parametrize(("heard", "said"), [("the kai", "theek hai"), ("big high", "theek hai"), ("now him", "nahin")])
def test_near_sounds(heard: str, said: str) -> None:
    assert 0 < nearest(heard, [said]) <= 0.21


@pytest.mark.parametrize(
    ("heard", "said"), [("parking", "theek hai"), ("whitefield", "haan ji"), ("rico", "theek hai")]
)
def test_far_sounds(heard: str, said: str) -> None:
    assert nearest(heard, [said]) > 0.25


def test_without_latin_letters_or_phrases_nothing_is_near() -> None:
    assert sounds("ठीक है") == ""
    assert nearest("ठीक है", ["theek hai"]) > 0.5
    assert nearest("theek hai", []) == 1


@given(st.text("abcdeghiknrsty ", max_size=20), st.text("abcdeghiknrsty ", max_size=20))
def test_a_distance_is_one(one: str, two: str) -> None:
    a, b = sounds(one), sounds(two)
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(distance(b, a))
    assert 0 <= distance(a, b) <= 1
