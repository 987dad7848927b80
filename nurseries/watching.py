"""Who watches calls while they go on: streams of events, made as they are read.

Each watcher is a generator in its reader's own task, and takes from what the call has told (see `agent.seen.feed`) when
it comes to it: no call waits for one, or knows of any. Whoever falls behind what is kept is dropped, and comes again.
While nobody watches, nothing here runs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Protocol

import msgspec
import trio
from trio.lowlevel import ParkingLot

from agent.keep.derive import derived
from agent.keep.prices import Prices
from agent.keep.record import CallRecord
from agent.keep.shown import shown
from agent.model import CallInfo
from agent.seen.feed import Feed, State, nobody
from agent.seen.live_call import LiveCall, live_call
from agent.seen.stream import BEAT, event
from nurseries.board import Board, Seen
from nurseries.written import facts_of

LIST_S = 0.5
"""Between two tellings of the list."""

LOOK_S = 0.5
"""Between two looks at a call in which nothing happens: a state may change by the clock alone."""

GATHER_S = 0.04
"""What happens within this is sent together."""

RECORD_S = 1.0
"""Between two tellings of a call's record."""

BEAT_S = 15.0
"""Silence of a stream, at most."""

LASTS_S = 900.0
"""A stream: then its reader comes again, and is asked again who it is."""


class Watched(Protocol):
    """A call, as far as it is watched."""

    info: CallInfo
    feed: Feed

    @property
    def state(self) -> State: ...


class Kept(Protocol):
    """Records of calls that go on. Not checkpoints: see Keeping."""

    def known(self, call_sid: str) -> CallRecord | None: ...
    def look(self, call_sid: str) -> None: ...


class View(Protocol):
    """What one watcher sees."""

    @property
    def over(self) -> bool:
        """There will be no more."""
        ...

    def begin(self) -> None:
        """Somebody looks. Not a checkpoint."""
        ...

    def leave(self) -> None:
        """They do not any more. Not a checkpoint."""
        ...

    def take(self) -> bytes:
        """What is new. Not a checkpoint."""
        ...

    async def wait(self) -> None:
        """Until there may be more. Always a checkpoint."""
        ...


class Watching:
    """One process's."""

    def __init__(self, kept: Kept, prices: Prices) -> None:
        self._kept = kept
        self._prices = prices
        self._calls: dict[str, Seats] = {}
        """Those that go on here, by CallSid."""
        self._board = Board(self._there)
        self._looked = -1
        self._left = ParkingLot()
        self._leaves = 0
        self.watchers = 0
        """Streams that are open."""

    # What it is told. None of these is a checkpoint.

    def begun(self, call: Watched) -> None:
        """The call goes on here."""
        self._calls[call.info.call_sid] = Seats(call)

    def over(self, call: Watched, ending: str) -> None:
        """It does not any more; without an ending another process goes on with it, or may."""
        call_sid = call.info.call_sid
        seats = self._calls.get(call_sid)
        if seats is not None and seats.call is call:
            del self._calls[call_sid]
            seats.end(ending, self._kept.known(call_sid))
            self._board.over(call_sid, ending)

    def leave(self) -> None:
        """End all streams: whoever reads one comes again, perhaps to another process."""
        self._leaves += 1
        self._left.unpark_all()
        for seats in self._calls.values():
            seats.news.unpark_all()

    # What it is asked.

    def watchable(self, call_sid: str) -> bool:
        """Whether there is something to be watched of it. Not a checkpoint."""
        return call_sid in self._calls

    def calls(self) -> AsyncGenerator[bytes, None]:
        """The list, and what changes in it."""
        return self._stream(_All(self._look, self._left))

    def call(self, call_sid: str, last: int = 0) -> AsyncGenerator[bytes, None]:
        """One call that can be watched, from behind the moment with this number."""
        return self._stream(_One(self._calls[call_sid], last, self._record, self._prices))

    async def _stream(self, view: View) -> AsyncGenerator[bytes, None]:
        leaves, ends = self._leaves, trio.current_time() + LASTS_S
        beat = trio.current_time() + BEAT_S
        self.watchers += 1
        view.begin()
        try:
            while True:
                over = view.over
                told = view.take()
                if told or trio.current_time() >= beat:
                    beat = trio.current_time() + BEAT_S
                    yield told or BEAT
                if over or view.over or leaves != self._leaves or trio.current_time() >= ends:
                    return
                await view.wait()
        finally:
            self.watchers -= 1
            view.leave()

    def _look(self) -> Board:
        """At all calls, once in LIST_S."""
        tick = int(trio.current_time() // LIST_S)
        if tick != self._looked:
            self._looked = tick
            self._board.look()
        return self._board

    def _there(self) -> Iterator[Seen]:
        for call_sid, seats in self._calls.items():
            record = self._record(call_sid)
            if record is not None:
                state = seats.look()
                yield call_sid, (record.revision, state), partial(live_of, record, state, self._prices)

    def _record(self, call_sid: str) -> CallRecord | None:
        if self._kept.known(call_sid) is None:
            self._kept.look(call_sid)  # it has only just begun
        return self._kept.known(call_sid)


class _All:
    """The list."""

    over = False

    def __init__(self, look: Callable[[], Board], left: ParkingLot) -> None:
        self._look = look
        self._left = left
        self._at: int | None = None

    def begin(self) -> None:
        pass

    def leave(self) -> None:
        pass

    def take(self) -> bytes:
        board = self._look()
        at, self._at = self._at, board.at
        return board.all() if at is None else board.since(at)

    async def wait(self) -> None:
        with trio.move_on_at((trio.current_time() // LIST_S + 1) * LIST_S):  # with all others
            await self._left.park()


class Seats:
    """Those who watch one call."""

    def __init__(self, call: Watched) -> None:
        self.call = call
        self.over = False
        self.ending = ""
        self.record: CallRecord | None = None
        self.news = ParkingLot()
        self._taken = 0

    def end(self, ending: str, record: CallRecord | None) -> None:
        """It is over here, and this is its record by now. Not a checkpoint."""
        self.over, self.ending, self.record = True, ending, record
        self.news.unpark_all()

    def look(self) -> State:
        """Its state, which it is told as well."""
        state = self.call.state
        self.call.feed.look(state)
        return state

    def take(self) -> None:
        """Somebody watches. Not a checkpoint."""
        self._taken += 1
        self.call.feed.news = self.news.unpark_all

    def leave(self) -> None:
        """They do not any more. Not a checkpoint."""
        self._taken -= 1
        if not self._taken:
            self.call.feed.news = nobody


class _One:
    """One call."""

    def __init__(self, seats: Seats, last: int, known: Callable[[str], CallRecord | None], prices: Prices) -> None:
        self._seats = seats
        self._known = known
        self._prices = prices
        self._feed = seats.call.feed
        self._sid = seats.call.info.call_sid
        self._at = self._feed.cursor(last)
        self._begun = self._behind = False
        self._revision = -1
        self._due = 0.0
        """When its record may be told again."""

    @property
    def over(self) -> bool:
        return self._seats.over or self._behind

    def begin(self) -> None:
        self._seats.take()

    def leave(self) -> None:
        self._seats.leave()

    def take(self) -> bytes:
        told = b"" if self._begun else self._first()
        self._begun = True
        if not self._seats.over:
            self._seats.look()
        moments = self._feed.since(self._at)
        if moments and moments[0].number != self._at + 1:
            self._behind = True
            return told
        if moments:
            self._at = moments[-1].number
            told += b"".join(event("moment", moment.data, moment.number) for moment in moments)
        told += self._record()
        if self._seats.over and self._seats.ending:
            told += event("end", msgspec.json.encode({"ending": self._seats.ending}))
        return told

    async def wait(self) -> None:
        await trio.sleep(GATHER_S)
        if self._feed.last == self._at and not self._seats.over:
            with trio.move_on_after(LOOK_S):
                await self._seats.news.park()

    def _first(self) -> bytes:
        record = self._known(self._sid)
        if record is None:
            return b""
        live = msgspec.to_builtins(live_of(record, self._seats.look(), self._prices))
        return event("call", msgspec.json.encode({**live, "now_ms": round(self._feed.now_ms)}))

    def _record(self) -> bytes:
        """If it has changed, and is not told too often."""
        now, seats = trio.current_time(), self._seats
        record = seats.record if seats.over else self._known(self._sid)
        if record is None or record.revision == self._revision or (now < self._due and not seats.over):
            return b""
        self._revision, self._due = record.revision, now + RECORD_S
        return event("record", msgspec.json.encode(shown(derived(record, self._prices))))


def live_of(record: CallRecord, state: State, prices: Prices) -> LiveCall:
    """The call of this record so far."""
    facts = facts_of(record.thread.facts if record.thread is not None else (), record.facts)
    return live_call(record, state, facts, prices)
