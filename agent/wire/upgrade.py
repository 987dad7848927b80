"""A WebSocket's opening handshake, as a server: bytes in, a request or a refusal out, our answers. RFC 6455, 4.2."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import h11

Headers = Iterable[tuple[bytes, bytes]]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = b"13"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request that may be accepted."""

    target: str
    host: str
    key: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    """All of them, names in lower case."""
    rest: bytes
    """What came behind the head: frames."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is none that could be accepted."""

    status: int
    why: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Opening:
    """One peer's request, as its bytes arrive."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None

    def feed(self, data: bytes) -> Upgrade | Refusal | None:
        """None: the head is not complete. To be called no more after an answer."""
        self._http.receive_data(data)
        try:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._request = event
                event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            return Refusal(400, str(error))
        if event is h11.NEED_DATA and self._request is None:
            return None
        if self._request is None or not isinstance(event, h11.EndOfMessage):
            return Refusal(400, "an upgrade with a body")
        return _read(self._request, self._http.trailing_data[0])


def _read(request: h11.Request, rest: bytes) -> Upgrade | Refusal:
    known = {name: [value for each, value in request.headers if each == name] for name, _ in request.headers}
    if request.method != b"GET" or request.http_version < b"1.1" or b"upgrade" not in _words(known, b"connection"):
        return Refusal(400, "no upgrade")
    version = known.get(b"sec-websocket-version", [])
    if version != [_VERSION]:
        return Refusal(426 if version else 400, "another version", ((b"sec-websocket-version", _VERSION),))
    if b"websocket" not in _words(known, b"upgrade"):
        return Refusal(400, "an upgrade to something else")
    (key, *more), (host, *_) = known.get(b"sec-websocket-key", [b""]), known.get(b"host", [b""])
    if more or not _is_key(key) or not host or not host.isascii():
        return Refusal(400, "no key, or no host")
    return Upgrade(request.target.decode("ascii"), host.decode("ascii"), key, tuple(request.headers), rest)


def _words(known: dict[bytes, list[bytes]], name: bytes) -> set[bytes]:
    return {word.strip().lower() for value in known.get(name, []) for word in value.split(b",")}


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def accepted(request: Upgrade) -> bytes:
    """No subprotocol, no extension."""
    proof = base64.b64encode(hashlib.sha1(request.key + _GUID, usedforsecurity=False).digest())
    headers = ((b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", proof))
    return _head(101, headers)


def refused(status: int, headers: Headers) -> bytes:
    """An answer without a body."""
    return _head(status, (*headers, (b"content-length", b"0")))


def _head(status: int, headers: Headers) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join([*lines, b"", b""])
