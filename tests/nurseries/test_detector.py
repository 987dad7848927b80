"""Sound to decisions: our own voice that comes back counts as silence."""

from __future__ import annotations

import pytest
import trio

from agent.hear.turns import Decision, Guards, Onset, TurnDetector
from agent.model import Frame
from nurseries.detector import detect
from nurseries.mailbox import Mailbox

GUARDS = Guards(threshold=0.5, onset_ms=96, lasting_ms=4000, pause_ms=192, hold_ms=448, longest_ms=30_000)


@pytest.mark.parametrize("echo", [True, False])
async def test_an_echo_is_no_onset(echo: bool, autojump_clock, nursery) -> None:
    sound: Mailbox[Frame] = Mailbox(50)
    decided: list[Decision] = []

    async def listen() -> None:
        await detect(
            *(sound, lambda _: 1.0, TurnDetector(GUARDS), decided.append),
            guard_ms=lambda: 96,
            is_echo=lambda *_: echo,
            heard=lambda *_: None,
        )

    nursery.start_soon(listen)
    for n in range(20):
        sound.put(Frame(b"x" * 160, n * 20.0))
    await trio.sleep(1)

    assert [type(each) for each in decided] == ([] if echo else [Onset])
    nursery.cancel_scope.cancel()
