"""Records as a file: a query in; a body out that is made page by page, as fast as the client reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from zoneinfo import ZoneInfo

from quart import Blueprint, request
from quart_schema import document_querystring
from quart_trio.wrappers import TrioResponse as Response

from agent.keep.asked import FILTERS
from agent.keep.query import Place, Query, place_of
from agent.keep.record import CallRecord
from agent.keep.table import MEDIA_TYPES, Format, body, head
from agent.web.given import Given
from agent.web.parameters import ExportParameters
from agent.web.ports import Records
from agent.web.streamed import streamed

PAGE = 200
"""Records in memory at once."""


def add_export(routes: Blueprint, records: Records, zone: ZoneInfo) -> None:
    """Let these routes give files away; `zone` is what days are of."""

    @routes.get("/export")
    @document_querystring(ExportParameters)
    async def export() -> Response:
        """Every call that fulfils the filters, as a file.

        CSV for spreadsheets (UTF-8 with a byte order mark; a cell that could be taken for a formula begins with an
        apostrophe), or JSON Lines for programs: a record a line. An answer that breaks off is not complete.
        """
        given = Given(*FILTERS, "format")
        query = given.query(zone)
        kind: Format = given.read("format", _kind, "csv")
        given.check()
        return await _file(records, query, kind)


def _kind(text: str) -> Format:
    match text:
        case "csv" | "jsonl":
            return text
    raise ValueError(f"{text[:60]!r} is neither csv nor jsonl.")


async def _file(records: Records, query: Query, kind: Format) -> Response:
    """The answer. Its first page is there before it begins, so that a store that is away is told as such. One that goes
    away later breaks the connection off in the middle: a client must not take a part for all."""
    first = None if request.method == "HEAD" else await _page(records, query, kind, None)
    response: Response = Response(
        b"" if first is None else streamed(_pages(records, query, kind, first), "export"),
        content_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="calls.{kind}"'},
    )
    if first is None:
        response.headers.pop("Content-Length", None)
    response.timeout = None  # as long as the client reads: the connection bounds each write
    return response


Made = tuple[bytes, Place | None]


async def _page(records: Records, query: Query, kind: Format, after: Place | None) -> Made:
    return await records.find(query, PAGE, after, partial(_shape, kind))


def _shape(kind: Format, found: list[CallRecord]) -> Made:
    return body(kind, found), place_of(found[-1]) if len(found) == PAGE else None


async def _pages(records: Records, query: Query, kind: Format, made: Made) -> AsyncGenerator[bytes, None]:
    yield head(kind)
    while True:
        rows, place = made
        if rows:
            yield rows
        if place is None:
            return
        made = await _page(records, query, kind, place)
