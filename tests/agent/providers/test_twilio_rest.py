"""The SDK's methods over our client, against a fake of the API on real sockets: what was sent, and what is safe."""

from functools import partial

import pytest
import trio

from agent.config import Settings
from agent.errors import CarrierError, CarrierFault
from agent.providers.http_client import open_http_client
from agent.providers.twilio_rest import TwilioRest
from agent.wire.carrier import Ring
from tests.fakes.twilio_rest import ACCOUNT, KEY, SECRET, TOKEN, FakeTwilio

RING = Ring(
    "+919876543210",
    "+918012345678",
    "https://v.example.in/twilio/voice?order=OR1&campaign=a%26b",
    "https://v.example.in/twilio/call-status?order=OR1",
    25,
    700,
    "https://v.example.in/twilio/amd?order=OR1",
    until_beep=True,
)


@pytest.fixture
async def fake(nursery):
    return await nursery.start(FakeTwilio(slow_s=20).run)


@pytest.fixture
async def rest(fake):
    async with open_http_client() as http:
        yield TwilioRest(settings(fake.url), http)


def settings(url: str, **changes) -> Settings:
    fields = {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_API_URL": url,
        "TWILIO_API_TIMEOUT_S": 0.5,
    }
    return Settings(_env_file=None, **(fields | changes))


async def test_a_call_is_created_with_all_four_events_and_looked_up(rest, fake) -> None:
    made = await rest.create(RING)

    (call,) = fake.calls.values()
    assert call.form == {
        "To": [RING.to],
        "From": [RING.caller_id],
        "Url": [RING.voice_url],
        "Method": ["POST"],
        "FallbackUrl": [RING.voice_url],
        "FallbackMethod": ["POST"],
        "StatusCallback": [RING.status_url],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "StatusCallbackMethod": ["POST"],
        "Timeout": ["25"],
        "TimeLimit": ["700"],
        "MachineDetection": ["DetectMessageEnd"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [RING.machine_url],
        "AsyncAmdStatusCallbackMethod": ["POST"],
    }
    assert (made.call_sid, made.status, made.direction, made.caller_id) == (
        call.sid,
        "queued",
        "outbound-api",
        call["From"],
    )
    assert made.created_s == int(call.created_at.timestamp())
    assert await rest.fetch(call.sid) == made
    assert await rest.recent(RING.to) == [made]
    assert await rest.recent("+910000000000") == []
    assert await rest.fetch("CA" + "0" * 32) is None
    ((number),) = await rest.numbers("+918012345678")
    assert (number.number, number.voice_method) == ("+918012345678", "POST")


async def test_a_call_that_is_over_or_unknown_is_hung_up(rest, fake) -> None:
    made = await rest.create(RING)

    await rest.hang_up(made.call_sid)
    assert fake.calls[made.call_sid].status == "completed"
    await rest.hang_up(made.call_sid)
    await rest.hang_up("CA" + "0" * 32)


async def test_a_call_that_goes_on_is_asked_back_and_one_that_is_over_or_unknown_is_not(rest, fake) -> None:
    made = await rest.create(RING)

    assert await rest.redirect(made.call_sid, "https://h/twilio/after?leg=1#rc=5")
    assert fake.calls[made.call_sid].redirected == [("https://h/twilio/after?leg=1#rc=5", "POST")]
    await rest.hang_up(made.call_sid)
    assert not await rest.redirect(made.call_sid, "https://h/twilio/after")
    assert not await rest.redirect("CA" + "0" * 32, "https://h/twilio/after")


@pytest.mark.parametrize(
    ("fault", "kind", "status", "code", "after", "created"),
    [
        ("429", CarrierFault.BUSY, 429, 20429, None, 0),
        ("429:2", CarrierFault.BUSY, 429, 20429, 2.0, 0),
        ("429:soon", CarrierFault.BUSY, 429, 20429, None, 0),
        ("400", CarrierFault.REFUSED, 400, 21211, None, 0),
        ("401", CarrierFault.REFUSED, 401, 20003, None, 0),
        ("408-before", CarrierFault.UNKNOWN, 408, 0, None, 0),
        ("408-after", CarrierFault.UNKNOWN, 408, 0, None, 1),
        ("500-before", CarrierFault.UNKNOWN, 500, 20500, None, 0),
        ("500-after", CarrierFault.UNKNOWN, 500, 20500, None, 1),
        ("html-502", CarrierFault.UNKNOWN, 502, 0, None, 0),
        ("garbage", CarrierFault.UNKNOWN, 201, 0, None, 1),
        ("reset-before", CarrierFault.UNKNOWN, 0, 0, None, 0),
        ("reset-after", CarrierFault.UNKNOWN, 0, 0, None, 1),
        ("slow-before", CarrierFault.UNKNOWN, 0, 0, None, 0),
        ("slow-after", CarrierFault.UNKNOWN, 0, 0, None, 1),
    ],
)
async def test_each_fault_is_told_for_what_it_is(rest, fake, fault, kind, status, code, after, created) -> None:
    fake.faults.append(fault)

    with pytest.raises(CarrierError) as raised:
        await rest.create(RING)

    error = raised.value
    assert (error.fault, error.status, error.code, error.retry_after_s) == (kind, status, code, after)
    assert (len(fake.calls), fake.creates) == (created, 1)
    assert TOKEN not in str(error)


async def test_nobody_is_followed_elsewhere_with_our_token(rest, fake) -> None:
    fake.faults.append("moved")

    with pytest.raises(CarrierError) as raised:
        await rest.create(RING)

    assert (raised.value.fault, raised.value.status) == (CarrierFault.UNKNOWN, 307)
    assert [path for _, path in fake.requests if path.startswith("/elsewhere")] == []
    assert len(fake.requests) == 1


async def test_who_is_not_there_was_not_asked(nursery) -> None:
    async with open_http_client() as http:
        listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        port = listener.socket.getsockname()[1]
        await listener.aclose()
        with pytest.raises(CarrierError) as raised:
            await TwilioRest(settings(f"http://127.0.0.1:{port}"), http).create(RING)

    assert raised.value.fault is CarrierFault.UNREACHABLE


async def test_an_api_key_does_instead_of_the_token(fake) -> None:
    async with open_http_client() as http:
        with_key = settings(fake.url, TWILIO_API_KEY=KEY, TWILIO_API_SECRET=SECRET, TWILIO_AUTH_TOKEN="0" * 32)
        assert (await TwilioRest(with_key, http).create(RING)).call_sid in fake.calls
        with pytest.raises(CarrierError) as raised:
            await TwilioRest(settings(fake.url, TWILIO_AUTH_TOKEN="0" * 32), http).create(RING)

    assert (raised.value.fault, raised.value.code) == (CarrierFault.REFUSED, 20003)


async def test_cancelled_it_lets_go_at_once(rest, fake) -> None:
    fake.faults.append("slow-before")

    with trio.move_on_after(0.1) as patience:
        await partial(rest.create, RING)()

    assert patience.cancelled_caught
    assert (await rest.create(RING)).call_sid in fake.calls
