"""A model's text made speakable: any text in; plain words for a voice out, "" where nothing in it can be said.

Markup, tags, emoji and control characters go; amounts, measures, addresses and signs that voices stumble on are written
out. Everything else, in whatever script, stays as it is, in Unicode form NFC. Digits stay digits: voices read them.

What stands between two marks is bounded in every pattern: a mark repeated and never closed must not cost the square of
the text's length.
"""

from __future__ import annotations

import re
import unicodedata

from agent.speak.amounts import written_out

_CODE_BLOCK = re.compile(r"```[^\n`]{0,200}\n.*?```|~~~[^\n~]{0,200}\n.*?~~~", re.DOTALL)
_COMMENT = re.compile(r"<!--.{0,1000}?-->|<\?.{0,1000}?\?>|<!\[CDATA\[|\]\]>", re.DOTALL)
_SILENT_ELEMENT = re.compile(r"<(script|style)\b[^<>]{0,1000}>.{0,4000}?</\1\s{0,9}>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&quot;": '"', "&apos;": "'", "&#39;": "'"}
_ENTITY = re.compile("|".join(_ENTITIES))
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,500})\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\[\]\n]{1,500})\](?:\([^)\n]{0,2000}\)|\[[^\[\]\n]{0,500}\])")
_FOOTNOTE = re.compile(r"\[\^?\d{1,3}\](?!\()")
_HEADING = re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?|(?:[-*_][ \t]*){3,}$|={3,}$)", re.MULTILINE)
_BULLET = re.compile(
    r"^[ \t]*(?:[-*+•◦▪‣\u2013\u2014][ \t]+|\d{1,2}[.)][ \t]+(?=\S))(?:\[[ xX]\][ \t]+)?", re.MULTILINE
)
_TABLE_RULE = re.compile(r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t:-]*$", re.MULTILINE)
_EMPHASIS = re.compile(
    r"(?<![\w*])(\*{1,3})(?=\S)(.{1,200}?)(?<=\S)\1(?![\w*])|(?<![\w_])(_{1,3})(?=\S)(.{1,200}?)(?<=\S)\3(?![\w_])",
    re.DOTALL,
)
_STRUCK = re.compile(r"~~(?=\S).{0,200}?(?<=\S)~~", re.DOTALL)
_MARKS_LEFT = re.compile(r"[*`|^~\\<>{}\[\]]+|(?<!\w)#+(?!\w)")
_LINE_END = re.compile(r"(?<=[^\s.,;:!?।॥…])[ \t]*\n\s*")
_BLANKS = re.compile(r"[ \t]{2,}")
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?।॥](?:\s|$))")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)")
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners: part of the spelling in Indian scripts, glue between emoji elsewhere."""


def speakable(text: str) -> str:
    """The text as it should be given to a voice. Idempotent for what it has written itself."""
    text = _without_markup(text)
    text = _SPACE.sub(" ", _without_pictures(unicodedata.normalize("NFC", text)))
    text = written_out(text)
    text = _EMPTY_BRACKETS.sub("", _MARKS_LEFT.sub(" ", text))
    text = _SPACE.sub(" ", text)
    text = _SPACE_BEFORE.sub("", text).strip()
    return unicodedata.normalize("NFC", text) if any(c.isalnum() for c in text) else ""


def _without_markup(text: str) -> str:
    text = _CODE_BLOCK.sub(" ", _BLANKS.sub(" ", text.replace("\r\n", "\n")))
    text = _SILENT_ELEMENT.sub(" ", _COMMENT.sub(" ", text))
    text = _TAG.sub(" ", text)
    text = _ENTITY.sub(lambda m: _ENTITIES[m.group()], text)
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _FOOTNOTE.sub("", text)
    text = _TABLE_RULE.sub("", text)
    text = _BULLET.sub("", _HEADING.sub("", text))
    text = _STRUCK.sub("", text)
    for _ in range(2):  # emphasis within emphasis
        text = _EMPHASIS.sub(lambda m: m[2] or m[4], text)
    return _LINE_END.sub(". ", text.strip())


def _without_pictures(text: str) -> str:
    """Without emoji, symbols that are pictures, and characters that are no characters."""
    kept: list[str] = []
    for char in text:
        if char in "\n\t":
            kept.append(" ")
        elif char in _JOINERS:
            if kept and _takes_joiners(kept[-1]):
                kept.append(char)
        elif _is_picture(char):
            kept.append(" ")
        elif unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn"):
            if char in "\u2028\u2029":
                kept.append(" ")
        else:
            kept.append(char)
    return "".join(kept)


def _takes_joiners(char: str) -> bool:
    return "\u0600" <= char <= "\u0fff"


def _is_picture(char: str) -> bool:
    if char in "°©®™℃":
        return False
    return (
        unicodedata.category(char) in ("So", "Sk")
        or "\ufe00" <= char <= "\ufe0f"  # variation selectors
        or "\U0001f000" <= char <= "\U0001faff"
        or "\U000e0020" <= char <= "\U000e007f"
        or char == "\u20e3"  # keycap
    ) and char not in "^`"
