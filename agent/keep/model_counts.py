"""What paid models did, counted for Prometheus by the part and the model.

A series is begun as soon as its model is asked, long before the call is over that adds to it: who reads it sees the
first call's share as a rise from nothing.
"""

from __future__ import annotations

from agent.metrics import Count

REQUESTS = Count("model_requests", "Requests to paid models.", "part", "model")
UNTOLD = Count("model_requests_untold", "Those of them whose use is estimated.", "part", "model")
TOKENS = Count("model_tokens", "Tokens, of text and of sound.", "part", "model", "kind")
SOUND = Count("model_sound_seconds", "Sound transcribed or spoken, by models that count so.", "part", "model")
CHARACTERS = Count("model_characters", "Text spoken, by models that count so.", "part", "model")
COST = Count("cost_dollars", "US dollars, by the price list.", "part", "model")

KINDS = ("tokens_in", "tokens_cached", "tokens_out", "audio_in", "audio_cached", "audio_out")

_COUNTED = {"requests": (REQUESTS, COST), "untold": (UNTOLD,), "seconds": (SOUND,), "characters": (CHARACTERS,)}
_begun: set[tuple[str, str, str]] = set()


def begin(part: str, model: str, *amounts: str) -> None:
    """These, named as in Usage, will be counted. Not a checkpoint."""
    for name in amounts:
        if (part, model, name) in _begun:
            continue
        _begun.add((part, model, name))
        if name in KINDS:
            TOKENS.begin(part=part, model=model, kind=name)
        for count in _COUNTED.get(name, ()):
            count.begin(part=part, model=model)
