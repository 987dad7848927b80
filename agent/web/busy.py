"""What a caller gets for whom there is no line: why, and how this line speaks, in; TwiML out.

By the settings: a polite word and a goodbye, a queue, a colleague's telephone, or a busy tone. Whom we called hears an
apology instead: they did not want anything of us.
"""

from __future__ import annotations

import structlog
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.guard.tokens import Claims
from agent.metrics import Count
from agent.profile import Profile
from agent.web.webhook import address, as_twiml
from agent.wire import twiml

log = structlog.get_logger(__name__)

LINES = "all lines are busy"

TURNED_AWAY = Count("calls_turned_away", "Calls that there was no line for, or no budget, by which of them.", "why")
for _why in ("lines", "budget"):
    TURNED_AWAY.begin(why=_why)


def busy(why: str, told: Claims, profile: Profile, settings: Settings) -> Response:
    """Turn this call away, within a request of Twilio's. `why` is for the log: the caller hears the same."""
    log.warning("call turned away", why=why, call_sid=told.call_sid[:40], direction=told.direction[:16], line=told.line)
    TURNED_AWAY.add(why="lines" if why == LINES else "budget")
    return as_twiml(_document(told, profile, settings))


def _document(told: Claims, profile: Profile, settings: Settings) -> str:
    voice, language = profile.say_voice, profile.say_language
    if told.direction.startswith("outbound"):
        return twiml.parting(profile.nobody_free, voice=voice, language=language)
    if settings.BUSY_REJECT:
        return twiml.busy()
    over = address("/twilio/after-transfer", told.line)
    if settings.BUSY_QUEUE:
        return twiml.enqueue(settings.BUSY_QUEUE, action_url=over, say=profile.busy, voice=voice, language=language)
    if settings.BUSY_DIAL:
        return twiml.dial(
            settings.BUSY_DIAL,
            action_url=over,
            caller_id=settings.TWILIO_CALLER_ID,
            ring_s=settings.TRANSFER_RING_S,
            say=profile.busy,
            voice=voice,
            language=language,
        )
    return twiml.busy(profile.busy, voice=voice, language=language)
