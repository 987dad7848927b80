"""The journal's writer: the newest state of every record in, lines on the disk out, one synchronised write at a time.

Run by keeping. The disk's work, encoding included, is done in a thread; a fault is told and the next write makes up for
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import trio
from trio.lowlevel import ParkingLot

from agent.errors import StoreError
from agent.keep import journal
from agent.keep.record import CallRecord
from agent.providers.journal_file import JournalFile

LARGEST = 16 * 1024 * 1024
"""Bytes of a file, before a new one is begun with what is still open."""

STUCK_S = 5.0
STUCK = f"the disk has not taken a write for {STUCK_S:g} s"
"""A write that takes longer is a fault."""

AGAIN_S = 1.0
"""After a fault."""


class Notebook:
    """One process's."""

    def __init__(self, file: JournalFile, fault: Callable[[str], None]) -> None:
        """`fault` is told after every write why it failed, "" where it did not. Not a checkpoint."""
        self.open: dict[str, CallRecord] = {}
        """What is to be remembered, by CallSid."""
        self._file = file
        self._fault = fault
        self._written: dict[str, CallRecord] = {}
        """As the file has them."""
        self._done: set[str] = set()
        """What the file still has to be told not to remember."""
        self._full = LARGEST
        self._erasures = self._erased = 0
        """How often something was to be erased, and how much of that the present file does not have any more."""
        self._sure = False
        """The last write went well."""
        self._news = True
        self._began = float("inf")
        self._behind_since: float | None = None
        """When the oldest of what is to be written was taken."""
        self._writing_since: float | None = None
        """The same of what is being written."""
        self._told = ParkingLot()
        self._progress = ParkingLot()
        self._disk = trio.CapacityLimiter(1)

    @property
    def unwritten(self) -> list[CallRecord]:
        """What the file does not have as it is."""
        return [record for sid, record in self.open.items() if self._written.get(sid) is not record]

    @property
    def behind_s(self) -> float:
        """For how long the oldest of what the file does not have has been waiting."""
        waiting = [since for since in (self._writing_since, self._behind_since) if since is not None]
        return trio.current_time() - min(waiting) if waiting else 0.0

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def take(self, record: CallRecord) -> None:
        """This is to be remembered. Not a checkpoint."""
        self.open[record.call_sid] = record
        self._wake()

    def forget(self, call_sid: str) -> None:
        """This is not. Not a checkpoint."""
        del self.open[call_sid]
        self._done.add(call_sid)
        self._wake()

    def erase(self, call_sids: Iterable[str]) -> None:
        """These are to be nowhere, the lines that have been written of them included. Not a checkpoint."""
        for call_sid in call_sids:
            self.open.pop(call_sid, None)
        self._erasures += 1
        self._wake()

    async def written(self) -> None:
        """Wait until all that was taken is on the disk, and what is to be erased is not. Always a checkpoint."""
        await trio.lowlevel.checkpoint()
        while not self._sure or self.unwritten or self._erased < self._erasures:
            await self._progress.park()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self.put_down()
            if not self._sure:
                await trio.sleep(AGAIN_S)
            while self._sure and not self._news:
                await self._told.park()

    async def put_down(self) -> None:
        """Bring the file up to date; one at a time. Always a checkpoint. Cancelled, it leaves the disk to itself: what
        it may have written is written again."""
        now, done, erasures = dict(self.open), set(self._done), self._erasures
        self._news, self._began = False, trio.current_time()
        since, self._behind_since = self._behind_since, None
        self._writing_since = left = since
        try:
            anew = erasures > self._erased
            await trio.to_thread.run_sync(self._write, now, done, anew, limiter=self._disk, abandon_on_cancel=True)
        except StoreError as error:
            self._sure = False
            self._fault(str(error))
        else:
            self._sure, self._written, self._erased = True, now, erasures
            self._done -= done
            left = None
            self._fault("")
        finally:
            self._began = float("inf")
            self._behind_since, self._writing_since = left if left is not None else self._behind_since, None
        self._progress.unpark_all()

    def watch(self) -> None:
        """See whether a write is stuck. Not a checkpoint."""
        if trio.current_time() > self._began + STUCK_S:
            self._fault(STUCK)

    def release(self) -> None:
        """Leave the file to the next start."""
        self._file.release()

    def _wake(self) -> None:
        self._news = True
        if self._behind_since is None:
            self._behind_since = trio.current_time()
        self._told.unpark_all()

    def _write(self, now: dict[str, CallRecord], done: set[str], anew: bool) -> None:
        before = {sid: record for sid, record in self._written.items() if sid not in done}
        changed = [record for sid, record in now.items() if before.get(sid) is not record]
        events = [journal.Event(sid, done=True) for sid in done if sid in self._written]
        events += filter(None, (journal.change(before.get(record.call_sid), record) for record in changed))
        if not now:
            self._file.close()
            if not self._sure:
                self._file.probe()
        elif anew or not self._file.whole or self._file.size > self._full:
            whole = filter(None, (journal.change(None, record) for record in now.values()))
            self._file.begin_anew(b"".join(map(journal.line, whole)))
            self._full = max(LARGEST, 2 * self._file.size)
        elif events:
            self._file.append(b"".join(map(journal.line, events)))
