"""What this process knows of keys, while others make and revoke them, and while the store is away."""

import pytest
import trio

from agent.errors import StoreError
from agent.guard.api_keys import ApiKey
from nurseries.keys.keyring import ASK_S, FRESH_S, NOTE_S, STALE_S, UNKNOWN_S, KeyRing

KEY, OTHER = (ApiKey(key_id, "crm", "read", "", 0.0) for key_id in ("aaaaaaaa", "bbbbbbbb"))


class Shelf:
    """Keys, or why there are none now."""

    def __init__(self, *keys: ApiKey) -> None:
        self.held = list(keys)
        self.away = False
        self.asked = 0
        self.notes: list[tuple[str, float]] = []

    def keys(self) -> list[ApiKey]:
        self.asked += 1
        if self.away:
            raise StoreError("gone fishing")
        return list(self.held)

    def used(self, key_id: str, at: float) -> None:
        if self.away:
            raise StoreError("gone fishing")
        self.notes.append((key_id, at))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(KEY)


async def test_a_key_that_is_revoked_elsewhere_ends_within_seconds(shelf, mock_clock) -> None:
    ring = KeyRing(shelf)
    assert await ring.find("aaaaaaaa") == KEY
    shelf.held.clear()
    mock_clock.jump(FRESH_S)

    assert await ring.find("aaaaaaaa") is None


async def test_a_key_that_was_just_made_is_known(shelf, mock_clock) -> None:
    ring = KeyRing(shelf)
    assert await ring.find("bbbbbbbb") is None
    shelf.held.append(OTHER)
    mock_clock.jump(UNKNOWN_S)

    assert await ring.find("bbbbbbbb") == OTHER


async def test_strangers_cost_the_store_a_reading_now_and_then(shelf, mock_clock) -> None:
    ring = KeyRing(shelf)
    async with trio.open_nursery() as nursery:
        for n in range(500):
            nursery.start_soon(ring.find, f"guess {n}")

    assert shelf.asked == 1


async def test_with_the_store_away_keys_seen_lately_count_and_others_are_not_judged(shelf, mock_clock) -> None:
    ring = KeyRing(shelf)
    await ring.find("aaaaaaaa")
    shelf.away = True
    mock_clock.jump(FRESH_S)

    assert await ring.find("aaaaaaaa") == KEY
    with pytest.raises(StoreError, match="gone fishing"):
        await ring.find("bbbbbbbb")
    mock_clock.jump(STALE_S)
    with pytest.raises(StoreError):
        await ring.find("aaaaaaaa")

    shelf.away = False
    mock_clock.jump(ASK_S)
    assert await ring.find("aaaaaaaa") == KEY
    assert await ring.find("bbbbbbbb") is None


async def test_a_store_that_was_never_there_lets_nobody_in(shelf, mock_clock) -> None:
    shelf.away = True
    ring = KeyRing(shelf)

    for _ in range(3):
        with pytest.raises(StoreError, match="gone fishing"):
            await ring.find("aaaaaaaa")
    assert shelf.asked == 1


async def test_a_use_is_noted_now_and_then_and_its_failure_disturbs_nobody(shelf, mock_clock) -> None:
    ring = KeyRing(shelf)
    await ring.find("aaaaaaaa")
    for at in (1000.0, 1001.0, 1000.0 + NOTE_S):
        await ring.used(KEY, at)
    shelf.away = True
    await ring.used(KEY, 9000.0)

    assert shelf.notes == [("aaaaaaaa", 1000.0), ("aaaaaaaa", 1000.0 + NOTE_S)]
