"""A Realtime server's messages, as the SDK's models make them, read as what they say."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from openai.types.realtime import (
    ConversationItemAdded,
    ConversationItemInputAudioTranscriptionCompletedEvent,
    ConversationItemInputAudioTranscriptionDeltaEvent,
    ConversationItemInputAudioTranscriptionFailedEvent,
    InputAudioBufferCommittedEvent,
    RealtimeErrorEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseOutputItemDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
)
from pydantic import BaseModel

from agent.errors import Fault, ProviderError
from agent.providers import realtime_events as events
from agent.providers.realtime_events import parse
from agent.think.ports import ToolCall

E = {"event_id": "event_1"}
ITEM = {"item_id": "item_1", "content_index": 0}
PART = {**ITEM, "output_index": 0, "response_id": "resp_1"}
SESSION = {"type": "transcription", "expires_at": 1_800_000_000}
HEARD = "conversation.item.input_audio_transcription"
SOUND = bytes(range(256))
CASES: list[tuple[type[BaseModel], dict[str, object], object]] = [
    (SessionCreatedEvent, {"type": "session.created", "session": SESSION}, events.SessionCreated(1.8e9)),
    (
        SessionCreatedEvent,
        {"type": "session.created", "session": {"type": "realtime", "expires_at": 0}},
        events.SessionCreated(None),
    ),
    (SessionUpdatedEvent, {"type": "session.updated", "session": SESSION}, events.SessionUpdated()),
    (InputAudioBufferCommittedEvent, {"type": "input_audio_buffer.committed", **ITEM}, events.Committed("item_1")),
    (
        ConversationItemInputAudioTranscriptionDeltaEvent,
        {"type": f"{HEARD}.delta", **ITEM, "delta": "दो "},
        events.HeardPart("item_1", "दो "),
    ),
    (
        ConversationItemInputAudioTranscriptionCompletedEvent,
        {"type": f"{HEARD}.completed", **ITEM, "transcript": "A flat.", "usage": {"type": "duration", "seconds": 1.0}},
        events.HeardAll("item_1", "A flat."),
    ),
    (
        ConversationItemInputAudioTranscriptionFailedEvent,
        {"type": f"{HEARD}.failed", **ITEM, "error": {"code": "rate_limit_exceeded", "message": "Later."}},
        events.NotHeard("item_1", Fault.BUSY, "rate_limit_exceeded Later."),
    ),
    (
        ConversationItemAdded,
        {
            "type": "conversation.item.added",
            "item": {"id": "item_1", "type": "message", "role": "user", "content": []},
        },
        events.ItemAdded("item_1", "message", "user"),
    ),
    (
        ResponseCreatedEvent,
        {"type": "response.created", "response": {"id": "resp_1", "metadata": {"asked": "7"}}},
        events.ResponseCreated("resp_1", "7"),
    ),
    (
        ResponseAudioDeltaEvent,
        {"type": "response.output_audio.delta", **PART, "delta": b64encode(SOUND).decode()},
        events.AudioPart("resp_1", "item_1", SOUND),
    ),
    (
        ResponseAudioTranscriptDeltaEvent,
        {"type": "response.output_audio_transcript.delta", **PART, "delta": "Hello"},
        events.SpokenPart("resp_1", "item_1", "Hello"),
    ),
    (
        ResponseOutputItemDoneEvent,
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "response_id": "resp_1",
            "item": {"id": "item_2", "type": "function_call", "call_id": "call_1", "name": "repeat", "arguments": ""},
        },
        events.Called("resp_1", "item_2", ToolCall("call_1", "repeat", "{}")),
    ),
    (
        ResponseOutputItemDoneEvent,
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "response_id": "resp_1",
            "item": {"id": "item_1", "type": "message", "role": "assistant", "content": []},
        },
        events.ItemDone("resp_1", "item_1", whole=True),
    ),
    (
        ResponseOutputItemDoneEvent,
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "response_id": "resp_1",
            "item": {"id": "item_1", "type": "message", "role": "assistant", "content": [], "status": "incomplete"},
        },
        events.ItemDone("resp_1", "item_1", whole=False),
    ),
    (
        ResponseOutputItemDoneEvent,
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "response_id": "resp_1",
            "item": {
                "id": "item_2",
                "type": "function_call",
                "name": "repeat",
                "arguments": "",
                "status": "incomplete",
            },
        },
        events.ItemDone("resp_1", "item_2", whole=False),
    ),
    (
        ResponseDoneEvent,
        {
            "type": "response.done",
            "response": {
                "id": "resp_1",
                "status": "incomplete",
                "status_details": {"type": "incomplete", "reason": "content_filter"},
                "output": [
                    {"id": "item_1", "type": "message", "role": "assistant", "content": [], "status": "incomplete"},
                    {"id": "item_2", "type": "message", "role": "assistant", "content": [], "status": "completed"},
                ],
            },
        },
        events.ResponseDone("resp_1", "", "incomplete", None, "content_filter", 0, 0, ("item_1",)),
    ),
    (
        ResponseDoneEvent,
        {
            "type": "response.done",
            "response": {
                "id": "resp_1",
                "status": "completed",
                "metadata": {"asked": "7"},
                "usage": {"input_tokens": 12, "output_tokens": 34},
            },
        },
        events.ResponseDone("resp_1", "7", "completed", None, "", 12, 34),
    ),
    (
        ResponseDoneEvent,
        {
            "type": "response.done",
            "response": {
                "id": "resp_1",
                "status": "failed",
                "status_details": {"type": "failed", "error": {"type": "server_error", "code": "server_error"}},
            },
        },
        events.ResponseDone("resp_1", "", "failed", Fault.BROKEN, "server_error", 0, 0),
    ),
    (
        ResponseDoneEvent,
        {
            "type": "response.done",
            "response": {
                "id": "resp_1",
                "status": "incomplete",
                "status_details": {"type": "incomplete", "reason": "max_output_tokens"},
            },
        },
        events.ResponseDone("resp_1", "", "incomplete", None, "max_output_tokens", 0, 0),
    ),
    (
        RealtimeErrorEvent,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": "session_expired",
                "message": "60 minutes.",
                "event_id": "ours_3",
            },
        },
        events.Trouble(Fault.UNREACHABLE, "session_expired", "session_expired 60 minutes.", "ours_3"),
    ),
]


@pytest.mark.parametrize(("model", "fields", "expected"), CASES)
def test_an_event_of_the_sdk_is_read(model: type[BaseModel], fields: dict[str, object], expected: object) -> None:
    message = {**E, **fields}
    model.model_validate(message)
    assert parse(json.dumps(message)) == expected


def test_whether_it_helps_to_try_again() -> None:
    for kind, code, fault in (
        ("invalid_request_error", "model_not_found", Fault.REFUSED),
        ("invalid_request_error", "session_expired", Fault.UNREACHABLE),
        ("invalid_request_error", "rate_limit_exceeded", Fault.BUSY),
        ("server_error", "server_error", Fault.BROKEN),
    ):
        event = parse(json.dumps({"type": "error", "error": {"type": kind, "code": code}}))
        assert event == events.Trouble(fault, code, code, "")


def test_what_is_new_is_passed_over() -> None:
    assert parse('{"type":"rate_limits.updated","rate_limits":[],"event_id":"e"}') is None
    assert parse('{"type":"something.new","item_id":"i","of":{"the":"future"}}') is None
    assert parse('{"type":"session.created","session":null}') == events.SessionCreated(None)
    assert parse('{"type":"error","error":"what?"}') == events.Trouble(Fault.BROKEN, "", "", "")


@pytest.mark.parametrize(
    "message",
    ["", "hello", "[]", "{}", b"\xff\xfe", '{"type":"response.output_audio.delta","delta":"a"}'],
)
def test_what_is_no_event_is_an_error(message: str | bytes) -> None:
    with pytest.raises(ProviderError) as raised:
        parse(message)
    assert raised.value.fault is Fault.BROKEN
