"""A store of records and one of sounds, in memory: what the real ones are measured by, and what can be made to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.errors import NotKept, StoreError
from agent.keep.piece import Piece
from agent.keep.ports import Unread
from agent.keep.query import GOES_ON, Place, Query, order, place_of
from agent.keep.record import CallRecord, with_pieces


def fulfils(record: CallRecord, query: Query) -> bool:
    said = " ".join([*(entry.text for entry in record.entries), record.summary]).lower()
    score = None if record.lead is None else record.lead.score
    return (
        (not query.since or record.started_at >= query.since)
        and (not query.until or record.started_at < query.until)
        and (not query.number or query.number in {record.caller, record.called})
        and (not query.ending or (record.ending or GOES_ON) == query.ending)
        and (query.least_score is None or (score is not None and score >= query.least_score))
        and (query.most_score is None or (score is not None and score <= query.most_score))
        and all(word in said for word in query.text.lower().split())
    )


class MemoryStore:
    """The CallStore port."""

    name = "memory"

    def __init__(self, *records: CallRecord) -> None:
        self.records = {record.call_sid: record for record in records}
        self.pieces: dict[str, dict[int, Piece]] = {}
        self.forgotten: set[str] = set()
        self.away = ""
        """Why, where it is."""
        self.open = threading.Event()
        """While it is not set, nothing answers."""
        self.open.set()
        self.finds = 0

    def save(self, *records: CallRecord) -> list[str]:
        self._answer()
        for record in records:
            if record.call_sid not in self.forgotten:
                self.records[record.call_sid] = record
        return [record.call_sid for record in records if record.call_sid in self.forgotten]

    def get(self, call_sid: str) -> CallRecord | None:
        self._answer()
        return self._told(self.records.get(call_sid))

    def _told(self, record: CallRecord | None) -> CallRecord | None:
        return record and with_pieces(record, self.pieces.get(record.call_sid, {}).values())

    def newest(self, limit: int) -> list[CallRecord]:
        return self.find(Query(), limit)

    def find(
        self, query: Query, limit: int, after: Place | None = None, unread: Unread | None = None
    ) -> list[CallRecord]:
        self._answer()
        self.finds += 1
        places = {order(place_of(r, query.sort)): r for r in self.records.values() if fulfils(r, query)}
        keys = sorted(places, reverse=query.sort != "oldest")
        if after is not None:
            keys = [key for key in keys if (key > order(after) if query.sort == "oldest" else key < order(after))]
        found = [places[key] for key in keys[:limit]]
        return [told for told in map(self._told, found) if told is not None]

    def count(self, query: Query, most: int) -> int:
        return len(self.find(query, most))

    def add_piece(self, call_sid: str, piece: Piece) -> bool:
        self._answer()
        if call_sid in self.forgotten:
            raise NotKept(call_sid)
        if call_sid in self.records:
            self.pieces.setdefault(call_sid, {})[piece.leg] = piece
        return call_sid in self.records

    def delete(self, *call_sids: str, sound: Callable[[str], object] = bool) -> int:
        self._answer()
        self.forgotten |= set(call_sids)
        for call_sid in call_sids:
            for piece in self.pieces.pop(call_sid, {}).values():
                sound(piece.key)
        return sum(self.records.pop(call_sid, None) is not None for call_sid in call_sids)

    def hand_over(self, call_sid: str, to: str) -> None:
        self._answer()

    def handed_over(self, call_sid: str) -> str | None:
        self._answer()
        return None

    def close(self) -> None:
        pass

    def _answer(self) -> None:
        assert self.open.wait(60), "nobody opened the store"
        if self.away:
            raise StoreError(self.away)


class MemoryObjects:
    """The ObjectStore port."""

    name = "memory"

    def __init__(self, **sounds: bytes) -> None:
        self.sounds = dict(sounds)
        self.public = ""
        self.stuck: set[str] = set()
        """Keys that cannot be deleted."""

    def put(self, key: str, path: Path, content_type: str) -> None:
        self.sounds[key] = path.read_bytes()

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        data = self._sound(key)[start:end]
        return (data[n : n + 1000] for n in range(0, len(data), 1000))

    def size(self, key: str) -> int:
        return len(self._sound(key))

    def delete(self, key: str) -> None:
        if key in self.stuck:
            raise StoreError("the object store is away")
        self.sounds.pop(key, None)

    def older(self, seconds: float) -> Iterator[str]:
        return iter(())

    def url(self, key: str) -> str:
        return self.public and f"{self.public}/{key}"

    def close(self) -> None:
        pass

    def _sound(self, key: str) -> bytes:
        if key not in self.sounds:
            raise NotKept(key)
        return self.sounds[key]
