"""Sends a request once more where its policy says so, within the deadline of whoever waits. Any request whose failure
is a ProviderError; others need a classification of their own."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
import trio
from tenacity import AsyncRetrying, RetryCallState

from agent.errors import Fault, ProviderError
from agent.guard.retry import Policy

T = TypeVar("T")

Why = tuple[Fault, float | None]
"""What went wrong, and the seconds that the server asked for with Retry-After."""

log = structlog.get_logger(__name__)


def of_provider(error: BaseException) -> Why | None:
    """The usual classification."""
    return (error.fault, error.retry_after_s) if isinstance(error, ProviderError) else None


async def retried(
    policy: Policy,
    request: Callable[[], Awaitable[T]],
    *,
    why: Callable[[BaseException], Why | None] = of_provider,
    may: Callable[[], bool] = lambda: True,
    chance: Callable[[], float] = random.random,
) -> T:
    """The answer to the request, sent so often as it takes and the policy allows. Raises what the last one raised.

    `why` classifies what a request raised; None: it is nothing to try again after. `may` says after a failure whether
    the request still may be sent once more. Cancelled, nothing is sent any more."""

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        found = why(error) if error is not None else None
        if found is None or not may():
            return math.inf
        fault, asked = found
        left = trio.current_effective_deadline() - trio.current_time()
        sent = state.attempt_number
        seconds = policy.pause(fault, sent=sent, retry_after_s=asked, left_s=left, chance=chance())
        if seconds is None:
            return math.inf
        log.info("once more", fault=fault.value, after_s=round(seconds, 3), sent=sent)
        return seconds

    retrying = AsyncRetrying(
        wait=pause, stop=lambda state: state.upcoming_sleep == math.inf, sleep=trio.sleep, reraise=True
    )
    return await retrying(request)
