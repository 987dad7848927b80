"""Language tags, as settings, lines and webhooks name them: text in; a tag, its code and its English name out."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
"""BCP 47 (RFC 5646, 2.1): language, script, region and one variant; extensions say nothing about speech."""

LONGEST = 16
"""Characters of a tag: it travels in the stream's token."""

_NAMES = {
    "as": "Assamese",
    "bn": "Bengali",
    "en": "English",
    "gu": "Gujarati",
    "hi": "Hindi",
    "kn": "Kannada",
    "kok": "Konkani",
    "ml": "Malayalam",
    "mr": "Marathi",
    "ne": "Nepali",
    "or": "Odia",
    "pa": "Punjabi",
    "ta": "Tamil",
    "te": "Telugu",
    "ur": "Urdu",
}
_COUNTRIES = {"IN": "Indian", "GB": "British", "US": "American", "AU": "Australian"}


def tag(text: str) -> str:
    """The tag in its usual spelling ("hi-in" is "hi-IN"); "" for what is none."""
    if len(text) > LONGEST or not _TAG.fullmatch(text):
        return ""
    first, *rest = text.split("-")
    return "-".join([first.lower(), *(_spelt(part) for part in rest)])


def code(tag: str) -> str:
    """The language itself: "hi" of "hi-IN"."""
    return tag.partition("-")[0].lower()


def two_letters(tag: str) -> str:
    """The language's ISO 639-1 code, which is all that some providers take; "" for one that has only three letters."""
    language = code(tag)
    return language if len(language) == 2 else ""


def name(tag: str) -> str:
    """In English, with the country where that makes another English; the tag itself where it has no name here."""
    language = _NAMES.get(code(tag), tag)
    country = _COUNTRIES.get(tag.rpartition("-")[2], "") if code(tag) == "en" else ""
    return f"{country} {language}".strip()


def _spelt(part: str) -> str:
    return part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part
