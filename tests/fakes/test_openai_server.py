"""The fake is what the providers are held against, so it is held against the SDK, and against plain sockets, itself."""

import http.client
import io
import json
import socket
import time
import urllib.error
import urllib.request
import wave

import openai
import pytest

from tests.fakes.openai_launch import Fake, launch

MESSAGES = [{"role": "user", "content": "A flat in Whitefield"}]


@pytest.fixture(scope="module")
def process():
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake):
    process.forget()
    return process


@pytest.fixture
def sdk(fake: Fake):
    with openai.OpenAI(api_key="sk-test", base_url=fake.base_url, max_retries=0) as client:
        yield client


def until(condition, what: str) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(int(seconds * 8000) * 2))
    return file.getvalue()


def stream(sdk: openai.OpenAI, **more):
    return sdk.chat.completions.create(model="gpt-5.4-mini", messages=MESSAGES, stream=True, **more)


def test_a_chat_streams_role_words_finish_usage(sdk):
    with stream(sdk, stream_options={"include_usage": True}) as chunks:
        first, *words, finish, usage = chunks

    assert first.choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content for chunk in words) == "You said: A flat in Whitefield"
    assert finish.choices[0].finish_reason == "stop"
    assert (usage.choices, usage.usage.completion_tokens) == ([], 6)


def test_a_chat_answers_whole_and_in_turn(fake, sdk):
    fake.plan(chat={"replies": ["One.", "Two."]})

    said = [
        sdk.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content  # the last one repeats
        for _ in range(3)
    ]

    assert said == ["One.", "Two.", "Two."]
    assert fake.state()["requests"][0]["body"]["messages"] == MESSAGES


def test_responses_stream_their_events_in_order(sdk):
    with sdk.responses.create(model="gpt-5.4-mini", input="Hello there", stream=True) as events:
        seen = list(events)

    assert [event.type for event in seen if "delta" not in event.type] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(event.delta for event in seen if event.type.endswith("delta")) == "You said: Hello there"
    assert seen[-1].response.output_text == "You said: Hello there"


def test_an_upload_is_looked_into(fake, sdk):
    fake.plan(transcriptions={"transcripts": ["Eighty lakhs."]})

    heard = sdk.audio.transcriptions.create(model="gpt-transcribe", file=("a.wav", wav(0.5)), language="en")

    assert heard.text == "Eighty lakhs."
    body = fake.state()["requests"][0]["body"]
    assert (body["rate"], body["seconds"], body["language"], body["filename"]) == (8000, 0.5, "en", "a.wav")


@pytest.mark.parametrize(("sound", "code"), [(wav(0.05), "audio_too_short"), (b"not a file", "invalid_value")])
def test_an_upload_that_cannot_be_heard_is_refused(sdk, sound, code):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.audio.transcriptions.create(model="gpt-transcribe", file=("a.wav", sound))

    assert caught.value.code == code


def test_speech_is_pcm_in_chunks_or_a_wav(sdk):
    ask = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    with sdk.audio.speech.with_streaming_response.create(**ask, response_format="pcm") as answer:
        chunks = list(answer.iter_bytes())
    whole = sdk.audio.speech.create(**ask, response_format="wav").content

    assert len(chunks) >= 3
    assert len(b"".join(chunks)) == 6 * 60 * 48
    assert whole[:4] == b"RIFF"
    assert whole[44:] == b"".join(chunks)


def test_too_long_an_input_is_refused(sdk):
    with pytest.raises(openai.BadRequestError, match="4096"):
        sdk.audio.speech.create(model="tts-1", voice="alloy", input="a" * 4097, response_format="pcm")


def test_new_models_do_not_know_max_tokens(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        stream(sdk, max_tokens=5)

    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "max_tokens")


def test_models_tell_their_last_day(sdk):
    days = {model.id: model.shutdown_date for model in sdk.models.list()}

    assert days["whisper-1"] == "2027-02-26"
    assert sdk.models.retrieve("gpt-5.4-mini").shutdown_date is None
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("gpt-0")


def test_a_key_can_be_demanded(fake, sdk):
    fake.plan(key="sk-right")

    with pytest.raises(openai.AuthenticationError):
        sdk.models.list()
    assert sdk.with_options(api_key="sk-right").models.list().data


def test_a_counted_fault_is_used_up_and_a_retry_is_told_when(fake, sdk):
    fake.plan(faults=[{"route": "chat", "kind": "status", "status": 429, "headers": {"retry-after-ms": "20"}}])

    with pytest.raises(openai.RateLimitError) as caught:
        stream(sdk)

    assert caught.value.response.headers["retry-after-ms"] == "20"
    assert list(stream(sdk))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "reset", "after": 2}, openai.APIConnectionError),
        ({"kind": "cut", "after": 2}, openai.APIConnectionError),
        ({"kind": "cut", "after": -1}, openai.APIConnectionError),
        ({"kind": "noise"}, openai.APIConnectionError),
        ({"kind": "error", "after": 2}, openai.APIError),
        ({"kind": "garbage", "after": 2}, ValueError),
        ({"kind": "status", "status": 500}, openai.InternalServerError),
    ],
)
def test_a_fault_is_what_a_client_would_meet(fake, sdk, fault, error):
    fake.plan(faults=[{"route": "chat", **fault}])

    with pytest.raises(error), stream(sdk) as chunks:
        list(chunks)


def test_an_early_end_is_a_proper_one(fake, sdk):
    fake.plan(faults=[{"route": "chat", "kind": "end", "after": 3}])

    with stream(sdk) as chunks:
        assert len(list(chunks)) == 3


def test_a_stall_is_felt_and_a_client_that_leaves_is_noticed(fake):
    fake.plan(faults=[{"route": "speech", "kind": "stall", "after": 2}])
    address = fake.base_url.removeprefix("http://").removesuffix("/v1")
    client = http.client.HTTPConnection(address, timeout=0.2)
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "pcm"})
    client.request("POST", "/v1/audio/speech", body)
    answer = client.getresponse()

    assert len(answer.read(9600)) == 9600
    with pytest.raises(TimeoutError):
        answer.read(1)
    assert (fake.state()["open"], fake.state()["in_flight"]) == (1, 1)

    answer.close()
    client.close()
    until(lambda: fake.state()["open"] == 0, "the connection is still counted")
    state = fake.state()
    assert (state["in_flight"], state["abandoned"], state["answered"]) == (0, 1, 0)


def test_a_connection_serves_one_request_after_the_other(fake):
    address = fake.base_url.removeprefix("http://").removesuffix("/v1")
    client = http.client.HTTPConnection(address, timeout=5)
    for _ in range(3):
        client.request("GET", "/v1/models")
        assert json.load(client.getresponse())["object"] == "list"
    client.close()

    assert fake.state()["connections"] == 1


def test_nonsense_is_answered_or_hung_up_on(fake):
    request = urllib.request.Request(fake.base_url + "/chat/completions", data=b"{half")  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5)
    assert caught.value.code == 400
    caught.value.close()

    host, port = fake.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"GARBAGE\r\n\r\n")
        assert raw.recv(1000) == b""
    until(lambda: fake.state()["open"] == 0, "a broken connection is still counted")


def test_tool_calls_stream_in_pieces_and_want_their_answers(fake, sdk):
    asks = {"calls": [{"name": "repeat", "arguments": {"slowly": True}}]}
    tools = [{"type": "function", "function": {"name": "repeat", "parameters": {"type": "object", "properties": {}}}}]
    fake.plan(chat={"replies": [asks, "Fine."]})

    stream = sdk.chat.completions.create(model="llama-3", messages=MESSAGES, tools=tools, stream=True)
    chunks = [chunk.choices[0] for chunk in stream if chunk.choices]
    pieces = [piece for chunk in chunks for piece in chunk.delta.tool_calls or ()]
    assert pieces[0].function.name == "repeat"
    assert len(pieces) > 2
    assert json.loads("".join(piece.function.arguments for piece in pieces)) == {"slowly": True}
    assert chunks[-1].finish_reason == "tool_calls"

    asked = {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "repeat", "arguments": "{}"}}],
    }
    answer = {"role": "tool", "tool_call_id": "c", "content": "done"}
    for history in ([*MESSAGES, asked], [*MESSAGES, answer], [*MESSAGES, asked, {**answer, "tool_call_id": "d"}]):
        with pytest.raises(openai.BadRequestError):
            sdk.chat.completions.create(model="llama-3", messages=history, tools=tools)
    sdk.chat.completions.create(model="llama-3", messages=[*MESSAGES, asked, answer], tools=tools)


def test_responses_name_their_function_calls_and_want_their_outputs(fake, sdk):
    fake.plan(responses={"replies": [{"text": "Hm.", "calls": [{"name": "repeat"}]}]})
    tools = [
        {"type": "function", "name": "repeat", "parameters": {"type": "object", "properties": {}}, "strict": False}
    ]

    events = list(sdk.responses.create(model="llama-3", input="Hi", tools=tools, stream=True))
    done = [e.item for e in events if e.type == "response.output_item.done" and e.item.type == "function_call"]
    assert [(item.name, item.arguments) for item in done] == [("repeat", "{}")]

    for lonely in (
        {"type": "function_call", "call_id": "c", "name": "repeat", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
    ):
        with pytest.raises(openai.BadRequestError):
            sdk.responses.create(model="llama-3", input=[lonely], tools=tools)


def test_models_end_as_planned(fake, sdk):
    fake.plan(models={"gpt-4o-mini-tts": "2027-01-06", "gpt-5.4-mini": None}, shut_down=["gpt-4o*", "whisper-1"])

    assert {model.id: model.shutdown_date for model in sdk.models.list()} == {
        "gpt-4o-mini-tts": "2027-01-06",
        "gpt-5.4-mini": None,
    }
    for refused in (
        lambda: sdk.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello."),
        lambda: sdk.audio.transcriptions.create(model="whisper-1", file=("a.wav", wav(1), "audio/wav")),
        lambda: sdk.chat.completions.create(model="gpt-4o", messages=MESSAGES),
    ):
        with pytest.raises(openai.NotFoundError, match="has been deprecated"):
            refused()
    assert stream(sdk)
