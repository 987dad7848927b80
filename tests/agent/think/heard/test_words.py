"""What a recogniser writes is made easy to match, and what was really heard is not lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.think.heard.words import Heard, repeated_once


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Eighty five", "85"),
        ("one hundred and twenty", "120"),
        ("a hundred", "100"),
        ("one twenty", "120"),
        ("One point two five", "1.25"),
        ("one and a half, two and half", "1.5 2.5"),
        ("twenty one, thirty", "21 30"),
        ("80,00,000 and 1,250 and 3.5", "8000000 and 1250 and 3.5"),
        ("fourty ninty", "40 90"),
        ("eighty-lock", "80 lock"),
        ("80L, 2BHK", "80 l 2 bhk"),
        ("₹80 Rs. 90", "rupees 80 rupees 90"),
        ("I'm not sure, don't call; can't, won't, it's", "i am not sure do not call can not will not it is"),
        ("dont, thats, im", "do not that is i am"),
        ("J.P. Nagar", "j p nagar"),
        ("नमस्ते जी", "नमस्ते जी"),
        ("a half, the point", "a half the point"),
        ("", ""),
    ],
)
def test_numbers_become_digits_and_contractions_words(said: str, text: str):
    assert Heard.of(said).text == text


def test_the_evidence_is_what_was_heard():
    heard = Heard.of("Well, it's Eighty-Five lock, max.")
    start = heard.text.index("85")
    assert heard.text == "well it is 85 lock max"
    assert heard.evidence(start, start + len("85 lock")) == "Eighty-Five lock"
    assert heard.originals(0, 4) == ["Well"]
    assert heard.pause_after(4)
    assert not heard.pause_after(start + 2)
    assert heard.pause_after(len(heard.text))


def test_a_stuttered_word_counts_once_but_repeated_digits_are_a_number():
    assert repeated_once(Heard.of("Rent, rent.")).text == "rent"
    assert repeated_once(Heard.of("five five")).text == "5 5"
    assert repeated_once(Heard.of("no thanks")).text == "no thanks"


@given(st.text(max_size=120))
def test_every_word_knows_where_it_came_from(said: str):
    heard = Heard.of(said)
    words = heard.text.split(" ") if heard.text else []
    assert len(words) == len(heard.spans)
    assert all(words)
    assert all(0 <= a < b <= len(heard.said) for a, b in heard.spans)
