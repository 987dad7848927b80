"""A call's sound over HTTP: whole, or the range that a player asks for (RFC 9110, 14); or where else to get it. That of
a call of several legs is put together as it is read, in flat memory."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import partial

from quart import request
from quart_trio.wrappers import TrioResponse as Response

from agent.errors import NotKept, StoreError
from agent.keep.record import CallRecord
from agent.keep.whole import Whole, in_pieces
from agent.web.ports import Records
from agent.web.problem import problem
from agent.web.streamed import streamed

MISSING = "Recording-Missing"
"""The header that tells which legs there is no sound of."""

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})", re.IGNORECASE)
_TYPES = {".wav": "audio/wav", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac", ".mp3": "audio/mpeg"}


_ZEROS = bytes(64 * 1024)

Sound = Callable[[int, int], AsyncGenerator[bytes, None]]
"""Bytes from the one up to the other, in pieces as they come."""


async def recording(records: Records, record: CallRecord, *, redirect: bool = True) -> Response:
    """The answer for the sound of a call of which something is stored. Without `redirect` never from elsewhere, since a
    page may not read what is of another origin. Raises StoreError and NotKept."""
    if in_pieces(record):
        return await _put_together(records, record)
    key = record.recording
    if redirect and (url := records.public_url(key)):
        return Response(b"", 302, {"Location": url})
    kind = _TYPES.get(key[key.rfind(".") :], _ANY)
    return _answer(await records.size(key), partial(records.sound, key), kind)


async def _put_together(records: Records, record: CallRecord) -> Response:
    sizes: dict[str, int] = {}
    for piece in record.pieces:
        with suppress(NotKept):  # deleted by hand, or by its age: silence, and told
            sizes[piece.key] = await records.size(piece.key)
    if not sizes:
        raise NotKept(f"nothing of the sound of {record.call_sid} is there")
    whole = Whole(record, sizes)
    response = _answer(whole.size, partial(_pieces, records, whole), _TYPES[".wav"])
    if whole.missing:
        response.headers[MISSING] = ", ".join(map(str, whole.missing))
    return response


async def _pieces(records: Records, whole: Whole, start: int, end: int) -> AsyncGenerator[bytes, None]:
    for stretch in whole.part(start, end):
        left = stretch.length
        if stretch.key:
            pieces = records.sound(stretch.key, stretch.start, stretch.start + left)
            try:
                async for piece in pieces:
                    left -= len(piece)
                    yield piece
            finally:
                await pieces.aclose()
            if left:
                raise StoreError(f"the sound {stretch.key} ends {left} bytes too early")
        while left:
            piece = stretch.data or _ZEROS[:left]
            left -= len(piece)
            yield piece


def _answer(size: int, sound: Sound, kind: str) -> Response:
    start, end, status = 0, size, 200
    if size and (wanted := _wanted(size)):  # of nothing there is no part
        start, end, status = *wanted, 206
    if start >= end and size:
        return problem(416, f"It has {size} bytes.", headers={"Content-Range": f"bytes */{size}", **_RANGES})
    headers = {"Content-Length": str(end - start), **_RANGES}
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    head_only = request.method == "HEAD"
    body = b"" if head_only else streamed(_whole(sound(start, end), end - start), "recording")
    response: Response = Response(body, status, headers, content_type=kind)
    response.headers["Content-Length"] = str(end - start)
    response.timeout = None  # as long as the client reads: the connection bounds each write
    return response


_RANGES = {"Accept-Ranges": "bytes"}
_ANY = "application/octet-stream"


def _wanted(size: int) -> tuple[int, int] | None:
    """From where to where (exclusive); empty where there is no such part. None for everything: also for several ranges,
    and with If-Range, since sounds have no validator."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or "If-Range" in request.headers or match[1] == match[2] == "":
        return None
    if not match[1]:
        return max(size - int(match[2]), 0) if int(match[2]) else size, size
    start = int(match[1])
    if not match[2]:
        return start, max(size, start)
    end = int(match[2]) + 1
    return None if end <= start else (start, max(min(end, size), start))


async def _whole(pieces: AsyncGenerator[bytes, None], length: int) -> AsyncGenerator[bytes, None]:
    """Exactly as many bytes as were announced, or an error that breaks the connection off."""
    left = length
    try:
        async for piece in pieces:
            yield piece[:left]
            left -= len(piece[:left])
        if left:
            raise StoreError(f"a sound ends {left} bytes too early")
    finally:
        await pieces.aclose()
