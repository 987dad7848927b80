"""Who has answered, where the carrier does not say: a call does not wait for that for ever."""

from __future__ import annotations

import structlog
import trio

from nurseries.line.machine import VERDICT_S, watch


async def test_where_nobody_knows_in_time_it_is_a_person(autojump_clock) -> None:
    done: list[str] = []

    async def verdict() -> str:
        await trio.sleep(10 * VERDICT_S)
        return "machine_start"

    with structlog.testing.capture_logs() as logs:
        await watch(verdict, "hang-up", hang_up=done.append, leave_message=done.append)

    assert trio.current_time() == VERDICT_S
    assert done == []
    assert [line["who"] for line in logs] == ["nobody knows"]
