"""What replies, transcripts and speech used, as the server tells it, on the call that they were for."""

from collections.abc import Iterator

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ProviderError
from agent.keep.usage import AMOUNTS, METER, Meter, Usage
from agent.model import Utterance
from agent.providers.openai_llm import OpenAILanguageModel
from agent.providers.openai_stt import OpenAIRecogniser
from agent.providers.openai_summary import OpenAISummariser
from agent.providers.openai_tts import OpenAIVoice
from agent.providers.openai_usage import seconds, tokens
from agent.think.ports import Message, Prompt
from tests.fakes.openai_case import CUT_WHILE_HANDING_OVER, Heap, connected
from tests.fakes.openai_launch import Fake, launch

pytestmark = pytest.mark.filterwarnings(CUT_WHILE_HANDING_OVER)

PROMPT = Prompt("You are Priya.", (Message("caller", "A flat"),))


@pytest.fixture(scope="module")
def process() -> Iterator[Fake]:
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake) -> Fake:
    process.forget()
    return process


@pytest.fixture
def meter() -> Iterator[Meter]:
    """A call's; in a test's context."""
    return Meter()


async def ask(fake: Fake, meter: Meter, times: int = 1, **settings: str) -> OpenAILanguageModel:
    METER.set(meter)
    async with connected(fake.base_url, **settings) as (client, chosen):
        model = OpenAILanguageModel(client, chosen)
        for _ in range(times):
            await model.reply(PROMPT, Heap().put)
    return model


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_reply_is_counted(fake: Fake, meter: Meter, api: str) -> None:
    fake.plan(**{api: {"replies": ["One two three."]}})

    await ask(fake, meter, 2, OPENAI_LLM_API=api)

    (used,) = meter.used
    assert used.tokens_out > 2
    assert used == Usage("llm", "llama-3", 2, 0, tokens_in=20, tokens_cached=8, tokens_out=used.tokens_out)


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_reply_that_is_given_up_is_counted_as_untold(fake: Fake, meter: Meter, api: str) -> None:
    fake.plan(
        **{api: {"replies": ["One two three."]}},
        faults=[{"route": api, "kind": "stall", "after": 3 if api == "chat" else 6}],
    )
    heap = Heap()
    METER.set(meter)
    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, chosen), trio.open_nursery() as nursery:
        nursery.start_soon(OpenAILanguageModel(client, chosen).reply, PROMPT, heap.put)
        with trio.fail_after(10):
            await heap.begun.wait()
        nursery.cancel_scope.cancel()

    (used,) = meter.used
    assert (used.requests, used.untold, used.estimated) == (1, 1, True)
    assert 5 <= used.tokens_in <= 12  # of "You are Priya." and "A flat"
    assert 1 <= used.tokens_out <= 4


@pytest.mark.parametrize(
    "message", ["Unknown parameter: 'stream_options'.", "include_usage is not supported", "", "Extra inputs."]
)
async def test_a_server_that_will_not_be_asked_still_answers(fake: Fake, meter: Meter, message: str) -> None:
    fake.plan(chat={"replies": ["Hello."], "no_stream_options": message})

    await ask(fake, meter, 3)

    (used,) = meter.used
    assert (used.requests, used.untold, used.estimated) == (3, 3, True)
    assert used.tokens_out >= 3
    asked = [request["body"].get("stream_options") for request in fake.state()["requests"]]
    assert asked == [{"include_usage": True}, None, None, None]


async def test_what_is_refused_for_another_reason_is_not_counted(fake: Fake, meter: Meter) -> None:
    fake.plan(key="sk-right")
    with pytest.raises(ProviderError):
        await ask(fake, meter)

    assert [used for used in meter.used if used.requests or used.untold] == []
    assert len(fake.state()["requests"]) == 1


async def test_a_summary_a_transcript_and_speech_are_counted(fake: Fake, meter: Meter) -> None:
    fake.plan(chat={"replies": ["Sold."]})
    METER.set(meter)
    async with connected(fake.base_url, OPENAI_STT_MODEL="ears", OPENAI_TTS_MODEL="voice") as (client, chosen):
        await OpenAISummariser(client, chosen).write("Sum up.", "caller: hello")
        await OpenAIRecogniser(client, chosen).transcribe(Utterance(b"\x10\x90" * 6000, 0, 1500))
        await OpenAIVoice(client, chosen).synthesise("नमस्ते", Heap().put)

    summary, heard, spoken = meter.used
    assert (summary.part, summary.requests, summary.untold, summary.tokens_in) == ("summary", 1, 0, 10)
    assert heard == Usage("stt", "ears", requests=1, seconds=2.0)  # as the server rounds it
    assert (spoken.requests, spoken.characters, spoken.seconds, spoken.estimated) == (1, 6, 0.36, True)
    assert spoken.audio_out == 8


REALTIME = {
    "input_tokens": 10,
    "output_tokens": 20,
    "input_token_details": {
        "text_tokens": 4,
        "audio_tokens": 6,
        "cached_tokens": 5,
        "cached_tokens_details": {"text_tokens": 3, "audio_tokens": 2},
    },
    "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2}, {"tokens_in": 3, "tokens_out": 2}),
        (REALTIME, {"tokens_in": 4, "tokens_cached": 3, "tokens_out": 5, "audio_in": 6, "audio_cached": 2}),
        ({"type": "tokens", "input_tokens": 9, "output_tokens": 1, "input_token_details": {"audio_tokens": 8}},
         {"tokens_in": 1, "audio_in": 8, "tokens_out": 1}),
        ({"input_tokens": "9", "output_tokens": None}, {}),
        (None, {}),
        ([], {}),
        ({"input_tokens": True, "output_tokens": -3}, {}),
    ],
)  # fmt: skip
def test_every_dialect_is_understood(told: object, expected: dict[str, int]) -> None:
    assert tokens(told) == expected | ({"audio_out": 15} if told is REALTIME else {})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(
            ["input_tokens", "output_tokens", "prompt_tokens", "input_token_details", "audio_tokens", "cached_tokens",
             "cached_tokens_details", "seconds", "output_token_details"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(anything)
def test_no_answer_makes_amounts_that_are_none(told: object) -> None:
    found = tokens(told)
    assert set(found) <= set(AMOUNTS)
    assert all(count > 0 for count in found.values())
    assert found.get("tokens_cached", 0) <= found.get("tokens_in", 0)
    assert found.get("audio_cached", 0) <= found.get("audio_in", 0)
    assert (seconds(told) or 0) >= 0
