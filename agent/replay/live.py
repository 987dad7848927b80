"""A Realtime server's events, as a recording has them: the name of the kind, its fields, and its sound by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

import msgspec

from agent.providers.realtime_events import AudioPart, RealtimeEvent

_KINDS: dict[str, type[RealtimeEvent]] = {kind.__name__: kind for kind in get_args(RealtimeEvent)}


def of_event(event: RealtimeEvent, blob: Callable[[bytes], str]) -> list[Any]:
    """As plain values. `blob` keeps a sound and names it."""
    name = type(event).__name__
    if isinstance(event, AudioPart):
        return [name, msgspec.to_builtins(replace(event, sound=b"")), blob(event.sound)]
    return [name, msgspec.to_builtins(event)]


def to_event(value: list[Any], blobs: Mapping[str, bytes]) -> RealtimeEvent:
    """Back again."""
    name, fields, *sound = value
    event = msgspec.convert(fields, _KINDS[name])
    return replace(event, sound=blobs[sound[0]]) if isinstance(event, AudioPart) else event
