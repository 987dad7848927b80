"""Webhook forms, headers and signatures, checked with the carrier's own library."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from agent.rehearsal import carrier
from agent.rehearsal.carrier import Identity
from agent.wire.signature import sign

IDENTITY = Identity("AC" + "c" * 32, "CA" + "b" * 32, "MZ" + "a" * 32, "+919876543210", "+14158675310")
NOW = datetime(2026, 3, 25, 9, 53, 19, 602648, UTC)


def test_sids_look_like_twilios_and_differ() -> None:
    one, other = carrier.new_identity(), carrier.new_identity("AC" + "1" * 32)

    for sid, prefix in ((one.account_sid, "AC"), (one.call_sid, "CA"), (one.stream_sid, "MZ")):
        assert sid[:2] == prefix
        assert len(sid) == 34
        assert set(sid[2:]) <= set("0123456789abcdef")
    assert other.account_sid == "AC" + "1" * 32
    assert one.call_sid != other.call_sid
    assert carrier.new_identity(dice=random.Random(1)) == carrier.new_identity(dice=random.Random(1))


def test_the_voice_form_has_every_field_also_those_that_are_empty() -> None:
    form = carrier.voice_form(IDENTITY)

    places = {
        party + place for party in ("From", "To", "Caller", "Called") for place in ("City", "State", "Zip", "Country")
    }
    assert form.keys() >= places | {
        "AccountSid", "ApiVersion", "CallSid", "CallStatus", "CallToken", "CallerName", "Direction", "ForwardedFrom",
        "From", "To", "Caller", "Called", "StirVerstat",
    }  # fmt: skip
    assert (form["CallStatus"], form["Direction"], form["ApiVersion"]) == ("ringing", "inbound", "2010-04-01")
    assert (form["FromCountry"], form["ToCountry"], form["FromCity"]) == ("IN", "", "")
    assert dict(parse_qsl(urlencode(form), keep_blank_values=True)) == form


def test_a_posted_form_passes_the_validator_of_twilios_library() -> None:
    url = "https://voice.example.in/twilio/voice"
    form = carrier.voice_form(IDENTITY)
    headers = carrier.webhook_headers(sign(url, form.items(), "12345"))

    assert RequestValidator("12345").validate(url, form, headers["X-Twilio-Signature"])
    assert headers["User-Agent"] == "TwilioProxy/1.1"
    assert headers["I-Twilio-Idempotency-Token"] != carrier.webhook_headers("")["I-Twilio-Idempotency-Token"]


def test_the_handshake_has_nothing_but_the_user_agent_and_the_signature() -> None:
    signature = sign("wss://voice.example.in/twilio/media", (), "12345")

    assert carrier.media_headers(signature) == [
        (b"User-Agent", b"Twilio.TmeWs/1.0"),
        (b"X-Twilio-Signature", b"SRiSM/H9E3UdxmpGlU3gJ3abzjc="),
    ]
    assert carrier.media_headers("") == [(b"User-Agent", b"Twilio.TmeWs/1.0")]


def test_the_last_status_callback_counts_seconds_and_started_minutes() -> None:
    form = carrier.ended_form(IDENTITY, 61.2, NOW)

    assert (form["CallStatus"], form["CallDuration"], form["Duration"]) == ("completed", "61", "2")
    assert form["Timestamp"] == "Wed, 25 Mar 2026 09:53:19 +0000"
    assert form["SequenceNumber"] == "0"


def test_a_streams_callback() -> None:
    form = carrier.stream_form(IDENTITY, "", "stream-started", NOW)

    assert form == {
        "AccountSid": IDENTITY.account_sid,
        "CallSid": IDENTITY.call_sid,
        "StreamSid": IDENTITY.stream_sid,
        "StreamName": IDENTITY.stream_sid,
        "StreamEvent": "stream-started",
        "Timestamp": "2026-03-25T09:53:19.602648000Z",
    }
    assert carrier.stream_form(IDENTITY, "n", "stream-error", NOW, "31920")["StreamError"] == "31920"
