"""What the OpenAI API says: request in, the pieces of its answer out. No sockets, no time. Long, as the API is: one
function a route, and the events of both dialects beside each other.

Shapes follow the API's own: SSE chunks of chat completions (role, deltas, finish, optional usage, `[DONE]`), the
events of the Responses API, multipart transcriptions, speech as 24 kHz PCM or WAV, models with `shutdown_date`, and
the errors a client meets in practice, with their codes.
"""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
import math
import re
import struct
import wave
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

MODELS: dict[str, str | None] = {
    "gpt-5.4-mini": None,
    "gpt-5.4-nano": "2027-04-01",
    "gpt-4.1-mini": "2027-01-14",
    "gpt-transcribe": None,
    "whisper-1": "2027-02-26",
    "gpt-4o-mini-tts": "2027-01-06",
    "tts-1": "2027-01-06",
}
"""Some models and their announced last days (developers.openai.com, deprecations)."""

RATE = 24000
MS_PER_CHARACTER = 60
MAX_INPUT = 4096
"""Characters of one speech request."""


@dataclass(frozen=True)
class Answer:
    """A response: its pieces leave one by one, each as its own chunk when `streamed`."""

    status: int
    content_type: str
    pieces: tuple[bytes, ...]
    streamed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818  it is an answer, not a fault of ours
    """The request is wrong; carries the API's answer to it."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.answer = error(status, message, code, param)


def error(status: int, message: str, code: str | None = None, param: str | None = None) -> Answer:
    kind = {401: "authentication_error", 429: "requests", 500: "server_error"}.get(status, "invalid_request_error")
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return Answer(status, "application/json", (json.dumps(body).encode(),))


def models(name: str | None, listed: Mapping[str, str | None]) -> Answer:
    """GET /v1/models, or one of them."""

    def entry(model: str) -> dict[str, Any]:
        return {
            "id": model,
            "object": "model",
            "created": 1700000000,
            "owned_by": "system",
            "shutdown_date": listed[model],
        }

    if name is None:
        return _json({"object": "list", "data": [entry(model) for model in listed]})
    if name not in listed:
        raise Refused(404, f"The model '{name}' does not exist", "model_not_found")
    return _json(entry(name))


def check_served(model: str, shut_down: Iterable[str]) -> None:
    """What the API says to a request for a model after its last day."""
    if any(fnmatchcase(model, names) for names in shut_down):
        text = (
            f"The model `{model}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        )
        raise Refused(404, text, "model_not_found")


def chat(body: Mapping[str, Any], script: Mapping[str, Any]) -> Answer:
    """POST /v1/chat/completions."""
    _require(body, "model", "messages")
    if "stream_options" in body and (message := script.get("no_stream_options")) is not None:
        raise Refused(400, message)
    if "stream_options" in body and not body.get("stream"):
        raise Refused(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", None)
    if "max_tokens" in body and re.match(r"gpt-[5-9]|o\d", body["model"]):
        raise Refused(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model."
            " Use 'max_completion_tokens' instead.",
            "unsupported_parameter",
            "max_tokens",
        )
    _check_tools(body)
    said = _reply(script, body["messages"][-1].get("content", ""))
    if said.calls and not body.get("tools"):
        said = _Said(said.text or "I cannot do that.")
    if not body.get("stream"):
        message = {"role": "assistant", "content": said.text, "refusal": said.refusal}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return _json(_chunk(body, [choice], kind="chat.completion") | {"usage": _usage(said)})
    return Answer(200, "text/event-stream; charset=utf-8", tuple(_chat_events(body, said, script)), streamed=True)


def responses(body: Mapping[str, Any], script: Mapping[str, Any]) -> Answer:
    """POST /v1/responses."""
    _require(body, "model", "input")
    messages = body["input"]
    _check_outputs(messages)
    said = _reply(script, messages if isinstance(messages, str) else messages[-1].get("content", ""))
    if said.calls and not body.get("tools"):
        said = _Said(said.text or "I cannot do that.")
    if not body.get("stream"):
        return _json(_response(body, said, "completed"))
    return Answer(200, "text/event-stream; charset=utf-8", tuple(_response_events(body, said)), streamed=True)


def transcription(fields: Mapping[str, Any], script: Mapping[str, Any]) -> tuple[Answer, dict[str, Any]]:
    """POST /v1/audio/transcriptions: the answer, and the facts of the upload for the log."""
    _require(fields, "file", "model")
    try:
        with wave.open(io.BytesIO(fields["file"]), "rb") as sound:
            facts = {
                "rate": sound.getframerate(),
                "width": sound.getsampwidth(),
                "channels": sound.getnchannels(),
                "seconds": sound.getnframes() / sound.getframerate(),
            }
    except (wave.Error, EOFError):
        message = "Audio file might be corrupted or unsupported"
        raise Refused(400, message, "invalid_value", "file") from None
    if facts["seconds"] < 0.1:
        message = "Audio file is too short. Minimum audio length is 0.1 seconds."
        raise Refused(400, message, "audio_too_short", "file")
    text = script.get("transcripts") or ["I am looking for a flat."]
    index = min(script.get("turn", 0), len(text) - 1)
    if fields.get("response_format") == "text":
        return Answer(200, "text/plain; charset=utf-8", (text[index].encode() + b"\n",)), facts
    return _json({"text": text[index], "usage": {"type": "duration", "seconds": math.ceil(facts["seconds"])}}), facts


def speech(body: Mapping[str, Any], script: Mapping[str, Any]) -> Answer:
    """POST /v1/audio/speech: a tone whose pitch tells the text, 60 ms a character."""
    _require(body, "model", "input", "voice")
    if len(body["input"]) > MAX_INPUT:
        raise Refused(400, f"String should have at most {MAX_INPUT} characters", "string_above_max_length", "input")
    wanted = script.get("container") or body.get("response_format", "mp3")
    if wanted not in {"pcm", "wav"}:
        raise Refused(400, f"This fake speaks pcm and wav, not {wanted}", "invalid_value", "response_format")
    sound = tone(body["input"])
    size = script.get("chunk_bytes", RATE // 10 * 2)
    pieces = [sound[at : at + size] for at in range(0, len(sound), size)]
    if wanted == "wav":
        pieces.insert(0, wav_header())
    return Answer(200, "audio/pcm" if wanted == "pcm" else "audio/wav", tuple(pieces), streamed=True)


def tone(text: str) -> bytes:
    """The sound of a text, 24 kHz s16le: `len(text)` times 60 ms of a sine between 300 and 2300 Hz."""
    pitch = 300 + zlib.crc32(text.encode()) % 2000
    time = np.arange(len(text) * MS_PER_CHARACTER * RATE // 1000) / RATE
    return (12000 * np.sin(2 * np.pi * pitch * time)).astype("<i2").tobytes()


def wav_header() -> bytes:
    """A WAV header as the API streams it, before the length is known."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff"


def multipart(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a multipart form: text as str, the file as bytes, its name and type beside it."""
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise Refused(400, "Could not parse multipart form", "invalid_request_error")
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_filename():
            fields |= {str(name): content, "filename": part.get_filename(), "content_type": part.get_content_type()}
        else:
            fields[str(name)] = content.decode()
    return fields


def error_event(route: str, message: str, code: str) -> bytes:
    """An error in the middle of a stream, in the form of its route."""
    if route == "responses":
        return _sse({"type": "error", "code": code, "message": message, "param": None, "sequence_number": 9}, "error")
    return _sse({"error": {"message": message, "type": code, "param": None, "code": code}})


@dataclass(frozen=True)
class _Said:
    text: str
    refusal: str | None = None
    calls: tuple[tuple[str, str], ...] = ()
    """Name and arguments (JSON) of each tool it asks for."""

    @property
    def words(self) -> list[str]:
        return re.findall(r"\s*\S+", self.refusal or self.text)


def _reply(script: Mapping[str, Any], last: str) -> _Said:
    replies = script.get("replies") or [f"You said: {last}"]
    said = replies[min(script.get("turn", 0), len(replies) - 1)]
    if not isinstance(said, dict):
        return _Said(said)
    calls = tuple((call["name"], json.dumps(call.get("arguments", {}))) for call in said.get("calls", ()))
    return _Said(said.get("text", ""), said.get("refusal"), calls)


def _check_tools(body: Mapping[str, Any]) -> None:
    """A chat's tool calls and their answers belong together: the API refuses what does not."""
    open_calls: list[str] = []
    for n, message in enumerate(body["messages"]):
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_calls:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise Refused(400, f"Invalid parameter: {text}", None, f"messages.[{n}].role")
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            break
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    if open_calls:
        text = "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
        raise Refused(400, f"{text} 'tool_call_id'. Not answered: {', '.join(open_calls)}", None, "messages")


def _check_outputs(messages: Any) -> None:
    """The same for the Responses API."""
    items = messages if isinstance(messages, list) else []
    asked = [item["call_id"] for item in items if item.get("type") == "function_call"]
    answered = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    for call_id in asked:
        if call_id not in answered:
            raise Refused(400, f"No tool output found for function call {call_id}.", None, "input")
    for call_id in answered:
        if call_id not in asked:
            raise Refused(400, f"No tool call found for function call output with call_id {call_id}.", None, "input")


def _chat_events(body: Mapping[str, Any], said: _Said, script: Mapping[str, Any]) -> Iterator[bytes]:
    def delta(content: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": content, "logprobs": None, "finish_reason": finish}
        return _sse(_chunk(body, [choice]))

    if script.get("prelude"):  # what some compatible servers send first: a comment, and a chunk without choices
        yield b": PROCESSING\n\n" + _sse(_chunk(body, []) | {"prompt_filter_results": []})
    yield delta({"role": "assistant", "content": "", "refusal": None})
    for word in said.words:
        yield delta({"refusal": word} if said.refusal else {"content": word})
    for n, (name, arguments) in enumerate(said.calls):
        function = {"name": name, "arguments": ""}
        yield delta({"tool_calls": [{"index": n, "id": f"call_{n}_{name}", "type": "function", "function": function}]})
        for at in range(0, len(arguments), 7):
            yield delta({"tool_calls": [{"index": n, "function": {"arguments": arguments[at : at + 7]}}]})
    yield delta({}, "tool_calls" if said.calls else script.get("finish", "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _sse(_chunk(body, []) | {"usage": _usage(said)})
    yield b"data: [DONE]\n\n"


def _response_events(body: Mapping[str, Any], said: _Said) -> Iterator[bytes]:
    kind, name = ("refusal", "refusal") if said.refusal else ("output_text", "text")
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    text = said.refusal or said.text
    part = {"type": kind, name: text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant"}
    started = _response(body, said, "in_progress") | {"output": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}},
        {"type": "response.content_part.added", **where, "part": {"type": kind, name: "", "annotations": []}},
        *({"type": f"response.{kind}.delta", **where, "delta": word} for word in said.words),
        {"type": f"response.{kind}.done", **where, name: text},
        {"type": "response.content_part.done", **where, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item | {"content": [part]}},
    ]
    if said.calls and not text:
        events = events[:2]
    for n, (name, arguments) in enumerate(said.calls, 1):
        call = {"id": f"fc_{n}", "type": "function_call", "call_id": f"call_{n}", "name": name, "arguments": ""}
        at = {"item_id": call["id"], "output_index": n}
        events += [
            {"type": "response.output_item.added", "output_index": n, "item": call | {"status": "in_progress"}},
            *(
                {"type": "response.function_call_arguments.delta", **at, "delta": arguments[cut : cut + 7]}
                for cut in range(0, len(arguments), 7)
            ),
            {"type": "response.function_call_arguments.done", **at, "arguments": arguments},
            {
                "type": "response.output_item.done",
                "output_index": n,
                "item": call | {"arguments": arguments, "status": "completed"},
            },
        ]
    events.append({"type": "response.completed", "response": _response(body, said, "completed")})
    for number, event in enumerate(events):
        yield _sse(event | {"sequence_number": number}, event["type"])


def _chunk(body: Mapping[str, Any], choices: list[Any], kind: str = "chat.completion.chunk") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1700000000,
        "model": body["model"],
        "system_fingerprint": "fp_fake",
        "choices": choices,
        "usage": None,
    }


def _response(body: Mapping[str, Any], said: _Said, status: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": said.text, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [part]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "model": body["model"],
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": [message],
        "usage": None if status == "in_progress" else _response_usage(said),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _response_usage(said: _Said) -> dict[str, Any]:
    count = len(said.words)
    details = {"input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {"input_tokens": 10, "output_tokens": count, "total_tokens": 10 + count, **details}


def _usage(said: _Said) -> dict[str, Any]:
    count = len(said.words)
    details = {"prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0}}
    return {"prompt_tokens": 10, "completion_tokens": count, "total_tokens": 10 + count, **details}


def _sse(data: object, event: str = "") -> bytes:
    return (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"


def _json(data: object) -> Answer:
    return Answer(200, "application/json", (json.dumps(data).encode(),))


def _require(body: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not body.get(name):
            raise Refused(400, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
