import pytest

from agent import language


@pytest.mark.parametrize(
    ("given", "tag", "code", "name"),
    [
        ("hi-IN", "hi-IN", "hi", "Hindi"),
        ("HI-in", "hi-IN", "hi", "Hindi"),
        ("hi-latn-in", "hi-Latn-IN", "hi", "Hindi"),
        ("en-IN", "en-IN", "en", "Indian English"),
        ("en", "en", "en", "English"),
        ("kok-IN", "kok-IN", "kok", "Konkani"),
        ("es-419", "es-419", "es", "es-419"),
    ],
)
def test_a_tag_has_one_spelling_a_code_and_a_name(given, tag, code, name):
    assert (language.tag(given), language.code(tag), language.name(tag)) == (tag, code, name)


@pytest.mark.parametrize(
    "text", ["", "h", "Hindi", "hi_IN", "hi-", "-IN", "hi IN", "hi-IN\n", "हि", "hi-IN-x-abcdefghij"]
)
def test_what_is_no_tag(text):
    assert language.tag(text) == ""
