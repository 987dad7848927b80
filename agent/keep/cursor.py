"""Where the next page begins, as a text that goes into an address and comes back. Pure."""

from __future__ import annotations

import base64
import binascii

import msgspec

from agent.keep.query import Place, Sort

LONGEST = 600


def written(place: Place) -> str:
    """Letters, digits, - and _ only."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(cursor: str, sort: Sort = "newest") -> Place:
    """Raises ValueError, in words, for what `written` has not made, or of another order."""
    place = _place(cursor) if len(cursor) <= LONGEST else None
    if place is None or "\0" in place.started_at + place.call_sid:
        raise ValueError("it is not one that this server gave: take `next` of the page before, or leave it out.")
    if place.sort != sort:
        raise ValueError(f"it is of calls in another order, {place.sort}: take the one of a page with this sort.")
    return place


def _place(cursor: str) -> Place | None:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=Place)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        return None
