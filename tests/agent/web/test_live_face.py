"""Calls that go on, over HTTP: who may watch, and what is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from pydantic import SecretStr

from agent.errors import CarrierError, CarrierFault
from tests.agent.web.test_keys_face import Ring

TOKEN = "t" * 32
AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Watching:
    """Says what it was asked for."""

    def __init__(self) -> None:
        self.closed = 0
        self.tape = True
        self.why_not = ""
        self.asked: list[tuple[str, str, str]] = []

    async def where(self, call_sid: str) -> str:
        return {"CA1": "here", "CA3": "elsewhere", "CA4": "elsewhere"}.get(call_sid, "")

    def from_browser(self, call_sid: str) -> bool:
        return call_sid == "CA4"

    async def calls(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"event: calls\n"
            yield b"data: {}\n\n"
        finally:
            self.closed += 1

    def audible(self, call_sid: str) -> bool:
        return self.tape

    async def sound(self, call_sid: str) -> AsyncGenerator[bytes, None]:
        yield b"\xff\xff"

    def hang_up(self, call_sid: str, who: str) -> str:
        self.asked.append(("hang up", call_sid, who))
        return self.why_not

    def transfer(self, call_sid: str, who: str) -> str:
        self.asked.append(("transfer", call_sid, who))
        return self.why_not

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


@pytest.mark.parametrize("what", ["hang-up", "transfer"])
async def test_what_is_asked_of_a_call_is_done_or_refused_in_words(watched, what: str) -> None:
    face, watching = watched

    done = await face.client.post(f"/api/live/CA1/{what}", headers=AUTH)
    watching.why_not = "The call is ending already."
    refused = await face.client.post(f"/api/live/CA1/{what}", headers=AUTH, json={})
    unknown = await face.client.post(f"/api/live/CA2/{what}", headers=AUTH)

    assert [response.status_code for response in (done, refused, unknown)] == [202, 409, 404]
    assert (await refused.get_json())["detail"] == "The call is ending already."
    assert watching.asked == [(what.replace("-", " "), "CA1", "API_TOKEN")] * 2


async def test_a_telephone_s_call_that_another_process_holds_is_ended_by_the_carrier(face) -> None:
    ended: list[str] = []

    async def hang_up(call_sid: str) -> None:
        ended.append(call_sid)
        if len(ended) > 1:
            raise CarrierError(CarrierFault.REFUSED, "no such account")

    watching = Watching()
    built = face(records=object(), watching=watching, out={"hang_up": hang_up}, API_TOKEN=SecretStr(TOKEN))
    done, refused, browsers = [
        await built.client.post(f"/api/live/{sid}/hang-up", headers=AUTH) for sid in ("CA3", "CA3", "CA4")
    ]

    assert [response.status_code for response in (done, refused, browsers)] == [202, 502, 409]
    assert "no such account" in (await refused.get_json())["detail"]
    assert ended == ["CA3", "CA3"]
    assert watching.asked == []


@pytest.mark.parametrize("what", ["hang-up", "transfer"])
async def test_who_may_only_read_ends_nothing(face, what: str) -> None:
    watching, ring = Watching(), Ring()
    built = face(records=object(), watching=watching, keys=ring, API_TOKEN=SecretStr(TOKEN))

    key = {"Authorization": f"Bearer {ring.make('read')}"}
    response = await built.client.post(f"/api/live/CA1/{what}", headers=key)

    assert response.status_code == 403
    assert watching.asked == []


@pytest.mark.parametrize("what", ["hang-up", "transfer"])
async def test_who_may_place_calls_ends_one_or_passes_it_on(face, what: str) -> None:
    watching, ring = Watching(), Ring()
    built = face(records=object(), watching=watching, keys=ring, API_TOKEN=SecretStr(TOKEN))

    key = {"Authorization": f"Bearer {ring.make('call')}"}
    response = await built.client.post(f"/api/live/CA1/{what}", headers=key)

    assert response.status_code == 202
    assert [(asked, call_sid) for asked, call_sid, _ in watching.asked] == [(what.replace("-", " "), "CA1")]


async def test_calls_are_listened_to_only_where_they_are_recorded(face) -> None:
    watching = Watching()
    recorded = face(records=object(), watching=watching, API_TOKEN=SecretStr(TOKEN), RECORD_CALLS=True)
    other = face(records=object(), watching=watching, API_TOKEN=SecretStr(TOKEN))

    heard = await recorded.client.get("/api/live/CA1/sound", headers=AUTH)
    assert (heard.status_code, heard.content_type) == (200, "application/octet-stream")
    assert await heard.get_data() == b"\xff\xff"
    assert (await recorded.client.get("/api/live/CA2/sound", headers=AUTH)).status_code == 404
    assert (await other.client.get("/api/live/CA1/sound", headers=AUTH)).status_code == 403
    watching.tape = False
    assert (await recorded.client.get("/api/live/CA1/sound", headers=AUTH)).status_code == 409
