"""Which decisions of two runs are the same ones: of one kind, with the same words, near in time, and each once."""

from __future__ import annotations

import pytest

from agent.replay.comparison import SHIFT_S, compared
from agent.replay.decisions import Decision


def turn(at_s: float, words: str = "a flat") -> Decision:
    return Decision(at_s, "turn", words)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([turn(1.0), turn(2.0)], [turn(1.5)], ["at 2.0 s: turn: a flat -> nothing"]),
        ([turn(1.5)], [turn(1.0), turn(2.0)], ["at 2.0 s: nothing -> turn: a flat"]),
        ([turn(1.0), turn(2.0)], [turn(1.4), turn(2.4)], []),
        ([turn(1.0)], [turn(1.0, "a house")], ["at 1.0 s: turn: a flat -> turn: a house"]),
        ([turn(1.0, "A  flat")], [turn(1.0)], []),
        ([turn(1.0)], [turn(1.0 + SHIFT_S)], []),
        ([turn(1.0)], [turn(4.0)], ["at 1.0 s: turn: a flat -> turn: a flat +3.0 s"]),
        ([turn(1.0)], [Decision(1.0, "backchannel", "a flat")], ["turn: a flat -> nothing", "nothing -> backchannel"]),
        ([], [turn(1.0)], ["at 1.0 s: nothing -> turn: a flat"]),
    ],
)
def test_each_decision_has_one_partner_or_is_a_change(
    before: list[Decision], after: list[Decision], told: list[str]
) -> None:
    changes = [str(change) for change in compared(before, after).changes]
    assert len(changes) == len(told)
    assert all(words in change for words, change in zip(told, changes, strict=True))
