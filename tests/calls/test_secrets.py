"""A production server with every secret there is, through failures of each kind: none is written or answered."""

from __future__ import annotations

import json
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
import trio

from agent.errors import StoreError
from agent.providers.mongo_database import Mongo
from agent.wire.signature import sign
from nurseries.rehearsal.dial import dial
from tests.calls.server import PROGRAM, Server, environment

PUBLIC = "https://voice.example.in"
ACCOUNT = "AC" + "c" * 32
CALLER = "+919876543210"
AUTH, OLD_AUTH = "0a1b" * 8, "2c3d" * 8
TOKEN = "api-token-that-is-long-enough"
SECRETS = {
    "TWILIO_AUTH_TOKEN": AUTH,
    "TWILIO_AUTH_TOKEN_SECONDARY": OLD_AUTH,
    "API_TOKEN": TOKEN,
    "OPENAI_API_KEY": "sk-openai-sesame-4711",
    "S3_ACCESS_KEY": "AKIASESAMESESAME",
    "S3_SECRET_KEY": "s3-sesame-s3-sesame",
}
PASSWORD = "p@ss sesame/0815"
NOWHERE = "127.0.0.1:1"
SETTINGS = {
    "APP_ENV": "production",
    "HOST": "127.0.0.1",
    "LOG_LEVEL": "debug",
    "PUBLIC_URL": PUBLIC,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_CALLER_ID": "+918012345678",
    "OPENAI_BASE_URL": f"http://user:sesame-in-a-url@{NOWHERE}/v1",
    "S3_BUCKET": "sounds",
    "S3_ENDPOINT": f"http://{NOWHERE}",
    "RECORD_CALLS": "on",
    "START_TIMEOUT_S": "2",
}
AWAY = f"mongodb://agent:{quote(PASSWORD, safe='')}@{NOWHERE}"
BOUND_S = 60


class Witness:
    """Everything a server has answered, and what must not be in it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secrets = {*SECRETS.values(), PASSWORD, quote(PASSWORD, safe=""), "sesame"}
        self.answers: list[httpx2.Response] = []
        self.http = httpx2.Client(base_url=server.url, timeout=30)

    def ask(self, method: str, path: str, **more) -> httpx2.Response:
        self.answers.append(self.http.request(method, path, **more))
        return self.answers[-1]

    def webhook(self, path: str, form: dict[str, str], token: str = AUTH) -> httpx2.Response:
        signature = sign(PUBLIC + path, form.items(), token)
        return self.ask("POST", path, data=form, headers={"X-Twilio-Signature": signature})

    def call(self, sid: str) -> str:
        """Announce a call, and hold it until the agent speaks; its media token."""
        form = {"CallSid": sid, "AccountSid": ACCOUNT, "From": CALLER, "To": "+918012345678"}
        media = re.search(r'value="([^"]+)"', self.webhook("/twilio/voice", form).text)
        assert media is not None
        signature = sign("wss://voice.example.in/twilio/media", (), OLD_AUTH)
        body = {"accountSid": ACCOUNT, "streamSid": "MZ1", "callSid": sid, "customParameters": {"token": media[1]}}
        start = json.dumps({"event": "start", "start": body, "streamSid": "MZ1"})
        for _ in range(2):  # the second time the token is used
            trio.run(hear, self.server.port, "/twilio/media", [(b"X-Twilio-Signature", signature.encode())], start)
        return media[1]

    def check(self) -> None:
        lines = self.server.lines
        for secret in self.secrets:
            assert not [line for line in lines if secret in line], "in the log"
            for answer in self.answers:
                told = str(answer.headers) + answer.text
                assert secret not in told or (answer.is_success and "set-cookie" not in told), answer.url
        assert not [line for line in lines if CALLER[3:] in line], "a number in the log"
        strangers = [answer for answer in self.answers if answer.status_code in {400, 401, 403, 404}]
        assert not [answer for answer in strangers if CALLER[3:] in answer.text]
        assert not [line for line in lines if "Traceback" in line]
        assert not [answer for answer in self.answers if answer.status_code == 500]


async def hear(port: int, path: str, headers: list[tuple[bytes, bytes]], start: str) -> None:
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            media = await dial(nursery, f"ws://127.0.0.1:{port}{path}", "voice.example.in", headers)
            try:
                await media.send(start)
                await media.receive()
            finally:
                with trio.move_on_after(1, shield=True):
                    await media.close()


def misuse(witness: Witness) -> None:
    """What strangers send, with things in it that are somebody's secret all the same."""
    form = {"CallSid": "CA" + "9" * 32, "AccountSid": ACCOUNT, "From": CALLER}
    witness.webhook("/twilio/voice", form, "sesame" * 5)
    witness.webhook("/twilio/voice", form | {"AccountSid": "AC" + "d" * 32})
    witness.webhook("/twilio/voice", {"AccountSid": ACCOUNT, "From": CALLER})
    witness.webhook("/twilio/call-status", form | {"CallStatus": f"calling {CALLER}"})
    witness.webhook("/twilio/stream-status", form | {"StreamEvent": "stream-error", "StreamError": f"of {CALLER}"})
    for key in (f"{TOKEN}x", "ca_abcdefgh_" + "0" * 64, "sesame"):
        witness.secrets.add(key)
        witness.ask("GET", "/api/calls", headers={"Authorization": f"Bearer {key}"})
        witness.ask("POST", "/session", json={"key": key})
        witness.ask("GET", f"/twilio/media/{key}")
        witness.ask("POST", f"/api/{key}/{CALLER}")


def test_with_every_store_and_provider_away(tmp_path: Path) -> None:
    server = Server(tmp_path, **SETTINGS, **SECRETS, MONGODB_URI=AWAY)
    witness = Witness(server)
    mine = {"Authorization": f"Bearer {TOKEN}"}
    try:
        witness.secrets.add(witness.call("CA" + "1" * 32))
        server.wait_for("(call|leg) over", BOUND_S)
        misuse(witness)
        asked = (("GET", "/api/calls"), ("DELETE", f"/api/callers/{CALLER}"))
        with ThreadPoolExecutor() as pool:  # each waits for the database as long as it may
            answers = pool.map(lambda what: witness.ask(*what, headers=mine).status_code, asked)
            assert list(answers) == [503, 503]
        witness.ask("GET", f"/api/calls?number={CALLER}&since=never", headers=mine)
        told = witness.ask("POST", "/api/softphone", headers=mine).json()
        token = told["url"].rpartition("/")[2]
        start = json.dumps({"event": "start", "start": told["start"], "streamSid": "MZ1"})
        trio.run(hear, server.port, f"/twilio/media/{token}", [], start)
        witness.ask("GET", f"/twilio/media/{token}?{token}")
        witness.secrets.add(token)
        witness.answers.remove(next(each for each in witness.answers if each.url.path == "/api/softphone"))
        server.wait_for("the store does not take records|store", BOUND_S)
    finally:
        server.kill()
        witness.http.close()
    witness.check()


def test_with_keys_and_sessions(tmp_path: Path) -> None:
    made = subprocess.run(
        [PROGRAM, "keys", "create", "--name", "crm", "--scope", "call"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=BOUND_S,
    )
    key = made.stdout.strip()
    server = Server(tmp_path, **SETTINGS, **SECRETS)
    witness = Witness(server)
    witness.secrets |= {key, key[12:]}
    try:
        misuse(witness)
        begun = witness.ask("POST", "/session", json={"key": key}, headers={"Origin": PUBLIC})
        witness.answers.remove(begun)
        cookie = begun.headers["set-cookie"].partition(";")[0]
        witness.secrets.add(cookie.partition("=")[2])
        http = {"Cookie": cookie}
        assert witness.ask("GET", "/api/calls", headers=http).status_code == 200
        assert witness.ask("DELETE", f"/api/callers/{CALLER}", headers=http).status_code == 403
        assert witness.ask("GET", "/session", headers=http).status_code == 200
        assert witness.ask("GET", "/session", headers={"Cookie": cookie + "x"}).status_code == 401
        assert witness.ask("GET", "/api/calls", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        subprocess.run([PROGRAM, "keys", "revoke", key], cwd=tmp_path, env=environment(), check=True, timeout=BOUND_S)
        deadline = time.monotonic() + BOUND_S
        while witness.ask("GET", "/api/calls", headers=http).status_code != 401:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert witness.ask("GET", "/api/calls", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    finally:
        server.leave()
        server.kill()
        witness.http.close()
    witness.check()


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://user:sesame/w0rd@host",
        "mongodb://user:sesame",
        "mongodb://user:pa@sesame:w0rd@host",
        "mongodb://user:sesame@[::1",
    ],
)
def test_a_database_address_that_cannot_be_used_is_not_repeated(uri: str) -> None:
    with pytest.raises(StoreError, match="MONGODB_URI cannot be used") as refused:
        Mongo(uri)

    assert "sesame" not in str(refused.value)
