"""Amounts of money are understood the Indian way, also where the recogniser never heard of a lakh."""

import pytest

from agent.think.heard.money import find_budget, in_words, parse_value
from agent.think.heard.words import Heard


def budget(said: str, asked: bool = False, renting: bool = False) -> str:
    found = find_budget(Heard.of(said), asked, renting)
    return found.value if found else ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("around eighty lakhs", "80 lakh rupees"),
        ("80L", "80 lakh rupees"),
        ("₹80L", "80 lakh rupees"),
        ("Rs. 80,00,000", "80 lakh rupees"),
        ("rupees eighty lakh", "80 lakh rupees"),
        ("1.2 crore", "1.2 crore rupees"),
        ("one and a half crores", "1.5 crore rupees"),
        ("half a crore", "50 lakh rupees"),
        ("a crore", "1 crore rupees"),
        ("couple of crores", "2 crore rupees"),
        ("one crore twenty lakhs", "1.2 crore rupees"),
        ("1 crore and 20 lakhs", "1.2 crore rupees"),
        ("sixty five lakh fifty thousand", "65.5 lakh rupees"),
        ("one twenty lakhs", "1.2 crore rupees"),
        ("thirty thousand a month", "30 thousand rupees"),
        ("25k", "25 thousand rupees"),
        ("my rent is 25000", "25 thousand rupees"),
        ("eighty to ninety lakhs", "80 to 90 lakh rupees"),
        ("between seventy and eighty lakhs", "70 to 80 lakh rupees"),
        ("80 to 1 crore", "80 lakh to 1 crore rupees"),
        ("two or three crores", "2 to 3 crore rupees"),
        ("one lakh fifty thousand monthly", "1.5 lakh rupees"),
        ("not more than ninety lakhs", "up to 90 lakh rupees"),
        ("under three crores", "up to 3 crore rupees"),
        ("below rupees 80 lakhs", "up to 80 lakh rupees"),
        ("upto a crore", "up to 1 crore rupees"),
        ("80 lakhs maximum", "up to 80 lakh rupees"),
        ("less than 80 lakhs", "up to 80 lakh rupees"),
        ("not less than 80 lakhs", "80 lakh rupees"),
    ],
)
def test_amounts_as_they_are_spoken(said: str, value: str):
    assert budget(said) == value


@pytest.mark.parametrize(
    ("heard", "value"),
    [
        ("around eighty lock.", "80 lakh rupees"),
        ("Eighty Locke,", "80 lakh rupees"),
        ("eighty lacks", "80 lakh rupees"),
        ("one lock fifty thousand monthly", "1.5 lakh rupees"),
        ("80 locks", "80 lakh rupees"),
        ("eighty to ninety-lock.", "80 to 90 lakh rupees"),
        ("Forty five lock repeats.", "45 lakh rupees"),
        ("One point two crew are,", "1.2 crore rupees"),
        ("One point two, Craw,", "1.2 crore rupees"),
        ("one and a half chord.", "1.5 crore rupees"),
        ("one and a half quarters", "1.5 crore rupees"),
        ("About two chorees,", "2 crore rupees"),
        ("Two-chords,", "2 crore rupees"),
        ("my budget is one core.", "1 crore rupees"),
    ],
)
def test_amounts_as_an_english_recogniser_hears_them(heard: str, value: str):
    assert budget(heard) == value


@pytest.mark.parametrize(
    "said",
    [
        "two bedroom flat",
        "in two quarters",
        "2 thousand square feet",
        "in three months",
        "98450 12345",
        "my number is 9845012345",
        "sector fifty six",
        "eighty",
        "the locks are broken",
        "I have two cars",
    ],
)
def test_other_numbers_are_no_budget(said: str):
    assert budget(said) == ""


@pytest.mark.parametrize(
    ("said", "renting", "value"),
    [
        ("Eighty.", False, "80 lakh rupees"),
        ("one point two", False, "1.2 crore rupees"),
        ("eighty to ninety", False, "80 to 90 lakh rupees"),
        ("thirty", True, "30 thousand rupees"),
        ("thirty to forty", True, "30 to 40 thousand rupees"),
        ("two cars and a dog", False, ""),
        ("two thousand square feet", False, ""),
    ],
)
def test_a_bare_number_is_money_where_money_was_asked_for(said: str, renting: bool, value: str):
    assert budget(said, asked=True, renting=renting) == value


def test_the_last_amount_counts_as_a_correction():
    assert budget("eighty lakhs, no, ninety lakhs") == "90 lakh rupees"
    assert budget("90 lakhs, not 80 lakhs") == "90 lakh rupees"


def test_a_deposit_is_not_the_budget():
    assert budget("my budget is eighty lakhs with twenty lakhs down payment") == "80 lakh rupees"


def test_a_value_can_be_read_back():
    assert parse_value("80 to 90 lakh rupees") == (8_000_000, 9_000_000)
    assert parse_value("80 lakh to 1.2 crore rupees") == (8_000_000, 12_000_000)
    assert parse_value("30 thousand rupees") == (30_000, 30_000)
    assert parse_value("Whitefield") is None


def test_rupees_in_words():
    assert [in_words(n) for n in (8_000_000, 12_500_000, 30_000, 500)] == [
        "80 lakh",
        "1.25 crore",
        "30 thousand",
        "500",
    ]
