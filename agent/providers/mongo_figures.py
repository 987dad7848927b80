"""Calls in MongoDB by a figure of theirs: score, length, cost. Those without one come last: MongoDB takes them for the
least.

Where few calls are asked for, they are found first and then put in order by the server; else the index of the figure is
walked, and what is not asked for is passed over. Both come to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymongo
from pymongo.collection import Collection
from pymongo.cursor import Cursor

from agent.keep.query import Place, Query, rank
from agent.providers.mongo_schema import AT, COUNTED, FIGURES, OURS, TERMS

Documents = Cursor[dict[str, Any]]


def cursors(
    calls: Collection[dict[str, Any]], query: Query, conditions: dict[str, Any], after: Place | None, size: int
) -> Iterator[Documents]:
    """Together they give all that fulfils the conditions, in the order that is asked for, from `after` on."""
    field = FIGURES[query.sort]
    order = [(field, pymongo.DESCENDING), (AT, pymongo.DESCENDING)]
    few = calls.count_documents(conditions, limit=COUNTED) < COUNTED
    hint = order if not few else [(TERMS, 1), (AT, -1)] if "$and" in conditions else [(AT, -1)]
    for part in _parts(field, after):
        asked = {"$and": [conditions, *_scores(query), part]}
        with calls.find(asked, OURS).sort(order).hint(hint).batch_size(size) as cursor:
            yield cursor


def _parts(field: str, after: Place | None) -> list[dict[str, Any]]:
    """Those of the same figure, from that second on, and those behind them: an index has each in one piece."""
    if after is None:
        return [{}]
    same = {field: after.figure, AT: {"$lte": rank(after.started_at)}}
    return [same] if after.figure is None else [same, {field: {"$not": {"$gte": after.figure}}}]


def _scores(query: Query) -> list[dict[str, Any]]:
    """What is asked of the score is in its index, where that is walked."""
    limits = {"$lte": query.most_score, "$gte": query.least_score}
    told = {name: value for name, value in limits.items() if value is not None}
    return [{FIGURES["score"]: told}] if told and query.sort == "score" else []
