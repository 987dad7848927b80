"""A short day of a busy line: the long one is `ops/proofs/soak.py --virtual`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nurseries.talk import afterwards
from tests.soak.day import Asked, Day
from tests.soak.town import HOURS, KINDS, callers


def test_whatever_befalls_a_busy_line_every_promise_is_kept(tmp_path: Path) -> None:
    """Two minutes of callers, some forty accidents an hour."""
    figures = Day(Asked(seed=5, hours=0.05, calls_per_hour=600, accidents_per_hour=90, trouble=0.02), tmp_path).run()

    assert figures.broken == []
    assert figures.calls >= 10
    assert figures.accidents
    assert figures.turns


def test_a_broken_promise_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The soak itself can fail: what a record does not tell as it was heard is found out."""
    told = afterwards.entry_of
    monkeypatch.setattr(afterwards, "entry_of", lambda line: told(replace(line, text=line.text[1:])))

    figures = Day(Asked(seed=5, hours=0.01, calls_per_hour=600, accidents_per_hour=0), tmp_path).run()

    assert any(": heard" in fault for fault in figures.broken)


def test_callers_come_as_the_hour_says_and_are_the_same_each_time() -> None:
    day = list(callers(1, 24, 50, 20, begin=0))
    assert 1000 < len(day) < 1400
    nights, mornings = (sum(start <= caller.at_s / 3600 < start + 4 for caller in day) for start in (1, 8))
    assert nights * sum(HOURS[8:12]) < 10 * mornings * sum(HOURS[1:5])
    assert nights < mornings / 5
    assert {caller.kind for caller in day} == set(KINDS)
    assert [(one.at_s, one.kind, one.plan) for one in day] == [
        (one.at_s, one.kind, one.plan) for one in callers(1, 24, 50, 20, begin=0)
    ]
