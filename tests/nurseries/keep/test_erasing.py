"""A record goes only when its sound is gone: also where machines share the records, and each has its own sounds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import Settings
from agent.errors import StoreError
from agent.guard import lease as rules
from agent.guard.lease import Lease, Stand
from agent.guard.order import Order, Wanted
from agent.keep.erasure import Erased
from agent.keep.piece import Piece
from agent.providers.local_objects import LocalObjects
from agent.providers.sqlite import SqliteStore
from agent.providers.sqlite_orders import SqliteOrders
from nurseries.keep.erasing import Erasing
from tests.agent.providers.test_stores import record
from tests.fakes.memory_leases import MemoryLeases

THEM = "+919876543210"
KEY = "2026/11/27/CA1.wav"


class Store(SqliteStore):
    """Stands for the one that the machines share."""

    away = False

    def delete(self, *call_sids: str, sound: Callable[[str], object] = bool) -> int:
        if self.away:
            raise StoreError("away")
        return super().delete(*call_sids, sound=sound)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "calls.db")
    made.save(record("CA1", caller=THEM, recording=KEY))
    yield made
    made.close()


@pytest.fixture
def first(tmp_path: Path) -> LocalObjects:
    """The machine that has the sound."""
    made = LocalObjects(tmp_path / "first" / "recordings")
    (tmp_path / "sound").write_bytes(b"RIFF")
    made.put(KEY, tmp_path / "sound", "audio/wav")
    return made


def erasing(store: Store, objects: LocalObjects, folder: Path, uri: str = "mongodb://db/calls", **how: bool) -> Erasing:
    return Erasing(store, objects, Settings(_env_file=None, DATA_DIR=folder / "data", MONGODB_URI=uri), **how)


def erase(by: Erasing) -> Erased:
    erased = Erased(THEM)
    by.erase(erased, {}, set())
    return erased


def test_what_is_on_another_machine_is_told_and_its_record_stays(
    store: Store, first: LocalObjects, tmp_path: Path
) -> None:
    second = LocalObjects(tmp_path / "second" / "recordings")
    erased = erase(erasing(store, second, tmp_path))
    assert (erased.records, erased.recordings) == (0, 0)
    assert "the sound of CA1, which is not on this machine" in erased.failed[0]
    assert store.get("CA1") is not None

    erased = erase(erasing(store, first, tmp_path))
    assert (erased.records, erased.recordings, erased.failed) == (1, 1, [])
    assert list(first.older(-5)) == []


@pytest.mark.parametrize("case", ["one machine", "its disk is gone"])
def test_a_sound_that_is_nowhere_holds_up_no_record(store: Store, tmp_path: Path, case: str) -> None:
    objects = LocalObjects(tmp_path / "recordings")
    by = erasing(store, objects, tmp_path, uri="") if case == "one machine" else None
    erased = erase(by or erasing(store, objects, tmp_path, lost=True))
    assert (erased.records, erased.failed) == (1, [])
    assert store.get("CA1") is None


def test_asking_again_finishes_what_the_store_did_not_take(store: Store, first: LocalObjects, tmp_path: Path) -> None:
    by = erasing(store, first, tmp_path)
    store.away = True
    assert erase(by).failed == ["away"]
    assert list(first.older(-5)) == []
    store.away = False
    erased = erase(by)
    assert (erased.records, erased.failed) == (1, [])


def test_no_sound_is_begun_with_when_the_time_is_over(
    store: Store, first: LocalObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a page as well: each may take as long as a store's limit."""
    store.save(record("CA2", caller=THEM, recording="2026/11/27/CA2.wav"))
    clock = [0.0]
    monkeypatch.setattr("nurseries.keep.erasing.time.monotonic", lambda: clock[0])
    asked: list[str] = []

    def slow(key: str) -> None:
        asked.append(key)
        clock[0] += 60

    monkeypatch.setattr(first, "delete", slow)
    erased = Erased(THEM)
    erasing(store, first, tmp_path, uri="").erase(erased, {}, set(), 20)
    assert (len(asked), erased.records, len(erased.failed)) == (1, 1, 1)


def test_orders_to_the_person_go_with_their_calls_but_for_one_that_is_not_over(
    store: Store, first: LocalObjects, tmp_path: Path
) -> None:
    orders = SqliteOrders(tmp_path / "orders.db")
    try:
        for n, (to, state) in enumerate([(THEM, "completed"), (THEM, "answered"), ("+911234567890", "busy")]):
            orders.begin(Order(f"OR{n}", Wanted(to, "to ask"), "2026-11-27T10:00:00Z", state=state))
        erased = Erased(THEM)
        settings = Settings(_env_file=None, DATA_DIR=tmp_path / "data")
        Erasing(store, first, settings, orders=orders).erase(erased, {}, set())

        assert (erased.orders, erased.goes_on, erased.failed) == (1, 1, [])
        assert [order.order_id for order in orders.find(None, 9)] == ["OR2", "OR1"]
    finally:
        orders.close()


def test_every_piece_of_a_call_goes_and_one_that_comes_in_that_moment(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "recordings")
    (tmp_path / "sound").write_bytes(b"RIFF")

    class Late(Store):
        def delete(self, *call_sids: str, sound: Callable[[str], object] = bool) -> int:
            add(self, 3)
            return super().delete(*call_sids, sound=sound)

    def add(to: Store, leg: int) -> None:
        piece = Piece(leg, f"2026/11/27/CA1+{leg}.wav", 1000 * leg, 8)
        objects.put(piece.key, tmp_path / "sound", "audio/wav")
        assert to.add_piece("CA1", piece)

    store = Late(tmp_path / "calls.db")
    store.save(record("CA1", caller=THEM))
    add(store, 1)
    add(store, 2)
    erased = erase(erasing(store, objects, tmp_path, uri=""))
    store.close()

    assert (erased.records, erased.recordings, erased.failed) == (1, 3, [])
    assert list(objects.older(-5)) == []


def test_with_their_calls_goes_what_was_recorded_to_be_played_again(
    store: Store, first: LocalObjects, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "sessions"
    folder.mkdir(parents=True)
    for name in ("CA1-1", "CA1-2", "CA2-1", "CA11-1"):
        (folder / f"{name}.session.gz").write_bytes(b"")
    settings = Settings(_env_file=None, DATA_DIR=tmp_path / "data")
    Erasing(store, first, settings).erase(erased := Erased(THEM), {}, set())

    assert erased.failed == []
    left = {path.name.removesuffix(".session.gz") for path in folder.iterdir()}
    assert left == {"CA2-1", "CA11-1"}


def test_with_their_calls_go_the_leases_of_them(store: Store, first: LocalObjects, tmp_path: Path) -> None:
    leases = MemoryLeases()
    for sid in ("CA1", "CA2"):
        leases.change(sid, rules.take(Lease(sid, "one", 1, "MZ1", Stand.HELD, 0.0)))
    settings = Settings(_env_file=None, DATA_DIR=tmp_path / "data")
    erased = Erased(THEM)
    Erasing(store, first, settings, leases=leases).erase(erased, {}, set())
    assert erased.failed == []
    assert list(leases.leases) == ["CA2"]

    leases.away = "away"
    store.save(record("CA2", caller=THEM))
    Erasing(store, first, settings, leases=leases).erase(erased, {}, set())
    assert erased.failed == ["away"]
