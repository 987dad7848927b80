"""Calls that go on after their stream's end, with real processes: in the same one, in the next one on the same folder,
and in another one that shares a store."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from agent.rehearsal import instructions as twiml
from agent.rehearsal.carrier import new_identity
from agent.rehearsal.plan import Line
from agent.web.resuming import MOST_TURNS
from agent.web.webhook import INSIST
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.calls.by_hand import RESET, ByHand, by_hand
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, stored, stored_at
from tests.fakes.twilio_rest import ACCOUNT, TOKEN, Dialled, FakeTwilio

ASKS = "I am looking for a two bedroom flat in Whitefield."
HERE = SETTINGS | {"GREETING": "Hello this is Priya."}
LOST = "Sorry, I lost you for a second."
WAIT_S = 30.0


async def line(text: str = ASKS, at_ms: float | None = None) -> Line:
    voice = find_voice()
    assert voice is not None, "install the `local` extra: the callers need a voice"
    return Line(await spoken(voice, text), text, at_ms)


def until(what: Callable[[], Any]) -> Any:
    """What it gives as soon as it gives something."""
    bound = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < bound, "not in time"
        time.sleep(0.05)
    return found


def said(record: dict[str, Any], role: str = "agent") -> list[str]:
    return [entry["text"] for entry in record["entries"] if entry["role"] == role]


def went_on(record: dict[str, Any]) -> None:
    """One greeting, one apology, both questions and their answers; a sentence that broke off is said again."""
    assert record["ending"] == "caller hung up"
    assert len(said(record, "caller")) == 2
    told = " ".join(said(record))
    assert told.count("Hello this is Priya.") == 1, told
    assert told.count(LOST) == 1, told
    assert len(set(re.findall(r"You said: I have spoken for \d+ milliseconds", told))) == 2, told


async def greeted(call: ByHand, at: str) -> None:
    assert await call.ask(at, "http://h/twilio/voice", "ringing") == ["Say", "Stream", "Redirect"]


def test_a_call_whose_line_breaks_off_goes_on_in_the_same_process(tmp_path: Path) -> None:
    async def calls(url: str) -> str:
        async with by_hand() as call:
            await greeted(call, url)
            await call.leg(url, await line(), hang_up=RESET, hang_up_at_ms=9000)
            assert await call.ask(url, call.action) == ["Stream", "Redirect"]
            log, _ = await call.leg(url, await line("When can I see it?"), quiet_ms=1500)
            assert log.failures == []
            assert await call.ask(url, call.action, "completed") == ["Hangup"]
            return call.identity.call_sid

    server = Server(tmp_path, **HERE)
    try:
        call_sid = trio.run(calls, server.url)
        record = until(lambda: next((each for each in stored(tmp_path) if each["ending"]), None))
    finally:
        server.kill()

    assert record["call_sid"] == call_sid
    assert [leg.get("why", "") for leg in record["legs"]] == ["connection lost", ""]
    went_on(record)


def test_a_new_call_whose_process_dies_before_its_stream_is_held_by_another_one(tmp_path: Path, mongo_uri: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (Server(tmp_path / name, **HERE, MONGODB_URI=mongo_uri) for name in ("one", "two"))

    async def calls() -> str:
        async with by_hand() as call:
            await greeted(call, one.url)
            one.kill()
            assert await call.ask(two.url, call.action) == ["Stream", "Redirect"]
            log, _ = await call.leg(two.url, await line(), quiet_ms=1500)
            assert log.failures == []
            await call.ask(two.url, call.action, "completed")
            return call.identity.call_sid

    try:
        call_sid = trio.run(calls)
        (record,) = until(
            lambda: [each for each in stored_at(mongo_uri) if each["call_sid"] == call_sid and each["summary"]]
        )
    finally:
        for server in (one, two):
            server.kill()
    assert said(record)[0] == "Hello this is Priya."
    assert len(said(record, "caller")) == len(record["legs"]) == 1


def test_a_process_that_was_killed_takes_its_calls_up_again_on_the_same_folder(tmp_path: Path) -> None:
    first = Server(tmp_path, **HERE)

    async def calls() -> None:
        async with by_hand() as call:
            await greeted(call, first.url)

            async def kill() -> None:
                await trio.sleep(9)
                await trio.to_thread.run_sync(first.kill)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(kill)
                await call.leg(first.url, await line())
            again = await trio.to_thread.run_sync(lambda: Server(tmp_path, **HERE))
            servers.append(again)
            assert await call.ask(again.url, call.action) == ["Stream", "Redirect"]
            log, _ = await call.leg(again.url, await line("When can I see it?"), quiet_ms=1500)
            assert log.failures == []

    servers: list[Server] = []
    try:
        trio.run(calls)
        (record,) = until(lambda: [each for each in stored(tmp_path) if each["ending"]])
        assert servers[0].leave() == 0
    finally:
        for server in (first, *servers):
            server.kill()

    assert [leg.get("why", "") for leg in record["legs"]] == ["process gone", ""]
    went_on(record)


def test_a_process_that_leaves_hands_its_call_to_another_which_ends_it(tmp_path: Path, mongo_uri: str) -> None:
    settings = HERE | {"MONGODB_URI": mongo_uri, "DRAIN_MODE": "hand-off"}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = (Server(folder, **settings) for folder in folders)
    left: list[int] = []

    async def calls() -> str:
        async with by_hand() as call:
            await greeted(call, one.url)

            async def leave() -> None:
                await trio.sleep(5)
                one.process.send_signal(signal.SIGTERM)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave)
                _, goodbye = await call.leg(one.url, await line())
            assert goodbye is not None
            assert goodbye[0] == 1000
            # Whoever asks the one that leaves is sent on.
            assert await call.ask(one.url, call.action) == ["Pause", "Redirect"]
            assert await call.ask(two.url, call.action) == ["Stream", "Redirect"]
            log, _ = await call.leg(two.url, await line("When can I see it?"), quiet_ms=1500)
            assert log.failures == []
            left.append(await trio.to_thread.run_sync(lambda: one.process.wait(WAIT_S)))
            return call.identity.call_sid

    try:
        call_sid = trio.run(calls)
        records = until(lambda: [each for each in stored_at(mongo_uri) if each["ending"]])
    finally:
        one.kill()
        two.kill()

    (record,) = (each for each in records if each["call_sid"] == call_sid)
    assert left == [0]
    assert [leg.get("why", "") for leg in record["legs"]] == ["hand-off", ""]
    assert len({leg["process"] for leg in record["legs"]}) == 2
    assert " ".join(said(record)).count("Hello this is Priya.") == 1
    assert LOST not in " ".join(said(record))
    assert len(said(record, "caller")) == 2


PUBLIC = "https://voice.example.in"


def test_a_call_that_the_carrier_holds_without_a_stream_is_asked_back_by_whoever_is_left(
    tmp_path: Path, mongo_uri: str
) -> None:
    """It neither asks the action nor goes on with the document: it only tells that the stream has failed."""
    servers: dict[str, Server] = {}

    def begin(name: str, api: str) -> Server:
        (tmp_path / name).mkdir()
        settings = {
            "MONGODB_URI": mongo_uri,
            "PUBLIC_URL": PUBLIC,
            "TWILIO_SIGNATURE": "require",
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_URL": api,
        }
        servers[name] = Server(tmp_path / name, **(HERE | settings))
        return servers[name]

    async def calls() -> list[tuple[str, str]]:
        async with trio.open_nursery() as nursery, by_hand(token=TOKEN, public=PUBLIC) as call:
            fake: FakeTwilio = await nursery.start(FakeTwilio().run)
            one, two = [await trio.to_thread.run_sync(begin, name, fake.url) for name in ("one", "two")]
            call.identity = new_identity(ACCOUNT)
            known = Dialled(call.identity.call_sid, {"To": [""], "From": [""]}, datetime.now(UTC), "in-progress")
            fake.calls[call.identity.call_sid] = known
            await greeted(call, one.url)
            stream = call.step(twiml.Stream)
            assert isinstance(stream, twiml.Stream)
            async with trio.open_nursery() as talk:
                talk.start_soon(call.leg, one.url, await line())
                await trio.sleep(5)
                await trio.to_thread.run_sync(one.kill)
            told = {"StreamSid": call.identity.stream_sid, "StreamEvent": "stream-error", "StreamError": "31903"}
            for _ in range(2):
                await call.ask(two.url, stream.status_callback, **told)
                assert call.status == 204
            with trio.fail_after(WAIT_S):
                while not known.redirected:  # noqa: ASYNC110  the other end is a process
                    await trio.sleep(0.05)
            assert await call.ask(two.url, known.redirected[0][0]) == ["Stream", "Redirect"]
            log, _ = await call.leg(two.url, await line("When can I see it?"), quiet_ms=1500)
            assert log.failures == []
            # The callback of the first leg comes once more, late.
            await call.ask(two.url, stream.status_callback, **told)
            await call.ask(two.url, f"{PUBLIC}/twilio/call-status", "completed")
            nursery.cancel_scope.cancel("the call is over")
            return known.redirected

    try:
        redirected = trio.run(calls)
        records = until(lambda: [each for each in stored_at(mongo_uri) if each["account_sid"] == ACCOUNT])
        until(lambda: all(each["ending"] for each in stored_at(mongo_uri) if each["account_sid"] == ACCOUNT))
    finally:
        for server in servers.values():
            server.kill()

    assert redirected == [(f"{PUBLIC}/twilio/after?leg=1&rescue=1{INSIST}", "POST")]
    assert len(records) == 1


def test_where_nobody_else_is_there_a_process_that_hands_off_takes_its_call_back_and_holds_it_to_its_end(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path, **(HERE | {"DRAIN_MODE": "hand-off"}))

    async def calls() -> int:
        async with by_hand() as call, by_hand() as late:
            await greeted(call, server.url)

            async def leave() -> None:
                await trio.sleep(4)
                server.process.send_signal(signal.SIGTERM)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave)
                await call.leg(server.url, await line())
            at = call.action
            for _ in range(MOST_TURNS):
                assert await call.ask(server.url, at) == ["Pause", "Redirect"]
                at = call.action
            assert await call.ask(server.url, at) == ["Stream", "Redirect"]
            # A new call is sent on, and turned away in the end.
            at = "http://h/twilio/voice?line="
            for _ in range(MOST_TURNS):
                assert await late.ask(server.url, at, "ringing") == ["Pause", "Redirect"]
                at = late.action
            assert await late.ask(server.url, at, "ringing") == ["Say", "Hangup"]
            log, _ = await call.leg(server.url, await line("When can I see it?"), quiet_ms=1500)
            assert log.failures == [], "\n".join(server.lines[-30:])
            return await trio.to_thread.run_sync(lambda: server.process.wait(WAIT_S))

    try:
        assert trio.run(calls) == 0
    finally:
        server.kill()

    (record,) = stored(tmp_path)
    assert record["ending"] == "caller hung up"
    assert [leg.get("why", "") for leg in record["legs"]] == ["hand-off", ""]
    assert len({leg["process"] for leg in record["legs"]}) == 1
    assert " ".join(said(record)).count("Hello this is Priya.") == 1
