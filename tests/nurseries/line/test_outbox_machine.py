"""The outbox and the ledger against a caller who counts: each sentence is one byte over and over, and an ear that plays
them knows how many it has heard. Marks come back late, twice, or not at all; clears fall anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from agent.speak.ledger import MARK_GRACE_MS, MAX_LAG_MS, Heard, Ledger
from nurseries.line.outbox import Audio, Clear, MarkAfter, Outbox, Outgoing, Track

FRAME = 160
LEAD_MS, MESSAGE_MS, ROOM_MS = 100, 20, 60
TEXT = "one two three four"
OLD = 255
"""What a silenced turn says all the same."""

amounts = st.integers(1, 30)
doings = st.lists(st.tuples(st.sampled_from(["say", "say", "wait", "clear", "old turn"]), amounts), max_size=12)
"""Frames to be said, or times 30 ms to wait."""
marks = st.lists(st.sampled_from([0, 0, 40, 300, None]), min_size=1, max_size=6)
"""How much later each comes back, in milliseconds, over and over; none: never."""


@dataclass
class Ear:
    """The carrier: plays in order and in real time, and forgets what is cleared."""

    end_ms: float = 0.0
    played: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """When each sentence's frames play, by its byte."""

    def hear(self, message: Outgoing, now_ms: float) -> None:
        if isinstance(message, Audio):
            assert self.end_ms - now_ms <= LEAD_MS + 0.01, "sent further ahead than the lead"
            begins = max(self.end_ms, now_ms)
            self.end_ms = begins + len(message.mulaw) / 8
            self.played.setdefault(message.mulaw[0], []).append((begins, self.end_ms))
        elif isinstance(message, Clear):
            for byte, spans in self.played.items():
                self.played[byte] = [(a, min(b, now_ms)) for a, b in spans if a < now_ms]
            self.end_ms = min(self.end_ms, now_ms)

    def ms(self, byte: int) -> float:
        return sum(b - a for a, b in self.played.get(byte, ()))


class Line:
    """One call's way out, up to the ear."""

    def __init__(self, late: list[int | None]) -> None:
        self.late = late
        self.box = Outbox(Ledger(), lead_ms=LEAD_MS, message_ms=MESSAGE_MS, room_ms=ROOM_MS, began=trio.current_time())
        self.ear = Ear()
        self.heard: list[Heard] = []
        self.said: dict[int, int] = {}
        """Frames of each sentence."""
        self.cleared = {OLD}
        """Sentences of turns that were silenced: none of their sound is to follow."""
        self.track = self.old = self.box.open(1)
        self.marks = 0

    async def write(self, carrier: trio.Nursery) -> None:
        while (message := await self.box.take()) is not None:
            if isinstance(message, Audio):
                assert message.mulaw[0] not in self.cleared, "sound of an old turn behind its clear"
            self.ear.hear(message, self.box.now_ms)
            if isinstance(message, MarkAfter):
                delay = self.late[self.marks % len(self.late)]
                self.marks += 1
                if delay is not None:
                    carrier.start_soon(self.come_back, message.name, self.ear.end_ms + delay)

    async def come_back(self, name: str, at_ms: float) -> None:
        await trio.sleep((at_ms - self.box.now_ms) / 1000)
        self.box.returned(name)
        self.box.returned(name)

    async def say(self, track: Track, byte: int, frames: int) -> None:
        track.begin(TEXT, byte)
        await track.say(bytes([byte]) * FRAME * frames)
        track.end()

    async def do(self, what: str, amount: int) -> None:
        self.settle()
        if what == "wait":
            await trio.sleep(amount * 0.03)
        elif what == "clear":
            self.box.clear()
            assert not self.box.ledger.playing(self.box.now_ms)
            self.cleared |= self.said.keys()
            self.old, self.track = self.track, self.box.open(1)
        elif what == "say":
            byte = len(self.said) + 1
            self.said[byte] = amount
            await self.say(self.track, byte, amount)
        elif self.old is not self.track:
            await self.say(self.old, OLD, amount)

    def settle(self) -> None:
        self.box.ledger.settle(self.box.now_ms)
        self.heard += self.box.ledger.take()

    async def end(self) -> None:
        began = self.box.now_ms
        await self.box.heard()
        assert self.box.now_ms <= max(began, self.ear.end_ms + MARK_GRACE_MS) + 0.01, "a lost mark is waited for"
        self.box.finish()
        await trio.sleep(2)
        self.settle()

    def account(self, byte: int) -> None:
        """What became of one sentence."""
        (one,) = [heard for heard in self.heard if heard.source == byte]
        ear_ms = self.ear.ms(byte)
        assert f"{one.text} {one.rest}".strip() == TEXT
        assert one.played_ms <= ear_ms + 0.01, "more counts as heard than was heard"
        assert one.played_ms >= ear_ms - MAX_LAG_MS - 0.01, "less counts as heard than was heard"
        if byte not in self.cleared:
            assert (round(ear_ms), one.interrupted) == (self.said[byte] * 20, False), "not all of it was played"


@settings(max_examples=100)
@given(doings, marks, st.random_module())
def test_what_counts_as_heard_is_what_the_ear_heard(
    told: list[tuple[str, int]], late: list[int | None], _: object
) -> None:
    async def main() -> None:
        line = Line(late)
        async with trio.open_nursery() as carrier:
            carrier.start_soon(line.write, carrier)
            with trio.fail_after(120):
                for what, amount in told:
                    await line.do(what, amount)
                await line.end()
            carrier.cancel_scope.cancel()
        order = [heard.source for heard in line.heard]
        assert order == sorted(order, key=lambda byte: int(str(byte))), "not in the order of playing"
        for byte in line.said:
            line.account(byte)

    trio.run(main, clock=MockClock(autojump_threshold=0))
