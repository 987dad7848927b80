"""How many WebSocket frames a peer sends: raw bytes in, from the upgrade's request on, a count out. RFC 6455, 5.2.

A frame can be six bytes long, be no message (pings, empty fragments), and take as long as one: so they are counted
where bytes arrive. What is no frame is not noticed here, for the library refuses it.
"""

from __future__ import annotations

import re

_HEAD_ENDS = re.compile(rb"\n\r?\n")
"""As h11 has it."""


class Frames:
    """One peer's."""

    def __init__(self) -> None:
        self._upgraded = False
        self._kept = b""
        """The end of the request's head, or the beginning of a frame, that has not arrived whole."""
        self._skip = 0
        """Bytes of a payload that are still to come."""

    def arrived(self, data: bytes) -> int:
        """How many frames these bytes begin."""
        if not self._upgraded:
            found = _HEAD_ENDS.search(self._kept + data)
            if found is None:
                self._kept = (self._kept + data)[-2:]
                return 0
            self._upgraded, data, self._kept = True, (self._kept + data)[found.end() :], b""
        count, at = 0, self._skip
        if self._kept:
            data, self._kept = self._kept + data, b""
        while at + 2 <= len(data):
            length = data[at + 1] & 0x7F
            extended = {126: 2, 127: 8}.get(length, 0)
            head = 2 + extended + (4 if data[at + 1] & 0x80 else 0)
            if at + 2 + extended > len(data):
                break
            if extended:
                length = int.from_bytes(data[at + 2 : at + 2 + extended])
            count += 1
            at += head + length
        self._kept, self._skip = data[at:], max(at - len(data), 0)
        return count
