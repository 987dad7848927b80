"""The closed set of errors: what ends a turn, what ends a call, what stops the start.

Expected endings (a hang-up, a barge-in, a time limit) are values and cancellations, never one of these.
"""

from __future__ import annotations

import enum


class CallingAgentError(Exception):
    """Base of every error this product raises on purpose."""


class ConfigError(CallingAgentError):
    """The configuration cannot be used. Carries every fault found, in plain words."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class WireError(CallingAgentError):
    """The other side of a media socket broke the protocol so badly that the call cannot go on."""


class Fault(enum.Enum):
    """What went wrong at a provider, coarse enough to act upon."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    """The request itself: bad credentials, unknown model, malformed. Trying again does not help."""
    BUSY = "busy"
    """Rate or quota limit."""
    BROKEN = "broken"
    """A server error, half an answer, or an answer that makes no sense."""


class ProviderError(CallingAgentError):
    """A speech or language provider failed. Ends the turn, never the call by itself."""

    def __init__(
        self, provider: str, operation: str, fault: Fault, detail: str = "", *, retry_after_s: float | None = None
    ) -> None:
        """`retry_after_s`: what the server asked for; None where it did not say."""
        self.provider = provider
        self.operation = operation
        self.fault = fault
        self.detail = detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{provider} {operation}: {fault.value}" + (f" ({detail})" if detail else ""))


class AskedWrongly(CallingAgentError):  # noqa: N818  it tells who erred
    """What is asked for cannot be used. Carries everything that is wrong: which part, and what to write instead."""

    def __init__(self, wrong: tuple[tuple[str, str], ...]) -> None:
        self.wrong = wrong
        super().__init__(" ".join(f"{name}: {detail}" for name, detail in wrong))


class StoreError(CallingAgentError):
    """The store could not keep or give a record."""


class Unreadable(StoreError):  # noqa: N818  no fault of the store's: asking again helps nobody
    """What the store has under this key is damaged, or of another version."""


class NotKept(StoreError):  # noqa: N818  an answer more than an error: there is no such thing in the store
    """There is nothing under this key."""


class CarrierFault(enum.Enum):
    """What became of a request to the carrier, coarse enough to act upon."""

    REFUSED = "refused"
    """It was read and not done. Asked again it will be refused again."""
    BUSY = "busy"
    """Too many requests: not done. Safe to ask again, later."""
    UNREACHABLE = "unreachable"
    """It has not been sent. Safe to ask again."""
    UNKNOWN = "unknown"
    """It was sent, or may have been, and nobody can say whether it was done."""


class CarrierError(CallingAgentError):
    """The carrier's REST API did not do, or may not have done, what it was asked for."""

    def __init__(
        self, fault: CarrierFault, detail: str, *, status: int = 0, code: int = 0, retry_after_s: float | None = None
    ) -> None:
        """`status` of HTTP, `code` of the carrier's list of errors: 0 where there was none. `retry_after_s`: as the
        carrier asked for; None where it did not."""
        self.fault = fault
        self.detail = detail
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(f"the carrier's API: {fault.value} ({detail})")
