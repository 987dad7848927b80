"""One-time tokens among all processes that share a store: the first to show one passes, whichever process it comes to.

A caller is on the line meanwhile, so the store has ANSWER_S; where it does not answer, this process's memory decides.
"""

from __future__ import annotations

import time
from functools import partial

import structlog
import trio

from agent.errors import StoreError
from agent.guard.access import AccessStore
from agent.guard.tokens import Claims, Reason, Refusal, Tokens

log = structlog.get_logger(__name__)

ANSWER_S = 0.3
THREADS = 8


class Turnstile:
    """One process's."""

    def __init__(self, store: AccessStore, softphones: Tokens) -> None:
        self._store = store
        self._softphones = softphones
        self._threads = trio.CapacityLimiter(THREADS)

    async def first(self, nonce: str, until: float) -> bool:
        """Whether nobody has shown this nonce before; it is remembered until then, in seconds since the epoch."""
        burn = partial(self._store.burn, nonce, until)
        try:
            with trio.fail_after(ANSWER_S):
                # Left to itself where it is late: a token that is burnt later was let in here.
                return await trio.to_thread.run_sync(burn, limiter=self._threads, abandon_on_cancel=True)
        except (StoreError, trio.TooSlowError) as error:
            log.warning("a used token is remembered in this process alone", error=str(error) or "no answer in time")
            return True

    async def softphone(self, token: str) -> Claims | None:
        """The call that the token in a media socket's path is for, the first time that it is shown."""
        now = time.time()
        claims = self._softphones.admit(token, now)
        if isinstance(claims, Claims):
            if await self.first(*self._softphones.mark(token, now)):
                return claims
            claims = Refusal(Reason.USED)
        log.warning("softphone refused", why=claims.reason.value)
        return None
