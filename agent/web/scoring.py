"""What a lead's score is made of: the table, for whoever explains one."""

from __future__ import annotations

import msgspec
from quart import Blueprint
from quart_schema import document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.think.score import TABLE
from agent.web.given import Given


class ScoreTable(msgspec.Struct, frozen=True):
    """Points by fact and case, in the order in which they are added up."""

    facts: dict[str, dict[str, int]]


_BODY = msgspec.json.encode(ScoreTable({fact: dict(cases) for fact, cases in TABLE.items()}))


def add_scoring(routes: Blueprint) -> None:
    """Let these routes tell it."""

    @routes.get("/score")
    @document_response(ScoreTable)
    async def score() -> Response:
        """What each case of each fact counts for in a lead's score."""
        Given().check()
        return Response(_BODY, content_type="application/json")
