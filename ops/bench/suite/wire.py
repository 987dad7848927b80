"""A carrier's WebSocket frames at the price of a concatenation: text in, masked bytes out; bytes in, messages out.

The mask is four equal bytes, so that a piece of text can be masked wherever in a frame it will stand, once for all
calls. To a server it is a mask like any other.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import msgspec

MASK = 0xA5
_TABLE = bytes(each ^ MASK for each in range(256))

TEXT, PING, CLOSE_CODE = 1, 9, 8
"""Opcodes."""


class _Payload(msgspec.Struct):
    payload: str


class _Name(msgspec.Struct):
    name: str


class Message(msgspec.Struct):
    """One of the server's."""

    event: str
    media: _Payload | None = None
    mark: _Name | None = None


_decode = msgspec.json.Decoder(Message).decode


def masked(text: str) -> bytes:
    """A piece of a frame's text."""
    return text.encode().translate(_TABLE)


def _head(opcode: int, size: int) -> bytes:
    length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 126, size >> 8, size & 0xFF))
    return bytes((0x80 | opcode,)) + length + bytes((MASK,)) * 4


_HEADS = [_head(TEXT, size) for size in range(4096)]


def frame(body: bytes) -> bytes:
    """A text frame around masked text of up to 4 KB."""
    return _HEADS[len(body)] + body


CLOSE = _head(CLOSE_CODE, 2) + (1000).to_bytes(2, "big").translate(_TABLE)


def pong(data: bytes) -> bytes:
    return _head(10, len(data)) + data.translate(_TABLE)


def upgrade(host: str, path: str) -> bytes:
    """The request that opens a media socket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


class Frames:
    """What a server sends, cut into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Opcode and payload of each frame that is complete."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start > end or start + size > end:
                break
            yield data[at] & 15, data[start : start + size]
            at = start + size
        self._rest = data[at:]


def message(payload: bytes) -> Message:
    """Raises msgspec.MsgspecError for what is none."""
    return _decode(payload)
