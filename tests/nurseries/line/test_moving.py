"""The moment at which a call that cannot wait is handed off: behind the agent's sentence, and not long behind that."""

from __future__ import annotations

import pytest
import trio

from nurseries.line.moving import LOOK_S, SENTENCE_S, Scene, watch

WAIT_S = 5.0


@pytest.mark.parametrize(("sentence_s", "after_s"), [(1.5, 1.5), (60.0, SENTENCE_S)])
async def test_an_agent_who_talks_on_is_cut_behind_the_sentence_if_that_is_soon(
    autojump_clock, sentence_s: float, after_s: float
) -> None:
    began, cut = trio.current_time(), list[float]()
    wanted = trio.Event()
    wanted.set()

    def audible() -> str:
        return f"sentence {int((trio.current_time() - began - WAIT_S) / sentence_s)}"

    async def move(_still: object) -> bool:
        raise AssertionError

    scene = Scene(quiet_since=trio.current_time, asked=lambda: False, free=lambda: True, audible=audible)
    await watch(wanted, WAIT_S, scene, move=move, cut=lambda: cut.append(trio.current_time() - began))

    assert cut == pytest.approx([WAIT_S + after_s], abs=2 * LOOK_S)
