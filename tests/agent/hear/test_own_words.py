import pytest

from agent.hear.own_words import are_own_words

SAYING = "Lovely. A two bedroom flat in Whitefield, around eighty lakhs. How soon are you hoping to move?"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("a two bedroom flat in white field", True),
        ("How soon are you hoping to move", True),
        ("around eighty locks how soon are you", True),
        ("Whitefield", False),
        ("two bedroom flat", False),
        ("no a three bedroom flat in Hebbal please", False),
        ("how soon can you show me the flat", False),
        ("", False),
    ],
)
def test_own_words_are_told_from_a_callers(text: str, own: bool) -> None:
    assert are_own_words(text, SAYING) is own
