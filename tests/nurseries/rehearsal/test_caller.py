"""The caller against small servers in memory, on virtual time."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from agent.rehearsal import report
from agent.rehearsal.carrier import Identity
from agent.rehearsal.plan import CallPlan, HangUp, Line
from agent.rehearsal.sound import tone
from agent.wire.ports import MediaSocket
from nurseries.rehearsal import caller
from nurseries.rehearsal.caller import converse, rehearse
from nurseries.rehearsal.loopback import LoopbackSocket, loopback

IDENTITY = Identity("AC" + "c" * 32, "CA" + "b" * 32, "MZ" + "a" * 32)
Serve = Callable[[MediaSocket], Awaitable[object]]


def media(mulaw: bytes) -> str:
    payload = base64.b64encode(mulaw).decode()
    return json.dumps({"event": "media", "streamSid": IDENTITY.stream_sid, "media": {"payload": payload}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": IDENTITY.stream_sid, "mark": {"name": name}})


CLEAR = json.dumps({"event": "clear", "streamSid": IDENTITY.stream_sid})


class Agent:
    """A server that greets, is silenced by speech, and answers half a second after it; remembers what it was sent."""

    def __init__(self, greeting_ms: float = 1000) -> None:
        self.greeting_ms = greeting_ms
        self.got: list[tuple[float, Any]] = []
        self.ended = False

    async def __call__(self, socket: MediaSocket) -> None:
        quiet = speaking = 0
        while (raw := await socket.receive()) is not None:
            message = json.loads(raw)
            self.got.append((trio.current_time() * 1000, message))
            if message["event"] == "start":
                await socket.send(media(tone(self.greeting_ms)))
                await socket.send(mark("greeting"))
            if message["event"] != "media":
                continue
            loud = not set(base64.b64decode(message["media"]["payload"])) <= {0x7F, 0xFF}
            speaking, quiet = (speaking + 1, 0) if loud else (speaking, quiet + 1)
            if speaking == 5 and loud:
                await socket.send(CLEAR)
            if speaking and quiet == 25:
                await socket.send(media(tone(600)))
                await socket.send(mark("answer"))
                speaking = 0
        self.ended = True

    def events(self, name: str) -> list[tuple[float, Any]]:
        return [(at, message) for at, message in self.got if message["event"] == name]


async def call(agent: Serve, plan: CallPlan) -> report.CallReport:
    with trio.fail_after(600):
        log = await rehearse(agent, plan, identity=IDENTITY, parameters={"token": "t"}, dice=random.Random(1))
    return report.build(log, plan)


async def test_a_whole_conversation_on_virtual_time(autojump_clock: MockClock) -> None:
    agent = Agent()
    made = await call(agent, CallPlan(lines=(Line(tone(800), "hello"), Line(tone(400), "thanks")), dtmf="1"))

    assert made.exit_code == 0
    assert [entry.role for entry in made.conversation] == ["agent", "caller", "agent", "caller", "agent"]
    assert [turn.latency_ms for turn in made.turns] == pytest.approx([500, 500], abs=25)
    assert [one.name for one in made.marks] == ["greeting", "answer", "answer"]
    assert made.digits == "1"
    assert agent.events("start")[0][1]["start"]["customParameters"] == {"token": "t"}
    assert agent.got[-1][1]["event"] == "stop"
    assert agent.ended


async def test_frames_come_every_twenty_milliseconds_and_marks_to_the_millisecond(autojump_clock: MockClock) -> None:
    agent = Agent(greeting_ms=1003)
    await call(agent, CallPlan())

    times = [at for at, _ in agent.events("media")]
    assert [round(b - a, 6) for a, b in pairwise(times)] == [20] * (len(times) - 1)
    assert [at for at, _ in agent.events("mark")] == pytest.approx([1003])


async def test_a_barge_in_is_measured(autojump_clock: MockClock) -> None:
    agent = Agent(greeting_ms=5000)
    made = await call(agent, CallPlan(lines=(Line(tone(700), "wait"),), barge_in_at_ms=2000))

    (barge_in,) = made.barge_ins
    assert barge_in.onset_ms == pytest.approx(2010, abs=11)
    assert barge_in.clear_after_ms == 100
    assert barge_in.silent_after_ms == pytest.approx(100, abs=10)
    assert [one.cleared for one in made.marks] == [True, False]
    assert made.exit_code == 0


async def test_the_same_dice_make_the_same_call(autojump_clock: MockClock) -> None:
    plan = CallPlan(lines=(Line(tone(300)),))
    first, second = Agent(), Agent()
    await call(first, plan)
    began = trio.current_time() * 1000
    await call(second, plan)

    assert [(round(at - began), message) for at, message in second.got] == [
        (round(at), message) for at, message in first.got
    ]


@pytest.mark.parametrize("manner", list(HangUp))
async def test_every_manner_of_hanging_up_ends_both_sides(manner: HangUp, autojump_clock: MockClock) -> None:
    agent = Agent()
    ends: list[LoopbackSocket] = []

    async def serve(socket: MediaSocket) -> None:
        assert isinstance(socket, LoopbackSocket)
        ends.append(socket)
        await (leave_at_stop(socket) if manner is HangUp.STOP_ONLY else agent(socket))

    async def leave_at_stop(socket: MediaSocket) -> None:
        while json.loads(await socket.receive() or '{"event":"stop"}')["event"] != "stop":
            pass

    made = await call(serve, CallPlan(hang_up=manner, hang_up_at_ms=1500))

    assert made.ended == "the caller hung up"
    assert made.failures == ()
    assert 1500 <= made.duration_ms <= 1540
    assert len(agent.events("stop")) == (manner is HangUp.POLITE)


async def test_a_server_that_ignores_the_stop_is_told(autojump_clock: MockClock) -> None:
    made = await call(Agent(), CallPlan(hang_up=HangUp.STOP_ONLY, linger_ms=1000))

    assert made.failures == ("the server had not closed 1 s after the stop",)


async def test_a_server_that_goes_on_talking_after_the_stop_violates_the_protocol(autojump_clock: MockClock) -> None:
    async def chatter(socket: MediaSocket) -> None:
        try:
            while True:
                await socket.send(media(tone(20)))
                await trio.sleep(0.02)
        except ConnectionError:
            pass

    made = await call(chatter, CallPlan(hang_up=HangUp.STOP_ONLY, hang_up_at_ms=500))

    assert made.exit_code == 3
    assert "after the stream stopped" in made.violations[0].what


async def test_a_server_that_says_goodbye_and_leaves(autojump_clock: MockClock) -> None:
    async def goodbye(socket: MediaSocket) -> None:
        await socket.send(media(tone(500)))
        await trio.sleep(0.4)
        await socket.close()

    made = await call(goodbye, CallPlan())

    assert made.ended == "the server closed the stream"
    assert (made.duration_ms, made.unplayed_ms) == (400, 100)
    assert made.exit_code == 0


async def test_a_server_that_never_speaks_costs_the_callers_patience(autojump_clock: MockClock) -> None:
    async def mute(socket: MediaSocket) -> None:
        while await socket.receive() is not None:
            pass

    made = await call(mute, CallPlan(patience_ms=5000))

    assert made.failures == ("the agent never spoke within 5 s",)
    assert made.exit_code == 1


async def test_a_server_that_stops_reading_is_given_up(autojump_clock: MockClock) -> None:
    async def deaf(socket: MediaSocket) -> None:
        await trio.sleep(60)

    made = await call(deaf, CallPlan())

    assert made.failures == (f"the server read nothing for {caller.SEND_S:g} s",)
    assert made.ended == "the server stopped reading"


async def test_binary_and_malformed_messages_are_violations_and_the_call_goes_on(autojump_clock: MockClock) -> None:
    async def clumsy(socket: MediaSocket) -> None:
        assert isinstance(socket, LoopbackSocket)
        await socket.send(b"\x00")
        await socket.send("{}")
        await Agent()(socket)

    made = await call(clumsy, CallPlan())

    assert [violation.code for violation in made.violations] == [31950, 31951]
    assert made.messages == {"faulty": 2, "media": 1, "mark": 1}
    assert made.exit_code == 3


async def test_a_cancelled_call_closes_its_socket_at_once(autojump_clock: MockClock) -> None:
    ours, theirs = loopback()
    with trio.move_on_after(1):
        await converse(ours, CallPlan())

    assert trio.current_time() == 1
    assert ours.closed == (1006, "")
    with pytest.raises(ConnectionError):
        await theirs.send("anything")


async def test_what_the_server_raises_comes_through(autojump_clock: MockClock) -> None:
    async def broken(socket: MediaSocket) -> None:
        raise RuntimeError("of the server")

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="of the server")):
        await rehearse(broken, CallPlan(patience_ms=1000))
