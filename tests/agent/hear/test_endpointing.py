import pytest

from agent.hear.endpointing import LexicalEndOfTurn, digits_in
from agent.model import Utterance

SHORT, LONG = 448, 1400
RULE = LexicalEndOfTurn(SHORT, LONG)
SOUND = Utterance(b"", 0, 0)


@pytest.mark.parametrize(
    ("text", "question", "hold"),
    [
        ("Hello, I am looking for a two bedroom flat in Whitefield.", "", SHORT),
        ("Eighty lakhs.", "What is your budget?", SHORT),
        ("a flat", "", SHORT),
        ("No thank you", "Shall I call you?", SHORT),
        ("I am just looking around.", "", SHORT),
        ("somewhere around", "", LONG),
        ("Can you repeat that?", "", SHORT),
        ("Yes.", "Shall I call you?", SHORT),
        ("Whitefield.", "Which area do you have in mind?", SHORT),
        ("", "", SHORT),
        ("I want a flat in.", "", LONG),
        ("My budget is.", "", LONG),
        ("Two bedrooms and", "", LONG),
        ("I am looking for, um", "", LONG),
        ("It is near the airport,", "", SHORT),
        ("मुझे घर चाहिए और", "", LONG),
        ("ghar chahiye lekin", "", LONG),
        ("Nine eight four five", "May I have your number?", LONG),
        ("nine eight four five zero one two three four five", "May I have your number?", SHORT),
        ("nine eight double four five zero one two three four", "What is your phone number?", SHORT),
        ("my number is nine eight four", "", LONG),
        ("eighty", "What budget do you have in mind?", SHORT),
        ("2", "What budget do you have in mind?", (SHORT + LONG) / 2),
        ("Flat number twelve, third cross", "What is the address?", LONG),
        ("It is near the lake", "What is the address?", (SHORT + LONG) / 2),
    ],
)
def test_words_that_are_not_complete_are_waited_for(text: str, question: str, hold: float) -> None:
    assert RULE.hold_ms(text, question, SOUND) == hold


def test_digits_are_counted_as_they_are_said() -> None:
    assert digits_in("nine eight double five") == 4
    assert digits_in("98450 triple zero") == 8
    assert digits_in("eighty lakhs") == 0
