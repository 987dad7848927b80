"""Who watches calls while they go on: streams of events, made as they are read.

Each watcher is a generator in its reader's own task, and takes from what the call has told (see `agent.seen.feed`) when
it comes to it: no call waits for one, or knows of any. Whoever falls behind what is kept is dropped, and comes again.
While nobody watches, nothing here runs. Who watches may also end a call, or have its caller passed on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Literal, Protocol

import trio
from trio.lowlevel import ParkingLot

from agent.keep.live_sound import SILENCE
from agent.keep.ports import CallStore
from agent.keep.prices import Prices
from agent.keep.record import CallRecord
from agent.model import BYTES_PER_MS, Ending
from agent.seen.live_call import BROWSER
from agent.seen.stream import BEAT
from nurseries.legs.holding import Ask
from nurseries.line.tape import Tape
from nurseries.watch.board import Board, Seen
from nurseries.watch.elsewhere import Elsewhere
from nurseries.watch.views import LIST_S, All, Away, One, Seats, Sound, View, Watched, live_of

BEAT_S = 15.0
"""Silence of a stream, at most."""

LASTS_S = 900.0
"""A stream: then its reader comes again, and is asked again who it is."""

QUIET = SILENCE * (20 * BYTES_PER_MS * 2)
"""Of sound, in place of a beat: a frame of silence."""

Where = Literal["here", "elsewhere", ""]

OVER = "The call is ending already."


class Kept(Protocol):
    """Records of calls that go on. Not checkpoints: see Keeping."""

    def known(self, call_sid: str) -> CallRecord | None: ...
    def look(self, call_sid: str) -> None: ...


class Watching:
    """One process's."""

    def __init__(
        self,
        kept: Kept,
        prices: Prices,
        store: CallStore,
        *,
        left: Callable[[], Awaitable[Iterable[str]]] | None = None,
        ask: Ask | None = None,
    ) -> None:
        """`ask` has the store, which other processes have as well, do something, and `left` tells what they have left:
        see Elsewhere."""
        self._kept = kept
        self._elsewhere = Elsewhere(store, self._is_here, left=left, ask=ask)
        self._prices = prices
        self._calls: dict[str, Seats] = {}
        """Those that go on here, by CallSid."""
        self._board = Board(self._there)
        self._looked = -1
        self._left = ParkingLot()
        self._leaves = 0

    @property
    def watchers(self) -> int:
        """Streams that are open."""
        return self._elsewhere.watchers

    # What it is told. None of these is a checkpoint.

    def begun(self, call: Watched, tape: Tape | None = None) -> None:
        """The call goes on here; `tape`, where it may be listened to. Of an earlier leg nothing more is told."""
        if (before := self._calls.get(call.info.call_sid)) is not None:
            before.end("", None)
        self._calls[call.info.call_sid] = Seats(call, tape)

    def over(self, call: Watched, ending: str) -> None:
        """It does not any more; without an ending another process goes on with it, or may."""
        call_sid = call.info.call_sid
        seats = self._calls.get(call_sid)
        if seats is not None and seats.call is call:
            del self._calls[call_sid]
            seats.end(ending, self._kept.known(call_sid))
            self._board.over(call_sid, ending)
            if ending:
                self._elsewhere.ended(call_sid)

    def leave(self) -> None:
        """End all streams: whoever reads one comes again, perhaps to another process."""
        self._leaves += 1
        self._left.unpark_all()
        for seats in self._calls.values():
            seats.news.unpark_all()

    # What it is asked.

    async def where(self, call_sid: str) -> Where:
        """Who holds the call. Raises StoreError."""
        if self._is_here(call_sid):
            return "here"
        return "elsewhere" if await self._elsewhere.knows(call_sid) else ""

    def from_browser(self, call_sid: str) -> bool:
        """Whether a call that is elsewhere, as `where` has just said, is a browser's. Not a checkpoint."""
        record = self._elsewhere.records.get(call_sid)
        return record is not None and record.caller.startswith(BROWSER)

    def calls(self) -> AsyncGenerator[bytes, None]:
        """The list, and what changes in it."""
        return self._stream(All(self._look, self._left))

    def call(self, call_sid: str, last: int = 0) -> AsyncGenerator[bytes, None]:
        """One call that is somewhere, from behind the moment with this number."""
        seats = self._calls.get(call_sid)
        if seats is None:
            return self._stream(Away(call_sid, self._elsewhere, self._is_here, self._prices))
        return self._stream(One(seats, last, self._record, self._prices))

    def audible(self, call_sid: str) -> bool:
        """Whether it can be listened to. Not a checkpoint."""
        seats = self._calls.get(call_sid)
        return seats is not None and seats.tape is not None

    def sound(self, call_sid: str) -> AsyncGenerator[bytes, None]:
        """Of one call that is audible, from now on: mu-law, 8 kHz, the caller left, the agent right."""
        return self._stream(Sound(self._calls[call_sid]), beat=QUIET)

    def hang_up(self, call_sid: str, who: str) -> str:
        """End it, now. Returns why that cannot be; empty: it is done. Not a checkpoint."""
        seats = self._calls.get(call_sid)
        if seats is None or seats.call.ending is not None:
            return OVER
        seats.call.end(Ending.HUNG_UP, f"by {who}")
        return ""

    def transfer(self, call_sid: str, who: str) -> str:
        """Have the caller passed on. Returns why that cannot be; empty: it is begun. Not a checkpoint."""
        seats = self._calls.get(call_sid)
        if seats is None:
            return OVER
        if not (why := seats.call.stays):
            seats.call.transfer(f"to a colleague, by {who}")
        return why

    async def _stream(self, view: View, beat: bytes = BEAT) -> AsyncGenerator[bytes, None]:
        leaves, ends = self._leaves, trio.current_time() + LASTS_S
        due = trio.current_time() + BEAT_S
        self._elsewhere.begin()
        view.begin()
        try:
            while True:
                told = view.take()
                over = view.over  # by what was taken: while it is read more may happen, which is taken then
                if told or trio.current_time() >= due:
                    due = trio.current_time() + BEAT_S
                    yield told or beat
                if over or leaves != self._leaves or trio.current_time() >= ends:
                    return
                await view.wait()
        finally:
            view.leave()
            self._elsewhere.leave()

    async def run(self) -> None:
        """Look for calls of other processes while somebody watches, until cancelled."""
        await self._elsewhere.run()

    def _is_here(self, call_sid: str) -> bool:
        return call_sid in self._calls

    def _look(self) -> Board:
        """At all calls, once in LIST_S."""
        tick = int(trio.current_time() // LIST_S)
        if tick != self._looked:
            self._looked = tick
            for call_sid, ending in self._elsewhere.endings.items():
                self._board.over(call_sid, ending)
            self._board.look()
        return self._board

    def _there(self) -> Iterator[Seen]:
        for call_sid, seats in self._calls.items():
            record = self._record(call_sid)
            if record is not None:
                state = seats.look()
                yield call_sid, (record.revision, state), partial(live_of, record, state, self._prices)
        for call_sid, record in self._elsewhere.records.items():
            if call_sid not in self._calls:
                where = self._elsewhere.state(call_sid)
                yield call_sid, (record.revision, where), partial(live_of, record, where, self._prices)

    def _record(self, call_sid: str) -> CallRecord | None:
        if self._kept.known(call_sid) is None:
            self._kept.look(call_sid)  # it has only just begun
        return self._kept.known(call_sid)
