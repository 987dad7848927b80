"""The port to whoever keeps traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agent.seen.spans import Span


class Exporter(Protocol):
    """Sends spans. Synchronous, but for `wanted`: nurseries run it in a thread and bound it."""

    name: str
    """Where to, for the log."""

    def wanted(self, trace_id: int) -> bool:
        """Whether spans of this trace are kept at all: the same for all of its spans, in every process. At once."""
        ...

    def export(self, spans: Sequence[Span]) -> str:
        """Send these. Returns what went wrong, in words; "": they are taken."""
        ...

    def close(self) -> None:
        """Nothing more will be sent; what is being sent is given up."""
        ...
