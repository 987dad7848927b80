"""Every message of the server is judged as Twilio would."""

from __future__ import annotations

import base64
import json

import pytest

from agent.rehearsal.playback import Clear, Mark, Media
from agent.rehearsal.strict import Strictness, Violation

SID = "MZ" + "a" * 32
PAYLOAD = base64.b64encode(b"\xff\x7f" * 80).decode()


def media(**changes: object) -> str:
    return json.dumps({"event": "media", "streamSid": SID, "media": {"payload": PAYLOAD}} | changes)


def test_the_three_messages_pass() -> None:
    judge = Strictness(SID)

    assert judge.check(media(), 0) == Media(b"\xff\x7f" * 80)
    assert judge.check(json.dumps({"event": "mark", "streamSid": SID, "mark": {"name": "m"}}), 0) == Mark("m")
    assert judge.check(json.dumps({"event": "clear", "streamSid": SID}), 0) == Clear()
    assert judge.messages == {"media": 1, "mark": 1, "clear": 1}


def test_a_binary_frame_is_31950() -> None:
    fault = Strictness(SID).check(b"\x00\x01", 7)

    assert fault == Violation(31950, "a binary frame of 2 bytes", 7)


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("hello", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "unknown event None"),
        (json.dumps({"event": "stop", "streamSid": SID}), "unknown event 'stop'"),
        (json.dumps({"event": ["media"], "streamSid": SID}), "unknown event"),
        (json.dumps({"event": "clear"}), "the clear message lacks streamSid"),
        (json.dumps({"event": "mark", "streamSid": SID}), "the mark message lacks mark"),
        (json.dumps({"event": "mark", "streamSid": SID, "mark": "m"}), "mark is not an object"),
        (json.dumps({"event": "mark", "streamSid": SID, "mark": {"name": 1}}), "mark.name is not a string"),
        (media(sequenceNumber="1"), "the media message has the extra field sequenceNumber"),
        (media(media={"payload": PAYLOAD, "track": "outbound"}), "the media object has the extra field track"),
        (media(streamSid="MZ" + "b" * 32), "the streamSid is not"),
        (media(streamSid=None), "the streamSid is not"),
        (media(media={"payload": "a-_b"}), "the payload is not base64"),
        (media(media={"payload": "/3//f"}), "the payload is not base64"),
        (media(media={"payload": ""}), "the payload is empty"),
        (media(media={"payload": base64.b64encode(b"RIFF....WAVE").decode()}), "begins with a WAV file's header"),
        (media(media={"payload": base64.b64encode(b"ID3\x04").decode()}), "begins with an MP3 file's header"),
        (media(media={"payload": base64.b64encode(bytes(4_800_001)).decode()}), "more than ten minutes"),
    ],
)
def test_what_breaks_the_protocol_is_31951(message: str, what: str) -> None:
    judge = Strictness(SID)
    fault = judge.check(message, 0)

    assert isinstance(fault, Violation)
    assert fault.code == 31951
    assert what in fault.what
    assert len(fault.what) < 250
    assert judge.messages == {"faulty": 1}


def test_messages_may_cross_the_stop_but_not_come_long_after_it() -> None:
    judge = Strictness(SID)
    judge.end(5000)

    assert isinstance(judge.check(media(), 5900), Media)
    late = judge.check(media(), 6500)
    assert isinstance(late, Violation)
    assert "1.5 s after the stream stopped" in late.what
