"""The documents as an XML parser sees them."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.wire import twiml

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
ADDRESSES = {
    "stream_url": "wss://voice.example.in/twilio/media",
    "action_url": "https://voice.example.in/twilio/after",
    "status_url": "https://voice.example.in/twilio/stream-status",
}


def connect(**changes):
    return twiml.connect(**{**ADDRESSES, "parameters": {"token": "t0ken"}, **changes})


def read(document):
    assert document.startswith(DECLARATION + "<Response")
    return ET.fromstring(document.encode())  # noqa: S314  our own document


def test_a_call_is_greeted_and_connected_and_what_follows_is_asked_for_in_two_ways():
    root = read(connect(say="Hi!", voice="Polly.Raveena", language="en-IN"))

    say, connection, redirect = root
    assert (say.tag, say.text, say.attrib) == ("Say", "Hi!", {"voice": "Polly.Raveena", "language": "en-IN"})
    assert (connection.tag, connection.attrib) == ("Connect", {"action": ADDRESSES["action_url"], "method": "POST"})
    assert (redirect.tag, redirect.text, redirect.attrib) == ("Redirect", ADDRESSES["action_url"], {"method": "POST"})
    (stream,) = connection
    assert stream.tag == "Stream"
    assert stream.attrib == {
        "url": ADDRESSES["stream_url"],
        "statusCallback": ADDRESSES["status_url"],
        "statusCallbackMethod": "POST",
    }
    assert [(child.tag, child.attrib) for child in stream] == [("Parameter", {"name": "token", "value": "t0ken"})]


def test_nothing_to_say_means_no_say_at_all():
    assert [child.tag for child in read(connect(say=" \x00 "))] == ["Connect", "Redirect"]


def test_the_stream_may_carry_several_parameters():
    root = read(connect(parameters={"token": "a", "lang": "en-IN"}))

    assert [child.attrib["name"] for child in root.iter("Parameter")] == ["token", "lang"]


@given(st.text(), st.text())
@example('"/><Hangup/><Say x="', "</Say><Dial>+1900</Dial><Say>")
@example("\x00\x08\ufffe\ud800", "\x00]]>&amp;<!--")
def test_hostile_values_change_no_structure(value, text):
    root = read(connect(parameters={"token": value}, say="x" + text, stream_url="wss://" + value))

    assert [element.tag for element in root.iter()] == ["Response", "Say", "Connect", "Stream", "Parameter", "Redirect"]


def test_characters_that_xml_can_hold_arrive_unchanged():
    text = 'रवि & "Kumar" <3 \U0001f3e0\n'

    assert next(read(connect(parameters={"name": text})).iter("Parameter")).attrib["value"] == text


def test_a_very_long_greeting_is_cut_to_what_twilio_takes():
    assert len(next(read(connect(say="a" * 5000)).iter("Say")).text) == 4096


def test_a_call_that_waits_first_does_so_before_all_else():
    pause, connection, _ = read(connect(pause_s=1))

    assert (pause.tag, pause.attrib, connection.tag) == ("Pause", {"length": "1"}, "Connect")


def test_whoever_is_sent_on_waits_before():
    pause, redirect = read(twiml.ask_again("https://h/twilio/voice?a=1&again=2", 1))

    assert (pause.tag, pause.attrib) == ("Pause", {"length": "1"})
    assert (redirect.text, redirect.attrib) == ("https://h/twilio/voice?a=1&again=2", {"method": "POST"})


def test_after_the_stream_the_call_is_hung_up():
    assert [child.tag for child in read(twiml.after())] == ["Hangup"]


ACTION = "https://voice.example.in/twilio/after-transfer?line=a&b"


def test_a_call_is_passed_on_to_a_number_that_sees_ours():
    (dial,) = read(twiml.dial("+919900112233", action_url=ACTION, caller_id="+918000000000", ring_s=20))

    assert dial.attrib == {"action": ACTION, "method": "POST", "timeout": "20", "callerId": "+918000000000"}
    assert [(noun.tag, noun.text) for noun in dial] == [("Number", "+919900112233")]


@pytest.mark.parametrize("address", ["sip:desk@example.in;transport=tls", "sips:desk@example.in"])
def test_a_sip_address_is_dialled_as_one_and_sees_the_caller(address):
    (dial,) = read(twiml.dial(address, action_url=ACTION, caller_id="+918000000000"))

    assert "callerId" not in dial.attrib
    assert [(noun.tag, noun.text) for noun in dial] == [("Sip", address)]


@given(st.text(), st.text())
@example("sip:</Sip><Hangup/>", '"/><Hangup/>')
def test_whom_to_dial_changes_no_structure(to, caller_id):
    root = read(twiml.dial(to, action_url=ACTION, caller_id=caller_id))

    assert [element.tag for element in root.iter()][:2] == ["Response", "Dial"]
    assert len(list(root.iter())) == 3


def test_a_call_is_turned_away_with_a_word():
    root = read(twiml.busy("All our agents are busy.", voice="Polly.Raveena", language="en-IN"))

    assert [(child.tag, child.text) for child in root] == [("Say", "All our agents are busy."), ("Hangup", None)]


def test_a_call_is_turned_away_unanswered_where_there_is_no_word():
    (reject,) = read(twiml.busy(""))

    assert (reject.tag, reject.attrib) == ("Reject", {"reason": "busy"})
