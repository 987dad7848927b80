"""What recognisers make up is dropped; what callers say stays, however short."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hear.transcript import clean, worth_hearing
from agent.model import Utterance
from agent.wire import mulaw


def utterance(samples):
    """From floats of -1..1."""
    sound = mulaw.encode(np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16))
    return Utterance(sound, 0.0, len(sound) / 8)


def hiss(seconds, level_db):
    return np.random.default_rng(3).normal(size=int(seconds * 8000)) * 10 ** (level_db / 20)


def speech(seconds=1.0, level_db=-20.0):
    """The shape of speech: syllables of a voiced tone, 320 ms of quiet line before, 192 ms after."""
    at = np.arange(int(seconds * 8000)) / 8000
    voice = np.sign(np.sin(2 * np.pi * 140 * at)) * np.abs(np.sin(2 * np.pi * 2 * at)) * 10 ** (level_db / 20)
    return utterance(
        np.concatenate((np.zeros(2560), voice, np.zeros(1536))) + hiss(seconds + 0.512, -65)[: len(voice) + 4096]
    )


def line_noise(seconds=1.0, level_db=-50.0):
    return utterance(hiss(seconds, level_db))


@pytest.mark.parametrize("answer", [
    "Yes.", "Yeah", "No", "Okay.", "Haan.", "Haan ji", "Nahi.", "Hello?", "Two.", "2", "Hmm.", "Bye.", "Thank you.",
    "Thanks!", "हाँ", "Whitefield", "Eighty lakhs.", "₹80 lakh", "Thank you, bye.", "I'm sorry.", "Do you?", "You know?",
])  # fmt: skip
def test_short_real_answers_stay_as_they_are(answer):
    assert clean(answer, speech()) == answer


@pytest.mark.parametrize("made_up", [
    "You", "you", "You.", " you ", "", " ", ".", "...", "♪♪", "♪ ♪ ♪", "[BLANK_AUDIO]", "[Music]", "(music)",
    "*sighs*", "(upbeat music) [Applause]", "Thanks for watching!", "Thank you for watching.",
    "Thank you so much for watching!", "Please subscribe to my channel.", "Subtitles by the Amara.org community",
])  # fmt: skip
def test_what_nobody_says_on_the_phone_is_dropped_whatever_the_sound(made_up):
    assert clean(made_up, speech()) == ""


@pytest.mark.parametrize("courtesy", ["Thank you.", "thank you", "Thanks.", "Bye.", "Bye-bye.", "So", "The", "Oh."])
@pytest.mark.parametrize("sound", [
    line_noise(level_db=-30), line_noise(level_db=-50), speech(level_db=-50), speech(0.1),
    utterance(0.3 * np.sin(np.arange(8000) / 3)),
], ids=["loud hiss", "faint hiss", "too faint", "too brief", "a tone"])  # fmt: skip
def test_a_courtesy_is_dropped_where_the_sound_cannot_be_speech(courtesy, sound):
    assert clean(courtesy, sound) == ""


def test_yes_and_no_are_never_doubted():
    assert clean("Yes.", line_noise(level_db=-30)) == "Yes."
    assert clean("No.", speech(level_db=-50)) == "No."


def test_real_words_survive_beside_made_up_ones():
    assert clean("I need a flat. Thanks for watching!", speech(3)) == "I need a flat."
    assert clean("[coughs] Around eighty lakhs (laughs).", speech(3)) == "Around eighty lakhs."
    assert clean("My number is (080) 2345.", speech(3)) == "My number is (080) 2345."


@pytest.mark.parametrize(("looped", "once"), [
    ("Five five five five five five five five", "Five"),
    ("Whitefield whitefield whitefield whitefield.", "Whitefield."),
    ("Yeah, yeah, yeah, yeah, yeah, yeah,", "Yeah,"),
    ("I am going to I am going to I am going to I am going to buy", "I am going to buy"),
    ("9aaaaaaaaaaaaaaaaa", "9a"),
])  # fmt: skip
def test_loops_are_taken_apart(looped, once):
    assert clean(looped, speech(0.5)) == once if "going" not in looped else clean(looped, speech(3)) == once


@pytest.mark.parametrize("said", [
    "No, no, no.", "Hello, hello?", "nine eight eight eight eight eight zero one two three",
    "nine nine nine nine nine nine nine nine nine nine", "9999999999", "yes yes yes, that is fine",
])  # fmt: skip
def test_honest_repetition_stays(said):
    assert clean(said, speech(3)) == said


def test_more_text_than_the_time_can_hold_is_dropped():
    text = "Please see the complete disclaimer at the end of this video"
    assert clean(text, speech(0.3)) == ""
    assert clean(text, speech(3)) == text


@given(st.text(max_size=60), st.binary(max_size=4000))
def test_no_text_and_no_sound_make_it_stumble(text, sound):
    heard = Utterance(sound, 0.0, len(sound) / 8)
    assert isinstance(clean(text, heard), str)
    assert worth_hearing(heard) in (True, False)


@pytest.mark.parametrize("said", [speech(), speech(0.2), speech(level_db=-40), speech(10)])
def test_speech_is_worth_hearing(said):
    assert worth_hearing(said)


@pytest.mark.parametrize("nothing", [
    utterance(np.zeros(0)), Utterance(mulaw.SILENCE * 8000, 0, 1000), Utterance(b"\x7f" * 8000, 0, 1000),
    utterance(hiss(0.09, -20)), line_noise(level_db=-60), line_noise(30, level_db=-60),
], ids=["empty", "silence", "minus zero", "90 ms", "comfort noise", "much comfort noise"])  # fmt: skip
def test_nothing_is_not_worth_hearing(nothing):
    assert not worth_hearing(nothing)


def test_one_word_in_a_long_silence_is_worth_hearing():
    quiet = hiss(30, -65)
    quiet[120000:121600] += hiss(0.2, -25)
    assert worth_hearing(utterance(quiet))
