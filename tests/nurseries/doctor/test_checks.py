"""What the doctor finds around the providers: a real server, a real mongod, real files."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
import trio

from agent.config import Settings
from agent.doctor.check import Check
from agent.providers.http_client import open_http_client
from agent.providers.sqlite import SqliteStore
from nurseries.doctor import kept, machine
from nurseries.doctor.carrier import account as ask_carrier
from nurseries.doctor.checks import checks
from tests.calls.server import Server
from tests.fakes import twilio_rest
from tests.fakes.mongod import Mongod
from tests.fakes.twilio_rest import FakeTwilio

TOKEN, ACCOUNT = "the-account-s-own-token", "AC" + "1" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("server"),
        PROVIDER="scripted",
        TWILIO_SIGNATURE="require",
        TWILIO_AUTH_TOKEN=TOKEN,
        TWILIO_ACCOUNT_SID=ACCOUNT,
    )
    yield running
    running.kill()


def settings(folder: Path, **changes: object) -> Settings:
    told = {"PROVIDER": "scripted", "DATA_DIR": folder / "data", "TWILIO_AUTH_TOKEN": TOKEN} | {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_API_URL": "http://127.0.0.1:1",
    }
    return Settings(_env_file=None, **(told | changes))  # type: ignore[arg-type, call-arg]


async def examined(asked: Settings) -> dict[str, Check]:
    """The worst of each name."""
    order = ("unknown", "fine", "warning", "failure")
    return {one.name: one for one in sorted(await checks(asked), key=lambda one: order.index(one.state))}


async def test_a_server_is_asked_as_twilio_asks_it(server: Server, tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, PUBLIC_URL=server.url))

    away = found.pop("Twilio account")
    assert (away.state, "does not answer" in away.says) == ("failure", True)
    assert {one.state for one in found.values()} <= {"fine", "unknown"}, found
    assert "a wrong one is refused" in found["signatures"].says
    assert found["media socket"].says.startswith("ws://127.0.0.1")
    assert not (tmp_path / "data").exists()
    assert not any("call announced" in line or "Traceback" in line for line in server.lines)


async def test_another_token_is_told_as_what_it_is(server: Server, tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, PUBLIC_URL=server.url, TWILIO_AUTH_TOKEN="another"))

    for name in ("signatures", "media socket"):
        assert found[name].state == "failure"
        assert "must have this TWILIO_AUTH_TOKEN" in found[name].do
    assert TOKEN not in str(found)


async def test_a_server_that_is_open_to_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    opened = Server(tmp_path / "open", PROVIDER="scripted", TWILIO_SIGNATURE="off")
    try:
        found = await examined(settings(tmp_path, PUBLIC_URL=opened.url))
        assert (found["signatures"].state, found["media socket"].state) == ("warning", "fine")
        found = await examined(
            settings(
                tmp_path,
                PUBLIC_URL=opened.url,
                APP_ENV="production",
                OPENAI_API_KEY="sk",
                OPENAI_BASE_URL="http://127.0.0.1:1",
            )
        )
        assert found["signatures"].state == "failure"
        assert "TWILIO_SIGNATURE=require" in found["signatures"].do
    finally:
        opened.kill()


@contextmanager
def stranger(**headers: str) -> Iterator[str]:
    """A web server that is not ours, with that Date."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as there:
        thread = threading.Thread(target=there.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{there.server_port}"
        finally:
            there.shutdown()
            thread.join()


async def test_an_address_of_somebody_else_and_one_of_nobody(tmp_path: Path) -> None:
    with stranger() as url:
        found = await examined(settings(tmp_path, PUBLIC_URL=url))
        assert found["public address"].state == "failure"
        assert "not by this server" in found["public address"].says
    found = await examined(settings(tmp_path, PUBLIC_URL=url))
    assert (found["public address"].state, "cannot be reached" in found["public address"].says) == ("failure", True)


@pytest.mark.parametrize(("off_s", "state"), [(0, "fine"), (-12, "warning"), (3600, "failure")])
async def test_clocks_are_compared(tmp_path: Path, off_s: float, state: str) -> None:
    with stranger(Date=formatdate(time() + off_s, usegmt=True)) as url:
        found = await examined(settings(tmp_path, LLM_PROVIDER="openai", OPENAI_BASE_URL=url, OPENAI_API_KEY="sk"))
    assert found["clock"].state == state


def test_a_database_is_written_and_read(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    path = asked.DATA_DIR / "calls.db"
    SqliteStore(path).close()
    (found,) = kept.store(asked)
    assert found.state in {"fine", "warning"}, found  # warning: a slow disk
    assert "written and read back" in found.says

    path.write_bytes(b"no database" * 1000)
    (found,) = kept.store(asked)
    assert found.state == "failure"
    assert str(path) in found.says


def test_a_replica_set_is_fine_and_a_lone_server_is_told(tmp_path: Path, mongo_uri: str) -> None:
    found = kept.store(settings(tmp_path, MONGODB_URI=mongo_uri))
    assert [(one.name, one.state) for one in found[1:]] == [("store", "fine"), ("clock", "fine")], found

    lone = Mongod(standalone=True)
    try:
        found = kept.store(settings(tmp_path, MONGODB_URI=lone.uri))
    finally:
        lone.remove()
    assert ("warning", "MongoDB is a lone server") in [(one.state, one.says) for one in found]


def test_a_store_that_is_away_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.2)
    (found,) = kept.store(settings(tmp_path, MONGODB_URI="mongodb://ann:secret@127.0.0.1:1/"))
    assert (found.state, "MONGODB_URI" in found.do, "secret" in str(found)) == ("failure", True, False)


def test_sounds_are_put_and_removed_again(tmp_path: Path) -> None:
    asked = settings(tmp_path, RECORD_CALLS=True)
    assert kept.objects(asked).state == "fine"
    assert not [path for path in (asked.DATA_DIR / "recordings").rglob("*") if path.is_file()]
    (asked.DATA_DIR / "recordings").rename(tmp_path / "away")
    (asked.DATA_DIR / "recordings").write_text("in the way")
    assert kept.objects(asked).state == "failure"
    assert kept.objects(settings(tmp_path)).state == "unknown"


def test_the_ear_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.ears().state == "fine"
    monkeypatch.setattr("agent.providers.silero.find", lambda *_: None)
    assert machine.ears().state == "failure"


def test_a_folder_that_nobody_may_write_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    found = machine.disk(settings(tmp_path, DATA_DIR=tmp_path / "file" / "data"))
    assert found.state == "failure"
    assert "DATA_DIR" in found.do


async def test_the_carrier_is_asked_about_our_number(tmp_path: Path, nursery: trio.Nursery) -> None:
    carrier: FakeTwilio = await nursery.start(FakeTwilio().run)
    told = {
        "TWILIO_ACCOUNT_SID": twilio_rest.ACCOUNT,
        "TWILIO_AUTH_TOKEN": twilio_rest.TOKEN,
        "TWILIO_API_URL": carrier.url,
        "TWILIO_CALLER_ID": "+918012345678",
        "PUBLIC_URL": "https://voice.example.in",
    }
    async with open_http_client() as http:
        account, *number = await ask_carrier(settings(tmp_path, **told), http)
        assert (account.state, [one.state for one in number]) == ("fine", ["warning"])
        assert "fallback" in number[0].do

        (refused,) = await ask_carrier(settings(tmp_path, **told | {"TWILIO_AUTH_TOKEN": "another"}), http)
        assert (refused.state, "TWILIO_AUTH_TOKEN" in refused.do) == ("failure", True)
        assert "another" not in refused.says

        nobody = dict.fromkeys(told, "")
        assert [one.state for one in await ask_carrier(settings(tmp_path, **nobody), http)] == ["unknown"]
