"""Lines and transfers as Twilio sees them: what the webhook's address tells, and what follows a stream."""

import xml.etree.ElementTree as ET

import pytest
import structlog

from agent.web.state import MOST_HAND_OVERS, ProcessState
from agent.web.webhook import INSIST

LINES = """
[hindi]
numbers = ["+918000000001"]
language = "hi-IN"
say_first = "नमस्ते!"
say_voice = "Polly.Aditi"
nobody_free = "माफ़ कीजिए।"
[quiet]
say_first = ""
"""
COLLEAGUE = "+919900112233"


def form(twilio, **changes):
    known = {"CallSid": twilio.call, "AccountSid": twilio.account, "From": "+919876543210", "To": "+918000000000"}
    return known | {"Direction": "inbound"} | changes


async def read(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/xml")
    return ET.fromstring(await response.get_data())  # noqa: S314  our own document


@pytest.fixture
def lined(face, tmp_path):
    (tmp_path / "lines.toml").write_text(LINES, encoding="utf-8")
    return face(LINES_FILE=tmp_path / "lines.toml", TWILIO_CALLER_ID="+918000000000", OPENAI_BASE_URL="http://h/v1")


def claims(house, root, twilio):
    token = root.find("Connect/Stream/Parameter").attrib["value"]
    return house.tokens.redeem(token, twilio.call, twilio.account, 1001.0)


async def test_the_first_word_is_the_lines_in_its_voice_and_language(lined, twilio):
    root = await read(await lined.post("/twilio/voice", form(twilio, To="+918000000001")))

    assert root.find("Say").text == "नमस्ते!"
    assert root.find("Say").attrib == {"voice": "Polly.Aditi", "language": "hi-IN"}
    assert claims(lined, root, twilio).line == ""
    assert root.find("Connect").attrib["action"] == f"{twilio.public}/twilio/after?leg=1{INSIST}"


async def test_what_the_signed_address_tells_goes_into_the_token_and_the_line_to_the_next_address(lined, twilio):
    path = "/twilio/voice?line=quiet&language=ta-in&voice=nova"

    root = await read(await lined.post(path, form(twilio)))

    told = claims(lined, root, twilio)
    assert (told.line, told.language, told.voice) == ("quiet", "ta-IN", "nova")
    assert [child.tag for child in root] == ["Connect", "Redirect"]
    after = f"{twilio.public}/twilio/after?line=quiet&language=ta-IN&voice=nova&leg=1{INSIST}"
    assert root.find("Connect").attrib["action"] == after
    assert root.find("Connect/Stream").attrib["url"] == "wss://voice.example.in/twilio/media"


async def test_an_address_that_was_not_signed_tells_nothing(lined, twilio):
    response = await lined.post("/twilio/voice?line=quiet", form(twilio), url=f"{twilio.public}/twilio/voice")

    assert response.status_code == 403


@pytest.mark.parametrize("query", ["line=gone", "language=Hindi%3C", "voice=a%20b", "voice=" + "v" * 33, "line=%00%ff"])
async def test_what_makes_no_sense_is_ignored_and_reported_and_the_call_goes_on(face, twilio, query):
    house = face(TWILIO_SIGNATURE="off")
    with structlog.testing.capture_logs() as logs:
        root = await read(await house.post(f"/twilio/voice?{query}", form(twilio), signed=False))

    told = claims(house, root, twilio)
    assert (told.line, told.language, told.voice) == ("", "", "")
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["event"], warning["name"]) == ("webhook parameter ignored", query.partition("=")[0])


async def test_a_call_that_is_passed_on_is_dialled_each_time_twilio_asks(lined, twilio):
    lined.state.hand_over(twilio.call, COLLEAGUE)

    for _ in range(2):
        root = await read(await lined.post("/twilio/after?line=hindi", form(twilio)))

        (dial,) = root
        assert dial.find("Number").text == COLLEAGUE
        assert dial.attrib == {
            "action": f"{twilio.public}/twilio/after-transfer?line=hindi",
            "method": "POST",
            "timeout": "25",
            "callerId": "+918000000000",
        }


async def test_a_call_that_another_process_held_is_passed_on_all_the_same(lined, twilio):
    lined.elsewhere[twilio.call] = "sip:desk@example.in"

    (dial,) = await read(await lined.post("/twilio/after", form(twilio)))

    assert dial.find("Sip").text == "sip:desk@example.in"
    assert "callerId" not in dial.attrib


async def test_another_call_is_hung_up(lined, twilio):
    lined.state.hand_over("CA-another", COLLEAGUE)

    root = await read(await lined.post("/twilio/after", form(twilio)))

    assert [child.tag for child in root] == ["Hangup"]


@pytest.mark.parametrize("status", ["completed", "answered"])
async def test_once_the_colleague_has_hung_up_so_do_we(lined, twilio, status):
    root = await read(await lined.post("/twilio/after-transfer", form(twilio, DialCallStatus=status)))

    assert [child.tag for child in root] == ["Hangup"]


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", ""])
async def test_where_nobody_answers_the_caller_is_told_so_in_the_lines_words(lined, twilio, status):
    path = "/twilio/after-transfer?line=hindi"

    root = await read(await lined.post(path, form(twilio, DialCallStatus=status)))

    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert root.find("Say").text == "माफ़ कीजिए।"
    assert root.find("Say").attrib == {"voice": "Polly.Aditi", "language": "hi-IN"}


async def test_neither_route_is_open_to_strangers(lined, twilio):
    lined.state.hand_over(twilio.call, COLLEAGUE)

    for path in ("/twilio/after", "/twilio/after-transfer"):
        assert (await lined.post(path, form(twilio), signed=False)).status_code == 403


def test_what_nobody_asks_for_is_forgotten_the_oldest_first():
    state = ProcessState()
    for n in range(MOST_HAND_OVERS + 3):
        state.hand_over(f"CA{n}", COLLEAGUE)

    assert len(state.hand_overs) == MOST_HAND_OVERS
    assert "CA2" not in state.hand_overs
    assert "CA3" in state.hand_overs
