"""Calls that go on, over HTTP: who may watch, and what is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from pydantic import SecretStr

TOKEN = "t" * 32
AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Watching:
    """Says what it was asked for."""

    def __init__(self) -> None:
        self.closed = 0

    def watchable(self, call_sid: str) -> bool:
        return call_sid == "CA1"

    async def calls(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"event: calls\n"
            yield b"data: {}\n\n"
        finally:
            self.closed += 1

    async def call(self, call_sid: str, last: int = 0) -> AsyncGenerator[bytes, None]:
        yield f"{call_sid} behind {last}".encode()


@pytest.fixture
def watched(face):
    watching = Watching()
    return face(records=object(), watching=watching, API_TOKEN=SecretStr(TOKEN)), watching


async def test_the_list_is_a_stream_that_nobody_gathers(watched) -> None:
    face, watching = watched
    response = await face.client.get("/api/live", headers=AUTH)

    assert (response.status_code, response.content_type) == (200, "text/event-stream")
    assert (response.headers["Cache-Control"], response.headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert await response.get_data() == b"event: calls\ndata: {}\n\n"
    assert watching.closed == 1


@pytest.mark.parametrize(
    ("told", "behind"),
    [(None, 0), ("1000007", 1000007), ("nonsense", 0), ("-1", 0), ("\u0667", 0), ("1" * 20, 0), ("", 0)],
)
async def test_a_call_is_told_from_behind_what_the_client_has_seen(watched, told: str | None, behind: int) -> None:
    face, _ = watched
    more = {} if told is None else {"Last-Event-ID": told}

    response = await face.client.get("/api/live/CA1", headers=AUTH | more)

    assert (await response.get_data()).decode() == f"CA1 behind {behind}"


async def test_of_a_call_that_does_not_go_on_nothing_is_told(watched) -> None:
    face, _ = watched
    response = await face.client.get("/api/live/CA2", headers=AUTH)

    assert response.status_code == 404
    assert (await response.get_json())["detail"] == "There is no call CA2 that goes on."


async def test_a_head_opens_no_stream(watched) -> None:
    face, watching = watched
    response = await face.client.head("/api/live", headers=AUTH)

    assert (response.status_code, response.content_type) == (200, "text/event-stream")
    assert watching.closed == 0


@pytest.mark.parametrize("path", ["/api/live", "/api/live/CA1"])
async def test_strangers_watch_nothing(watched, path: str) -> None:
    face, watching = watched

    assert (await face.client.get(path)).status_code == 401
    assert watching.closed == 0


async def test_what_is_no_parameter_is_told(watched) -> None:
    face, _ = watched

    assert (await face.client.get("/api/live?since=1", headers=AUTH)).status_code == 400
