"""A server with the console's real page and files, and calls that are made up: as many events as so many lively calls
tell, without the two cores that they would take.

Every call changes its state each 2.5 s, one ends and one begins each second. A call that is opened has the thousand
moments that a feed keeps, and then tells ten a second, with its record each second.

    python -m ops.bench.console_feed --calls 200     prints its address
"""

from __future__ import annotations

import argparse
import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, cast

import msgspec
import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from agent.config import Settings
from agent.guard.sessions import Sessions
from agent.guard.tokens import Tokens
from agent.keep.record import CallRecord, Entry, TurnTimes
from agent.lines import load_lines
from agent.seen.feed import MOST
from agent.seen.live_call import LiveCall, Said
from agent.seen.stream import event
from agent.web.app import create_app
from agent.web.entrance import Entrance
from agent.web.ports import Records
from agent.web.security import Gate
from agent.web.state import ProcessState
from nurseries.watch.views import LIST_S, RECORD_S

STATES = ("listening", "hearing", "thinking", "speaking")
CHANGES_S = 2.5
"""Between two states of a call."""
TURNOVER_S = 1.0
MOMENT_S = 0.1
STEPS = (
    *("vad", "state", "state", "vad", "partial", "turn", "stage", "say", "say", "say"),
    *("mark", "mark", "mark", "barge-in", "clear", "state"),
)
WORDS = "I am looking for a two bedroom flat in Whitefield and could see it on Saturday at eleven if that suits you"


class MadeUp:
    """The Watching port."""

    def __init__(self, count: int) -> None:
        self._dice = random.Random(1)
        self._number = 0
        self._all = {call.call_sid: call for call in (self._new() for _ in range(count))}
        self._first = next(iter(self._all))

    async def where(self, call_sid: str) -> Literal["here", "elsewhere", ""]:
        return "here" if call_sid in self._all else ""

    async def calls(self) -> AsyncGenerator[bytes, None]:
        yield event("calls", msgspec.json.encode({"calls": list(self._all.values())}))
        due, turnover = trio.current_time(), trio.current_time()
        while True:
            due += LIST_S
            await trio.sleep_until(due)
            gone = []
            changed = [self._changed(sid) for sid in self._all if self._dice.random() < LIST_S / CHANGES_S]
            if due >= turnover + TURNOVER_S:
                turnover = due
                over = self._dice.choice([sid for sid in self._all if sid != self._first])
                del self._all[over]
                gone = [{"call_sid": over, "ending": "caller hung up"}]
                changed = [call for call in changed if call.call_sid != over] + [self._new()]
            self._all |= {call.call_sid: call for call in changed}
            yield event("changed", msgspec.json.encode({"calls": changed, "gone": gone}))

    async def call(self, call_sid: str, last: int = 0) -> AsyncGenerator[bytes, None]:
        now_ms = MOST * MOMENT_S * 1000
        yield event("call", msgspec.json.encode(msgspec.to_builtins(self._all[call_sid]) | {"now_ms": now_ms}))
        number, due = last, trio.current_time()
        while True:
            if number >= MOST:
                due += MOMENT_S
                await trio.sleep_until(due)
            number += 1
            yield event("moment", msgspec.json.encode(self._moment(number)), number)
            if number % round(RECORD_S / MOMENT_S) == 0 and number >= MOST:
                yield event("record", msgspec.json.encode(self._record(call_sid, number)))

    def _new(self) -> LiveCall:
        self._number += 1
        sid, dice = f"CA{self._number:032x}", self._dice
        began = datetime.now(UTC) - timedelta(seconds=dice.randrange(300))
        caller = f"+9198765{dice.randrange(10**5):05}"
        told = (sid, caller, "+918012345678", "inbound", "sales", "en-IN", began.isoformat(timespec="milliseconds"))
        return LiveCall(*told, "listening", None, None, 0, 0, None, here=True, softphone=False)

    def _changed(self, sid: str) -> LiveCall:
        call, dice = self._all[sid], self._dice
        return msgspec.structs.replace(
            call,
            state=dice.choice(STATES),
            turns=call.turns + 1,
            score=dice.randrange(100),
            cost_usd=(call.cost_usd or 0) + 0.001,
            last=Said(dice.choice(("caller", "agent")), self._words()),
        )

    def _words(self) -> str:
        words = WORDS.split()
        return " ".join(self._dice.choice(words) for _ in range(self._dice.randrange(3, 15)))

    def _moment(self, number: int) -> dict[str, Any]:
        """Of turns that have 16 moments each."""
        at, turn, step = round(number * MOMENT_S * 1000), number // 16 + 1, number % 16
        more: dict[str, Any] = {}
        match STEPS[step]:
            case "vad":
                more = {"speech": step == 0, "since_ms": at - 60}
            case "partial":
                more = {"text": self._words(), "start_ms": at - 400}
            case "turn":
                more = {"text": self._words(), "start_ms": at - 500, "end_ms": at - 200, "endpoint_ms": 450}
            case "stage":
                more = {"endpoint_ms": 450, "heard_ms": 60, "first_token_ms": 400, "first_audio_ms": 600}
            case "say":
                more = {"piece": step - 7, "text": self._words(), "ms": 900}
            case "mark":
                more = {"piece": step - 10}
            case "state":
                more = {"state": STATES[(turn + step) % 4]}
        return {"at_ms": at, "turn": turn, "kind": STEPS[step], **more}

    def _record(self, sid: str, number: int) -> CallRecord:
        call, turns = self._all[sid], number // 16
        entries = []
        for turn in range(turns):
            at = round(turn * 16 * MOMENT_S * 1000)
            entries += [
                Entry("caller", self._words(), at, at + 400),
                Entry("agent", self._words(), at + 600, at + 1500),
            ]
        told = (sid, "AC" + "0" * 32, call.caller, call.called, "inbound", call.started_at, round(number * 100), "")
        return CallRecord(*told, tuple(entries), turns=(TurnTimes(60, 400, 600, endpoint_ms=450),) * turns)


class NoRecords:
    """What the API needs of a store: none of these calls is in one."""

    async def get(self, _call_sid: str) -> None:
        await trio.lowlevel.checkpoint()


async def run(count: int) -> None:
    settings, state = Settings(_env_file=None), ProcessState(ready=True, most=count)
    tokens = Tokens(b"key", ttl_s=60, random=random.Random(1).randbytes)
    entrance = Entrance(settings, sessions=Sessions(b"session", ttl_s=3600))

    async def nowhere(_: str) -> None:
        await trio.lowlevel.checkpoint()

    app = create_app(
        *(settings, tokens, state, Gate(settings), load_lines(settings), nowhere, cast("Records", NoRecords())),
        entrance=entrance,
        watching=MadeUp(count),
    )
    config = Config()
    config.bind, config.accesslog, config.errorlog = ["127.0.0.1:0"], None, None
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(partial(serve, app, config))
        print(binds[0], flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    trio.run(run, parser.parse_args().calls)
