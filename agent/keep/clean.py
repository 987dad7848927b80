"""Text that can be written down: what is half a character, as a model's stream may be cut into, is replaced."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.keep.query import Place, Query
from agent.keep.record import CallRecord


def clean(record: CallRecord) -> CallRecord:
    """The record itself where all of it can be encoded as UTF-8; else one that can."""
    try:
        msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.convert(_clean(msgspec.to_builtins(record)), CallRecord)
    return record


def clean_query(query: Query) -> Query:
    """Asks for what records can have."""
    return msgspec.convert(_clean(msgspec.to_builtins(query)), Query)


def clean_place(place: Place) -> Place:
    """Of a record that there can be."""
    return place._replace(started_at=clean_text(place.started_at), call_sid=clean_text(place.call_sid))


def clean_text(text: str) -> str:
    """The text itself where it can be encoded."""
    return text.encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {_clean(key): _clean(each) for key, each in value.items()}
        case list() | tuple():
            return [_clean(each) for each in value]
    return value
