"""What calls were, added up for Prometheus: a finished record in, counters up. By ending, by part and by model;
never by who called.

A model's use is counted when a call's record is finished: what is only estimated before may still be corrected."""

from __future__ import annotations

from agent.keep.prices import Prices, cost
from agent.keep.record import CallRecord
from agent.metrics import Count, Times
from agent.model import Ending

CALLS = Count("calls", "Calls that are over.", "ending", "direction")
SECONDS = Times(
    "call_seconds", "How long calls lasted.", "direction", buckets=(5, 15, 30, 60, 120, 300, 600, 1200, 3600)
)
REQUESTS = Count("model_requests", "Requests to paid models.", "part", "model")
UNTOLD = Count("model_requests_untold", "Those of them whose use is estimated.", "part", "model")
TOKENS = Count("model_tokens", "Tokens, of text and of sound.", "part", "model", "kind")
SOUND = Count("model_sound_seconds", "Sound transcribed or spoken, by models that count so.", "part", "model")
CHARACTERS = Count("model_characters", "Text spoken, by models that count so.", "part", "model")
COST = Count("cost_dollars", "US dollars, by the price list.", "part", "model")
UNPRICED = Count("calls_unpriced", "Calls whose cost is not known in full: see the price list.")

for _ending in set(Ending) - {Ending.MOVED}:
    for _direction in ("inbound", "outbound"):
        CALLS.begin(ending=_ending.value, direction=_direction)

_KINDS = ("tokens_in", "tokens_cached", "tokens_out", "audio_in", "audio_cached", "audio_out")


def tell(record: CallRecord, prices: Prices) -> None:
    """This call is over, and nothing will be added to its record. Not a checkpoint."""
    direction = "outbound" if record.direction.startswith("outbound") else "inbound"
    CALLS.add(ending=record.ending, direction=direction)
    SECONDS.took(record.duration_ms / 1000, direction=direction)
    for each in record.usage:
        of = {"part": each.part, "model": each.model}
        REQUESTS.add(each.requests, **of)
        UNTOLD.add(each.untold, **of)
        for kind in _KINDS:
            TOKENS.add(getattr(each, kind), kind=kind, **of)
        SOUND.add(each.seconds, **of)
        CHARACTERS.add(each.characters, **of)
        COST.add(cost([each], prices) or 0.0, **of)
    if record.usage and cost(record.usage, prices) is None:
        UNPRICED.add()
