"""A call whose stream is over and which goes on, as Twilio asks for it; and a new call that comes to a process that
leaves."""

import xml.etree.ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.guard.lease import Lease, Stand
from agent.guard.tokens import Claims
from agent.web.resuming import BRIEF_S, MOST_BRIEF, MOST_TURNS
from agent.web.ways_back import Whereabouts
from agent.web.webhook import INSIST
from agent.wire.signature import sign, valid, webhook_urls

FROM, TO = "+919876543210", "+918000000000"


class Ways:
    """What any process and the store would say."""

    def __init__(self, *leases, to=None, wins=True, sure=True):
        self.sure = sure
        self.leases = {lease.call_sid: lease for lease in leases}
        self.to = to
        self.wins = wins
        self.asked = []
        self.told = []

    async def whereabouts(self, call_sid):
        return Whereabouts(self.to, self.leases.get(call_sid), self.sure)

    async def rescued(self, lease):
        self.asked.append(lease.fence)
        known = self.leases[lease.call_sid]
        won, self.leases[lease.call_sid] = (
            known.rescued < known.fence and self.wins,
            msgspec.structs.replace(known, rescued=known.fence),
        )
        return won

    def stopped(self, call_sid, stream_sid):
        self.told.append((call_sid, stream_sid))

    def over(self, call_sid):
        self.told.append(call_sid)


def lease(twilio, stand=Stand.HELD, fence=1, **more):
    return Lease(twilio.call, "another process", fence, "MZ1", stand, 2000.0, **more)


def form(twilio, **changes):
    known = {"CallSid": twilio.call, "AccountSid": twilio.account, "From": FROM, "To": TO}
    return known | {"Direction": "inbound", "CallStatus": "in-progress"} | changes


async def read(response):
    assert response.status_code == 200
    return ET.fromstring(await response.get_data())  # noqa: S314  our own document


def verbs(root):
    return [child.tag for child in root]


async def after(house, twilio, path="/twilio/after", **changes):
    """What Twilio is told there; a fragment is its own business."""
    return await read(await house.post(path.removeprefix(twilio.public).partition("#")[0], form(twilio, **changes)))


def claims(house, root, twilio):
    token = root.find("Connect/Stream/Parameter").attrib["value"]
    return house.tokens.redeem(token, twilio.call, twilio.account, house.clock[0] + 1)


def action(root):
    at = root.find("Connect").attrib["action"] if root.find("Connect") is not None else root.find("Redirect").text
    assert at.endswith(INSIST)
    return at


@pytest.mark.parametrize("stand", [Stand.HELD, Stand.MOVING, Stand.LOST])
async def test_a_call_that_is_not_over_gets_a_stream_for_its_next_leg_and_no_word(face, twilio, stand):
    told = {"line": "gone", "language": "hi-IN", "voice": "nova", "order": "o" * 20, "campaign": "spring"}
    house = face(ways=Ways(lease(twilio, stand, 3, **told)), SAY_FIRST="Hi!")

    root = await after(house, twilio, "/twilio/after?leg=3")

    assert verbs(root) == ["Connect", "Redirect"]
    assert claims(house, root, twilio) == Claims(
        *(twilio.call, twilio.account, FROM, TO, "inbound"),
        line="",  # there is none of that name
        language="hi-IN",
        voice="nova",
        order="o" * 20,
        campaign="spring",
        leg=4,
    )
    at = f"{twilio.public}/twilio/after?line=gone&leg=4&since=1000{INSIST}"
    assert (action(root), root.find("Redirect").text) == (at, at)
    assert root.find("Connect/Stream").attrib["url"] == "wss://voice.example.in/twilio/media"
    assert root.find("Connect/Stream").attrib["statusCallback"] == f"{twilio.public}/twilio/stream-status{INSIST}"
    assert twilio.call in house.state.promised


async def test_a_call_that_is_over_or_that_nobody_knows_is_hung_up(face, twilio):
    for house in (face(ways=Ways()), face(ways=Ways(lease(twilio, Stand.OVER)))):
        assert verbs(await after(house, twilio)) == ["Hangup"]
    house = face(ways=(ways := Ways(lease(twilio))))
    assert verbs(await after(house, twilio, CallStatus="completed")) == ["Hangup"]
    assert ways.told == [twilio.call]  # nobody will come back to it: its record need not wait for that


async def test_a_call_whose_first_stream_nobody_has_had_gets_it_again_and_is_then_told_that_lines_are_busy(
    face, twilio
):
    """Led to a process that has died since, and asked about at another."""
    house = face(ways=Ways(), SAY_FIRST="Hi!")
    order = "OR" + "0" * 32
    at = f"/twilio/after?leg=1&language=hi-IN&voice=nova&order={order}&campaign=spring"
    for turn in range(1, MOST_TURNS + 1):
        house.clock[0] += 2
        root = await after(house, twilio, at)
        assert verbs(root) == [*(["Pause"] if turn > 1 else []), "Connect", "Redirect"]
        at = action(root)
        assert f"leg=1&again={turn}&language=hi-IN" in at
        assert twilio.call in house.state.promised
        assert claims(house, root, twilio) == Claims(
            *(twilio.call, twilio.account, FROM, TO, "inbound", "", "hi-IN", "nova", order, "spring")
        )
    root = await after(house, twilio, at)
    assert verbs(root) == ["Say", "Hangup"]
    assert "busy" in root.find("Say").text
    assert verbs(await after(house, twilio, "/twilio/after?leg=1", CallStatus="completed")) == ["Hangup"]
    assert verbs(await after(house, twilio, "/twilio/after?leg=2")) == ["Hangup"]


async def test_a_call_whose_first_stream_nobody_has_had_is_turned_away_where_there_is_no_line_here_either(face, twilio):
    house = face(ways=Ways(), MAX_CONCURRENT_CALLS=1)
    house.state.calls = house.state.most = 1
    assert verbs(await after(house, twilio, "/twilio/after?leg=1")) == ["Say", "Hangup"]

    leaves = face(ways=Ways())
    leaves.state.draining = True
    assert verbs(await after(leaves, twilio, "/twilio/after?leg=1")) == ["Pause", "Redirect"]
    assert verbs(await after(leaves, twilio, f"/twilio/after?leg=1&again={MOST_TURNS}")) == ["Say", "Hangup"]


async def test_a_call_that_had_no_line_here_and_got_one_elsewhere_goes_on_from_there(face, twilio):
    """Its stream was asked for again; now that process has died, and this one is asked."""
    house = face(ways=Ways())
    house.state.turn_away(twilio.call)
    assert verbs(await after(house, twilio, "/twilio/after?leg=1&again=1")) == ["Say", "Hangup"]

    house = face(ways=Ways(lease(twilio)))
    house.state.turn_away(twilio.call)
    assert verbs(await after(house, twilio, "/twilio/after?leg=1&again=1")) == ["Connect", "Redirect"]

    house = face(ways=Ways(sure=False))
    house.state.turn_away(twilio.call)
    assert verbs(await after(house, twilio, "/twilio/after?leg=1&again=1")) == ["Pause", "Redirect"]


async def test_a_call_that_is_passed_on_is_so_although_its_lease_could_not_be_written(face, twilio):
    house = face(ways=Ways(lease(twilio), to="+919900112233"))

    (dial,) = await after(house, twilio)

    assert dial.find("Number").text == "+919900112233"


async def test_an_unsigned_request_resumes_nothing(face, twilio):
    house = face(ways=Ways(lease(twilio)))

    assert (await house.post("/twilio/after?leg=1", form(twilio), signed=False)).status_code == 403


async def test_a_request_sent_again_later_does_not_disturb_the_leg_that_followed(face, twilio):
    ways = Ways(lease(twilio, fence=2))
    house = face(ways=ways)

    assert (await house.post("/twilio/after?leg=1", form(twilio))).status_code == 409

    ways.leases[twilio.call] = lease(twilio, Stand.LOST, 2)
    assert verbs(await after(house, twilio, "/twilio/after?leg=1")) == ["Connect", "Redirect"]


async def test_whoever_has_asked_the_carrier_to_bring_a_call_back_is_waited_for(face, twilio):
    ways = Ways(lease(twilio, Stand.LOST), wins=False)
    house = face(ways=ways)

    root = await after(house, twilio, "/twilio/after?leg=1")
    assert verbs(root) == ["Pause", "Redirect"]
    assert twilio.call not in house.state.promised
    for _ in range(MOST_TURNS - 1):
        root = await after(house, twilio, root.find("Redirect").text)
        assert verbs(root) == ["Pause", "Redirect"]
    assert verbs(await after(house, twilio, root.find("Redirect").text)) == ["Connect", "Redirect"]

    assert verbs(await after(house, twilio, "/twilio/after?leg=1&rescue=1")) == ["Connect", "Redirect"]


async def test_where_the_store_is_away_nobody_is_waited_for(face, twilio):
    class Away(Ways):
        async def rescued(self, lease):
            return False

    assert verbs(await after(face(ways=Away(lease(twilio))), twilio, "/twilio/after?leg=1")) == ["Connect", "Redirect"]


async def test_a_call_of_which_nobody_can_say_anything_is_kept_a_while_and_then_told_goodbye(face, twilio):
    house = face(ways=Ways(sure=False))
    at = "/twilio/after?line=x&leg=2&since=990"
    for turn in range(1, MOST_TURNS + 1):
        root = await after(house, twilio, at)
        assert verbs(root) == ["Pause", "Redirect"]
        at = root.find("Redirect").text
        assert at == f"{twilio.public}/twilio/after?line=x&leg=2&since=990&again={turn}{INSIST}"

    assert verbs(await after(house, twilio, at)) == ["Say", "Hangup"]
    assert verbs(await after(house, twilio, at, CallStatus="completed")) == ["Hangup"]
    # A new call is greeted all the same.
    assert "Connect" in verbs(await after(house, twilio, "/twilio/voice"))


async def test_a_stream_that_could_not_be_opened_is_asked_for_again(face, twilio):
    house = face(ways=Ways(lease(twilio, Stand.LOST)))
    root = await after(house, twilio, "/twilio/after?leg=1")

    root = await after(house, twilio, action(root))

    assert verbs(root) == ["Connect", "Redirect"]
    assert claims(house, root, twilio).leg == 2
    assert house.state.promised


async def test_one_brief_leg_after_the_other_comes_to_an_end_with_a_word(face, twilio):
    ways = Ways(lease(twilio, Stand.LOST))
    house = face(ways=ways)
    at, given = "/twilio/after?leg=1", 0
    while verbs(root := await after(house, twilio, at))[-1] == "Redirect":
        at, given = action(root), given + 1
        ways.leases[twilio.call] = lease(twilio, Stand.LOST, given + 1)
        house.clock[0] += BRIEF_S - 1
        assert given < 50
    assert verbs(root) == ["Say", "Hangup"]
    assert "sorry" in root.find("Say").text
    assert given == MOST_BRIEF
    assert "Pause" in verbs(
        await after(house, twilio, f"/twilio/after?leg={given + 1}&since={house.clock[0]:.0f}&brief=3")
    )


async def test_a_leg_that_lasts_begins_the_count_anew(face, twilio):
    house = face(ways=Ways(lease(twilio, Stand.LOST)))

    root = await after(house, twilio, f"/twilio/after?leg=1&since=900&brief={MOST_BRIEF - 1}")

    assert action(root) == f"{twilio.public}/twilio/after?leg=2&since=1000{INSIST}"


async def test_a_process_that_hands_off_sends_the_call_on_and_takes_it_where_nobody_else_does(face, twilio):
    house = face(ways=Ways(lease(twilio, Stand.MOVING, line="x")), DRAIN_MODE="hand-off")
    house.state.draining = True
    told: list[int] = []
    house.state.on_sent_on = lambda: told.append(len(told))
    root = await after(house, twilio, "/twilio/after?leg=1&since=995&brief=2")
    for turn in range(1, MOST_TURNS + 1):
        assert verbs(root) == ["Pause", "Redirect"]
        assert action(root) == f"{twilio.public}/twilio/after?line=x&leg=1&again={turn}&since=995&brief=2{INSIST}"
        root = await after(house, twilio, action(root))

    assert verbs(root) == ["Pause", "Connect", "Redirect"]
    assert "brief=3" in action(root)
    assert len(told) == MOST_TURNS
    assert twilio.call in house.state.promised
    assert house.state.kept == {twilio.call}, "it is not handed off again"


async def test_a_process_that_lets_calls_finish_takes_back_one_that_has_lost_its_stream(face, twilio):
    house = face(ways=Ways(lease(twilio, Stand.LOST)))
    house.state.draining = True

    assert verbs(await after(house, twilio)) == ["Connect", "Redirect"]


async def test_a_new_call_at_a_process_that_leaves_is_sent_to_the_public_address_and_then_turned_away(face, twilio):
    house = face(ways=Ways())
    house.state.draining = True
    at = "/twilio/voice?line=x&campaign=a%26b"
    for turn in range(1, MOST_TURNS + 1):
        root = await after(house, twilio, at, CallStatus="ringing")
        assert verbs(root) == ["Pause", "Redirect"]  # before a call is answered, it goes on ringing
        at = root.find("Redirect").text
        assert at == f"{twilio.public}/twilio/voice?line=x&campaign=a%26b&again={turn}"

    root = await after(house, twilio, at, CallStatus="ringing")

    assert verbs(root) == ["Say", "Hangup"]
    assert house.state.promised == {}


async def test_a_process_that_leaves_and_cannot_write_its_journal_has_the_fallback_address_asked(face, twilio):
    house = face()
    house.state.draining, house.state.journal_fault = True, "disk full"

    assert (await house.post("/twilio/voice", form(twilio, CallStatus="ringing"))).status_code == 503


async def test_the_voice_webhook_as_a_fallback_goes_on_with_a_call_instead_of_greeting_it(face, twilio):
    house = face(ways=Ways(lease(twilio)), SAY_FIRST="Hi!")

    root = await after(house, twilio, "/twilio/voice")
    assert verbs(root) == ["Connect", "Redirect"]
    assert claims(house, root, twilio).leg == 2

    fresh = face(ways=Ways(), SAY_FIRST="Hi!")
    assert verbs(await after(fresh, twilio, "/twilio/voice", CallStatus="ringing")) == ["Say", "Connect", "Redirect"]
    called = {"Direction": "outbound-api"}  # answered, and so in progress from its first request on
    assert verbs(await after(fresh, twilio, "/twilio/voice", **called)) == ["Connect", "Redirect"]
    house = face(ways=Ways(lease(twilio)))
    root = await after(house, twilio, "/twilio/voice", ErrorUrl="https://h/twilio/after", **called)
    assert claims(house, root, twilio).leg == 2


async def test_a_request_that_comes_again_for_a_later_leg_gets_a_token_that_is_not_used_up(face, twilio):
    """Word for word the same, and so with the same signature: a fallback address does not tell which leg is over."""
    ways = Ways(lease(twilio, Stand.LOST))
    house = face(ways=ways)
    assert claims(house, await after(house, twilio, "/twilio/voice"), twilio).leg == 2

    ways.leases[twilio.call] = lease(twilio, Stand.LOST, 2)
    assert claims(house, await after(house, twilio, "/twilio/voice"), twilio).leg == 3


async def test_callbacks_tell_whoever_brings_calls_back(face, twilio):
    ways = Ways()
    house = face(ways=ways)
    for event in ("stream-started", "stream-stopped", "stream-error"):
        await house.post("/twilio/stream-status", form(twilio, StreamSid="MZ1", StreamEvent=event))
    for status in ("in-progress", "completed"):
        await house.post("/twilio/call-status", form(twilio, CallStatus=status))

    assert ways.told == [(twilio.call, "MZ1"), (twilio.call, "MZ1"), twilio.call]


@given(st.integers(0, 10**12), st.text())
def test_what_stands_behind_the_hash_is_not_signed(since, text):
    """Twilio signs the address without it."""
    at = f"https://h/twilio/after?line=x&since={since}"

    assert valid(sign(at, [("A", text)], "t"), webhook_urls(at + INSIST), "t", fields=[("A", text)])


@pytest.mark.parametrize("query", ["leg=-1", "leg=%D9%A3", "leg=x", "leg=" + "9" * 30, "leg="])
async def test_numbers_that_are_none_are_not_told(face, twilio, query):
    house = face(ways=Ways(lease(twilio, Stand.LOST)))

    root = await after(house, twilio, f"/twilio/after?{query}")

    assert claims(house, root, twilio).leg == 2
