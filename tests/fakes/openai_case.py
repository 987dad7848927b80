"""What the tests of the OpenAI providers share: a client on the fake, and waiting for what the fake has seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from agent.config import Settings
from agent.providers.http_client import open_http_client
from agent.providers.openai_client import OpenAIClient
from tests.fakes.openai_launch import Fake

CUT_WHILE_HANDING_OVER = "ignore:Async generator 'httpcore2._async.connection_pool.PoolByteStream:ResourceWarning"
"""httpx2 does not close httpcore2's body generator where a reader leaves between two chunks (as it does where one is
cancelled in its read). The connection is closed all the same, which the tests see from the server's side; what is left
to the garbage collector is a generator with nothing to do, and trio says so."""


@asynccontextmanager
async def connected(base_url: str, **settings: Any) -> AsyncIterator[tuple[OpenAIClient, Settings]]:
    """A client and its settings; every socket is closed at the end."""
    usual = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": base_url, "OPENAI_LLM_MODEL": "llama-3"}
    chosen = Settings(_env_file=None, **usual | settings)  # type: ignore[call-arg]  # pydantic's own, unknown to mypy
    http = open_http_client()
    try:
        yield OpenAIClient(chosen, http), chosen
    finally:
        await http.aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, five seconds at most."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110  another process sets no event of ours
            await trio.sleep(0.005)


async def nothing_left(fake: Fake) -> None:
    """No connection and no request, as the server sees it."""
    await until(lambda: (fake.state()["open"], fake.state()["in_flight"]) == (0, 0))


class Heap(list[Any]):
    """Collects what is emitted; tells when the first piece has come."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = trio.Event()

    async def put(self, piece: Any) -> None:
        self.append(piece)
        self.begun.set()
