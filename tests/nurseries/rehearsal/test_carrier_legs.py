"""Calls of several streams over real loopback sockets, to a small server that hands over, dies, or is away."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest
import trio

from agent.rehearsal import report
from agent.rehearsal.carriage import AfterCrash, Callbacks, Carriage, FailedAction, Meanwhile
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.words import words
from nurseries.rehearsal.carrier import place_call
from nurseries.rehearsal.exchange import BadUpdateError, CallOverError, Exchange, NoSuchCallError
from nurseries.rehearsal.webhooks import Target
from tests.nurseries.rehearsal.small_server import PUBLIC, TOKEN, Behave, Server, Talk, polite

RESUMED = f"""<Response><Connect action="{PUBLIC}/twilio/after#rc=5&amp;rp=ct,rt,5xx"><Stream
url="wss://voice.example.in/twilio/media" statusCallback="{PUBLIC}/twilio/stream-status"><Parameter name="token"
value="resumed"/></Stream></Connect><Redirect method="POST">{PUBLIC}/twilio/after</Redirect></Response>"""
QUICK = CallPlan(quiet_ms=200, patience_ms=3000, carriage=Carriage(retry_s=0.1))


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Server]:
    made = Server(twiml=RESUMED, answers={"/twilio/after": RESUMED})
    await nursery.start(made.serve)
    yield made
    nursery.cancel_scope.cancel()


async def call(server: Server, plan: CallPlan = QUICK, exchange: Exchange | None = None) -> report.CallReport:
    target = Target(url=f"http://127.0.0.1:{server.port}", public_url=PUBLIC, auth_token=TOKEN)
    with trio.fail_after(20):
        return report.build(await place_call(target, plan, exchange=exchange), plan)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  the server that is watched has no events
        await trio.sleep(0.005)


async def beside(task: Callable[[], Awaitable[None]], made: Awaitable[report.CallReport]) -> report.CallReport:
    """Call, with this going on until the call is over."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task)
        result = await made
        nursery.cancel_scope.cancel()
    return result


def carriage(**more: object) -> CallPlan:
    return replace(QUICK, carriage=replace(QUICK.carriage, **more))  # type: ignore[arg-type]


async def dies(talk: Talk) -> None:
    await talk.say(50)
    talk.stream.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    talk.stream.socket.close()


async def leaves(talk: Talk) -> None:
    await talk.say(50)
    for _ in range(3):
        await talk.until("media")
        talk.got.pop()


def first(behave: Behave, others: Behave = polite) -> Behave:
    """So on the first stream, and otherwise on the others."""
    behaves = [behave]

    async def now(talk: Talk) -> None:
        await (behaves.pop() if behaves else others)(talk)

    return now


async def test_a_call_that_is_handed_over(server: Server) -> None:
    server.behave = first(leaves)
    made = await call(server)

    assert made.exit_code == 0, made.failures
    assert made.notes == ()
    assert [leg.ended for leg in made.legs] == ["the server closed the stream", "the caller hung up"]
    assert made.legs[1].deaf_ms is not None
    assert 100 < made.legs[1].deaf_ms < 5000
    one, other = (talk.got[1]["start"] for talk in server.talks)
    assert one["callSid"] == other["callSid"]
    assert one["streamSid"] != other["streamSid"]
    assert [form["StreamSid"] for path, _, form in server.asked if form.get("StreamEvent") == "stream-stopped"] == [
        one["streamSid"],
        other["streamSid"],
    ]
    text = words(made)
    assert "stream 2, MZ" in text
    assert "ms of the caller lost" in text


@pytest.mark.parametrize(("way", "asked"), [(AfterCrash.ACTION, "after"), (AfterCrash.NEXT_VERB, "next")])
async def test_a_call_that_survives_a_crash(way: AfterCrash, asked: str, server: Server) -> None:
    server.twiml = RESUMED.replace("/twilio/after</Redirect>", "/twilio/next</Redirect>")
    server.answers["/twilio/next"] = RESUMED
    server.behave = first(dies)
    made = await call(server, carriage(after_crash=way))

    assert made.exit_code == 0, made.failures
    assert made.notes == ("the connection died without a closing handshake (31903); the call went on",)
    assert made.legs[0].ended == "the stream died"
    assert [path for path, _, _ in server.asked if "status" not in path] == ["/twilio/voice", f"/twilio/{asked}"]


async def test_a_crash_that_nobody_takes_on_is_a_failure(server: Server) -> None:
    server.answers["/twilio/after"] = "<Response><Hangup/></Response>"
    server.behave = dies
    made = await call(server)

    assert made.exit_code == 1
    assert "the connection died without a closing handshake (31903)" in made.failures


async def test_a_caller_who_means_to_leave_a_dead_line_has_no_failure(server: Server) -> None:
    server.behave = dies
    made = await call(server, replace(carriage(after_crash=AfterCrash.HOLD), meanwhile=Meanwhile.LEAVES))

    assert made.ended == "the caller hung up"
    assert made.failures == ()
    assert made.notes == ("the connection died without a closing handshake (31903); the caller hung up",)


async def test_a_held_call_comes_back_by_an_update_alone(server: Server) -> None:
    server.behave = first(dies)
    exchange = Exchange()
    seen = []

    async def rescue() -> None:
        await until(lambda: any(path.endswith("stream-error") for path in server.paths()))
        (sid,) = exchange.calls
        seen.append(len(server.talks))
        exchange.update(sid, {"Url": f"{PUBLIC}/twilio/after?why=rescue"})

    plan = carriage(after_crash=AfterCrash.HOLD, callbacks=Callbacks(crash="stream-error"))
    made = await beside(rescue, call(server, plan, exchange))

    assert made.exit_code == 0, made.failures
    assert seen == [1]
    assert len(made.legs) == 2
    assert [(update.what, update.cut) for update in made.updates] == [(f"{PUBLIC}/twilio/after?why=rescue", False)]
    assert "updated over REST at" in words(made)


async def test_a_held_call_that_nobody_rescues_costs_the_callers_patience(server: Server) -> None:
    server.behave = dies
    made = await call(server, replace(carriage(after_crash=AfterCrash.HOLD), patience_ms=500, hang_up_at_ms=1500))

    assert made.ended == "the caller hung up"
    assert "31903" in made.failures[-1]


async def test_an_update_of_a_live_stream_stops_it_and_is_told(server: Server) -> None:
    exchange = Exchange()

    async def cut() -> None:
        await until(lambda: bool(server.talks and server.talks[0].sid))
        exchange.update(next(iter(exchange.calls)), {"Twiml": RESUMED})

    made = await beside(cut, call(server, exchange=exchange))

    assert server.talks[0].got[-1]["event"] == "stop"
    assert [leg.ended for leg in made.legs] == ["the call was redirected over REST", "the caller hung up"]
    assert [update.cut for update in made.updates] == [True]
    assert made.exit_code == 0, made.failures


async def test_a_call_that_is_ended_over_rest(server: Server) -> None:
    exchange = Exchange()

    async def end() -> None:
        await until(lambda: bool(server.talks and server.talks[0].sid))
        exchange.update(next(iter(exchange.calls)), {"Status": "completed"})

    made = await beside(end, call(server, exchange=exchange))

    assert server.talks[0].got[-1]["event"] == "stop"
    assert made.ended == "the call was ended over REST"
    assert "/twilio/after" not in server.paths()
    with pytest.raises(CallOverError):
        exchange.update(made.call_sid, {"Status": "completed"})
    with pytest.raises(NoSuchCallError):
        exchange.update("CA1", {"Status": "completed"})


def test_an_update_asks_for_one_thing() -> None:
    exchange = Exchange()
    exchange.calls["CA1"] = object()  # type: ignore[assignment]
    for form in ({}, {"Url": "https://h", "Twiml": "<Response/>"}, {"Status": "busy"}):
        with pytest.raises(BadUpdateError):
            exchange.update("CA1", form)


async def test_an_action_is_tried_again_as_its_address_asks(server: Server) -> None:
    server.behave = first(leaves)
    server.status["/twilio/after"] = 503

    async def mend() -> None:
        await until(lambda: server.paths().count("/twilio/after") == 3)
        del server.status["/twilio/after"]

    made = await beside(mend, call(server, replace(QUICK, quiet_ms=900)))

    assert made.exit_code == 0, made.failures
    assert f"POST {PUBLIC}/twilio/after (answered at try 4)" in made.steps
    tokens = {h["i-twilio-idempotency-token"] for path, h, _ in server.asked if path == "/twilio/after"}
    assert len(tokens) == 1


async def test_without_overrides_a_busy_action_is_not_tried_again(server: Server) -> None:
    server.twiml = RESUMED.replace("#rc=5&amp;rp=ct,rt,5xx", "")
    server.behave = leaves
    server.status["/twilio/after"] = 503
    made = await call(server)

    assert server.paths().count("/twilio/after") == 1
    assert made.exit_code == 1
    assert "was answered 503 (11200)" in made.failures[0]


async def test_the_next_verb_may_run_instead_of_a_failed_action(server: Server) -> None:
    server.twiml = RESUMED.replace("/twilio/after</Redirect>", "/twilio/next</Redirect>")
    server.answers["/twilio/next"] = RESUMED
    server.behave = first(leaves)
    server.status["/twilio/after"] = 404
    made = await call(server, carriage(failed_action=FailedAction.NEXT_VERB))

    assert made.exit_code == 0, made.failures
    assert "was answered 404 (11200); the call went on" in made.notes[0]


async def test_the_fallback_is_asked_with_the_error(server: Server) -> None:
    server.status["/twilio/voice"] = 503
    server.answers["/twilio/fallback"] = RESUMED
    made = await call(server, carriage(fallback_url=f"{PUBLIC}/twilio/fallback"))

    assert made.exit_code == 0, made.failures
    (form,) = [form for path, _, form in server.asked if path == "/twilio/fallback"]
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{PUBLIC}/twilio/voice")


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_callbacks_come_late_twice_or_never(times: int, server: Server) -> None:
    made = await call(server, carriage(callbacks=Callbacks(late_s=0.3, times=times)))

    assert made.exit_code == 0
    told = [path for path in server.paths() if "stream-status" in path]
    assert sorted(told) == sorted(
        ["/twilio/stream-status stream-started", "/twilio/stream-status stream-stopped"] * times
    )
    assert server.paths()[-1] == "/twilio/call-status"


async def test_a_stream_that_is_refused_is_followed_by_the_next_verb(server: Server) -> None:
    server.status["/twilio/media"] = 503

    async def mend() -> None:
        await until(lambda: "/twilio/after" in server.paths())
        del server.status["/twilio/media"]

    made = await beside(mend, call(server))

    assert made.exit_code == 0, made.failures
    assert "refused with status 503 (31920); the call went on" in made.notes[0]


async def test_nobody_listening_is_a_failed_connection(server: Server, nursery: trio.Nursery) -> None:
    """The pod is gone with its port; another one listens there some moments later."""
    server.behave = first(leaves)
    plan = replace(QUICK, quiet_ms=1500, carriage=Carriage(retry_s=0.2))
    other = Server(twiml=RESUMED, answers={"/twilio/after": RESUMED})

    async with trio.open_nursery() as pod:
        (listener,) = await pod.start(partial(trio.serve_tcp, server.handle, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]

        async def move() -> None:
            await until(lambda: bool(server.talks and server.talks[0].sid))
            pod.cancel_scope.cancel()
            await trio.sleep(0.1)
            await nursery.start(partial(trio.serve_tcp, other.handle, port, host="127.0.0.1"))

        nursery.start_soon(move)
        logs: list[CallLog] = []

        async def place() -> None:
            logs.append(await place_call(Target(url=f"http://127.0.0.1:{port}", public_url=PUBLIC), plan))
            over.set()

        over = trio.Event()
        nursery.start_soon(place)
    with trio.fail_after(20):
        await over.wait()
    (log,) = logs
    made = report.build(log, plan)

    assert made.exit_code == 0, made.failures
    assert len(made.legs) == 2
    assert "/twilio/after" in other.paths()
