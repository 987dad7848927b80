"""What a process does for its records beside calls: prepares the store, saves what was put aside, puts aside what
nothing takes.

Two of the process's children, and its last act. Work in threads is left to itself where the process leaves.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog
import trio

from agent.errors import StoreError
from agent.keep.ports import CallStore
from agent.keep.prices import Prices
from agent.keep.record import CallRecord
from agent.providers.aside import put_aside, take_back

log = structlog.get_logger(__name__)

PREPARE_AGAIN_S, PREPARE_LATER_S = 2.0, 60.0
"""Before a store that is away is prepared, once more and at the latest."""

PREPARED_S = 900.0
"""Between two times: longer than a process that leaves saves records."""


class Upkeep:
    """One process's."""

    def __init__(self, store: CallStore, aside: Path, prices: Prices) -> None:
        """`aside` is the folder for what neither store nor journal takes."""
        self._store = store
        self._aside = aside
        self._prices = prices
        self._threads = trio.CapacityLimiter(4)

    async def prepare(self) -> None:
        """As soon as the store is there, and now and then: a process of an earlier version may still save what this one
        cannot find. Calls are taken meanwhile."""
        pause, told = PREPARE_AGAIN_S, ""
        while True:
            try:
                # Left to itself at the end: the next start does what is left.
                await trio.to_thread.run_sync(self._store.prepare, abandon_on_cancel=True)
            except StoreError as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("the store is not prepared yet", error=told)
                await trio.sleep(pause)
                pause = min(2 * pause, PREPARE_LATER_S)
            else:
                if told:
                    log.info("the store is prepared")
                pause, told = PREPARE_AGAIN_S, ""
                await trio.sleep(PREPARED_S)

    async def take_back(self) -> None:
        """As soon as the store is there."""
        pause, saved, why = PREPARE_AGAIN_S, 0, ""
        told: set[str] = set()
        while True:
            faults: set[str] = set()
            work = partial(take_back, self._aside, self._store, self._prices, faults)
            away = False
            try:
                saved += await trio.to_thread.run_sync(work, limiter=self._threads)
            except StoreError as error:
                away = True
                if str(error) != why:
                    why = str(error)
                    log.warning("records put aside earlier are not saved yet", error=why)
            for fault in sorted(faults - told):
                log.error("a record put aside earlier is not saved", error=fault)
            told |= faults
            if not away:
                break
            await trio.sleep(pause)
            pause = min(2 * pause, PREPARE_LATER_S)
        if saved:
            log.info("records put aside earlier are saved", count=saved)

    async def put_aside(self, record: CallRecord) -> bool:
        """False where the record is lost."""
        try:
            # A disk that hangs is left to itself; what it has of the file is never taken for a record.
            path = await trio.to_thread.run_sync(put_aside, self._aside, record, abandon_on_cancel=True)
        except StoreError as error:
            log.error("record lost", call_sid=record.call_sid, error=str(error))  # noqa: TRY400  no traceback
            return False
        log.warning("record put aside until the next start", call_sid=record.call_sid, file=str(path))
        return True
