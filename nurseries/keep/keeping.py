"""Follows the calls of one process: what is said goes into the journal and into the store.

One of the process's children; it outlives the calls and what is done after them. Looking at the calls, writing and
delivering are three tasks, so that a disk or a store that is slow, full or away holds up neither the other nor a call.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Protocol

import msgspec
import structlog
import trio

from agent.keep.clean import clean
from agent.keep.ports import CallStore
from agent.keep.prices import Prices
from agent.keep.record import CallRecord, revision_of
from agent.keep.redact import Redactor, redacted
from agent.metrics import Reading
from agent.providers.journal_file import JournalFile
from agent.web.state import ProcessState
from nurseries.boundary import contain
from nurseries.keep.backlog import Backlog
from nurseries.keep.notebook import STUCK, STUCK_S, Notebook

log = structlog.get_logger(__name__)

LOOK_S = 0.4
"""Between two looks at the calls: what was heard is on the disk within that and a write, all calls in one."""

AT_ONCE = 8
"""Calls that are looked at in one step, some 0.15 ms each: of 200, one step would hold up all of them for 30 ms."""

DROPPED = 1000
"""Calls of which another process has the record by now: the newest of them are known, for what is still to be told of
them here."""

AGAIN_S = 1.0
"""After a crash of one of the tasks."""


class Followed(Protocol):
    """A call, as far as it is followed. Not a checkpoint."""

    def so_far(self) -> CallRecord: ...


class Keeping:
    """One process's."""

    def __init__(
        self,
        store: CallStore,
        file: JournalFile,
        state: ProcessState,
        prices: Prices | None = None,
        *,
        over: Callable[[CallRecord], None] = lambda _: None,
        epoch: Callable[[str], int] = lambda _: 1,
        kept: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`over` is told of every record that is complete, `kept` the CallSid of each that is to stay as the store has
        it, or to be nowhere; `epoch` tells which writer of a call's record this process is. None of them is a
        checkpoint."""
        self._epoch = epoch
        self._kept = kept
        self._over = over
        self._state = state
        self._notebook = Notebook(file, self._fault)
        self._backlog = Backlog(store, self._stored, prices)
        self._calls: dict[str, Callable[[], CallRecord]] = {}
        """Those that go on, by CallSid."""
        self.inherited: set[str] = set()
        """Records of other processes that this one has taken up, by CallSid."""
        self._redactors: dict[str, Redactor] = {}
        """Of those, and of what is still changed after them."""
        self._complete: set[str] = set()
        """Done as soon as the store has them."""
        self._erased: set[str] = set()
        """Nothing is taken of these any more."""
        self._dropped: dict[str, None] = {}
        """Nor of these: another process has the call."""
        self._left: set[str] = set()
        """Of those, what the store has not answered for."""

    # What it is told. None of these is a checkpoint.

    def follow(self, call_sid: str, call: Followed) -> None:
        """The call goes on from here."""
        self._calls[call_sid] = call.so_far
        self._erased.discard(call_sid)
        self._complete.discard(call_sid)
        self._left.discard(call_sid)
        self._dropped.pop(call_sid, None)

    def update(self, record: CallRecord) -> None:
        """The call is over, or at least its leg here, and this is its record by now."""
        self._calls.pop(record.call_sid, None)
        if record.call_sid not in self._erased and record.call_sid not in self._dropped:
            self._take(record)

    def finish(self, record: CallRecord) -> None:
        """Nothing will be added: it is kept until the store has it."""
        self.update(record)
        if record.call_sid in self._dropped:
            return
        if record.call_sid in self._erased:
            self._kept(record.call_sid)
            return
        self._over(record)
        self._complete.add(record.call_sid)
        self._backlog.add(self._notebook.open[record.call_sid])

    def look(self, call_sid: str) -> None:
        """Take the call's record as it is now, if it is followed."""
        if (so_far := self._calls.get(call_sid)) is not None:
            try:
                self._take(so_far())
            except Exception:  # one call's fault must not take the others' records
                log.exception("crashed", what="the record so far", call_sid=call_sid)

    def hold(self, record: CallRecord) -> None:
        """A record of another process, to be updated and finished later: only the journal gets it meanwhile."""
        self.inherited.add(record.call_sid)
        self._left.discard(record.call_sid)
        self._dropped.pop(record.call_sid, None)
        self._notebook.take(redacted(record))

    def deliver(self, call_sid: str) -> None:
        """The store is to have what is held of the call, as it is."""
        if (record := self._notebook.open.get(call_sid)) is not None:
            self._backlog.add(record)

    def drop(self, call_sid: str) -> None:
        """Another process has the call, and what it writes of it stands: nothing of it is taken here until the call is
        followed again, nor kept once the store has answered for it. While that is away the other may have gone on
        without what it does not have."""
        self._calls.pop(call_sid, None)
        self._complete.discard(call_sid)
        self._redactors.pop(call_sid, None)
        self.inherited.discard(call_sid)
        if self._backlog.has(call_sid):
            self._left.add(call_sid)
        elif call_sid in self._notebook.open:
            self._notebook.forget(call_sid)
        self._dropped[call_sid] = None
        while len(self._dropped) > DROPPED:
            del self._dropped[next(iter(self._dropped))]

    def dropped(self, call_sid: str) -> bool:
        """Whether another process has the call, as far as this one was told."""
        return call_sid in self._dropped

    def known(self, call_sid: str) -> CallRecord | None:
        """The record, unless the store has had it for good."""
        return self._notebook.open.get(call_sid)

    def remembered(self) -> dict[str, CallRecord]:
        """What this process remembers of calls, by CallSid: of those that go on, and of those that the store may not
        have yet."""
        self._glance()
        return dict(self._notebook.open)

    def goes_on(self, call_sid: str) -> bool:
        """Whether this process follows the call."""
        return call_sid in self._calls

    def erased(self, call_sid: str) -> bool:
        """Whether the call has been erased here, and nothing of it may be kept."""
        return call_sid in self._erased

    def erase(self, call_sids: Iterable[str]) -> None:
        """Remember nothing of these calls, and take nothing more of them; once `written`, the journal has nothing of
        them either. Those that go on are followed as before."""
        over = {call_sid for call_sid in call_sids if call_sid not in self._calls}
        self._erased |= over
        self._complete -= over
        self._left -= over
        for call_sid in over:
            self._redactors.pop(call_sid, None)
        self._notebook.erase(over)

    @property
    def waiting(self) -> int:
        """Records that the store does not have yet, in their newest state."""
        return self._backlog.waiting

    @property
    def unwritten(self) -> int:
        """Records that the journal does not have yet, in their newest state."""
        return len(self._notebook.unwritten)

    def readings(self) -> Iterator[Reading]:
        """How far the journal and the store are behind."""
        yield Reading("records_waiting", "Records that the store does not have yet.", self.waiting)
        yield Reading(
            "records_behind_seconds",
            "Age of the oldest change that the store does not have yet.",
            self._backlog.behind_s,
        )
        yield Reading("journal_unwritten", "Records with something that the journal does not have.", self.unwritten)
        yield Reading(
            "journal_behind_seconds",
            "Age of the oldest change that the journal does not have yet.",
            self._notebook.behind_s,
        )
        yield Reading("journal_bytes", "What the journal takes of the disk.", self._notebook.size)

    # What it is asked. Always checkpoints.

    async def safe(self) -> None:
        """Wait until the journal or the store has all that this was told."""
        async with trio.open_nursery() as nursery:

            async def wait(what: Callable[[], Awaitable[None]]) -> None:
                await what()
                nursery.cancel_scope.cancel("it is safe")

            nursery.start_soon(wait, self.written)
            nursery.start_soon(wait, self.delivered)

    async def written(self) -> None:
        """Wait until the journal has all that this was told."""
        await self._notebook.written()

    async def delivered(self, call_sid: str = "") -> None:
        """Wait until the store has all that this was told, or was told of this call."""
        await self._backlog.delivered(call_sid)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled; `started()` once the journal has been tried."""
        with trio.move_on_after(STUCK_S) as limit:
            await self._notebook.put_down()
        if limit.cancelled_caught:
            self._fault(STUCK)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_always, self._notebook.run, name="notebook")
            nursery.start_soon(_always, self._backlog.run, name="backlog")
            nursery.start_soon(_always, self._watch, name="look")
            task_status.started()

    async def close(self) -> list[CallRecord]:
        """Write what is to be remembered and let go of the journal; returns the records that neither it nor the store
        has. Once `run` is over."""
        try:
            await self._notebook.put_down()
        finally:
            self._notebook.release()
        left = len(self._notebook.open) - len(self._notebook.unwritten)
        if left:
            log.warning("records are left in the journal for the next start", count=left)
        return self._notebook.unwritten

    async def _watch(self) -> None:
        while True:
            self._notebook.watch()
            for number, call_sid in enumerate(list(self._calls), 1):
                self.look(call_sid)
                if number % AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()
            await trio.sleep(LOOK_S)

    def _glance(self) -> None:
        for call_sid in self._calls:
            self.look(call_sid)

    def _take(self, record: CallRecord) -> None:
        """Where it differs from the last one, it is the next."""
        before = self._notebook.open.get(record.call_sid)
        known = max(record.revision, before.revision if before is not None else 0)
        redactor = self._redactors.setdefault(record.call_sid, Redactor())
        record = redactor.redacted(clean(msgspec.structs.replace(record, revision=0)))
        if before is None or record != msgspec.structs.replace(before, revision=0):
            known = max(known, revision_of(self._epoch(record.call_sid), time.time()) - 1)
            record = msgspec.structs.replace(record, revision=known + 1)
            self._notebook.take(record)
            self._backlog.add(record)
        if redactor.revealed:
            self._notebook.erase(())  # lines that were written before do not stay

    def _stored(self, record: CallRecord) -> None:
        if record.call_sid in self._left:
            self._left.discard(record.call_sid)
            self._notebook.forget(record.call_sid)
        if record.call_sid in self._complete and self._notebook.open.get(record.call_sid) is record:
            self._complete.discard(record.call_sid)
            self._redactors.pop(record.call_sid, None)
            self._notebook.forget(record.call_sid)
            self._kept(record.call_sid)

    def _fault(self, fault: str) -> None:
        if fault and not self._state.journal_fault:
            log.error("the journal cannot be written: calls go on, new ones are not taken", error=fault)
        elif self._state.journal_fault and not fault:
            log.info("the journal is written again")
        self._state.journal_fault = fault


async def _always(work: Callable[[], Awaitable[None]]) -> None:
    while await contain(work, "keeping"):  # noqa: ASYNC110  there is no event to wait for
        await trio.sleep(AGAIN_S)
