"""A call that was deleted stays deleted, whoever saves it and whenever."""

import threading
from collections.abc import Callable

import msgspec

from agent.keep.ports import CallStore
from agent.keep.query import Query
from tests.agent.providers.test_stores import make, record, store

__all__ = ("make", "store")


def test_what_is_deleted_is_gone_and_nothing_else(store: CallStore) -> None:
    store.save(record("CA1"), record("CA2"), record("CA3"))

    assert store.delete("CA1", "CA3", "CA9") == 2
    assert store.delete("CA1") == 0
    assert store.delete() == 0

    assert [store.get(sid) for sid in ("CA1", "CA2", "CA3")] == [None, record("CA2"), None]
    for query in (Query(), Query(text="priya"), Query(number="+919876543210"), Query(ending="caller hung up")):
        assert [r.call_sid for r in store.find(query, 9)] == ["CA2"]


def test_no_later_delivery_brings_it_back(store: CallStore, make: Callable[[], CallStore]) -> None:
    store.save(record(revision=5))
    store.delete("CA1", "CA7")

    other = make()
    for revision in (0, 5, 6, 2**62, 2**63 - 1):
        other.save(record(revision=revision), record("CA7", revision=revision), record("CA2", revision=revision))
    other.close()

    assert [r.call_sid for r in store.find(Query(), 9)] == ["CA2"]
    assert store.get("CA1") is None
    assert store.get("CA7") is None


def test_what_is_kept_out_is_told(store: CallStore) -> None:
    assert store.save(record("CA1", revision=5), record("CA2", revision=5), record("CA3")) == []
    store.delete("CA3")

    told = store.save(*(record(f"CA{n}", revision=revision) for n, revision in enumerate((4, 5, 9, 1), 1)))

    assert sorted(told) == ["CA1", "CA3"]
    assert [store.get(f"CA{n}").revision for n in (1, 2, 4)] == [5, 5, 1]  # type: ignore[union-attr]


def test_no_save_wins_the_race_against_a_delete(store: CallStore, make: Callable[[], CallStore]) -> None:
    """Four processes save the same calls over and over while a fifth deletes them."""
    others, sids = [make() for _ in range(4)], [f"CA{n}" for n in range(30)]
    counts: list[int] = []

    def save(other: CallStore, first: int) -> None:
        for revision in range(first, first + 12, 4):
            other.save(*(record(sid, revision=revision) for sid in sids))

    def delete() -> None:
        counts.extend(store.delete(sid) for sid in sids)

    threads = [threading.Thread(target=save, args=(other, n)) for n, other in enumerate(others)]
    threads.append(threading.Thread(target=delete))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for other in others:
        other.close()

    assert len(counts) == len(sids)
    assert set(counts) <= {0, 1}
    assert store.find(Query(), 99) == []
    assert [store.get(sid) for sid in sids] == [None] * len(sids)


def test_odd_call_sids_are_deleted_as_well(store: CallStore) -> None:
    for sid in ("", "a\0b", "'; DROP TABLE calls; --", "$gt", "च", "\ud800"):
        kept = msgspec.structs.replace(record(sid.encode("utf-8", "replace").decode()))
        store.save(kept)
        assert store.get(sid) == kept
        assert store.delete(sid) == 1
        assert store.get(sid) is None
