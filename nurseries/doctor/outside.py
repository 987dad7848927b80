"""How the server looks from the internet: PUBLIC_URL asked as Twilio asks it, and clocks compared.

The server may be another process or many. It is told of the end of a call that there is none of, and a media socket is
opened and closed before it is one: no call is begun, nothing is kept.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

import httpx2
import trio
from trio_websocket import ConnectionRejected, HandshakeError

from agent.config import OPENAI_URL, Settings
from agent.doctor import check
from agent.doctor.check import Check
from agent.rehearsal.carrier import media_headers, webhook_headers
from agent.wire.signature import sign
from nurseries.rehearsal.dial import NoAnswerError, dial, in_words

MEDIA, TOLD = "/twilio/media", "/twilio/call-status"

LIMIT_S = 10.0
"""For one look. Twilio waits 15 s for an answer."""

_START = "Start the server, and check the address, its DNS name, the proxy or tunnel, and the firewall (port 443)."
_SAME = (
    "The server there must have this TWILIO_AUTH_TOKEN, TWILIO_ACCOUNT_SID and PUBLIC_URL, and a proxy must leave the "
    "path, the query and the form as they are."
)


_NONE = (httpx2.HTTPError, httpx2.InvalidURL, trio.TooSlowError, OSError)
_Ask = Callable[..., Awaitable[httpx2.Response]]


async def reachable(settings: Settings, http: httpx2.AsyncClient) -> list[Check]:
    """What Twilio would meet at PUBLIC_URL. Never raises; each look takes LIMIT_S at most."""
    base = settings.PUBLIC_URL
    if not base:
        return [Check("public address", "unknown", "PUBLIC_URL is not set: it is taken from each request")]
    try:
        answer = await _bounded(http.get, f"{base}/health/live", follow_redirects=False)
    except _NONE as error:
        return [Check("public address", "failure", f"{base} cannot be reached: {_why(error)}", _START)]
    if not answer.is_success or b"alive" not in answer.content:
        says = f"{base}/health/live was answered {answer.status_code}, and not by this server"
        return [Check("public address", "failure", says, _START)]
    found = [Check("public address", "fine", f"{base} is answered by this server")]
    if base.startswith("https:"):
        found.append(await _certificate(base))
    found += await _signed(settings, http)
    found += await _sockets(settings)
    return found


async def clock(settings: Settings, http: httpx2.AsyncClient) -> Check:
    """Ours against the first server of those we depend on that tells the time. Never raises."""
    others = {"Twilio's": "https://api.twilio.com"} if settings.TWILIO_ACCOUNT_SID else {}
    if "openai" in {settings.provider(port)[0] for port in ("STT", "LLM", "TTS")}:
        others["the language server's"] = settings.OPENAI_BASE_URL or OPENAI_URL
    for whose, url in others.items():
        began = trio.current_time()
        try:
            answer = await _bounded(http.get, url, follow_redirects=False)
            told = parsedate_to_datetime(answer.headers["Date"])
        except (*_NONE, KeyError, ValueError, TypeError):
            continue
        took_s = trio.current_time() - began
        ahead_s = (datetime.now(UTC) - told).total_seconds() - 0.5 - took_s / 2  # a date has whole seconds
        return check.clock(whose, ahead_s, 0.5 + took_s / 2)
    return Check("clock", "unknown", "nobody was asked who knows the time" if not others else "no server told the time")


async def _bounded(ask: _Ask, url: str, **options: object) -> httpx2.Response:
    with trio.fail_after(LIMIT_S):
        return await ask(url, **options)


def _why(error: BaseException) -> str:
    if isinstance(error, trio.TooSlowError):
        return f"nothing within {LIMIT_S:g} s"
    return str(error) or type(error).__name__


async def _certificate(base: str) -> Check:
    """It is valid, since the address was reached; the question is for how long."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    try:
        with trio.fail_after(LIMIT_S):
            stream = await trio.open_ssl_over_tcp_stream(host, parts.port or 443, https_compatible=True)
            try:
                await stream.do_handshake()
                told = str(stream.getpeercert()["notAfter"])
            finally:
                await trio.aclose_forcefully(stream)
    except (OSError, trio.TooSlowError, trio.BrokenResourceError, KeyError) as error:
        return Check("certificate", "unknown", f"{host}: {_why(error)}")
    return check.certificate(host, (ssl.cert_time_to_seconds(told) - datetime.now(UTC).timestamp()) / 86_400)


async def _signed(settings: Settings, http: httpx2.AsyncClient) -> list[Check]:
    """A webhook with the right signature, and one with a wrong one."""
    token = settings.TWILIO_AUTH_TOKEN.get_secret_value()
    if not token:
        return [Check("signatures", "unknown", "TWILIO_AUTH_TOKEN is not set")]
    url = settings.PUBLIC_URL + TOLD
    form = {"CallSid": f"CA{0:032x}", "AccountSid": settings.TWILIO_ACCOUNT_SID, "CallStatus": "completed"}
    statuses = []
    for signature in (sign(url, form.items(), token), sign(url, form.items(), f"not {token}")):
        try:
            answer = await _bounded(
                http.post, url, content=urlencode(form), headers=webhook_headers(signature), follow_redirects=False
            )
        except _NONE as error:
            return [Check("signatures", "failure", f"{url} cannot be reached: {_why(error)}", _START)]
        statuses.append(answer.status_code)
    right, wrong = statuses
    if right == 403:
        return [Check("signatures", "failure", f"{url} refuses what Twilio would sign", _SAME)]
    if not 200 <= right < 300:
        return [Check("signatures", "failure", f"{url} was answered {right}", f"Twilio would not go on. {_SAME}")]
    if wrong != 403:
        return [_open_to_all(settings, f"{url} takes a wrong signature")]
    return [Check("signatures", "fine", "the right one is taken, a wrong one is refused")]


def _open_to_all(settings: Settings, says: str) -> Check:
    do = "Set TWILIO_SIGNATURE=require: anybody could make calls cost money."
    return Check("signatures", "failure" if settings.production else "warning", says, do)


async def _sockets(settings: Settings) -> list[Check]:
    """The media socket, as far as its upgrade."""
    url = "ws" + settings.PUBLIC_URL.removeprefix("http") + MEDIA
    token = settings.TWILIO_AUTH_TOKEN.get_secret_value()
    status, why = await _upgraded(url, sign(url, (), token) if token else "")
    if status != 101:
        do = _SAME if status == 403 else "A proxy in front of the server must pass WebSocket upgrades on."
        return [Check("media socket", "failure", why, do)]
    found = [Check("media socket", "fine", f"{url} is upgraded")]
    if token and (await _upgraded(url, sign(url, (), f"not {token}")))[0] == 101:
        found.append(_open_to_all(settings, f"{url} takes a wrong signature"))
    return found


async def _upgraded(url: str, signature: str) -> tuple[int, str]:
    """The status of the answer to an upgrade, and what that means; 0 where there was none."""
    status, why = 0, ""

    def told(errors: BaseExceptionGroup[Exception]) -> None:
        nonlocal status, why
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        status = error.status_code if isinstance(error, ConnectionRejected) else 0
        why = in_words(error, url)

    try:
        async with trio.open_nursery() as nursery:
            socket = await dial(nursery, url, urlsplit(url).netloc, media_headers(signature))
            status = 101
            with trio.move_on_after(1):
                await socket.close()
            nursery.cancel_scope.cancel("looked at")
    except* (NoAnswerError, HandshakeError, OSError) as errors:
        told(errors)
    return status, why
