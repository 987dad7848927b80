"""A recogniser that loops writes thousands of words: reading them must not hold up the sound of all other calls.

Without bounds these texts take minutes to hours, so that a test that comes back slow fails by not ending.
"""

import pytest

from agent.think.facts import extract
from agent.think.heard.money import find_budget
from agent.think.heard.words import LONGEST, Heard
from agent.think.policy import Persona, Policy
from agent.think.ports import Message, Prompt

LOOPS = [
    *(
        "80 lakh ",
        "80 lakh and ",
        "80 to ",
        "80 lakh to ",
        "between 80 ",
        "a ",
        "my name is ",
        "two bedroom ",
        "twenty ",
    ),
    *("rupees 80,00,000 ", "in ", "in the ", "7", "A.B.", "...", "  \n", "😀", "9845012345 ", "call me ", "not "),
]
QUESTIONS = ["What budget do you have in mind?", "May I have your name, please?", "Which area do you have in mind?"]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_is_read_to_its_end(loop: str):
    said = loop * (16_000 // len(loop))
    for question in QUESTIONS:
        extract(said, question)
        talk = (Message("agent", question), Message("caller", said))
        assert Policy(Persona("Priya", "Premier Realty Group")).respond(Prompt("", talk))[0]


def test_amounts_in_a_row_are_not_taken_apart_in_every_way():
    said = Heard.of("80 lakh 20 thousand " * 40)
    found = find_budget(said, asked=True)
    assert found is not None
    assert len(said.text[found.start : found.end].split()) <= 6


def test_of_a_very_long_utterance_the_newest_words_count():
    facts = extract("I want a plot in Hebbal. " + "well you see " * 200 + "eighty lakhs", "What is your budget?")
    assert facts["budget"].value == "80 lakh rupees"
    assert "location" not in facts


def test_a_long_utterance_is_cut_at_a_word():
    assert set(Heard.of("abcdefg " * 400).text.split()) == {"abcdefg"}
    assert len(Heard.of("x" * 5000).said) == LONGEST
    assert Heard.of("y " + "x" * LONGEST).said == "x" * LONGEST
