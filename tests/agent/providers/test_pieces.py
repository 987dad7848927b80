"""Pieces of a call's sound stay beside its record, whoever saves that; the same in SQLite and MongoDB."""

from __future__ import annotations

import threading

import pytest

from agent.errors import NotKept
from agent.keep.piece import Piece
from agent.keep.ports import CallStore
from agent.keep.query import Query
from tests.agent.providers.test_stores import make, record, store

__all__ = ["make", "store"]


def piece(leg: int, began_ms: int = 0) -> Piece:
    return Piece(leg, f"2026/11/22/CA1+{leg}.wav", began_ms or 10_000 * leg, 8000)


def test_pieces_stay_whatever_leg_saves_its_record_before_or_after(store: CallStore) -> None:
    store.save(record(revision=5, ending=""))
    assert store.add_piece("CA1", piece(2))
    store.save(record(revision=6, pieces=(piece(9),)))
    assert store.add_piece("CA1", piece(1))
    store.save(record(revision=4, ending=""))

    kept = store.get("CA1")
    assert kept == record(revision=6, pieces=(piece(1), piece(2)), recording=piece(1).key)
    assert store.find(Query(), 9) == [kept]


def test_a_piece_that_is_told_twice_is_one(store: CallStore) -> None:
    store.save(record())
    for began_ms in (10, 20):
        assert store.add_piece("CA1", piece(1, began_ms))

    assert [each.pieces for each in store.find(Query(), 9)] == [(piece(1, 20),)]


def test_processes_add_at_the_same_time(store: CallStore, make) -> None:
    store.save(record())
    others = [make() for _ in range(3)]
    threads = [
        threading.Thread(target=other.add_piece, args=("CA1", piece(3 * n + m + 1)))
        for n, other in enumerate(others)
        for m in range(3)
    ]
    threads.append(threading.Thread(target=store.save, args=(record(revision=9),)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for other in others:
        other.close()

    kept = store.get("CA1")
    assert kept is not None
    assert (kept.revision, [each.leg for each in kept.pieces]) == (9, list(range(1, 10)))


def test_nobody_has_a_piece_of_a_call_that_is_not_there(store: CallStore) -> None:
    assert not store.add_piece("CA1", piece(1))
    store.save(record())

    assert store.get("CA1") == record()


def test_a_deleted_call_tells_its_pieces_once_and_takes_none(store: CallStore) -> None:
    store.save(record(), record("CA2"))
    store.add_piece("CA1", piece(1))
    store.add_piece("CA1", piece(2))
    told: list[str] = []

    assert store.delete("CA1", "CA2", sound=told.append) == 2
    assert store.delete("CA1", sound=told.append) == 0
    assert sorted(told) == [piece(1).key, piece(2).key]
    with pytest.raises(NotKept):
        store.add_piece("CA1", piece(3))
    with pytest.raises(NotKept):
        store.add_piece("CA2", piece(3))


def test_what_cannot_be_read_tells_its_sounds(store: CallStore) -> None:
    store.save(record(turns=("not a turn",)))
    store.add_piece("CA1", piece(1))
    told = {}

    assert store.find(Query(), 9, None, told.__setitem__) == []
    assert told["CA1"] is not None
    assert told["CA1"].pieces == (piece(1),)
