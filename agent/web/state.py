"""What the process tells its face: whether it takes calls, and how many it has. Written by the process only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

PROMISE_S = 20.0
"""From the voice webhook's answer to the call's media socket: the opening <Say>, Twilio's dialling and its patience."""

MOST_HAND_OVERS = 1000
"""The carrier asks within seconds of a stream's end."""


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

    on_sent_on: Callable[[], object] = field(default=lambda: None)
    """Told when a call that has lost its stream is to ask again while this process leaves."""

    def promise(self, call_sid: str, now: float) -> None:
        """The call has been told to connect. One that has not for PROMISE_S will not any more. A call that is told
        twice, or has its stream, takes no second line."""
        self.expire(now)
        if call_sid not in self.held:
            self.promised[call_sid] = now
            self.on_change()

    def expire(self, now: float) -> None:
        """Forget promises that nobody came for."""
        self.promised = {sid: told for sid, told in self.promised.items() if told > now - PROMISE_S}

    def expected(self, now: float) -> int:
        """How many calls were told to connect and may yet."""
        self.expire(now)
        return len(self.promised)

    def room(self, call_sid: str, now: float) -> bool:
        """Whether there is a line for this call. One that was promised a line, or has one, does not need another."""
        expected = self.expected(now)
        return call_sid in self.promised or call_sid in self.held or self.calls + expected < self.most

    def give_up(self, call_sid: str) -> None:
        """The call is over: whoever was promised a line for it will not come."""
        if self.promised.pop(call_sid, None) is not None:
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
    def leaving(self) -> bool:
        """Told to leave, and nothing else is the matter: others take calls by now."""
        return self.ready and self.draining and not self.journal_fault

    def hand_over(self, call_sid: str, to: str) -> None:
        """The call is to be passed on once its stream is over."""
        self.hand_overs[call_sid] = to
        while len(self.hand_overs) > MOST_HAND_OVERS:
            del self.hand_overs[next(iter(self.hand_overs))]
