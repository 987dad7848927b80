"""Facts are taken from what the caller said, keep their evidence, and are corrected by what is said later."""

from hypothesis import given
from hypothesis import strategies as st

from agent.think.facts import NAMES, Fact, extract, merge, values

ASK_BUDGET = "Whitefield, lovely. What budget do you have in mind?"
ASK_CALL = "Shall I ask a colleague to call you on this number and arrange a visit?"


def listen(*said: str | tuple[str, str]) -> dict[str, Fact]:
    """The facts after some utterances; a pair is a question of the agent and its answer."""
    known: dict[str, Fact] = {}
    for one in said:
        question, answer = one if isinstance(one, tuple) else ("", one)
        known = merge(known, extract(answer, question, known))
    return known


def test_one_sentence_can_tell_a_lot():
    said = "Hello, this is Anita, I want to buy a two bedroom flat in Whitefield, around eighty lakhs, in three months."
    assert values(extract(said)) == {
        "intent": "buy",
        "property": "two bedroom flat",
        "location": "Whitefield",
        "budget": "80 lakh rupees",
        "timeline": "in 3 months",
        "name": "Anita",
    }


def test_the_same_sentence_as_a_small_recogniser_hears_it():
    heard = "hello i am looking for two bedroom flat and whitefields around eighty lock"
    assert values(extract(heard)) == {
        "property": "two bedroom flat",
        "location": "Whitefield",
        "budget": "80 lakh rupees",
    }


def test_every_fact_keeps_the_words_it_was_taken_from():
    facts = extract("I can go up to Eighty-Five lock, in Coram and Gala.")
    assert facts["budget"] == Fact("budget", "up to 85 lakh rupees", "Eighty-Five lock")
    assert facts["location"] == Fact("location", "Koramangala", "Coram and Gala")


def test_a_later_word_corrects_an_earlier_one():
    known = listen("around eighty lakhs in Whitefield", "actually, make it ninety lakhs", "no, in Hebbal")
    assert values(known) == {"intent": "buy", "budget": "90 lakh rupees", "location": "Hebbal"}
    assert known["budget"].evidence == "ninety lakhs"


def test_a_vaguer_word_does_not_spoil_an_exact_one():
    known = listen("a two bedroom flat in Whitefield", "yes, a flat", "it is in Bangalore, no?")
    assert known["property"].value == "two bedroom flat"
    assert known["location"].value == "Whitefield, Bengaluru"


def test_a_short_answer_is_understood_by_its_question():
    assert values(listen((ASK_BUDGET, "Eighty."))) == {"intent": "buy", "budget": "80 lakh rupees"}
    assert values(listen("Eighty.")) == {}
    assert listen((ASK_CALL, "yes please tomorrow evening"))["call_time"].value == "tomorrow evening"
    assert listen(("May I have your name, please?", "Anita"))["name"].value == "Anita"


def test_a_bare_number_is_thousands_to_a_tenant():
    known = listen("I need a flat on rent", (ASK_BUDGET, "thirty"))
    assert known["budget"].value == "30 thousand rupees"


def test_the_budget_tells_a_buyer_from_a_tenant():
    assert listen("a flat for eighty lakhs")["intent"].value == "buy"
    assert listen("a flat for thirty thousand")["intent"].value == "rent"
    assert listen("I want to sell my flat", "for eighty lakhs")["intent"].value == "sell"
    assert listen("a flat for eighty lakhs")["intent"].evidence == ""


def test_an_intent_that_is_told_takes_the_place_of_one_that_was_inferred_even_if_it_is_the_same():
    known = listen("a flat for eighty lakhs", "yes I want to buy")
    assert (known["intent"].value, known["intent"].evidence) == ("buy", "buy")


def test_leave_to_visit_is_no_leave_to_call():
    visit = "Would you like to visit the site this weekend?"
    assert "callback" not in listen((visit, "yes please"))
    assert "callback" not in listen(("When would you like to visit?", "tomorrow evening"))
    assert listen((ASK_CALL, "yes please"))["callback"].value == "yes"
    assert listen((ASK_CALL, "98450 12345"))["callback"].value == "yes"


def test_a_question_of_the_caller_tells_facts_as_well():
    assert values(extract("what is the price of a three bhk in Hebbal?")) == {
        "property": "three bedroom home",
        "location": "Hebbal",
    }


def test_a_wish_not_to_be_called_is_a_fact_and_no_consent():
    facts = extract("please stop calling me")
    assert (facts["do_not_call"].value, facts["callback"].value) == ("yes", "no")


def test_a_time_for_a_call_is_not_a_time_for_a_home():
    facts = extract("call me back next week")
    assert "timeline" not in facts
    assert facts["call_time"].value == "next week"


def test_nothing_tells_nothing():
    for said in ("", "...", "hello", "yes", "um", "You"):
        assert extract(said) == {}


def test_merging_leaves_what_it_was_given_alone():
    known = {"name": Fact("name", "Anita", "Anita")}
    merge(known, extract("eighty lakhs"))
    assert list(known) == ["name"]


@given(st.text(max_size=200), st.sampled_from(["", ASK_BUDGET, ASK_CALL, "Which area do you have in mind?"]))
def test_any_text_gives_known_facts_with_evidence_from_it(said: str, question: str):
    for name, fact in extract(said, question).items():
        assert name == fact.name
        assert name in NAMES
        assert fact.value
        assert fact.evidence
