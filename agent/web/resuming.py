"""A call that is not over, and whose stream is: the lease in, the document that opens its next stream out.

Twilio comes here by itself, through <Connect>'s action or the verb behind it; or because it was asked to, with a
request to its API (`rescue`). Any process can answer. What an answer has to know of those before it stands in the
address that it gives out, which Twilio signs when it comes back: which leg is over (`leg`), when its stream was asked
for (`since`), how many in a row were brief (`brief`), how often the call was sent on (`again`).
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from quart import g
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.guard.lease import Lease, Stand
from agent.guard.tokens import Claims, Tokens
from agent.lines import Lines
from agent.web.busy import LINES, busy
from agent.web.problem import problem
from agent.web.security import MEDIA_PATH
from agent.web.state import ProcessState
from agent.web.ways_back import WaysBack, Whereabouts
from agent.web.webhook import INSIST, address, as_twiml, begins, claims, field, info, number, same_but
from agent.wire import twiml

OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Of a call's states, those that no other one follows."""

MOST_TURNS = 3
"""So often a process that leaves sends a call on, TURN_S apart: by then a load balancer has noticed."""
TURN_S = 1

MOST_TRIED = 2
"""So often a call's first stream is asked for, where nobody has had it: whoever is to take it may be gone, or full."""

BRIEF_S = 10
"""A leg that is over so soon, from the answer that asked for its stream on, has helped nobody."""
MOST_BRIEF = 6
"""So many of them in a row, and the caller is told goodbye: something is wrong that one more will not mend."""

log = structlog.get_logger(__name__)


class Resuming:
    """One process's face."""

    def __init__(
        self,
        settings: Settings,
        tokens: Tokens,
        state: ProcessState,
        lines: Lines,
        ways: WaysBack,
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._state = state
        self._lines = lines
        self.ways = ways
        self._now = now

    async def answer(self, known: Whereabouts) -> Response | None:
        """Within a request of Twilio's, about the call of which this is known. None: it is over. Where its first stream
        was to come and nobody has had it, it begins anew, or the caller is turned away."""
        lease = known.lease
        if field("CallStatus") in OVER:
            return None
        if lease is None:
            return self._unknown() if known.sure else self._later()
        if lease.stand is Stand.OVER:
            return None
        after, turns = number("leg") or lease.fence, number("again")
        if after < lease.fence and lease.stand is Stand.HELD and not number("rescue"):
            # Twilio asks once a stream is over, and this one's successor is there: a signature has no date.
            log.warning("not resumed", call_sid=lease.call_sid, why="a later leg goes on", leg=after)
            return problem(409, "A later stream of this call goes on.")
        alone = self._state.draining and not self._state.taking
        leaving = alone and self._settings.DRAIN_MODE == "hand-off"
        if turns < MOST_TURNS and (leaving or await self._comes_back(lease)):
            if leaving:
                self._state.on_sent_on()
            return as_twiml(twiml.ask_again(self._after(lease, after, turns + 1), TURN_S))
        return self._next(lease)

    def _unknown(self) -> Response | None:
        """Nobody has ever had the call. Where its first stream was to come, that was refused elsewhere, for want of a
        line or of a key in common, not connected, or lost with its process at once: it begins anew, once more; then
        the caller hears a word, at least."""
        if number("leg") != 1:
            return None
        told, tried = claims(self._lines), number("tried") + 1
        log.warning("no stream of this call has begun", call_sid=field("CallSid"), tried=tried)
        if tried < MOST_TRIED:
            return as_twiml(twiml.ask_again(begins("/twilio/voice", told, tried=tried) + INSIST, TURN_S))
        return busy(LINES, told, self._lines.profile(info(told)), self._settings)

    def _later(self) -> Response:
        """Nobody can say whether the call goes on: the store does not answer. Whoever asks next may know it."""
        if (turns := number("again")) < MOST_TURNS:
            return as_twiml(twiml.ask_again(same_but(again=turns + 1) + INSIST, TURN_S))
        log.error("call given up", call_sid=field("CallSid"), why="the store does not answer")
        profile = self._lines.profile(info(claims(self._lines)))
        return as_twiml(twiml.parting(profile.nobody_free, voice=profile.say_voice, language=profile.say_language))

    async def _comes_back(self, lease: Lease) -> bool:
        """Whether Twilio's API has been asked to bring this very call back, and may yet do so: that would end a stream
        which is opened now. Whoever asks first does it alone."""
        if number("leg") != lease.fence or number("rescue") or await self.ways.rescued(lease):
            return False
        known = (await self.ways.whereabouts(lease.call_sid)).lease
        return known is not None and known.rescued == lease.fence

    def _next(self, lease: Lease) -> Response:
        now = self._now()
        told = Claims(
            *(lease.call_sid, g.form.get("AccountSid", ""), g.form.get("From", ""), g.form.get("To", "")),
            direction=g.form.get("Direction") or "inbound",
            line=lease.line if self._lines.has(lease.line) else "",
            language=lease.language,
            voice=lease.voice,
            order=lease.order,
            campaign=lease.campaign,
            leg=lease.fence + 1,
        )
        profile = self._lines.profile(info(told))
        brief = number("brief") + 1 if now - number("since") < BRIEF_S else 0
        if brief >= MOST_BRIEF:
            log.error("call given up", call_sid=lease.call_sid, why="one brief leg after the other", legs=lease.fence)
            return as_twiml(twiml.parting(profile.nobody_free, voice=profile.say_voice, language=profile.say_language))
        try:
            token = self._tokens.mint(told, now, g.seed and f"{g.seed} {told.leg}")
        except ValueError as error:
            return problem(400, f"CallSid or AccountSid is not usable: {error}.")
        self._state.promise(lease.call_sid, now)
        if self._state.draining and not self._state.taking:
            self._state.kept.add(lease.call_sid)
        log.info("call resumed", call_sid=lease.call_sid, leg=told.leg, stand=lease.stand.value, brief=brief)
        return as_twiml(
            twiml.connect(
                stream_url="ws" + g.base.removeprefix("http") + MEDIA_PATH,
                action_url=self._after(lease, told.leg, since=round(now), brief=brief),
                status_url=address("/twilio/stream-status") + INSIST,
                parameters={"token": token},
                pause_s=1 if brief > 1 else 0,
            )
        )

    def _after(self, lease: Lease, leg: int, again: int = 0, since: int = 0, brief: int = 0) -> str:
        kept = {"since": since or number("since"), "brief": brief or (number("brief") if again else 0)}
        rescue = number("rescue") if again else 0
        return address("/twilio/after", lease.line, leg=leg, again=again, rescue=rescue, **kept) + INSIST
