"""TwiML is read as Twilio reads it."""

from __future__ import annotations

import pytest
from twilio.twiml.voice_response import Connect, VoiceResponse  # type: ignore[import-untyped]

from agent.rehearsal import instructions as twiml
from agent.rehearsal.instructions import Document, Hangup, Pause, Redirect, Reject, Say, Stream, Unplayed

URL = "https://voice.example.in/twilio/voice"


def read(inner: str, *, content_type: str = "text/xml", allow_ws: bool = False) -> Document:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'.encode()
    return twiml.read(body, content_type, URL, allow_ws=allow_ws)


def faults(document: Document) -> list[int]:
    return [violation.code for violation in document.violations]


def test_the_librarys_own_document_is_understood_without_a_fault() -> None:
    response = VoiceResponse()
    response.say("Hi!", voice="Polly.Raveena", language="en-IN")
    connect = Connect(action="https://voice.example.in/twilio/after", method="POST")
    stream = connect.stream(url="wss://voice.example.in/twilio/media", status_callback="https://voice.example.in/s")
    stream.parameter(name="token", value="t&<'")
    response.append(connect)
    response.hangup()

    document = twiml.read(str(response).encode(), "text/xml; charset=utf-8", URL)

    assert document == Document(
        (
            Say("Hi!"),
            Stream(
                url="wss://voice.example.in/twilio/media",
                parameters={"token": "t&<'"},
                action="https://voice.example.in/twilio/after",
                status_callback="https://voice.example.in/s",
            ),
            Hangup(),
        ),
        (),
    )


def test_relative_addresses_are_resolved() -> None:
    document = read('<Connect action="after"><Stream url="wss://h/m"/></Connect><Redirect>/x?y=1</Redirect>')

    assert [step.action for step in document.steps if isinstance(step, Stream)] == [
        "https://voice.example.in/twilio/after"
    ]
    assert document.steps[-1] == Redirect("https://voice.example.in/x?y=1")


def test_the_other_verbs() -> None:
    document = read('<Pause length="2"/><Pause/><Reject reason="busy"/><Gather/><Dial>+918012345678</Dial>')

    assert document.steps == (Pause(2), Pause(1), Reject("busy"), Unplayed("Gather"), twiml.Dial("+918012345678"))
    assert faults(document) == []


def test_a_transfer_as_the_library_writes_it() -> None:
    response = VoiceResponse()
    dial = response.dial(action="/twilio/after-transfer?line=a", timeout=25, caller_id="+918000000000")
    dial.number("+919900112233")
    dial.sip("sip:desk@example.in")

    document = twiml.read(str(response).encode(), "text/xml", URL)

    expected = "https://voice.example.in/twilio/after-transfer?line=a"
    assert document.steps == (twiml.Dial("+919900112233, sip:desk@example.in", expected, "+918000000000", 25),)
    assert document.violations == ()


@pytest.mark.parametrize(
    ("dial", "codes"),
    [
        ("<Dial/>", [12200]),
        ("<Dial><Number/></Dial>", [12200]),
        ("<Dial><Phone>+918012345678</Phone></Dial>", [12200]),
        ("<Dial><Number>080 1234</Number></Dial>", [13224]),
        ('<Dial callerId="Priya">+918012345678</Dial>', [13214]),
        ('<Dial callerId="priya"><Sip>sip:a@b</Sip></Dial>', []),
        ('<Dial timeout="soon">+918012345678</Dial>', [12200]),
        ('<Dial number="1">+918012345678</Dial>', [12200]),
    ],
)
def test_faulty_transfers(dial: str, codes: list[int]) -> None:
    assert faults(read(dial)) == codes


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'\n<?xml version="1.0"?><Response/>', 12100),
        (b"\xef\xbb\xbf<Response/>", 12100),
        (b"", 12100),
        (b"<Response>", 12100),
        (b"hello", 12100),
        (b'<?xml version="1.0" encoding="klingon"?><Response/>', 12100),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><Response>&a;</Response>', 12100),
        (b"<response/>", 12102),
        (b"<Response><Sing/></Response>", 12200),
        (b"<Response><say>hi</say></Response>", 12200),
        (b"<Response><Say/></Response>", 12200),
        (b'<Response><Say volume="9">hi</Say></Response>', 12200),
        (b'<Response><Pause length="soon"/></Response>', 12200),
        (b'<Response><Reject reason="mood"/></Response>', 12200),
        (b"<Response><Connect/></Response>", 12200),
        (b"<Response><Connect><Room>r</Room></Connect></Response>", 12200),
    ],
)
def test_faulty_documents(body: bytes, code: int) -> None:
    assert faults(twiml.read(body, "text/xml", URL))[0] == code


def test_a_wrong_content_type_is_12300() -> None:
    assert faults(read("<Hangup/>", content_type="text/plain")) == [12300]
    assert faults(read("<Hangup/>", content_type="")) == [12300]
    assert faults(read("<Hangup/>", content_type="application/xml")) == []


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        ('<Stream url="ws://h/m"/>', 31922),
        ('<Stream url="https://h/m"/>', 31922),
        ('<Stream url=""/>', 31922),
        ('<Stream url="wss://[h/m"/>', 31923),
        ('<Stream url="wss://h:port/m"/>', 31923),
        ('<Stream url="wss://h/m?token=1"/>', 31920),
        ('<Stream url="wss://h/m" track="both_tracks"/>', 31941),
        ('<Stream url="wss://h/m" statusCallback="/status"/>', 12200),
        ('<Stream url="wss://h/m" audioFormat="x"/>', 12200),
        ('<Stream url="wss://h/m"><Parameter value="v"/></Stream>', 12200),
        (f'<Stream url="wss://h/m"><Parameter name="n" value="{"v" * 499}"/></Stream>', 12200),
        ('<Stream url="wss://h/m"><Param name="n" value="v"/></Stream>', 12200),
    ],
)
def test_faulty_streams(stream: str, code: int) -> None:
    assert faults(read(f"<Connect>{stream}</Connect>")) == [code]


def test_a_query_is_dropped_and_a_long_parameter_below_the_limit_passes() -> None:
    document = read(
        f'<Connect><Stream url="wss://h/m?a=1"><Parameter name="n" value="{"v" * 498}"/></Stream></Connect>'
    )

    (stream,) = document.steps
    assert isinstance(stream, Stream)
    assert stream.url == "wss://h/m"
    assert len(document.violations) == 1


def test_an_unencrypted_stream_passes_where_it_is_allowed() -> None:
    document = read('<Connect><Stream url="ws://127.0.0.1:3000/m"/></Connect>', allow_ws=True)

    assert document.violations == ()
