"""Signatures as somebody who has seen some would use them, and while the token is changed."""

import pytest
from pydantic import SecretStr

from agent.guard.tokens import Claims, Reason, Refusal, Tokens
from agent.wire.signature import sign
from tests.agent.web.conftest import ACCOUNT, AUTH_TOKEN, CALL, PUBLIC
from tests.agent.web.test_twilio_face import read

FORM = {"CallSid": CALL, "AccountSid": ACCOUNT, "From": "+919876543210", "CallStatus": "ringing"}
URL = PUBLIC + "/twilio/voice"
OTHER = "e" * 32


async def announced(built, **changes) -> str:
    root = await read(await built.post("/twilio/voice", FORM | changes))
    return root.find("Connect/Stream/Parameter").attrib["value"]


async def test_a_webhook_that_is_sent_again_announces_the_same_call_once(face):
    built = face()
    first, again = await announced(built), await announced(built)

    assert isinstance(built.tokens.redeem(again, CALL, ACCOUNT, 1000.0), Claims)
    assert built.tokens.redeem(first, CALL, ACCOUNT, 1000.0) == Refusal(Reason.USED)
    built.clock[0] += 3600
    assert built.tokens.redeem(await announced(built), CALL, ACCOUNT, built.clock[0]) == Refusal(Reason.USED)


async def test_a_call_that_comes_back_from_elsewhere_is_another_announcement(face):
    built = face()
    first, second = await announced(built), await announced(built, CallStatus="in-progress")

    assert isinstance(built.tokens.redeem(first, CALL, ACCOUNT, 1000.0), Claims)
    assert isinstance(built.tokens.redeem(second, CALL, ACCOUNT, 1000.0), Claims)


async def test_without_signatures_each_announcement_is_its_own(face):
    built = face(TWILIO_SIGNATURE="off")
    tokens = [await announced(built) for _ in range(2)]

    assert all(isinstance(built.tokens.redeem(token, CALL, ACCOUNT, 1000.0), Claims) for token in tokens)


@pytest.mark.parametrize(("token", "status"), [(AUTH_TOKEN, 200), (OTHER, 200), ("x" * 32, 403), ("", 403)])
async def test_while_the_token_is_changed_both_are_taken(face, token, status):
    built = face(TWILIO_AUTH_TOKEN=SecretStr(OTHER), TWILIO_AUTH_TOKEN_SECONDARY=SecretStr(AUTH_TOKEN))

    assert (await built.post("/twilio/voice", FORM, token=token)).status_code == status


async def test_two_signatures_are_none(face):
    good = sign(URL, FORM.items(), AUTH_TOKEN)
    for both in ((good, good), (good, "x"), ("x", good)):
        headers = [("X-Twilio-Signature", each) for each in both]
        assert (await face().client.post("/twilio/voice", form=FORM, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "settings",
    ["algorithm=none", "key=x,algorithm=HMAC_SHA1", "key=x,algorithm=HMAC_SHA256", "algorithm=HMAC_MD5", "off"],
)
@pytest.mark.parametrize("given", ["", "x", sign(URL, FORM.items(), ""), sign(URL, FORM.items(), "x", "sha256")])
async def test_no_header_says_what_a_signature_has_to_be(face, settings, given):
    headers = {"X-Twilio-Signature": given, "X-Twilio-Webhooks-Signature-Settings": settings}

    assert (await face().client.post("/twilio/voice", form=FORM, headers=headers)).status_code == 403


async def test_the_idempotency_token_is_signed_by_nobody_and_says_nothing(face):
    built = face()
    for number in range(2):
        response = await built.post("/twilio/voice", FORM, headers={"I-Twilio-Idempotency-Token": str(number)})
        token = (await read(response)).find("Connect/Stream/Parameter").attrib["value"]
        answer = built.tokens.redeem(token, CALL, ACCOUNT, 1000.0)
        assert isinstance(answer, Claims) if number == 0 else answer == Refusal(Reason.USED)


@pytest.mark.parametrize(
    "path", ["/twilio/after", "/twilio/after-transfer", "/twilio/stream-status", "/twilio/call-status"]
)
async def test_every_webhook_is_signed_and_of_our_account(face, path):
    built = face()

    assert (await built.post(path, FORM, signed=False)).status_code == 403
    assert (await built.post(path, FORM | {"AccountSid": "AC" + "d" * 32})).status_code == 403
    assert (await built.post(path, FORM)).status_code < 300


def test_a_seeded_token_is_no_longer_than_twilio_takes():
    claims = Claims(CALL, ACCOUNT, "स" * 100, "x" * 100, "outbound-api", "l" * 40, "en-IN", "v" * 40)
    token = Tokens(b"k", ttl_s=60, random=bytes).mint(claims, 1e9, "seed")

    assert len(token) + len("token") < 500
