"""Telephone numbers of people who may be called: text in; the number, its country and its time zones out, or why not.

Numbering plans are phonenumbers' (Google's libphonenumber); it takes a tenth of a second to import, so that it is done
by who asks first, which should be a thread. +1 is twenty-five countries: a number's is told by its digits, never by its
prefix alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent import countries
from agent.guard.order import Refused

_WRITTEN = re.compile(r"[+0-9() .\-/\u00a0\u2010-\u2015]{3,40}")
_BETWEEN = re.compile(r"[() .\-/\u00a0\u2010-\u2015]")
_SPELT = re.compile(r"\+[1-9][0-9]{6,14}")

_PEOPLE = frozenset({"FIXED_LINE", "MOBILE", "FIXED_LINE_OR_MOBILE", "VOIP"})
"""Kinds of numbers behind which a person may be, at an ordinary price. Everything else is refused: premium rates and
shared costs, personal and universal numbers, pagers, voice mail; toll-free ones are a company's own."""

HOME = "IN"
"""Where we are, without a number of our own."""

UNKNOWN_ZONE = "Etc/Unknown"


@dataclass(frozen=True, slots=True)
class Callee:
    """A number that can be called."""

    number: str
    """E.164."""
    region: str
    """ISO 3166."""
    zones: tuple[str, ...]
    """All that it may be in, as tz names them; never empty."""


def callee(text: str, home: str) -> Callee | Refused:
    """Who is called by this number. `home` is the country that a number without a country code is taken to be of, to
    tell how it is written."""
    number = e164(text, home)
    if isinstance(number, Refused):
        return number
    import phonenumbers

    parsed = phonenumbers.parse(number)
    region = phonenumbers.region_code_for_number(parsed) or ""
    kind = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed))
    if not phonenumbers.is_valid_number(parsed):
        return Refused("number", f"{number} is not in use in any country's numbering plan: look for a wrong digit.")
    if kind not in _PEOPLE or not re.fullmatch(r"[A-Z]{2}", region):
        what = "satellite or worldwide" if region == "001" else kind.lower().replace("_", " ")
        return Refused("number", f"{number} is a {what} number: only ordinary landlines and mobiles are called.")
    return Callee(number, region, _zones(parsed, region))


def e164(text: str, home: str) -> str | Refused:
    """The number in full, "+919876543210", of "+91 98765-43210"; whether anybody can be called there is not looked at.
    One that is written as within a country is refused, with its full spelling where that can be told."""
    bare, spelt = _BETWEEN.sub("", text.strip()), in_full(text, home)
    if spelt and spelt == bare:
        return spelt
    if spelt:
        return Refused("number", f"{text[:40]!r} is not written in full: write {spelt}, if that is meant.")
    return Refused("number", f"{text[:40]!r} is no telephone number: write it like +919876543210.")


def listable(text: str, home: str) -> str | Refused:
    """The number in full of one that is written with its country code, for a list; also of one that nobody has."""
    bare = _BETWEEN.sub("", text.strip())
    if bare.startswith("+") and _SPELT.fullmatch(bare):
        return in_full(bare, home) or bare
    return e164(text, home)


def in_full(text: str, home: str) -> str:
    """The number that is most likely meant, E.164: as written; without a +, as within `home`, else with one; "" where
    it is none."""
    import phonenumbers

    bare = _BETWEEN.sub("", text.strip())
    if not _WRITTEN.fullmatch(text.strip()) or "+" in bare[1:]:
        return ""
    full = bare.startswith("+")
    for digits, region in ((bare, None),) if full else ((bare, home), (f"+{bare.removeprefix('00')}", None)):
        try:
            parsed = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            continue
        spelt = str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
        there = phonenumbers.is_possible_number(parsed) if full else phonenumbers.is_valid_number(parsed)
        if there and _SPELT.fullmatch(spelt):
            return spelt
    return ""


def home_of(ours: Sequence[str]) -> str:
    """The country that numbers without a country code are taken to be of: that of our first number."""
    return (country_of(ours[0]) if ours else "") or HOME


def country_of(number: str) -> str:
    """Of an E.164 number, ISO 3166; "" where it cannot be told."""
    import phonenumbers

    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""
    return region if region in phonenumbers.SUPPORTED_REGIONS else ""


def _zones(parsed: Any, region: str) -> tuple[str, ...]:
    """Of a number's own area; where the plan knows the country code only, those of its country, every one."""
    from phonenumbers.timezone import time_zones_for_number

    country = countries.zones().get(region, ())
    if len(country) == 1:
        return country
    told = tuple(zone for zone in time_zones_for_number(parsed) if zone != UNKNOWN_ZONE)
    if len(told) == 1:
        return told
    return tuple(zone for zone in told if zone in country) or country or told
