"""How one process stands, told to people: its parts in, a `Standing` out. What takes a look into the store is looked up
once for all who ask within a few seconds, and whoever asks waits no longer than LOOK_S for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import trio

from agent.config import Settings
from agent.doctor.check import Check
from agent.errors import StoreError
from agent.keep.query import Query
from agent.keep.tally import CALLS
from agent.keep.timings import Timings, timings
from agent.metrics import PREFIX
from agent.model import Ending
from agent.web.metrics import Others
from agent.web.spending import Spend
from agent.web.standing import BreakerView, Endings, Kept, ProcessView, Standing
from agent.web.state import ProcessState
from agent.workers.told import samples
from nurseries.chain.breakers import STANDS, Breakers
from nurseries.keep.keeping import Keeping
from nurseries.keep.reading import Reading
from nurseries.purse import Purse
from nurseries.watch.pulse import Pulse

LATEST = 100
"""Calls that latency is told of."""
AGAIN_S = 4.0
"""Between two looks into the store."""
LOOK_S = 3.0
"""For one."""
MOST = 1_000_000
"""Calls of one ending and day that are counted."""

_OVER = [ending.value for ending in Ending if ending is not Ending.MOVED]


class Bulletin:
    """One process's."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        state: ProcessState,
        keeping: Keeping,
        reading: Reading,
        pulse: Pulse,
        breakers: Breakers,
        providers: dict[str, str],
        checks: Callable[[], Awaitable[tuple[Check, ...]]],
        *,
        purse: Purse | None = None,
        others: Others | None = None,
        store: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`checks` are the doctor's, `others` the workers behind the same port, where there are any; `store` is the
        name of where records go, `now` the webhooks' time."""
        self._settings = settings
        self._name = name
        self._state = state
        self._keeping = keeping
        self._reading = reading
        self._pulse = pulse
        self._breakers = breakers
        self._providers = providers
        self._checks = checks
        self._purse = purse
        self._others = others
        self._siblings: list[str] = []
        """What they have counted."""
        self._store = store
        self._now = now
        self._began = trio.current_time()
        self._one = trio.Lock()
        self._looked = float("-inf")
        self._today: dict[str, int] | None = None
        self._latency: Timings | None = None

    async def standing(self) -> Standing:
        """See `agent.web.standing.Bulletin`."""
        day = datetime.now(ZoneInfo(self._settings.TIMEZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._one:
            if trio.current_time() >= self._looked + AGAIN_S:
                await self._look(day)
                self._looked = trio.current_time()
        return Standing(
            process=self._process(),
            past=self._pulse.past(),
            endings=Endings(self._since_start(), self._today, day.date().isoformat()),
            latency=self._latency,
            breakers=self._views(),
            spend=self._purse.spend() if self._purse is not None else Spend([]),
            kept=self._kept(),
            findings=await self._checks(),
        )

    async def _look(self, day: datetime) -> None:
        since = day.astimezone(ZoneInfo("UTC")).isoformat(timespec="milliseconds")
        self._today = self._latency = None
        if self._others is not None:
            self._siblings = [*(await self._others())[1].values()]
        with trio.move_on_after(LOOK_S):
            try:
                found = await self._reading.count([Query(since=since, ending=ending) for ending in _OVER], MOST)
                self._today = {ending: n for ending, n in zip(_OVER, found, strict=True) if n}
                self._latency = await self._reading.find(Query(), LATEST, None, timings)
            except StoreError:
                pass  # told as null

    def _process(self) -> ProcessView:
        state, siblings = self._state, self._state.siblings
        calls, promised, most = state.lines(self._now())
        return ProcessView(
            name=self._name,
            version=self._pulse.version,
            up_s=round(trio.current_time() - self._began, 1),
            accepting=state.taking,
            draining=state.draining,
            draining_s=round(self._pulse.draining_s, 1),
            drain_mode=self._settings.DRAIN_MODE,
            drain_limit_s=self._pulse.limit_s,
            calls=calls,
            promised=promised,
            most=most,
            workers=self._settings.workers if siblings is not None else 1,
            providers=self._providers,
        )

    def _views(self) -> tuple[BreakerView, ...]:
        """Of a sibling only those that are open there and not here."""
        now, found = trio.current_time(), self._breakers.states()
        own = [
            BreakerView(
                breaker.part,
                breaker.name,
                state,
                round(breaker.opens_in(now), 1),
                breaker.fault.value if breaker.fault is not None else "",
            )
            for breaker, state in found
        ]
        opened = {(breaker.part, breaker.name) for breaker, state in found if state != "closed"}
        for labels, value in self._counted("breaker_open"):
            if value and (key := (labels["part"], labels["provider"])) not in opened:
                own = [view for view in own if (view.part, view.provider) != key]
                own.append(BreakerView(*key, "open" if value == STANDS["open"] else "half-open", 0.0, ""))
                opened.add(key)
        return tuple(own)

    def _since_start(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for labels, value in (*CALLS.told(), *self._counted("calls_total")):
            if value:
                found[labels["ending"]] = found.get(labels["ending"], 0) + int(value)
        return found

    def _counted(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        for text in self._siblings:
            yield from samples(text, PREFIX + name)

    def _kept(self) -> Kept:
        of = {reading.name: reading.value for reading in self._keeping.readings()}
        return Kept(
            store=self._store,
            answers=self._today is not None,
            records_waiting=int(of["records_waiting"]),
            behind_s=round(of["records_behind_seconds"], 1),
            journal_bytes=int(of["journal_bytes"]),
            journal_behind_s=round(of["journal_behind_seconds"], 1),
            journal_fault=self._state.journal_fault or self._state.journal_doubt,
        )
