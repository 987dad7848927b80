"""The language model on OpenAI or a compatible server: a bounded prompt in, words out as they are generated.

Chat completions or the Responses API (OPENAI_LLM_API). Cancelled at any point, the connection is closed at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import structlog

from agent.config import Settings
from agent.errors import Fault, ProviderError
from agent.keep.estimate import TokenRates
from agent.keep.model_counts import begin
from agent.keep.usage import Charge, Part, charged
from agent.model import Emit
from agent.providers.openai_client import NAME, OpenAIClient, unbilled
from agent.providers.openai_events import Events
from agent.providers.openai_usage import tokens
from agent.think.ports import Prompt, Reply, ToolCall, ToolSpec

log = structlog.get_logger(__name__)

MAX_TOKENS = 1024
"""A spoken reply has some 60. The rest is room for models that count their reasoning."""

MAX_CHARACTERS = 2000
"""Two minutes of speech. What goes on longer is cut here: not every server honours the bound on tokens."""

LEAVE = re.compile(r"\bgood[\s-]?bye\b|^(and |then )?bye\b|\bbye[\s-]bye\b|\bbye( for now)?\W*$", re.IGNORECASE)


class OpenAILanguageModel:
    """The LanguageModel port. Stateless but for what it learns of the server; any number of calls at once."""

    def __init__(self, client: OpenAIClient, settings: Settings, part: Part = "llm") -> None:
        """`part` is what its use is counted as."""
        self._client = client
        self._part = part
        self._model = settings.OPENAI_LLM_MODEL
        begin(part, self._model, "requests", "untold", "tokens_in", "tokens_cached", "tokens_out")
        self._responses = settings.OPENAI_LLM_API == "responses"
        self._effort = settings.OPENAI_REASONING_EFFORT
        # OpenAI's newer models refuse max_tokens; many other servers know nothing else, and some would silently let
        # a model talk on. A server that refuses one by its name gets the other from then on.
        self._bound = "max_completion_tokens" if client.official else "max_tokens"
        self._tools = True
        self._rates = TokenRates()
        self._counts: bool | None = None
        """Whether the server tells what a chat used; None: not known yet."""
        sdk = client.sdk  # touching a resource imports it: now, not in the first caller's first turn
        self._create: Any = (
            sdk.responses.with_streaming_response.create
            if self._responses
            else sdk.chat.completions.with_streaming_response.create
        )

    @property
    def name(self) -> str:
        return f"{NAME} {self._model}"

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        """See the port. A reply without a word is an error; one cut by a token limit or a filter is not."""
        bound = self._bound
        prompt = prompt if self._tools else replace(prompt, tools=())
        try:
            return await self._reply(prompt, emit, bound)
        except ProviderError as error:
            refused = str(error.__cause__) if error.fault is Fault.REFUSED else ""
            if self._uncounted(error, refused):
                log.info("the server does not tell what a reply used")
                self._counts = False
            elif prompt.tools and "tool" in refused:
                log.warning("the server takes no tools: it is not offered any more", error=error.detail)
                self._tools = False
            elif not self._responses and bound in refused:
                self._bound = "max_tokens" if bound == "max_completion_tokens" else "max_completion_tokens"
            else:
                raise
        return await self.reply(prompt, emit)

    async def _reply(self, prompt: Prompt, emit: Emit[str], bound: str) -> Reply:
        events = Events("reply")
        said: list[str] = []
        length = 0

        async def say(words: str) -> None:
            nonlocal length
            words = words[: MAX_CHARACTERS + 1 - length]
            if words:
                said.append(words)
                length += len(words)
                await emit(words)
            if length > MAX_CHARACTERS:
                raise _Enough

        async def take(chunk: bytes) -> None:
            for words in events.feed(chunk):
                await say(words)

        with self._counted(prompt, events, said) as charge, suppress(_Enough):
            await self._client.pour("reply", self._request(prompt, bound), take, charge)
            await say(events.end())
        text = "".join(said)
        calls = events.calls.whole() if prompt.tools else ()
        if not text.strip() and not calls:
            raise ProviderError(NAME, "reply", Fault.BROKEN, f"no words ({events.reason or 'no reason given'})")
        return Reply(says_goodbye=takes_leave(text), calls=calls)

    def _request(self, prompt: Prompt, bound: str) -> Any:
        more: dict[str, Any] = {}
        if self._responses:
            if self._effort:
                more = {"reasoning": {"effort": self._effort}}
            if prompt.tools:
                more["tools"] = [{"type": "function", "strict": False, **_function(tool)} for tool in prompt.tools]
            # Not stored: the caller's words are not for somebody else's archive.
            return self._create(
                model=self._model,
                input=render(prompt, responses=True),
                stream=True,
                store=False,
                max_output_tokens=MAX_TOKENS,
                **more,
            )
        if self._effort:
            more = {"reasoning_effort": self._effort}
        if prompt.tools:
            more["tools"] = [{"type": "function", "function": _function(tool)} for tool in prompt.tools]
        if self._counts is not False:
            more["stream_options"] = {"include_usage": True}
        return self._create(model=self._model, messages=render(prompt), stream=True, **{bound: MAX_TOKENS}, **more)

    @contextmanager
    def _counted(self, prompt: Prompt, events: Events, said: list[str]) -> Iterator[Charge]:
        """A request within it is counted, however it ends, unless it was refused, or never left."""
        given = _size(prompt)
        charge = charged(self._part, self._model)
        self._rates.guess(charge, given, 0)
        try:
            yield charge
        except ProviderError as error:
            if unbilled(error):
                charge.free()
                given = 0
            raise
        finally:
            made = sum(len(words.encode()) for words in said) + events.calls.size
            if used := tokens(events.usage):
                self._rates.learn(given, made, used)
                charge.told(**used)
            elif given:
                self._rates.guess(charge, given, made)
        self._counts = self._counts is not False

    def _uncounted(self, error: ProviderError, refused: str) -> bool:
        """The server does not take the wish to be told what a chat used: it says so, or says nothing that helps."""
        if self._responses or self._counts is False or error.fault is not Fault.REFUSED:
            return False
        if "stream_options" in refused or "include_usage" in refused:
            return True
        status = getattr(error.__cause__, "status_code", 0)
        named = self._bound in refused or "tool" in refused
        return self._counts is None and not self._client.official and status in {400, 422} and not named


def render(prompt: Prompt, *, responses: bool = False) -> list[dict[str, Any]]:
    """The prompt as messages: system and facts first, then the talk. A side's lines in a row become one message,
    because many servers' templates want the sides to alternate; tools that ran one after the other are asked for in one
    message and answered behind it, as a chat wants it."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": system_of(prompt)}]
    tools = 0
    for message in prompt.messages:
        if message.call is not None:
            tools += 1
            _tool(messages, message.call, message.text, f"call_{tools}", responses=responses)
            continue
        role = "user" if message.role == "caller" else "assistant"
        if not message.text.strip():
            continue
        if messages[-1].get("role") == role and "tool_calls" not in messages[-1]:
            messages[-1]["content"] += "\n" + message.text
        else:
            messages.append({"role": role, "content": message.text})
    return messages


def system_of(prompt: Prompt) -> str:
    """The system's part, with the facts."""
    if not prompt.facts:
        return prompt.system
    facts = "\n".join(f"- {name}: {value}" for name, value in prompt.facts.items())
    return f"{prompt.system}\n\nThe caller has told you so far:\n{facts}"


def _tool(messages: list[dict[str, Any]], call: ToolCall, result: str, id_: str, *, responses: bool) -> None:
    """A tool's call and its result. The ids are numbered anew: those of different replies may be the same."""
    if responses:
        messages.append({"type": "function_call", "call_id": id_, "name": call.name, "arguments": call.arguments})
        messages.append({"type": "function_call_output", "call_id": id_, "output": result})
        return
    asked = {"id": id_, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    before = next((n for n in range(len(messages) - 1, 0, -1) if messages[n].get("role") != "tool"), 0)
    if "tool_calls" in messages[before]:
        messages[before]["tool_calls"].append(asked)
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [asked]})
    messages.append({"role": "tool", "tool_call_id": id_, "content": result})


def _size(prompt: Prompt) -> int:
    """Bytes of all that the model is told."""
    tools = sum(len(json.dumps(_function(tool)).encode()) for tool in prompt.tools)
    said = (message.text + (message.call.arguments if message.call else "") for message in prompt.messages)
    return len(system_of(prompt).encode()) + tools + sum(len(text.encode()) for text in said)


def _function(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def takes_leave(text: str) -> bool:
    """The reply ends with a goodbye, within its last three sentences, and not with a question. The system prompt asks
    for that very word when the conversation is over, in every model's reach where a tool call would not be."""
    last = re.split(r"(?<=[.!?])\s+", text.strip())[-3:]
    return any(LEAVE.search(sentence) for sentence in last) and not text.rstrip().endswith("?")


class _Enough(Exception):  # noqa: N818  it is not an error
    pass
