"""From what somebody wants to exactly one telephone call.

An order is written down before the carrier hears of it, and sent once: tried again only where the carrier surely did
nothing. What nobody can say is `unknown`, and is never sent again: the call's own webhooks carry the order's id and
tell, or a look at the carrier's list does (`reconciling`). A child of the process: who asked may go away meanwhile.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

import structlog
import trio

from agent.config import Settings
from agent.errors import CarrierError, CarrierFault, StoreError
from agent.guard import progress
from agent.guard.order import FINAL, Order, Placed, Refused, State, Wanted
from agent.guard.ports import DialRules
from agent.guard.progress import Told
from agent.guard.sending import CREATE, END, why
from agent.wire.carrier import CarrierCall, Ring
from agent.wire.ports import Carrier
from nurseries.boundary import contain
from nurseries.outbound.governor import Governor
from nurseries.outbound.orders import Orders
from nurseries.outbound.reconciling import Reconciling
from nurseries.outbound.vacancy import LEAVING
from nurseries.retrying import retried

log = structlog.get_logger(__name__)

WRITE_AGAIN_S = 1.0
WRITES = 3
"""Tries to write down what has become of an order; then its callbacks do."""

TWIN_S = 0.5
"""Between a twin's attempt that is counted and its order that is written down, more than that takes."""

HANG_UP_S = 15.0
"""For a call to be ended, tries included."""


class Placing:
    """One process's."""

    def __init__(
        self,
        carrier: Carrier,
        orders: Orders,
        rules: DialRules,
        settings: Settings,
        *,
        leaving: Callable[[], bool] = lambda: False,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._carrier = carrier
        self._orders = orders
        self._rules = rules
        self._settings = settings
        self._leaving = leaving
        self._dice = dice
        self._governor = Governor(
            most=settings.MAX_OUTBOUND_CALLS, per_second=settings.CALLS_PER_SECOND, queue=settings.DIAL_QUEUE
        )
        self._mine: set[str] = set()
        """Orders that hold a place of the governor's."""
        self._sending: set[str] = set()
        self._nursery: trio.Nursery | None = None
        orders.changed = self._changed

    @property
    def placed(self) -> int:
        """Calls that this process has placed and that are not over, as far as it knows."""
        return len(self._mine)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Place what is asked for, until cancelled: what is being sent then is unknown, and reconciled by others."""
        reconciling = Reconciling(self._carrier, self._orders, self._settings, lambda order: order in self._sending)
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(contain, partial(reconciling.run, self._look), "reconcile", name="reconcile")
            task_status.started()
            await trio.sleep_forever()

    async def place(self, wanted: Wanted) -> Placed | tuple[Refused, ...]:
        """The order, once it is known whether the carrier has the call, or that nobody knows; or who says no. The same
        idempotency key gets the first order, as it is now. Raises StoreError where nothing can be written down: then no
        call is placed. Cancelled, it may be placed all the same."""
        if known := await self._known(wanted):
            return known
        result = await self._place_new(wanted)
        if isinstance(result, Placed) or not wanted.idempotency_key:
            return result
        # Asked for twice at once, it may be the twin that took the last attempt, or the last place.
        if any(each.rule == "attempts" for each in result):
            await trio.sleep(TWIN_S)
        return await self._known(wanted) or result

    async def _known(self, wanted: Wanted) -> Placed | None:
        order = await self._orders.by_key(wanted.idempotency_key) if wanted.idempotency_key else None
        return Placed(order, new=False) if order else None

    async def _place_new(self, wanted: Wanted) -> Placed | tuple[Refused, ...]:
        if self._nursery is None or self._leaving():
            return (LEAVING,)
        if refused := await self._rules.refusals(wanted):
            return refused
        if busy := await self._governor.enter(self._settings.DIAL_WAIT_S):
            return (busy,)
        answer = _Answer()
        self._nursery.start_soon(contain, partial(self._place, wanted, answer), "place a call", name="place")
        return await answer.get()

    async def order(self, order_id: str) -> Order | None:
        """Raises StoreError."""
        return await self._orders.get(order_id)

    async def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        """Newest first. Raises StoreError."""
        return await self._orders.find(state, limit, after)

    async def hang_up(self, call_sid: str) -> None:
        """End a call, whatever its state, tried again where that may help. Raises CarrierError."""
        with trio.move_on_after(HANG_UP_S) as limit:
            await retried(END, partial(self._carrier.hang_up, call_sid), why=why, chance=self._dice)
        if limit.cancelled_caught:
            raise CarrierError(CarrierFault.UNKNOWN, f"no answer within {HANG_UP_S:g} s")
        log.info("hung up", call_sid=call_sid)

    async def _place(self, wanted: Wanted, answer: _Answer) -> None:
        """With a place of the governor's, which is given back unless there is a call, or may be one."""
        kept = False
        try:
            result = await self._claimed(wanted)
            if isinstance(result, Placed) and result.new:
                self._mine.add(result.order.order_id)
                kept = True
                result = Placed(await self._sent(result.order), new=True)
            answer.set(result)
        except StoreError as error:
            answer.set(error)
        finally:
            answer.set(StoreError("the server stopped before it could tell"))
            if not kept:
                self._governor.leave()

    async def _claimed(self, wanted: Wanted) -> Placed | tuple[Refused, ...] | StoreError:
        if self._leaving():  # told so while this waited for its turn
            return (LEAVING,)
        if refused := await self._rules.claim(wanted):
            return refused
        now = self._orders.now()
        at = now.isoformat(timespec="milliseconds")
        order = Order(progress.order_id(now.timestamp(), secrets.token_bytes(10)), wanted, at, updated_at=at)
        self._sending.add(order.order_id)
        kept: Placed | StoreError
        try:
            begun = await self._orders.begin(order)
            kept = Placed(begun, new=begun.order_id == order.order_id)
        except StoreError as error:
            kept = error
        if isinstance(kept, StoreError) or not kept.new:  # the latter: asked for twice at once
            self._sending.discard(order.order_id)
            await self._rules.give_back(wanted)
        return kept

    async def _sent(self, order: Order) -> Order:
        """What has become of it: in the store, or where that is away, for whoever asked at least."""
        try:
            how = await self._send(order)
        finally:
            self._sending.discard(order.order_id)
        for tries in range(WRITES):
            try:
                changed = await self._orders.change(order.order_id, how)
            except StoreError as error:
                log.warning("what has become of an order is not written down", order=order.order_id, error=str(error))
                if tries < WRITES - 1:
                    await trio.sleep(WRITE_AGAIN_S)
            else:
                return changed or how(order)
        result = how(order)
        self._changed(result)
        return result

    async def _send(self, order: Order) -> Callable[[Order], Order]:
        """Have the carrier ring; returns what that makes of the order."""
        limit_s, ring = self._settings.PLACE_TIMEOUT_S, self._ring(order)
        made: CarrierCall | CarrierError = CarrierError(CarrierFault.UNKNOWN, f"no answer within {limit_s:g} s")
        with trio.move_on_after(limit_s):  # a pause that would outlast it is not begun
            try:
                made = await retried(CREATE, partial(self._carrier.create, ring), why=why, chance=self._dice)
            except CarrierError as error:
                log.warning("call not created", order=order.order_id, fault=error.fault.value, why=error.detail)
                made = error
        now = self._orders.now
        if isinstance(made, CarrierCall):
            news = Told(made.call_sid, made.status or "queued")
            return lambda known: progress.after(known, news, now())
        if made.fault is CarrierFault.UNKNOWN:
            return lambda known: _unknown(known, made.detail, now())
        await self._rules.give_back(order.wanted)  # nobody's telephone has rung
        what = "refused the call" if made.fault is CarrierFault.REFUSED else "did not take the call"
        return lambda known: _failed(known, f"the carrier {what}: {made.detail}", now())

    def _ring(self, order: Order) -> Ring:
        settings = self._settings
        told = {"order": order.order_id}

        def address(path: str, more: dict[str, str] | None = None) -> str:
            return f"{settings.PUBLIC_URL.rstrip('/')}{path}?{urlencode(told | (more or {}))}"

        return Ring(
            to=order.wanted.to,
            caller_id=order.wanted.caller_id or settings.TWILIO_CALLER_ID,
            voice_url=address("/twilio/voice", {"campaign": order.wanted.campaign} if order.wanted.campaign else None),
            status_url=address("/twilio/call-status"),
            ring_s=settings.RING_S,
            # Beyond our own limit with its goodbye: the carrier's hangs up in the middle of a word.
            longest_s=int(settings.CALL_MAX_MINUTES * 60 + settings.GOODBYE_TIMEOUT_S) + 60,
            machine_url="" if settings.MACHINE_DETECTION == "off" else address("/twilio/amd"),
            until_beep=settings.MACHINE_DETECTION == "message",
        )

    def _changed(self, order: Order) -> None:
        if order.state in FINAL and order.order_id in self._mine:
            self._mine.discard(order.order_id)
            self._governor.leave()

    async def _look(self) -> None:
        """For the end of our calls: another process may have been told."""
        for order_id in tuple(self._mine - self._sending):
            with suppress(StoreError):
                order = await self._orders.get(order_id)
                if order is not None:
                    self._changed(order)


class _Answer:
    """What one request gets, once."""

    def __init__(self) -> None:
        self._there = trio.Event()
        self._result: Placed | tuple[Refused, ...] | StoreError | None = None

    def set(self, result: Placed | tuple[Refused, ...] | StoreError) -> None:
        if self._result is None:
            self._result = result
            self._there.set()

    async def get(self) -> Placed | tuple[Refused, ...]:
        await self._there.wait()
        if isinstance(self._result, StoreError):
            raise self._result
        assert self._result is not None  # noqa: S101
        return self._result


def _unknown(order: Order, why: str, now: datetime) -> Order:
    """Unless its callbacks have told more by now."""
    if order.state != "placing":
        return order
    return progress.unknown(order, f"the carrier may or may not have taken the call: {why}", now)


def _failed(order: Order, why: str, now: datetime) -> Order:
    return order if order.state in FINAL or order.call_sid else progress.failed(order, why, now)
