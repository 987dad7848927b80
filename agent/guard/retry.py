"""Whether a request that failed is sent once more, and when. Pure: time, chance and faults in; a pause, or None, out.

Whoever sends says what is safe: only requests that change nothing, and those that have surely not arrived. The pause
doubles with each request and is drawn from the whole of it, so that those who failed together do not come back
together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from agent.errors import Fault

TRANSIENT = frozenset({Fault.UNREACHABLE, Fault.BUSY, Fault.BROKEN})
"""What may be different a moment later. Not a timeout: whoever waited has no time left. Not what was refused."""


@dataclass(frozen=True, slots=True)
class Policy:
    """For one kind of request."""

    requests: int
    """In all, the first included."""
    first_s: float
    """The pause before the second one, at most; twice as much before each further one."""
    longest_s: float
    """What that grows to."""
    patience_s: float
    """What a server may ask for with Retry-After; who asks for more is not waited for."""
    safe: frozenset[Fault] = TRANSIENT
    """After which faults the request may be sent once more."""

    def pause(
        self, fault: Fault, *, sent: int, retry_after_s: float | None, left_s: float, chance: float
    ) -> float | None:
        """Seconds until the next request, never less than the server asked for; None to give up. `sent`: requests by
        now. `left_s`: of the caller's patience. `chance`: from 0 to 1, drawn evenly."""
        if fault not in self.safe or sent >= self.requests:
            return None
        asked = retry_after_s or 0.0
        if asked > self.patience_s:
            return None
        pause = asked + chance * min(self.first_s * 2.0 ** (sent - 1), self.longest_s)
        return pause if pause < left_s else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer's Retry-After asks for (RFC 9110, 10.2.3: seconds or a date), or its retry-after-ms, which
    OpenAI sends besides; None where it does not say, or not so that it can be understood. `headers` by small letters;
    `now` in seconds since the epoch."""
    if (told := headers.get("retry-after-ms")) is not None and (ms := _number(told)) is not None:
        return ms / 1000
    told = headers.get("retry-after")
    if told is None:
        return None
    seconds = _number(told)
    return seconds if seconds is not None else _until(told, now)


def _number(told: str) -> float | None:
    try:
        number = float(told)
    except ValueError:
        return None
    return max(number, 0.0) if math.isfinite(number) else None


def _until(told: str, now: float) -> float | None:
    try:
        when = parsedate_to_datetime(told)
    except (ValueError, TypeError, OverflowError):
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    try:
        return max((when - datetime.fromtimestamp(now, UTC)).total_seconds(), 0.0)
    except (OverflowError, ValueError):
        return None
