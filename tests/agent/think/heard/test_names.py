"""The caller's name is taken where they give it, and "I am looking" is no name."""

import pytest

from agent.think.heard.names import find_name
from agent.think.heard.words import Heard


def name(said: str, asked: bool = False) -> str:
    found = find_name(Heard.of(said), asked)
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("My name is Anita.", "Anita"),
        ("my name is anita", "Anita"),
        ("This is Rahul Sharma, I want a flat", "Rahul Sharma"),
        ("I am Priya", "Priya"),
        ("I'm Suresh from Pune", "Suresh"),
        ("I am Mr. Sharma", "Mr Sharma"),
        ("Anita here", "Anita"),
        ("you can call me Sam", "Sam"),
    ],
)
def test_a_name_that_is_given(said: str, value: str):
    assert name(said) == value


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Anita", "Anita"),
        ("rahul sharma", "Rahul Sharma"),
        ("Yes, it's Anita", "Anita"),
        ("Emida, emida,", "Emida"),
        ("I am pryanka", "Pryanka"),
        ("A N I T A", "Anita"),
        ("Rahul Sharma from Delhi", "Rahul Sharma"),
    ],
)
def test_a_bare_name_is_an_answer(said: str, value: str):
    assert name(said, asked=True) == value


@pytest.mark.parametrize(
    "said",
    [
        "I am looking for a flat",
        "I am interested",
        "I am an investor",
        "I am pryanka",
        "This is Whitefield",
        "This is not good",
        "I am in Bangalore",
        "It is Saturday",
        "call me back",
        "call me later",
        "Who is this?",
        "this is about a flat",
        "My name is not important",
    ],
)
def test_other_words_are_no_name(said: str):
    assert name(said) == ""


@pytest.mark.parametrize("said", ["no", "yes", "sure", "sorry", "I'd rather not say", "why do you need it?", "not now"])
def test_no_answer_is_no_name(said: str):
    assert name(said, asked=True) == ""
