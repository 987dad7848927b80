"""The process's circuit breakers, one for each operation of each provider; what they do is logged."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
import trio

from agent.config import Settings
from agent.guard.breaker import Breaker, Rules, State
from agent.metrics import Count, Reading

OPENINGS = Count("breaker_openings", "Times that a provider was not asked any more.", "part", "provider")

STANDS: dict[State, float] = {"closed": 0.0, "half-open": 0.5, "open": 1.0}

log = structlog.get_logger(__name__)


class Breakers:
    """Made while the parts are composed, shared by all calls. Nothing here is a checkpoint."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._all: dict[tuple[str, str], Breaker] = {}

    def of(self, part: str, name: str) -> Breaker:
        """The one for this operation: always the same."""
        if (part, name) not in self._all:
            self._all[part, name] = Breaker(part, name, self._rules, _told)
            OPENINGS.begin(part=part, provider=name)
        return self._all[part, name]

    def states(self) -> list[tuple[Breaker, State]]:
        """All of them, in the order they were made in."""
        now = trio.current_time()
        return [(breaker, breaker.state(now)) for breaker in self._all.values()]

    def readings(self) -> Iterator[Reading]:
        """How they stand, for /metrics."""
        for breaker, state in self.states():
            labels = {"part": breaker.part, "provider": breaker.name}
            yield Reading(
                "breaker_open",
                "1 while the provider is not asked, 0.5 while the next request is to try it.",
                STANDS[state],
                labels,
            )

    @property
    def degraded(self) -> tuple[str, ...]:
        """Ports of which a provider is not asked at present, each once."""
        return tuple(dict.fromkeys(breaker.part for breaker, state in self.states() if state != "closed"))


def rules_of(settings: Settings) -> Rules:
    return Rules(settings.BREAKER_FAILURES, settings.BREAKER_WINDOW_S, settings.BREAKER_REST_S)


def _told(breaker: Breaker) -> None:
    now = trio.current_time()
    if breaker.state(now) == "closed":
        log.info("breaker closed: the provider works again", part=breaker.part, provider=breaker.name)
        return
    OPENINGS.add(part=breaker.part, provider=breaker.name)
    log.warning(
        "breaker open: the provider is not asked",
        part=breaker.part,
        provider=breaker.name,
        fault=breaker.fault.value if breaker.fault is not None else "",
        for_s=round(breaker.opens_in(now), 1),
    )
