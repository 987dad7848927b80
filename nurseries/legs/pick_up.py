"""From an accepted media socket to a caller we expect: nothing is paid for before this has said yes.

Waits for the carrier's `start` within a deadline, checks the sound's format, the account, and the one-time token that
the voice webhook handed out; or, of a softphone, which has shown one at the door, that it is the call that it was for.
A stranger is closed with 1008 (policy violation) and a reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
import trio

from agent.errors import WireError
from agent.guard.tokens import Claims, Reason, Refusal, Tokens
from agent.model import CallInfo
from agent.wire.media_stream import MediaFormat, Start, StartBody, Stop, decode
from agent.wire.ports import MediaSocket
from nurseries.legs.turnstile import Turnstile

log = structlog.get_logger(__name__)

EARLY_MESSAGES = 20
"""Before `start` the carrier sends `connected` and nothing else; a few more are tolerated."""

FORGED = f"token {Reason.FORGED.value}"
NOT_SHARED = "sealed with another TWILIO_AUTH_TOKEN, or by a stranger; without one, each process has a key of its own"
"""Whoever runs two processes behind one address meets it before any stranger does."""


async def pick_up(
    socket: MediaSocket,
    tokens: Tokens,
    limit_s: float,
    *,
    known: Claims | None = None,
    turnstile: Turnstile | None = None,
    ours: Callable[[str], bool] = lambda _: True,
) -> CallInfo | None:
    """Who is calling, or None: then the socket is closed. `known` is what the door has been told already; `ours` says
    whether an account is. Without a turnstile, a token is used once in this process."""
    refusal = f"no start within {limit_s:g} s"
    with trio.move_on_after(limit_s):
        start = await _start(socket)
        if isinstance(start, str):
            refusal = start
        else:
            body = start.start
            answer = _welcome(body, tokens, known, ours)
            if isinstance(answer, CallInfo):
                if known is not None or turnstile is None:
                    return answer
                if await turnstile.first(*tokens.mark(_token(body), time.time())):
                    return answer
                answer = f"token {Reason.USED.value}"
            refusal = answer
    log.warning("media socket refused", reason=refusal, **({"hint": NOT_SHARED} if refusal == FORGED else {}))
    with trio.move_on_after(1, shield=True):
        await socket.close(1008, refusal)
    return None


async def _start(socket: MediaSocket) -> Start | str:
    for _ in range(EARLY_MESSAGES):
        raw = await socket.receive()
        if raw is None:
            return "closed before start"
        try:
            message = decode(raw)
        except WireError as error:
            return f"not the media-stream protocol: {error}"[:120]
        if isinstance(message, Start):
            return message
        if isinstance(message, Stop):
            return "stopped before start"
    return "no start among the first messages"


def _token(body: StartBody) -> str:
    return body.custom_parameters.get("token", "")


def _welcome(body: StartBody, tokens: Tokens, known: Claims | None, ours: Callable[[str], bool]) -> CallInfo | str:
    if body.media_format != MediaFormat():
        return f"unsupported media format {body.media_format.encoding} {body.media_format.sample_rate} Hz"
    claims: Claims | Refusal
    if not ours(body.account_sid):
        return "another account"
    if known is None:
        claims = tokens.redeem(_token(body), body.call_sid, body.account_sid, time.time())
    elif (known.call_sid, known.account_sid) == (body.call_sid, body.account_sid):
        claims = known
    else:
        claims = Refusal(Reason.OTHER_CALL)
    if isinstance(claims, Refusal):
        return f"token {claims.reason.value}"
    return CallInfo(
        call_sid=body.call_sid,
        account_sid=body.account_sid,
        stream_sid=body.stream_sid,
        caller=claims.caller,
        called=claims.called,
        direction=claims.direction,
        line=claims.line,
        language=claims.language,
        voice=claims.voice,
        order=claims.order,
        campaign=claims.campaign,
        leg=claims.leg,
        softphone=known is not None,
    )
