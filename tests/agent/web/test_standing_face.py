"""How the server stands, over HTTP, made of the real parts: what calls have left in the store, and what fails."""

from __future__ import annotations

import json

import msgspec
import pytest
import trio

from agent import metrics
from agent.doctor.check import Check
from agent.errors import Fault
from agent.guard.breaker import Rules
from agent.keep.record import TurnTimes
from agent.keep.tally import tell
from agent.lines import load_lines
from agent.metrics import Reading
from agent.web.app import create_app
from agent.web.security import Gate
from nurseries.chain.breakers import Breakers
from nurseries.watch import bulletin as told_by
from nurseries.watch.bulletin import Bulletin
from nurseries.watch.pulse import Pulse
from tests.agent.providers.test_stores import record

DISK = Check("disk", "warning", "data: 1.5 GiB free", "Make room soon.")


class Standing:
    """A face that tells how things stand, and what it is made of."""

    def __init__(self, built, archive) -> None:
        self.built, self.archive = built, archive
        self.breakers = Breakers(Rules(failures=1))
        self.bulletin = Bulletin(
            *(built.settings, "one", built.state, archive.keeping, archive.reading, Pulse(built.state, limit_s=60.0)),
            self.breakers,
            {"stt": "ears", "llm": "mind", "tts": "voice"},
            self._checks,
            store="memory",
            now=lambda: 1000.0,
        )
        self.client = create_app(
            *(built.settings, built.tokens, built.state, Gate(built.settings)),
            *(load_lines(built.settings), self._nowhere, archive.reading),
            bulletin=self.bulletin,
        ).test_client()

    async def ask(self) -> dict:
        response = await self.client.get("/api/standing")
        assert response.status_code == 200
        return json.loads(await response.get_data())

    async def _checks(self) -> tuple[Check, ...]:
        await trio.lowlevel.checkpoint()
        return (DISK,)

    async def _nowhere(self, _: str) -> None: ...


@pytest.fixture
async def standing(house):
    return Standing(*house())


async def test_what_calls_were_is_told_by_ending_and_by_stage(standing, monkeypatch) -> None:
    monkeypatch.setattr(told_by, "AGAIN_S", 0)
    store = standing.archive.store
    today = "2999-01-01T00:00:00.000+00:00"  # whatever day it is
    store.save(record("CA1", today), record("CA2", today, ending="failed"), record("CA3", today))
    store.save(record("CA4", "2026-01-01T00:00:00.000+00:00"), record("CA5", today, ending=""))
    store.save(msgspec.structs.replace(record("CA6", today), turns=(TurnTimes(100, 900, 1000),)))
    before = (await standing.ask())["endings"]["since_start"].get("time limit", 0)
    tell(record("CA7", ending="time limit"), {})
    told = await standing.ask()

    assert told["endings"]["today"] == {"caller hung up": 3, "failed": 1}
    assert told["endings"]["since_start"]["time limit"] == before + 1
    assert told["latency"]["turns"] == 6
    assert {stage["stage"]: stage["p99"] for stage in told["latency"]["stages"]}["answer"] == 1000
    assert told["latency"]["slowest"] == {"call_sid": "CA6", "turn": 1, "answer_ms": 1000, "stage": "first token"}
    assert told["kept"]["answers"] is True
    assert told["findings"] == [msgspec.to_builtins(DISK)]
    assert told["spend"] == {"budgets": []}


async def test_what_does_not_work_is_told(standing, monkeypatch) -> None:
    monkeypatch.setattr(told_by, "AGAIN_S", 0)
    standing.built.state.draining = True
    standing.built.state.promise("CA9", 1000.0)
    breaker = standing.breakers.of("llm", "mind")
    standing.breakers.of("stt", "ears")
    visit = breaker.enter(trio.current_time())
    visit.failed(trio.current_time(), Fault.TIMEOUT)
    standing.archive.store.away = "no route to it"
    told = await standing.ask()

    assert (told["process"]["accepting"], told["process"]["draining"]) == (False, True)
    assert (told["process"]["promised"], told["process"]["drain_limit_s"]) == (1, 60.0)
    states = {each["provider"]: (each["state"], each["fault"]) for each in told["breakers"]}
    assert states == {"mind": ("open", Fault.TIMEOUT.value), "ears": ("closed", "")}
    assert told["endings"]["today"] is None
    assert told["latency"] is None
    assert told["kept"]["answers"] is False


async def test_what_siblings_have_counted_is_told_as_well(standing, monkeypatch) -> None:
    tell(record("CA8", ending="budget"), {})
    counted = metrics.exposition([Reading("breaker_open", "", 1.0, {"part": "tts", "provider": "voice"})]).decode()
    alone = (await standing.ask())["endings"]["since_start"]

    async def others() -> tuple[str, dict[str, str]]:
        await trio.lowlevel.checkpoint()
        return "0", {"1": counted, "2": "nothing of use\n"}

    monkeypatch.setattr(standing.bulletin, "_others", others)
    monkeypatch.setattr(told_by, "AGAIN_S", 0)
    standing.breakers.of("tts", "voice")
    told = await standing.ask()

    assert told["endings"]["since_start"] == {ending: 2 * n for ending, n in alone.items()}
    assert [(each["provider"], each["state"]) for each in told["breakers"]] == [("voice", "open")]


async def test_a_store_that_does_not_answer_holds_nobody_up(standing, monkeypatch) -> None:
    monkeypatch.setattr(told_by, "LOOK_S", 0.05)
    standing.archive.store.open.clear()
    try:
        assert (await standing.ask())["latency"] is None
    finally:
        standing.archive.store.open.set()


async def test_many_who_look_are_one_look_into_the_store(standing) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(standing.ask)
    assert standing.archive.store.finds == len(told_by._OVER) + 1


async def test_only_who_may_read_is_told(standing) -> None:
    assert (await standing.client.get("/api/standing?x=1")).status_code == 400
    assert (await standing.client.get("/api/standing", headers={"Host": "voice.example.in"})).status_code == 403
