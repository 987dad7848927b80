"""What a tool gave back, looked at before anybody relies on it: own tools may return anything."""

from __future__ import annotations

from dataclasses import replace

from agent.config import NUMBER
from agent.think.facts import NAMES, Fact
from agent.think.tools.ports import EndCall, Result, Say, Transfer

MOST_RESULT = 4000
"""Characters of a result that a model is told: some thousand tokens, which every later round pays for again."""

MOST_VALUE = 300
"""Characters of one fact."""


def checked(result: object) -> Result:
    """The result, its text cut to MOST_RESULT. Raises TypeError, or ValueError, saying what is wrong with it."""
    if not isinstance(result, Result):
        raise TypeError(f"a tool returns a Result or a str, not {type(result).__name__}")
    if not isinstance(result.text, str):
        raise TypeError(f"a result's text is a str, not {type(result.text).__name__}")
    _check_then(result.then)
    for name, fact in result.facts.items():
        _check_fact(name, fact)
    if len(result.text) > MOST_RESULT:
        return replace(result, text=f"{result.text[:MOST_RESULT]}... (cut here)")
    return result


def _check_then(then: object) -> None:
    match then:
        case Transfer(to):
            if not (isinstance(to, str) and NUMBER.fullmatch(to)):
                raise ValueError(f"Transfer needs a number such as +918012345678, or a SIP address, not {to!r}")
        case Say(text):
            if not (isinstance(text, str) and text.strip()):
                raise ValueError("Say needs a text")
        case None | EndCall():
            pass
        case other:
            raise TypeError(f"a result's then is Transfer, EndCall or Say, not {type(other).__name__}")


def _check_fact(name: str, fact: object) -> None:
    if name not in NAMES:
        raise ValueError(f"there is no fact {name!r}; there are: {', '.join(NAMES)}")
    if not (isinstance(fact, Fact) and fact.name == name and isinstance(fact.value, str)):
        raise TypeError(f"the fact {name} must be a Fact({name!r}, value) with a str for its value")
    if len(fact.value) > MOST_VALUE:
        raise ValueError(f"the fact {name} has {len(fact.value)} characters; at most {MOST_VALUE} are kept")
