"""From an accepted media socket to a caller we expect: nothing is paid for before this has said yes.

Waits for the carrier's `start` within a deadline, checks the sound's format and the one-time token that the voice
webhook handed out. A stranger is closed with 1008 (policy violation) and a reason.
"""

from __future__ import annotations

import time

import structlog
import trio

from agent.errors import WireError
from agent.guard.tokens import Refusal, Tokens
from agent.model import CallInfo
from agent.wire.media_stream import MediaFormat, Start, StartBody, Stop, decode
from agent.wire.ports import MediaSocket

log = structlog.get_logger(__name__)

EARLY_MESSAGES = 20
"""Before `start` the carrier sends `connected` and nothing else; a few more are tolerated."""


async def pick_up(socket: MediaSocket, tokens: Tokens, limit_s: float) -> CallInfo | None:
    """Who is calling, or None: then the socket is closed."""
    refusal = f"no start within {limit_s:g} s"
    with trio.move_on_after(limit_s):
        start = await _start(socket)
        if isinstance(start, str):
            refusal = start
        else:
            body = start.start
            answer = _welcome(body, tokens)
            if isinstance(answer, CallInfo):
                return answer
            refusal = answer
    log.warning("media socket refused", reason=refusal)
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


def _welcome(body: StartBody, tokens: Tokens) -> CallInfo | str:
    if body.media_format != MediaFormat():
        return f"unsupported media format {body.media_format.encoding} {body.media_format.sample_rate} Hz"
    claims = tokens.redeem(body.custom_parameters.get("token", ""), body.call_sid, body.account_sid, time.time())
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
    )
