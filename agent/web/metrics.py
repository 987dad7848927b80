"""What is measured, for Prometheus: readings in, its text out, at /metrics. For whoever may read the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from quart import Blueprint
from quart_trio.wrappers import TrioResponse as Response

from agent import metrics
from agent.metrics import Reading
from agent.web.entrance import Entrance

Readings = Callable[[], Iterable[Reading]]
"""How things stand. Not a checkpoint."""


def metrics_route(entrance: Entrance, readings: Readings) -> Blueprint:
    routes = Blueprint("metrics", __name__)
    routes.before_request(entrance.check)

    @routes.get("/metrics")
    async def scraped() -> Response:
        response = Response(metrics.exposition(readings()), content_type=metrics.MEDIA_TYPE)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return routes
