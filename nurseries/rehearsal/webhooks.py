"""Posting webhooks as Twilio does: a public address and a form in, the server's answer out.

Signed for the public address, bounded as Twilio bounds it, with one more try where no connection could be made.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx2
import trio

from agent.rehearsal.carrier import webhook_headers
from agent.rehearsal.reach import reached
from agent.wire.signature import sign

WEBHOOK_S = 15.0
"""Twilio's own limit for a webhook, its retry included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server to call."""

    url: str
    """Where it is, such as http://127.0.0.1:3000; with a path, the voice webhook itself."""
    public_url: str = ""
    """The address it knows itself by, where that is another: what Twilio would call and sign."""
    auth_token: str = ""
    """Signs webhooks and the media socket. Empty: nothing is signed."""

    def sign(self, url: str, form: dict[str, str] | None = None) -> str:
        return sign(url, (form or {}).items(), self.auth_token) if self.auth_token else ""


class NoUseError(Exception):
    """A webhook got no usable answer. Carries the reason, with Twilio's error code."""


class Webhooks:
    """One call's webhooks, over one client (which keeps the server's cookies, as Twilio does)."""

    def __init__(self, target: Target, http: httpx2.AsyncClient) -> None:
        self._target = target
        self._http = http

    async def ask(self, url: str, form: dict[str, str]) -> tuple[bytes, str]:
        """Body and content type of a good answer. Raises NoUseError."""
        answer = await self._post(url, form)
        if not answer.is_success:
            raise NoUseError(f"the webhook {url} was answered {answer.status_code} (11200)")
        return answer.content, answer.headers.get("Content-Type", "")

    async def tell(self, url: str, form: dict[str, str]) -> str:
        """Post a callback, whose answer does not matter to the call: what was wrong with it, or ""."""
        try:
            answer = await self._post(url, form)
        except NoUseError as error:
            return str(error)
        return "" if answer.is_success else f"the callback {url} was answered {answer.status_code} (11200)"

    async def _post(self, url: str, form: dict[str, str]) -> httpx2.Response:
        headers = webhook_headers(self._target.sign(url, form)) | {"Host": urlsplit(url).netloc}
        try:
            there = reached(url, self._target.url)
        except ValueError as error:
            raise NoUseError(f"the webhook's address {url!r} is malformed: {error}") from error
        try:
            with trio.fail_after(WEBHOOK_S):
                try:
                    return await self._http.post(there, content=urlencode(form), headers=headers)
                except httpx2.ConnectError:
                    return await self._http.post(there, content=urlencode(form), headers=headers)
        except trio.TooSlowError:
            raise NoUseError(f"the webhook {there} gave no answer within {WEBHOOK_S:g} s (11203)") from None
        except httpx2.ConnectError as error:
            raise NoUseError(
                f"the webhook {there} cannot be reached: {error or type(error).__name__} (11205). Is the server "
                f"running there? Elsewhere: --url http://127.0.0.1:PORT, or PORT in the environment"
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoUseError(
                f"the webhook {there} cannot be reached: {error or type(error).__name__} (11205)"
            ) from error
