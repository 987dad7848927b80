"""Tokens of three processes on one store that comes and goes, against plain sets: who shows one first is let in, and
nobody else, but for what a process could not know while the store was away."""

from __future__ import annotations

from collections.abc import Callable

import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.errors import StoreError
from agent.guard.tokens import Claims, Tokens
from nurseries.legs.turnstile import Turnstile
from tests.examples import examples

DOORS = st.integers(0, 2)
CALLS = [Claims(f"CA{n}", "AC1") for n in range(3)]


class Ashes:
    """A store of what was burnt."""

    def __init__(self) -> None:
        self.burnt: set[str] = set()
        self.away = False
        self.lost = False
        """It burns, and its answer is lost."""

    def burn(self, nonce: str, _until: float) -> bool:
        if self.away:
            raise StoreError("away")
        new = nonce not in self.burnt
        self.burnt.add(nonce)
        if self.lost:
            raise StoreError("no answer")
        return new


class Doors(RuleBasedStateMachine):
    """What is shown, where, and who knows of it."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Ashes()
        self.random: Callable[[int], bytes] = iter_bytes()
        self.minted: list[tuple[str, Claims]] = []
        self.doors = [self._door() for _ in range(3)]
        self.here: list[set[str]] = [set() for _ in range(3)]
        """What each process has let in since it began."""
        self.all: set[str] = set()
        """What the store knows of."""

    def _door(self) -> Turnstile:
        return Turnstile(self.store, Tokens(b"k", ttl_s=1e12, random=self.random))  # type: ignore[arg-type]

    @rule(call=st.sampled_from(CALLS))
    def give(self, call: Claims) -> None:
        """Each call has one token: a newer one of the same call would void it."""
        if call not in [claims for _, claims in self.minted]:
            self.minted.append((Tokens(b"k", ttl_s=1e12, random=self.random).mint(call, 0), call))

    @rule(away=st.booleans(), lost=st.booleans())
    def comes_and_goes(self, *, away: bool, lost: bool) -> None:
        self.store.away, self.store.lost = away, lost

    @rule(door=DOORS)
    def starts_again(self, door: int) -> None:
        """It remembers nothing."""
        self.doors[door], self.here[door] = self._door(), set()

    @rule(door=DOORS, number=st.integers(0, 2), twice=st.booleans())
    def show(self, door: int, number: int, *, twice: bool) -> None:
        """At one door, or at two at once."""
        if number >= len(self.minted):
            return
        token, call = self.minted[number]
        others = {door, (door + 1) % 3} if twice else {door}
        answers: dict[int, Claims | None] = {}

        async def ask(each: int) -> None:
            answers[each] = await self.doors[each].softphone(token)

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                for each in others:
                    nursery.start_soon(ask, each)

        trio.run(main)
        assert set(answers.values()) <= {call, None}
        new = {each for each in others if token not in self.here[each]}
        let_in = {each for each, answer in answers.items() if answer is not None}
        assert let_in <= new, "twice at one door"
        if self.store.away or self.store.lost:
            assert let_in == new, "a store that is away holds nobody up"
        else:
            assert len(let_in) == (1 if new and token not in self.all else 0)
        for each in others:
            self.here[each].add(token)
        if not self.store.away and new:
            self.all.add(token)

    @invariant()
    def the_store_knows_what_was_shown(self) -> None:
        assert len(self.store.burnt) == len(self.all)


def iter_bytes() -> Callable[[int], bytes]:
    """Others each time."""
    count = iter(range(1 << 16))
    return lambda size: next(count).to_bytes(size, "big")


TestDoors = Doors.TestCase
TestDoors.settings = settings(max_examples=examples(25), stateful_step_count=20, deadline=None)
