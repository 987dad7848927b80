"""A real server's calls are watched over HTTP, by clients that stay, go, and are there when the server leaves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.calls.server import Server, call
from tests.calls.watchers import Event, parsed

BOUND_S = 30
CALLER = "+919876543210"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), PROVIDER="scripted", APP_ENV="test")
    yield running
    running.kill()


def events(response: httpx2.Response) -> Iterator[Event]:
    left = b""
    for piece in response.iter_raw():
        *whole, left = (left + piece).split(b"\n\n")
        for block in whole:
            yield from parsed(block + b"\n\n")


def beside(server: Server, *arguments: str) -> tuple[threading.Thread, list[Any]]:
    """A call, in a thread; and what has come of it, once it is over."""
    came: list[Any] = []
    thread = threading.Thread(target=lambda: came.extend(call(server.url, "--from", CALLER, *arguments)))
    thread.start()
    return thread, came


def test_a_call_is_watched_from_the_list_to_its_end(server: Server) -> None:
    with httpx2.Client(base_url=server.url, timeout=BOUND_S) as client, client.stream("GET", "/api/live") as every:
        listed = events(every)
        first = next(listed)
        assert (every.headers["Content-Type"], first) == ("text/event-stream", Event("calls", {"calls": []}))
        thread, came = beside(server, "--say", "Hello, I want to buy a flat.")
        (live,) = next(listed).data["calls"]
        with client.stream("GET", f"/api/live/{live['call_sid']}") as one:
            told = list(events(one))
        gone = next(event for event in listed if event.data["gone"])
        thread.join(BOUND_S)
        record = client.get(f"/api/calls/{live['call_sid']}").json()
        again = client.get(f"/api/live/{live['call_sid']}")

    assert came[0] == 0
    assert (live["caller"], live["here"], live["softphone"]) == (CALLER, True, False)
    assert (told[0].name, told[-1]) == ("call", Event("end", {"ending": "caller hung up"}))
    assert [event.data["text"] for event in told if event.name == "moment" and event.data["kind"] == "turn"] == [
        entry["text"] for entry in record["entries"] if entry["role"] == "caller"
    ]
    assert [event.data for event in told if event.name == "record"][-1]["entries"] == record["entries"]
    assert gone.data["gone"] == [{"call_sid": live["call_sid"], "ending": "caller hung up"}]
    assert again.status_code == 404


def test_a_call_is_hung_up_by_who_watches_it(server: Server) -> None:
    with httpx2.Client(base_url=server.url, timeout=BOUND_S) as client, client.stream("GET", "/api/live") as every:
        listed = events(every)
        next(listed)
        thread, _ = beside(server, "--say", "Hello, I want to buy a flat.")
        (live,) = next(event for event in listed if event.data["calls"]).data["calls"]
        with client.stream("GET", f"/api/live/{live['call_sid']}") as one:
            told = events(one)
            next(event for event in told if event.name == "moment" and event.data["kind"] == "say")
            asked = client.post(f"/api/live/{live['call_sid']}/hang-up")
            *_, last = told
        passed_on = client.post(f"/api/live/{live['call_sid']}/transfer")
        sound = client.get(f"/api/live/{live['call_sid']}/sound")
        record = client.get(f"/api/calls/{live['call_sid']}").json()
        thread.join(BOUND_S)

    assert (asked.status_code, passed_on.status_code, sound.status_code) == (202, 404, 403)
    assert last == Event("end", {"ending": "hung up"})
    assert (record["ending"], record["reason"]) == ("hung up", "by this machine")


def test_who_stops_reading_holds_up_no_call(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as stuck:
        stuck.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")

        code, report = call(server.url, "--say", "Hello, I want to rent a flat.", "--from", CALLER)

        assert code == 0, report


def test_behind_one_port_every_worker_tells_of_all_calls(tmp_path: Path) -> None:
    workers = Server(tmp_path, PROVIDER="scripted", APP_ENV="test", WORKERS="2")
    try:
        with httpx2.Client(base_url=workers.url, timeout=BOUND_S) as client:
            thread, came = beside(workers, "--say", "Hello, I want to buy a flat.", "--say", "Eighty lakhs.")
            held: set[bool] = set()
            for _ in range(20):  # a connection each: sooner or later one is the other worker's
                with client.stream("GET", "/api/live", headers={"Connection": "close"}) as every:
                    lists = (event.data["calls"] for event in events(every))
                    (live,) = next(calls for calls in lists if calls)
                held.add(live["here"])
                if len(held) == 2:
                    break
            thread.join(BOUND_S)
    finally:
        workers.kill()

    assert held == {True, False}
    assert came[0] == 0


def test_a_server_that_leaves_waits_for_no_watcher(server: Server) -> None:
    with httpx2.Client(base_url=server.url, timeout=BOUND_S) as client, client.stream("GET", "/api/live") as every:
        listed = events(every)
        assert next(listed).name == "calls"

        code = server.leave()

        assert [event.name for event in listed if event.name != "changed"] == []
    assert code == 0
    assert not any("crashed" in line or "request failed" in line for line in server.lines)
