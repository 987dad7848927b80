"""How an order goes on: what the carrier tells of its call in, the order as it is then out. Pure.

Callbacks come in any order, and more than once. A state only ever goes forward, and a final one stays; but what we had
to conclude from silence gives way to what the carrier tells.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

from agent.guard.order import FINAL, Order, State

_STATES: MappingProxyType[str, State] = MappingProxyType(
    {
        "queued": "queued",
        "initiated": "queued",
        "ringing": "ringing",
        "in-progress": "answered",
        "answered": "answered",
        "completed": "completed",
        "busy": "busy",
        "no-answer": "no-answer",
        "failed": "failed",
        "canceled": "canceled",
    }
)
"""The carrier's words, and ours."""

_RANKS: dict[State, int] = {"placing": 0, "unknown": 1, "queued": 2, "ringing": 3, "answered": 4}
_LAST = 5

ORDER_ID = re.compile(r"OR[0-9a-f]{32}")

_MS_DIGITS = 12
_RANDOM_BYTES = 10

_ANSWERED_BY = re.compile(r"[a-z_]{1,32}")
_SEQUENCE = re.compile(r"[0-9]{1,6}")


class Told(msgspec.Struct, frozen=True):
    """What one request of the carrier's tells of an order's call."""

    call_sid: str
    status: str = ""
    """The carrier's word; empty, or unknown to us: nothing."""
    sequence: int = -1
    answered_by: str = ""
    detail: str = ""
    """Why it failed, where it did and said so."""


def order_id(now_s: float, random: bytes) -> str:
    """A new one: they sort by time. `now_s` since the epoch; ten random bytes."""
    return f"OR{int(now_s * 1000):0{_MS_DIGITS}x}{random[:_RANDOM_BYTES].hex()}"


def told(call_sid: str, status: str, sequence: str, answered_by: str, detail: str = "") -> Told:
    """From a callback's fields, as they came."""
    return Told(
        call_sid,
        status,
        int(sequence) if _SEQUENCE.fullmatch(sequence) else -1,
        answered_by if _ANSWERED_BY.fullmatch(answered_by) else "",
        detail[:200],
    )


def is_other_call(order: Order, call_sid: str) -> bool:
    """Whether this order has another call: it must have one only."""
    return bool(order.call_sid and call_sid and order.call_sid != call_sid)


def after(order: Order, news: Told, now: datetime) -> Order:
    """The order with what is new in it; the same order where nothing is."""
    if is_other_call(order, news.call_sid):
        return order
    state = _forward(order, _STATES.get(news.status))
    changed = msgspec.structs.replace(
        order,
        call_sid=order.call_sid or news.call_sid,
        state=state,
        reason=order.reason if state == order.state else _reason(state, news.detail),
        answered_by=order.answered_by or news.answered_by,
        sequence=max(order.sequence, news.sequence),
    )
    return order if changed == order else stamped(changed, now)


def failed(order: Order, reason: str, now: datetime) -> Order:
    """Its call is not to be, or nobody has heard of it."""
    return stamped(msgspec.structs.replace(order, state="failed", reason=reason), now)


def unknown(order: Order, reason: str, now: datetime) -> Order:
    """Nobody can say whether the carrier took it."""
    return stamped(msgspec.structs.replace(order, state="unknown", reason=reason), now)


def stamped(order: Order, now: datetime) -> Order:
    return msgspec.structs.replace(order, updated_at=now.astimezone(UTC).isoformat(timespec="milliseconds"))


def age_s(order: Order, now: datetime) -> float:
    """Since it was last changed; 0 where that cannot be read, or lies ahead."""
    return _since(order.updated_at or order.created_at, now)


def lives_s(order: Order, now: datetime) -> float:
    """Since it was written down."""
    return _since(order.created_at, now)


def _since(text: str, now: datetime) -> float:
    try:
        return max((now - datetime.fromisoformat(text).astimezone(UTC)).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


def _forward(order: Order, state: State | None) -> State:
    if state is None:
        return order.state
    guessed = order.state == "failed" and not order.call_sid
    if order.state in FINAL and not guessed:
        return order.state
    return state if guessed or _RANKS.get(state, _LAST) > _RANKS[order.state] else order.state


def _reason(state: State, detail: str) -> str:
    return (detail or "the carrier could not reach the number") if state == "failed" else ""
