"""Callers for whom there is no line, repeated webhooks and callbacks out of order."""

import xml.etree.ElementTree as ET

import pytest

from agent.web.state import PROMISE_S


def form(twilio, **changes):
    return {"CallSid": twilio.call, "AccountSid": twilio.account, "From": "+911", "To": "+912", **changes}


async def ask(house, twilio, path="/twilio/voice", **changes):
    response = await house.post(path, form(twilio, **changes))
    assert response.status_code == 200
    return ET.fromstring(await response.get_data())  # noqa: S314  our own document


def full(face, **settings):
    house = face(**settings)
    house.state.most = house.state.calls = 2
    return house


def verbs(root):
    return [child.tag for child in root]


async def test_beyond_the_lines_there_are_a_caller_is_told_so_and_hung_up_on(face, twilio):
    root = await ask(full(face), twilio)

    assert verbs(root) == ["Say", "Hangup"]
    assert "busy" in root.find("Say").text


async def test_promised_calls_count(face, twilio):
    house = face()
    house.state.most, house.state.calls = 2, 1

    assert "Connect" in verbs(await ask(house, twilio))
    assert "Connect" not in verbs(await ask(house, twilio, CallSid="CA2"))
    assert house.state.promised.keys() == {twilio.call}


async def test_a_webhook_that_is_asked_again_takes_one_line(face, twilio):
    house = face()
    house.state.most = 1

    for _ in range(3):
        assert "Connect" in verbs(await ask(house, twilio))
    assert len(house.state.promised) == 1


async def test_a_webhook_for_a_call_that_is_up_takes_no_line(face, twilio):
    house = face()
    house.state.most = house.state.calls = 1
    house.state.held.add(twilio.call)

    assert "Connect" in verbs(await ask(house, twilio))
    assert not house.state.promised


async def test_a_promise_that_nobody_comes_for_gives_its_line_back(face, twilio):
    house = face()
    house.state.most = 1
    house.state.promised["CA0"] = 1000.0 - PROMISE_S

    assert "Connect" in verbs(await ask(house, twilio))


@pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", "canceled"])
async def test_a_call_that_is_over_before_it_connects_gives_its_line_back_at_once(face, twilio, status):
    told = []
    house = face()
    house.state.most = 1
    await ask(house, twilio)

    house.state.on_change = lambda: told.append(1)
    for _ in range(2):  # repeated
        assert (await house.post("/twilio/call-status", form(twilio, CallStatus=status))).status_code == 204

    assert not house.state.promised
    assert told == [1]
    assert "Connect" in verbs(await ask(house, twilio, CallSid="CA2"))


async def test_callbacks_out_of_order_and_of_calls_nobody_knows_are_harmless(face, twilio):
    house = face()
    callbacks = [
        ("/twilio/call-status", {"CallStatus": "completed"}),
        ("/twilio/stream-status", {"StreamEvent": "stream-stopped"}),
        ("/twilio/after", {}),
        ("/twilio/after-transfer", {"DialCallStatus": "completed"}),
        ("/twilio/call-status", {"CallStatus": "ringing"}),
        ("/twilio/stream-status", {"StreamEvent": "stream-started"}),
        ("/twilio/call-status", {"CallStatus": "no such status"}),
    ]

    for path, fields in callbacks * 2:
        assert (await house.post(path, form(twilio, **fields))).status_code in {200, 204}

    assert "Connect" in verbs(await ask(house, twilio))
    assert house.state.promised.keys() == {twilio.call}


async def test_a_text_of_our_own(face, twilio):
    root = await ask(full(face, BUSY_TEXT="{company} is busy <now> & then."), twilio)

    assert root.find("Say").text == "Premier Realty Group is busy <now> & then."


async def test_a_line_has_its_own_text(face, twilio, tmp_path):
    lines = tmp_path / "lines.toml"
    lines.write_text('[north]\nnumbers = ["+918012345678"]\nbusy = "Sab line vyast hain."')

    assert (await ask(full(face, LINES_FILE=lines), twilio, To="+918012345678")).find(
        "Say"
    ).text == "Sab line vyast hain."


async def test_a_line_in_hindi_speaks_hindi(face, twilio, tmp_path):
    lines = tmp_path / "lines.toml"
    lines.write_text('[hindi]\nnumbers = ["+918012345678"]\nlanguage = "hi-IN"\nsay_voice = "Polly.Aditi"')

    assert "व्यस्त" in (await ask(full(face, LINES_FILE=lines), twilio, To="+918012345678")).find("Say").text


async def test_a_queue(face, twilio):
    root = await ask(full(face, BUSY_QUEUE="sales"), twilio)

    assert verbs(root) == ["Say", "Enqueue"]
    assert "stay on the line" in root.find("Say").text
    assert root.find("Enqueue").text == "sales"
    assert root.find("Enqueue").attrib["action"] == f"{twilio.public}/twilio/after-transfer"


@pytest.mark.parametrize(
    ("result", "then"), [("bridged", ["Hangup"]), ("leave", ["Hangup"]), ("queue-full", ["Say", "Hangup"])]
)
async def test_who_leaves_the_queue(face, twilio, result, then):
    house = face(BUSY_QUEUE="sales")

    assert verbs(await ask(house, twilio, "/twilio/after-transfer", QueueResult=result)) == then


async def test_a_colleague(face, twilio):
    root = await ask(full(face, BUSY_DIAL="+918012345678", TWILIO_CALLER_ID="+918000000000"), twilio)

    assert verbs(root) == ["Say", "Dial"]
    assert root.find("Dial/Number").text == "+918012345678"
    assert root.find("Dial").attrib["callerId"] == "+918000000000"


async def test_a_busy_tone_that_nobody_pays_for(face, twilio):
    root = await ask(full(face, BUSY_REJECT=True), twilio)

    assert verbs(root) == ["Reject"]
    assert root.find("Reject").attrib == {"reason": "busy"}


@pytest.mark.parametrize("way", [{"BUSY_QUEUE": "sales"}, {"BUSY_DIAL": "+918012345678"}, {"BUSY_REJECT": True}, {}])
async def test_whom_we_called_hears_an_apology(face, twilio, way):
    root = await ask(full(face, **way), twilio, Direction="outbound-api")

    assert verbs(root) == ["Say", "Hangup"]
    assert "sorry" in root.find("Say").text


async def test_a_stream_that_found_no_line_leads_to_the_same(face, twilio):
    house = face()
    house.state.turn_away(twilio.call)

    for _ in range(2):  # an answer may be lost on its way
        assert verbs(await ask(house, twilio, "/twilio/after")) == ["Say", "Hangup"]
    assert verbs(await ask(house, twilio, "/twilio/after", CallSid="CA2")) == ["Hangup"]


async def test_a_flood_of_streams_without_a_line_is_forgotten(face):
    state = face().state
    for number in range(3000):
        state.turn_away(f"CA{number}")

    assert len(state.turned_away) == 1000
