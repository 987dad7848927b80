"""Verdicts on an account and its number."""

from __future__ import annotations

import msgspec
import pytest

from agent.config import Settings
from agent.doctor import telephone
from agent.errors import CarrierError, CarrierFault
from agent.wire.carrier import CarrierNumber

NUMBER, URL = "+918012345678", "https://voice.example.in"
RIGHT = CarrierNumber(NUMBER, f"{URL}/twilio/voice", "POST", f"{URL}/twilio/voice", f"{URL}/twilio/call-status")


def settings(**changes: str) -> Settings:
    told = {"TWILIO_CALLER_ID": NUMBER, "PUBLIC_URL": URL, "TWILIO_ACCOUNT_SID": "AC1"}
    return Settings(_env_file=None, **(told | changes))  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize(
    ("change", "states", "do"),
    [
        ({}, ["fine"], ""),
        ({"voice_url": f"{URL}/twilio/voice?line=sales#rc=2&rp=all"}, ["fine"], ""),
        ({"voice_url": "https://demo.twilio.com/welcome/voice/"}, ["failure"], f"{URL}/twilio/voice, method POST"),
        ({"voice_url": ""}, ["failure"], f"{URL}/twilio/voice"),
        ({"voice_url": f"http://{URL[8:]}/twilio/voice"}, ["failure"], f"{URL}/twilio/voice"),
        ({"voice_method": "GET"}, ["failure"], "POST"),
        ({"status_url": ""}, ["warning"], f"{URL}/twilio/call-status"),
        ({"fallback_url": "", "status_url": ""}, ["warning", "warning"], "fallback"),
        ({"number": "+918000000000"}, ["warning"], "bought"),
    ],
)
def test_a_number_sends_its_calls_to_us(change: dict[str, str], states: list[str], do: str) -> None:
    account, *found = telephone.numbers(settings(), [msgspec.structs.replace(RIGHT, **change)])
    assert account.state == "fine"
    assert [one.state for one in found] == states
    assert do in found[-1].do


def test_without_an_address_or_a_number_nothing_can_be_told() -> None:
    for changes in ({"PUBLIC_URL": ""}, {"TWILIO_CALLER_ID": ""}):
        assert [one.state for one in telephone.numbers(settings(**changes), [RIGHT])] == ["fine", "unknown"]


@pytest.mark.parametrize(
    ("fault", "state", "do"),
    [
        (CarrierFault.REFUSED, "failure", "TWILIO_AUTH_TOKEN"),
        (CarrierFault.UNREACHABLE, "failure", "network"),
        (CarrierFault.UNKNOWN, "failure", "status page"),
        (CarrierFault.BUSY, "unknown", "again"),
    ],
)
def test_an_account_that_cannot_be_asked(fault: CarrierFault, state: str, do: str) -> None:
    found = telephone.refused(settings(), CarrierError(fault, "Authenticate (HTTP 401, 20003)"))
    assert (found.state, do in found.do) == (state, True)
    keyed = telephone.refused(
        settings(TWILIO_API_KEY="SK1", TWILIO_API_SECRET="s"), CarrierError(CarrierFault.REFUSED, "")
    )
    assert "TWILIO_API_SECRET" in keyed.do
