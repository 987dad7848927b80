"""The `call` command: arguments in, report and exit code out; without the local extra, so that it is quick."""

from __future__ import annotations

import argparse
import base64
import json
import socket as sockets
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
import trio

from agent.config import Settings
from nurseries.rehearsal import command as rehearse
from tests.nurseries.rehearsal.small_server import GOOD_TWIML, PUBLIC, TOKEN, Server, Talk


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Server]:
    made = Server()
    await nursery.start(made.serve)
    yield made
    nursery.cancel_scope.cancel()


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    rehearse.add_arguments(parser)
    return parser.parse_args(given)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from the outside, and no speech: the command as it is without the local extra."""
    settings = Settings(_env_file=None, APP_ENV="test", TWILIO_AUTH_TOKEN="", PUBLIC_URL="")  # type: ignore[call-arg]
    monkeypatch.setattr(rehearse, "load", lambda: settings)
    monkeypatch.setattr(rehearse, "find_ears", lambda _: None)
    monkeypatch.setattr(rehearse, "find_voice", lambda: None)


def write_wav(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((8000 * np.sin(np.arange(8000) * 0.2)).astype("<i2").tobytes())
    return path


async def test_the_command_plays_a_file_and_records_the_call(
    server: Server, alone: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answering(talk: Talk) -> None:
        await talk.say(300)
        quiet, heard = 0, False
        while quiet < 10:
            await talk.until("media")
            loud = not set(base64.b64decode(talk.got.pop()["media"]["payload"])) <= {0x7F, 0xFF}
            heard, quiet = heard or loud, 0 if loud or not heard else quiet + 1
        await talk.say(300)
        await talk.until("stop")

    server.behave = answering
    args = arguments(
        "--url", f"http://127.0.0.1:{server.port}", "--wav", str(write_wav(tmp_path / "hi.wav")),
        "--out", str(tmp_path / "call.wav"), "--json", "--auth-token", TOKEN, "--public-url", PUBLIC,
    )  # fmt: skip
    with trio.fail_after(30):
        code = await trio.to_thread.run_sync(rehearse.run, args)
    made = json.loads(capsys.readouterr().out)

    assert code == made["exit_code"] == 0
    assert [entry["text"] for entry in made["conversation"]] == [None, "[hi.wav]", None]
    assert made["turns"][0]["latency_ms"] > 150
    assert "not transcribed" in made["notes"][0]
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert file.getnchannels() == 2
        assert file.getnframes() == pytest.approx(made["duration_ms"] * 8, abs=8)


async def test_a_line_is_named_in_the_webhooks_address_and_a_transfer_is_printed(
    server: Server, alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    async def brief(talk: Talk) -> None:
        await talk.say(300)

    server.behave = brief
    server.answers = {"/twilio/after": "<Response><Dial>+919900112233</Dial></Response>"}
    args = arguments(
        "--url", f"http://127.0.0.1:{server.port}", "--line", "sales & co", "--transfer", "busy",
        "--auth-token", TOKEN, "--public-url", PUBLIC,
    )  # fmt: skip
    with trio.fail_after(30):
        assert await trio.to_thread.run_sync(rehearse.run, args) == 0

    assert server.asked[0][0] == "/twilio/voice?line=sales+%26+co"
    assert "transferred to +919900112233: busy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--url", "nowhere"], "not an http:// or https:// address"),
        (["--say", "hello"], "--say needs a voice"),
        (["--expect", "budget"], "--expect needs ears"),
        (["--barge-in-at", "2"], "needs something to say"),
        (["--wav", "/no/such.wav"], "cannot be read"),
        (["--wav", __file__], "cannot be played"),
        (["--out", "/no/such/folder/call.wav"], "there is no folder"),
        (["--out", "/"], "is a folder"),
        (["--cut-at", "2", "--after-a-crash", "rest"], "needs --rest-port 8089, and the server TWILIO_API_URL="),
    ],
)
def test_bad_usage_is_told_before_a_call_is_placed(
    given: list[str], words: str, alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.run(arguments(*given)) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        ["--dtmf", "1x"],
        ["--barge-in-at", "soon"],
        ["--max-seconds", "-1"],
        ["--transfer", "x"],
        ["--echo", "200"],
        ["--echo", "-1,5"],
        ["--cut-at", "soon"],
        ["--after-a-crash", "nothing"],
        ["--rest-port", "70000"],
    ],
)
def test_arguments_that_make_no_sense_exit_with_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        arguments(*given)

    assert exit_.value.code == 2
    assert capsys.readouterr().err


async def test_an_echo_of_the_agent_reaches_the_server(
    server: Server, alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    came_back: list[bool] = []

    async def listening(talk: Talk) -> None:
        await talk.say(300)
        for _ in range(40):
            await talk.until("media")
            came_back.append(not set(base64.b64decode(talk.got.pop()["media"]["payload"])) <= {0x7F, 0xFF})

    server.behave = listening
    for given in ([], ["--echo", "200,15"]):
        came_back.clear()
        url = f"http://127.0.0.1:{server.port}"
        args = arguments("--url", url, "--auth-token", TOKEN, "--public-url", PUBLIC, *given)
        with trio.fail_after(30):
            await trio.to_thread.run_sync(rehearse.run, args)
        assert any(came_back) == bool(given)


def test_says_and_files_keep_their_order() -> None:
    lines = arguments("--say", "one", "--wav", "two.wav", "--say", "three").lines

    assert [str(getattr(line, "text", line)) for line in lines] == ["one", "two.wav", "three"]


async def test_no_connection_is_told_in_words(alone: None, capsys: pytest.CaptureFixture[str]) -> None:
    with sockets.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        args = arguments("--url", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert await trio.to_thread.run_sync(rehearse.run, args) == 5

    told = capsys.readouterr().out
    assert "cannot be reached" in told
    assert "Is the server running there? Elsewhere: --url" in told


async def test_a_call_that_the_server_placed_comes_from_its_number(
    server: Server, alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    async def brief(talk: Talk) -> None:
        await talk.say(300)

    server.behave = brief
    args = arguments(
        "--url", f"http://127.0.0.1:{server.port}", "--outbound", "--from", "+919812345678", "--to", "+918012345678",
        "--auth-token", TOKEN, "--public-url", PUBLIC,
    )  # fmt: skip
    with trio.fail_after(30):
        await trio.to_thread.run_sync(rehearse.run, args)

    form = server.asked[0][2]
    assert (form["Direction"], form["From"], form["To"]) == ("outbound-api", "+918012345678", "+919812345678")


async def test_a_call_that_crashed_comes_back_over_rest(
    server: Server, alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command answers as Twilio's API; the server asks it to go on."""
    port = free_port()

    async def speaking(talk: Talk) -> None:
        await talk.say(300)
        await talk.until("stop")

    async def rescue() -> None:
        while not any(path.endswith("stream-stopped") for path in server.paths()):  # noqa: ASYNC110
            await trio.sleep(0.01)
        start = server.talks[0].got[1]["start"]
        url = f"http://127.0.0.1:{port}/2010-04-01/Accounts/{start['accountSid']}/Calls/{start['callSid']}.json"
        async with httpx2.AsyncClient(trust_env=False, auth=(start["accountSid"], TOKEN)) as http:
            answers.append(await http.post(url, data={"Url": f"{PUBLIC}/twilio/after?rescue=1"}))

    answers: list[httpx2.Response] = []
    server.answers = {"/twilio/after": GOOD_TWIML}
    server.behave = speaking
    args = arguments(
        "--url", f"http://127.0.0.1:{server.port}", "--auth-token", TOKEN, "--public-url", PUBLIC,
        "--cut-at", "0.4", "--after-a-crash", "rest", "--rest-port", str(port),
    )  # fmt: skip
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rescue)
            assert await trio.to_thread.run_sync(rehearse.run, args) == 0

    assert answers[0].json()["status"] == "in-progress"
    told = capsys.readouterr().out
    assert "stream 2, MZ" in told
    assert "the connection died without a closing handshake (31903); the call went on" in told


@pytest.mark.parametrize(("key", "words"), [(None, "asked for nothing at"), ("hunter2", "showed other credentials at")])
async def test_a_server_that_does_not_ask_for_a_crashed_call_is_told_what_it_needs(
    server: Server, alone: None, capsys: pytest.CaptureFixture[str], key: str | None, words: str
) -> None:
    port = free_port()

    async def speaking(talk: Talk) -> None:
        await talk.say(300)
        await talk.until("stop")

    async def ask() -> None:
        while not any(path.endswith("stream-stopped") for path in server.paths()):  # noqa: ASYNC110
            await trio.sleep(0.01)
        async with httpx2.AsyncClient(trust_env=False, auth=("AC1", key or "")) as http:
            await http.post(f"http://127.0.0.1:{port}/2010-04-01/Accounts/AC1/Calls/CA1.json")

    server.behave = speaking
    args = arguments(
        "--url", f"http://127.0.0.1:{server.port}", "--auth-token", TOKEN, "--public-url", PUBLIC, "--patience", "2",
        "--cut-at", "0.4", "--after-a-crash", "rest", "--rest-port", str(port),
    )  # fmt: skip
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            if key is not None:
                nursery.start_soon(ask)
            await trio.to_thread.run_sync(rehearse.run, args)

    told = capsys.readouterr().out
    assert f"the server {words} http://127.0.0.1:{port}: it needs TWILIO_API_URL=http://127.0.0.1:{port}" in told


def free_port() -> int:
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
