"""The voice against a fake of the API on real sockets."""

import struct

import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.providers.openai_tts import MAX_CHARACTERS, RATE, Body, OpenAIVoice, parts
from tests.fakes.openai_answers import tone, wav_header
from tests.fakes.openai_case import CUT_WHILE_HANDING_OVER, Heap, connected, nothing_left, until
from tests.fakes.openai_launch import Fake, launch

pytestmark = pytest.mark.filterwarnings(CUT_WHILE_HANDING_OVER)


@pytest.fixture(scope="module")
def process():
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake):
    process.forget()
    return process


async def speak(fake: Fake, text: str, **settings) -> Heap:
    heap = Heap()
    async with connected(fake.base_url, **settings) as (client, chosen):
        with trio.fail_after(10):
            await OpenAIVoice(client, chosen).synthesise(text, heap.put)
    return heap


async def test_a_sentence_comes_as_pcm_chunk_by_chunk(fake):
    heap = await speak(fake, "How are you?", OPENAI_TTS_MODEL="tts-9", OPENAI_TTS_VOICE="marin")

    assert b"".join(heap) == tone("How are you?")
    assert len(heap) > 3
    expected = {"model": "tts-9", "voice": "marin", "input": "How are you?", "response_format": "pcm"}
    assert fake.state()["requests"][0]["body"] == expected
    await nothing_left(fake)


HINDI = "बजट 80 लाख रुपये है। Whitefield में?"


@pytest.mark.parametrize(
    ("model", "language", "named"),
    [
        ("gpt-4o-mini-tts", "hi-IN", "Hindi"),
        ("gpt-4o-mini-tts", "en-IN", "Indian English"),
        ("gpt-4o-mini-tts", "", None),
        ("tts-1", "hi-IN", None),
        ("kokoro", "hi-IN", None),
    ],
)
async def test_a_call_has_a_voice_and_a_language_of_its_own(fake, model, language, named):
    heap = Heap()
    async with connected(fake.base_url, OPENAI_TTS_MODEL=model) as (client, chosen):
        with trio.fail_after(10):
            await OpenAIVoice(client, chosen).synthesise(HINDI, heap.put, voice="shimmer", language=language)

    body = fake.state()["requests"][0]["body"]
    assert (body["voice"], body["input"]) == ("shimmer", HINDI)
    assert b"".join(heap) == tone(HINDI)
    assert ("instructions" in body) == (named is not None)
    if named is not None:
        assert f"Speak {named} " in body["instructions"]


async def test_a_server_that_wants_no_instructions_is_not_given_them_again(fake):
    body = {"error": {"message": "Extra inputs are not permitted: instructions"}}
    fake.plan(faults=[{"route": "speech", "kind": "status", "status": 422, "body": body}])
    heap = Heap()
    async with connected(fake.base_url) as (client, chosen):
        voice = OpenAIVoice(client, chosen)
        with trio.fail_after(10):
            for _ in range(2):
                await voice.synthesise("Hi.", heap.put, language="hi-IN")

    assert b"".join(heap) == tone("Hi.") * 2
    assert ["instructions" in request["body"] for request in fake.state()["requests"]] == [True, False, False]


async def test_the_first_chunk_is_out_before_the_speech_has_ended_and_a_barge_in_closes_the_connection(fake):
    fake.plan(faults=[{"route": "speech", "kind": "stall", "after": 2}])
    heap = Heap()
    async with connected(fake.base_url) as (client, chosen):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(OpenAIVoice(client, chosen).synthesise, "How are you?", heap.put)
            with trio.fail_after(5):
                await heap.begun.wait()
            assert fake.state()["in_flight"] == 1
            nursery.cancel_scope.cancel()

        await nothing_left(fake)
        assert fake.state()["abandoned"] == 1


async def test_cancelled_before_the_first_byte_it_closes_the_connection(fake):
    fake.plan(faults=[{"route": "speech", "kind": "stall", "after": -1}])
    async with connected(fake.base_url) as (client, chosen):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(OpenAIVoice(client, chosen).synthesise, "How are you?", Heap().put)
            await until(lambda: fake.state()["in_flight"] == 1)
            nursery.cancel_scope.cancel()

        await nothing_left(fake)


async def test_a_wav_header_is_not_heard(fake):
    fake.plan(speech={"container": "wav", "chunk_bytes": 777})
    assert b"".join(await speak(fake, "How are you?")) == tone("How are you?")


@pytest.mark.parametrize("text", ["", "  \n", "...", "—", "😀", "* * *"])
async def test_what_has_no_word_asks_nobody(fake, text):
    assert await speak(fake, text) == []
    assert fake.state()["requests"] == []


async def test_a_very_long_text_is_spoken_whole_in_several_requests(fake):
    text = "This flat has a view. " * 200
    fake.plan(speech={"chunk_bytes": 1 << 20})

    heap = await speak(fake, text)

    asked = [request["body"]["input"] for request in fake.state()["requests"]]
    assert len(asked) == 3
    assert " ".join(asked) == text.strip()
    assert b"".join(heap) == b"".join(tone(part) for part in asked)


async def test_unusual_characters_arrive_as_they_are(fake):
    text = "₹80 लाख, “Whitefield” — ಬೆಂಗಳೂರು\u200d 家?"
    await speak(fake, text)
    assert fake.state()["requests"][0]["body"]["input"] == text


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        ({"kind": "reset", "after": 2}, Fault.BROKEN),
        ({"kind": "cut", "after": 2}, Fault.BROKEN),
        ({"kind": "status", "status": 400}, Fault.REFUSED),
        ({"kind": "status", "status": 200, "body": '{"error": "no such voice"}'}, Fault.BROKEN),
        ({"kind": "status", "status": 200, "body": "<!DOCTYPE html><html></html>"}, Fault.BROKEN),
        ({"kind": "status", "status": 200, "body": "ID3\u0004\u0000 an MP3 file"}, Fault.BROKEN),
    ],
)
async def test_what_is_no_speech_is_an_error_and_not_a_noise(fake, planned, expected):
    fake.plan(faults=[{"route": "speech", **planned}])

    with pytest.raises(ProviderError) as caught:
        await speak(fake, "How are you?")

    assert (caught.value.fault, caught.value.operation) == (expected, "speak")


async def test_sixty_barge_ins_then_fifty_callers_at_once(fake):
    fake.plan(speech={"gap_ms": 3})
    spoken = []
    async with connected(fake.base_url) as (client, chosen):
        voice = OpenAIVoice(client, chosen)
        for turn in range(60):
            with trio.move_on_after(turn / 2000):
                await voice.synthesise("How are you?", Heap().put)
        await until(lambda: fake.state()["in_flight"] == 0)

        async def caller() -> None:
            heap = Heap()
            await voice.synthesise("How are you?", heap.put)
            spoken.append(b"".join(heap))

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(caller)
    assert spoken == [tone("How are you?")] * 50
    await nothing_left(fake)


@pytest.mark.parametrize("size", [1, 7, 44, 1000])
def test_a_header_is_taken_off_however_it_is_cut(size):
    body = Body()
    listed = b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\x03\0\0\0abc\0" + wav_header()[12:]
    for header in (b"", wav_header(), listed):
        body = Body()
        wire = header + tone("Hi")
        assert b"".join(body.feed(wire[at : at + size]) for at in range(0, len(wire), size)) == tone("Hi")


@pytest.mark.parametrize(("channels", "rate", "bits"), [(1, 16000, 16), (2, RATE, 16), (1, RATE, 8)])
def test_a_wav_of_another_sound_is_an_error(channels, rate, bits):
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * 2, 2, bits)
    with pytest.raises(ProviderError, match=f"{channels} x {rate} Hz, {bits} bits"):
        Body().feed(b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff")


def test_parts_end_with_a_sentence_else_a_word_else_anywhere():
    sentences, words, letters = "One two. " * 300, "word " * 500, "a" * 3100

    assert [part[-4:] for part in parts(sentences)] == ["two."] * len(list(parts(sentences)))
    for text in (sentences, words, letters):
        pieces = list(parts(text))
        assert all(0 < len(piece) <= MAX_CHARACTERS for piece in pieces)
        assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
