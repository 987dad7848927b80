"""The world of a call that is played again and may go another way: the caller's sound at its recorded times, answers
matched by what is asked, and a carrier that plays what the call sends and gives back its marks.

What the recording does not have is made up, and counted.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import trio
from trio.lowlevel import ParkingLot

from agent.rehearsal.playback import Clear, Mark, Media, Playback, Returned
from agent.replay import plain
from agent.replay.events import Header
from agent.replay.line import CLOSES, Line, silence
from agent.replay.recalled import Answer, Piece, Recalled
from agent.replay.sound import digest
from agent.wire.media_stream import Media as Heard
from agent.wire.media_stream import decode

SAME_S = 0.002
"""An ask within this of its recorded time is answered at the recorded times."""

SILENCE_S = 45.0
"""A caller whose sound is at its end, before they had hung up, is silent for so long, and then hangs up."""

FRAME_S = 0.02


class JumpingClock(trio.abc.Clock):
    """Whenever nobody can run, it is the next deadline at once. For a run without threads and sockets, in which there
    is a deadline at any time."""

    def __init__(self, now: float) -> None:
        self.now = now

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if deadline == float("inf"):
            return deadline  # Trio is about to leave, or woken already
        self.now = max(self.now, deadline)
        return 0


class Free:
    """Answers one leg; a `Player`."""

    def __init__(self, header: Header, line: Line, recalled: Recalled, blobs: Mapping[str, bytes]) -> None:
        self.blobs: dict[str, bytes] = dict(blobs)
        self._recalled = recalled
        self._socket = _Carrier(header, line, recalled.made_up)
        self._asked = Counter[str]()

    async def ask(
        self, port: str, what: str, emit: Callable[[Any], Awaitable[None]] | None = None, about: str = ""
    ) -> Any:
        """As `Player.ask`."""
        if port == "receive":
            return await self._socket.receive()
        if port == "send":
            return await self._socket.send()
        if port in CLOSES:
            self._socket.close()
        answer = self._recalled.ask(port, what, about)
        now = trio.current_time()
        shift = 0.0 if abs(now - answer.asked_at) < SAME_S else now - answer.asked_at
        for piece in answer.pieces:
            await _until(piece, shift)
            if emit is not None:
                await emit(self._named(piece.value))
        return await self._end(answer, shift)

    async def _end(self, answer: Answer, shift: float) -> Any:
        if answer.end is None:
            await trio.sleep_forever()
            return None
        await _until(answer.end, shift)
        if answer.error:
            raise plain.to_error(answer.end.value)
        return answer.end.value

    def value(self, port: str, about: str = "") -> Any:
        """As `Player.value`."""
        return self._recalled.value(port, about)

    def sent(self, text: str) -> None:
        """As `Player.sent`."""
        self._socket.sent(text)

    def _named(self, piece: Any) -> Any:
        """Sound goes by its name."""
        if not isinstance(piece, bytes):
            return piece
        self.blobs[digest(piece)] = piece
        return digest(piece)


async def _until(piece: Piece, shift: float) -> None:
    due = piece.at + shift
    if not piece.at_once or due > trio.current_time():
        await trio.sleep_until(due)


class _Carrier:
    """The far end of the socket."""

    def __init__(self, header: Header, line: Line, made_up: Counter[str]) -> None:
        self._began = header.began
        self._line = line
        self._made_up = made_up
        self._next = 0
        self._playback = Playback()
        self._back: list[tuple[float, str]] = []
        """Marks on their way, by when they come."""
        self._changed = ParkingLot()
        self._silence = silence(str(header.info.get("stream_sid", "")))
        self._silent = 0
        self._closed = False

    async def receive(self) -> Any:
        """The next message; None at the socket's end."""
        await trio.lowlevel.checkpoint()
        while not self._closed:
            self._play()
            due, mark = self._due()
            if due <= trio.current_time():
                return self._take(mark)
            with trio.move_on_at(due):
                await self._changed.park()
        return None

    def close(self) -> None:
        """By the call. Not a checkpoint."""
        self._closed = True
        self._changed.unpark_all()

    async def send(self) -> None:
        """Let a message go, when the carrier let one go then."""
        now = trio.current_time()
        for stall in self._line.stalls:
            if stall.begins < now < stall.ends or (stall.error and now >= stall.begins):
                await trio.sleep_until(stall.ends)
                if stall.error:
                    raise plain.to_error(stall.error)
                return
        await trio.lowlevel.checkpoint()

    def sent(self, text: str) -> None:
        """The call sends this."""
        message = decode_sent(text)
        self._back_comes(self._playback.receive(message, self._now_ms))
        self._changed.unpark_all()

    @property
    def _now_ms(self) -> float:
        return (trio.current_time() - self._began) * 1000

    def _play(self) -> None:
        self._back_comes(self._playback.advance(self._now_ms))

    def _back_comes(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, Returned):
                lag = self._line.lags.get(event.name, self._line.lag)
                if lag is not None:
                    heapq.heappush(self._back, (self._began + event.at_ms / 1000 + lag, event.name))

    def _due(self) -> tuple[float, bool]:
        """When there is something, and whether that is a mark."""
        back = self._back[0][0] if self._back else float("inf")
        plays = self._playback.due_ms
        reached = float("inf") if plays is None else self._began + plays / 1000
        if self._next < len(self._line.incoming):
            comes = self._line.incoming[self._next].at
        elif self._line.over:
            comes = float("inf")
        else:
            comes = self._line.ends + self._silent * FRAME_S
        return min(back, reached, comes), back <= comes

    def _take(self, mark: bool) -> Any:
        if mark:
            _, name = heapq.heappop(self._back)
            return msgspec.json.encode({"event": "mark", "mark": {"name": name}}).decode()
        if self._next == len(self._line.incoming):
            self._silent += 1
            self._made_up["frames of silence behind the recording's end"] += 1
            return self._silence if self._silent * FRAME_S < SILENCE_S else '{"event":"stop"}'
        incoming = self._line.incoming[self._next]
        self._next += 1
        if incoming.error:
            raise plain.to_error(incoming.value)
        return incoming.value


def decode_sent(text: str) -> Media | Mark | Clear:
    """A message of the call's, as the carrier's playback takes it."""
    message = decode(text)
    if isinstance(message, Heard):
        return Media(message.media.payload)
    body = msgspec.json.decode(text)
    return Mark(body["mark"]["name"]) if body["event"] == "mark" else Clear()
