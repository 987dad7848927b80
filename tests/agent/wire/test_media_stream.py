import base64
import json

import pytest

from agent.errors import WireError
from agent.wire import media_stream as ms

START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "ACc",
        "streamSid": "MZa",
        "callSid": "CAb",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t"},
    },
    "streamSid": "MZa",
}


def test_every_documented_form_is_read() -> None:
    assert ms.decode('{"event":"connected","protocol":"Call","version":"1.0.0"}') == ms.Connected("Call", "1.0.0")
    start = ms.decode(json.dumps(START))
    assert isinstance(start, ms.Start)
    assert (start.start.call_sid, start.start.stream_sid, start.start.custom_parameters) == (
        "CAb",
        "MZa",
        {"token": "t"},
    )
    media = ms.decode(
        '{"event":"media","sequenceNumber":"2","media":{"track":"inbound","chunk":"1","timestamp":"155","payload":"/3//fw=="},"streamSid":"MZa"}'
    )
    assert media == ms.Media(ms.MediaBody(b"\xff\x7f\xff\x7f", "inbound", "155"))
    dtmf = ms.decode(
        '{"event":"dtmf","streamSid":"MZa","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}'
    )
    assert dtmf == ms.Dtmf(ms.DtmfBody("1"))
    assert ms.decode('{"event":"mark","sequenceNumber":"4","streamSid":"MZa","mark":{"name":"a \\u20b9"}}') == ms.Mark(
        ms.MarkBody("a ₹")
    )
    assert ms.decode('{"event":"stop","sequenceNumber":"9","streamSid":"MZa","stop":{"callSid":"CAb"}}') == ms.Stop()


def test_what_the_carrier_adds_is_ignored() -> None:
    assert ms.decode('{"streamSid":"M","new":{"a":[1]},"event":"stop"}') == ms.Stop()
    assert ms.decode('{"event":"weather","rain":true}') == ms.Unknown("weather")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"event":"media","x":' + "[" * 60_000, "not JSON"),
        ("\ud800", "not JSON"),
        ("[]", "without an event"),
        ('{"event":5}', "without an event"),
        ('{"event":"media"}', "malformed media"),
        ('{"event":"media","media":{"payload":"***"}}', "malformed media"),
        ('{"event":"start","start":{"callSid":"CA"}}', "malformed start"),
        (b"\x00\x01", "binary"),
    ],
)
def test_a_broken_message_is_named(text: str | bytes, what: str) -> None:
    with pytest.raises(WireError, match=what):
        ms.decode(text)


def test_our_messages_have_exactly_the_documented_keys() -> None:
    encoder = ms.Encoder('MZ"a')
    assert json.loads(encoder.media(b"\xff\x00")) == {
        "event": "media",
        "streamSid": 'MZ"a',
        "media": {"payload": base64.b64encode(b"\xff\x00").decode()},
    }
    assert json.loads(encoder.mark('x"y')) == {"event": "mark", "streamSid": 'MZ"a', "mark": {"name": 'x"y'}}
    assert json.loads(encoder.clear()) == {"event": "clear", "streamSid": 'MZ"a'}
