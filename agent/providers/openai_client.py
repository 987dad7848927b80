"""The OpenAI SDK over the process's HTTP client, for OpenAI itself and for every compatible server.

Settings in; requests out; every error that the SDK or the HTTP client raises becomes a ProviderError here, once. The
SDK builds requests; none is sent twice here: that is decided where deadlines are known. The bodies of answers are read
as bytes, as they come, and closed by whoever opened them: the SDK's own event streams cost five times the processor
time and leave generators to the garbage collector.

The SDK is imported when a client is made, not before: that takes a second or two.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import TYPE_CHECKING, Protocol

import httpx2

from agent.config import OPENAI_URL, Settings
from agent.errors import Fault, ProviderError
from agent.guard.retry import retry_after
from agent.keep.usage import Charge
from agent.model import Emit
from agent.providers.http_client import SENDING, Sent

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NAME = "openai"

NO_KEY = "none"
"""Sent where none is configured: compatible servers ignore it, and the SDK will not start without one."""

DETAIL_LENGTH = 200


class Answer(Protocol):
    """What the SDK's `with_streaming_response` gives once the headers are there."""

    @property
    def http_response(self) -> httpx2.Response: ...


class OpenAIClient:
    """One server, one key. Shared by the three ports; stateless, closed by closing the HTTP client."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient) -> None:
        from openai import AsyncOpenAI

        key = settings.OPENAI_API_KEY.get_secret_value()
        base_url = settings.OPENAI_BASE_URL or OPENAI_URL
        self._secret = key
        self.sdk: AsyncOpenAI = AsyncOpenAI(api_key=key or NO_KEY, base_url=base_url, max_retries=0, http_client=http)
        self.official = settings.openai_itself

    async def pour(
        self,
        operation: str,
        request: AbstractAsyncContextManager[Answer],
        take: Emit[bytes],
        charge: Charge | None = None,
    ) -> None:
        """Send a request; hand over the body of its answer, chunk by chunk, as it arrives.

        Raises ProviderError, and whatever `take` raises. Cancelled, or left by an error: the connection is closed. A
        request that had not left by then is free of `charge`.
        """
        sent = Sent()
        before = SENDING.set(sent)
        try:
            with self.errors(operation):
                async with request as response, aclosing(response.http_response.aiter_bytes()) as chunks:
                    async for chunk in chunks:
                        await take(chunk)
        finally:
            SENDING.reset(before)
            if charge is not None and not sent.whole:
                charge.free()

    @contextmanager
    def errors(self, operation: str) -> Iterator[None]:
        """Turn what the SDK and the HTTP client raise into ProviderError."""
        from openai import OpenAIError

        try:
            yield
        except (OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            detail = " ".join(_detail(error).split())
            if self._secret:
                detail = detail.replace(self._secret, "***")
            raise ProviderError(
                NAME, operation, _fault(error), detail[:DETAIL_LENGTH], retry_after_s=_asked(error)
            ) from error


def unbilled(error: ProviderError) -> bool:
    """The server has not taken the request, or has refused it: it costs nothing."""
    from openai import APIStatusError

    return error.fault in {Fault.UNREACHABLE, Fault.REFUSED} or isinstance(error.__cause__, APIStatusError)


def fault_of(code: str) -> Fault:
    """What an error's code in the middle of a stream means."""
    if "rate_limit" in code or "quota" in code or "overloaded" in code:
        return Fault.BUSY
    return Fault.REFUSED if code.startswith("invalid") or "policy" in code else Fault.BROKEN


def fault_of_status(status: int) -> Fault:
    """What an HTTP status that is no success means."""
    if status in {408, 504}:
        return Fault.TIMEOUT
    if status == 429:
        return Fault.BUSY
    return Fault.REFUSED if status < 500 else Fault.BROKEN


def _fault(error: Exception) -> Fault:
    from openai import APIStatusError

    if isinstance(error, APIStatusError):
        return fault_of_status(error.status_code)
    cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__
    if isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)):
        return Fault.UNREACHABLE
    if isinstance(error, httpx2.InvalidURL):
        return Fault.UNREACHABLE
    return Fault.TIMEOUT if isinstance(cause, httpx2.TimeoutException) else Fault.BROKEN


def _asked(error: Exception) -> float | None:
    from openai import APIStatusError

    return retry_after(error.response.headers, time.time()) if isinstance(error, APIStatusError) else None


def _detail(error: Exception) -> str:
    """For a log: what the server said of itself, never what it repeats of the request."""
    from openai import APIStatusError

    if not isinstance(error, APIStatusError):
        cause = error.__cause__ or error
        return f"{type(cause).__name__}: {cause}"
    parts: list[object] = [error.status_code, error.code, error.param]
    if error.status_code != 401 and isinstance(error.body, dict):  # a 401 may quote the key, or half of it
        message = error.body.get("message")
        parts.append(message if isinstance(message, str) else None)
    return " ".join(str(part) for part in parts if part)
