"""What is measured, for Prometheus: readings in, its text out, at /metrics. For whoever may read the API.

Of several workers behind one port whichever is asked tells what all have counted, each with its name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from quart import Blueprint
from quart_trio.wrappers import TrioResponse as Response

from agent import metrics
from agent.metrics import Reading
from agent.web.entrance import Entrance
from agent.workers.merged import merged

Readings = Callable[[], Iterable[Reading]]
"""How things stand. Not a checkpoint."""

Others = Callable[[], Awaitable[tuple[str, dict[str, str]]]]
"""This worker's name, and what the others have counted, by theirs. Bounded."""


def metrics_route(entrance: Entrance, readings: Readings, others: Others | None = None) -> Blueprint:
    routes = Blueprint("metrics", __name__)
    routes.before_request(entrance.check)

    async def exposition() -> bytes:
        if others is None:
            return metrics.exposition(readings())
        name, texts = await others()
        texts[name] = metrics.exposition(readings()).decode()
        return merged(dict(sorted(texts.items()))).encode()

    @routes.get("/metrics")
    async def scraped() -> Response:
        response = Response(await exposition(), content_type=metrics.MEDIA_TYPE)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return routes
