"""An application with the settings a test asks for, and a client that signs as Twilio does."""

import secrets
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from agent.config import Settings
from agent.guard.tokens import Tokens
from agent.lines import load_lines
from agent.web.app import create_app
from agent.web.security import Gate
from agent.web.state import ProcessState
from agent.wire.signature import sign

AUTH_TOKEN = "f" * 32
ACCOUNT = "AC" + "c" * 32
CALL = "CA" + "b" * 32
PUBLIC = "https://voice.example.in"


@dataclass
class Face:
    settings: Settings
    state: ProcessState
    tokens: Tokens
    client: object
    app: object
    elsewhere: dict[str, str]

    async def post(self, path, fields, *, signed=True, headers=None, token=AUTH_TOKEN, url=None):
        signature = sign(url or PUBLIC + path, fields.items(), token)
        return await self.client.post(
            path, form=fields, headers={**({"X-Twilio-Signature": signature} if signed else {}), **(headers or {})}
        )


@pytest.fixture
def twilio():
    return SimpleNamespace(account=ACCOUNT, call=CALL, public=PUBLIC, token=AUTH_TOKEN)


@pytest.fixture
def face():
    def build(**changes):
        known = {
            "PUBLIC_URL": PUBLIC,
            "TWILIO_AUTH_TOKEN": SecretStr(AUTH_TOKEN),
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_SIGNATURE": "require",
        }
        settings = Settings(_env_file=None, **{**known, **changes})
        state = ProcessState(ready=True)
        elsewhere: dict[str, str] = {}

        async def handed_over(call_sid: str) -> str | None:
            return elsewhere.get(call_sid)

        tokens = Tokens(b"key", ttl_s=60, random=secrets.token_bytes)
        app = create_app(settings, tokens, state, Gate(settings), load_lines(settings), handed_over, now=lambda: 1000.0)
        return Face(settings, state, tokens, app.test_client(), app, elsewhere)

    return build
