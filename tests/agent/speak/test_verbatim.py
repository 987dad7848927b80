"""What a voice says of itself to have said is held against what it was asked to say, and its sound is held back."""

from __future__ import annotations

import math
import time
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.speak.verbatim import SLACK_MS, UNTOLD_MS, Verbatim

PACE = 60
FLAT = "A two bedroom flat in Whitefield costs eighty lakhs, and it is ready to move in."
HINDI = "नमस्ते, मैं प्रिया बोल रही हूँ। आप कैसा घर देख रहे हैं?"
HINDI_IN_LATIN = "Namaste, main Priya bol rahi hoon. Aap kaisa ghar dekh rahe hain?"

WORDS = ("a", "flat", "in", "Whitefield,", "Hebbal.", "with", "घर,", "दो", "caf\u00e9!", "lakhs")
LATIN = ("a", "flat", "in", "Whitefield", "with", "two", "rooms", "costs", "eighty", "lakhs")
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(("flat", "a", "I", "eighty", "80", "1.2", "25,000", "B", "H", "घर", "दो", "lakhs.", "-", "…")),
        st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=8),
    ),
    max_size=20,
).map(" ".join)


def sound_of(text: str) -> bytes:
    """As long as its characters; no two bytes in a row are alike, so that none is missed."""
    return bytes(n % 251 for n in range(len(text) * PACE * 8))


def said(asked: str, told: str) -> Verbatim:
    """All words, then all sound, then the end."""
    verbatim = Verbatim(asked, PACE)
    verbatim.told(told)
    verbatim.hear(sound_of(told))
    verbatim.finish()
    return verbatim


@given(TEXTS, st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4000)), min_size=1, max_size=40))
def test_a_text_said_word_for_word_is_heard_whole_however_it_comes(text: str, steps: list[tuple[int, int]]) -> None:
    verbatim = Verbatim(text, PACE)
    sound = sound_of(text)
    taken = b""
    told = heard = 0
    for words, bytes_ in cycle(steps):
        if told >= len(text) and heard >= len(sound):
            break
        more = words or int(bytes_ == 0 or heard >= len(sound))
        verbatim.told(text[told : told + more])
        told += more
        more = bytes_ or int(told >= len(text)) * 1000
        verbatim.hear(sound[heard : heard + more])
        heard += more
        taken += verbatim.take()
        assert not verbatim.reworded
        assert not verbatim.complete
    verbatim.finish()
    taken += verbatim.take()
    assert taken == sound
    assert verbatim.take() == b""
    assert verbatim.complete == bool(sound)
    assert verbatim.different == 0
    assert not any(c.isalnum() for c in verbatim.rest)


@pytest.mark.parametrize(
    "told",
    [
        FLAT,
        FLAT.upper(),
        "a two-bedroom flat in whitefield costs 80 lakhs and it is ready to move in",
        "  A two bedroom\nflat in Whitefield — costs EIGHTY lakhs; and it is ready to move-in!  ",
    ],
)
def test_case_signs_and_digits_are_no_difference(told: str) -> None:
    verbatim = said(FLAT, told)
    assert verbatim.different == 0
    assert verbatim.take() == sound_of(told)
    assert verbatim.complete


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("eighty lakhs", "80 lakhs"),
        ("80 lakh rupees", "eighty lakh rupees"),
        ("eighty-five", "85"),
        ("nine eight seven six", "9876"),
        ("98765 43210", "nine eight seven six five, four three two one zero"),
        ("1.2 crore", "one point two crore"),
        ("25,000 rupees", "25000 rupees"),
        ("in twenty twenty six", "in 2026"),
        ("a 2 B H K flat", "a 2BHK flat"),
        ("it's on the third floor", "It\u2019s on the THIRD floor."),
        ("a café", "a cafe\u0301"),
        ("८० लाख", "80 लाख"),
    ],
)
def test_what_sounds_the_same_is_the_same(asked: str, told: str) -> None:
    assert said(asked, told).different == 0


@pytest.mark.parametrize(
    ("asked", "told", "different"),
    [
        ("eighty lakhs", "ninety lakhs", 1),
        ("80 lakhs", "90 lakhs", 1),
        ("eighty lakhs", "eighteen lakhs", 1),
        ("nine eight seven", "nine eight six", 1),
        ("1.2 crore", "12 lakh", 1),
        ("80", "805", 1),
        ("a flat in Hebbal", "a flat", 2),
        ("a flat in Hebbal", "Sure! a flat in Hebbal", 1),
        ("a flat in Hebbal", "a house in Hebbal", 1),
    ],
)
def test_what_sounds_different_is_counted_word_by_word(asked: str, told: str, different: int) -> None:
    assert said(asked, told).different == different


REWORDED = {
    "chatter before it": f"Sure, of course, here you go: {FLAT}",
    "chatter behind it": f"{FLAT} Is there anything else I can do?",
    "an ending left out": "A two bedroom flat in Whitefield costs eighty lakhs.",
    "other words": "A two bedroom flat in Whitefield is available for eighty lakhs, you can move any time.",
    "an answer": "I am sorry, but I cannot help you with that.",
}


@pytest.mark.parametrize("how", REWORDED)
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_rewording_is_stopped_before_it_is_heard(how: str, cut: int) -> None:
    told = REWORDED[how]
    verbatim = Verbatim(FLAT, PACE)
    sound = sound_of(told)
    taken = b""
    known = 0
    while not verbatim.reworded and known < len(told):
        verbatim.told(told[known : known + cut])
        verbatim.hear(sound[known * PACE * 8 : (known + cut) * PACE * 8])
        taken += verbatim.take()
        known += cut
    verbatim.finish()
    assert verbatim.reworded
    assert not verbatim.complete
    assert verbatim.take() == b""
    same = len(FLAT) if how == "chatter behind it" else next(n for n, c in enumerate(told) if c != FLAT[n : n + 1])
    assert len(taken) <= (max(known - cut, same) * PACE + SLACK_MS) * 8
    begun = len(FLAT) - len(verbatim.rest)
    assert FLAT[begun:] == verbatim.rest
    assert begun <= min(same, len(taken) / 8 / PACE)
    # Not more than a word again.
    assert len(FLAT[begun : min(same, len(taken) // 8 // PACE)].split()) <= 1


def test_a_rewording_that_is_noticed_late_is_said_again_from_where_it_began() -> None:
    verbatim = Verbatim(FLAT, PACE)
    told = "A two bedroom flat in Whitefield is now available for eighty lakhs"
    verbatim.hear(sound_of(told))
    for word in told.split():
        verbatim.told(f"{word} ")
        verbatim.take()
    verbatim.told("and it is ready")
    verbatim.finish()
    assert verbatim.rest == "costs eighty lakhs, and it is ready to move in."


def test_a_word_too_many_is_not_taken_for_one_of_the_text() -> None:
    verbatim = Verbatim(FLAT, PACE)
    told = f"Certainly! {FLAT}"
    verbatim.told(told)
    verbatim.hear(sound_of(told)[: len("Certainly! A two bedroom fl") * PACE * 8])
    verbatim.finish(whole=False)
    assert not verbatim.reworded
    verbatim.take()
    assert verbatim.rest.startswith("flat in Whitefield")


@given(st.lists(st.sampled_from(LATIN), min_size=1, max_size=12), st.lists(st.sampled_from(LATIN), max_size=30))
def test_whatever_it_says_no_more_is_heard_than_agrees_and_no_word_is_lost(asked: list[str], told: list[str]) -> None:
    text = " ".join(asked)
    verbatim = Verbatim(text, PACE)
    verbatim.hear(sound_of(text * 10))
    taken = 0
    for number, word in enumerate(told):
        verbatim.told(f"{word} ")
        taken += len(verbatim.take())
        if told[: number + 1] != asked[: number + 1]:
            break
    same = next((n for n, pair in enumerate(zip(asked, told, strict=False)) if pair[0] != pair[1]), len(asked))
    # As many words as may differ may have been left out.
    assert taken <= (len(" ".join(asked[: same + 1 + len(asked) // 6 + 1])) * PACE + SLACK_MS) * 8
    assert text.endswith(verbatim.rest)
    assert len(text) - len(verbatim.rest) <= taken / 8 / PACE + 1


def test_one_word_is_what_a_recogniser_may_get_wrong() -> None:
    assert not said("Lovely.", "Lovely, then.").reworded
    assert said("Lovely.", "That is lovely, then.").reworded


def test_who_is_not_strict_measures_and_hears_all() -> None:
    verbatim = Verbatim(FLAT, PACE, strict=False)
    verbatim.hear(sound_of("What a day!"))
    assert verbatim.take() == sound_of("What a day!")
    verbatim.told("What a day!")
    verbatim.finish()
    assert verbatim.different > 10
    assert verbatim.differs
    assert not verbatim.reworded
    assert verbatim.complete


def test_hindi_is_compared_in_its_own_letters() -> None:
    assert said(HINDI, HINDI).different == 0
    assert said(HINDI, "मुझे माफ़ कीजिए, मैं यह नहीं बता सकती।").reworded


def test_hindi_told_in_latin_letters_cannot_be_compared_and_is_heard_at_once() -> None:
    verbatim = Verbatim(HINDI, PACE)
    for word in HINDI_IN_LATIN.split():
        verbatim.told(f"{word} ")
        verbatim.hear(b"\x55" * 8000)
        assert not verbatim.reworded
        assert len(verbatim.take()) == 8000
    verbatim.finish()
    assert verbatim.complete


def test_a_word_in_other_letters_may_be_the_same_one() -> None:
    asked = "Whitefield में two bedroom flat, budget अस्सी lakh तक, ready to move"
    assert said(asked, "Whitefield mein two bedroom flat, budget 80 lakh tak, ready to move").different == 0
    assert said(asked, "Hebbal mein a villa, a garden, a pool and more, कुछ भी").reworded


def test_sound_waits_for_words_and_not_for_ever() -> None:
    verbatim = Verbatim(FLAT, PACE)
    verbatim.hear(bytes(8 * 1000))
    assert len(verbatim.take()) == 8 * SLACK_MS
    verbatim.hear(bytes(8 * 1000))
    assert len(verbatim.take()) == 8 * (2000 - SLACK_MS)
    assert UNTOLD_MS <= 2000


def test_a_voice_that_tells_no_words_is_heard() -> None:
    verbatim = Verbatim("Hi!", PACE)
    verbatim.hear(bytes(8 * 700))
    verbatim.finish()
    assert verbatim.take() == bytes(8 * 700)
    assert verbatim.complete
    assert verbatim.different == 0


def test_a_response_without_sound_is_not_complete() -> None:
    verbatim = Verbatim(FLAT, PACE)
    verbatim.told(FLAT)
    verbatim.finish()
    assert not verbatim.complete
    assert verbatim.rest == FLAT


@given(st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join), st.integers(0, 100), st.booleans())
def test_what_is_left_begins_with_the_word_in_which_it_broke_off(text: str, percent: int, told: bool) -> None:
    verbatim = Verbatim(text, PACE, strict=told)
    verbatim.told(text)
    verbatim.hear(sound_of(text)[: len(text) * PACE * 8 * percent // 100])
    if told:
        verbatim.finish(whole=False)
    heard = math.floor(len(verbatim.take()) / 8 / PACE)
    assert text.endswith(verbatim.rest)
    begun = len(text) - len(verbatim.rest)
    missing = text[heard:begun]
    again = text[begun:heard].rstrip()
    assert not any(c.isalnum() for c in missing)
    assert len(again.split()) <= 1


def test_a_number_in_which_it_broke_off_is_said_again_from_its_beginning() -> None:
    verbatim = Verbatim("call nine eight seven", PACE)
    verbatim.hear(sound_of("call nine eight s"))
    verbatim.finish()
    verbatim.take()
    assert verbatim.rest == "nine eight seven"


def test_the_end_of_what_broke_off_behind_its_last_word_is_heard() -> None:
    verbatim = Verbatim(FLAT, PACE)
    verbatim.told(FLAT)
    verbatim.hear(sound_of(FLAT))
    verbatim.finish(whole=False)
    assert verbatim.take() == sound_of(FLAT)
    assert verbatim.rest == ""
    assert not verbatim.complete


def test_half_a_word_told_at_the_break_is_no_agreement() -> None:
    verbatim = Verbatim("a flat in Whitefield", PACE)
    verbatim.told("a flat in White")
    verbatim.hear(sound_of("a flat in Whitefield"))
    verbatim.finish(whole=False)
    assert len(verbatim.take()) == 8 * (len("a flat in") * PACE + SLACK_MS)
    assert verbatim.rest == "Whitefield"


def test_the_pace_is_learnt_from_what_was_said() -> None:
    assert said(FLAT, FLAT).pace == PACE


def test_a_long_text_in_many_pieces_costs_little() -> None:
    """Per piece, as often as they come from 50 calls: a quadratic comparison would take a second."""
    text = FLAT * 20
    began = time.process_time()
    verbatim = Verbatim(text, PACE)
    for at in range(0, len(text), 4):
        verbatim.told(text[at : at + 4])
        verbatim.hear(b"\x55" * 1600)
        verbatim.take()
    assert time.process_time() - began < 0.5
