"""Places in India are found, also under what an English recogniser makes of them; English words are no places."""

import pytest

from agent.think.heard.gazetteer import sound
from agent.think.heard.places import find_location, merged
from agent.think.heard.words import Heard


def place(said: str, asked: bool = False) -> str:
    found = find_location(Heard.of(said), asked)
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("a flat in Whitefield, please", "Whitefield"),
        ("two bedrooms flat in white field", "Whitefield"),
        ("whitefield around eighty lakhs", "Whitefield"),
        ("Sarjapur Road or Marathahalli", "Sarjapur Road or Marathahalli"),
        ("Velachery in Chennai", "Velachery, Chennai"),
        ("somewhere in Bangalore", "Bengaluru"),
        ("in Gurgaon", "Gurugram"),
        ("J P Nagar or Jayanagar", "JP Nagar or Jayanagar"),
        ("HSR", "HSR Layout"),
        ("Greater Noida", "Greater Noida"),
        ("not in Whitefield, Hebbal", "Hebbal"),
        ("Hebbal, not Whitefield", "Hebbal"),
    ],
)
def test_known_places_in_their_usual_spelling(said: str, value: str):
    assert place(said) == value


@pytest.mark.parametrize(
    ("heard", "value"),
    [
        ("I want to sell my flat in Coram and Gala.", "Koramangala"),
        ("my flat and quorum in Gala", "Koramangala"),
        ("in Quoramangala", "Koramangala"),
        ("near Hebble", "Hebbal"),
        ("Somewhere in Sargapur Road or Marathali,", "Sarjapur Road or Marathahalli"),
        ("Avila in Gachiboli,", "Gachibowli"),
        ("Plot in Devanna, Holly.", "Devanahalli"),
        ("A pot near electronic fitty,", "Electronic City"),
        ("in Bellendure for one point five chords", "Bellandur"),
        ("a house in Janiger.", "Jayanagar"),
        ("near him Zhuadi and Punah,", "Hinjewadi, Pune"),
    ],
)
def test_places_as_an_english_recogniser_hears_them(heard: str, value: str):
    assert place(heard) == value


@pytest.mark.parametrize(
    ("heard", "value"),
    [
        ("Boravali,", "Borivali"),
        ("How I or antery would be fine.", "Powai or Andheri"),
        ("Each has our layout,", "HSR Layout"),
        ("Banner", "Baner"),
        ("Condeport", "Kondapur"),
        ("Rajankunte.", "Rajankunte"),
        ("um, somewhere near Nandi Hills", "Nandi Hills"),
    ],
)
def test_a_bare_answer_is_a_place_where_the_place_was_asked_for(heard: str, value: str):
    assert place(heard, asked=True) == value


def test_a_place_nobody_listed_is_taken_as_heard_behind_a_preposition():
    assert place("a plot near Nandi Hills") == "Nandi Hills"
    assert place("a plot near nandi hills") == ""


@pytest.mark.parametrize(
    "said",
    [
        "call me in the morning",
        "I want it in March",
        "I will pay in cash",
        "near my office",
        "the banner is nice",
        "I know how I can do that",
        "in my name",
        "at least two bedrooms",
        "I am interested in buying",
        "around eighty lakhs and two parking places",
        "in a good area of the city",
        "Are you a robot?",
        "That is too expensive.",
    ],
)
def test_everyday_english_is_no_place(said: str):
    assert place(said) == ""


@pytest.mark.parametrize(
    "said", ["I am not sure", "yes", "no idea", "anywhere", "somewhere quiet", "what do you suggest?"]
)
def test_no_answer_is_no_place(said: str):
    assert place(said, asked=True) == ""


def test_sound_forgets_what_recognisers_confuse():
    assert sound("koramangala") == sound("quorumingala") == "krnnkl"
    assert sound("velachery") == sound("vulishery")
    assert sound("andheri") == sound("antery") == "antr"
    assert sound("") == ""


def test_a_city_adds_to_its_own_locality_and_replaces_another():
    assert merged("Whitefield", "Bengaluru") == "Whitefield, Bengaluru"
    assert merged("Whitefield, Bengaluru", "Bengaluru") == "Whitefield, Bengaluru"
    assert merged("Whitefield", "Pune") == "Pune"
    assert merged("Bengaluru", "Hebbal") == "Hebbal"
    assert merged("Whitefield", "Hebbal") == "Hebbal"
