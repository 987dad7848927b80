import pytest

from agent.hear.backchannel import judge


@pytest.mark.parametrize(
    "text", ["mm-hm", "Mm hmm.", "haan", "Haan ji.", "ok", "okay, okay", "theek hai", "accha", "हाँ", "I see."]
)
def test_what_says_go_on_is_a_backchannel(text: str) -> None:
    assert judge(text, 500) == "backchannel"


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "No.",
        "wait",
        "what",
        "hello?",
        "one second",
        "I want a house",
        "okay but not there",
        "bye",
        "Whitefield",
    ],
)
def test_what_wants_the_floor_is_a_turn(text: str) -> None:
    assert judge(text, 500) == "turn"


def test_an_assent_to_a_question_is_an_answer_and_a_hum_is_none() -> None:
    assert judge("yes", 300, question_cut=True) == "turn"
    assert judge("theek hai", 500, question_cut=True) == "turn"
    assert judge("mm-hm", 300, question_cut=True) == "backchannel"


@pytest.mark.parametrize("text", ["Mama.", "Hanji", '"Thick high".', "Take a", "At your.", "I care.", "T-K"])
def test_what_english_ears_make_of_hindi_is_known(text: str) -> None:
    assert judge(text, 600) == "backchannel"


def test_a_short_word_nobody_knows_is_a_hum_unless_it_tells_something_or_answers() -> None:
    assert judge("Lorna", 350) == "backchannel"
    assert judge("Lorna", 700) == "turn"
    assert judge("Rent.", 350, told=True) == "turn"
    assert judge("Anil.", 350, question_cut=True) == "turn"


def test_nothing_is_nothing_and_long_speech_is_a_turn() -> None:
    assert judge("", 300) == "nothing"
    assert judge("...", 300) == "nothing"
    assert judge("yes yes yes okay right right", 3000) == "turn"
