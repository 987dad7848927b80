"""What may be asked again of the carrier. Pure.

Creating a call is not idempotent: a second request rings twice. So only what surely was not done is asked again: what
the carrier refused for its number (429), and what never left. All else is unknown, and stays so until it is told.
"""

from __future__ import annotations

from types import MappingProxyType

from agent.errors import CarrierError, CarrierFault, Fault
from agent.guard.retry import Policy

_FAULTS = MappingProxyType(
    {
        CarrierFault.BUSY: Fault.BUSY,
        CarrierFault.UNREACHABLE: Fault.UNREACHABLE,
        CarrierFault.UNKNOWN: Fault.BROKEN,
        CarrierFault.REFUSED: Fault.REFUSED,
    }
)

CREATE = Policy(20, 0.5, 8.0, 60.0, frozenset({Fault.BUSY, Fault.UNREACHABLE}))
"""For a call's creation, within PLACE_TIMEOUT_S."""

END = Policy(4, 0.3, 2.0, 5.0, frozenset({Fault.BUSY, Fault.UNREACHABLE, Fault.BROKEN}))
"""For its end, which may be asked for more than once."""


def why(error: BaseException) -> tuple[Fault, float | None] | None:
    """What went wrong, in the words of a Policy; None: nothing of the carrier's."""
    return (_FAULTS[error.fault], error.retry_after_s) if isinstance(error, CarrierError) else None
