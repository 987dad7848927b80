"""A call that went on from process to process while the store was away at times: whoever tells it what first, in the
end it has all that was said, once, in order."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.keep.record import CallRecord, Entry, revision_of
from agent.keep.thread import Leg
from nurseries.keep.backlog import Backlog
from tests.examples import examples
from tests.nurseries.keep.test_keeping import BLANK, Store, tell, words

LEG_MS = 60_000


class Story:
    """Each leg in another process, with what waits there for the store."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.store = Store()
        self.processes = [Backlog(self.store, lambda _: None) for _ in range(self.dice.choice([2, 3, 3, 4]))]
        self.said: list[str] = []

    async def run(self) -> CallRecord:
        for n in range(len(self.processes)):
            last = await self.leg(n)
        self.processes[-1].add(msgspec.structs.replace(last, ending="caller hung up", revision=last.revision + 1))
        for _ in range(6):
            for process in self.dice.sample(self.processes, len(self.processes)):
                await tell(process)
        return self.store.records["CA1"]

    async def leg(self, n: int) -> CallRecord:
        """Which may have read what was before it, and says some words; meanwhile the store is told what waits."""
        before = self.store.get("CA1") if n and self.dice.random() < 0.4 else None
        record, began = self.begun(n, before)
        for number in range(self.dice.randint(1, 3)):
            word, at_ms = f"{n}.{number}", began + 100 * number
            self.said.append(word)
            entries = (*record.entries, Entry("agent", word, at_ms, at_ms + 50))
            record = msgspec.structs.replace(record, entries=entries, revision=record.revision + 1)
            self.processes[n].add(record)
            if before is not None and not number:
                await tell(self.processes[n])  # nobody else has told it anything since it was read
            for process in self.processes[: n + 1]:
                if self.dice.random() < 0.3:
                    await tell(process)
        return record

    @staticmethod
    def begun(n: int, before: CallRecord | None) -> tuple[CallRecord, int]:
        revision, name = revision_of(n + 1, 1e9), f"process {n}"
        if before is None:
            told = {"started_at": f"2026-11-25T10:0{n}:00.000+00:00", "missing": n, "legs": (Leg(name),)}
            return msgspec.structs.replace(BLANK, revision=revision, **told), 0
        began = LEG_MS * (n - int(before.started_at[15]))
        return msgspec.structs.replace(before, legs=(*before.legs, Leg(name, began)), revision=revision), began


@given(st.integers(0, 10**9))
@settings(max_examples=examples(60), deadline=None)
async def test_in_whatever_order_the_store_is_told_it_has_everything_once(seed: int) -> None:
    story = Story(seed)
    kept = await story.run()

    assert words(kept) == story.said
    assert [leg.process for leg in kept.legs] == [f"process {n}" for n in range(len(story.processes))]
    assert (kept.started_at, kept.missing, kept.ending) == (BLANK.started_at, 0, "caller hung up")
    assert [process.waiting for process in story.processes] == [0] * len(story.processes)
