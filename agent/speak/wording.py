"""The words that signs are written out in: a sentence in; English words out, or Hindi ones for Devanagari.

Hindi spoken on the telephone is full of English ("2BHK flat"), so what is said in English there anyway (square feet,
letters of abbreviations) has no Hindi word here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DEVANAGARI = re.compile("[\u0904-\u0939\u0958-\u0961]")


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's words for signs and scales."""

    rupees: str = "rupees"
    lakh: str = "lakh"
    crore: str = "crore"
    thousand: str = "thousand"
    million: str = "million"
    billion: str = "billion"
    to: str = "to"
    also: str = "and"
    either: str = "or"
    per: str = "per"
    percent: str = "percent"
    plus: str = "plus"
    equals: str = "equals"


ENGLISH = Wording()
HINDI = Wording(
    rupees="रुपये",
    lakh="लाख",
    crore="करोड़",
    thousand="हज़ार",
    million="मिलियन",
    billion="बिलियन",
    to="से",
    also="और",
    either="या",
    per="प्रति",
    percent="प्रतिशत",
    plus="प्लस",
    equals="बराबर",
)


def wording_of(text: str) -> Wording:
    """Hindi as soon as there is one letter of it: a sentence otherwise in English would be all Latin."""
    return HINDI if _DEVANAGARI.search(text) else ENGLISH
