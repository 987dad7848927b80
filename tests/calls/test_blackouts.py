"""Twenty calls at once while a provider is down, in virtual time: whoever stands by goes on in the same turn, a dead
provider is left alone, and used again once it works; with nobody standing by, calls end politely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.guard.breaker import Breaker, Rules
from agent.model import Ending
from agent.providers.scripted import Script
from agent.rehearsal.log import CallLog
from agent.speak.clips import APOLOGY, TROUBLE
from nurseries.chain.chain import Chain, Member
from nurseries.chain.ports import ChainModel, ChainRecogniser, ChainVoice
from tests.calls.stage import Stage, configured, tone

CALLS = 20
SCRIPT = Script(heard=("a flat in Whitefield", "two bedrooms", "near the lake"), replies=("Fine.", "Good.", "Lovely."))

KINDS: dict[str, Callable[[], Any]] = {
    "refuse": lambda: _raised(Fault.UNREACHABLE),
    "hang": trio.sleep_forever,
    "500": lambda: _raised(Fault.BROKEN),
    "key": lambda: _raised(Fault.REFUSED),
    "429": lambda: _raised(Fault.BUSY, 10.0),
}


async def _raised(fault: Fault, retry_after_s: float | None = None) -> None:
    await trio.sleep(0.02)
    raise ProviderError("primary", "any", fault, retry_after_s=retry_after_s)


@dataclass
class Primary:
    """One of the scripted ports behind a server that can be down."""

    port: Any
    kind: str
    name: str = "primary"
    down: bool = False
    asked: list[tuple[float, bool]] = field(default_factory=list)
    """When, and whether it was down."""

    @property
    def rate(self) -> int:
        return self.port.rate

    async def _meet(self) -> None:
        self.asked.append((trio.current_time(), self.down))
        if self.down:
            await KINDS[self.kind]()

    async def reply(self, *given: Any) -> Any:
        await self._meet()
        return await self.port.reply(*given)

    async def transcribe(self, *given: Any) -> str:
        await self._meet()
        return await self.port.transcribe(*given)

    async def synthesise(self, text: str, emit: Any, **how: Any) -> Any:
        await self._meet()
        return await self.port.synthesise(text, emit, **how)


MADE = {"llm": ("model", ChainModel), "stt": ("recogniser", ChainRecogniser), "tts": ("voice", ChainVoice)}
LIMITS = {"llm": 5.0, "stt": 5.0, "tts": 3.0}


def waits(log: CallLog) -> list[float]:
    """Milliseconds from each of the caller's last words to the agent's first."""
    return [min(p.at_ms - line.end_ms for p in log.played if p.at_ms > line.end_ms) for line in log.spoken]


class House:
    """Stages that share one chain of one port."""

    def __init__(self, port: str, kind: str, *, standby: bool, calls: int = CALLS) -> None:
        attribute, make = MADE[port]
        source = Stage(SCRIPT)
        own = getattr(source.parts, attribute)
        self.primary = Primary(own, kind)
        self.breaker = Breaker(port, "primary", Rules())
        members = [Member(self.primary, "primary", self.breaker)]
        if standby:
            members.append(Member(own, "standby", Breaker(port, "standby", Rules())))
        chained = make(Chain(port, members, LIMITS[port]))
        self.stages = [Stage(SCRIPT, configured()) for _ in range(calls)]
        for stage in self.stages:
            stage.parts = replace(stage.parts, **{attribute: chained})
        self.logs: list[CallLog] = []

    async def call(self, stage: Stage, **how: Any) -> None:
        lines = [tone(900, at_ms=at) for at in (4000, 12_000, 20_000, 28_000)]
        usual = {"quiet_ms": 9000, "patience_ms": 30_000, "max_ms": 60_000, "hang_up_at_ms": 36_000}
        log = await stage.place(*lines, **usual | how)
        self.logs.append(log)
        bound = max(stage.settings.FILLER_S, stage.settings.TTS_TIMEOUT_S) * 1000 + 400
        assert all(wait <= bound for wait in waits(log)), waits(log)

    async def calls(self, **how: Any) -> None:
        async with trio.open_nursery() as nursery:
            for stage in self.stages:
                nursery.start_soon(partial(self.call, stage, **how))

    @property
    def agent(self) -> list[str]:
        """All that was said by the agent, in all calls."""
        return [text for stage in self.stages for role, text in stage.words if role == "agent"]


@pytest.mark.parametrize(
    ("port", "kind"),
    [*(("llm", kind) for kind in KINDS), *((port, kind) for port in ("stt", "tts") for kind in ("hang", "429"))],
)
async def test_a_blackout_of_one_provider_is_not_heard(autojump_clock, port: str, kind: str) -> None:
    calls = CALLS if port == "llm" and kind == "hang" else 4
    house = House(port, kind, standby=True, calls=calls)
    began = trio.current_time()

    async def blackout() -> None:
        await trio.sleep(2)
        house.primary.down = True
        await trio.sleep(14)
        house.primary.down = False

    async with trio.open_nursery() as nursery:
        nursery.start_soon(blackout)
        await house.calls()

    assert not any(TROUBLE.text in text for text in house.agent)
    assert all(stage.ending is Ending.CALLER_HUNG_UP for stage in house.stages)
    met = [at - began for at, down in house.primary.asked if down]
    # What was on its way when the breaker opened, each once more at most; then probes after 5 s and after 10 s more.
    assert 0 < len(met) <= 2 * calls + 4
    healed = house.breaker.state(trio.current_time()) == "closed"
    assert healed is (kind != "key")  # no key is mended in a minute
    if port != "tts":  # sound that is known already is asked for by nobody
        assert any(not down and at - began > 16 for at, down in house.primary.asked) is healed
        stands = [one for stage in house.stages for one in stage.record.stand_ins]
        assert {(one.part, one.name) for one in stands} == {(port, "standby")}
        assert all(len(stage.record.stand_ins) <= 4 for stage in house.stages)


async def test_a_dead_provider_is_asked_by_probes_only(autojump_clock) -> None:
    house = House("llm", "hang", standby=True, calls=5)
    house.primary.down = True
    began = trio.current_time()

    await house.calls()
    met = sorted(round(at - began, 1) for at, _ in house.primary.asked)
    opened = met[4] + 2.5
    probes = [at for at in met if at > opened]
    assert len(met) - len(probes) == 5
    assert len(probes) <= 3
    assert all(later - earlier > 5 for earlier, later in zip([opened, *probes], probes, strict=False))


@pytest.mark.parametrize("kind", ["refuse", "hang"])
async def test_with_nobody_standing_by_calls_end_politely(autojump_clock, kind: str) -> None:
    house = House("llm", kind, standby=False, calls=4)
    house.primary.down = True

    await house.calls(hang_up_at_ms=None)

    for stage, log in zip(house.stages, house.logs, strict=True):
        said = [text for role, text in stage.words if role == "agent"]
        assert said[-1].endswith(APOLOGY.text)
        assert stage.ending is Ending.FAILED
        assert log.ended == "the server closed the stream"
    assert len(house.primary.asked) <= 2 * 4 * 3


async def test_half_an_answer_is_kept_and_not_said_twice(autojump_clock) -> None:
    house = House("llm", "500", standby=True, calls=4)
    whole = house.primary.port.reply

    async def half(prompt: Any, emit: Any) -> Any:
        words = 0

        async def some(piece: str) -> None:
            nonlocal words
            words += 1
            await emit(f"One two three, {piece} and so on. ")
            raise ProviderError("primary", "reply", Fault.BROKEN, "half a stream")

        return await whole(prompt, some)

    house.primary.port = type("Half", (), {"reply": staticmethod(half), "name": "primary"})
    await house.calls()

    for stage in house.stages:
        heard = " ".join(text for role, text in stage.words if role == "agent")
        assert heard.count("One two three") <= 3
        assert TROUBLE.text in heard or "Good." in heard or "Lovely." in heard
