"""What the wire needs from outside: one open media socket."""

from __future__ import annotations

from typing import Protocol


class MediaSocket(Protocol):
    """One WebSocket, already accepted. One task receives, one task sends.

    A seam: the transport behind it can be replaced without the call noticing.
    """

    async def receive(self) -> str | bytes | None:
        """The next message (bytes for a binary frame, which Twilio never sends); None once the peer has closed, reset,
        or broken the protocol, and from then on. Cancellation loses nothing."""
        ...

    async def send(self, text: str) -> None:
        """Write one text message. Raises ConnectionError where the peer is gone.

        Cancelling it can tear a frame: afterwards only `close` or `abort` make sense.
        """
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye politely, then close. Cancelled: close the socket at once. Harmless when already closed."""
        ...

    async def abort(self) -> None:
        """Close without a goodbye, at once."""
        ...
