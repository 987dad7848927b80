"""What becomes of every fault that a server, or the way to it, can have."""

import socket

import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.providers.openai_client import NO_KEY
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


async def speak(client, heap: Heap, text: str = "Hello.") -> None:
    create = client.sdk.audio.speech.with_streaming_response.create
    with trio.fail_after(5):
        await client.pour("speak", create(model="m", voice="v", input=text, response_format="pcm"), heap.put)


async def fault(base_url: str, **settings) -> ProviderError:
    async with connected(base_url, **settings) as (client, _):
        with pytest.raises(ProviderError) as caught:
            await speak(client, Heap())
        return caught.value


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Fault.REFUSED),
        (401, Fault.REFUSED),
        (403, Fault.REFUSED),
        (404, Fault.REFUSED),
        (422, Fault.REFUSED),
        (408, Fault.TIMEOUT),
        (504, Fault.TIMEOUT),
        (429, Fault.BUSY),
        (500, Fault.BROKEN),
        (503, Fault.BROKEN),
    ],
)
async def test_a_status_becomes_a_fault(fake, status, expected):
    planned = {"route": "speech", "kind": "status", "status": status, "times": 0, "headers": {"retry-after-ms": "1"}}
    fake.plan(faults=[planned])

    error = await fault(fake.base_url)

    assert (error.provider, error.operation, error.fault) == ("openai", "speak", expected)
    assert str(status) in error.detail
    await nothing_left(fake)


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        ({"kind": "reset", "after": -1}, Fault.BROKEN),
        ({"kind": "cut", "after": -1}, Fault.BROKEN),
        ({"kind": "noise"}, Fault.BROKEN),
        ({"kind": "reset", "after": 2}, Fault.BROKEN),
        ({"kind": "cut", "after": 2}, Fault.BROKEN),
    ],
)
async def test_a_connection_that_breaks_becomes_a_fault(fake, planned, expected):
    fake.plan(faults=[{"route": "speech", "times": 0, **planned}])

    assert (await fault(fake.base_url)).fault is expected
    await nothing_left(fake)


async def test_nobody_there_is_unreachable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        assert (await fault(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")).fault is Fault.UNREACHABLE


async def test_a_name_that_does_not_exist_is_unreachable():
    assert (await fault("http://nowhere.invalid/v1")).fault is Fault.UNREACHABLE


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "20"}, 20), ({"retry-after-ms": "1500"}, 1.5), ({"retry-after": "soon"}, None), ({}, None)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_nothing_is_sent_twice_and_what_the_server_asks_for_is_told(fake, status, headers, seconds):
    fake.plan(faults=[{"route": "speech", "kind": "status", "status": status, "headers": headers}])

    error = await fault(fake.base_url)

    assert error.fault in {Fault.BUSY, Fault.BROKEN}
    assert error.retry_after_s == seconds
    assert len(fake.state()["requests"]) == 1


async def test_no_word_of_the_key_gets_into_an_error(fake):
    fake.plan(key="sk-right")
    error = await fault(fake.base_url, OPENAI_API_KEY="sk-wrong-secret")
    assert error.fault is Fault.REFUSED
    assert "401 invalid_api_key" in error.detail
    assert "secret" not in str(error)

    quoting = {"error": {"message": "I dislike sk-wrong-secret", "code": "bad"}}
    fake.plan(key=None, faults=[{"route": "speech", "kind": "status", "status": 400, "body": quoting}])
    error = await fault(fake.base_url, OPENAI_API_KEY="sk-wrong-secret")
    assert error.detail == "400 bad I dislike ***"


async def test_a_page_in_place_of_an_error_is_not_quoted(fake):
    page = {"kind": "status", "status": 403, "content_type": "text/html", "body": "<html>" + "x" * 5000}
    fake.plan(faults=[{"route": "speech", **page}])

    assert (await fault(fake.base_url)).detail == "403"


async def test_a_server_without_keys_gets_a_placeholder(fake):
    heap = Heap()
    async with connected(fake.base_url, OPENAI_API_KEY="") as (client, _):
        await speak(client, heap)

    assert fake.state()["requests"][0]["authorization"] == f"Bearer {NO_KEY}"


@pytest.mark.parametrize(
    ("base_url", "official"),
    [
        ("", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://mine.openai.azure.com/openai/v1", True),
        ("http://localhost:8000/v1", False),
        ("https://notopenai.com/v1", False),
    ],
)
async def test_openai_itself_is_told_from_what_resembles_it(base_url, official):
    async with connected(base_url) as (client, _):
        assert client.official is official


async def test_an_error_of_the_receiver_is_not_the_servers(fake):
    async def fails(chunk: bytes) -> None:
        raise ValueError("mine")

    async with connected(fake.base_url) as (client, _):
        create = client.sdk.audio.speech.with_streaming_response.create
        with pytest.raises(ValueError, match="mine"):
            await client.pour("speak", create(model="m", voice="v", input="a", response_format="pcm"), fails)
        await until(lambda: fake.state()["in_flight"] == 0)


async def test_turns_share_a_connection_and_closing_leaves_none(fake):
    async with connected(fake.base_url) as (client, _):
        for _ in range(3):
            await speak(client, Heap())
        await client.sdk.models.retrieve("tts-1")
        assert fake.state()["connections"] == 1
        assert fake.state()["open"] == 1
    await nothing_left(fake)


async def test_models_tell_their_last_day(fake):
    async with connected(fake.base_url) as (client, _):
        with client.errors("models"):
            model = await client.sdk.models.retrieve("whisper-1")
            assert model.shutdown_date == "2027-02-26"
        with pytest.raises(ProviderError, match="model_not_found"), client.errors("models"):
            await client.sdk.models.retrieve("gpt-0")
