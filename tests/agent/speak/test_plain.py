"""What a model writes becomes words that a voice can say, and nothing else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.speak.plain import speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("₹80 lakhs", "80 lakh rupees"),
        ("Rs. 80L", "80 lakh rupees"),
        ("₹1.2 Cr", "1.2 crore rupees"),
        ("It costs ₹1.2 Cr. Shall we?", "It costs 1.2 crore rupees. Shall we?"),
        ("₹80-90 lakhs", "80 to 90 lakh rupees"),
        ("₹80 lakhs to ₹1.2 Cr", "80 lakh to 1.2 crore rupees"),
        ("between ₹70 and 80 lakhs", "between 70 and 80 lakh rupees"),
        ("Rs 80,00,000/-", "80 lakh rupees"),
        ("₹1,00,00,000.", "1 crore rupees."),
        ("rupees 1,23,456", "1 lakh 23 thousand 456 rupees"),
        ("INR 25,000/month", "25,000 rupees per month"),
        ("a deposit of 2,50,000, paid once", "a deposit of 2.5 lakh, paid once"),
        ("80L or 25K", "80 lakh or 25 thousand"),
    ],
)
def test_money_is_said_the_indian_way(written: str, spoken: str):
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("बजट ₹80 लाख है।", "बजट 80 लाख रुपये है।"),
        ("₹1.2 करो\u095c तक", "1.2 करोड\u093c रुपये तक"),
        ("रु. 80 लाख से रु. 1 करोड़ तक", "80 लाख से 1 करोड\u093c रुपये तक"),
        ("₹80-90 लाख के बीच", "80 से 90 लाख रुपये के बीच"),
        ("₹८० लाख रुपये", "८० लाख रुपये"),
        ("रू. 80,00,000/- है।", "80 लाख रुपये है।"),
        ("८०,००,००० रुपये", "80 लाख रुपये"),  # noqa: RUF001
        ("किराया ₹25,000/महीना", "किराया 25,000 रुपये प्रति महीना"),
        ("₹25 हज़ार का deposit", "25 हज\u093cार रुपये का deposit"),
        ("Whitefield में 2BHK, budget ₹80L", "Whitefield में 2 B H K, budget 80 लाख रुपये"),
        ("8.5% ब्याज & 20% शुरू में", "8.5 प्रतिशत ब्याज और 20 प्रतिशत शुरू में"),
        ("फ्लैट/विला, किराया/महीना", "फ्लैट या विला, किराया प्रति महीना"),
        ("10-12 लाख, 3-4 महीने", "10 से 12 लाख, 3 से 4 महीने"),
        ("1,200 sq.ft. का फ्लैट", "1,200 square feet का फ्लैट"),
        ("यहाँ - और वहाँ", "यहाँ, और वहाँ"),
        ("रुपयों में, रुकिए 5 मिनट", "रुपयों में, रुकिए 5 मिनट"),
        ("98450 12345 पर", "9 8 4 5 0, 1 2 3 4 5 पर"),
    ],
)
def test_what_is_written_in_devanagari_gets_hindi_words(written: str, spoken: str):
    assert speakable(written) == spoken
    assert speakable(spoken) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("A 2BHK flat", "A 2 B H K flat"),
        ("2.5-BHK", "2.5 B H K"),
        ("1,200 sq.ft. flat", "1,200 square feet flat"),
        ("It has 900 sqft. Nice.", "It has 900 square feet. Nice."),
        ("6500/sq ft", "6500 per square foot"),
        ("8.5%", "8.5 percent"),
        ("Bandra & Juhu", "Bandra and Juhu"),
        ("flat/villa", "flat or villa"),
        ("and/or", "or"),
        ("open 24/7", "open 24 7"),
        ("3-4 months", "3 to 4 months"),
        ("the plan - a good one", "the plan, a good one"),
        ("#1 choice", "number 1 choice"),
    ],
)
def test_signs_and_measures_are_written_out(written: str, spoken: str):
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Visit https://www.premier-realty.in/flats?id=1, please.", "Visit premier realty dot in, please."),
        ("See https://example.in/homes.", "See example dot in slash homes."),
        ("Write to anita.rao@example.co.in.", "Write to anita dot rao at example dot co dot in."),
        ("Call 98450 12345.", "Call 9 8 4 5 0, 1 2 3 4 5."),
        ("Call +91 98450-12345.", "Call plus 91, 9 8 4 5 0, 1 2 3 4 5."),
    ],
)
def test_addresses_and_telephone_numbers_can_be_noted_down(written: str, spoken: str):
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Hello** _there_, ***you***", "Hello there, you"),
        ("# Flats\n\n- one\n- two\n\n1. three", "Flats. one. two. three"),
        ("[our site](https://example.in/x) and ![a plan](plan.png)", "our site and a plan"),
        ("Try `this` one", "Try this one"),
        ("Before\n```python\nprint(1)\n```\nafter", "Before. after"),
        ("| a | b |\n|---|---|\n| c | d |", "a b. c d"),
        ("~~old~~ new", "new"),
        ("<speak>Hi <break time='1s'/> there</speak>", "Hi there"),
        ("<b>Bold</b> &amp; <script>alert('x')</script>plain", "Bold and plain"),
        ("It is cheap [1].", "It is cheap."),
        ("snake_case", "snake case"),
    ],
)
def test_markup_is_not_spoken(written: str, spoken: str):
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello 😀👍🏽 world ❤️", "Hello world"),
        ("India 🇮🇳!", "India!"),
        ("👨‍👩‍👧 family", "family"),
        ("1️⃣ first", "1 first"),
        ("be\x07ll \u202ehidden\u200b", "bell hidden"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_pictures_and_control_characters_are_not_spoken(written: str, spoken: str):
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "नमस्ते, मैं प्रिया हूँ। आप कैसे हैं?",
        "बिल्कुल! Site visit शनिवार सुबह 10:30 बजे रखें?",
        "ज\u093cरूर, पढ\u093cिए: क्ष, त्र, ज्ञ, श्र, र्क, ॐ, दुःख, १२३।",
        "क्\u200dष",
        "வணக்கம், எப்படி இருக்கீங்க?",
        "ಕನ್ನಡ ಮಾತನಾಡುತ್ತೀರಾ?",
        "Café in Pondichéry",
        "Mr. Sharma's flat isn't in J.P. Nagar; it's 3.5 km away!".replace("km", "kilometres"),
    ],
)
def test_plain_words_of_any_script_stay_as_they_are(text: str):
    assert speakable(text) == text


def test_letters_are_composed():
    assert speakable("Cafe\u0301") == "Caf\u00e9"


@pytest.mark.parametrize(
    "text", ["", "   ", "...", "—", "* * *", "---", "😀", "```\ncode\n```", "<br/>", "₹", "( )", "\x00"]
)
def test_what_cannot_be_said_is_nothing(text: str):
    assert speakable(text) == ""


@given(st.text(st.sampled_from("aB1 .,*_`#<>[]()/&%₹-+|~😀\n\u200d") | st.characters(), max_size=200))
def test_any_text_gives_composed_words_on_one_line(text: str):
    spoken = speakable(text)
    assert spoken == unicodedata.normalize("NFC", spoken) == " ".join(spoken.split())
    assert not set(spoken) & set("*`|<>[]{}~\\^😀\n")
    assert spoken == "" or any(c.isalnum() for c in spoken)


@pytest.mark.parametrize(
    "mark",
    [
        "<b",
        "<b ",
        " ",
        "\t",
        "|",
        "[a](",
        "[",
        "*a",
        "_a ",
        "~~a ",
        "<!-- ",
        "<script>",
        "```",
        "~~~",
        "a.",
        "a@",
        "  \n",
        "...",
        "😀",
        "7",
    ],
)
def test_a_mark_that_is_never_closed_is_read_to_the_end(mark: str):
    assert speakable("Hello. " + mark * (16_000 // len(mark)) + " Bye.").startswith("Hello.")
