"""A carrier in memory: obeys a script of faults, rings, and tells through callbacks, in virtual time."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import trio

from agent.errors import CarrierError, CarrierFault
from agent.guard.progress import Told
from agent.wire.carrier import CarrierCall, CarrierNumber, Ring

BEFORE = {"busy", "busy-later", "unreachable", "refused", "500-before", "reset-before", "slow-before"}
"""Of the faults, those after which there is no call."""
AFTER = {"500-after", "reset-after", "slow-after", "hang-after"}
SLOW_S = 8.0
ERRORS = {
    "busy": CarrierError(CarrierFault.BUSY, "too many", status=429),
    "busy-later": CarrierError(CarrierFault.BUSY, "too many", status=429, retry_after_s=3.0),
    "unreachable": CarrierError(CarrierFault.UNREACHABLE, "no route"),
    "refused": CarrierError(CarrierFault.REFUSED, "no such number", status=400, code=21211),
    "slow-before": CarrierError(CarrierFault.UNKNOWN, "no answer"),
    **{f"500-{when}": CarrierError(CarrierFault.UNKNOWN, "oh", status=500) for when in ("before", "after")},
    **{f"reset-{when}": CarrierError(CarrierFault.UNKNOWN, "reset") for when in ("before", "after")},
}


@dataclass
class MemoryCarrier:
    """The Carrier port. `faults` are taken one a request, in order; then all is well."""

    now: Callable[[], datetime]
    faults: deque[str] = field(default_factory=deque)
    calls: dict[str, CarrierCall] = field(default_factory=dict)
    orders: dict[str, list[str]] = field(default_factory=dict)
    """CallSids by order."""
    requests: int = 0
    hung_up: list[str] = field(default_factory=list)
    redirected: list[tuple[str, str]] = field(default_factory=list)
    created: Callable[[str, str], Awaitable[None]] | None = None
    """Told of each call that has been made: order, CallSid."""
    nursery: trio.Nursery | None = None
    looks: int = 0

    async def create(self, ring: Ring) -> CarrierCall:
        self.requests += 1
        await trio.lowlevel.checkpoint()
        fault = self.faults.popleft() if self.faults else ""
        if fault.startswith("slow-b"):
            await trio.sleep(SLOW_S)
        if fault in ERRORS and fault in BEFORE:
            raise ERRORS[fault]
        call = self._ring(ring)
        if fault in ERRORS:
            raise ERRORS[fault]
        if fault == "slow-after":
            await trio.sleep(SLOW_S)
        if fault == "hang-after":
            await trio.sleep_forever()
        return call

    async def hang_up(self, call_sid: str) -> None:
        await trio.lowlevel.checkpoint()
        self.hung_up.append(call_sid)

    async def redirect(self, call_sid: str, url: str) -> bool:
        await trio.lowlevel.checkpoint()
        self.redirected.append((call_sid, url))
        return call_sid in self.calls

    async def fetch(self, call_sid: str) -> CarrierCall | None:
        await trio.lowlevel.checkpoint()
        self.looks += 1
        return self.calls.get(call_sid)

    async def recent(self, to: str) -> list[CarrierCall]:
        await trio.lowlevel.checkpoint()
        self.looks += 1
        return [call for call in reversed(self.calls.values()) if call.to == to]

    async def numbers(self, number: str = "") -> list[CarrierNumber]:
        await trio.lowlevel.checkpoint()
        return []

    def _ring(self, ring: Ring) -> CarrierCall:
        sid = f"CA{len(self.calls):032x}"
        at = float(int(self.now().timestamp()))
        self.calls[sid] = CarrierCall(sid, ring.to, ring.caller_id, "queued", at, "outbound-api")
        (order,) = parse_qs(urlsplit(ring.status_url).query)["order"]
        self.orders.setdefault(order, []).append(sid)
        if self.created is not None and self.nursery is not None:
            self.nursery.start_soon(self.created, order, sid)
        return self.calls[sid]


def life(sid: str, end: str = "completed") -> list[Told]:
    """The callbacks of one call, in their order."""
    return [Told(sid, status, n) for n, status in enumerate(("initiated", "ringing", "in-progress", end))]
