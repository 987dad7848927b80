"""What the face needs to bring back a call whose stream is over: who has it, where it is to go, and whom to tell."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from agent.guard.lease import Lease


class Whereabouts(NamedTuple):
    """Of a call."""

    to: str | None
    """Where it is to be passed on to."""
    lease: Lease | None
    """Who holds it; None where nobody does, or nobody can say."""
    sure: bool = True
    """Nobody does, then."""


class WaysBack(Protocol):
    """Bounded, and never raises."""

    async def whereabouts(self, call_sid: str) -> Whereabouts:
        """As far as this process and the store know."""
        ...

    async def rescued(self, lease: Lease) -> bool:
        """The carrier asks what comes behind this leg. Whether it falls to whoever is asked now to bring the call back:
        to one of all, those included who would ask the carrier to come."""
        ...

    def stopped(self, call_sid: str, stream_sid: str) -> None:
        """The carrier says that this stream of the call has ended, well or badly. Not a checkpoint."""
        ...

    def over(self, call_sid: str) -> None:
        """The carrier says that the call has ended. Not a checkpoint."""
        ...
