"""The fake Realtime server says what the API says: every event is one of the SDK's own, in the API's order."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from trio_websocket import ConnectionClosed, ConnectionRejected, wrap_client_stream

from agent.providers import realtime_requests as requests
from tests.fakes.realtime_plan import Plan, Wrong
from tests.fakes.realtime_server import Realtime, extras, says, speech

SDK: TypeAdapter[object] = TypeAdapter(RealtimeServerEvent)
HEAR = "/v1/realtime?intent=transcription"
SPEAK = "/v1/realtime?model=gpt-realtime-2.1-mini"
UNTYPED = {"expires_at", "id", "object", "previous_item_id", "truncated_ms", "name"}
"""The API's, but in no model of the SDK for that place; `truncated_ms` is ours, for tests."""
SOUND = b"\x20" * 1600


class Client:
    def __init__(self, connection):
        self.connection = connection
        self.events = []

    async def send(self, *messages):
        for message in messages:
            await self.connection.send_message(message)

    async def until(self, kind):
        """The events up to this one, by kind; the last one itself is kept too."""
        kinds = []
        while True:
            event = json.loads(await self.connection.get_message())
            self.events.append(event)
            kinds.append(event["type"])
            if event["type"] == kind:
                return kinds

    @property
    def last(self):
        return self.events[-1]


@asynccontextmanager
async def visit(server: Realtime, resource: str, key: str = "none") -> AsyncIterator[Client]:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve, theirs)  # noqa: ASYNC113  the handshake waits for it
        async with trio.open_nursery() as inner:
            headers = [(b"Authorization", f"Bearer {key}".encode())]
            yield Client(await wrap_client_stream(inner, ours, "house", resource, extra_headers=headers))
            inner.cancel_scope.cancel()
        await trio.aclose_forcefully(ours)
    assert server.open == 0


def check(server: Realtime) -> set[str]:
    events = [event for sent in server.sent for event in sent]
    for event in events:
        unknown = [name for name in extras(SDK.validate_python(event)) if name not in UNTYPED]
        assert not unknown, (event, unknown)
    assert len({event["event_id"] for event in events}) == len(events)
    return {event["type"] for event in events}


async def test_a_transcription_session(autojump_clock):
    server = Realtime(Plan(heard=("A flat.", "In Whitefield."), final_s=0.2))
    async with visit(server, HEAR) as client:
        assert await client.until("session.created") == ["session.created"]
        assert client.last["session"]["expires_at"] == 3600
        await client.send(requests.hear("gpt-live-transcribe", "en"))
        await client.until("session.updated")
        await client.send(requests.append(SOUND), requests.commit(1))
        began = trio.current_time()
        assert await client.until("conversation.item.input_audio_transcription.completed") == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            *["conversation.item.input_audio_transcription.delta"] * 2,
            "conversation.item.input_audio_transcription.completed",
        ]
        assert trio.current_time() - began == pytest.approx(0.2)
        assert client.last["transcript"] == "A flat."
        first = client.last["item_id"]
        await client.send(requests.append(SOUND[:-8]), requests.commit(2))
        await client.until("input_audio_buffer.committed")
        assert client.last["previous_item_id"] == first
        await client.until("conversation.item.input_audio_transcription.completed")
        assert client.last["transcript"] == "In Whitefield."
        await client.send(requests.append(SOUND), requests.commit(3))  # the same sound says the same again
        await client.until("conversation.item.input_audio_transcription.completed")
        assert client.last["transcript"] == "A flat."
    check(server)


async def test_words_while_sound_is_appended(autojump_clock):
    server = Realtime(Plan(heard=("One two",), parts=True))
    async with visit(server, HEAR) as client:
        await client.send(requests.hear("m", ""), *[requests.append(SOUND)] * 10)
        await client.until("session.updated")
        assert await client.until("conversation.item.input_audio_transcription.delta")
        item = client.last["item_id"]
        await client.send(requests.commit(1))
        await client.until("input_audio_buffer.committed")
        assert client.last["item_id"] == item
    check(server)


async def test_what_is_wrong_is_objected_to_and_the_session_goes_on(autojump_clock):
    server = Realtime(Plan(shut_down=frozenset({"whisper-1"})))
    async with visit(server, HEAR) as client:
        for message, code in {
            "hello": "invalid_event",
            '{"type":"session.update","session":{"type":"transcription","colour":"red"}}': "unknown_parameter",
            requests.hear("whisper-1", ""): "model_not_found",
            requests.speak("alloy"): "invalid_session_type",
            requests.commit(7): "input_audio_buffer_commit_empty",
            requests.cancel(): "response_cancel_not_active",
            requests.forget("item_x"): "item_delete_invalid_item_id",
            requests.truncate("item_x", 100): "item_truncate_invalid_item_id",
        }.items():
            await client.send(message)
            await client.until("error")
            assert client.last["error"]["code"] == code
        assert [e["error"]["event_id"] for e in client.events if e["type"] == "error"][4] == "commit-7"
        await client.send(requests.CLEAR)
        await client.until("input_audio_buffer.cleared")
    check(server)


async def test_a_text_is_said_at_the_plans_pace(autojump_clock):
    server = Realtime(Plan(first_s=0.5, pace=2.0))
    async with visit(server, SPEAK) as client:
        await client.send(requests.speak("marin"), requests.say("7", "Hello there.", "Say it."))
        await client.until("response.created")
        assert client.last["response"]["metadata"] == {"asked": "7"}
        began = trio.current_time()
        await client.until("response.output_audio.delta")
        assert trio.current_time() - began == pytest.approx(0.5)
        await client.until("response.done")
        sound = b"".join(b64decode(e["delta"]) for e in client.events if e["type"] == "response.output_audio.delta")
        assert sound == speech("Hello there.")
        assert trio.current_time() - began == pytest.approx(0.5 + 3 * 0.1)
        words = [e["delta"] for e in client.events if e["type"] == "response.output_audio_transcript.delta"]
        assert "".join(words) == "Hello there."
        assert client.last["response"]["status"] == "completed"
        assert not any(e["type"].startswith("conversation.item") for e in client.events)
    check(server)


async def test_a_conversation_with_a_tool_and_a_cut_answer(autojump_clock):
    script = iter([says("One moment.", ("repeat", '{"what":"all"}')), says("A long answer, cut in the middle.")])
    server = Realtime(Plan(says=lambda _create, _items: next(script)))
    async with visit(server, SPEAK) as client:
        await client.send(requests.speak("marin"), requests.respond("1"))
        await client.until("response.done")
        kinds = {item["type"] for item in client.last["response"]["output"]}
        assert kinds == {"message", "function_call"}
        await client.send(requests.respond("2"), requests.respond("3"))
        await client.until("error")
        assert client.last["error"]["code"] == "conversation_already_has_active_response"
        await client.until("response.output_audio.delta")
        item = client.last["item_id"]
        await client.send(requests.cancel())
        await client.until("response.done")
        assert client.last["response"]["status"] == "cancelled"
        await client.send(requests.truncate(item, 100), requests.truncate(item, 5000), requests.forget(item))
        await client.until("conversation.item.truncated")
        await client.until("error")
        assert client.last["error"]["code"] == "invalid_value"
        await client.until("conversation.item.deleted")
    check(server)


@pytest.mark.parametrize("status", ["failed", "incomplete"])
async def test_a_response_that_ends_badly(autojump_clock, status):
    server = Realtime(Plan(says=lambda _create, _items: says("Hm.", status=status)))
    async with visit(server, SPEAK) as client:
        await client.send(requests.respond("1"))
        await client.until("response.done")
        assert client.last["response"]["status"] == status
    check(server)


async def test_a_session_has_its_time(autojump_clock):
    server = Realtime(Plan(session_s=60))
    async with visit(server, HEAR) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.reason.code == 1001
        assert trio.current_time() == pytest.approx(60)
        assert client.last["error"]["code"] == "session_expired"
    check(server)


async def test_who_is_let_in(autojump_clock):
    server = Realtime(Plan(key="sk-right", shut_down=frozenset({"gpt-realtime"})))
    async with visit(server, HEAR, "sk-right") as client:
        await client.until("session.created")
    for resource, key, status in ((HEAR, "sk-wrong", 401), ("/v1/other?model=m", "sk-right", 404)):
        with pytest.RaisesGroup(pytest.RaisesGroup(ConnectionRejected)) as refused:
            async with visit(server, resource, key):
                pass
        assert refused.value.exceptions[0].exceptions[0].status_code == status
    async with visit(server, "/v1/realtime?model=gpt-realtime", "sk-right") as client:
        await client.until("error")
        assert client.last["error"]["code"] == "model_not_found"
        with pytest.raises(ConnectionClosed):
            await client.until("never")


@pytest.mark.parametrize("at", [0, 1, 3])
async def test_what_goes_wrong_does_so_right_before_the_event(autojump_clock, at):
    kinds = ["session.created", "session.updated", "input_audio_buffer.committed", "conversation.item.added"]
    messages = [requests.hear("m", ""), requests.append(SOUND), requests.commit(1)]

    async def seen(wrong):
        server = Realtime(Plan(heard=("Yes.",), wrong=[wrong]))
        async with visit(server, HEAR) as client:
            with trio.move_on_after(30) as waiting:
                try:
                    with suppress(ConnectionClosed):
                        await client.send(*messages)
                    await client.until("never")
                except (ConnectionClosed, json.JSONDecodeError) as error:
                    return client, error
            return client, waiting.cancelled_caught

    for kind in ("abort", "close"):
        client, error = await seen(Wrong(kind, at, code=1012))
        assert [event["type"] for event in client.events] == kinds[:at]
        assert isinstance(error, ConnectionClosed)
        assert error.reason.code == (1012 if kind == "close" else 1006)
    client, waited = await seen(Wrong("stall", at))
    assert waited is True
    assert [event["type"] for event in client.events] == kinds[:at]
    client, error = await seen(Wrong("garbage", at))
    assert isinstance(error, json.JSONDecodeError)
    client, waited = await seen(Wrong("error", at, code="rate_limit_exceeded"))
    assert [event["type"] for event in client.events][: at + 1] == [*kinds[:at], "error"]
    assert client.events[at]["error"]["code"] == "rate_limit_exceeded"
    client, waited = await seen(Wrong("abort", at, connection=1))
    assert waited is True


async def test_every_event_it_can_send_is_known_to_the_sdk(autojump_clock):
    script = iter([says("One.", ("repeat", "{}")), says("A long answer, cut in the middle.")])
    server = Realtime(Plan(heard=("Yes.",), says=lambda _create, _items: next(script), session_s=100))
    async with visit(server, SPEAK) as client:
        setup = json.loads(requests.speak("marin"))
        setup["session"]["audio"]["input"] |= {"format": requests.PCMU, "transcription": {"model": "gpt-transcribe"}}
        create = {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}}
        await client.send(json.dumps(setup), requests.append(SOUND), requests.CLEAR, requests.append(SOUND))
        await client.send(requests.commit(1), json.dumps(create), requests.respond("1"))
        await client.until("rate_limits.updated")
        await client.send(requests.respond("2"))
        await client.until("response.output_audio.delta")
        item = client.last["item_id"]
        await client.send(requests.cancel(), requests.truncate(item, 100), requests.forget(item))
        await client.until("conversation.item.deleted")
        with pytest.raises(ConnectionClosed):
            await client.until("never")
    assert check(server) == {
        *("session.created", "session.updated", "error", "rate_limits.updated"),
        *("input_audio_buffer.committed", "input_audio_buffer.cleared"),
        *("conversation.item.added", "conversation.item.done", "conversation.item.truncated"),
        *("conversation.item.deleted", "conversation.item.input_audio_transcription.delta"),
        *("conversation.item.input_audio_transcription.completed", "response.created", "response.done"),
        *("response.output_item.added", "response.output_item.done", "response.content_part.added"),
        *("response.content_part.done", "response.output_audio.delta", "response.output_audio.done"),
        *("response.output_audio_transcript.delta", "response.output_audio_transcript.done"),
        *("response.function_call_arguments.delta", "response.function_call_arguments.done"),
    }
