"""Posting webhooks as Twilio does: a public address and a form in, the server's answer out.

Signed for the public address, bounded and tried again as Twilio would: one more try where no connection could be made,
or what the address's connection overrides ask for.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode, urlsplit

import httpx2
import trio

from agent.rehearsal.carrier import webhook_headers
from agent.rehearsal.overrides import Overrides, overridden
from agent.rehearsal.reach import reached
from agent.wire.signature import sign

WEBHOOK_S = 15.0
"""Twilio's own limit for a webhook, its tries included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server to call."""

    url: str
    """Where it is, such as http://127.0.0.1:3000; with a path that ends in no slash, the voice webhook itself."""
    public_url: str = ""
    """The address it knows itself by, where that is another: what Twilio would call and sign."""
    auth_token: str = ""
    """Signs webhooks and the media socket. Empty: nothing is signed."""

    def reached(self, told: str) -> str:
        """Where to go for an address that the server told."""
        return reached(told, self.url, self.public_url)

    def sign(self, url: str, form: dict[str, str] | None = None) -> str:
        return sign(url, (form or {}).items(), self.auth_token) if self.auth_token else ""


class NoUseError(Exception):
    """A webhook got no usable answer. Carries the reason, with Twilio's error code."""

    def __init__(self, reason: str, code: int = 11200) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """A good one."""

    body: bytes
    kind: str
    """Its content type."""
    tries: int


def client() -> httpx2.AsyncClient:
    """For one call's webhooks, or for those of many: they share what a client takes long to make."""
    return httpx2.AsyncClient(timeout=None, trust_env=False, verify=_certificates())


@cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


class Webhooks:
    """One call's webhooks, over one client (which keeps the server's cookies, as Twilio does)."""

    def __init__(self, target: Target, http: httpx2.AsyncClient, retry_s: float = 1.0) -> None:
        """`retry_s` passes between two tries."""
        self._target = target
        self._http = http
        self._retry_s = retry_s

    async def ask(self, url: str, form: dict[str, str]) -> Answer:
        """A good answer. Raises NoUseError."""
        answer, tries = await self._post(url, form)
        if not answer.is_success:
            raise NoUseError(f"the webhook {url} was answered {answer.status_code}")
        return Answer(answer.content, answer.headers.get("Content-Type", ""), tries)

    async def tell(self, url: str, form: dict[str, str]) -> str:
        """Post a callback, whose answer does not matter to the call: what was wrong with it, or ""."""
        try:
            answer, _ = await self._post(url, form)
        except NoUseError as error:
            return str(error)
        return "" if answer.is_success else f"the callback {url} was answered {answer.status_code} (11200)"

    async def _post(self, told: str, form: dict[str, str]) -> tuple[httpx2.Response, int]:
        try:
            url, overrides = overridden(told)
            there = self._target.reached(url)
        except ValueError as error:
            raise NoUseError(f"the webhook's address {told!r} is malformed: {error}", 11100) from error
        headers = webhook_headers(self._target.sign(url, form)) | {"Host": urlsplit(url).netloc}
        try:
            with trio.fail_after(overrides.total_s):
                return await self._tries(there, form, headers, overrides)
        except trio.TooSlowError:
            raise NoUseError(
                f"the webhook {there} gave no answer within {overrides.total_s:g} s, all tries included", 11203
            ) from None

    async def _tries(
        self, there: str, form: dict[str, str], headers: dict[str, str], overrides: Overrides
    ) -> tuple[httpx2.Response, int]:
        patience = httpx2.Timeout(overrides.read_s, connect=overrides.connect_s, pool=None)
        number = 0
        while True:
            number += 1
            last = number > overrides.retries
            try:
                answer = await self._http.post(there, content=urlencode(form), headers=headers, timeout=patience)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                if last or not overrides.again("ct"):
                    raise NoUseError(
                        f"the webhook {there} cannot be reached: {error or type(error).__name__}. Is the server "
                        f"running there? Elsewhere: --url http://127.0.0.1:PORT, or PORT in the environment",
                        11205,
                    ) from error
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                # Also a connection that breaks before the answer: which policy Twilio counts that to is not documented.
                if last or isinstance(error, httpx2.InvalidURL) or not overrides.again("rt"):
                    why = error or type(error).__name__
                    raise NoUseError(f"the webhook {there} cannot be reached: {why}", 11205) from error
            else:
                if answer.is_success or last or not overrides.again(str(answer.status_code)):
                    return answer, number
            await trio.sleep(self._retry_s)
