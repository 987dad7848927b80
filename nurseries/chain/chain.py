"""Asks providers one after the other until one answers, within the deadline of whoever waits.

Each gets an equal share of what is left of that deadline, so that the last one has time as well; one that its breaker
keeps away costs none. A deadline is a failure to the breaker only if the provider had its fair share; being given up
(a barge-in, a hang-up) is none. Once something of an answer has come out, nobody else is asked: it would be said twice.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

import structlog
import trio

from agent.errors import Fault, ProviderError
from agent.guard.breaker import Breaker, Visit
from agent.guard.retry import Policy
from agent.keep.stand_ins import stood_in
from agent.metrics import Count
from nurseries.retrying import Why, of_provider, retried

FAILURES = Count("provider_failures", "Requests that a provider failed or was late with.", "part", "provider", "fault")
STAND_INS = Count("stand_ins", "Times that a provider served in place of the first one.", "part", "provider", "why")

SLOW = "slow"
"""Why one stood in, where the first one has not failed."""

P = TypeVar("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)

AGAIN = Policy(requests=2, first_s=0.5, longest_s=0.5, patience_s=1.0)
"""One more, within half a second or when the server asks for it up to a second later: that saves most turns from a
hiccup, and a caller's deadline has room for it."""

AT_ONCE = Policy(requests=2, first_s=0.1, longest_s=0.1, patience_s=0.0, safe=frozenset({Fault.BROKEN}))
"""Where somebody stands by: only what a connection needs that was closed while idle."""

SLACK_S = 0.05
"""Two deadlines that are one: the loop may be late by this."""


class NotAsked(ProviderError):  # noqa: N818  it tells what was not done
    """The breaker keeps everybody away at present."""


def _nothing() -> None:
    pass


class Progress:
    """How far a request has come. Its deadline runs only while the provider is waited for."""

    def __init__(self, begins: Callable[[], None] = _nothing, stirs: Callable[[], None] = _nothing) -> None:
        self.begun = False
        """Something of the answer has come out."""
        self.alone = True
        """Nobody could be asked instead, if this one failed."""
        self.stir = stirs
        """To be called when anything comes at all. Not a checkpoint."""
        self._begins = begins
        self._scope = trio.CancelScope()
        self._since: float | None = None
        self._limit_s = math.inf
        self._gap_s = math.inf

    def start(self, scope: trio.CancelScope, limit_s: float, gap_s: float) -> None:
        self._scope, self._limit_s, self._gap_s = scope, limit_s, gap_s
        self.wait()

    def wait(self) -> None:
        """The provider is waited for, from now on. Not a checkpoint."""
        self._since = trio.current_time()
        self._scope.deadline = self._since + self._limit_s

    def rest(self, *, came: bool = True) -> None:
        """It has delivered, and now waits for us. `came`: something that is to be heard. Not a checkpoint."""
        self._since = None
        self._scope.deadline = math.inf
        if came:
            self._limit_s = self._gap_s
            if not self.begun:
                self.begun = True
                self._begins()

    @property
    def limit_s(self) -> float:
        """For what is waited for now."""
        return self._limit_s

    @property
    def waited_s(self) -> float:
        return 0.0 if self._since is None else trio.current_time() - self._since


@dataclass(frozen=True)
class Member(Generic[P]):
    """One provider of a chain."""

    provider: P
    name: str
    breaker: Breaker


Work = Callable[[P, Progress], Awaitable[T]]


@dataclass(frozen=True)
class Chain(Generic[P]):
    """The providers of one port, the best first."""

    part: str
    members: Sequence[Member[P]]
    limit_s: float
    """For an answer to begin, and between two pieces of it."""
    policy: Policy = field(default=AGAIN)
    fair_share: float | None = None
    """Of the limit, from which on a provider that is late has failed; None: an equal one."""

    def __post_init__(self) -> None:
        """What may be counted of them is told at nothing, so that the first one is seen as a rise."""
        for n, member in enumerate(self.members):
            for fault in Fault:
                FAILURES.begin(part=self.part, provider=member.name, fault=fault.value)
            for why in (*(fault.value for fault in Fault), SLOW) if n else ():
                STAND_INS.begin(part=self.part, provider=member.name, why=why)

    @property
    def first(self) -> P:
        return self.members[0].provider

    @property
    def name(self) -> str:
        return self.members[0].name

    async def ask(
        self,
        work: Work[P, T],
        *,
        extra_s: float = 0.0,
        progress: Progress | None = None,
        skip: int = 0,
        failed: ProviderError | None = None,
        standby: bool = False,
    ) -> T:
        """What `work` makes of the first provider that answers. `extra_s`: more than the usual limit. `skip`: so many
        members are somebody else's to ask; `failed`: what became of that. `standby`: there is somebody outside of this
        chain as well, who can answer instead; where nobody is skipped, they get a share of the time.

        Raises ProviderError: the first one's, where nobody answered; or, once something has come out, that of who broke
        off. Cancelled, the request is closed."""
        progress = progress or Progress()
        for n, member in enumerate(self.members[skip:], skip):
            limit = self._share(n, extra_s, 1 if standby and not skip else 0)
            progress.alone = not standby and self.rivals(n) == 0
            once = partial(self._once, member, work, progress, limit, extra_s)
            try:
                may = partial(self._may_again, member, progress)
                answer = await retried(self._policy(n), once, why=_why, may=may)
            except ProviderError as error:
                if progress.begun:
                    raise
                if failed is None or (isinstance(failed, NotAsked) and not isinstance(error, NotAsked)):
                    failed = error
                await trio.lowlevel.checkpoint_if_cancelled()
                continue
            if n:
                self.served(n, failed.fault.value if failed is not None else SLOW)
            return answer
        assert failed is not None  # noqa: S101  there is at least one member
        raise failed

    def served(self, n: int, why: str) -> None:
        """Tell that a member stood in. Not a checkpoint."""
        name = self.members[n].name
        log.info("stood in", part=self.part, provider=name, why=why)
        stood_in(self.part, name, why)
        STAND_INS.add(part=self.part, provider=name, why=why)

    def rivals(self, n: int) -> int:
        """How many could be asked after this one. Not a checkpoint."""
        now = trio.current_time()
        return sum(member.breaker.admits(now) for member in self.members[n + 1 :])

    def _policy(self, n: int) -> Policy:
        return AT_ONCE if self.rivals(n) else self.policy

    def _share(self, n: int, extra_s: float, others: int) -> float:
        left = trio.current_effective_deadline() - trio.current_time()
        return min(left, self.limit_s + extra_s) / (1 + self.rivals(n) + others)

    def _may_again(self, member: Member[P], progress: Progress) -> bool:
        return not progress.begun and member.breaker.admits(trio.current_time())

    async def _once(self, member: Member[P], work: Work[P, T], progress: Progress, limit_s: float, extra_s: float) -> T:
        breaker = member.breaker
        visit = breaker.enter(trio.current_time())
        if visit is None:
            raise NotAsked(
                member.name, self.part, breaker.fault or Fault.BROKEN, "not asked: it failed again and again"
            )
        gap = self.limit_s + extra_s
        fair = gap * (self.fair_share or 1 / len(self.members))
        try:
            with trio.CancelScope() as scope:
                progress.start(scope, limit_s, gap)
                answer = await work(member.provider, progress)
        except ProviderError as error:
            visit.failed(trio.current_time(), error.fault, error.retry_after_s)
            FAILURES.add(part=self.part, provider=member.name, fault=error.fault.value)
            log.info("provider failed", part=self.part, provider=member.name, error=str(error))
            raise
        except BaseException:
            # Whoever waits may have the same deadline as the provider, and then it is theirs that is noticed.
            if progress.waited_s >= max(progress.limit_s, fair) - SLACK_S:
                _late(member, self.part, visit)
            visit.left()
            raise
        if not scope.cancelled_caught:
            visit.worked(trio.current_time())
            return answer
        if progress.limit_s >= fair - SLACK_S:
            _late(member, self.part, visit)
        visit.left()
        log.info("provider late", part=self.part, provider=member.name, limit_s=round(progress.limit_s, 2))
        raise ProviderError(member.name, self.part, Fault.TIMEOUT, f"nothing for {progress.limit_s:g} s")


def _late(member: Member[P], part: str, visit: Visit) -> None:
    visit.failed(trio.current_time(), Fault.TIMEOUT)
    FAILURES.add(part=part, provider=member.name, fault=Fault.TIMEOUT.value)


def _why(error: BaseException) -> Why | None:
    return None if isinstance(error, NotAsked) else of_provider(error)
