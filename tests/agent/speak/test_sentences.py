"""Text is cut into sentences as it streams in, early and never in the wrong place."""

import itertools
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from agent.speak.plain import speakable
from agent.speak.sentences import FIRST_CLAUSE, LONGEST, Sentences


def cut(text: str, size: int = 1) -> list[str]:
    cutter = Sentences()
    done = [s for at in range(0, len(text), size) for s in cutter.feed(text[at : at + size])]
    return done + cutter.finish()


def test_a_short_first_sentence_leaves_at_once():
    cutter = Sentences()
    assert cutter.feed("Sure.") == []
    assert cutter.feed(" What") == ["Sure."]
    assert cutter.feed(" is your budget?") == []
    assert cutter.finish() == ["What is your budget?"]


def test_a_long_first_sentence_leaves_at_a_comma_and_later_ones_do_not():
    first = "A two bedroom flat in Whitefield around 80 lakhs,"
    assert len(first) > FIRST_CLAUSE
    later = (
        " that we can certainly look for, with pleasure. And this one is long as well, so it has commas, two of them."
    )
    assert cut(first + later) == [
        first,
        "that we can certainly look for, with pleasure.",
        "And this one is long as well, so it has commas, two of them.",
    ]


def test_an_early_comma_does_not_cut():
    assert cut("Well, that is fine.") == ["Well, that is fine."]


def test_titles_and_abbreviations_do_not_end_a_sentence():
    assert cut("Mr. Sharma and Dr. Rao met Smt. Devi. They agreed.") == [
        "Mr. Sharma and Dr. Rao met Smt. Devi.",
        "They agreed.",
    ]
    assert cut("Homes, e.g. flats, cost Rs. 80 lakh approx. per unit. Yes.") == [
        "Homes, e.g. flats, cost Rs. 80 lakh approx. per unit.",
        "Yes.",
    ]


def test_the_next_word_tells_a_number_from_a_refusal():
    assert cut("Flat No. 5 is free. No. I am sure.") == ["Flat No. 5 is free.", "No.", "I am sure."]


def test_the_time_of_day_ends_a_sentence_only_before_a_new_one():
    assert cut("We meet at 5 p.m. on Monday. It ends at 6 p.m. Then we go.") == [
        "We meet at 5 p.m. on Monday.",
        "It ends at 6 p.m.",
        "Then we go.",
    ]


def test_decimals_amounts_and_addresses_stay_whole():
    assert cut("It is 1.2 crore. Or 3.5? See www.example.in/flats. Bye!") == [
        "It is 1.2 crore.",
        "Or 3.5?",
        "See www.example.in/flats.",
        "Bye!",
    ]


def test_initials_stay_with_their_name():
    assert cut("Is it in J.P. Nagar? Ask K. R. Rao.") == ["Is it in J.P. Nagar?", "Ask K. R. Rao."]


def test_an_ellipsis_goes_on_in_small_letters():
    assert cut("Well... let me see. Hmm… Right.") == ["Well... let me see.", "Hmm…", "Right."]


def test_several_marks_and_closing_quotes_belong_to_their_sentence():
    assert cut('What?! "Yes." (Good.) **Sure.** Next') == ["What?!", '"Yes."', "(Good.)", "**Sure.**", "Next"]


def test_a_danda_ends_a_sentence_with_and_without_a_space():
    assert cut("नमस्ते। मैं प्रिया हूँ।आप कैसे हैं?") == ["नमस्ते।", "मैं प्रिया हूँ।", "आप कैसे हैं?"]


HINDI = (
    "नमस्ते! मैं प्रिया बोल रही हूँ। डॉ. शर्मा का budget ₹1.2 Cr. है, रु. 80 लाख नहीं।क्या आप Whitefield में 2BHK देख रहे हैं? "
    "Site visit शनिवार को रखें… या रविवार को? ठीक है। 1,200 sq.ft. का फ्लैट, ₹८० लाख।"
)


def test_hindi_and_hinglish_are_cut_where_a_sentence_ends():
    assert cut(HINDI) == [
        "नमस्ते!",
        "मैं प्रिया बोल रही हूँ।",
        "डॉ. शर्मा का budget ₹1.2 Cr. है, रु. 80 लाख नहीं।",
        "क्या आप Whitefield में 2BHK देख रहे हैं?",
        "Site visit शनिवार को रखें… या रविवार को?",
        "ठीक है।",
        "1,200 sq.ft. का फ्लैट, ₹८० लाख।",
    ]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.sampled_from(["NFC", "NFD"]))
def test_hindi_comes_out_the_same_however_the_stream_is_cut(sizes, form):
    text = unicodedata.normalize(form, HINDI)
    cutter, got, at = Sentences(), [], 0
    for size in itertools.cycle(sizes):
        got += cutter.feed(text[at : at + size])
        at += size
        if at >= len(text):
            break
    got += cutter.finish()

    assert got == cut(text)
    assert [speakable(sentence) for sentence in got] == [speakable(sentence) for sentence in cut(HINDI)]
    assert all(unicodedata.category(sentence[0])[0] != "M" for sentence in got)


def test_a_conjunct_stays_whole_where_there_is_no_better_place_to_cut():
    syllable = "क्ष्म्य"  # four consonants in one letter
    parts = cut(syllable * 100)

    assert "".join(parts) == syllable * 100
    assert all(part == syllable * (len(part) // len(syllable)) for part in parts)


def test_lines_are_sentences_and_list_numbers_are_not():
    assert cut("Two ways:\n1. Buy now\n2. Rent first\n\n") == ["Two ways:", "1. Buy now", "2. Rent first"]


def test_a_block_of_code_stays_in_one_piece_and_an_open_one_is_text():
    assert cut("```py\nprint('a. b')\n```\nDone. Ok.") == ["```py\nprint('a. b')\n```", "Done.", "Ok."]
    assert cut("``` Not closed. Really.") == ["``` Not closed.", "Really."]


def test_a_very_long_sentence_is_cut_at_a_clause():
    parts = cut("Nobody stops here and everybody goes on, " * 12)
    assert len(parts) > 2
    assert all(len(part) <= LONGEST and part.endswith(",") for part in parts)


def test_a_very_long_sentence_without_clauses_is_cut_between_words():
    parts = cut("word " * 120)
    assert all(len(part) <= LONGEST for part in parts)
    assert {word for part in parts for word in part.split()} == {"word"}


def test_a_text_without_a_space_is_cut_anywhere_but_inside_a_letter():
    parts = cut("e\u0301" * 300)
    assert all(len(part) <= LONGEST and part.startswith("e") for part in parts)


def test_nothing_makes_no_sentence():
    assert cut("") == []
    assert cut(" \n\t ") == []


def test_a_finished_cutter_starts_afresh():
    cutter = Sentences()
    cutter.feed("Half of it")
    assert cutter.finish() == ["Half of it"]
    assert cutter.finish() == []
    assert cutter.feed("One. ") == ["One."]


TEXTS = st.text(st.sampled_from("ab A.B1,;:!?…।。 \n\"'*`-Mr") | st.characters(exclude_categories=["Cs"]), max_size=700)


@given(TEXTS, st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_how_the_text_is_cut_into_pieces_changes_nothing(text: str, sizes: list[int]):
    cutter, done, at, n = Sentences(), [], 0, 0
    while at < len(text):
        done += cutter.feed(text[at : at + sizes[n % len(sizes)]])
        at, n = at + sizes[n % len(sizes)], n + 1
    assert done + cutter.finish() == cut(text)


@given(TEXTS)
def test_no_character_but_white_space_is_lost_or_moved(text: str):
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


@given(TEXTS)
def test_no_sentence_is_empty_or_too_long(text: str):
    for sentence in cut(text):
        assert sentence == sentence.strip() != ""
        assert len(sentence) <= LONGEST or "```" in text
