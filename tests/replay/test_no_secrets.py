"""What a recording says of the settings: none of them a secret."""

from __future__ import annotations

from functools import partial

import msgspec

from tests.calls.stage import Stage, configured
from tests.calls.test_hand_off import LINES, TALK
from tests.replay.taken_stage import taken

SECRETS = {"TWILIO_AUTH_TOKEN": "a-very-secret-token-1234", "OPENAI_API_KEY": "sk-very-secret", "API_TOKEN": "t" * 40}


def test_neither_keys_nor_credentials_in_addresses_are_recorded() -> None:
    settings = configured(**SECRETS, OPENAI_BASE_URL="https://user:hidden@models.example.in/v1")
    stage = Stage(TALK, settings)
    ((header, _),) = taken(stage, partial(stage.place, *LINES[:1], patience_ms=20_000))
    told = msgspec.json.encode(header).decode()

    assert not [secret for secret in (*SECRETS.values(), "hidden", "user:") if secret in told]
    assert header.settings["OPENAI_BASE_URL"] == "https://models.example.in/v1"
