"""What a recording says of answers that a call was given, and back again. A kind of answer, two functions."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.errors import CallingAgentError, Fault, ProviderError, StoreError
from agent.guard.budget import No
from agent.think.facts import Fact
from agent.think.ports import Reply, ToolSpec
from agent.think.tools.ports import EndCall, Result, Say, Then, Transfer

_THEN: dict[str, type[Then]] = {"transfer": Transfer, "end": EndCall, "say": Say}


def of(value: Any) -> Any:
    """A dataclass or struct of ours as plain values."""
    return msgspec.to_builtins(value, enc_hook=dict)


def of_result(result: Result) -> Any:
    """A tool's."""
    then = next(([name, of(result.then)] for name, kind in _THEN.items() if isinstance(result.then, kind)), None)
    return [result.text, then, {name: of(fact) for name, fact in result.facts.items()}]


def to_result(value: Any) -> Result:
    text, then, facts = value
    what = msgspec.convert(then[1], _THEN[then[0]]) if then else None
    return Result(text, what, {name: msgspec.convert(fact, Fact) for name, fact in facts.items()})


def to_reply(value: Any) -> Reply:
    return msgspec.convert(value, Reply)


def to_no(value: Any) -> No | None:
    return msgspec.convert(value, No | None)


def to_tools(value: Any) -> tuple[ToolSpec, ...]:
    return msgspec.convert(value, tuple[ToolSpec, ...])


def of_error(error: Exception) -> list[Any]:
    """An error, to be raised again."""
    if isinstance(error, ProviderError):
        return ["provider", error.provider, error.operation, error.fault.value, error.detail]
    kind = "connection" if isinstance(error, ConnectionError) else "store" if isinstance(error, StoreError) else "other"
    return [kind, type(error).__name__, str(error)]


def to_error(value: list[Any]) -> Exception:
    """The same again; of one that nobody expects, another that nobody expects."""
    match value:
        case ["provider", provider, operation, fault, detail]:
            return ProviderError(provider, operation, Fault(fault), detail)
        case ["connection", _, text]:
            return ConnectionError(text)
        case ["store", _, text]:
            return StoreError(text)
        case _:
            return Unexpected(": ".join(map(str, value[1:])))


class Unexpected(CallingAgentError):  # noqa: N818  stands for an error of any kind
    """Something was raised that nobody expects, as when the call was recorded."""
