"""The present request for the log: its route, not its address, which may hold a number or a token."""

from __future__ import annotations

from quart import request


def route() -> str:
    """Such as /api/callers/<number>; "none" where nothing is there."""
    return request.url_rule.rule if request.url_rule is not None else "none"
