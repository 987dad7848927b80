"""What calls were, added up for Prometheus: a finished record in, counters up. By ending, by part and by model;
never by who called.

A model's use is counted when a call's record is finished: what is only estimated before may still be corrected."""

from __future__ import annotations

from agent.keep.model_counts import CHARACTERS, COST, KINDS, REQUESTS, SOUND, TOKENS, UNTOLD
from agent.keep.prices import Prices, cost
from agent.keep.record import CallRecord
from agent.metrics import Count, Times
from agent.model import Ending

CALLS = Count("calls", "Calls that are over.", "ending", "direction")
SECONDS = Times(
    "call_seconds", "How long calls lasted.", "direction", buckets=(5, 15, 30, 60, 120, 300, 600, 1200, 3600)
)
UNPRICED = Count("calls_unpriced", "Calls whose cost is not known in full: see the price list.")

for _direction in ("inbound", "outbound"):
    SECONDS.begin(direction=_direction)
    for _ending in set(Ending) - {Ending.MOVED}:
        CALLS.begin(ending=_ending.value, direction=_direction)


def tell(record: CallRecord, prices: Prices) -> None:
    """This call is over, and nothing will be added to its record. Not a checkpoint."""
    direction = "outbound" if record.direction.startswith("outbound") else "inbound"
    CALLS.add(ending=record.ending, direction=direction)
    SECONDS.took(record.duration_ms / 1000, direction=direction)
    for each in record.usage:
        of = {"part": each.part, "model": each.model}
        REQUESTS.add(each.requests, **of)
        UNTOLD.add(each.untold, **of)
        for kind in KINDS:
            TOKENS.add(getattr(each, kind), kind=kind, **of)
        SOUND.add(each.seconds, **of)
        CHARACTERS.add(each.characters, **of)
        COST.add(cost([each], prices) or 0.0, **of)
    if record.usage and cost(record.usage, prices) is None:
        UNPRICED.add()
