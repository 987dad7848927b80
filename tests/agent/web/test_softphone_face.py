"""Who gets a softphone's address, and what it is."""

import secrets

import pytest

from agent.guard.tokens import Claims, Tokens
from tests.agent.web.test_keys_face import HERE, Ring, ask, log_in

ACCOUNT = "AC" + "c" * 32


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def built(house, ring):
    made, _ = house(
        keys=ring,
        APP_ENV="production",
        PUBLIC_URL=HERE + "/prefix",
        TWILIO_SIGNATURE="require",
        TWILIO_CALLER_ID="+91800",
    )
    return made


def softphones() -> Tokens:
    return Tokens(b"softphone key", ttl_s=60, random=secrets.token_bytes)


async def test_an_address_is_for_one_call_and_tells_what_to_say_there(built, ring):
    shown = ring.make("call")
    answer = await built.client.post("/api/softphone", headers={"Authorization": f"Bearer {shown}"})
    told = await answer.get_json()
    start = told["start"]

    assert answer.status_code == 200
    assert told["url"].startswith("wss://voice.example.in/prefix/twilio/media/")
    token = told["url"].rpartition("/")[2]
    assert softphones().admit(token, 1059.0) == Claims(
        start["callSid"], ACCOUNT, f"client:{shown[3:11]}", "+91800", "inbound"
    )
    assert start["accountSid"] == ACCOUNT
    assert start["streamSid"].startswith("MZ")
    assert start["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert told["expires_at"] == 1060.0
    assert list(built.state.promised) == [start["callSid"]]


async def test_it_takes_a_scope_and_a_page_of_ours(built, ring):
    assert (await ask(built, path="/api/softphone", method="POST")).status_code == 401
    assert (await ask(built, ring.make("read"), "/api/softphone", "POST")).status_code == 403
    await log_in(built, ring.make("call"))
    assert (await ask(built, path="/api/softphone", method="POST")).status_code == 403
    assert (await ask(built, path="/api/softphone", method="POST", Origin="https://evil.example")).status_code == 403
    assert (await ask(built, path="/api/softphone", method="POST", Origin=HERE)).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 200),
        (b'{"language": "hi-IN", "voice": "nova"}', 200),
        (b'{"line": "nobody"}', 404),
        (b'{"language": "klingon!"}', 400),
        (b'{"voice": "<x>"}', 400),
        (b'{"voice": "nova\\n"}', 400),
        (b'{"more": 1}', 400),
        (b'{"voice": "nova", "voice": "alloy"}', 400),
        (b'{"voice": "nova"' + b" " * 16_384 + b"}", 400),
        (b"[", 400),
        (b"[" * 60_000, 400),
    ],
)
async def test_what_cannot_be_meant_is_refused(built, ring, body, status):
    headers = {"Authorization": f"Bearer {ring.make('call')}", "Content-Type": "application/json"}

    assert (await built.client.post("/api/softphone", data=body, headers=headers)).status_code == status


async def test_none_is_handed_out_while_no_call_is_taken(built, ring):
    shown = ring.make("call")
    built.state.most = 1
    assert [(await ask(built, shown, "/api/softphone", "POST")).status_code for _ in range(2)] == [200, 429]
    built.state.most, built.state.draining = 2, True
    assert (await ask(built, shown, "/api/softphone", "POST")).status_code == 503


async def test_its_token_is_no_media_token_and_the_other_way_round(built, ring):
    answer = await ask(built, ring.make("call"), "/api/softphone", "POST")
    told = await answer.get_json()
    token, sid = told["url"].rpartition("/")[2], told["start"]["callSid"]

    assert built.tokens.redeem(token, sid, ACCOUNT, 1000.0).reason.value == "forged"
    assert softphones().admit(built.tokens.mint(Claims(sid, ACCOUNT), 1000.0), 1000.0).reason.value == "forged"


TRIED = {"prompt": "You sell boats.", "settings": {"END_SILENCE_MS": 900}}


async def test_trying_is_for_development(built, ring, house):
    shown = ring.make("call")
    answers = [await ask(built, shown, "/api/try")]
    headers = {"Authorization": f"Bearer {shown}"}
    answers.append(await built.client.post("/api/softphone", json={"tried": TRIED}, headers=headers))
    for answer in answers:
        assert answer.status_code == 403
        assert "development only" in (await answer.get_json())["detail"]


async def test_without_it_all_is_told_and_taken(house):
    made, _ = house(APP_ENV="development")
    told = await (await made.client.get("/api/try", headers={"Host": "localhost"})).get_json()
    assert told["settings"][0] == {
        "name": "BARGE_IN_MS",
        "value": 96,
        "kind": "whole",
        "least": 32,
        "most": 2000,
        "above": None,
        "below": None,
    }
    assert "real estate" in told["prompt"]

    longest = {"prompt": "x" * 50_000, "settings": {}}
    for tried, status in ((TRIED, 200), (longest, 200), ({"prompt": "x" * 61_440}, 400), ({"voice": "x"}, 400)):
        answer = await made.client.post("/api/softphone", json={"tried": tried}, headers={"Host": "localhost"})
        assert answer.status_code == status, await answer.get_json()

    wrong = {"settings": {"END_SILENCE_MS": 5, "API_TOKEN": 1}}
    answer = await made.client.post("/api/softphone", json={"tried": wrong}, headers={"Host": "localhost"})
    errors = (await answer.get_json())["errors"]
    assert [each["parameter"] for each in errors] == ["tried.settings.END_SILENCE_MS", "tried.settings.API_TOKEN"]
    assert errors[0]["detail"] == "it has to be greater than or equal to 96."


async def test_among_several_workers_nobody_could_know_which_is_called(house):
    made, _ = house(APP_ENV="development", WORKERS="2")
    answer = await made.client.get("/api/try", headers={"Host": "localhost"})
    assert (answer.status_code, "WORKERS=1" in (await answer.get_json())["detail"]) == (403, True)
