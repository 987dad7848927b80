"""What the carrier tells of placed calls, and what the API tells of them."""

import json
import xml.etree.ElementTree as ET

import msgspec
import pytest

from agent.errors import CarrierError, CarrierFault
from agent.guard.order import Order, Wanted
from agent.guard.progress import order_id
from nurseries.outbound.orders import Orders
from tests.fakes.memory_orders import MemoryOrders

PERSON, OURS = "+919876543210", "+918012345678"


def order(n: int = 1, **changes) -> Order:
    made = Order(order_id(1e9 + n, bytes(10)), Wanted(PERSON, "to ask", OURS, campaign="may"), "2026-11-27T10:00:00Z")
    return msgspec.structs.replace(made, **changes)


@pytest.fixture
def office(face, archive):
    """A server that has orders, open to this machine."""

    def build(*orders: Order, hang_up=None, **changes):
        store = MemoryOrders()
        for each in orders:
            store.begin(each)
        kept = Orders(store)
        out = {"news": kept, "orders": kept, "hang_up": hang_up}
        known = {"PUBLIC_URL": "", "TWILIO_SIGNATURE": "off"} | changes
        return face(records=archive.reading, out=out, **known), store

    return build


def fields(twilio, **changes):
    form = {"CallSid": twilio.call, "AccountSid": twilio.account, "From": OURS, "To": PERSON}
    return form | {"Direction": "outbound-api", "CallStatus": "in-progress"} | changes


@pytest.fixture
def signed(face):
    store = MemoryOrders()
    kept = Orders(store)
    return face(out={"news": kept, "orders": kept}), store


async def test_an_answered_call_takes_its_order_to_the_media_socket(signed, twilio) -> None:
    house, store = signed
    store.begin(order())

    response = await house.post(f"/twilio/voice?order={order().order_id}&campaign=may", fields(twilio))

    root = ET.fromstring(await response.get_data())  # noqa: S314  our own
    token = root.find("Connect/Stream/Parameter").attrib["value"]
    claims = house.tokens.redeem(token, twilio.call, twilio.account, 1001.0)
    assert root.find("Say") is None, "who is called says hello first"
    assert (claims.order, claims.campaign, claims.direction) == (order().order_id, "may", "outbound-api")
    assert (store.orders[claims.order].state, store.orders[claims.order].call_sid) == ("answered", twilio.call)


async def test_a_second_call_of_one_order_is_hung_up(signed, twilio) -> None:
    house, store = signed
    store.begin(order(state="ringing", call_sid="CA" + "0" * 32))

    response = await house.post(f"/twilio/voice?order={order().order_id}", fields(twilio))

    assert [child.tag for child in ET.fromstring(await response.get_data())] == ["Hangup"]  # noqa: S314
    assert house.state.promised == {}
    assert store.orders[order().order_id].state == "ringing"


async def test_who_was_called_and_has_no_line_hears_an_apology(signed, twilio) -> None:
    house, store = signed
    store.begin(order())
    house.state.most = 0

    response = await house.post(f"/twilio/voice?order={order().order_id}", fields(twilio))

    root = ET.fromstring(await response.get_data())  # noqa: S314
    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert root.find("Say").text.startswith("I am sorry, nobody is free")


async def test_an_answered_call_is_held_also_where_the_orders_are_away(signed, twilio) -> None:
    house, store = signed
    store.away = "away"

    response = await house.post(f"/twilio/voice?order={order().order_id}", fields(twilio))

    assert b"<Stream" in await response.get_data()


async def test_callbacks_late_twice_and_of_nobody_are_answered_alike(signed, twilio) -> None:
    house, store = signed
    store.begin(order())
    path = f"/twilio/call-status?order={order().order_id}"

    for status, n in [("completed", "3"), ("ringing", "1"), ("in-progress", "2"), ("ringing", "1"), ("completed", "3")]:
        response = await house.post(path, fields(twilio, CallStatus=status, SequenceNumber=n))
        assert response.status_code == 204
    kept = store.orders[order().order_id]
    assert (kept.state, kept.sequence, kept.call_sid) == ("completed", 3, twilio.call)

    for other in [f"order={order(9).order_id}", "order=../../etc", "order=", "order=OR1&order=OR2"]:
        assert (await house.post(f"/twilio/call-status?{other}", fields(twilio))).status_code == 204
    store.away = "away"
    assert (await house.post(path, fields(twilio))).status_code == 204
    assert (await house.post("/twilio/amd?order=x", fields(twilio, AnsweredBy="<human>"))).status_code == 204


async def test_a_failure_tells_what_the_carrier_told(signed, twilio) -> None:
    house, store = signed
    store.begin(order())

    told = fields(twilio, CallStatus="failed", SequenceNumber="1", SipResponseCode="404", ErrorCode="32005")
    await house.post(f"/twilio/call-status?order={order().order_id}", told)

    assert store.orders[order().order_id].reason == "the carrier could not complete the call (SIP 404, error 32005)"


@pytest.mark.parametrize("path", ["voice", "call-status", "amd"])
async def test_nothing_is_heard_of_an_order_without_a_signature(signed, twilio, path) -> None:
    house, store = signed
    store.begin(order())

    response = await house.post(f"/twilio/{path}?order={order().order_id}", fields(twilio), signed=False)
    other = await house.post(
        f"/twilio/{path}?order={order().order_id}", fields(twilio), url=f"{twilio.public}/twilio/{path}"
    )

    assert (response.status_code, other.status_code) == (403, 403)
    assert store.orders[order().order_id] == order()


async def test_who_has_answered_is_kept(signed, twilio) -> None:
    house, store = signed
    store.begin(order(state="answered", call_sid=twilio.call))

    response = await house.post(f"/twilio/amd?order={order().order_id}", fields(twilio, AnsweredBy="machine_start"))

    assert response.status_code == 204
    assert store.orders[order().order_id].answered_by == "machine_start"


async def test_orders_page_by_page_and_one(office) -> None:
    house, _ = office(*(order(n, state="busy" if n % 2 else "completed") for n in range(1, 6)))

    async def ask(query):
        return json.loads(await (await house.client.get(f"/api/orders{query}")).get_data())

    first = await ask("?limit=2")
    assert [each["order_id"] for each in first["orders"]] == [order(5).order_id, order(4).order_id]
    last = await ask(f"?limit=9&cursor={first['next']}")
    assert (len(last["orders"]), last["next"]) == (3, None)
    assert len((await ask("?state=busy"))["orders"]) == 3
    one = await ask(f"/{order(1).order_id}")
    assert (one["state"], one["wanted"]["to"]) == ("busy", PERSON)


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("?state=lost", "state"),
        ("?limit=0", "limit"),
        ("?cursor=x", "cursor"),
        ("?states=busy", "states"),
        (f"/{order(7).order_id}", "no order"),
        ("/../calls", "no order"),
    ],
)
async def test_what_cannot_be_told_is_said_so(office, query, what) -> None:
    house, store = office()
    response = await house.client.get(f"/api/orders{query}")

    assert response.status_code in {400, 404}
    if response.status_code == 400:
        assert what in (await response.get_data()).decode()

    store.away = "away"
    assert (await house.client.get("/api/orders")).status_code == 503


async def test_a_call_is_hung_up_and_what_the_carrier_says_is_told(office) -> None:
    asked, faults = [], []

    async def hang_up(sid):
        asked.append(sid)
        if faults:
            raise faults.pop()

    house, _ = office(hang_up=hang_up)
    sid = "CA" + "a" * 32
    assert (await house.client.delete(f"/api/calls/{sid}")).status_code == 204
    assert (await house.client.delete("/api/calls/CA1")).status_code == 404
    assert asked == [sid]
    faults.append(CarrierError(CarrierFault.REFUSED, "no", status=401, code=20003))
    assert (await house.client.delete(f"/api/calls/{sid}")).status_code == 502
    faults.append(CarrierError(CarrierFault.BUSY, "no", status=429, retry_after_s=7))
    busy = await house.client.delete(f"/api/calls/{sid}")
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "7")


async def test_without_credentials_nothing_is_hung_up(office) -> None:
    house, _ = office()

    response = await house.client.delete(f"/api/calls/CA{'a' * 32}")

    assert response.status_code == 403
    assert "TWILIO_AUTH_TOKEN" in (await response.get_data()).decode()


async def test_a_key_that_only_reads_may_not_hang_up(office) -> None:
    house, _ = office(API_TOKEN="t" * 20, hang_up=None)

    assert (await house.client.get("/api/orders")).status_code == 401
    assert (await house.client.delete(f"/api/calls/CA{'a' * 32}")).status_code == 401
