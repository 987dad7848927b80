"""Speech that can be read, and callers whose words can be counted: over a telephone, cut, and beside other sounds."""

from __future__ import annotations

import random

import numpy as np
import pytest

from agent.rehearsal import codewords
from agent.rehearsal.playback import Played
from agent.rehearsal.sound import encode, from_pcm, tone
from agent.rehearsal.spelling import UNKNOWN, read, spelled

TEXT = "Hello, this is Priya: ~42% of {flats} are gone! Is that right?"


def telephone(text: str, rate: int = 24000) -> bytes:
    return from_pcm(spelled(text, rate), rate)


def pieces(mulaw: bytes, size: int = 160, at_ms: float = 0) -> list[Played]:
    return [Played(mulaw[n : n + size], at_ms + n / 8) for n in range(0, len(mulaw), size)]


def test_every_character_is_read_over_a_telephone() -> None:
    every = "".join(map(chr, range(32, 127)))
    (heard,) = read(pieces(telephone(every)))
    assert (heard.text, heard.start_ms, heard.spelled) == (every, 0, True)
    assert heard.end_ms == pytest.approx(95 * 60, abs=1)


def test_what_is_no_ascii_takes_its_place() -> None:
    assert read(pieces(telephone("a ₹ b")))[0].text == f"a {UNKNOWN} b"


def test_a_pause_parts_two_stretches_and_each_has_its_time() -> None:
    sound = telephone("First.") + b"\xff" * 8 * 150 + telephone("And then.")
    heard = read(pieces(sound, at_ms=1000))

    assert [words.text for words in heard] == ["First.", "And then."]
    assert [words.start_ms for words in heard] == pytest.approx([1000, 1000 + 6 * 60 + 150], abs=2)
    assert [words.end_ms for words in heard] == pytest.approx([1360, 1510 + 540], abs=2)


def test_sound_that_ran_dry_in_a_word_is_read_all_the_same() -> None:
    sound = telephone("First.")
    heard = read([*pieces(sound[:1000]), *pieces(sound[1000:], at_ms=125 + 300)])

    assert [words.text for words in heard] == ["First."]


def test_a_character_that_was_dropped_does_not_shift_those_behind_it() -> None:
    cut = pieces(telephone("First.")[: 150 * 8])
    heard = read([*cut, *pieces(telephone("Sorry."), at_ms=150)], cuts=[150])

    assert [(words.text, words.start_ms) for words in heard] == [("Fi", 0), ("Sorry.", 150)]


def test_two_sentences_with_nothing_sent_between_them_are_two_stretches() -> None:
    first, then = telephone("First."), telephone("And then.")
    heard = read([*pieces(first), *pieces(then, at_ms=5000)])

    assert [(words.text, words.start_ms) for words in heard] == [("First.", 0), ("And then.", 5000)]


@pytest.mark.parametrize(("ms", "text"), [(120, "Fi"), (150, "Fi"), (165, "Fir"), (10, "")])
def test_of_a_cut_sentence_what_was_heard_is_read(ms: int, text: str) -> None:
    (heard,) = read(pieces(telephone("First.")[: ms * 8]))
    assert heard.text == text


@pytest.mark.parametrize("ms", [70, 80, 90, 100, 110])
def test_speech_that_goes_on_in_the_middle_of_a_character_is_read_from_the_next_one(ms: int) -> None:
    (heard,) = read(pieces(telephone(TEXT)[ms * 8 :]))
    assert heard.text in {TEXT[1:], TEXT[2:], UNKNOWN + TEXT[2:]}


def test_a_cut_and_what_is_played_at_the_same_time_are_told_apart_in_spite_of_rounding() -> None:
    first, then = pieces(telephone("First.")), pieces(telephone("And then."), at_ms=360)
    heard = read([*first[:-3], *then], [360 + 1e-9])
    assert [words.text for words in heard] == ["First", "And then."]


def test_other_sounds_are_not_read() -> None:
    noise = encode(np.random.default_rng(0).normal(0, 0.2, 8000))
    (heard,) = read(pieces(noise))
    assert (heard.text, heard.spelled) == ("", False)
    assert read([]) == []
    assert read(pieces(b"\xff\x7f" * 800)) == []


def test_every_word_is_heard_and_none_is_like_another() -> None:
    assert len({codewords.word(n) for n in range(256)}) == 256
    everything = list(range(256))
    random.Random(0).shuffle(everything)
    speech = encode(0.4 * np.sin(np.arange(20000) * 0.3) * np.sin(np.arange(20000) * 0.002))
    for start in range(0, 256, 8):
        numbers = everything[start : start + 8]
        assert codewords.numbers(codewords.line(speech, numbers)) == numbers


def test_wherever_a_line_is_cut_whole_words_are_heard_and_no_others() -> None:
    speech = encode(np.random.default_rng(0).normal(0, 0.1, 16000))
    said = codewords.line(speech, [5, 6, 7, 8, 9])
    for start in range(0, 950, 70):
        heard = codewords.numbers(b"\xff" * 1000 + said[start * 8 :] + b"\x7f" * 1000)
        sure = [5, 6, 7, 8, 9][-(-start // 240) :]
        assert heard in (sure, [sure[0] - 1, *sure])


def test_nobody_else_says_such_words() -> None:
    for sound in (tone(2000), tone(2000, 2600), encode(np.random.default_rng(1).normal(0, 0.2, 16000)), b"\xff" * 9000):
        assert codewords.numbers(sound) == []
    assert codewords.words(b"") == ""
