"""A call in several legs on the mock clock: what the caller says goes on in the next one where the last has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import trio

from agent.keep.record import CallRecord
from agent.model import Ending
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import Line
from nurseries.call import Call
from tests.calls.stage import Stage

LATER_MS = 900
"""After which a caller who is waited for speaks in a new leg."""


def stored(record: CallRecord) -> CallRecord:
    """As another process reads it."""
    return msgspec.json.decode(msgspec.json.encode(record), type=CallRecord)


@dataclass
class Legs:
    """One call; `logs` has each leg's, as the caller heard it."""

    stage: Stage
    lines: Sequence[Line]
    records: list[CallRecord] = field(default_factory=list)
    """As the next leg read them."""
    logs: list[CallLog] = field(default_factory=list)

    @property
    def call(self) -> Call:
        return self.stage.calls[-1]

    @property
    def heard_ms(self) -> float:
        """How much sound of the agent the caller has heard in all."""
        return sum(piece.end_ms - piece.at_ms for log in self.logs for piece in log.played)

    async def moved(self, *after_s: float, gap_s: float = 0.0, **more: Any) -> None:
        """Ask for a hand-off so long after each leg's beginning; the last leg goes on to its end. `gap_s` is between
        two."""
        for seconds in after_s:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._move, len(self.stage.calls), seconds)
                await self._leg(**more)
                nursery.cancel_scope.cancel("the leg is over")
            if self.call.ending is not Ending.MOVED:
                return
            self.records.append(stored(self.call.so_far()))
            await trio.sleep(gap_s)
        await self._leg(**more)

    async def crashed(self, at_s: float, lag_s: float, **more: Any) -> None:
        """The process is gone at this time of the first leg; the next one reads what was known so long before."""
        seen: list[CallRecord] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._crash, seen, at_s, lag_s)
            await self._leg(**more)
            nursery.cancel_scope.cancel("the leg is over")
        if not self.call.fenced:
            return
        self.records += seen
        await self._leg(**more)

    async def _move(self, n: int, seconds: float) -> None:
        call = await self._began(n)
        await trio.sleep(seconds)
        call.move("a release")

    async def _crash(self, seen: list[CallRecord], at_s: float, lag_s: float) -> None:
        call = await self._began(len(self.stage.calls))
        await trio.sleep(max(at_s - lag_s, 0))
        seen.append(stored(call.so_far()))
        await trio.sleep(min(lag_s, at_s))
        call.fence()

    async def _began(self, n: int) -> Call:
        while len(self.stage.calls) <= n:  # noqa: ASYNC110  virtual time
            await trio.sleep(0.001)
        return self.stage.calls[n]

    async def _leg(self, **more: Any) -> None:
        left = list(self.lines)[self._said() if self.records else 0 :]
        if not self.records:
            self.logs.append(await self.stage.place(*left, **more))
            return
        before = self.records[-1]
        if left and left[0].at_ms is None and not self._owed(before):
            left[0] = replace(left[0], at_ms=LATER_MS)
        self.logs.append(await self.stage.resume(before, *left, **more))

    def _said(self) -> int:
        """Lines of the caller's that are over; one that a leg's end has cut is said again. So is one that was not
        understood before a crash: the caller is asked for it."""
        if self.call.fenced:
            return sum(entry.role == "caller" and not entry.aside for entry in self.records[-1].entries)
        return sum(line.end_ms < log.duration_ms - 1 for log in self.logs for line in log.spoken)

    @staticmethod
    def _owed(before: CallRecord) -> bool:
        """The agent is to speak first."""
        spoken = [entry for entry in before.entries if entry.role != "tool" and not entry.aside]
        thread = before.thread
        assert thread is not None
        lost = before.legs[-1].why != "hand-off"
        return lost or not spoken or spoken[-1].role == "caller" or bool(thread.unsaid) or not thread.complete
