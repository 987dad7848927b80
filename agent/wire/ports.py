"""What the wire needs from outside: one open media socket, and the carrier's API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent.wire.carrier import CarrierCall, CarrierNumber, Ring


class MediaSocket(Protocol):
    """One WebSocket, already accepted. One task receives, one task sends.

    A seam: the transport behind it can be replaced without the call noticing.
    """

    async def receive(self) -> str | bytes | None:
        """The next message (bytes for a binary frame, which Twilio never sends); None once the peer has closed, reset,
        or broken the protocol, and from then on. Cancellation loses nothing."""
        ...

    async def each(self, take: Callable[[str | bytes], bool]) -> None:
        """Receive, and hand each message to `take`, until it returns False or raises, or there are no more. It is
        called in this task's context, but maybe in another task's step: what it takes is not a wake-up a message."""
        while (message := await self.receive()) is not None and take(message):
            pass

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


class Carrier(Protocol):
    """The carrier's API. Each method is one request, bounded in time, never repeated, and raises CarrierError.
    Cancelled, nobody knows whether the request was done."""

    async def create(self, ring: Ring) -> CarrierCall:
        """Have a telephone rung. Asked twice, it rings twice."""
        ...

    async def hang_up(self, call_sid: str) -> None:
        """End the call, whatever its state. Done also where it is over already, or not known."""
        ...

    async def redirect(self, call_sid: str, url: str) -> bool:
        """Have the carrier ask there, now, what to do with a call that goes on: whatever it does with it ends, a media
        stream included. False where the call is over, or not known."""
        ...

    async def fetch(self, call_sid: str) -> CarrierCall | None:
        """None where there is no such call."""
        ...

    async def recent(self, to: str) -> list[CarrierCall]:
        """The newest calls to this number, newest first: some tens of them."""
        ...

    async def numbers(self, number: str = "") -> list[CarrierNumber]:
        """Our numbers; or the one."""
        ...
