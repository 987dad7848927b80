"""Callers who are passed on, and a store that does not answer: nobody on the line waits for it."""

from __future__ import annotations

import threading

import pytest
import trio

from agent.errors import StoreError
from agent.web.state import ProcessState
from nurseries.legs.hand_overs import HandOvers

COLLEAGUE = "+919900112233"


class Store:
    """Answers nothing, or that it is away, as long as it is not let go."""

    def __init__(self, *, hangs: bool) -> None:
        self.let_go = threading.Event()
        self.hangs = hangs

    def hand_over(self, _call_sid: str, _to: str) -> None:
        self._answer()

    def handed_over(self, _call_sid: str) -> str | None:
        return self._answer()

    def _answer(self) -> None:
        if not self.hangs:
            raise StoreError("away")
        self.let_go.wait()


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "is away"])
async def test_without_the_store_this_process_knows_and_nobody_waits(hangs: bool, monkeypatch) -> None:
    monkeypatch.setattr("nurseries.legs.hand_overs.LIMIT_S", 0.02)
    store, state = Store(hangs=hangs), ProcessState()
    overs = HandOvers(store, state)  # type: ignore[arg-type]  # what is asked of it is there
    try:
        with trio.fail_after(10):
            assert await overs.hand_over("CA1", COLLEAGUE) is True
            assert await overs.handed_over("CA1") is None
    finally:
        store.let_go.set()

    assert state.hand_overs.get("CA1") == COLLEAGUE
