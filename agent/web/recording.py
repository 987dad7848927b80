"""A call's sound over HTTP: whole, or the range that a player asks for (RFC 9110, 14); or where else to get it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

from quart import request
from quart_trio.wrappers import TrioResponse as Response

from agent.errors import StoreError
from agent.web.ports import Records
from agent.web.problem import problem
from agent.web.streamed import streamed

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})", re.IGNORECASE)
_TYPES = {".wav": "audio/wav", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac", ".mp3": "audio/mpeg"}


async def recording(records: Records, key: str) -> Response:
    """The answer for a sound that the store has under this key. Raises StoreError and NotKept."""
    if url := records.public_url(key):
        return Response(b"", 302, {"Location": url})
    size = await records.size(key)
    start, end, status = 0, size, 200
    if size and (wanted := _wanted(size)):  # of nothing there is no part
        start, end, status = *wanted, 206
    if start >= end and size:
        return problem(416, f"It has {size} bytes.", headers={"Content-Range": f"bytes */{size}", **_RANGES})
    headers = {"Content-Length": str(end - start), **_RANGES}
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    head_only = request.method == "HEAD"
    body = b"" if head_only else streamed(_whole(records.sound(key, start, end), end - start), "recording")
    response: Response = Response(body, status, headers, content_type=_TYPES.get(key[key.rfind(".") :], _ANY))
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
