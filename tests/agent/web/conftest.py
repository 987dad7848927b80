"""An application with the settings a test asks for, and a client that signs as Twilio does."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from agent.config import Settings
from agent.guard.sessions import Sessions
from agent.guard.tokens import Tokens
from agent.lines import load_lines
from agent.providers.journal_file import JournalFile
from agent.web.app import create_app
from agent.web.calling_out import CallingOut
from agent.web.entrance import Entrance
from agent.web.security import Gate
from agent.web.state import ProcessState
from agent.wire.signature import sign
from nurseries.keep.erasing import Erasing
from nurseries.keep.keeping import Keeping
from nurseries.keep.reading import Reading
from tests.fakes.memory_store import MemoryObjects, MemoryStore

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
    clock: list[float]
    """What time it is for whoever is let in."""

    async def post(self, path, fields, *, signed=True, headers=None, token=AUTH_TOKEN, url=None):
        signature = sign(url or PUBLIC + path, fields.items(), token)
        return await self.client.post(
            path, form=fields, headers={**({"X-Twilio-Signature": signature} if signed else {}), **(headers or {})}
        )


@pytest.fixture
def twilio():
    return SimpleNamespace(account=ACCOUNT, call=CALL, public=PUBLIC, token=AUTH_TOKEN)


@dataclass
class Archive:
    """What is kept, behind the real threads."""

    store: MemoryStore
    objects: MemoryObjects
    keeping: Keeping
    data: Path
    reading: Reading


@pytest.fixture
async def archive(nursery, tmp_path):
    store, objects = MemoryStore(), MemoryObjects()
    keeping = Keeping(store, JournalFile(tmp_path / "journal", "1"), ProcessState())
    await nursery.start(keeping.run)
    erasing = Erasing(store, objects, Settings(_env_file=None, DATA_DIR=tmp_path))
    reading = Reading(store, objects, erasing, keeping, tmp_path / "sessions")
    await nursery.start(reading.run)
    return Archive(store, objects, keeping, tmp_path, reading)


@pytest.fixture
def house(face, archive):
    """A server that has an API, open to this machine, and what stands behind it."""

    def build(out=None, **changes):
        built = face(records=archive.reading, out=out, **({"PUBLIC_URL": "", "TWILIO_SIGNATURE": "off"} | changes))
        return built, archive

    return build


@pytest.fixture
def face():
    def build(*, records=None, keys=None, out=None, ways=None, watching=None, **changes):
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
        gate, lines = Gate(settings), load_lines(settings)
        clock = [1000.0]
        entrance = Entrance(settings, keys, Sessions(b"session key", ttl_s=3600), lambda: clock[0])
        app = create_app(
            *(settings, tokens, state, gate, lines, handed_over, records),
            now=lambda: clock[0],
            entrance=entrance,
            calling_out=CallingOut(**(out or {})),
            softphones=Tokens(b"softphone key", ttl_s=60, random=secrets.token_bytes),
            ways=ways,
            watching=watching,
        )
        return Face(settings, state, tokens, app.test_client(), app, elsewhere, clock)

    return build
