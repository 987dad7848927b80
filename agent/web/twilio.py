"""What Twilio asks of us over HTTP: signed forms in, TwiML (or nothing) out.

While the process is not ready, a new call is answered 503 rather than with words: Twilio then goes at once to the
number's fallback address, where another process can take the call. A spoken "busy" would end it. One that leaves sends
it to the public address again: behind that there are others by now.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from quart import Blueprint, g
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.guard.tokens import Claims, Tokens
from agent.lines import Lines
from agent.profile import Profile
from agent.web.busy import busy
from agent.web.placed import News, add_placed, news_of_answer, news_of_status
from agent.web.problem import nothing, problem
from agent.web.resuming import MOST_TURNS, OVER, TURN_S, Resuming
from agent.web.room import no_line
from agent.web.security import MEDIA_PATH, Gate
from agent.web.spending import Spending
from agent.web.state import ProcessState
from agent.web.transfer import HandedOver, add_transfer
from agent.web.ways_back import WaysBack
from agent.web.webhook import INSIST, address, as_twiml, begins, claims, field, info, let_in, number, same_but
from agent.wire import twiml

_STOPPED = frozenset({"stream-stopped", "stream-error"})

log = structlog.get_logger(__name__)


def twilio_routes(
    settings: Settings,
    tokens: Tokens,
    state: ProcessState,
    gate: Gate,
    lines: Lines,
    handed_over: HandedOver,
    now: Callable[[], float],
    news: News | None = None,
    spending: Spending | None = None,
    ways: WaysBack | None = None,
) -> Blueprint:
    """`news` takes what these routes hear of calls that we placed; without `ways` back a call is over with its
    stream."""
    routes = Blueprint("twilio", __name__, url_prefix="/twilio")
    resuming = Resuming(settings, tokens, state, lines, ways, now) if ways is not None else None

    @routes.before_request
    async def check() -> Response | None:
        return await let_in(gate)

    @routes.post("/voice")
    async def voice() -> Response:
        told = claims(lines)
        if not told.call_sid:
            return problem(400, "CallSid is missing: this address answers Twilio's voice webhook, a form sent by POST.")
        if (other := await _not_new(told, resuming) or _not_here(told, state, lines, settings)) is not None:
            return other
        its_own = news is None or not told.order or await news_of_answer(news, told)
        try:
            token = tokens.mint(told, now(), g.seed)
        except ValueError as error:
            return problem(400, f"CallSid or AccountSid is not usable: {error}.")
        if not its_own:  # a second call of one order
            return as_twiml(twiml.after())
        profile = lines.profile(info(told))
        if why := await no_line(told, state, spending, now()):
            return busy(why, told, profile, settings)
        log.info(
            "call announced",
            call_sid=told.call_sid,
            caller=masked(told.caller),
            called=masked(told.called),
            direction=told.direction[:16],
            line=told.line,
        )
        # Who is called speaks first; and the first that they hear of us is that we are a machine.
        say = "" if told.direction.startswith("outbound") or number("tried") else profile.say_first
        return as_twiml(_greeting(profile, token, told, say))

    add_transfer(routes, settings, state, lines, handed_over, resuming)
    _add_callbacks(routes, state, news, ways)
    add_placed(routes, news)
    return routes


async def _not_new(told: Claims, resuming: Resuming | None) -> Response | None:
    """To a call whose stream is over, where Twilio got no answer at /twilio/after: this may be the number's fallback
    address."""
    again = not told.direction.startswith("outbound") or field("ErrorUrl") or field("ErrorCode")
    if resuming is None or field("CallStatus") != "in-progress" or not again:
        return None
    known = await resuming.ways.whereabouts(told.call_sid)
    return None if known.to or known.lease is None else await resuming.answer(known)


def _not_here(told: Claims, state: ProcessState, lines: Lines, settings: Settings) -> Response | None:
    """To a new call that this process does not take."""
    if state.taking:
        return None
    if not state.leaving:
        return problem(503, "No new calls are taken here now.")
    turns = number("again")
    if turns >= MOST_TURNS:
        return busy("this process leaves, and nobody else is there", told, lines.profile(info(told)), settings)
    log.info("call sent on", call_sid=told.call_sid, turn=turns + 1)
    return as_twiml(twiml.ask_again(same_but(again=turns + 1), TURN_S))


def _add_callbacks(routes: Blueprint, state: ProcessState, news: News | None, ways: WaysBack | None) -> None:
    """They may come late, twice, in any order, and of calls that this process does not know."""

    @routes.post("/stream-status")
    async def stream_status() -> Response:
        event, call_sid = field("StreamEvent"), field("CallSid")
        if event == "stream-error":
            log.warning("twilio reports a stream error", call_sid=call_sid, error=field("StreamError"))
        else:
            log.debug("stream status", call_sid=call_sid, stream=event)
        if ways is not None and event in _STOPPED:
            ways.stopped(call_sid, field("StreamSid"))
        return nothing()

    @routes.post("/call-status")
    async def call_status() -> Response:
        call_sid, status = field("CallSid"), field("CallStatus")
        log.info("call status", call_sid=call_sid, status=status)
        if status in OVER:
            state.give_up(call_sid)
            if ways is not None:
                ways.over(call_sid)
        if news is not None:
            await news_of_status(news)
        return nothing()


def _greeting(profile: Profile, token: str, told: Claims, say: str) -> str:
    return twiml.connect(
        stream_url="ws" + g.base.removeprefix("http") + MEDIA_PATH,
        action_url=begins("/twilio/after", told, leg=1, tried=number("tried")) + INSIST,
        status_url=address("/twilio/stream-status") + INSIST,
        parameters={"token": token},
        say=say,
        voice=profile.say_voice,
        language=profile.say_language,
    )


def masked(number: str) -> str:
    """A phone number for the log: its last two digits; nothing of a name or of what is too short to hide."""
    digits = number.removeprefix("+")
    return f"*{digits[-2:]}" if digits.isdecimal() and len(digits) > 6 else "*"
