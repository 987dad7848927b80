"""How often a client may ask."""

import pytest
from werkzeug.datastructures import Headers

from agent.web.problem import problem
from agent.wire.signature import sign

VOICE = "/twilio/voice"


def form(twilio, number=1):
    return {"CallSid": f"CA{number}", "AccountSid": twilio.account, "From": "+911", "To": "+912"}


async def statuses(ask, times):
    return [(await ask()).status_code for _ in range(times)]


def by(address):
    return {"scope_base": {"client": (address, 4711)}}


async def test_refused_webhooks_get_429_in_the_end_and_what_is_signed_passes(face, twilio):
    house = face(REFUSED_RATE=5)

    async def unsigned():
        return await house.post(VOICE, form(twilio), signed=False)

    assert await statuses(unsigned, 7) == [403] * 5 + [429] * 2
    answer = await unsigned()
    assert answer.headers["Retry-After"] == "12"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await answer.get_json(force=True))["status"] == 429
    assert (await house.post(VOICE, form(twilio))).status_code == 200


async def test_webhooks_that_pass_have_a_ceiling_that_no_stranger_can_fill(face, twilio):
    house = face(WEBHOOK_RATE=3, REFUSED_RATE=0)

    async def unsigned():
        return await house.post(VOICE, form(twilio), signed=False)

    async def signed():
        return await house.post(VOICE, form(twilio))

    assert set(await statuses(unsigned, 10)) == {403}
    assert await statuses(signed, 5) == [200] * 3 + [429] * 2


async def test_the_api_counts_by_client_and_health_is_free(house):
    built, _ = house(API_RATE=3)

    def ask(address, path="/api/calls"):
        return lambda: built.client.get(path, headers={"Host": "localhost"}, **by(address))

    assert await statuses(ask("203.0.113.1"), 4) == [200] * 3 + [429]
    assert await statuses(ask("203.0.113.2"), 1) == [200]
    assert await statuses(ask("203.0.113.1", "/health"), 10) == [200] * 10
    assert await statuses(ask("203.0.113.1", "/nothing"), 1) == [429]


async def test_wrong_keys_count_like_right_ones(house):
    token = "t" * 32
    built, _ = house(API_TOKEN=token, API_RATE=3)

    def ask(shown):
        return lambda: built.client.get("/api/calls", headers={"Authorization": f"Bearer {shown}"})

    assert await statuses(ask(token), 1) == [200]
    assert await statuses(ask("wrong"), 3) == [401] * 2 + [429]
    assert await statuses(ask(token), 1) == [429]


async def test_logins_that_fail_get_429_in_the_end(face):
    built = face(REFUSED_RATE=2)

    @built.app.post("/session")
    async def session():
        return problem(401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})

    assert await statuses(lambda: built.client.post("/session"), 3) == [401] * 2 + [429]
    answer = await built.client.post("/session")
    assert "WWW-Authenticate" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store", "what others say of an answer stays"


@pytest.mark.parametrize(("proxies", "same"), [("", True), ("10.0.0.0/8", False)])
async def test_behind_a_proxy_of_ours_clients_are_told_apart(face, twilio, proxies, same):
    house = face(REFUSED_RATE=1, TRUSTED_PROXIES=proxies)

    async def ask(client):
        headers = {"X-Forwarded-For": client, "X-Twilio-Signature": sign("https://x", (), "y")}
        answer = await house.client.post(VOICE, form=form(twilio), headers=headers, **by("10.0.0.9"))
        return answer.status_code

    assert await ask("203.0.113.1") == 403
    assert await ask("203.0.113.2") == (429 if same else 403)
    assert await ask("203.0.113.1") == 429


async def test_who_writes_the_header_themselves_is_told_by_what_the_proxy_adds(face, twilio):
    house = face(REFUSED_RATE=2, TRUSTED_PROXIES="10.0.0.0/8")
    written = iter(range(100))

    async def ask():
        headers = Headers([("X-Forwarded-For", f"198.51.100.{next(written)}"), ("X-Forwarded-For", "203.0.113.1")])
        return await house.client.post(VOICE, form=form(twilio), headers=headers, **by("10.0.0.9"))

    assert await statuses(ask, 3) == [403] * 2 + [429]
