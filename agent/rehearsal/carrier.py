"""Twilio's side of one call in words: its numbers and SIDs, the forms and headers of its webhooks. No I/O.

Every field that Twilio posts is there, empty where it knows nothing, so that a server which needs one finds out here.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

USER_AGENT = "TwilioProxy/1.1"
MEDIA_USER_AGENT = "Twilio.TmeWs/1.0"
CALLER = "+919876543210"
CALLED = "+918045678900"
_PLACE = ("City", "State", "Zip", "Country")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls whom, and under which SIDs."""

    account_sid: str
    call_sid: str
    stream_sid: str
    caller: str = CALLER
    called: str = CALLED
    direction: str = "inbound"


def new_identity(
    account_sid: str = "",
    caller: str = CALLER,
    called: str = CALLED,
    *,
    dice: random.Random | None = None,
) -> Identity:
    """Fresh SIDs for one call; seeded dice make them repeatable."""
    dice = dice or random.SystemRandom()
    return Identity(account_sid or _sid("AC", dice), _sid("CA", dice), _sid("MZ", dice), caller, called)


def next_stream(identity: Identity, dice: random.Random) -> Identity:
    """The same call on another stream."""
    return replace(identity, stream_sid=_sid("MZ", dice))


def voice_form(identity: Identity, status: str = "ringing") -> dict[str, str]:
    """The voice webhook's fields, and those of a <Connect action>."""
    form = {
        "AccountSid": identity.account_sid,
        "ApiVersion": "2010-04-01",
        "CallSid": identity.call_sid,
        "CallStatus": status,
        "CallToken": "",
        "CallerName": "",
        "Direction": identity.direction,
        "ForwardedFrom": "",
        "From": identity.caller,
        "Caller": identity.caller,
        "To": identity.called,
        "Called": identity.called,
        "StirVerstat": "",
    }
    for party, number in (
        ("From", identity.caller),
        ("Caller", identity.caller),
        ("To", identity.called),
        ("Called", identity.called),
    ):
        form |= {party + field: "" for field in _PLACE}
        form[party + "Country"] = "IN" if number.startswith("+91") else ""
    return form


def dialled_fields(status: str, seconds: float, dice: random.Random) -> dict[str, str]:
    """What a <Dial action> is told beside the fields of a voice webhook."""
    answered = status == "completed"
    fields = {"DialCallStatus": status, "DialCallSid": _sid("CA", dice), "DialBridged": str(answered).lower()}
    return fields | ({"DialCallDuration": str(max(1, round(seconds)))} if answered else {})


def ended_form(identity: Identity, seconds: float, now: datetime, sequence: int = 0) -> dict[str, str]:
    """The fields of the call's last status callback."""
    whole = max(1, round(seconds))
    return voice_form(identity, "completed") | {
        "CallDuration": str(whole),
        "Duration": str(-(-whole // 60)),
        "Timestamp": format_datetime(now),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "SipResponseCode": "200",
    }


def stream_form(identity: Identity, name: str, event: str, now: datetime, error: str = "") -> dict[str, str]:
    """The fields of a stream's status callback: stream-started, stream-stopped or stream-error."""
    form = {
        "AccountSid": identity.account_sid,
        "CallSid": identity.call_sid,
        "StreamSid": identity.stream_sid,
        "StreamName": name or identity.stream_sid,
        "StreamEvent": event,
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
    }
    return form | {"StreamError": error} if error else form


def webhook_headers(signature: str) -> dict[str, str]:
    """Of a webhook's POST. Without a signature (no auth token known) the header is left out."""
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
    }
    return headers | {"X-Twilio-Signature": signature} if signature else headers


def media_headers(signature: str) -> list[tuple[bytes, bytes]]:
    """What Twilio adds to a WebSocket handshake: no Origin, no subprotocol, no extension."""
    headers = [(b"User-Agent", MEDIA_USER_AGENT.encode())]
    return [*headers, (b"X-Twilio-Signature", signature.encode())] if signature else headers


def _sid(prefix: str, dice: random.Random) -> str:
    return f"{prefix}{dice.getrandbits(128):032x}"
