"""Errors as a client sees them."""

import msgspec
import pytest
import structlog

from agent.web.body import body


async def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    body = await response.get_json(force=True)
    assert body["status"] == response.status_code
    return body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/twilio/voice", 405),
        ("DELETE", "/health", 405),
        ("POST", "/twilio/media", 404),
        ("POST", "/twilio//voice", 404),
        ("POST", "/twilio/voice/", 404),
        ("GET", "/%00%ff", 404),
        ("GET", "/health/../etc/passwd", 404),
    ],
)
async def test_a_request_for_nothing_gets_a_small_json_answer(face, method, path, status):
    response = await face().client.open(path, method=method)

    assert (await problem(response))["status"] == status


async def test_a_wrong_method_is_told_the_right_ones(face):
    assert "POST" in (await face().client.get("/twilio/voice")).headers["Allow"]


async def test_a_body_over_the_cap_is_refused_and_the_connection_given_up(face):
    response = await face().client.post("/twilio/voice", data=b"x" * (64 * 1024 + 1))

    assert (await problem(response))["status"] == 413
    assert response.headers["Connection"] == "close"


async def test_a_body_that_does_not_come_is_not_waited_for(face, autojump_clock):
    house = face()
    async with house.client.request("/twilio/voice", method="POST") as connection:
        await connection.send(b"CallSid=")
        response = await connection.as_response()

    assert (await problem(response))["status"] == 408
    assert response.headers["Connection"] == "close"


async def test_a_crash_is_logged_and_shows_nothing_of_itself(face):
    house = face()

    @house.app.get("/crash")
    async def crash():
        raise RuntimeError("secret inside")

    with structlog.testing.capture_logs() as logs:
        response = await house.client.get("/crash")

    assert await problem(response) == {"status": 500, "title": "Internal Server Error"}
    assert [entry["event"] for entry in logs] == ["request failed"]


class Wanted(msgspec.Struct):
    to: str


async def test_a_json_body_is_read_in_full_or_told_what_is_wrong(face):
    house = face()

    @house.app.post("/wanted")
    async def wanted():
        return (await body(Wanted)).to

    said = await house.client.post("/wanted", data=b'{"to": "you"}', headers={"Content-Type": "application/json"})
    assert await said.get_data() == b"you"
    for data, kind in ((b"[" * 9000, "application/json"), (b'{"to": "you"}', "text/plain"), (b'{"x": 1}', "a/b+json")):
        refused = await problem(await house.client.post("/wanted", data=data, headers={"Content-Type": kind}))
        assert refused["status"] == 400
        assert refused["errors"]
