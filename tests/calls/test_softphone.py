"""A browser's call, to two real server processes that share a folder: it is heard once, and nowhere again."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
import trio

from nurseries.rehearsal.dial import dial
from tests.calls.server import Server, records

AUTH = "f" * 32
ACCOUNT = "AC" + "c" * 32
SETTINGS = {
    "PROVIDER": "scripted",
    "APP_ENV": "test",
    "TWILIO_SIGNATURE": "require",
    "TWILIO_AUTH_TOKEN": AUTH,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
}
BOUND_S = 60


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    folder = tmp_path_factory.mktemp("servers")
    both = (Server(folder, **SETTINGS), Server(folder, **SETTINGS))
    yield both
    for each in both:
        each.kill()


def address(server: Server) -> dict:
    """As a page of the server's own asks for it."""
    answer = httpx2.post(server.url + "/api/softphone", headers={"Origin": server.url})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def heard(server: Server, told: dict, start: dict) -> dict | tuple[int, str] | None:
    """What the agent says first on the address, at this server, or how it ends."""
    url = f"ws://127.0.0.1:{server.port}{urlsplit(told['url']).path}"
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            media = await dial(nursery, url, f"127.0.0.1:{server.port}", [(b"Origin", server.url.encode())])
            try:
                await media.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
                opening = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": start["streamSid"]}
                await media.send(json.dumps(opening))
                first = await media.receive()
                return media.goodbye if first is None else json.loads(first)
            finally:
                with trio.move_on_after(1, shield=True):
                    await media.close()


def refused(server: Server, told: dict, origin: str = "") -> int:
    """The status of an upgrade."""
    lines = (
        f"GET {urlsplit(told['url']).path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Origin: {origin or 'http://127.0.0.1'}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    with socket.create_connection(("127.0.0.1", server.port), BOUND_S) as connection:
        connection.sendall("\r\n".join((*lines, "\r\n")).encode())
        return int(connection.recv(4096).split()[1])


def test_an_address_is_a_call_once_at_any_server(servers) -> None:
    one, another = servers
    told = address(one)

    first = trio.run(heard, another, told, told["start"])

    assert first["event"] == "media"
    assert first["streamSid"] == told["start"]["streamSid"]
    assert [refused(each, told) for each in (one, another)] == [403, 403]
    another.wait_for("call over", BOUND_S)
    (record,) = (each for each in records(one.folder) if each["call_sid"] == told["start"]["callSid"])
    assert record["caller"] == "client:console"


def test_its_socket_is_for_its_own_call(servers) -> None:
    one, _ = servers
    told, other = address(one), address(one)

    assert trio.run(heard, one, told, other["start"]) == (1008, "token made for another call")
    told = address(one)
    assert trio.run(heard, one, told, told["start"] | {"accountSid": "AC" + "d" * 32}) == (1008, "another account")


def test_nobody_else_comes_in(servers) -> None:
    one, _ = servers
    told = address(one)
    path = told["url"].rpartition("/")[0]

    assert refused(one, told | {"url": path}) == 403
    assert refused(one, told | {"url": path + "/guessed"}) == 403
    assert refused(one, told, "https://evil.example") == 403
    assert httpx2.post(one.url + "/api/softphone", headers={"Origin": "https://evil.example"}).status_code == 403


def test_no_token_is_in_the_log(servers) -> None:
    one, _ = servers
    told = address(one)
    token = told["url"].rpartition("/")[2]
    httpx2.get(f"{one.url}/twilio/media/{token}")
    httpx2.post(f"{one.url}/twilio/media/{token}", content=b"x")

    refused(one, told)
    refused(one, told)
    one.wait_for("softphone refused", BOUND_S)
    assert not any(token in line for line in one.lines)
