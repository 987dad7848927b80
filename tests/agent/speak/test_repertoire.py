"""What is played for a packaged recording: the call's own, once there is one."""

from agent.speak import repertoire
from agent.speak.clips import AGAIN, APOLOGY, CONNECTING, LOST, MOMENT, STILL, TROUBLE, WELCOME, Clip
from agent.speak.repertoire import REMADE, WORDS_IN, Repertoire


def made(clip: Clip) -> Clip:
    return Clip(clip.name, clip.text, b"\x7f" * 800)


def test_english_needs_nothing_made():
    phrases = Repertoire().of({}, "alloy", "en-IN")
    assert phrases.begin() is None
    assert phrases(MOMENT) is MOMENT


def test_hindi_is_played_once_it_is_made():
    phrases = Repertoire().of({}, "alloy", "hi-IN")
    wanted = phrases.begin()
    assert wanted is not None
    assert (wanted.name, wanted.text) == ("moment", WORDS_IN["hi"]["moment"])
    assert phrases(MOMENT) is MOMENT
    phrases.made(made(wanted))
    assert phrases(MOMENT).text == WORDS_IN["hi"]["moment"]
    assert phrases(MOMENT).mulaw
    assert phrases(STILL) is STILL


def test_a_line_has_its_own_words_and_the_rest_of_its_language():
    phrases = Repertoire().of({"still": "Noch einen Augenblick."}, "alloy", "de-DE")
    wanted = phrases.begin()
    assert wanted is not None
    assert (wanted.name, wanted.text) == ("still", "Noch einen Augenblick.")
    assert phrases.begin() is None


def test_calls_share_what_is_made_and_none_is_made_twice():
    process = Repertoire()
    first, second = (process.of({}, "alloy", "hi-IN") for _ in range(2))
    wanted = first.begin()
    assert wanted is not None
    other = second.begin()
    assert other is not None
    assert other.name == "still"
    first.made(made(wanted))
    second.left(other)
    assert second(MOMENT).text == wanted.text
    again = first.begin()
    assert again is not None
    assert again.name == "still"
    assert process.of({}, "shimmer", "hi-IN")(MOMENT) is MOMENT


def test_what_may_stand_in_a_transcript():
    phrases = Repertoire().of({}, "alloy", "hi-IN")
    assert phrases.texts((MOMENT, WELCOME)) == {MOMENT.text, WORDS_IN["hi"]["moment"], WELCOME.text}


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(repertoire, "MOST", 3)
    process = Repertoire()
    for speaker in "abc":
        phrases = process.of({}, speaker, "hi-IN")
        while (wanted := phrases.begin()) is not None:
            phrases.made(made(wanted))
    assert len(process._made) == 3


def test_every_built_in_language_has_all_words():
    for words in WORDS_IN.values():
        assert set(words) == {clip.name for clip in REMADE}
    assert set(REMADE) == {MOMENT, STILL, TROUBLE, CONNECTING, LOST, AGAIN, APOLOGY}
