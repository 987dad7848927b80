"""How the server stands, for people: what /metrics counts for Prometheus, and what the newest calls tell."""

from __future__ import annotations

from typing import Protocol

import msgspec
from quart import Blueprint
from quart_schema import document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.doctor.check import Check
from agent.keep.timings import Timings
from agent.web.given import Given
from agent.web.scope import needs
from agent.web.spending import Spend


class ProcessView(msgspec.Struct, frozen=True):
    """The process that answers; of several workers behind one port, whichever was asked."""

    name: str
    version: str
    up_s: float
    accepting: bool
    """New calls are taken."""
    draining: bool
    draining_s: float
    """Since the first signal to leave; 0 before."""
    drain_mode: str
    """What becomes of calls in a drain."""
    drain_limit_s: float
    """Within which it is gone."""
    calls: int
    """Here and in its siblings."""
    promised: int
    """Calls that were told to connect and have not yet."""
    most: int
    """At the same time."""
    workers: int
    providers: dict[str, str]
    """Who hears, thinks and speaks."""


class Beat(msgspec.Struct, frozen=True):
    """A few seconds of the process."""

    ago_s: float
    calls: int
    """The most at a time."""
    lag_ms: float
    """The longest that anything ready had to wait for its turn."""
    busy: float
    """The share of the time in which it ran something."""


class Endings(msgspec.Struct, frozen=True):
    """Calls that are over, by how they ended."""

    since_start: dict[str, int]
    """Of the process that answers, and of its siblings."""
    today: dict[str, int] | None
    """Of all processes that share the store, in TIMEZONE; null: the store does not answer."""
    day: str
    """ISO 8601."""


class BreakerView(msgspec.Struct, frozen=True):
    """One operation of a provider."""

    part: str
    provider: str
    state: str
    """closed: it is asked. open: it is not, for a while, or by one of the workers. half-open: one request tries it."""
    asked_in_s: float
    """Until it is asked again; 0: now."""
    fault: str
    """The latest; "": none."""


class Kept(msgspec.Struct, frozen=True):
    """What is said, on its way to where it stays."""

    store: str
    answers: bool
    records_waiting: int
    """That the store does not have yet."""
    behind_s: float
    """Age of the oldest such change."""
    journal_bytes: int
    journal_behind_s: float
    journal_fault: str
    """Why the journal cannot be written; "": it can."""


class Standing(msgspec.Struct, frozen=True):
    """All of it."""

    process: ProcessView
    past: tuple[Beat, ...]
    """An hour of it at most, the oldest first."""
    endings: Endings
    latency: Timings | None
    """Of the newest calls in the store; null: it does not answer."""
    breakers: tuple[BreakerView, ...]
    spend: Spend
    kept: Kept
    findings: tuple[Check, ...]
    """What the doctor can see while calls go on."""


class Bulletin(Protocol):
    """Tells how things stand. Bounded; never raises."""

    async def standing(self) -> Standing: ...


def add_standing(routes: Blueprint, bulletin: Bulletin) -> None:
    """Let these routes tell it."""

    @routes.get("/standing")
    @needs("read")
    @document_response(Standing)
    async def standing() -> Response:
        """How the server stands: calls, endings, latency, providers, money, the doctor's findings."""
        Given().check()
        return Response(msgspec.json.encode(await bulletin.standing()), content_type="application/json")
