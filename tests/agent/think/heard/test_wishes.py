"""What the caller is after, how they pay, and whether they allow a call."""

import pytest

from agent.think.heard.consent import find_callback, find_do_not_call, yes_or_no
from agent.think.heard.wishes import find_financing, find_intent
from agent.think.heard.words import Heard


def intent(said: str, asked: bool = False) -> str:
    found = find_intent(Heard.of(said), asked)
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("I want to buy a flat", "buy"),
        ("I want to by a flat", "buy"),
        ("I want to sell my flat", "sell"),
        ("I want to cell my flat", "sell"),
        ("I need a house on rent", "rent"),
        ("I want to rent out my flat", "let"),
        ("I am looking for a tenant", "let"),
        ("I am an investor", "invest"),
        ("I want to buy it as an investment", "invest"),
        ("I am just looking around", "browse"),
        ("only checking", "browse"),
    ],
)
def test_what_the_caller_is_after(said: str, value: str):
    assert intent(said) == value


@pytest.mark.parametrize(
    "said", ["I am just looking for a flat", "I don't want to sell", "not looking to buy", "Bye.", "hello"]
)
def test_what_is_no_intent(said: str):
    assert intent(said) == ""


def test_a_lone_homophone_answers_the_question():
    assert [intent(said, asked=True) for said in ("Bye.", "So,", "Brent,")] == ["buy", "sell", "rent"]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("I will take a home loan", "loan"),
        ("I will pay cash", "cash"),
        ("no loan", "cash"),
        ("I do not need a loan", "cash"),
        ("part cash and part loan", "loan and cash"),
        ("yes", ""),
    ],
)
def test_how_they_pay(said: str, value: str):
    found = find_financing(Heard.of(said))
    assert (found[0] if found else "") == value


@pytest.mark.parametrize(
    ("said", "asked", "value"),
    [
        ("call me back tomorrow", False, "yes"),
        ("please ring me at six", False, "yes"),
        ("ask somebody to call me", False, "yes"),
        ("I want a callback", False, "yes"),
        ("mujhe call karo", False, "yes"),
        ("मुझे कॉल कीजिए", False, "yes"),
        ("can I visit the flat", False, ""),
        ("I want to talk to a person", False, ""),
        ("Can I talk to human being?", False, ""),
        ("I want to see the flats", False, ""),
        ("we want to plan a visit", False, ""),
        ("message me on whatsapp", False, ""),
        ("people call me Ravi", False, ""),
        ("why do you call me", False, ""),
        ("I got a call back from you", False, ""),
        ("nobody can call me", False, ""),
        ("stop calling me", False, "no"),
        ("yes please", True, "yes"),
        ("that is fine", True, "yes"),
        ("ok", True, "yes"),
        ("yes, and how much is it", True, "yes"),
        ("ok but how much is it", True, ""),
        ("I am in Mysore", True, ""),
        ("I do mind", True, ""),
        ("good evening", True, ""),
        ("right now I am driving", True, ""),
        ("I would like to know the price", True, ""),
        ("I would like that", True, "yes"),
        ("no thanks", True, "no"),
        ("know thanks", True, "no"),
        ("yes please", False, ""),
        ("hello", True, ""),
    ],
)
def test_whether_a_colleague_may_call(said: str, asked: bool, value: str):
    found = find_callback(Heard.of(said), asked)
    assert (found[0] if found else "") == value


NOT_TO_BE_CALLED = (
    "Do not call me again.",
    "please stop calling",
    "never call here",
    "don't call me again",
    "please do not call me",
    "stop calling me",
    "remove my number",
    "remove me from your list",
    "take me off your list",
    "mat call karo",
    "mujhe call mat karo",
    "call mat karna",
    "mujhe dobara phone mat karna",
    "dobara call mat kariye",
    "never call this number again",
    "do not ever call me again",
    "please delete my number from your database",
    "unsubscribe me",
    "phone mat karo",
    "call nahi karna",
    "aap mujhe call na karein",
    "mujhe call mat karna",
    "मुझे कॉल मत करो",
    "कॉल मत कीजिए",
    "दोबारा फोन मत करना",
    "put me on your do not call list",
    "don't contact me anymore",
    "stop disturbing me",
    "I don't want any more calls",
    "I do not want to be called",
    "I don't want calls from you",
    "block my number",
    "no more calls please",
    "don't ring me up again",
    "quit calling",
    "lose my number",
    "number hata do",
    "mera number hata dijiye",
    "mera number delete kar do",
    "number nikal do",
)


@pytest.mark.parametrize("said", NOT_TO_BE_CALLED)
def test_a_wish_not_to_be_called(said: str):
    assert find_do_not_call(Heard.of(said))


MAY_BE_CALLED = (
    "do not call me before six",
    "call me",
    "no",
    "I got no calls from you",
    "do not call me before five",
    "call me tomorrow",
    "don't call her call me",
    "stop, call me later",
    "do not call now, call me tomorrow",
    "please don't hang up",
    "can you call me",
    "call karo",
    "mujhe call karo",
    "kal call karna",
    "i did not call you",
    "don't call me at work, call my mobile",
    "remove the second bedroom",
    "do not call me on sunday",
    "don't call me sir",
    "why don't you call me tomorrow",
    "do not call me now I am driving, call in the evening",
    "never call me late at night",
    "don't disturb me now, call later",
    "nahi call karna zaroor",
    "call mat kaatna",
    "please don't call my wife, call me",
    "abhi call mat karo, shaam ko karna",
    "no calls in the morning please",
)


@pytest.mark.parametrize("said", MAY_BE_CALLED)
def test_what_is_no_such_wish(said: str):
    assert find_do_not_call(Heard.of(said)) is None


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Yes.", "yes"),
        ("ok sure", "yes"),
        ("That's right.", "yes"),
        ("haan ji", "yes"),
        ("No.", "no"),
        ("Know.", "no"),
        ("Know that is all.", "no"),
        ("not really", "no"),
        ("that is not right", ""),
        ("Whitefield", ""),
    ],
)
def test_yes_and_no(said: str, value: str):
    assert yes_or_no(Heard.of(said)) == value
