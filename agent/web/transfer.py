"""What Twilio asks once a stream is over, or a telephone has rung: TwiML out that ends the call, passes it on, or goes
on with it.

A transfer leaves through <Connect>'s own action, so no request to Twilio is needed, and none can fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from quart import Blueprint
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.lines import Lines
from agent.web.busy import LINES, busy
from agent.web.resuming import Resuming
from agent.web.state import ProcessState
from agent.web.ways_back import Whereabouts
from agent.web.webhook import address, as_twiml, claims, field, info
from agent.wire import twiml

HandedOver = Callable[[str], Awaitable[str | None]]
"""Where a call, by its CallSid, is to be passed on to, as far as any process knows. Bounded; never raises."""

_ANSWERED = frozenset({"completed", "answered", "bridged", "hangup", "leave", "redirected", "redirected-from-bridged"})
"""Of <Dial>'s and <Enqueue>'s ends; the others are busy, no-answer, failed, canceled, error, queue-full, system-error.
"""

log = structlog.get_logger(__name__)


def add_transfer(
    routes: Blueprint,
    settings: Settings,
    state: ProcessState,
    lines: Lines,
    handed_over: HandedOver,
    resuming: Resuming | None = None,
) -> None:
    """Let these routes pass calls on; `resuming` goes on with those that are not over."""

    @routes.post("/after")
    async def after() -> Response:
        call_sid = field("CallSid")
        # Left in place: Twilio asks again where an answer was lost on its way.
        known = Whereabouts(state.hand_overs.get(call_sid), None)
        if not known.to and resuming is not None:
            known = await resuming.ways.whereabouts(call_sid)
        if call_sid in state.turned_away and known.lease is None and known.sure:  # nor has it got a line elsewhere
            told = claims(lines)
            return busy(LINES, told, lines.profile(info(told)), settings)
        to = known.to or (await handed_over(call_sid) if resuming is None else None)
        log.debug("stream over", call_sid=call_sid, passed_on=bool(to))
        if not to:
            return (await resuming.answer(known) if resuming else None) or as_twiml(twiml.after())
        return as_twiml(
            twiml.dial(
                to,
                action_url=address("/twilio/after-transfer", claims(lines).line),
                caller_id=settings.TWILIO_CALLER_ID,
                ring_s=settings.TRANSFER_RING_S,
            )
        )

    @routes.post("/after-transfer")
    async def after_transfer() -> Response:
        status = field("DialCallStatus") or field("QueueResult")
        log.info("transfer over", call_sid=field("CallSid"), status=status)
        if status in _ANSWERED:
            return as_twiml(twiml.after())
        profile = lines.profile(info(claims(lines)))
        return as_twiml(twiml.parting(profile.nobody_free, voice=profile.say_voice, language=profile.say_language))
