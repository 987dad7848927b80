"""What one watcher sees: of all calls, of one, or the sound of one. Taken when they come to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
import trio
from trio.lowlevel import ParkingLot

from agent.keep.derive import derived
from agent.keep.live_sound import SILENCE, Listener
from agent.keep.prices import Prices
from agent.keep.record import CallRecord
from agent.keep.shown import shown
from agent.model import BYTES_PER_MS, CallInfo, Ending
from agent.seen.feed import Feed, State, nobody
from agent.seen.live_call import LiveCall, Shown, live_call
from agent.seen.stream import event
from nurseries.line.tape import Tape
from nurseries.talk.written import facts_of
from nurseries.watch.board import Board
from nurseries.watch.elsewhere import AGAIN_S, Elsewhere

LIST_S = 0.5
"""Between two tellings of the list."""

LOOK_S = 0.5
"""Between two looks at a call in which nothing happens: a state may change by the clock alone."""

GATHER_S = 0.04
"""What happens within this is sent together."""

RECORD_S = 1.0
"""Between two tellings of a call's record."""

SOUND_S = 0.1
"""Between two pieces of sound."""


class Watched(Protocol):
    """A call, as far as it is watched."""

    info: CallInfo
    feed: Feed

    @property
    def state(self) -> State: ...
    @property
    def stays(self) -> str: ...
    @property
    def ending(self) -> Ending | None: ...
    def end(self, ending: Ending, reason: str) -> None: ...
    def transfer(self, why: str) -> None: ...


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


class All:
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

    def __init__(self, call: Watched, tape: Tape | None) -> None:
        self.call = call
        self.tape = tape
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


class One:
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


class Away:
    """A call that another process holds: its record, as the store has it."""

    def __init__(self, call_sid: str, elsewhere: Elsewhere, here: Callable[[str], bool], prices: Prices) -> None:
        """`here`: this process holds it by now."""
        self._sid = call_sid
        self._elsewhere = elsewhere
        self._here = here
        self._prices = prices
        self._revision: int | None = None
        self._state = ""
        self.over = False

    def begin(self) -> None:
        pass

    def leave(self) -> None:
        pass

    def take(self) -> bytes:
        if self._here(self._sid):
            self.over = True  # whoever reads comes again, and sees all of it
            return b""
        record = self._elsewhere.records.get(self._sid)
        if record is None:
            self.over = True
            ending = self._elsewhere.endings.get(self._sid)
            return event("end", msgspec.json.encode({"ending": ending})) if ending else b""
        state, before = self._elsewhere.state(self._sid), self._state
        told, self._state = b"" if state == before else self._call(record, state), state
        if record.revision != self._revision:
            self._revision = record.revision
            told += event("record", msgspec.json.encode(shown(derived(record, self._prices))))
        return told

    async def wait(self) -> None:
        with trio.move_on_after(AGAIN_S):
            await self._elsewhere.news.park()

    def _call(self, record: CallRecord, state: Shown) -> bytes:
        live = msgspec.to_builtins(live_of(record, state, self._prices))
        return event("call", msgspec.json.encode({**live, "now_ms": record.duration_ms}))


class Sound:
    """What is heard in one call."""

    def __init__(self, seats: Seats) -> None:
        """Of a call that is audible."""
        self._seats = seats
        self._tape = seats.tape
        self._listener: Listener | None = None
        self._begun = False

    @property
    def over(self) -> bool:
        return self._seats.over

    def begin(self) -> None:
        if self._tape is not None:
            self._listener = self._tape.listen()

    def leave(self) -> None:
        if self._tape is not None and self._listener is not None:
            self._tape.leave(self._listener)

    def take(self) -> bytes:
        if not self._begun:  # so that who asks knows at once that they are heard
            self._begun = True
            return SILENCE * (20 * BYTES_PER_MS * 2)
        return self._listener.take() if self._listener is not None else b""

    async def wait(self) -> None:
        with trio.move_on_after(SOUND_S):
            await self._seats.news.park()


def live_of(record: CallRecord, state: Shown, prices: Prices) -> LiveCall:
    """The call of this record so far."""
    facts = facts_of(record.thread.facts if record.thread is not None else (), record.facts)
    return live_call(record, state, facts, prices)
