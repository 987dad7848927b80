"""What the caller is after and how they will pay: an utterance in; to buy, sell, rent, let, invest or browse out, and
loan or cash.

Each finder gives (value, start, end), or None.
"""

from __future__ import annotations

import re

from agent.think.heard.words import Heard, pattern

Found = tuple[str, int, int] | None

NOT_BEFORE = re.compile(r"\b(?:not|never|no longer|without)(?: \w+){0,2} $")
"""What turns a wish into its opposite, looked for right in front of it."""

_INTENTS = {
    "browse": pattern(
        r"(?:just|only|simply|still) (?:\w+ )?looking(?: around)?(?! (?:for|to|at|in))",
        r"(?:just|only|simply|still) (?:\w+ )?(?:browsing|checking|exploring|enquiring|inquiring|asking)",
        r"(?:just|only) (?:an? )?(?:enquiry|inquiry)|window shopping|look(?:ing)? around|browsing",
    ),
    "let": pattern(
        r"(?:rent|let|lease|give|put|renting|letting|leasing|giving) (?:it |them )?out",
        r"(?:give|giving|put|putting) (?:it |my \w+ |our \w+ )?(?:out )?(?:on|for) (?:rent|lease)",
        r"(?:rent|lease|let) (?:out )?(?:my|our)|(?:find|need|want|looking for|get) (?:a |some |good )*tenants?",
    ),
    "sell": pattern(
        r"(?:sell|selling|cell|resell|sale) (?:of )?(?:my|our|an?|the|it|this|property|flat|house|plot|land|\d)",
        r"sell|selling|on the market|up for sale|i am (?:a|the) seller",
    ),
    "invest": pattern(r"invest(?:ing|ments?|ors?|ed)?|(?:rental )?(?:yield|returns?)|appreciation|r ?o ?i"),
    "rent": pattern(
        r"(?:on|for|to|take|want|taking) (?:a )?(?:rent|lease|rental)|rent(?:ing|ed)?|rental|leasing|lease",
        r"as a tenant|paying guest",
    ),
    "buy": pattern(r"buy|buying|purchase|purchasing|buyer|own a (?:home|house|flat)|to by (?:an?|the|\d)"),
}
"""In the order in which they are tried: a flat bought as an investment is an investment."""

_BARE_INTENTS = {
    "by": "buy",
    "bye": "buy",
    "bi": "buy",
    "to by": "buy",
    "cell": "sell",
    "so": "sell",
    "to cell": "sell",
    "brent": "rent",
}
"""What recognisers make of the one word that answers "Do you want to buy, sell or rent?"."""

_LOAN = pattern(
    r"(?:home |housing |bank )?loans?|loaned|financ(?:e|ed|ing)|mortgage|e ?m ?i|bank (?:finance|approval)",
)
_CASH = pattern(
    r"(?:in|by|full|pay|paying|all|ready) cash|cash(?: only| payment| down| ready)?",
    r"own (?:funds|money|savings)|savings|self funded|full payment|outright",
)
_NO_LOAN = pattern(
    r"(?:no|not|without|not (?:need|want|taking|need))(?: (?:a|any|the|taking))*(?: (?:home|bank|housing))? loans?",
)


def find_intent(heard: Heard, asked: bool) -> Found:
    """`asked`: the agent has just asked for it, so that a bare homophone counts ("Bye." is "Buy.")."""
    text = heard.text
    for value, intent in _INTENTS.items():
        for found in intent.finditer(text):
            if not NOT_BEFORE.search(text[: found.start()]):
                return value, found.start(), found.end()
    if asked and text in _BARE_INTENTS:
        return _BARE_INTENTS[text], 0, len(text)
    return None


def find_financing(heard: Heard) -> Found:
    """ "loan", "cash" or "loan and cash"."""
    text = heard.text
    if found := _NO_LOAN.search(text):
        return "cash", found.start(), found.end()
    cash, loan = _CASH.search(text), _LOAN.search(text)
    if loan and not NOT_BEFORE.search(text[: loan.start()]):
        return ("loan and cash" if cash else "loan"), loan.start(), loan.end()
    return ("cash", cash.start(), cash.end()) if cash else None
