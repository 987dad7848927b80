"""Calls that come to the end of their budget: a polite goodbye, never in the middle of a sentence, and then the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from trio.testing import MockClock

from agent.guard.budget import Budget, Campaign, Caps, Needs
from agent.guard.pot import HOLD_S, Pot, reported
from agent.keep.prices import Price
from agent.keep.usage import METER
from agent.model import Ending
from agent.providers.scripted import Script
from nurseries.purse import Purse
from tests.calls.stage import GREETING, Stage, configured, tone

GOODBYE = "Our time is up. Goodbye!"
PRICES = {"m": Price(input=1.0)}
"""A token is a micro-dollar."""
NEEDS = Needs(call=100, turn=100)


class Untouched:
    """A store that nobody asks."""

    def now(self) -> Any:
        raise AssertionError

    change = pots = close = now


def staged(caps: Caps, *, replies: tuple[str, ...] = ("Where?", "Lovely.", "Indeed."), spent: int = 80) -> Stage:
    """Each reply costs `spent` micro-dollars."""
    script = Script(heard=("a flat", "in Hebbal", "for us two", "and so on"), replies=replies)
    stage = Stage(script, configured(BUDGET_GOODBYE=GOODBYE, SILENCE_S=60.0))
    speak = stage.mind.reply

    async def reply(*args: Any, **more: Any) -> Any:
        meter = METER.get()
        assert meter is not None
        meter.add("llm", "m", {"requests": 1, "tokens_in": spent})
        return await speak(*args, **more)

    stage.mind.reply = reply  # type: ignore[method-assign]
    budget = Budget(caps, NEEDS, "p1")
    stage.parts = replace(stage.parts, purse=Purse(budget, Untouched(), PRICES, ZoneInfo("Asia/Kolkata"), wait_s=0.0))
    stage.budget = budget
    return stage


def fill(stage: Stage, pot: str, *, at: float = 0.0, others: int = 0) -> None:
    """As if the store had granted what is wanted, when others have spent so much."""
    report = stage.budget.report(pot, "2026-11-27", at)
    _, grant = reported(Pot(spent=others, day="2026-11-27"), report)
    stage.budget.took(pot, grant, at, at)


async def test_a_call_at_its_cap_is_taken_leave_of_after_the_turn_before(autojump_clock: MockClock) -> None:
    stage = staged(Caps(call=100 + 80 + 100))
    await stage.place(tone(1200), tone(1200), tone(1200))

    assert stage.words == [
        ("agent", GREETING),
        ("caller", "a flat"),
        ("agent", "Where?"),
        ("caller", "in Hebbal"),
        ("agent", "Lovely."),
        ("caller", "for us two"),
        ("agent", GOODBYE),
    ]
    assert stage.ending is Ending.BUDGET
    assert stage.record.reason == "the call's budget of $0.00028 is spent"
    assert not any(entry.interrupted for entry in stage.record.entries)
    assert stage.answers == 2


async def test_a_campaigns_own_cap_comes_before_that_of_all_calls(autojump_clock: MockClock) -> None:
    stage = staged(Caps(call=1000, campaigns={"": Campaign(call=200)}))
    await stage.place(tone(1200), tone(1200))

    assert stage.ending is Ending.BUDGET
    assert stage.answers == 1


async def test_a_day_that_is_spent_ends_the_call(autojump_clock: MockClock) -> None:
    stage = staged(Caps(day=10_000))
    fill(stage, "day", others=9_700)
    await stage.place(tone(1200), tone(1200), tone(1200))

    assert stage.ending is Ending.BUDGET
    assert "day" in stage.record.reason
    assert stage.answers == 2


async def test_a_call_that_cannot_even_begin_is_told_so_instead_of_greeted(autojump_clock: MockClock) -> None:
    stage = staged(Caps(day=10_000))
    await stage.place(tone(1200, at_ms=9000), quiet_ms=1000)

    assert stage.words == [("agent", GOODBYE)]
    assert stage.ending is Ending.BUDGET
    assert stage.answers == 0


async def test_what_was_not_reported_for_too_long_is_not_spent(autojump_clock: MockClock) -> None:
    stage = staged(Caps(day=1_000_000))
    fill(stage, "day", at=-HOLD_S + 8)
    await stage.place(tone(1200), tone(1200), tone(1200))

    assert stage.ending is Ending.BUDGET
    assert 0 < stage.answers < 3


async def test_who_talks_over_the_goodbye_is_not_answered_for_ever(autojump_clock: MockClock) -> None:
    stage = staged(Caps(call=200))
    await stage.place(tone(1200), tone(8000), tone(4000), tone(4000))

    assert stage.ending is Ending.BUDGET
    assert stage.answers <= 1
    assert [words for words in stage.words if words == ("agent", GOODBYE)]


async def test_what_was_reserved_is_free_again_at_the_end(autojump_clock: MockClock) -> None:
    stage = staged(Caps(day=1_000_000))
    fill(stage, "day")
    await stage.place(tone(1200), tone(1200))
    (call,) = stage.calls

    assert stage.budget.reserved("day") == NEEDS.call  # for its summary
    assert call.account is not None
    call.account.close()
    assert stage.budget.reserved("day") == 0
    assert stage.budget.report("day", "2026-11-27", 0.0).counted == {call.info.call_sid: 160}


def test_a_call_that_nobody_has_opened_is_an_error() -> None:
    budget = Budget(Caps(call=1000), NEEDS, "p1")
    budget.announce("CA1", "", 0.0, 10.0)
    for sid in ("CA-nobody", "CA1"):
        for ask in (lambda sid: budget.reserve(sid, 1, 0.0), budget.release):
            with pytest.raises(KeyError, match=f"no call {sid} is paid for here"):
                ask(sid)
    for ask in (lambda sid: budget.settle(sid, 1), lambda sid: budget.close(sid, 1, 0.0)):
        with pytest.raises(KeyError, match="no call CA-nobody is paid for here"):
            ask("CA-nobody")
