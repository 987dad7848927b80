"""A telephone number is understood however it is said."""

import pytest

from agent.think.heard.phones import find_phone
from agent.think.heard.words import Heard


@pytest.mark.parametrize(
    "said",
    [
        "My number is nine eight four five zero one two three four five",
        "nine eight four five oh one two three four five",
        "ninety eight forty five zero one two three four five",
        "98450 12345",
        "9845012345",
        "it is +91 98450 12345, thank you",
        "zero nine eight four five zero one two three four five",
    ],
)
def test_a_number_is_ten_digits(said: str):
    found = find_phone(Heard.of(said))
    assert found is not None
    assert found[0] == "9845012345"


def test_double_and_triple_are_so_many_digits():
    heard = Heard.of("call me on nine double eight four five triple zero one two please")
    assert find_phone(heard) == ("9884500012", 11, len(heard.text) - len(" please"))


def test_a_zero_in_front_of_a_group_is_not_lost():
    found = find_phone(Heard.of("98450 01234"))
    assert found is not None
    assert found[0] == "9845001234"


@pytest.mark.parametrize(
    "said", ["eighty lakhs", "80,00,000", "1234567890", "nine eight four", "2026 2027 20", "oh oh", ""]
)
def test_other_numbers_are_none(said: str):
    assert find_phone(Heard.of(said)) is None
