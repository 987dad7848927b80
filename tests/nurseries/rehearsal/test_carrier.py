"""Whole rehearsed calls over real loopback sockets, to a small server that can misbehave. Nothing here waits long."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import AsyncIterator

import pytest
import trio
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from agent.rehearsal import report
from agent.rehearsal.plan import CallPlan, DialEnd, HangUp
from agent.rehearsal.words import words
from nurseries.rehearsal.carrier import place_call
from nurseries.rehearsal.webhooks import Target
from tests.nurseries.rehearsal.small_server import GOOD_TWIML, PUBLIC, TOKEN, Server, Talk, polite

QUICK = CallPlan(quiet_ms=200, patience_ms=3000)


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Server]:
    made = Server()
    await nursery.start(made.serve)
    yield made
    nursery.cancel_scope.cancel()


async def call(server: Server, plan: CallPlan = QUICK) -> report.CallReport:
    target = Target(url=f"http://127.0.0.1:{server.port}", public_url=PUBLIC, auth_token=TOKEN)
    with trio.fail_after(20):
        return report.build(await place_call(target, plan), plan)


async def test_a_well_behaved_server(server: Server) -> None:
    made = await call(server)

    assert made.exit_code == 0
    assert made.failures == ()
    assert made.ended == "the caller hung up"
    assert [one.name for one in made.marks] == ["hello"]
    assert sorted(server.paths()) == [
        "/twilio/call-status",
        "/twilio/stream-status stream-started",
        "/twilio/stream-status stream-stopped",
        "/twilio/voice",
    ]
    assert server.paths()[0] == "/twilio/voice"
    assert server.paths()[-1] == "/twilio/call-status"
    assert server.talks[0].got[0]["event"] == "connected"
    assert server.talks[0].got[1]["start"]["customParameters"] == {"token": "t"}


async def test_webhooks_are_signed_for_the_public_address(server: Server) -> None:
    await call(server)

    validator = RequestValidator(TOKEN)
    for path, headers, form in server.asked:
        assert validator.validate(PUBLIC + path, form, headers["x-twilio-signature"])
        assert headers["host"] == "voice.example.in"
        assert headers["user-agent"] == "TwilioProxy/1.1"


async def test_the_handshake_is_exactly_twilios(server: Server) -> None:
    await call(server)

    (handshake,) = server.handshakes
    request, *lines = handshake.removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert request == "GET /twilio/media HTTP/1.1"
    assert len(headers.pop("Sec-WebSocket-Key")) == 24
    signature = headers.pop("X-Twilio-Signature")
    assert RequestValidator(TOKEN).validate("wss://voice.example.in/twilio/media", {}, signature)
    assert headers == {
        "Host": "voice.example.in",
        "User-Agent": "Twilio.TmeWs/1.0",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
    }


async def test_a_server_that_closes_is_asked_what_follows(server: Server) -> None:
    async def goodbye(talk: Talk) -> None:
        await talk.say(100)
        await talk.send({"event": "mark", "streamSid": talk.sid, "mark": {"name": "bye"}})
        await talk.until("mark")

    server.behave = goodbye
    made = await call(server)

    assert made.exit_code == 0
    assert made.ended == "the server closed the stream"
    assert "/twilio/after" in server.paths()
    assert made.steps[-2:] == (f"POST {PUBLIC}/twilio/after", "Hangup")


DIAL = f"""<Response><Dial action="{PUBLIC}/twilio/after-transfer?line=a" callerId="+918000000000" timeout="20">
<Number>+919900112233</Number></Dial></Response>"""


async def say_and_close(talk: Talk) -> None:
    await talk.say(50)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (DialEnd.ANSWERED, {"DialCallStatus": "completed", "DialCallDuration": "1", "DialBridged": "true"}),
        (DialEnd.BUSY, {"DialCallStatus": "busy", "DialBridged": "false"}),
        (DialEnd.NO_ANSWER, {"DialCallStatus": "no-answer", "DialBridged": "false"}),
    ],
)
async def test_a_transfer_is_played_and_the_server_told_how_it_ended(server: Server, end: DialEnd, told) -> None:
    server.behave = say_and_close
    server.answers = {
        "/twilio/after": DIAL,
        "/twilio/after-transfer": "<Response><Redirect>/twilio/last</Redirect></Response>",
        "/twilio/last": "<Response><Hangup/></Response>",
    }
    made = await call(server, CallPlan(quiet_ms=200, patience_ms=3000, transfer=end))

    assert made.exit_code == 0
    assert made.transfers == (report.Transfer("+919900112233", end.value),)
    assert f"transferred to +919900112233: {end.value}" in words(made)
    assert made.steps[-4:] == (
        f"Dial +919900112233 for 20 s, showing +918000000000: {end.value}",
        f"POST {PUBLIC}/twilio/after-transfer?line=a",
        f"POST {PUBLIC}/twilio/last",
        "Hangup",
    )
    path, headers, form = next(asked for asked in server.asked if "after-transfer" in asked[0])
    assert {name: value for name, value in form.items() if name.startswith("Dial")} == told | {
        "DialCallSid": form["DialCallSid"]
    }
    assert form["DialCallSid"].startswith("CA")
    assert form["CallSid"] == made.call_sid
    assert RequestValidator(TOKEN).validate(PUBLIC + path, form, headers["x-twilio-signature"])
    (last,) = [form for path, _, form in server.asked if path == "/twilio/last"]
    assert not [name for name in last if name.startswith("Dial")]


async def test_a_transfer_without_an_action_ends_the_call(server: Server) -> None:
    server.behave = say_and_close
    server.answers = {"/twilio/after": "<Response><Dial>+919900112233</Dial></Response>"}
    made = await call(server)

    assert made.exit_code == 0
    assert made.steps[-1] == "Dial +919900112233 for 30 s, showing +919876543210: completed"


async def test_a_transfer_that_was_expected_and_did_not_come(server: Server) -> None:
    made = await call(server, CallPlan(quiet_ms=200, patience_ms=3000, transfer=DialEnd.BUSY))

    assert made.exit_code == 1
    assert made.failures == ("the agent did not pass the call on",)


async def test_an_extra_field_is_a_violation(server: Server) -> None:
    async def chatty(talk: Talk) -> None:
        await talk.say(300, sequenceNumber="1")
        await polite(talk)

    server.behave = chatty
    made = await call(server)

    assert made.exit_code == 3
    assert [violation.code for violation in made.violations] == [31951]


async def test_a_binary_frame_is_a_violation(server: Server) -> None:
    async def binary(talk: Talk) -> None:
        await talk.socket.send_message(b"\xff" * 160)
        await polite(talk)

    server.behave = binary
    made = await call(server)

    assert made.exit_code == 3
    assert [violation.code for violation in made.violations] == [31950]


async def test_a_server_that_never_speaks(server: Server) -> None:
    async def mute(talk: Talk) -> None:
        await talk.until("stop")

    server.behave = mute
    made = await call(server, CallPlan(patience_ms=400))

    assert made.exit_code == 1
    assert made.failures == ("the agent never spoke within 0.4 s",)


async def test_a_server_that_closes_with_an_error(server: Server) -> None:
    async def failing(talk: Talk) -> None:
        await talk.say(50)
        await talk.socket.aclose(1011, "internal error")

    server.behave = failing
    made = await call(server)

    assert made.exit_code == 1
    assert "the server closed the stream with code 1011 (internal error)" in made.failures


async def test_a_server_that_dies(server: Server) -> None:
    async def dying(talk: Talk) -> None:
        await talk.say(50)
        talk.stream.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        talk.stream.socket.close()

    server.behave = dying
    made = await call(server)

    assert made.exit_code == 1
    assert "the connection died without a closing handshake (31903)" in made.failures


async def test_a_caller_whose_network_dies_sends_no_stop(server: Server) -> None:
    made = await call(server, CallPlan(hang_up=HangUp.RESET, hang_up_at_ms=400))

    assert made.exit_code == 0
    assert server.talks[0].got[-1]["event"] != "stop"
    assert server.talks[0].socket.closed is not None
    assert server.talks[0].socket.closed.code == 1006


async def test_a_refused_webhook_is_no_connection(server: Server) -> None:
    server.status["/twilio/voice"] = 403
    made = await call(server)

    assert made.exit_code == 5
    assert "was answered 403" in made.failures[0]


async def test_a_refused_media_socket_is_no_connection(server: Server) -> None:
    server.status["/twilio/media"] = 403
    made = await call(server)

    assert made.exit_code == 5
    assert "refused with status 403 (31920)" in made.failures[0]
    assert server.paths()[1:] == ["/twilio/stream-status stream-error", "/twilio/call-status"]


async def test_a_server_that_closes_during_the_handshake_is_no_connection(server: Server) -> None:
    server.status["/twilio/media"] = 0
    made = await call(server)

    assert made.exit_code == 5
    assert "closed during the handshake" in made.failures[0]


async def test_no_server_is_no_connection() -> None:
    with sockets.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        made = await call(Server(port=unused.getsockname()[1]))

    assert made.exit_code == 5
    assert "cannot be reached" in made.failures[0]


@pytest.mark.parametrize(
    ("twiml", "exit_code", "what"),
    [
        ("\n" + GOOD_TWIML, 3, "nothing may precede the declaration"),
        (GOOD_TWIML.replace("Hangup", "Hang"), 3, "<Hang> is no verb"),
        ("<Response><Reject reason='busy'/></Response>", 1, "rejected the call (busy)"),
        ("<Response><Hangup/></Response>", 1, "open no media stream"),
        ("<Response><Redirect/></Response>", 1, "more than 10 documents"),
        ("hello", 3, "not XML"),
    ],
)
async def test_instructions_are_judged(twiml: str, exit_code: int, what: str, server: Server) -> None:
    server.twiml = twiml
    made = await call(server)

    assert made.exit_code == exit_code
    assert what in " ".join([*made.failures, *(violation.what for violation in made.violations)])
