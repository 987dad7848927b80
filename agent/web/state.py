"""What the process tells its face: whether it takes calls, and how many it has. Written by the process only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ProcessState:
    """One process. Read and written on the loop only."""

    ready: bool = False
    """Everything a call needs is loaded."""
    draining: bool = False
    """Told to leave: calls in progress and sockets already promised are served, new calls are not."""
    calls: int = 0
    """Calls whose socket has shown its token and has not ended."""

    @property
    def accepting(self) -> bool:
        return self.ready and not self.draining
