"""What may be tried again of a call's creation, and when. Pure: time and dice are given.

Creating a call is not idempotent: a second request rings twice. So only what surely was not done is tried again: what
the carrier refused for its number (429), and what never left. All else is unknown, and stays so until it is told.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.errors import CarrierError, CarrierFault

AGAIN = frozenset({CarrierFault.BUSY, CarrierFault.UNREACHABLE})

FIRST_S, LONGEST_S = 0.5, 8.0
"""Of the pause before the next try: doubled each time, and up to half of it less by chance, so that many who were
refused together do not come back together."""


def pause_s(error: CarrierError, tries: int, dice: Callable[[], float]) -> float:
    """Until the next try, after so many; never before the carrier's own Retry-After. `dice`: 0 up to 1."""
    backoff: float = min(FIRST_S * 2.0 ** (tries - 1), LONGEST_S) * (1 - dice() / 2)
    return max(backoff, error.retry_after_s or 0.0)
