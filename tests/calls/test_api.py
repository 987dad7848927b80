"""Records of a real server: read, exported and erased over HTTP, while it holds calls."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import negative_data_rejection

from agent.config import Settings
from agent.guard.sessions import Sessions
from agent.guard.tokens import Tokens
from agent.keep.record import CallRecord, Entry, Lead
from agent.lines import load_lines
from agent.providers.sqlite import SqliteStore
from agent.web.api import api_routes
from agent.web.calling_out import CallingOut
from agent.web.entrance import Entrance
from agent.web.openapi import description
from agent.web.security import Gate
from agent.web.session import session_routes
from agent.web.softphone import add_softphone
from agent.web.state import ProcessState
from tests.calls.server import PROGRAM, Server, call, environment
from tests.examples import examples

TOKEN = "a-token-for-tests-0123456789"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
CALLER = "+919876543210"
SOUND = bytes(range(256)) * 40


def seeded(n: int) -> CallRecord:
    return CallRecord(
        f"CA{n:032}",
        "AC1",
        f"+9180{n:08}",
        "+918012345678",
        "inbound",
        f"2026-11-{1 + n % 20:02}T10:{n % 60:02}:00.000+00:00",
        61_000,
        "caller hung up",
        (Entry("agent", "Hello, this is Priya.", 0, 2000), Entry("caller", f"A flat, number {n}." * 40, 2100, 3000)),
        lead=Lead(n % 101, (), ()),
        recording="2026/11/seeded.wav" if n == 7 else "",
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    store = SqliteStore(folder / "data" / "calls.db")
    store.save(*map(seeded, range(1, 1001)))
    store.close()
    sound = folder / "data" / "recordings" / "2026" / "11" / "seeded.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(SOUND)
    # What is sent here to be refused must not be refused for being sent too often.
    running = Server(folder, PROVIDER="scripted", APP_ENV="test", API_TOKEN=TOKEN, REFUSED_RATE="0")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, headers=AUTH, timeout=20) as client:
        yield client


def described() -> dict[str, object]:
    """As serve.py puts it together."""
    known = Settings(_env_file=None)
    entrance, tokens = Entrance(known), Tokens(b"key", ttl_s=60, random=secrets.token_bytes)
    api = api_routes(known, None, entrance, CallingOut(orders=object()), watching=object())
    add_softphone(api, known, tokens, ProcessState(), Gate(known), load_lines(known), lambda: 0.0)
    return description(api, session_routes(known, entrance, Sessions(b"key", ttl_s=60)))


DOCUMENT = json.dumps(msgspec.to_builtins(described()))
DESCRIPTION = schemathesis.openapi.from_dict(json.loads(DOCUMENT))
CASES = [
    (path, method.upper(), mode)
    for path, methods in DESCRIPTION.raw_schema["paths"].items()
    for method, operation in methods.items()
    for mode in schemathesis.GenerationMode
    # Where nothing is sent, nothing can be wrong.
    if mode is schemathesis.GenerationMode.POSITIVE or operation["parameters"] or "requestBody" in operation
    if path != "/api/live"  # which goes on: see test_watched_for_real
]


@pytest.fixture(scope="module")
def placed(server: Server) -> str:
    """The CallSid of a real call, which is over."""
    code, report = call(server.url, "--say", "Hello, I want a flat.", "--from", CALLER)
    assert code == 0, report
    return report["call_sid"]


def test_a_call_that_was_just_held_can_be_read(api: httpx2.Client, placed: str) -> None:
    (listed,) = api.get("/api/calls", params={"number": CALLER}).json()["calls"]
    record = api.get(f"/api/calls/{placed}").json()
    captions = api.get(f"/api/calls/{placed}/transcript", headers={"Accept": "text/vtt"}).text

    assert listed["call_sid"] == placed
    assert record["ending"] == "caller hung up"
    assert captions.startswith("WEBVTT\n\n1\n00:00:0")
    assert "<v Agent>Hello" in captions
    assert api.get(f"/api/calls/{placed}/recording").status_code == 404


def test_pages_lead_through_all_calls(api: httpx2.Client) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get("/api/calls", params={"limit": 100, "cursor": cursor, "until": "2026-11-20"}).json()
        seen += [each["call_sid"] for each in page["calls"]]
        cursor = page["next"]

    assert sorted(seen) == [seeded(n).call_sid for n in range(1, 1001)]


def test_a_file_of_all_calls_is_whole(api: httpx2.Client) -> None:
    lines = api.get("/api/export", params={"format": "jsonl", "until": "2026-11-20"}).content.splitlines()
    rows = csv.DictReader(
        io.StringIO(api.get("/api/export", params={"until": "2026-11-20"}).content.decode("utf-8-sig"), newline="")
    )

    assert len({json.loads(line)["call_sid"] for line in lines}) == len(lines) == 1000
    assert len({row["call_sid"] for row in rows}) == 1000


def test_a_sound_is_played_in_parts(api: httpx2.Client) -> None:
    path = f"/api/calls/{seeded(7).call_sid}/recording"
    head = api.head(path)
    part = api.get(path, headers={"Range": "bytes=100-199"})

    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(SOUND)), b"")
    assert (part.status_code, part.content) == (206, SOUND[100:200])
    assert api.get(path).content == SOUND


def test_a_client_that_does_not_read_holds_up_nobody(server: Server, api: httpx2.Client) -> None:
    ask = f"GET /api/export?format=jsonl HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH['Authorization']}\r\n\r\n"
    deaf = []
    for _ in range(8):  # twice as many as there are threads to read with
        each = socket.create_connection(("127.0.0.1", server.port))
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        each.sendall(ask.encode())
        deaf.append(each)
    try:
        assert api.get("/health/ready").status_code == 200
        assert len(api.get("/api/calls").json()["calls"]) == 20
    finally:
        for each in deaf:
            each.close()


def test_the_description_refers_to_nothing_that_it_leaves_out() -> None:
    schemas = json.loads(DOCUMENT)["components"]["schemas"]

    assert set(re.findall(r'"#/components/schemas/(\w+)"', DOCUMENT)) <= set(schemas)


@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_the_api_keeps_to_its_description(server: Server, path: str, method: str, mode) -> None:
    @settings(
        max_examples=examples(15),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DESCRIPTION[path][method].as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE:
            case.query.pop("cursor", None)  # only a server can make one
        # Numbers and times are taken in more ways of writing than are described.
        case.call_and_validate(base_url=server.url, headers=AUTH, excluded_checks=[negative_data_rejection])

    holds()


def command(server: Server, *arguments: str) -> str:
    done = subprocess.run(
        [PROGRAM, "calls", *arguments],
        cwd=server.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_the_command_line_tells_the_same(server: Server, api: httpx2.Client, placed: str) -> None:
    filters = ("--number", CALLER)
    (listed,) = command(server, "list", "--json", *filters).splitlines()

    assert json.loads(listed) == api.get(f"/api/calls/{placed}").json()
    assert (
        command(server, "show", placed, "--format", "vtt") == api.get(f"/api/calls/{placed}/transcript?format=vtt").text
    )
    exported = command(server, "export", "--format", "jsonl", *filters)
    assert exported == api.get("/api/export", params={"format": "jsonl", "number": CALLER}).text


def test_what_the_command_line_erases_is_gone_for_the_server_too(server: Server, api: httpx2.Client) -> None:
    told = json.loads(command(server, "delete", seeded(7).caller, "--yes", "--json"))

    assert (told["records"], told["recordings"], told["failed"]) == (1, 1, [])
    assert api.get(f"/api/calls/{seeded(7).call_sid}/recording").status_code == 404
    assert not list((server.folder / "data" / "recordings").rglob("*.wav"))


def test_what_is_kept_of_a_caller_can_be_erased_and_does_not_come_back(
    server: Server, api: httpx2.Client, placed: str
) -> None:
    told = api.delete(f"/api/callers/{CALLER}").json()

    assert (told["records"], told["failed"]) == (1, [])
    assert api.get(f"/api/calls/{placed}").status_code == 404
    assert api.get("/api/calls", params={"number": CALLER}).json()["calls"] == []
    line = json.loads((server.folder / "data" / "audit.log").read_text().splitlines()[-1])
    assert (line["who"], line["number"], line["records"]) == ("the API, API_TOKEN", "***10", 1)
    assert not any("9876543210" in each for each in server.lines)


def test_a_server_that_nobody_can_read_from_yet_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path, PROVIDER="scripted", APP_ENV="test", HOST="0.0.0.0")  # noqa: S104
    try:
        assert any("keys create" in line for line in server.lines) or server.wait_for("keys create", 20)
        assert httpx2.get(server.url + "/api/calls").status_code == 401
    finally:
        server.kill()
