"""Tools of one's own that do what they must not."""

import time

import msgspec
import structlog
import trio

from agent.think.tools.own import tool
from agent.think.tools.ports import Desk

log = structlog.get_logger(__name__)


class Nothing(msgspec.Struct):
    pass


@tool("Ignores its cancellation.")
async def shielded(_arguments: Nothing, _desk: Desk) -> str:
    log.info("a rogue runs")
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()
    return ""


@tool("Waits for a thread that hangs.")
async def stuck(_arguments: Nothing, _desk: Desk) -> str:
    log.info("a rogue runs")
    await trio.to_thread.run_sync(time.sleep, 1e6)
    return ""
