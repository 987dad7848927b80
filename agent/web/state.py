"""What the process tells its face: whether it takes calls, and how many it has. Written by the process only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

PROMISE_S = 20.0
"""From the voice webhook's answer to the call's media socket: the opening <Say>, Twilio's dialling and its patience."""

MOST_HAND_OVERS = 1000
"""The carrier asks within seconds of a stream's end."""


class Siblings(Protocol):
    """The processes behind the same port, this one among them. None of these is a checkpoint."""

    def tell(self, streams: Collection[str], promised: Collection[str]) -> None:
        """Which calls this process has."""
        ...

    def claim(self, call_sid: str, streams: Collection[str], promised: Collection[str], most: int) -> bool:
        """Promise this call a line, beside what this process has, if there is one."""
        ...

    def room(self, call_sid: str, most: int) -> bool:
        """Whether this call has a line in any of them, or there is one for it: `most` for each that takes calls."""
        ...

    def most(self, most: int) -> int:
        """Calls that all take together, at `most` each."""
        ...

    def has_stream(self, call_sid: str) -> bool:
        """Whether this call has its stream in any of them."""
        ...

    @property
    def accepting(self) -> bool:
        """Any of them takes new calls, and the server is not leaving."""
        ...

    @property
    def taken(self) -> tuple[int, int]:
        """Of all: calls that have their stream, and others that were told to connect."""
        ...


@dataclass(slots=True)
class ProcessState:
    """One process. Read and written on the loop only."""

    ready: bool = False
    """Everything a call needs is loaded."""
    draining: bool = False
    """Told to leave: calls in progress and sockets already promised are served, new calls are not."""
    promised: dict[str, float] = field(default_factory=dict)
    """Calls that were told to connect and have not yet, by CallSid: when they were told, in the webhook's time."""
    hand_overs: dict[str, str] = field(default_factory=dict)
    """Where calls of this process are to be passed on to, by CallSid: the newest MOST_HAND_OVERS of them."""
    journal_fault: str = ""
    """Why what is said cannot be written down now: no new call is taken until it can."""
    journal_doubt: str = ""
    """What is wrong with the journal of an earlier process."""
    degraded: Callable[[], Sequence[str]] = tuple
    """Ports of which a provider is not asked at present: stt, llm, tts, ..."""
    calls: int = 0
    """Calls whose socket has shown its token and has not ended."""
    most: int = 50
    """Calls at the same time, promised ones included."""
    held: set[str] = field(default_factory=set)
    """CallSids of those that have a stream here."""
    kept: set[str] = field(default_factory=set)
    """CallSids of those that came back to this process while it leaves, as nobody else took them: they stay."""
    welcome: set[object] = field(default_factory=set)
    """Media sockets that a line was found for: to the door, the others are strangers."""
    turned_away: dict[str, None] = field(default_factory=dict)
    """Calls whose stream was not taken for want of a line: the newest MOST_HAND_OVERS of them."""
    on_change: Callable[[], object] = field(default=lambda: None)
    """Told when a promise is made, or void before its time."""
    siblings: Siblings | None = None
    """Where there are several processes behind one port: a line of any of them is a line."""
    streams: int = 0
    """Connections that carry a call's sound, or have not said yet what they are."""
    taken: int = 0
    """Connections so far."""

    on_sent_on: Callable[[], object] = field(default=lambda: None)
    """Told when a call that has lost its stream is to ask again while this process leaves."""

    def promise(self, call_sid: str, now: float) -> None:
        """The call has been told to connect. One that has not for PROMISE_S will not any more. A call that is told
        twice, or has its stream, takes no second line."""
        self.expire(now)
        if call_sid not in self.held:
            self.promised[call_sid] = now
            self._tell()
            self.on_change()

    def claim(self, call_sid: str, now: float) -> bool:
        """Promise this call a line, if there is one."""
        self.expire(now)
        siblings = self.siblings
        there = (
            self.room(call_sid, now)
            if siblings is None
            else siblings.claim(call_sid, self.held, self.promised, self.most)
        )
        if there:
            self.promise(call_sid, now)
        return there

    def expire(self, now: float) -> None:
        """Forget promises that nobody came for, and those that were kept by a sibling."""
        siblings = self.siblings
        left = {
            sid: told
            for sid, told in self.promised.items()
            if told > now - PROMISE_S and not (siblings is not None and siblings.has_stream(sid))
        }
        if len(left) < len(self.promised):
            self.promised = left
            self._tell()

    def connected(self, call_sid: str) -> None:
        """The call has come for what it was promised."""
        if self.promised.pop(call_sid, None) is not None:
            self._tell()

    def begin(self, call_sid: str, calls: int) -> None:
        """The call has its stream here; so many have."""
        self.promised.pop(call_sid, None)
        self.held.add(call_sid)
        self.calls = calls
        self._tell()

    def end(self, call_sid: str, calls: int) -> None:
        """It has none any more."""
        self.held.discard(call_sid)
        self.calls = calls
        self._tell()

    def _tell(self) -> None:
        if self.siblings is not None:
            self.siblings.tell(self.held, self.promised)

    def expected(self, now: float) -> int:
        """How many calls were told to connect and may yet."""
        self.expire(now)
        return len(self.promised)

    def room(self, call_sid: str, now: float) -> bool:
        """Whether there is a line for this call. One that was promised a line, or has one, does not need another."""
        expected = self.expected(now)
        if call_sid in self.promised or call_sid in self.held:
            return True
        if self.siblings is not None:
            return self.siblings.room(call_sid, self.most)
        return self.calls + expected < self.most

    def give_up(self, call_sid: str) -> None:
        """The call is over: whoever was promised a line for it will not come."""
        if self.promised.pop(call_sid, None) is not None:
            self._tell()
            self.on_change()

    def turn_away(self, call_sid: str) -> None:
        """There was no line for its stream; the carrier asks what to do with the call next."""
        self.turned_away[call_sid] = None
        while len(self.turned_away) > MOST_HAND_OVERS:
            del self.turned_away[next(iter(self.turned_away))]

    @property
    def accepting(self) -> bool:
        return self.ready and not self.draining and not self.journal_fault

    @property
    def taking(self) -> bool:
        """A new call is taken: here, or by a sibling, to which its stream will lead."""
        return self.accepting or (self.siblings is not None and self.siblings.accepting)

    def lines(self, now: float) -> tuple[int, int, int]:
        """Calls, those that were told to connect and have not, and how many there may be: behind this port."""
        promised = self.expected(now)
        if self.siblings is None:
            return self.calls, promised, self.most
        return *self.siblings.taken, self.siblings.most(self.most)

    @property
    def leaving(self) -> bool:
        """Told to leave, and nothing else is the matter: others take calls by now."""
        return self.ready and self.draining and not self.journal_fault

    def hand_over(self, call_sid: str, to: str) -> None:
        """The call is to be passed on once its stream is over."""
        self.hand_overs[call_sid] = to
        while len(self.hand_overs) > MOST_HAND_OVERS:
            del self.hand_overs[next(iter(self.hand_overs))]
