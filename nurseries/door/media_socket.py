"""The `MediaSocket` of production: the frames of agent/wire/websocket.py over a pipe.

No task of its own: whoever receives also answers pings and the peer's goodbye, and whoever sends takes along what of an
answer the peer did not take at once. Many messages that arrive together are handed out with one wait between them. See
ops/adr/0038.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.guard.limits import Pace
from agent.wire.ports import MediaSocket
from agent.wire.websocket import PONG, Broken, Event, Goodbye, Parser, Ping, close_frame, frame, text_frame
from nurseries.door.pipe import Pipe

MAX_MESSAGE = 64 * 1024
"""Bytes of one incoming message. A media message has some 400; `start` with every parameter it may carry, 50 KB."""

MEDIA_S, MEDIA_AT_ONCE = 64 * 1024, 1024 * 1024
"""Bytes a second of a media socket in the long run, and at once after it was held up. A carrier sends 19 KB a second:
what it held back for 50 s may come at once."""
FRAMES_S, FRAMES_AT_ONCE = 200, 4000
"""The same of its frames, of which it sends 50 a second; the smallest have six bytes, and cost as much as any."""

COUNTED, COUNTED_FRAMES = 16 * 1024, 40
"""Bytes and frames that may come before either is counted again."""

OWED = 4 * 1024
"""Bytes of answers to pings that wait for a peer that does not read. 5.5.3: further pings need none."""

log = structlog.get_logger(__name__)


class WebSocket(MediaSocket):
    """After the upgrade. One task receives, one task sends; any task closes."""

    def __init__(self, pipe: Pipe, rest: bytes = b"") -> None:
        """`rest`: what has arrived behind the upgrade's request."""
        self._pipe = pipe
        self._parser = Parser(MAX_MESSAGE)
        self._messages: deque[str | bytes] = deque()
        self._of_bytes, self._of_frames = Pace(MEDIA_S, MEDIA_AT_ONCE), Pace(FRAMES_S, FRAMES_AT_ONCE)
        self._uncounted = 0
        """Bytes."""
        self._rest = rest
        self._owed = b""
        """Answers, of which a part may be on the wire already: they go before anything else."""
        self._end: Goodbye | Broken | None = None
        """Of the peer's, which nothing follows; to be answered."""
        self._gone = False
        """Nothing comes any more."""
        self._over = False
        """The pipe is closed."""
        self._leaving = False
        """We have said goodbye, or begin to."""
        self._receiving = self._sending = False
        self._torn = False
        """A sender was cancelled within a frame."""
        self._free = ParkingLot()
        """Where `close` waits for whoever sends or receives."""

    async def receive(self) -> str | bytes | None:
        while not self._messages or self._leaving:
            if self._over or self._leaving:
                await trio.lowlevel.checkpoint()
                return None
            await self._read()
        return self._messages.popleft()

    async def each(self, take: Callable[[str | bytes], bool]) -> None:
        goes_on = True

        def hand_out() -> bool:
            nonlocal goes_on
            while goes_on and self._messages and not self._leaving:
                goes_on = take(self._messages.popleft())
            return goes_on and not self._leaving

        def come(data: bytes | bytearray) -> bool:
            self._came(data)
            return hand_out() and not self._due

        if self._rest:
            await self._read()
        while hand_out() and not self._over:
            if not self._ended:
                self._receiving = True
                try:
                    await self._pipe.listen(come)
                finally:
                    self._received()
            await self._settle()

    async def send(self, text: str) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._over or self._leaving:
            raise ConnectionError("the media socket is closed")
        try:
            await self._put(text_frame(text))
        except ConnectionError:
            while self._receiving and not self._over:  # what the peer said before it went is heard first
                await self._free.park()  # noqa: ASYNC120  who is cancelled does not ask any more
            raise

    async def close(self, code: int = 1000, reason: str = "") -> None:
        try:
            if not self._leaving and not self._over:
                self._leaving = True
                while self._sending:
                    await self._free.park()
                if not self._torn:
                    await self._put(close_frame(code, reason))
            while not self._over and not self._torn:
                await (self._free.park() if self._receiving else self._read())
        except ConnectionError:
            pass
        finally:
            await self.abort()  # noqa: ASYNC102  does not wait

    async def abort(self) -> None:
        self._over = True
        await self._pipe.close()

    async def _read(self) -> None:
        """One wait, and all that has arrived."""
        data: bytes | bytearray = self._rest
        if data:
            self._rest = b""
        elif not self._ended:
            self._receiving = True
            try:
                data = await self._pipe.receive()
            finally:
                self._received()
        if not self._ended:
            self._came(data)
        await self._settle()

    def _received(self) -> None:
        self._receiving = False
        if self._leaving or self._torn:
            self._free.unpark_all()

    def _came(self, data: bytes | bytearray) -> None:
        """Take out what these bytes complete."""
        if not data:
            self._gone = True
            return
        for event in self._parser.feed(data):
            if type(event) is str:  # nearly always: cheaper than any other question
                self._messages.append(event)
            else:
                self._take(event)
        self._uncounted += len(data)

    def _take(self, event: Event) -> None:
        match event:
            case Ping(payload):
                if len(self._owed) < OWED and not self._leaving:
                    self._owed += frame(PONG, payload)
            case Goodbye() | Broken():
                self._end = event
            case message:
                self._messages.append(message)

    @property
    def _ended(self) -> bool:
        """Nothing is to come, and who took it in may have been cancelled before that was settled."""
        return self._gone or self._end is not None

    @property
    def _due(self) -> bool:
        """Something of what has come is to be settled."""
        counted = self._uncounted >= COUNTED or self._parser.frames >= COUNTED_FRAMES
        return counted or self._ended or bool(self._owed)

    async def _settle(self) -> None:
        """See to what has come and is no message."""
        if self._gone:
            await self.abort()
            return
        if self._end is not None:
            await self._answer(self._end)
        if self._uncounted >= COUNTED or self._parser.frames >= COUNTED_FRAMES:
            await self._count()
        if self._owed and not self._sending:
            with suppress(ConnectionError):
                await self._put(b"", at_once=True)

    async def _count(self) -> None:
        """Whether the peer keeps to its pace with what has come since the last time."""
        now, size, frames = trio.current_time(), self._uncounted, self._parser.frames
        self._uncounted = self._parser.frames = 0
        if not (self._of_bytes.keeps(size, now) and self._of_frames.keeps(frames, now)) and not self._over:
            log.warning("media socket cut off", reason=f"more than {FRAMES_S} frames or {MEDIA_S} bytes a second")
            await self.abort()

    async def _answer(self, event: Goodbye | Broken) -> None:
        """The peer's goodbye is answered in its words, a breach with ours; a server then closes first (7.1.1)."""
        if isinstance(event, Broken):
            log.info("peer broke the protocol", what="media socket", fault=event.reason)
        if not self._leaving and not self._sending and not self._torn:
            with suppress(ConnectionError):
                await self._put(close_frame(event.code, event.reason), at_once=True)
        await self.abort()

    async def _put(self, data: bytes, *, at_once: bool = False) -> None:
        """Write this behind what is owed. At once: what the peer does not take now is owed."""
        data, self._owed = self._owed + data, b""
        self._sending = self._torn = True
        try:
            if at_once:
                self._owed = data[await self._pipe.offer(data) :]
            else:
                await self._pipe.send(data)
            self._torn = False
        except OSError:
            raise ConnectionError("the media socket is closed") from None
        finally:
            self._sending = False
            if self._leaving:
                self._free.unpark_all()
