"""Calls page by page: flat memory, however many there are."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from agent.keep.ports import CallStore
from agent.keep.query import Place, Query, place_of
from agent.keep.record import CallRecord

PAGE = 200
"""Records in memory at once."""


def pages(store: CallStore, query: Query, after: Place | None, limit: int = sys.maxsize) -> Iterator[list[CallRecord]]:
    """In the query's order, behind `after`; at most `limit` calls. Raises StoreError."""
    while page := store.find(query, min(PAGE, limit), after):
        yield page
        limit -= len(page)
        after = place_of(page[-1], query.sort)
        if limit <= 0:
            return
