"""JSON from strangers: bytes in, a struct out, or everything that is wrong with it. Cheap, whatever is sent.

The text is bounded before it is parsed, and what parsers disagree about (keys given twice, halves of characters,
numbers without end, NaN) is refused: what one part of a system checks must be what another one reads.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from agent.errors import AskedWrongly

LARGEST = 16 * 1024
"""Bytes of a body: whatever is asked of us in JSON is far smaller."""
DEEPEST = 8
"""Lists and objects within each other."""
LONGEST_NUMBER = 32
"""Characters: the time to read an integer grows with the square of its length."""
BODY = "body"
"""Where a fault is that is no single member's."""

T = TypeVar("T", bound=msgspec.Struct)
Wrong = tuple[str, str]

_PARTS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A whole string, or a bracket. A string without an end reaches to the end: each character is looked at once."""
_AT = re.compile(r" - at `(?:key in )?\$(.*)`$")
_HALF = re.compile("[\ud800-\udfff\0]")


def read(raw: bytes, kind: type[T], largest: int = LARGEST) -> T:
    """The struct that these bytes describe. Raises AskedWrongly with all that is wrong, by member."""
    members = _members(raw, largest)
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    wrong: list[Wrong] = []
    for name, value in members.items():
        if name not in known:
            wrong.append((name[:60], f"there is no such member; there are {', '.join(known)}."))
            continue
        try:
            msgspec.convert(value, known[name].type)
        except msgspec.ValidationError as error:
            wrong.append(_in_words(error, name))
    wrong += [(name, "it is missing.") for name, field in known.items() if field.required and name not in members]
    if wrong:
        raise AskedWrongly(tuple(wrong))
    try:
        return msgspec.convert(members, kind)
    except msgspec.ValidationError as error:  # of the struct's own __post_init__
        raise AskedWrongly((_in_words(error, ""),)) from None


def _members(raw: bytes, largest: int) -> dict[str, Any]:
    if len(raw) > largest:
        _refuse(f"it has {len(raw)} bytes, and may have {largest}.")
    if not raw.strip():
        _refuse("it is empty: send a JSON object.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(f"it is not UTF-8, at byte {error.start}.")
    if _depth(text) > DEEPEST:
        _refuse(f"its lists and objects are within each other more than {DEEPEST} deep.")
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        _refuse(f"it is not JSON: {error.msg[:1].lower()}{error.msg[1:]}, at character {error.pos}.")
    if not isinstance(value, dict):
        _refuse("it is not a JSON object.")
    _check_texts(value)
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for found in _PARTS.finditer(text):
        match found[0]:
            case "[" | "{":
                depth += 1
                deepest = max(deepest, depth)
            case "]" | "}":
                depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise AskedWrongly(((twice[:60], "it is given more than once: give it once."),))
    return members


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        _refuse(f"it has a number of more than {LONGEST_NUMBER} characters.")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits) if len(digits) <= LONGEST_NUMBER else math.inf
    if math.isinf(value):
        _refuse(f"it has a number that is too large, or of more than {LONGEST_NUMBER} characters.")
    return value


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON.")


def _check_texts(value: object) -> None:
    """No text may break who writes it elsewhere: half a character has no UTF-8, and no store or document takes 0."""
    match value:
        case str() if _HALF.search(value):
            _refuse("it has a character that no text has: 0, or half of a pair.")
        case dict():
            for name, member in value.items():
                _check_texts(name)
                _check_texts(member)
        case list():
            for member in value:
                _check_texts(member)


def _in_words(error: msgspec.ValidationError, name: str) -> Wrong:
    words = str(error)
    at = _AT.search(words)
    place = name + (at[1] if at else "")
    return (place.lstrip(".")[:120] or BODY, f"{_AT.sub('', words).replace('`', '')}.")


def _refuse(detail: str) -> NoReturn:
    raise AskedWrongly(((BODY, detail),)) from None
