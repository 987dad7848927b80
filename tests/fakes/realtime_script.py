"""A fake Realtime server that goes by the same script as the scripted providers: what it hears, says and calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.providers.scripted import Script
from tests.fakes.realtime_plan import Plan, Says, verbatim


def plan_of(script: Script, **more: Any) -> Plan:
    """In its times as well: a reply begins after a first token and a first chunk of sound."""

    def says(create: dict[str, Any], items: Sequence[dict[str, Any]]) -> Says:
        if create.get("conversation") == "none":
            return verbatim(create, items)
        text, calls = _round(script, create, items)
        return Says(text, calls, first_s=script.first_token_s + script.first_chunk_s)

    usual = {"heard": script.heard or ("something",), "final_s": script.hear_s, "first_s": script.first_chunk_s}
    return Plan(**usual | {"says": says, "pace": 1 / script.realtime_factor} | more)


def _round(
    script: Script, create: dict[str, Any], items: Sequence[dict[str, Any]]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    sides = [item.get("role", "tool") for item in items if item["type"] != "function_call"]
    turn = max(sum(side == "user" != before for before, side in zip(["", *sides], sides, strict=False)), 1)
    newest = next((n for n, side in enumerate(reversed(sides)) if side == "user"), 0)
    if "tool" in sides[len(sides) - newest :]:
        return script.after_calls.get(turn, ""), ()
    calls = script.calls.get(turn, ()) if create.get("tools") else ()
    replies = script.replies or ("You said something.",)
    return replies[min(turn, len(replies)) - 1], tuple((call.name, call.arguments) for call in calls)
