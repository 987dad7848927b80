"""The do-not-call list over HTTP: read, added to, and, by who may do anything, taken from."""

from __future__ import annotations

from typing import Annotated

import msgspec
from quart import Blueprint, g
from quart_schema import document_querystring, document_request, document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.errors import AskedWrongly, StoreError
from agent.guard.dial_book import DoNotCall
from agent.guard.order import Refused
from agent.web.body import body
from agent.web.given import Given
from agent.web.parameters import LARGEST_PAGE, ListParameters, Number
from agent.web.ports import DoNotCallList
from agent.web.problem import nothing, problem
from agent.web.scope import needs

PAGE = 50


class Unwanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is not to be called."""

    number: Number
    why: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class DoNotCallPage(msgspec.Struct, frozen=True):
    """By number."""

    entries: list[DoNotCall]
    next: str | None
    """The `cursor` of the next page; null on the last one."""


def add_do_not_call(routes: Blueprint, kept: DoNotCallList | None) -> None:
    """Let these routes keep the list; without one they tell so."""
    _add_reading(routes, kept)
    _add_changing(routes, kept)


def _add_reading(routes: Blueprint, kept: DoNotCallList | None) -> None:
    @routes.get("/do-not-call")
    @document_querystring(ListParameters)
    @document_response(DoNotCallPage)
    async def do_not_call() -> Response:
        """Numbers that are never called, a page at a time."""
        given = Given("limit", "cursor")
        limit = given.read("limit", _limit, PAGE)
        after = given.read("cursor", _cursor, "")
        given.check()
        found = await _there(kept).listed(after, limit + 1)
        page = found[:limit]
        return _json(DoNotCallPage(page, page[-1].number if len(found) > limit else None))

    @routes.get("/do-not-call/<number>")
    @document_response(DoNotCall)
    async def entry(number: str) -> Response:
        """Whether a number is on the list, and since when."""
        Given().check()
        spelt = await _spelt(kept, number)
        found = await _there(kept).get(spelt)
        return _unlisted(spelt) if found is None else _json(found)


def _add_changing(routes: Blueprint, kept: DoNotCallList | None) -> None:
    @routes.post("/do-not-call")
    @needs("call")
    @document_request(Unwanted)
    @document_response(DoNotCall, 201)
    @document_response(DoNotCall, 202)
    async def add() -> Response:
        """Have a number never called again. 202: it is written down, and not with every process yet."""
        Given().check()
        asked = await body(Unwanted)
        spelt = await _spelt(kept, asked.number)
        visitor = g.get("visitor")
        who, why = visitor.who if visitor else "the API", " ".join(asked.why.split())
        everywhere = await _there(kept).add(spelt, who, why)
        entry = await _there(kept).get(spelt) if everywhere else DoNotCall(spelt, who, why)
        headers = {"Location": f"/api/do-not-call/{spelt}"}
        return _json(entry or DoNotCall(spelt), 201 if everywhere else 202, headers)

    @routes.delete("/do-not-call/<number>")
    async def remove(number: str) -> Response:
        """Take a number off the list: whoever it belongs to wants to be called again."""
        Given().check()
        spelt = await _spelt(kept, number)
        if not await _there(kept).remove(spelt):
            return _unlisted(spelt)
        return nothing()


def _there(kept: DoNotCallList | None) -> DoNotCallList:
    if kept is None:
        raise StoreError("this server keeps no do-not-call list")
    return kept


async def _spelt(kept: DoNotCallList | None, text: str) -> str:
    spelt = await _there(kept).spelt(text)
    if isinstance(spelt, Refused):
        raise AskedWrongly((("number", spelt.detail),))
    return spelt


def _unlisted(number: str) -> Response:
    return problem(404, f"{number} is not on the do-not-call list.")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_PAGE):
        raise ValueError(f"{text[:60]!r} is no whole number from 1 to {LARGEST_PAGE}.")
    return int(text)


def _cursor(text: str) -> str:
    cursor = f"+{text.strip().removeprefix('+')}"  # a plus in an address arrives as a space
    if not (cursor[1:].isascii() and cursor[1:].isdigit() and len(cursor) <= 16):
        raise ValueError(f"{text[:60]!r} is no cursor: send `next` of the page before.")
    return cursor


def _json(told: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(told), status, headers, content_type="application/json")
