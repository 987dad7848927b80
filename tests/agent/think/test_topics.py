"""What the agent asked is known from its words, whoever wrote them and wherever they were cut off."""

import pytest

from agent.config import Settings
from agent.think.script.phrases import QUESTIONS
from agent.think.topics import topic_of


@pytest.mark.parametrize(
    ("intent", "topic"), [(intent, topic) for intent, topics in QUESTIONS.items() for topic in topics]
)
def test_every_question_of_the_script_is_recognised(intent: str, topic: str):
    assert [topic_of(q) for q in QUESTIONS[intent][topic]] == [topic, topic]


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("Sure! And what's your budget for this?", "budget"),
        ("Lovely. Where would you like to live?", "location"),
        ("When would you like to move in?", "timeline"),
        ("When may a colleague call you?", "callback"),
        ("Who am I speaking with?", "name"),
        ("I see. What is your budget? Or shall I go on?", "budget"),
        ("Of course, take your time.", ""),
        ("Are you still there?", ""),
        ("", ""),
    ],
)
def test_questions_in_other_words(said: str, topic: str):
    assert topic_of(said) == topic


def test_the_greeting_asks_what_the_caller_wants():
    assert topic_of(str(Settings.model_fields["GREETING"].default)) == "intent"


def test_a_question_cut_short_counts_where_enough_of_it_was_heard():
    assert topic_of("Lovely. What budget do you -") == "budget"
    assert topic_of("Lovely. What -") == ""
    assert topic_of("What budget do you have in mind? I mean, -") == "budget"
