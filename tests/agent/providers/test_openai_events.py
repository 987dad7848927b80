"""The event stream, without a server: however the network cuts it, and whatever a server adds or leaves out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Fault, ProviderError
from agent.providers.openai_events import MAX_PENDING, Events
from tests.fakes import openai_answers as api

WORDS = "Whitefield में दो कमरे — “very good”."


def wire(dialect: str, script: dict | None = None) -> bytes:
    script = {"replies": [WORDS]} | (script or {})
    if dialect == "chat":
        body = {"model": "m", "messages": [{}], "stream": True, "stream_options": {"include_usage": True}}
        return b"".join(api.chat(body, script).pieces)
    return b"".join(api.responses({"model": "m", "input": "x", "stream": True}, script).pieces)


def read(*chunks: bytes) -> str:
    events = Events("reply")
    return "".join(words for chunk in chunks for words in events.feed(chunk)) + events.end()


def chunk(**choice) -> bytes:
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


@given(dialect=st.sampled_from(["chat", "responses"]), data=st.data())
def test_it_does_not_matter_where_the_network_cuts(dialect, data):
    whole = wire(dialect)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))

    assert read(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True))) == WORDS


def test_a_word_is_out_with_the_chunk_that_completes_it():
    events = Events("reply")
    whole = chunk(delta={"content": "One"})

    assert list(events.feed(whole[:-1])) == []
    assert list(events.feed(whole[-1:] + whole[:10])) == ["One"]


def test_lines_may_end_as_they_like_and_the_last_event_needs_no_empty_line():
    whole = wire("chat", {"prelude": True}).replace(b"\n", b"\r\n")
    assert read(whole) == WORDS
    assert read(chunk(delta={"content": "One"}) + b'data:{"choices":[{"finish_reason":"stop"}]}') == "One"


def test_done_is_enough_of_an_end_and_so_is_a_finish():
    assert read(chunk(delta={"content": "One"}), b"data: [DONE]\n\n") == "One"
    assert read(chunk(delta={"content": "One"}, finish_reason="stop")) == "One"


@pytest.mark.parametrize(
    "strange",
    [
        b": ping\n\n",
        b"\n\n\n",
        b"event: ping\ndata: {}\n\n",
        b"id: 7\nretry: 10\n\n",
        b'data: {"choices": null, "usage": {"total_tokens": 7}}\n\n',
        b'data: {"choices": [], "error": null}\n\n',
        b'data: {"choices": [{"delta": null}]}\n\n',
        b'data: {"choices": [{"delta": {"content": [{"type": "thinking"}], "tool_calls": []}}]}\n\n',
        b'data: {"type": "response.something.new", "delta": "no words"}\n\n',
        b'data: {"type": "response.in_progress",\ndata: "response": {}}\n\n',
    ],
)
def test_what_is_not_understood_is_passed_over(strange):
    words = chunk(delta={"content": "One"})
    assert read(strange, words, strange, b"data: [DONE]\n\n", strange) == "One"


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ({"error": {"message": "Too many.", "type": "requests", "code": "rate_limit_exceeded"}}, Fault.BUSY),
        ({"error": {"message": "No.", "type": "insufficient_quota", "code": None}}, Fault.BUSY),
        ({"error": "broken pipe"}, Fault.BROKEN),
        ({"type": "error", "code": "server_error", "message": "Oops."}, Fault.BROKEN),
        ({"type": "error", "error": {"type": "invalid_request_error", "code": None}}, Fault.REFUSED),
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded"}}}, Fault.BUSY),
        ({"type": "response.failed", "response": None}, Fault.BROKEN),
    ],
)
def test_an_error_event_is_an_error_after_the_words_before_it(event, fault):
    events = Events("reply")
    words = events.feed(chunk(delta={"content": "One"}) + b"data: " + json.dumps(event).encode() + b"\n\n")

    assert next(words) == "One"
    with pytest.raises(ProviderError) as caught:
        next(words)
    assert caught.value.fault is fault


@pytest.mark.parametrize(
    "nonsense", [b"data: {half\n\n", b"data: \xff\xfe\n\n", b"data: 7\n\n", b'data: {"choices": 7}\n\n']
)
def test_an_event_that_is_none_is_an_error(nonsense):
    with pytest.raises(ProviderError, match="broken"):
        read(nonsense)


def test_a_line_without_end_is_an_error():
    with pytest.raises(ProviderError, match="endless"):
        read(*[b"a" * (MAX_PENDING // 10)] * 20)


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_half_a_reply_is_an_error(dialect):
    whole = wire(dialect)
    with pytest.raises(ProviderError, match="middle"):
        read(whole[: len(whole) // 2])
    with pytest.raises(ProviderError, match="middle"):
        read(b"")


def test_nothing_after_the_end_matters():
    whole = chunk(delta={"content": "One"}, finish_reason="stop")
    assert read(whole, b'data: {"error": "too late"}\n\n', b"data: {half\n\n", chunk(delta={"content": "Two"})) == "One"


def test_why_it_ended_is_kept():
    cut = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}
    for wire, reason in [
        (chunk(delta={}, finish_reason="content_filter"), "content_filter"),
        (b"data: " + json.dumps(cut).encode() + b"\n\n", "max_output_tokens"),
    ]:
        events = Events("reply")
        list(events.feed(wire))
        assert events.reason == reason
