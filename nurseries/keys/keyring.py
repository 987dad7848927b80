"""The API keys as this process knows them: asked of the store now and then, however many strangers knock.

All keys are read at once, so an unknown id costs the store nothing of its own. While the store is away, keys of the
last reading still count for STALE_S; of others nobody can say anything, and nobody is let in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog
import trio

from agent.errors import StoreError
from agent.guard.access import AccessStore
from agent.guard.api_keys import ApiKey

log = structlog.get_logger(__name__)

T = TypeVar("T")

FRESH_S = 3.0
"""A reading counts so long: within it, a key that is revoked anywhere ends here."""
UNKNOWN_S = 0.5
"""The same for a key that is not in it: one that was just made is found."""
STALE_S = 300.0
"""The same while the store does not answer."""
ASK_S = 2.0
"""For the store to answer; until it is asked again after it did not."""
NOTE_S = 600.0
"""Between two notes of a key's last use."""


class KeyRing:
    """One process's. See `agent.guard.access.Keys`."""

    def __init__(self, store: AccessStore) -> None:
        self._store = store
        self._keys: dict[str, ApiKey] = {}
        self._read_at = self._failed_at = float("-inf")
        self._why = ""
        """The store does not answer; "" where it does."""
        self._asking = trio.Lock()
        self._thread = trio.CapacityLimiter(1)

    async def find(self, key_id: str) -> ApiKey | None:
        known = key_id in self._keys
        if not (known and self._why and self._asking.locked()):  # one waits for a store that is away, not everybody
            await self._refresh(FRESH_S if known else UNKNOWN_S)
        key = self._keys.get(key_id)
        age = trio.current_time() - self._read_at
        if age > STALE_S or (key is None and self._why):
            raise StoreError(self._why or "the keys are not read yet")
        return key

    async def used(self, key: ApiKey, now: float) -> None:
        if key.key_id not in self._keys or now - (self._keys[key.key_id].used_at or 0) < NOTE_S:
            return
        self._keys[key.key_id] = msgspec.structs.replace(key, used_at=now)  # nobody else notes it meanwhile
        try:
            await self._in_thread(lambda: self._store.used(key.key_id, now))
        except StoreError as error:
            log.warning("a key's use is not noted", key=key.key_id, error=str(error))

    async def _refresh(self, enough_s: float) -> None:
        async with self._asking:
            now = trio.current_time()
            if now - self._read_at < enough_s or now - self._failed_at < ASK_S:
                return
            try:
                found = await self._in_thread(self._store.keys)
            except StoreError as error:
                if not self._why:
                    log.warning("the store does not tell who has a key", error=str(error))
                self._failed_at, self._why = trio.current_time(), str(error)
                return
            self._keys = {key.key_id: key for key in found}
            self._read_at, self._why = now, ""

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            with trio.fail_after(ASK_S):
                return await trio.to_thread.run_sync(work, limiter=self._thread, abandon_on_cancel=True)
        except trio.TooSlowError:
            raise StoreError(f"no answer within {ASK_S:g} s") from None
