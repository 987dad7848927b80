"""The language model against a fake of the API on real sockets. Waits are for conditions, bounded."""

import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.providers.openai_llm import MAX_CHARACTERS, MAX_TOKENS, OpenAILanguageModel, render, takes_leave
from agent.think.ports import Message, Prompt
from tests.fakes.openai_case import CUT_WHILE_HANDING_OVER, Heap, connected, nothing_left, until
from tests.fakes.openai_launch import Fake, launch

pytestmark = pytest.mark.filterwarnings(CUT_WHILE_HANDING_OVER)

PROMPT = Prompt(
    "You are Priya.", (Message("agent", "Hello."), Message("caller", "A flat in Whitefield")), {"city": "BLR"}
)
REPLY = "A flat in Whitefield, very good. And what is your budget?"


@pytest.fixture(scope="module")
def process():
    with launch() as fake:
        yield fake


@pytest.fixture
def fake(process: Fake):
    process.forget()
    return process


@pytest.fixture(params=["chat", "responses"])
def api(request):
    return request.param


async def ask(fake: Fake, heap: Heap, **settings):
    """One reply on a client of its own."""
    async with connected(fake.base_url, **settings) as (client, chosen):
        with trio.fail_after(10):
            return await OpenAILanguageModel(client, chosen).reply(PROMPT, heap.put)


async def test_a_reply_arrives_in_pieces_and_whole(fake, api):
    fake.plan(**{api: {"replies": [REPLY]}})
    heap = Heap()

    reply = await ask(fake, heap, OPENAI_LLM_API=api)

    assert "".join(heap) == REPLY
    assert len(heap) > 5
    assert not reply.says_goodbye
    await nothing_left(fake)


async def test_the_first_words_are_out_before_the_reply_has_ended(fake, api):
    fake.plan(**{api: {"replies": [REPLY]}}, faults=[{"route": api, "kind": "stall", "after": 7}])
    heap = Heap()
    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, chosen):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(OpenAILanguageModel(client, chosen).reply, PROMPT, heap.put)
            with trio.fail_after(5):
                await heap.begun.wait()
            assert fake.state()["in_flight"] == 1
            nursery.cancel_scope.cancel()

        assert REPLY.startswith("".join(heap))
        await nothing_left(fake)
        assert fake.state()["abandoned"] == 1


async def test_cancelled_while_its_words_have_nowhere_to_go_it_closes_the_connection(fake, api):
    fake.plan(**{api: {"replies": [REPLY], "gap_ms": 1}})
    blocked = trio.Event()

    async def full(words: str) -> None:
        blocked.set()
        await trio.sleep_forever()

    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, chosen):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(OpenAILanguageModel(client, chosen).reply, PROMPT, full)
            with trio.fail_after(5):
                await blocked.wait()
            nursery.cancel_scope.cancel()

        await nothing_left(fake)


async def test_an_error_of_the_receiver_is_its_own_and_closes_the_connection(fake, api):
    async def fails(words: str) -> None:
        raise KeyError(words)

    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, chosen):
        with pytest.raises(KeyError):
            await OpenAILanguageModel(client, chosen).reply(PROMPT, fails)
        await until(lambda: fake.state()["in_flight"] == 0)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "reset", "after": 7}, Fault.BROKEN),
        ({"kind": "cut", "after": 7}, Fault.BROKEN),
        ({"kind": "end", "after": 7}, Fault.BROKEN),
        ({"kind": "garbage", "after": 7}, Fault.BROKEN),
        ({"kind": "error", "after": 7}, Fault.BROKEN),
        ({"kind": "error", "after": 7, "code": "rate_limit_exceeded"}, Fault.BUSY),
        ({"kind": "error", "after": 7, "code": "invalid_prompt"}, Fault.REFUSED),
    ],
)
async def test_a_reply_that_breaks_off_says_so_after_what_has_come(fake, api, fault, expected):
    fake.plan(**{api: {"replies": [REPLY]}}, faults=[{"route": api, **fault}])
    heap = Heap()

    with pytest.raises(ProviderError) as caught:
        await ask(fake, heap, OPENAI_LLM_API=api)

    assert (caught.value.fault, caught.value.operation) == (expected, "reply")
    if fault["kind"] != "reset":  # a reset may overtake what was sent before it
        assert REPLY.startswith("".join(heap))
        assert heap
    await nothing_left(fake)


async def test_no_words_at_all_is_an_error(fake):
    fake.plan(chat={"replies": [" "], "finish": "content_filter"})

    with pytest.raises(ProviderError, match="content_filter") as caught:
        await ask(fake, Heap())

    assert caught.value.fault is Fault.BROKEN


async def test_a_page_instead_of_a_stream_is_an_error(fake, api):
    page = {"kind": "status", "status": 200, "content_type": "text/html", "body": "<html>Sign in</html>"}
    fake.plan(faults=[{"route": api, **page}])

    with pytest.raises(ProviderError) as caught:
        await ask(fake, Heap(), OPENAI_LLM_API=api)

    assert caught.value.fault is Fault.BROKEN


async def test_a_refusal_is_spoken(fake, api):
    fake.plan(**{api: {"replies": [{"refusal": "I cannot help with that."}]}})
    heap = Heap()

    await ask(fake, heap, OPENAI_LLM_API=api)

    assert "".join(heap) == "I cannot help with that."


async def test_comments_and_chunks_without_choices_pass(fake):
    fake.plan(chat={"replies": [REPLY], "prelude": True, "finish": "length"})
    heap = Heap()

    await ask(fake, heap)

    assert "".join(heap) == REPLY


async def test_goodbye_is_told(fake, api):
    fake.plan(**{api: {"replies": ["Thank you for calling. Goodbye!"]}})

    assert (await ask(fake, Heap(), OPENAI_LLM_API=api)).says_goodbye


async def test_the_request_says_what_it_must_and_no_more(fake):
    await ask(fake, Heap(), OPENAI_LLM_MODEL="gpt-5.4-mini", OPENAI_LLM_API="responses")
    fake.plan(chat={})
    await ask(fake, Heap())

    responses, chat = (request["body"] for request in fake.state()["requests"])
    assert responses.pop("input") == render(PROMPT)
    assert responses == {"model": "gpt-5.4-mini", "stream": True, "store": False, "max_output_tokens": MAX_TOKENS}
    assert chat.pop("messages") == render(PROMPT)
    counted = {"stream_options": {"include_usage": True}}
    assert chat == {"model": "llama-3", "stream": True, "max_tokens": MAX_TOKENS, **counted}


async def test_a_server_that_refuses_one_bound_gets_the_other_from_then_on(fake):
    async with connected(fake.base_url, OPENAI_LLM_MODEL="gpt-5.4-mini") as (client, chosen):
        model = OpenAILanguageModel(client, chosen)
        for _ in range(2):
            heap = Heap()
            await model.reply(PROMPT, heap.put)
            assert heap

    bounds = [{"max_tokens", "max_completion_tokens"} & set(r["body"]) for r in fake.state()["requests"]]
    assert bounds == [{"max_tokens"}, {"max_completion_tokens"}, {"max_completion_tokens"}]


async def test_a_model_that_does_not_stop_is_stopped(fake):
    fake.plan(chat={"replies": ["On and on. " * 1000]}, faults=[{"route": "chat", "kind": "stall", "after": 1500}])
    heap = Heap()

    await ask(fake, heap)  # once enough is said, nobody waits for what the server has besides

    assert MAX_CHARACTERS < len("".join(heap)) < MAX_CHARACTERS + 20
    await nothing_left(fake)


async def test_sixty_barge_ins_then_fifty_callers_at_once(fake, api):
    fake.plan(**{api: {"replies": [REPLY], "gap_ms": 2}})
    replies = []
    async with connected(fake.base_url, OPENAI_LLM_API=api) as (client, chosen):
        model = OpenAILanguageModel(client, chosen)
        for turn in range(60):
            with trio.move_on_after(turn / 1500):
                await model.reply(PROMPT, Heap().put)
        await until(lambda: fake.state()["in_flight"] == 0)

        async def caller() -> None:
            heap = Heap()
            await model.reply(PROMPT, heap.put)
            replies.append("".join(heap))

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(caller)

    assert replies == [REPLY] * 50
    assert fake.state()["abandoned"] > 5
    await nothing_left(fake)


def test_a_prompt_is_rendered_with_its_facts_and_alternating_sides():
    messages = (
        Message("agent", "Hello."),
        Message("caller", "A flat"),
        Message("caller", "in Whitefield"),
        Message("agent", " "),
        Message("caller", "please"),
    )

    assert render(Prompt("You are Priya.", messages, {"budget": "80 lakh", "city": "Bengaluru"})) == [
        {
            "role": "system",
            "content": "You are Priya.\n\nThe caller has told you so far:\n- budget: 80 lakh\n- city: Bengaluru",
        },
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "A flat\nin Whitefield\nplease"},
    ]


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("Thank you for calling. Goodbye!", True),
        ("Good bye. Have a nice day.", True),
        ("Bye-bye!", True),
        ("Goodbye, Mr Rao. A colleague will call you. Have a lovely day.", True),
        ("Before we say goodbye, may I have your name?", False),
        ("I said goodbye to my old flat. Then I bought one here. It is lovely. Shall I go on", False),
        ("The bypass road is near. By the way, it has a pool.", False),
        ("", False),
    ],
)
def test_taking_leave_is_told_from_the_last_words(text, leaves):
    assert takes_leave(text) is leaves


async def test_a_reasoning_effort_is_passed_on_where_one_is_set(fake):
    for api, field, value in (("chat", "reasoning_effort", "low"), ("responses", "reasoning", {"effort": "low"})):
        fake.plan(**{api: {"replies": ["Fine."]}})
        await ask(fake, Heap(), OPENAI_LLM_API=api, OPENAI_REASONING_EFFORT="low")

        assert fake.state()["requests"][-1]["body"][field] == value
