"""What went wrong with a request, in the small form of RFC 9457: a status and words in, a JSON response out."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from quart_trio.wrappers import TrioResponse as Response

from agent.errors import AskedWrongly

MEDIA_TYPE = "application/problem+json"


def nothing(status: int = 204, **headers: str) -> Response:
    """An answer without a body."""
    response = Response(b"", status, headers)
    for header in ("Content-Length", "Content-Type"):  # both say something about a body
        response.headers.pop(header, None)
    return response


def problem(
    status: int,
    detail: str = "",
    *,
    close: bool = False,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """`close`: the connection cannot be used again, since part of the request was left unread. `more` goes beside the
    members that every problem has."""
    body = {"status": status, "title": HTTPStatus(status).phrase} | ({"detail": detail} if detail else {})
    sent = dict(headers or {}) | ({"Connection": "close"} if close else {})
    return Response(msgspec.json.encode(body | dict(more or {})), status, sent, content_type=MEDIA_TYPE)


def asked_wrongly(error: AskedWrongly) -> Response:
    """Everything that is wrong with what was asked, part by part."""
    errors = [{"parameter": name, "detail": detail} for name, detail in error.wrong]
    return problem(400, str(error), more={"errors": errors})
