import json
import time

import pytest
import structlog
import trio

from agent.guard.tokens import Claims, Tokens
from agent.model import CallInfo
from nurseries.legs.pick_up import pick_up
from nurseries.rehearsal.loopback import loopback

CLAIMS = Claims("CA1", "AC1", "+919876543210", "+918012345678", "inbound", "sales", "hi-IN", "nova")


def tokens() -> Tokens:
    return Tokens(b"key", ttl_s=120, random=lambda n: b"r" * n)


def start(token: str, call_sid: str = "CA1", encoding: str = "audio/x-mulaw") -> str:
    body = {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": encoding, "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token},
    }
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": body, "streamSid": "MZ1"})


CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


async def test_an_announced_caller_is_let_in(autojump_clock) -> None:
    ours, theirs = loopback()
    desk = tokens()
    await ours.send(CONNECTED)
    await ours.send(start(desk.mint(CLAIMS, time.time())))

    info = await pick_up(theirs, desk, 5)

    numbers = ("+919876543210", "+918012345678")
    assert info == CallInfo("CA1", "AC1", "MZ1", *numbers, "inbound", line="sales", language="hi-IN", voice="nova")
    assert theirs.closed is None


async def test_a_token_of_a_process_with_another_auth_token_is_told_as_what_it_may_be(autojump_clock) -> None:
    ours, theirs = loopback()
    other = Tokens(b"another key", ttl_s=120, random=lambda n: b"r" * n)
    await ours.send(start(other.mint(CLAIMS, time.time())))

    with structlog.testing.capture_logs() as logs:
        assert await pick_up(theirs, tokens(), 5) is None

    assert theirs.closed == (1008, "token forged")
    assert [(line["reason"], "TWILIO_AUTH_TOKEN" in line["hint"]) for line in logs] == [("token forged", True)]


async def test_a_softphone_has_shown_its_token_at_the_door(autojump_clock) -> None:
    ours, theirs = loopback()
    await ours.send(start("anything"))

    info = await pick_up(theirs, tokens(), 5, known=CLAIMS)

    assert info is not None
    assert (info.call_sid, info.caller, info.softphone) == ("CA1", CLAIMS.caller, True)


@pytest.mark.parametrize(
    ("known", "ours_is", "reason"),
    [
        (Claims("CA2", "AC1"), "AC1", "token made for another call"),
        (Claims("CA1", "AC2"), "AC1", "token made for another call"),
        (CLAIMS, "AC9", "another account"),
        (None, "AC9", "another account"),
    ],
)
async def test_a_start_of_another_call_or_account_is_refused(autojump_clock, known, ours_is, reason) -> None:
    ours, theirs = loopback()
    desk = tokens()
    await ours.send(start(desk.mint(CLAIMS, time.time())))

    assert await pick_up(theirs, desk, 5, known=known, ours=ours_is.__eq__) is None
    assert theirs.closed == (1008, reason)


async def test_a_token_that_another_process_has_taken_is_used() -> None:
    class Elsewhere:
        async def first(self, nonce: str, until: float) -> bool:
            return False

    ours, theirs = loopback()
    await ours.send(start(tokens().mint(CLAIMS, time.time())))

    assert await pick_up(theirs, tokens(), 5, turnstile=Elsewhere()) is None
    assert theirs.closed == (1008, "token already used")


async def test_a_socket_that_says_nothing_is_closed_after_its_time(autojump_clock) -> None:
    ours, theirs = loopback()
    began = trio.current_time()

    assert await pick_up(theirs, tokens(), 5) is None

    assert theirs.closed == (1008, "no start within 5 s")
    assert trio.current_time() - began == 5
    await ours.abort()


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([CONNECTED, start("guessed")], "token malformed"),
        ([start(tokens().mint(CLAIMS, time.time()), call_sid="CA2")], "token made for another call"),
        ([start("x", encoding="audio/l16")], "unsupported media format audio/l16 8000 Hz"),
        (["no json"], "not the media-stream protocol: not JSON"),
        ([CONNECTED] * 40, "no start among the first messages"),
        (['{"event":"stop"}'], "stopped before start"),
    ],
)
async def test_a_stranger_is_refused_with_a_reason(autojump_clock, messages: list[str], reason: str) -> None:
    ours, theirs = loopback()
    for message in messages:
        await ours.send(message)

    assert await pick_up(theirs, tokens(), 5) is None

    assert theirs.closed is not None
    assert theirs.closed[0] == 1008
    assert theirs.closed[1].startswith(reason)
    await ours.abort()


async def test_a_token_opens_one_call(autojump_clock) -> None:
    desk = tokens()
    token = desk.mint(CLAIMS, time.time())
    outcomes = []
    for _ in range(2):
        ours, theirs = loopback()
        await ours.send(start(token))
        outcomes.append(await pick_up(theirs, desk, 5))
        await ours.abort()

    assert outcomes[0] is not None
    assert outcomes[1] is None
