"""What a call that we placed is about, or nothing in time: the callee is on the line."""

import trio

from agent.errors import StoreError
from agent.guard.order import Order, Wanted
from agent.model import CallInfo
from agent.think.errand import Errand
from nurseries.talk.errands import Errands

CALL = CallInfo("CA1", "AC1", "MZ1", direction="outbound-api", order="OR1")


class Orders:
    """One order, or whatever a test wants."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def get(self, order_id: str) -> Order | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if order_id == "OR1" else None


ORDER = Order("OR1", Wanted("+919876543210", "about the visit", variables={"name": "Asha"}), "2026-11-27T10:00:00Z")


async def test_an_order_tells_what_its_call_is_about() -> None:
    assert await Errands(Orders(ORDER)).of(CALL) == Errand("about the visit", {"name": "Asha"})


async def test_without_an_order_a_call_is_a_plain_one() -> None:
    for orders in (Orders(None), Orders(StoreError("away")), None):
        assert await Errands(orders).of(CALL) is None
    assert await Errands(Orders(ORDER)).of(CallInfo("CA1", "AC1", "MZ1")) is None


async def test_a_store_that_hangs_holds_nobody_up(monkeypatch, autojump_clock) -> None:
    async def never(*_args, **_kwargs):
        await trio.sleep_forever()

    monkeypatch.setattr("trio.to_thread.run_sync", never)

    assert await Errands(Orders(ORDER)).of(CALL) is None
    assert trio.current_time() < 2
