"""The recogniser against a fake of the API on real sockets."""

import io
import wave

import numpy as np
import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.model import Utterance
from agent.providers.openai_stt import OpenAIRecogniser, wav
from agent.wire import mulaw
from tests.fakes.openai_case import connected, nothing_left, until
from tests.fakes.openai_launch import Fake, launch


@pytest.fixture(scope="module")
def process():
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake):
    process.forget()
    return process


def babble(ms: int, level: int = 8000) -> Utterance:
    """Something that rises and falls as speech does."""
    time = np.arange(ms * 8) / 8000
    sound = level * np.sin(2 * np.pi * 180 * time) * np.abs(np.sin(2 * np.pi * 2 * time))
    return Utterance(mulaw.encode(sound.astype(np.int16)), 0, ms)


async def hear(fake: Fake, utterance: Utterance, *, language: str = "", **settings) -> str:
    async with connected(fake.base_url, **settings) as (client, chosen):
        with trio.fail_after(10):
            return await OpenAIRecogniser(client, chosen).transcribe(utterance, language)


async def test_a_turn_is_uploaded_as_a_wav_that_names_its_language(fake):
    fake.plan(transcriptions={"transcripts": ["Around eighty lakhs."]})

    assert await hear(fake, babble(1500), OPENAI_STT_MODEL="gpt-transcribe") == "Around eighty lakhs."

    assert fake.state()["requests"][0]["body"] == {
        "model": "gpt-transcribe",
        "language": "en",
        "response_format": "json",
        "filename": "turn.wav",
        "content_type": "audio/wav",
        "rate": 8000,
        "width": 2,
        "channels": 1,
        "seconds": 1.5,
    }
    await nothing_left(fake)


@pytest.mark.parametrize(("language", "told"), [("hi-IN", "hi"), ("", "en"), ("ta", "ta"), ("kok-IN", None)])
async def test_the_language_is_told_by_its_two_letters(fake, language, told):
    fake.plan(transcriptions={"transcripts": ["ज़रूर, ₹80 लाख। Whitefield में?"]})

    assert await hear(fake, babble(1500), language=language) == "ज़रूर, ₹80 लाख। Whitefield में?"
    assert fake.state()["requests"][0]["body"].get("language") == told


REFUSED = {"error": {"message": "Unsupported language: hi", "param": "language", "code": "invalid_value"}}


async def test_a_server_that_wants_no_language_is_not_told_it_again(fake):
    fault = {"route": "transcriptions", "kind": "status", "status": 400, "body": REFUSED}
    fake.plan(transcriptions={"transcripts": ["ठीक है।"]}, faults=[fault])
    async with connected(fake.base_url) as (client, chosen):
        recogniser = OpenAIRecogniser(client, chosen)
        with trio.fail_after(10):
            heard = [await recogniser.transcribe(babble(1000), tag) for tag in ("hi-IN", "hi-IN", "en-IN")]

    assert heard == ["ठीक है।"] * 3
    assert [request["body"].get("language") for request in fake.state()["requests"]] == ["hi", None, None, "en"]


async def test_a_server_that_refuses_for_another_reason_is_asked_once(fake):
    body = {"error": {"message": "Unsupported file"}}
    fake.plan(faults=[{"route": "transcriptions", "kind": "status", "status": 400, "body": body, "times": 0}])

    with pytest.raises(ProviderError, match="Unsupported file"):
        await hear(fake, babble(1000), language="hi-IN")
    assert len(fake.state()["requests"]) == 1


def test_the_file_holds_the_very_samples():
    sound = babble(200)
    with wave.open(io.BytesIO(wav(sound.mulaw))) as file:
        assert np.array_equal(np.frombuffer(file.readframes(9999), "<i2"), mulaw.decode(sound.mulaw))


@pytest.mark.parametrize(
    "utterance", [Utterance(b"", 0, 0), babble(99), Utterance(mulaw.SILENCE * 16000, 0, 2000), babble(2000, level=20)]
)
async def test_what_holds_no_speech_costs_no_request(fake, utterance):
    assert await hear(fake, utterance) == ""
    assert fake.state()["requests"] == []


@pytest.mark.parametrize("made_up", ["", " ", "You", "Thank you for watching!", "[BLANK_AUDIO]"])
async def test_what_models_make_up_is_not_believed(fake, made_up):
    fake.plan(transcriptions={"transcripts": [made_up]})
    assert await hear(fake, babble(1000)) == ""


@pytest.mark.parametrize("body", ['{"words": []}', '{"text": null}', "not json", '"a string"', ""])
async def test_an_answer_without_a_text_is_an_error(fake, body):
    planned = {"route": "transcriptions", "kind": "status", "status": 200, "body": body or " "}
    fake.plan(faults=[planned])

    with pytest.raises(ProviderError) as caught:
        await hear(fake, babble(1000))

    assert (caught.value.fault, caught.value.operation) == (Fault.BROKEN, "transcribe")


async def test_a_model_that_does_not_exist_is_refused(fake):
    missing = {"error": {"message": "The model does not exist", "code": "model_not_found"}}
    fake.plan(faults=[{"route": "transcriptions", "kind": "status", "status": 404, "body": missing}])

    with pytest.raises(ProviderError, match="model_not_found") as caught:
        await hear(fake, babble(1000))

    assert caught.value.fault is Fault.REFUSED


@pytest.mark.parametrize("after", [-1, 0])
async def test_cancelled_while_the_server_thinks_it_closes_the_connection(fake, after):
    await nothing_left(fake)  # of an earlier test, which would count as abandoned in this one
    fake.plan(faults=[{"route": "transcriptions", "kind": "stall", "after": after}])
    async with connected(fake.base_url) as (client, chosen):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(OpenAIRecogniser(client, chosen).transcribe, babble(1000))
            await until(lambda: fake.state()["in_flight"] == 1)
            nursery.cancel_scope.cancel()

        await nothing_left(fake)
        assert fake.state()["abandoned"] == 1


async def test_fifty_callers_are_heard_at_once(fake):
    fake.plan(transcriptions={"transcripts": ["A flat."], "first_ms": 20})
    heard = []
    async with connected(fake.base_url) as (client, chosen):
        recogniser = OpenAIRecogniser(client, chosen)

        async def caller() -> None:
            heard.append(await recogniser.transcribe(babble(500)))

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(caller)
    assert heard == ["A flat."] * 50
    await nothing_left(fake)
