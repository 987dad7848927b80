"""Whether a call can be played again, and how: for whoever looks into what it did."""

from __future__ import annotations

import shlex

import msgspec
from quart import Blueprint
from quart_schema import document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.web.given import Given
from agent.web.ports import Records
from agent.web.problem import problem


class Replay(msgspec.Struct, frozen=True):
    """What this machine has recorded of a call."""

    recording: bool
    """Calls are recorded here to be played again, or a share of them."""
    files: tuple[str, ...]
    """Names, by leg."""
    command: str
    """Plays them, on this machine and in the server's own folder; empty where there is none."""


def add_replays(routes: Blueprint, settings: Settings, records: Records) -> None:
    """Let these routes tell it."""

    @routes.get("/calls/<call_sid>/replay")
    @document_response(Replay)
    async def replay(call_sid: str) -> Response:
        """What was recorded of a call on this machine, and the command that plays it again."""
        Given().check()
        if await records.get(call_sid) is None:
            return problem(404, f"There is no call {call_sid[:60]}.")
        files = await records.sessions(call_sid)
        command = shlex.join(["calling-agent", "replay", "--timeline", *map(str, files)]) if files else ""
        told = Replay(settings.sessions_share > 0, tuple(path.name for path in files), command)
        return Response(msgspec.json.encode(told), content_type="application/json")
