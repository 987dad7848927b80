"""Twilio's REST API: calls created, ended and looked up, by the SDK's async methods over the process's HTTP client.

The SDK's own exceptions lose the answer's headers, and with them Retry-After, and cannot say whether a request was
sent: so the HTTP client below it judges each answer, and raises CarrierError past the SDK. Importing the SDK takes more
than half a second and blocks: it is done when this is made, before any call is taken.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec
from twilio.base import values  # type: ignore[import-untyped]
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.rest.api.v2010.account.call import CallInstance  # type: ignore[import-untyped]

from agent.config import Settings
from agent.errors import CarrierError, CarrierFault
from agent.wire.carrier import CarrierCall, CarrierNumber, Ring

EVENTS = ["initiated", "ringing", "answered", "completed"]
"""Every state is told; the default is the last alone."""

RECENT = 50
"""Calls to one number: more than anybody makes to it within minutes."""
NUMBERS = 1000

_GONE = 404
_NO_SUCH, _NOT_IN_STATE = 20404, 21220
_TOO_MANY = 429

_LONGEST_TOLD = 300
"""Characters of what the API says of itself."""


class TwilioRest:
    """The Carrier port."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient) -> None:
        user, secret = settings.twilio_user
        bridge = _Bridge(http, settings.TWILIO_API_URL, settings.TWILIO_API_TIMEOUT_S)
        self._client = Client(user, secret, settings.TWILIO_ACCOUNT_SID, http_client=bridge, environment={})
        self._calls = self._client.calls  # imports what it needs, now
        self._numbers = self._client.incoming_phone_numbers

    async def create(self, ring: Ring) -> CarrierCall:
        machine: dict[str, Any] = {}
        if ring.machine_url:
            machine = {
                "machine_detection": "DetectMessageEnd" if ring.until_beep else "Enable",
                "async_amd": "true",
                "async_amd_status_callback": ring.machine_url,
                "async_amd_status_callback_method": "POST",
            }
        made = await self._calls.create_async(
            to=ring.to,
            from_=ring.caller_id,
            url=ring.voice_url,
            method="POST",
            # Where one process of many does not take the call, the next may: the load balancer has the choice.
            fallback_url=ring.voice_url,
            fallback_method="POST",
            status_callback=ring.status_url,
            status_callback_event=EVENTS,
            status_callback_method="POST",
            timeout=ring.ring_s,
            time_limit=ring.longest_s,
            **machine,
        )
        call = _call(made)
        if not call.call_sid:
            raise CarrierError(CarrierFault.UNKNOWN, "the call was taken, but not named")
        return call

    async def hang_up(self, call_sid: str) -> None:
        await self._update(call_sid, status="completed")

    async def redirect(self, call_sid: str, url: str) -> bool:
        return await self._update(call_sid, url=url, method="POST")

    async def fetch(self, call_sid: str) -> CarrierCall | None:
        try:
            return _call(await self._client.calls(call_sid).fetch_async())
        except CarrierError as error:
            if error.status == _GONE:
                return None
            raise

    async def _update(self, call_sid: str, **changes: str) -> bool:
        """False where there is no such call any more."""
        try:
            await self._client.calls(call_sid).update_async(**changes)
        except CarrierError as error:
            if error.status != _GONE and error.code not in {_NO_SUCH, _NOT_IN_STATE}:
                raise
            return False
        return True

    async def recent(self, to: str) -> list[CarrierCall]:
        # Not by StartTime: a call that waits in the carrier's queue has none.
        return [_call(each) for each in await self._calls.list_async(to=to, limit=RECENT, page_size=RECENT)]

    async def numbers(self, number: str = "") -> list[CarrierNumber]:
        asked = number or values.unset
        found = await self._numbers.list_async(phone_number=asked, limit=NUMBERS, page_size=NUMBERS)
        return [
            CarrierNumber(
                str(each.phone_number or ""),
                str(each.voice_url or ""),
                str(each.voice_method or ""),
                str(each.voice_fallback_url or ""),
                str(each.status_callback or ""),
            )
            for each in found
        ]


class _Bridge(AsyncHttpClient):  # type: ignore[misc]  # the SDK has no types
    """What the SDK sends goes over our client. A good answer is the SDK's to read; any other is an error of ours."""

    def __init__(self, http: httpx2.AsyncClient, base: str, limit_s: float) -> None:
        super().__init__(logging.getLogger("twilio"), True, limit_s)
        self._http = http
        self._base = base.rstrip("/")
        self._limit = httpx2.Timeout(limit_s)

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        allow_redirects: bool = False,  # noqa: ARG002
    ) -> Response:
        try:
            answer = await self._http.request(
                method.upper(),
                self._address(uri),
                params=params,
                data=data,
                headers=headers,
                auth=auth,
                timeout=self._limit,
                follow_redirects=False,
            )
        except (
            httpx2.ConnectError,
            httpx2.ConnectTimeout,
            httpx2.PoolTimeout,
            httpx2.ProxyError,
            httpx2.UnsupportedProtocol,
            httpx2.InvalidURL,
        ) as error:
            raise CarrierError(CarrierFault.UNREACHABLE, str(error) or type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise CarrierError(CarrierFault.UNKNOWN, f"no answer: {error or type(error).__name__}") from error
        if not answer.is_success:
            raise _fault(answer)
        try:
            msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, UnicodeError):
            raise CarrierError(CarrierFault.UNKNOWN, "an answer that is no JSON", status=answer.status_code) from None
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        if not self._base:
            return uri
        parts = urlsplit(uri)
        return self._base + urlunsplit(("", "", parts.path, parts.query, ""))


def _fault(answer: httpx2.Response) -> CarrierError:
    """Of both forms: `message` and `code`, and RFC 9457's `title` and `detail`; or of none that we know."""
    told: dict[str, Any] = {}
    try:
        found = msgspec.json.decode(answer.content)
        told = found if isinstance(found, dict) else {}
    except (msgspec.DecodeError, UnicodeError):
        pass
    status = answer.status_code
    code = told.get("code")
    code = code if isinstance(code, int) and not isinstance(code, bool) else 0
    words = [told[name] for name in ("message", "title", "detail") if isinstance(told.get(name), str)]
    detail = ": ".join(words)[:_LONGEST_TOLD] or "no reason given"
    detail = f"{detail} (HTTP {status}" + (f", {code})" if code else ")")
    if status == _TOO_MANY:
        fault = CarrierFault.BUSY
    elif 400 <= status < 500 and status != 408:  # a request that came in too slowly may have come in
        fault = CarrierFault.REFUSED
    else:
        fault = CarrierFault.UNKNOWN
    return CarrierError(fault, detail, status=status, code=code, retry_after_s=_retry_after(answer))


def _retry_after(answer: httpx2.Response) -> float | None:
    """Seconds, from a number or a date; None where there is none that makes sense."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = float(text) if text else None
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if seconds is None or seconds != seconds else min(max(seconds, 0.0), 86_400.0)  # noqa: PLR0124  NaN


def _call(made: CallInstance) -> CarrierCall:
    created = made.date_created
    return CarrierCall(
        str(made.sid or ""),
        str(made.to or ""),
        str(made._from or ""),  # noqa: SLF001  there is no other name
        str(made.status or ""),
        created.timestamp() if isinstance(created, datetime) else None,
        str(made.direction or ""),
        str(made.answered_by or ""),
    )
