"""Many callers at once, who talk until they are told that it is enough: a target in, their logs out.

The number of calls is kept up: where one is over, the next one begins. All say words that can be counted, each call its
own. One HTTP client and one exchange serve them all; the clock is real.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import trio

from agent.model import BYTES_PER_MS
from agent.rehearsal import codewords
from agent.rehearsal.carrier import new_identity
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, Line
from agent.speak.ports import Voice
from nurseries.rehearsal.carrier import place_call
from nurseries.rehearsal.exchange import Exchange
from nurseries.rehearsal.own_speech import spoken
from nurseries.rehearsal.webhooks import Target, client

TEXT = "I am looking for a two bedroom flat in Whitefield, with a view of the lake, and a garden for my dog."
"""What the callers' words sound like; their number is told by a code beside it."""


SOFT_MS = 150
"""Its first sound is so soft that detectors of speech miss it at times, and a word with it. That is not in question."""

LOOK_S = 0.1
"""Between two looks at what the calls have come to."""


DIAL_AGAIN_S = 1.0
"""Whose call came to nothing waits for so long."""


async def seen(true: Callable[[], bool]) -> None:
    """Until this is so."""
    while not true():  # noqa: ASYNC110  logs have no events
        await trio.sleep(LOOK_S)


@dataclass(kw_only=True)
class Crowd:
    """So many callers. `lines` are said in one call, from the first number to the second; `words` in one line."""

    target: Target
    calls: int
    account_sid: str
    plan: CallPlan = field(default_factory=CallPlan)
    lines: tuple[int, int] = (4, 8)
    words: tuple[int, int] = (4, 8)
    quiet_ms: tuple[float, float] = (700, 1800)
    """How long a caller thinks before a line."""
    ramp_s: float = 5.0
    """The first calls begin within this time."""
    again: bool = True
    """Where a call is over, another one begins."""
    vary: Callable[[CallPlan], CallPlan] = lambda plan: plan
    """What a caller makes of the plan that all share."""
    speech: bytes = b""
    """Mu-law of somebody speaking; see `prepare`."""
    dice: random.Random = field(default_factory=random.Random)
    exchange: Exchange = field(default_factory=Exchange)
    enough: trio.Event = field(default_factory=trio.Event)
    """Set: callers say no more lines, hear the last answer out, and hang up."""
    logs: list[CallLog] = field(default_factory=list)
    """Of the calls that are over."""
    up: dict[str, CallLog] = field(default_factory=dict)
    """Of those that go on, by CallSid."""
    placed: int = 0

    async def prepare(self, voice: Voice) -> None:
        """Give the callers a voice."""
        self.speech = (await spoken(voice, TEXT))[SOFT_MS * BYTES_PER_MS :]

    async def run(self) -> list[CallLog]:
        """Keep the calls up until it is enough and all are over."""
        async with client() as http, trio.open_nursery() as nursery:

            async def caller(n: int) -> None:
                await trio.sleep(self.ramp_s * n / self.calls)
                while not self.enough.is_set():
                    identity = new_identity(self.account_sid, dice=self.dice)
                    self.placed += 1
                    plan, log = self._plan(), CallLog()
                    self.up[identity.call_sid] = log
                    dice = random.Random(self.dice.random())  # noqa: S311  no secret
                    await place_call(self.target, plan, identity, dice, exchange=self.exchange, http=http, log=log)
                    self.logs.append(self.up.pop(identity.call_sid))
                    if not self.again:
                        return
                    if log.unreachable:
                        await trio.sleep(DIAL_AGAIN_S)

            for n in range(self.calls):
                nursery.start_soon(caller, n, name=f"caller {n}")
        return self.logs

    async def talking(self, streams: int = 1, spoken: int = 1) -> None:
        """Until every caller is in a call that has had so many streams and lines."""
        await seen(lambda: self._all(lambda log: len(log.legs) >= streams and len(log.spoken) >= spoken))

    def _all(self, true: Callable[[CallLog], bool]) -> bool:
        return len(self.up) >= self.calls and all(true(log) for log in self.up.values())

    def _plan(self) -> CallPlan:
        number, lines = self.dice.randrange(codewords.WORDS), []
        for _ in range(self.dice.randint(*self.lines)):
            numbers = [n % codewords.WORDS for n in range(number, number + self.dice.randint(*self.words))]
            number += len(numbers)
            text = " ".join(codewords.word(n) for n in numbers)
            lines.append(Line(codewords.line(self.speech, numbers), text))
        quiet_ms = self.dice.uniform(*self.quiet_ms)
        return replace(self.vary(self.plan), lines=tuple(lines), quiet_ms=quiet_ms, enough=self.enough.is_set)
