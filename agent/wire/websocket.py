"""A WebSocket server's frames: bytes in, messages, pings and the end out; our frames back. RFC 6455, sections 5 to 8.

Whole texts, which are all that a carrier sends, take the short way through `feed`. No extensions. What a peer may not
do ends its stream with the code that the RFC names: 1002, 1007 or 1009.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import lru_cache

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FIN, MASKED = 0x80, 0x80
WHOLE_TEXT = FIN | TEXT

CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1014)})
"""That a peer may say goodbye with, beside 3000 to 4999. 7.4, and the registry it founded."""


@dataclass(frozen=True, slots=True)
class Ping:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The peer's closing frame. `code` is None where it gave none."""

    code: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer broke the rules: what to tell it, and why."""

    code: int
    reason: str


Event = str | bytes | Ping | Goodbye | Broken
"""Text, a binary message, and what else there is. Nothing comes after a Goodbye or Broken. Pongs are nobody's."""


class Parser:
    """What one peer sends after the upgrade, however it is cut."""

    def __init__(self, max_message: int) -> None:
        """`max_message`: bytes of one message, all its frames together."""
        self._max = max_message
        self._held = bytearray()
        """The beginning of a frame."""
        self._due = 0
        """Bytes that it takes to tell more of it."""
        self._over = False
        self._kind = 0
        """Of the message of which parts have come; 0: none have."""
        self._parts: list[str | bytes] = []
        self._size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.frames = 0
        """That have arrived since whoever counts them set it to 0."""

    @property
    def inside(self) -> bool:
        """A frame has begun and not ended."""
        return bool(self._held)

    def feed(self, data: bytes | bytearray) -> list[Event]:
        """What these bytes complete."""
        events: list[Event] = []
        if self._over:
            return events
        if self._held:
            self._held += data
            if len(self._held) < self._due:
                return events
            data, self._held = self._held, bytearray()
        try:
            at = self._frames(data, events)
        except _Breach as breach:
            self._over = True
            events.append(Broken(breach.code, str(breach)))
        except UnicodeDecodeError:
            self._over = True
            events.append(Broken(1007, "text that is no UTF-8"))
        else:
            if at < len(data) and not self._over:
                self._held = bytearray(data[at:])
        return events

    def _frames(self, data: bytes | bytearray, events: list[Event]) -> int:
        """Where the first frame that is not whole begins."""
        at, size = 0, len(data)
        self._due = 2
        while size - at >= 2:
            first, second = data[at], data[at + 1]
            if first != WHOLE_TEXT or second < MASKED or self._kind:
                self._check(first, second)
            length, begin = second & 0x7F, at + 6
            if length > 125:
                begin = at + 8 if length == 126 else at + 14
                if size < begin - 4:
                    self._due = begin - 4 - at
                    break
                length = _length(data, at, begin)
            if length > self._max - self._size and first & 0x0F < CLOSE:
                raise _Breach(1009, f"a message of more than {self._max} bytes")
            end = begin + length
            if end > size:
                self._due = end - at
                break
            payload = unmasked(data[begin:end], data[begin - 4 : begin])
            at = end
            self.frames += 1
            if first == WHOLE_TEXT:
                events.append(payload.decode())
                continue
            self._other(first, payload, events)
            if self._over:
                break
        return at

    def _check(self, first: int, second: int) -> None:
        kind = first & 0x0F
        if first & 0x70:
            raise _Breach(1002, "a reserved bit")
        if kind not in {0, TEXT, BINARY, CLOSE, PING, PONG}:
            raise _Breach(1002, f"a frame of unknown kind {kind}")
        if kind >= CLOSE and (not first & FIN or second & 0x7F > 125):
            raise _Breach(1002, "a control frame in parts, or too long")
        if second < MASKED:
            raise _Breach(1002, "a frame without a mask")
        if kind < CLOSE and bool(kind) == bool(self._kind):
            raise _Breach(1002, "a message within another" if kind else "a part of no message")

    def _other(self, first: int, payload: bytes, events: list[Event]) -> None:
        """All but a text in one frame."""
        kind, whole = first & 0x0F, bool(first & FIN)
        if kind == PING:
            events.append(Ping(payload))
        elif kind == CLOSE:
            events.append(_goodbye(payload))
            self._over = True
        elif kind < CLOSE:
            self._kind = self._kind or kind
            self._size += len(payload)
            part = self._decoder.decode(payload, whole) if self._kind == TEXT else payload
            if part:
                self._parts.append(part)
            if whole:
                empty = "" if self._kind == TEXT else b""
                events.append(empty.join(self._parts))  # type: ignore[arg-type]  # all of one kind
                self._kind, self._size, self._parts = 0, 0, []


class _Breach(Exception):  # noqa: N818  never leaves this file
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _length(data: bytes | bytearray, at: int, begin: int) -> int:
    """5.2: in two or eight bytes, never in more than it takes."""
    length = int.from_bytes(data[at + 2 : begin - 4], "big")
    if length < (126 if begin == at + 8 else 65_536) or length >> 63:
        raise _Breach(1002, "a length that is written too long")
    return length


def _goodbye(payload: bytes) -> Goodbye:
    if not payload:
        return Goodbye(None)
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (code in CODES or 3000 <= code < 5000):
        raise _Breach(1002, "a goodbye with no code, or one that nobody may say")
    return Goodbye(code, payload[2:].decode())


@lru_cache(maxsize=64)
def _ones(words: int) -> int:
    """Times a mask: that mask, so many times over."""
    return int.from_bytes(b"\1\0\0\0" * words, "little")


def unmasked(payload: bytes | bytearray, key: bytes | bytearray) -> bytes:
    """5.3. As one long number: of the ways without a C extension the fastest at 200 to 400 bytes."""
    size = len(payload)
    words = (size + 3) // 4
    mask = int.from_bytes(key, "little") * _ones(words)
    return (int.from_bytes(payload, "little") ^ mask).to_bytes(4 * words, "little")[:size]


def frame(kind: int, payload: bytes) -> bytes:
    """A whole message, or a control frame, of ours: unmasked, as a server's are."""
    size = len(payload)
    if size < 126:
        return bytes((FIN | kind, size)) + payload
    if size < 65_536:
        return bytes((FIN | kind, 126, size >> 8, size & 0xFF)) + payload
    return bytes((FIN | kind, 127)) + size.to_bytes(8, "big") + payload


def text_frame(text: str) -> bytes:
    return frame(TEXT, text.encode())


def close_frame(code: int | None, reason: str = "") -> bytes:
    """The reason is cut to what a control frame holds, at a character's end."""
    if code is None:
        return frame(CLOSE, b"")
    told = reason.encode()[:123].decode(errors="ignore").encode()
    return frame(CLOSE, code.to_bytes(2, "big") + told)
