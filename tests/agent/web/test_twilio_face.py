"""Twilio's webhooks, signed as Twilio signs them."""

import xml.etree.ElementTree as ET

import pytest
import structlog

from agent.guard.tokens import Claims
from agent.web.twilio import masked
from agent.web.webhook import INSIST
from agent.wire.signature import sign

FORM = {
    "From": "+919876543210",
    "To": "+918000000000",
    "Direction": "inbound",
    "CallerName": "",
    "CallStatus": "ringing",
}


def form(twilio, **changes):
    return {"CallSid": twilio.call, "AccountSid": twilio.account, **FORM, **changes}


async def read(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/xml")
    return ET.fromstring(await response.get_data())  # noqa: S314  our own document


async def test_an_announced_call_is_greeted_and_connected_with_a_token_of_its_own(face, twilio):
    house = face(SAY_FIRST="Hi!")

    root = await read(await house.post("/twilio/voice", form(twilio)))

    assert [child.tag for child in root] == ["Say", "Connect", "Redirect"]
    assert root.find("Connect").attrib == {"action": f"{twilio.public}/twilio/after?leg=1{INSIST}", "method": "POST"}
    stream = root.find("Connect/Stream")
    assert stream.attrib["url"] == "wss://voice.example.in/twilio/media"
    assert stream.attrib["statusCallback"] == f"{twilio.public}/twilio/stream-status{INSIST}"
    token = stream.find("Parameter").attrib["value"]
    claims = house.tokens.redeem(token, twilio.call, twilio.account, 1059.0)
    assert claims == Claims(twilio.call, twilio.account, "+919876543210", "+918000000000", "inbound")


@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after", "/twilio/stream-status", "/twilio/call-status"])
async def test_an_unsigned_request_is_refused_everywhere(face, twilio, path):
    response = await face().post(path, form(twilio), signed=False)

    assert response.status_code == 403
    assert (await response.get_json(force=True))["title"] == "Forbidden"


async def test_a_signature_made_with_another_token_is_refused(face, twilio):
    assert (await face().post("/twilio/voice", form(twilio), token="e" * 32)).status_code == 403


async def test_a_changed_field_is_refused(face, twilio):
    house = face()
    signature = sign(f"{twilio.public}/twilio/voice", form(twilio).items(), twilio.token)

    response = await house.post(
        "/twilio/voice", form(twilio, From="+911"), signed=False, headers={"X-Twilio-Signature": signature}
    )

    assert response.status_code == 403


async def test_the_query_counts_as_it_was_sent(face, twilio):
    path = "/twilio/voice?b=%2B1&a=x%20y"

    await read(await face().post(path, form(twilio)))


async def test_where_the_public_address_has_a_path_it_counts(face, twilio):
    house = face(PUBLIC_URL="https://voice.example.in/agent/")

    response = await house.post("/twilio/voice", form(twilio), url="https://voice.example.in/agent/twilio/voice")

    assert (await read(response)).find("Connect/Stream").attrib["url"] == "wss://voice.example.in/agent/twilio/media"


async def test_what_a_request_says_of_its_host_does_not_count_where_the_public_address_is_known(face, twilio):
    lies = {"Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}

    root = await read(await face().post("/twilio/voice", form(twilio), headers=lies))

    assert root.find("Connect/Stream").attrib["url"].startswith("wss://voice.example.in/")


async def test_behind_a_tunnel_in_development_the_addresses_are_the_tunnels(face, twilio):
    house = face(PUBLIC_URL="", TWILIO_SIGNATURE="require")
    headers = {"Host": "abc.ngrok-free.dev", "X-Forwarded-Proto": "https, http"}

    response = await house.post(
        "/twilio/voice", form(twilio), headers=headers, url="https://abc.ngrok-free.dev/twilio/voice"
    )

    root = await read(response)
    assert root.find("Connect").attrib["action"].startswith("https://abc.ngrok-free.dev/twilio/after?leg=1#")
    assert root.find("Connect/Stream").attrib["url"] == "wss://abc.ngrok-free.dev/twilio/media"


async def test_without_a_tunnel_the_stream_is_plain(face, twilio):
    house = face(PUBLIC_URL="", TWILIO_SIGNATURE="off")

    response = await house.post("/twilio/voice", form(twilio), headers={"Host": "127.0.0.1:3000"}, signed=False)

    assert (await read(response)).find("Connect/Stream").attrib["url"] == "ws://127.0.0.1:3000/twilio/media"


@pytest.mark.parametrize("host", ["", 'a"/><Hangup/>', "a b", "user@host", "host/path", "host:port"])
async def test_a_host_that_is_none_is_refused_where_it_would_count(face, twilio, host):
    house = face(PUBLIC_URL="", TWILIO_SIGNATURE="off")

    response = await house.post("/twilio/voice", form(twilio), headers={"Host": host}, signed=False)

    assert response.status_code == 400


async def test_in_log_mode_a_bad_signature_is_only_reported(face, twilio):
    with structlog.testing.capture_logs() as logs:
        response = await face(TWILIO_SIGNATURE="log").post("/twilio/voice", form(twilio), signed=False)

    assert response.status_code == 200
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["signature does not fit"]


async def test_a_call_of_another_account_is_refused_although_signed(face, twilio):
    assert (await face().post("/twilio/voice", form(twilio, AccountSid="AC" + "d" * 32))).status_code == 403


async def test_without_required_signatures_any_account_may_call(face, twilio):
    house = face(TWILIO_SIGNATURE="off")

    assert (await house.post("/twilio/voice", form(twilio, AccountSid=""), signed=False)).status_code == 200


@pytest.mark.parametrize("fields", [{}, {"CallSid": ""}, {"From": "+1"}])
async def test_a_form_without_a_call_is_told_what_is_missing(face, fields):
    response = await face(TWILIO_SIGNATURE="off").post("/twilio/voice", fields, signed=False)

    assert response.status_code == 400
    assert "CallSid is missing" in (await response.get_json(force=True))["detail"]


async def test_a_sid_that_is_too_long_is_refused(face, twilio):
    assert (await face().post("/twilio/voice", form(twilio, CallSid="C" * 65))).status_code == 400


async def test_a_form_with_too_many_fields_is_refused(face):
    fields = {f"a{number}": "1" for number in range(600)}

    assert (await face().post("/twilio/voice", fields)).status_code == 400


async def test_bytes_that_are_no_text_do_no_harm(face):
    response = await face(TWILIO_SIGNATURE="off").client.post(
        "/twilio/voice",
        data=b"CallSid=CA1&From=%ff%fe\xff&To=%00",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    await read(response)


async def test_a_json_body_is_no_form(face):
    response = await face(TWILIO_SIGNATURE="off").client.post("/twilio/voice", json={"CallSid": "CA1"})

    assert response.status_code == 400


async def test_a_signed_json_body_needs_its_hash_in_the_address(face, twilio):
    signature = sign(f"{twilio.public}/twilio/call-status", (), twilio.token)

    response = await face().client.post(
        "/twilio/call-status", json={"CallSid": "CA1"}, headers={"X-Twilio-Signature": signature}
    )

    assert response.status_code == 403


async def test_while_draining_a_new_call_is_sent_on_and_old_ones_are_still_served(face, twilio):
    house = face()
    house.state.draining = True

    assert [verb.tag for verb in await read(await house.post("/twilio/voice", form(twilio)))] == ["Pause", "Redirect"]
    assert (await house.post("/twilio/after", form(twilio))).status_code == 200
    assert (await house.post("/twilio/call-status", form(twilio))).status_code == 204


async def test_before_the_process_is_ready_a_call_goes_to_the_fallback(face, twilio):
    house = face()
    house.state.ready = False

    assert (await house.post("/twilio/voice", form(twilio))).status_code == 503


async def test_after_the_stream_the_call_is_hung_up(face, twilio):
    root = await read(await face().post("/twilio/after", form(twilio, StreamSid="MZ1")))

    assert [child.tag for child in root] == ["Hangup"]


async def test_callbacks_are_answered_with_nothing_and_a_stream_error_is_reported(face, twilio):
    house = face()
    error = form(twilio, StreamEvent="stream-error", StreamError="31921 - Stream - WebSocket - Close Error" + "x" * 999)

    with structlog.testing.capture_logs() as logs:
        answers = [
            await house.post("/twilio/stream-status", error),
            await house.post("/twilio/stream-status", form(twilio, StreamEvent="stream-stopped")),
            await house.post("/twilio/call-status", form(twilio, CallStatus="completed")),
        ]

    assert [answer.status_code for answer in answers] == [204, 204, 204]
    assert [await answer.get_data() for answer in answers] == [b"", b"", b""]
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert warning["call_sid"] == twilio.call
    assert warning["error"].startswith("31921")
    assert len(warning["error"]) <= 200


async def test_neither_numbers_nor_tokens_reach_the_log(face, twilio):
    with structlog.testing.capture_logs() as logs:
        response = await face().post("/twilio/voice", form(twilio, From="+919876543210"))
    token = (await read(response)).find("Connect/Stream/Parameter").attrib["value"]

    assert twilio.call in str(logs)
    assert "9876543210" not in str(logs)
    assert "8000000000" not in str(logs)
    assert token not in str(logs)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+919876543210", "*10"),
        ("anonymous", "*"),
        ("client:priya", "*"),
        ("", "*"),
        ("12345", "*"),
        ("sip:9876543@x", "*"),
    ],
)
def test_a_number_is_masked(number, shown):
    assert masked(number) == shown
