"""The kind of property and its bedrooms are understood, and completed by what is said later."""

import pytest

from agent.think.heard.homes import find_area, find_property, merged
from agent.think.heard.words import Heard


def home(said: str) -> str:
    found = find_property(Heard.of(said))
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("a two bedroom flat", "two bedroom flat"),
        ("two bedrooms flat in white field", "two bedroom flat"),
        ("two-bedroom apartment", "two bedroom apartment"),
        ("to bedroom flat", "two bedroom flat"),
        ("A two-bedroom flattened malishworm", "two bedroom flat"),
        ("3 BHK", "three bedroom home"),
        ("2BHK", "two bedroom home"),
        ("Three B H K villa", "three bedroom villa"),
        ("2.5 BHK", "two and a half bedroom home"),
        ("two or three bedroom flat", "two or three bedroom flat"),
        ("villa", "villa"),
        ("Avila in Gachibowli", "villa"),
        ("A pot near electronic city", "plot"),
        ("a site in Mysore", "plot"),
        ("plot of land", "plot"),
        ("independent house", "independent house"),
        ("an office space", "office"),
        ("not a villa, a flat", "flat"),
        ("a flat, I mean a villa", "villa"),
    ],
)
def test_kinds_and_bedrooms(said: str, value: str):
    assert home(said) == value


@pytest.mark.parametrize(
    "said", ["a home loan", "a site visit", "my office is in Whitefield", "at home", "a home", "no"]
)
def test_other_words_are_no_property(said: str):
    assert home(said) == ""


@pytest.mark.parametrize(
    ("known", "new", "value"),
    [
        ("flat", "two bedroom home", "two bedroom flat"),
        ("two bedroom flat", "flat", "two bedroom flat"),
        ("two bedroom home", "villa", "two bedroom villa"),
        ("two bedroom flat", "three bedroom home", "three bedroom flat"),
        ("two bedroom flat", "plot", "plot"),
        ("plot", "two bedroom home", "two bedroom home"),
    ],
)
def test_what_comes_later_corrects_and_completes(known: str, new: str, value: str):
    assert merged(known, new) == value


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("950 square feet", "950 square feet"),
        ("nine hundred and fifty sq ft", "950 square feet"),
        ("one thousand two hundred square feet", "1200 square feet"),
        ("1,200 sq.ft.", "1200 square feet"),
        ("twelve hundred to 1500 square feet", "1200 to 1500 square feet"),
        ("200 square yards", "200 square yards"),
        ("one acre", "1 acre"),
        ("1.5 acres of land", "1.5 acres"),
        ("what is the rate per square foot", ""),
    ],
)
def test_how_large(said: str, value: str):
    found = find_area(Heard.of(said))
    assert (found[0] if found else "") == value
