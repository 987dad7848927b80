"""What the console has to know of its server before it shows anything: settings in, JSON out."""

from __future__ import annotations

from importlib.metadata import version

import msgspec
from quart import Blueprint
from quart_schema import document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.lines import Lines


class About(msgspec.Struct, frozen=True):
    """Who answers here, and what can be done."""

    agent: str
    company: str
    version: str
    development: bool
    """What a softphone's call is told may be changed for it alone."""
    timezone: str
    lines: tuple[str, ...]
    """Names in LINES_FILE."""
    records_sound: bool
    """Calls can be listened to while they go on, and afterwards."""
    transfers: bool
    """There is a colleague to hand callers over to."""
    calls_out: bool
    """Calls can be placed."""


def add_about(routes: Blueprint, settings: Settings, lines: Lines, *, calls_out: bool) -> None:
    """Let these routes tell it."""
    about = About(
        settings.AGENT_NAME,
        settings.COMPANY_NAME,
        version("calling-agent"),
        not settings.production,
        settings.TIMEZONE,
        tuple(lines.names),
        settings.RECORD_CALLS,
        bool(settings.TRANSFER_TO),
        calls_out,
    )
    body = msgspec.json.encode(about)

    @routes.get("/about")
    @document_response(About)
    async def tell() -> Response:
        """Who answers here, and what the console can do."""
        return Response(body, content_type="application/json")
