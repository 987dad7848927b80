"""What went wrong with a request, in the small form of RFC 9457: a status and words in, a JSON response out."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from quart_trio.wrappers import TrioResponse as Response


def problem(status: int, detail: str = "", *, close: bool = False) -> Response:
    """`close`: the connection cannot be used again, since part of the request was left unread."""
    body = {"status": status, "title": HTTPStatus(status).phrase} | ({"detail": detail} if detail else {})
    headers = {"Connection": "close"} if close else {}
    return Response(msgspec.json.encode(body), status, headers, content_type="application/problem+json")
