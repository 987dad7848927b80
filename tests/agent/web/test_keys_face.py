"""Keys and sessions at the door: who gets in, what for, and what the others are told."""

import json
import secrets

import pytest
import structlog
from pydantic import SecretStr

from agent.errors import StoreError
from agent.guard.api_keys import ApiKey, new_key
from tests.agent.web.test_calls_face import record

FORGET = "/api/callers/+919876543210"
HERE = "https://voice.example.in"


class Ring:
    """The keys of a test."""

    def __init__(self) -> None:
        self.held: dict[str, ApiKey] = {}
        self.uses: list[str] = []
        self.away = False

    def make(self, scope: str, *, days: float | None = None) -> str:
        key, shown = new_key("crm", scope, days=days, now=1000.0, random=secrets.token_bytes)
        self.held[key.key_id] = key
        return shown

    async def find(self, key_id: str) -> ApiKey | None:
        if self.away:
            raise StoreError("gone fishing")
        return self.held.get(key_id)

    async def used(self, key: ApiKey, now: float) -> None:
        self.uses.append(key.key_id)


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def built(house, ring, monkeypatch):
    """In production, at its public address."""
    made, archive = house(keys=ring, APP_ENV="production", PUBLIC_URL=HERE)
    archive.store.save(record())
    return made


async def ask(built, shown="", path="/api/calls", method="GET", **headers):
    sent = {"Authorization": f"Bearer {shown}"} if shown else {}
    return await built.client.open(
        path, method=method, headers=sent | {name.replace("_", "-"): value for name, value in headers.items()}
    )


async def log_in(built, shown, **headers):
    return await built.client.post("/session", json={"key": shown}, headers={"Origin": HERE, **headers})


@pytest.mark.parametrize(("scope", "read", "erase"), [("read", 200, 403), ("call", 200, 403), ("admin", 200, 200)])
async def test_a_key_may_what_its_scope_says(built, ring, scope, read, erase):
    shown = ring.make(scope)

    assert (await ask(built, shown)).status_code == read
    refused = await ask(built, shown, FORGET, "DELETE")
    assert refused.status_code == erase
    if erase == 403:
        challenge = refused.headers["WWW-Authenticate"]
        assert challenge == 'Bearer realm="calls", error="insufficient_scope", scope="admin"'


async def test_who_shows_none_and_who_shows_a_wrong_one_are_told_apart(built, ring):
    shown = ring.make("admin")
    other = ring.make("admin")
    mixed = shown[:12] + other[12:]

    assert (await ask(built)).headers["WWW-Authenticate"] == 'Bearer realm="calls"'
    for wrong in (mixed, "ca_abcdefgh_" + "0" * 64, "x"):
        answer = await ask(built, wrong)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="calls", error="invalid_token"'


async def test_two_keys_at_once_are_none(built, ring):
    sent = [("Authorization", f"Bearer {ring.make('admin')}")] * 2

    assert (await built.client.get("/api/calls", headers=sent)).status_code == 401


async def test_a_key_ends(built, ring):
    shown = ring.make("read", days=1)
    assert (await ask(built, shown)).status_code == 200
    built.clock[0] += 86_400

    assert (await ask(built, shown)).status_code == 401


async def test_with_the_store_away_an_unknown_key_is_not_judged(built, ring):
    shown = ring.make("read")
    ring.away = True
    answer = await ask(built, shown)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await log_in(built, shown)).status_code == 503


async def test_the_log_tells_who_did_what_and_no_secret_and_no_number(built, ring):
    shown = ring.make("admin")
    with structlog.testing.capture_logs() as logs:
        await ask(built, shown, FORGET, "DELETE")
        await ask(built, shown[:-1] + "x")
        await log_in(built, shown)

    (done,) = (line for line in logs if line["event"] == "api")
    assert done["who"] == f"key {shown[3:11]} (crm)"
    assert (done["method"], done["route"], done["status"]) == ("DELETE", "/api/callers/<number>", 200)
    assert shown[12:60] not in str(logs)
    assert "9876543210" not in str([line for line in logs if "erased" not in line["event"]])  # masked when written
    assert ring.uses == [shown[3:11]] * 2


async def test_who_erased_is_in_the_audit_log(house, ring):
    built, archive = house(keys=ring, APP_ENV="production", PUBLIC_URL=HERE)
    shown = ring.make("admin")
    await ask(built, shown, FORGET, "DELETE")

    lines = [json.loads(line) for line in (archive.data / "audit.log").read_text().splitlines()]
    assert {line["who"] for line in lines} == {f"the API, key {shown[3:11]} (crm)"}


async def test_a_session_stands_for_the_key_it_was_begun_with(built, ring):
    begun = await log_in(built, ring.make("call"))
    told = await begun.get_json()
    (cookie,) = begun.headers.getlist("Set-Cookie")

    assert (begun.status_code, told["scopes"], told["expires_at"]) == (200, ["read", "call"], 4600.0)
    assert cookie.startswith("__Host-session=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=3600"):
        assert attribute in cookie
    assert (await ask(built)).status_code == 200
    assert (await (await ask(built, path="/session")).get_json()) == told
    assert (await ask(built, path=FORGET, method="DELETE", Origin=HERE)).status_code == 403


@pytest.mark.parametrize("how", ["revoked", "over", "logged out", "another secret"])
async def test_a_session_ends(built, ring, how):
    shown = ring.make("admin")
    await log_in(built, shown)
    match how:
        case "revoked":
            ring.held.clear()
        case "over":
            built.clock[0] += 3600
        case "logged out":
            assert (await ask(built, path="/session", method="DELETE", Origin=HERE)).status_code == 204
        case _:
            key = ring.held[shown[3:11]]
            ring.held[key.key_id] = ApiKey(key.key_id, key.name, key.scope, "0" * 64, key.created_at)

    assert (await ask(built)).status_code == 401
    assert (await ask(built, path="/session")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": HERE, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": HERE + ".evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": HERE}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_with_a_session_changes_come_from_our_own_pages(built, ring, headers, status):
    await log_in(built, ring.make("admin"))

    assert (await built.client.delete(FORGET, headers=headers)).status_code == status


async def test_a_page_of_somebody_else_begins_and_ends_no_session(built, ring):
    shown = ring.make("admin")

    assert (await log_in(built, shown, Origin="https://evil.example")).status_code == 403
    await log_in(built, shown)
    assert (await ask(built, path="/session", method="DELETE", Sec_Fetch_Site="cross-site")).status_code == 403
    assert (await ask(built)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"key": 1}', b'{"key": "x", "more": 1}', b"[" * 60_000, b"\xff"])
async def test_what_is_no_key_begins_no_session(built, body):
    answer = await built.client.post("/session", data=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers


async def test_a_form_begins_no_session(built, ring):
    assert (await built.client.post("/session", form={"key": ring.make("admin")})).status_code == 415


async def test_the_api_token_is_a_key_and_its_sessions_end_with_it(house, ring):
    token = "t0ken-" + "x" * 30
    built, _ = house(keys=ring, API_TOKEN=SecretStr(token), APP_ENV="production", PUBLIC_URL=HERE)
    begun = await log_in(built, token)
    changed, _ = house(keys=ring, API_TOKEN=SecretStr(token + "2"), APP_ENV="production", PUBLIC_URL=HERE)
    cookie = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}

    assert (await begun.get_json())["scopes"] == ["read", "call", "admin"]
    assert (await built.client.get("/api/calls", headers=cookie)).status_code == 200
    assert (await changed.client.get("/api/calls", headers=cookie)).status_code == 401


async def test_on_this_machine_a_session_is_open_as_the_api_is(house, ring):
    built, _ = house(keys=ring)
    here = await ask(built, path="/session", Host="localhost:3000")

    assert (await here.get_json()) == {
        "who": "this machine",
        "scopes": ["read", "call", "admin"],
        "expires_at": None,
    }
    assert (await ask(built, path="/session", Host="evil.example")).status_code == 403
    begun = await log_in(built, ring.make("read"), Host="localhost:3000", Origin="http://localhost:3000")
    assert begun.headers["Set-Cookie"].startswith("session=")
    assert "Secure" not in begun.headers["Set-Cookie"]


async def test_a_key_works_where_a_tunnel_leads_to_a_laptop(house, ring):
    built, _ = house(keys=ring)

    assert (await ask(built, ring.make("read"), Host="evil.example", X_Forwarded_For="1.2.3.4")).status_code == 200
    assert (await ask(built, "ca_wrong", Host="localhost:3000")).status_code == 401
