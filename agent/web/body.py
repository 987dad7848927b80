"""The present request's JSON body: a kind of struct in, one of them out, or everything that is wrong with it."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from quart import request

from agent.errors import AskedWrongly
from agent.guard.bounded_json import BODY, LARGEST, read

T = TypeVar("T", bound=msgspec.Struct)


async def body(kind: type[T], largest: int = LARGEST) -> T:
    """The body as this msgspec Struct: members that it does not have are refused, bounds are its own (`Meta`).
    `largest`: in bytes, below the server's MAX_BODY. Raises AskedWrongly with all that is wrong.

    It has to be told as JSON: a web page can make a browser send anything else without asking us first.
    """
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise AskedWrongly(((BODY, "send it as JSON, with `Content-Type: application/json`."),))
    raw: bytes = await request.get_data(as_text=False)  # type: ignore[assignment]  # as it is called
    return read(raw, kind, largest)
