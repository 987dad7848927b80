"""The event stream of a reply, chat completions or Responses API: bytes in, as cut by the network; words out.

Pure. Tolerant to what compatible servers add, leave out or order otherwise (comments, chunks without choices, usage,
roles, unknown events, a missing `[DONE]`); strict about what would be heard as a lie: an error event, bytes that are
no event, and a stream that ends before the reply does raise ProviderError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from agent.errors import Fault, ProviderError
from agent.providers.openai_calls import Calls
from agent.providers.openai_client import DETAIL_LENGTH, NAME, fault_of

MAX_PENDING = 1 << 20
"""Bytes of one unfinished line. A real event has a few hundred, the last one of the Responses API some thousands."""


class _Delta(msgspec.Struct):
    content: Any = None
    refusal: Any = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    """Both dialects: `choices` is a chat's, `type` tells an event of the Responses API."""

    choices: list[_Choice] | None = None
    error: Any = None
    type: str = ""
    delta: Any = None
    response: Any = None
    item: Any = None
    code: Any = None
    message: Any = None
    usage: Any = None


class Events:
    """One reply's stream."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._decoder = msgspec.json.Decoder(_Event)
        self._pending = b""
        self._data: list[bytes] = []
        self.calls = Calls()
        """The tools that it asks for."""
        self.finished = False
        """The reply is whole: nothing after this matters, but for what it used."""
        self.usage: object = None
        """As the server told it; a chat tells it last."""
        self.reason = ""
        """Why it ended, in the server's word: stop, length, content_filter, completed, max_output_tokens."""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The pieces that have come with this chunk. Raises ProviderError, after the pieces before the fault."""
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        if len(self._pending) > MAX_PENDING:
            raise self._broken("an endless line")
        for line in lines:
            if words := self._line(line.removesuffix(b"\r")):
                yield words

    def end(self) -> str:
        """The stream has ended: the words of an event without its empty line. Raises ProviderError if too early."""
        words = ""
        with suppress(ProviderError):  # half an event is no more than an early end
            words = self._line(self._pending.removesuffix(b"\r")) + self._line(b"")
        if not self.finished:
            raise self._broken("the stream ended in the middle of the reply")
        return words

    def _line(self, line: bytes) -> str:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            return ""
        if line or not self._data:
            return ""  # a comment, an event's name (it is in the data as well), a blank line more
        data = b"\n".join(self._data)
        self._data.clear()
        if data == b"[DONE]":
            self.finished = True
            return ""
        try:
            event = self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if self.finished:
                return ""
            raise self._broken("an event that is none") from None
        told = event.response.get("usage") if isinstance(event.response, dict) else None
        self.usage = event.usage or told or self.usage
        return "" if self.finished else self._words(event)

    def _words(self, event: _Event) -> str:
        if event.error or event.type in {"error", "response.failed"}:
            raise self._failed(event)
        if event.type in {"response.output_text.delta", "response.refusal.delta"}:
            return _text(event.delta)
        if event.type == "response.output_item.done":
            self.calls.item(event.item)
        if event.type in {"response.completed", "response.incomplete"}:
            self._finish(event.type.removeprefix("response."))
            details = event.response.get("incomplete_details") if isinstance(event.response, dict) else None
            if isinstance(details, dict):
                self._finish(str(details.get("reason")))
        words = ""
        for choice in event.choices or ():
            if choice.delta is not None:
                words += _text(choice.delta.content) or _text(choice.delta.refusal)
                for piece in choice.delta.tool_calls if isinstance(choice.delta.tool_calls, list) else ():
                    self.calls.fragment(piece)
            if choice.finish_reason:
                self._finish(choice.finish_reason)
        return words

    def _finish(self, reason: str) -> None:
        self.finished = True
        self.reason = reason

    def _failed(self, event: _Event) -> ProviderError:
        error = event.error
        if isinstance(event.response, dict):
            error = event.response.get("error") or error
        if not isinstance(error, dict):
            error = {"code": event.code, "message": event.message or error}
        code = str(error.get("code") or error.get("type") or "error")
        return ProviderError(NAME, self._operation, fault_of(code), f"{code} {error.get('message')}"[:DETAIL_LENGTH])

    def _broken(self, detail: str) -> ProviderError:
        return ProviderError(NAME, self._operation, Fault.BROKEN, detail)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
