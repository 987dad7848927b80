"""What a server says that a request used, in any of the API's dialects: of chats, responses, realtime responses and
transcriptions. Pure; what makes no sense is not told."""

from __future__ import annotations

from typing import Any


def tokens(usage: object) -> dict[str, int]:
    """As Usage names them; empty where the server told none."""
    told = _dict(usage)
    given = _count(told, "prompt_tokens", "input_tokens")
    made = _count(told, "completion_tokens", "output_tokens")
    if not given and not made:
        return {}
    into = _dict(
        told.get("prompt_tokens_details") or told.get("input_tokens_details") or told.get("input_token_details")
    )
    out = _dict(told.get("completion_tokens_details") or told.get("output_token_details"))
    heard, spoken = min(_count(into, "audio_tokens"), given), min(_count(out, "audio_tokens"), made)
    split = _dict(into.get("cached_tokens_details"))
    cached = _count(into, "cached_tokens")
    heard_cached = min(_count(split, "audio_tokens"), cached, heard)
    found = {
        "tokens_in": given - heard,
        "tokens_cached": min(cached - heard_cached, given - heard),
        "tokens_out": made - spoken,
        "audio_in": heard,
        "audio_cached": heard_cached,
        "audio_out": spoken,
    }
    return {name: count for name, count in found.items() if count}


def seconds(usage: object) -> float | None:
    """Of sound that it transcribed, where the server counts so."""
    value = _dict(usage).get("seconds")
    told = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 86_400
    return float(value) if told and value is not None else None


def _count(told: dict[str, Any], *names: str) -> int:
    values = (told.get(name) for name in names)
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and 0 < v < 10**9), 0)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
