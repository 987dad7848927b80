"""Calls over HTTP: a page of them, one, what was said in it, and its sound."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
from quart import Blueprint, request
from quart_schema import document_querystring, document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.keep import cursor
from agent.keep.asked import FILTERS, sort
from agent.keep.query import Place, Query, place_of
from agent.keep.record import CallRecord
from agent.keep.shown import shown
from agent.keep.transcript import Transcript, as_text, as_vtt, transcript
from agent.web.given import Given
from agent.web.parameters import (
    LARGEST_PAGE,
    TRANSCRIPTS,
    PageParameters,
    RecordingParameters,
    TranscriptParameters,
)
from agent.web.ports import Records
from agent.web.problem import problem
from agent.web.recording import recording

PAGE = 20


class Page(msgspec.Struct, frozen=True):
    """Calls, in the order that was asked for."""

    calls: list[CallRecord]
    next: str | None
    """The `cursor` of the next page; null on the last one."""


def add_calls(routes: Blueprint, records: Records, zone: ZoneInfo) -> None:
    """Let these routes tell of calls; `zone` is what days are of."""

    @routes.get("/calls")
    @document_querystring(PageParameters)
    @document_response(Page)
    async def calls() -> Response:
        """The calls that fulfil all filters, newest first or in the order of `sort`, a page at a time."""
        given = Given(*FILTERS, "sort", "limit", "cursor")
        query = msgspec.structs.replace(given.query(zone), sort=given.read("sort", sort, "newest"))
        limit = given.read("limit", _limit, PAGE)
        after = given.read("cursor", lambda text: cursor.read(text, query.sort), None)
        given.check()
        return _json(await _page(records, query, limit, after))

    @routes.get("/calls/<call_sid>")
    @document_response(CallRecord)
    async def call(call_sid: str) -> Response:
        """One call's record."""
        Given().check()
        record = await records.get(call_sid)
        return _unknown(call_sid) if record is None else _json(msgspec.json.encode(shown(record)))

    @routes.get("/calls/<call_sid>/transcript")
    @document_querystring(TranscriptParameters)
    @document_response(Transcript)
    async def call_transcript(call_sid: str) -> Response:
        """What was said in a call, as the caller heard it: in the form that `format` or the Accept header names."""
        given = Given("format")
        kind = given.read("format", _kind, "") or _accepted()
        given.check()
        record = await records.get(call_sid)
        return _unknown(call_sid) if record is None else _transcript(record, kind)

    @routes.get("/calls/<call_sid>/recording")
    @document_querystring(RecordingParameters)
    async def call_recording(call_sid: str) -> Response:
        """A call's sound, or the range of it that the Range header asks for, or a redirect to where it is public.

        Of a call that has gone on in another process it is one file on the call's time line, silent between its legs; a
        leg whose sound is not there (yet) is silent, too, and `Recording-Missing` tells its number.
        """
        given = Given("redirect")
        redirect = given.read("redirect", _redirect, missing=True)
        given.check()
        record = await records.get(call_sid)
        if record is None:
            return _unknown(call_sid)
        if not record.recording:
            return problem(404, "No recording of this call is stored: it was not recorded, or is not stored yet.")
        return await recording(records, record, redirect=redirect)


def _unknown(call_sid: str) -> Response:
    return problem(404, f"There is no call {call_sid[:60]}.")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_PAGE):
        raise ValueError(f"{text[:60]!r} is no whole number from 1 to {LARGEST_PAGE}.")
    return int(text)


def _kind(text: str) -> str:
    if text not in TRANSCRIPTS:
        raise ValueError(f"{text[:60]!r} is none of {', '.join(TRANSCRIPTS)}.")
    return text


def _redirect(text: str) -> bool:
    if text != "no":
        raise ValueError(f"{text[:60]!r} is not no: leave it out to be redirected.")
    return False


def _accepted() -> str:
    """The form that the Accept header prefers; JSON where it names none that there is."""
    best = request.accept_mimetypes.best_match(TRANSCRIPTS.values(), default=TRANSCRIPTS["json"])
    return next(kind for kind, media_type in TRANSCRIPTS.items() if media_type == best)


async def _page(records: Records, query: Query, limit: int, after: Place | None) -> bytes:
    def shape(found: list[CallRecord]) -> bytes:
        page = found[:limit]
        more = cursor.written(place_of(page[-1], query.sort)) if len(found) > limit else None
        return msgspec.json.encode(Page(list(map(shown, page)), more))

    return await records.find(query, limit + 1, after, shape)


def _transcript(record: CallRecord, kind: str) -> Response:
    match kind:
        case "text":
            response = Response(as_text(record), content_type="text/plain; charset=utf-8")
        case "vtt":
            response = Response(as_vtt(record), content_type="text/vtt; charset=utf-8")
        case _:
            response = _json(msgspec.json.encode(transcript(record)))
    response.headers["Vary"] = "Accept"
    return response


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")
