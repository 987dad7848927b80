"""What calls are told to cost, against what the server bills by its own count: through blackouts, cuts and barge-ins,
to the cent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio

from agent.errors import ProviderError
from agent.keep.prices import cost, cost_known, parse_prices
from agent.keep.usage import METER, Meter, Usage
from agent.model import Utterance
from agent.providers.openai_llm import OpenAILanguageModel
from agent.providers.openai_stt import OpenAIRecogniser
from agent.providers.openai_tts import OpenAIVoice
from agent.think.ports import Message, Prompt
from tests.fakes.openai_case import CUT_WHILE_HANDING_OVER, Heap, connected, nothing_left
from tests.fakes.openai_launch import Fake, launch

pytestmark = pytest.mark.filterwarnings(CUT_WHILE_HANDING_OVER)

CALLS = 20
REPLY = "We have several homes in Whitefield, and some of them are by the lake."
PRICES = parse_prices("""
    [models.mind]
    input = 0.75
    cached_input = 0.075
    output = 450
    [models.ears]
    minute = 0.6
    [models.voice]
    minute = 1.5
""")
"""Dear, so that a cent is a narrow gate."""


@pytest.fixture(scope="module")
def process() -> Iterator[Fake]:
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake) -> Fake:
    process.forget()
    return process


def status(route: str, code: int, times: int = 1) -> dict[str, object]:
    return {"route": route, "kind": "status", "status": code, "times": times}


FAULTS = [
    status("chat", 500, 3),
    status("speech", 429, 2),
    status("transcriptions", 503, 2),
    {"route": "chat", "kind": "cut", "after": 5, "times": 2},
    {"route": "chat", "kind": "garbage", "after": 4, "times": 2},
    {"route": "chat", "kind": "error", "after": 6, "times": 2},
    {"route": "speech", "kind": "reset", "after": 2, "times": 2},
]


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_twenty_calls_through_blackouts_cost_what_the_server_bills(fake: Fake, api: str) -> None:
    faults = [fault | {"route": api if fault["route"] == "chat" else fault["route"]} for fault in FAULTS]
    fake.plan(**{api: {"replies": [REPLY], "gap_ms": 3}}, faults=faults)
    meters = [Meter() for _ in range(CALLS)]
    models = {"OPENAI_LLM_MODEL": "mind", "OPENAI_STT_MODEL": "ears", "OPENAI_TTS_MODEL": "voice"}
    async with connected(fake.base_url, OPENAI_LLM_API=api, **models) as (client, chosen):
        parts = OpenAIRecogniser(client, chosen), OpenAILanguageModel(client, chosen), OpenAIVoice(client, chosen)
        async with trio.open_nursery() as nursery:
            for n, meter in enumerate(meters):
                nursery.start_soon(talk, n, meter, *parts)
    await nothing_left(fake)

    bill = fake.state()["bill"]
    billed = sum(
        cost([Usage("llm", model, **{k: v for k, v in amounts.items() if k != "requests"})], PRICES) or 0.0
        for model, amounts in bill.items()
    )
    told = sum(cost_known(meter.used, PRICES) for meter in meters)

    assert billed > 1.0
    assert abs(told - billed) < 0.01 * billed + 0.01
    assert any(used.estimated for meter in meters for used in meter.used)
    heard = sum(used.requests for meter in meters for used in meter.used)
    assert heard == sum(amounts["requests"] for amounts in bill.values())


async def talk(n: int, meter: Meter, ears: OpenAIRecogniser, mind: OpenAILanguageModel, voice: OpenAIVoice) -> None:
    """Two turns of which every third is cut by the caller in the middle of the reply."""
    METER.set(meter)
    for turn in range(2):
        try:
            await ears.transcribe(Utterance(b"\x10\x90" * 4000 * (1 + n % 3), 0, 1000 * (1 + n % 3)))
            heap = Heap()
            async with trio.open_nursery() as nursery:

                async def reply(heap: Heap = heap) -> None:
                    await mind.reply(Prompt("You are Priya.", (Message("caller", "A flat"),)), heap.put)

                nursery.start_soon(reply)
                await heap.begun.wait()
                if (n + turn) % 3 == 0:
                    await trio.sleep(0.02)
                    nursery.cancel_scope.cancel()
            await voice.synthesise("".join(heap) or REPLY, Heap().put)
        except* ProviderError:
            pass
        meter.turn += 1


@pytest.mark.parametrize("port", ["ears", "mind", "voice"])
async def test_what_is_given_up_before_it_has_left_is_on_no_bill(fake: Fake, port: str) -> None:
    meter = Meter()
    METER.set(meter)
    async with connected(fake.base_url) as (client, chosen):
        ask = {
            "ears": lambda: OpenAIRecogniser(client, chosen).transcribe(Utterance(b"\x10\x90" * 4000, 0, 1000)),
            "mind": lambda: OpenAILanguageModel(client, chosen).reply(
                Prompt("Hi", (Message("caller", "A"),)), Heap().put
            ),
            "voice": lambda: OpenAIVoice(client, chosen).synthesise(REPLY, Heap().put),
        }[port]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            while not meter.used:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    await nothing_left(fake)

    assert meter.used == ()
    assert fake.state()["bill"] == {}


async def test_who_cannot_be_reached_bills_nothing() -> None:
    meter = Meter()
    METER.set(meter)
    async with connected("http://127.0.0.1:9/v1") as (client, chosen):
        with pytest.raises(ProviderError):
            await OpenAILanguageModel(client, chosen).reply(Prompt("Hi", (Message("caller", "A"),)), Heap().put)

    assert meter.used == ()
