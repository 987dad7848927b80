"""Tool calls as a model streams them, against the fake of the API on real sockets; and as other servers send them."""

import json
from dataclasses import replace

import pytest
import trio

from agent.providers.openai_calls import MOST_CALLS, Calls
from agent.providers.openai_llm import OpenAILanguageModel, render
from agent.think.ports import Message, Prompt, ToolCall, ToolSpec
from tests.fakes.openai_case import CUT_WHILE_HANDING_OVER, Heap, connected, nothing_left
from tests.fakes.openai_launch import Fake, launch

pytestmark = pytest.mark.filterwarnings(CUT_WHILE_HANDING_OVER)

VISIT = ToolSpec("schedule_site_visit", "Note a visit.", {"type": "object", "properties": {"date": {"type": "string"}}})
PROMPT = Prompt("You are Priya.", (Message("agent", "Hello."), Message("caller", "Sunday at eleven")), tools=(VISIT,))
ASKS = {"text": "One moment.", "calls": [{"name": "schedule_site_visit", "arguments": {"date": "2027-01-03"}}]}


NO_TOOLS = {"error": {"message": "llama-3 does not support tools", "type": "api_error", "param": None, "code": None}}


@pytest.fixture(scope="module")
def process():
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake):
    process.forget()
    return process


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_call_is_put_together_and_its_result_is_taken(fake, api):
    fake.plan(**{api: {"replies": [ASKS, "Noted, Sunday the third."]}})
    heap = Heap()
    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, settings):
        model = OpenAILanguageModel(client, settings)
        with trio.fail_after(10):
            first = await model.reply(PROMPT, heap.put)
            (asked,) = first.calls
            done = (Message("agent", "One moment."), Message("tool", "Noted for Sunday.", asked))
            second = await model.reply(replace(PROMPT, messages=(*PROMPT.messages, *done)), heap.put)

    assert asked.name == "schedule_site_visit"
    assert json.loads(asked.arguments) == {"date": "2027-01-03"}
    assert "".join(heap) == "One moment.Noted, Sunday the third."
    assert second.calls == ()
    await nothing_left(fake)


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_reply_may_have_no_words_but_calls(fake, api):
    fake.plan(**{api: {"replies": [ASKS | {"text": ""}]}})
    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, settings):
        with trio.fail_after(10):
            reply = await OpenAILanguageModel(client, settings).reply(PROMPT, Heap().put)
    assert [call.name for call in reply.calls] == ["schedule_site_visit"]


async def test_a_server_that_takes_no_tools_is_asked_without_them_from_then_on(fake):
    fault = {"route": "chat", "kind": "status", "status": 400, "times": 1, "body": NO_TOOLS}
    fake.plan(chat={"replies": ["Fine.", "Fine."]}, faults=[fault])
    async with connected(fake.base_url) as (client, settings):
        model = OpenAILanguageModel(client, settings)
        heap = Heap()
        with trio.fail_after(10):
            await model.reply(PROMPT, heap.put)
            await model.reply(PROMPT, heap.put)
    assert "".join(heap) == "Fine.Fine."
    assert len(fake.state()["requests"]) == 3


def put_together(*pieces) -> tuple[ToolCall, ...]:
    calls = Calls()
    for piece in pieces:
        calls.fragment(piece)
    return calls.whole()


def test_servers_that_are_like_openai_differ():
    whole = {"function": {"name": "end_call", "arguments": "{}"}}
    assert put_together(whole) == (ToolCall("call_0", "end_call", "{}"),)
    assert put_together({"id": "x", **whole}, {"id": "y", **whole}) == (
        ToolCall("x", "end_call", "{}"),
        ToolCall("y", "end_call", "{}"),
    )
    assert put_together(whole, {"function": {"arguments": ""}}) == (ToolCall("call_0", "end_call", "{}"),)
    assert put_together(
        {"index": 0, "function": {"name": "a"}}, {"index": 0, "function": {"arguments": '{"b":1}'}}
    ) == (ToolCall("call_0", "a", '{"b":1}'),)
    assert put_together({"index": 0, "function": {"name": "repeat", "arguments": None}})[0].arguments == "{}"
    assert put_together(None, 7, {}, {"function": "no"}) == ()
    assert len(put_together(*({"index": n, **whole} for n in range(100)))) == MOST_CALLS


def test_tools_of_one_reply_are_asked_for_in_one_message():
    ran = [Message("tool", f"done {n}", ToolCall("same", "repeat", "{}")) for n in range(2)]
    history = (Message("caller", "Hi"), Message("agent", "One moment."), *ran, Message("agent", "There."))

    chat = render(Prompt("S", history))
    assert [message["role"] for message in chat] == [
        "system",
        "user",
        "assistant",
        "assistant",
        "tool",
        "tool",
        "assistant",
    ]
    assert [call["id"] for call in chat[3]["tool_calls"]] == [message["tool_call_id"] for message in chat[4:6]]
    assert chat[-1]["content"] == "There."

    items = render(Prompt("S", history), responses=True)
    assert [item.get("type", item.get("role")) for item in items[3:7]] == ["function_call", "function_call_output"] * 2
