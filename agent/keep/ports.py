"""What keeping needs from outside: a store for the records of calls."""

from __future__ import annotations

from typing import Protocol

from agent.keep.record import CallRecord

HAND_OVER_S = 600.0
"""How long a hand-over is kept: the carrier asks within seconds of the stream's end."""


class CallStore(Protocol):
    """Where call records go. Synchronous: nurseries run it in a thread of its own and bound it."""

    @property
    def name(self) -> str: ...

    def save(self, *records: CallRecord) -> None:
        """Write the records, each replacing what there is of the same call unless that has a greater revision. Raises
        StoreError, and then some of them may be written."""
        ...

    def get(self, call_sid: str) -> CallRecord | None:
        """The call's record, or None. Raises StoreError."""
        ...

    def newest(self, limit: int) -> list[CallRecord]:
        """The latest calls, newest first. Raises StoreError."""
        ...

    def hand_over(self, call_sid: str, to: str) -> None:
        """The call is to be passed on to this number once its stream is over; any process may be asked. Forgotten
        after HAND_OVER_S. Raises StoreError."""
        ...

    def handed_over(self, call_sid: str) -> str | None:
        """Where the call is to be passed on to, or None. Raises StoreError."""
        ...

    def close(self) -> None: ...
