"""Who may read records, and who may not: as strangers try it."""

import pytest
import structlog
from pydantic import SecretStr

from tests.agent.web.test_calls_face import record

TOKEN = "t0ken-" + "x" * 30
PATHS = ["/api/calls", f"/api/calls/{record().call_sid}", "/api/calls/CA9", "/api/export", "/api/calls?limit=x"]
CRM = "https://crm.example.in"


async def status(built, path="/api/calls", method="GET", **headers) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await built.client.open(path, method=method, headers=sent)).status_code


@pytest.fixture
def guarded(house):
    built, archive = house(API_TOKEN=SecretStr(TOKEN), CORS_ORIGINS=f"{CRM}, http://localhost:5173/")
    archive.store.save(record())
    return built


async def test_who_has_the_token_may_read_from_anywhere(guarded):
    assert (
        await status(guarded, Authorization=f"Bearer {TOKEN}", Host="voice.example.in", X_Forwarded_For="1.2.3.4")
        == 200
    )
    assert await status(guarded, Authorization=f"bearer  {TOKEN}") == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
async def test_who_has_not_learns_nothing_of_what_there_is(guarded, path, authorization):
    response = await guarded.client.get(path, headers={"Authorization": authorization} if authorization else {})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await response.get_json(force=True)) == {
        "status": 401,
        "title": "Unauthorized",
        "detail": "No key, or none that is valid: make a key with `calling-agent keys create`, "
        "and send it as `Authorization: Bearer <key>`.",
    }


async def test_no_token_is_in_the_log(guarded):
    with structlog.testing.capture_logs() as logs:
        await status(guarded, Authorization="Bearer almost-" + TOKEN)

    assert [entry["event"] for entry in logs] == ["api refused"]
    assert TOKEN not in str(logs)


@pytest.mark.parametrize(
    "settings",
    [
        {"APP_ENV": "production"},
        {"HOST": "0.0.0.0"},  # noqa: S104
        {"HOST": "::"},
        {"HOST": "192.168.1.7"},
        {"HOST": "voice.example.in"},
        {"PUBLIC_URL": "https://voice.example.in"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_without_a_key_nobody_may_where_strangers_can_come(house, settings, method):
    built, _ = house(**settings)
    response = await built.client.open("/api/callers/+919876543210", method="DELETE")

    assert response.status_code == 401
    assert "calling-agent keys" in (await response.get_json(force=True))["detail"]


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST", "127.0.0.1"])
async def test_a_program_on_this_machine_may_in_development(house, host):
    assert await status(house()[0], Host=host) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:3000"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example@localhost"},
        {"Host": "[::1].evil.example"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://localhost:3000.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "1.2.3.4"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=1.2.3.4"},
        {"Via": "1.1 tunnel"},
        {"Cf-Connecting-Ip": "1.2.3.4"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/calls"), ("DELETE", "/api/callers/+919876543210")])
async def test_no_web_page_and_no_tunnel_gets_through_a_laptop_that_is_open(house, headers, method, path):
    built, archive = house()
    archive.store.save(record())
    response = await built.client.open(path, method=method, headers={"Host": "localhost:3000", **headers})

    assert response.status_code == 403
    assert "Access-Control-Allow-Origin" not in response.headers
    assert archive.store.records


async def test_its_own_page_and_those_that_are_named_may(house):
    built, _ = house(CORS_ORIGINS=CRM)

    assert await status(built, Host="localhost:3000", Origin="http://localhost:3000") == 200
    assert await status(built, Host="localhost:3000", Origin=CRM, Sec_Fetch_Site="cross-site") == 200


async def test_any_origin_is_not_any_without_a_token(house):
    assert await status(house(CORS_ORIGINS="*")[0], Host="localhost:3000", Origin="https://evil.example") == 403


@pytest.mark.parametrize("origin", [CRM, "http://localhost:5173"])
async def test_a_browser_is_told_what_a_named_page_may(guarded, origin):
    preflight = await guarded.client.options(
        "/api/callers/+919876543210", headers={"Origin": origin, "Access-Control-Request-Method": "DELETE"}
    )
    answer = await guarded.client.get("/api/calls", headers={"Origin": origin, "Authorization": f"Bearer {TOKEN}"})
    refusal = await guarded.client.get("/api/calls", headers={"Origin": origin})

    assert preflight.status_code == 204
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for response in (preflight, answer, refusal):
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in response.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/calls", "GET, HEAD, OPTIONS, POST"),
        ("/api/calls/check", "OPTIONS, POST"),
        ("/api/calls/CA1", "GET, HEAD, OPTIONS"),
        ("/api/callers/+919876543210", "DELETE, OPTIONS"),
    ],
)
async def test_an_address_tells_what_may_be_done_there(guarded, path, methods):
    assert (await guarded.client.options(path)).headers["Allow"] == methods


async def test_other_pages_are_told_nothing_and_nothing_else_has_it(guarded):
    other = await guarded.client.options(
        "/api/calls", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    )
    health = await guarded.client.get("/health", headers={"Origin": CRM})
    hook = await guarded.client.post("/twilio/call-status", form={"CallSid": "CA1"}, headers={"Origin": CRM})

    for response in (other, health, hook):
        assert response.status_code < 300
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
