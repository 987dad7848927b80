"""Softphones at the door: one token in the path, once, from our own page, and no other way around the signature."""

import secrets
import time

import pytest
import structlog

from agent.guard.tokens import Claims, Tokens
from agent.providers.sqlite_access import SqliteAccess
from agent.wire.signature import sign
from nurseries.legs.turnstile import Turnstile
from tests.fakes.street import AUTH_TOKEN, open_house

PUBLIC = "https://voice.example.in"
SIGNED = {"TWILIO_SIGNATURE": "require", "PUBLIC_URL": PUBLIC}
CALL = Claims("CA" + "b" * 32, "AC" + "c" * 32, "client:abcdefgh")


def tokens(key: bytes = b"softphones", ttl_s: float = 60) -> Tokens:
    return Tokens(key, ttl_s=ttl_s, random=secrets.token_bytes)


@pytest.fixture
def store(tmp_path):
    made = SqliteAccess(tmp_path / "access.db")
    yield made
    made.close()


@pytest.fixture
def seen() -> list[object]:
    return []


@pytest.fixture
def house(store, seen):
    async def take(socket, known=None):
        seen.append(known)
        await socket.close()

    def build(**changes):
        return open_house(take, turnstile=Turnstile(store, tokens()), **(SIGNED | changes))

    return build


async def upgrade(house, token, origin="", end="") -> int:
    visitor = await house.visit()
    headers = f"Origin: {origin}\r\n" if origin else ""
    return await visitor.raw_upgrade(f"/twilio/media/{token}{end}", headers.encode())


@pytest.mark.parametrize("origin", ["", PUBLIC])
async def test_a_token_opens_the_door_once_and_tells_whose_call_it_is(house, seen, origin):
    token = tokens().mint(CALL, time.time())
    async with house() as open_door:
        assert [await upgrade(open_door, token, origin) for _ in range(3)] == [101, 403, 403]

    assert seen == [CALL]


async def test_a_token_that_was_used_in_another_process_is_used(house, store, seen):
    token = tokens().mint(CALL, time.time())
    async with house() as one, open_house(turnstile=Turnstile(store, tokens()), **SIGNED) as another:
        assert await upgrade(one, token) == 101
        assert await upgrade(another, token) == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", PUBLIC + ".evil.example", "http://voice.example.in"]
)
async def test_a_page_of_somebody_else_does_not_even_burn_it(house, origin):
    token = tokens().mint(CALL, time.time())
    async with house() as open_door:
        assert await upgrade(open_door, token, origin) == 403
        assert await upgrade(open_door, token, PUBLIC) == 101


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "%2e%2e",
        tokens(b"another key").mint(CALL, time.time()),
        tokens().mint(CALL, time.time() - 61),
        tokens().mint(CALL, time.time())[:-1],
        tokens().mint(CALL, time.time()) + "/more",
        "a" * 5000,
    ],
)
async def test_anything_else_is_refused_before_it_is_a_socket(house, seen, token):
    async with house() as open_door:
        with structlog.testing.capture_logs() as logs:
            assert await upgrade(open_door, token) == 403

    assert seen == []
    assert len(token) < 3 or token not in str(logs)


async def test_a_token_is_needed_also_where_signatures_are_not(house):
    async with house(TWILIO_SIGNATURE="off", PUBLIC_URL="") as open_door:
        assert await upgrade(open_door, "guessed") == 403
        assert await upgrade(open_door, tokens().mint(CALL, time.time()), "http://house") == 101


async def test_where_a_proxy_strips_a_path_the_public_address_has_it(house):
    good = sign("wss://voice.example.in/agent/twilio/media", (), AUTH_TOKEN)
    bare = sign("wss://voice.example.in/twilio/media", (), AUTH_TOKEN)
    async with house(PUBLIC_URL=PUBLIC + "/agent") as open_door:
        for signature, status in ((good, 101), (bare, 403)):
            visitor = await open_door.visit()
            assert await visitor.raw_upgrade(headers=f"X-Twilio-Signature: {signature}\r\n".encode()) == status
        assert await upgrade(open_door, tokens().mint(CALL, time.time()), PUBLIC) == 101


async def test_a_signature_twice_is_none(house):
    async with house() as open_door:
        good = sign("wss://voice.example.in/twilio/media", (), AUTH_TOKEN).encode()
        visitor = await open_door.visit()
        twice = b"X-Twilio-Signature: " + good + b"\r\nX-Twilio-Signature: " + good + b"\r\n"
        assert await visitor.raw_upgrade(headers=twice) == 403


async def test_refusals_tell_browsers_what_to_refuse_and_not_what_we_are(house):
    async with house() as open_door:
        media = (b"GET /twilio/media/x", b"GET /twilio/media/old", b"GET /twilio/media?")
        for request in (*media, b"GET /none", b"BROKEN\r\nGET"):
            visitor = await open_door.visit()
            version = b"12" if request.endswith(b"old") else b"13"
            upgrade_it = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: " + version + b"\r\n"
            key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            asks = b"" if request.endswith(b"?") else upgrade_it + key
            await visitor.send(request + b" HTTP/1.1\r\nHost: house\r\n" + asks + b"\r\n")
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += bytes(await visitor.stream.receive_some()).lower()
            assert answer.startswith((b"http/1.1 403", b"http/1.1 404", b"http/1.1 400", b"http/1.1 426"))
            for header in (
                b"x-content-type-options: nosniff",
                b"x-frame-options: deny",
                b"referrer-policy: no-referrer",
                b"strict-transport-security: max-age=31536000",
                b"content-security-policy: default-src 'none'",
                b"cache-control: no-store",
            ):
                assert answer.count(header) == 1, (request, header)
            assert b"\nserver:" not in answer
