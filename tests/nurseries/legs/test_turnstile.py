"""One-time tokens while the store answers, is slow, and is away."""

import threading

import trio

from agent.errors import StoreError
from agent.guard.tokens import Claims, Tokens
from nurseries.legs.turnstile import ANSWER_S, Turnstile

CALL = Claims("CA1", "AC1")


class Ashes:
    """What has been burnt; `say` comes first."""

    def __init__(self, say=lambda: None) -> None:
        self.burnt: set[str] = set()
        self.say = say

    def burn(self, nonce: str, _until: float) -> bool:
        self.say()
        new = nonce not in self.burnt
        self.burnt.add(nonce)
        return new


def tokens() -> Tokens:
    return Tokens(b"k", ttl_s=1e12, random=bytes)


async def test_processes_that_share_a_store_take_a_token_once() -> None:
    ashes = Ashes()
    token = tokens().mint(CALL, 0)
    doors = [Turnstile(ashes, tokens()) for _ in range(3)]

    answers = [await door.softphone(token) for door in doors for _ in range(2)]
    assert answers == [CALL, *[None] * 5]


async def test_with_the_store_away_this_process_remembers() -> None:
    def away() -> None:
        raise StoreError("gone fishing")

    door = Turnstile(Ashes(away), tokens())
    token = tokens().mint(CALL, 0)

    assert await door.softphone(token) == CALL
    assert await door.softphone(token) is None


async def test_a_store_that_hangs_holds_no_caller_up(mock_clock) -> None:
    hangs, asked = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        hangs.wait(30)

    door = Turnstile(Ashes(hang), tokens())
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await door.first("nonce", 0.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        while not asked.is_set():
            await trio.lowlevel.checkpoint()
        mock_clock.jump(ANSWER_S)
    hangs.set()
    assert answers == [True]
