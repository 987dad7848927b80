"""`calling-agent dial` against a server of which it is known what it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nurseries.main import run

ASHA = "+919876543210"


class Face(ThreadingHTTPServer):
    """Answers in order, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[tuple[str, str, dict, str]] = []

    def answer(self, status: int, told: object) -> None:
        self.answers.append((status, told if isinstance(told, bytes) else json.dumps(told).encode()))


class Handler(BaseHTTPRequestHandler):
    server: Face

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = json.loads(body) if body else {}
        self.server.asked.append((self.command, self.path, told, self.headers.get("Authorization", "")))
        if not self.server.answers:
            self.close_connection = True  # and no answer
            return
        status, answer = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST  # noqa: N815  as http.server names it

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[Face]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nurseries.dial.command.LOOK_S", 0.001)
    face = Face()
    thread = threading.Thread(target=face.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield face
    face.shutdown()
    thread.join()
    face.server_close()


def dial(server: Face, *arguments: str) -> int:
    return run(
        ["dial", ASHA, "--purpose", "about the visit", "--url", f"http://127.0.0.1:{server.server_port}", *arguments]
    )


def order(state: str, **more: str) -> dict:
    return {"order_id": "OR1", "state": state, "call_sid": "CA1", "reason": ""} | more


def test_a_proxy_of_the_environment_is_not_asked(server: Face, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.answer(200, {"allowed": True, "refused": []})

    assert run(["dial", ASHA, "--purpose", "x", "--check", "--url", f"http://127.0.0.1:{server.server_port}"]) == 0


def test_a_call_is_followed_to_its_end(server: Face, capsys, monkeypatch) -> None:
    monkeypatch.setenv("CALLING_AGENT_KEY", "ca_x_y")
    for status, state in ((201, "queued"), (200, "ringing"), (503, "x"), (200, "answered"), (200, "completed")):
        server.answer(status, order(state))

    assert dial(server, "--var", "name=Asha", "--campaign", "nov") == 0

    method, path, body, key = server.asked[0]
    assert (method, path, key) == ("POST", "/api/calls", "Bearer ca_x_y")
    assert (body["to"], body["variables"], body["campaign"]) == (ASHA, {"name": "Asha"}, "nov")
    assert len(body["idempotency_key"]) == 32
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "queued",
        "ringing",
        "answered",
        "completed",
    ]


def test_a_call_that_nobody_took_is_none(server: Face, capsys) -> None:
    server.answer(201, order("queued"))
    server.answer(200, order("no-answer"))

    assert dial(server, "--json") == 1
    assert json.loads(capsys.readouterr().out)["state"] == "no-answer"


def test_one_that_is_not_followed_is_placed(server: Face) -> None:
    server.answer(201, order("queued"))
    assert dial(server, "--no-wait") == 0
    server.answer(202, order("unknown", reason="no answer from the carrier"))
    assert dial(server, "--no-wait") == 1


def test_every_rule_that_says_no_is_told(server: Face, capsys) -> None:
    server.answer(429, {"status": 429, "refused": [{"rule": "hours", "detail": "Not now."}]})
    assert dial(server) == 1
    assert capsys.readouterr().err == "calling-agent dial: hours: Not now.\n"

    server.answer(200, {"allowed": False, "refused": [{"rule": "country", "detail": "Not there."}]})
    assert dial(server, "--check") == 1
    assert capsys.readouterr().err == "country: Not there.\n"
    assert server.asked[-1][1] == "/api/calls/check"

    server.answer(200, {"allowed": True, "refused": []})
    assert dial(server, "--check") == 0


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [
        (401, {"status": 401, "detail": "No key."}, 2),
        (400, {"status": 400, "detail": "to: no."}, 2),
        (403, {"status": 403, "detail": "No carrier."}, 1),
        (200, b"<html>", 3),
        (201, {"hello": "world"}, 3),
        (201, [1], 3),
    ],
)
def test_other_answers_have_codes_of_their_own(server: Face, status: int, told: object, code: int, capsys) -> None:
    server.answer(status, told)

    assert dial(server) == code
    said = capsys.readouterr().err
    assert said.startswith("calling-agent dial: ")
    assert ("CALLING_AGENT_KEY" in said) == (status == 401)


def test_a_call_of_which_nothing_is_heard_any_more_is_left(server: Face, capsys) -> None:
    server.answer(201, order("queued"))
    for _ in range(5):
        server.answer(503, {"status": 503})

    assert dial(server) == 1
    assert "not to be found out any more" in capsys.readouterr().err


def test_without_an_answer_it_is_told_how_to_ask_again_without_a_second_call(server: Face, capsys, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # for others than our own server

    assert dial(server) == 5

    key = server.asked[0][2]["idempotency_key"]
    assert f"not known: the same with --idempotency-key {key} tells" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_told(server: Face, capsys) -> None:
    assert run(["dial", ASHA, "--purpose", "x", "--url", "http://127.0.0.1:9"]) == 5
    told = capsys.readouterr().err
    assert "no answer" in told
    assert "Elsewhere: --url" in told
    assert run(["dial", ASHA, "--purpose", "x", "--url", "ftp://x"]) == 2
    with pytest.raises(SystemExit):
        dial(server, "--var", "no value")
    assert capsys.readouterr().err
