"""Tools, whatever becomes of the turn that asked for them."""

from __future__ import annotations

import msgspec
import trio

from agent.think.ports import ToolCall
from agent.think.tools.decision import Decision
from agent.think.tools.ports import Result
from agent.think.tools.toolbox import Toolbox
from nurseries.runner import Runner
from nurseries.talk.hands import Hands


class Nothing(msgspec.Struct):
    pass


class Slow:
    """Takes two seconds, and counts."""

    name = "book"
    description = "Books."
    arguments = Nothing

    def __init__(self) -> None:
        self.done = 0

    async def run(self, arguments: Nothing, desk: object) -> Result:
        await trio.sleep(2)
        self.done += 1
        return Result(f"booked {self.done}")


class Free:
    """A speech that nobody holds."""

    async def free(self) -> None:
        await trio.lowlevel.checkpoint()


def hands(tool: Slow, runner: Runner, told: list[str]) -> Hands:
    return Hands(
        *(Toolbox([tool]), runner, lambda: None, lambda _, result: told.append(result.text), lambda *_: None, 5.0)
    )


async def test_a_tool_that_has_begun_is_finished_though_its_turn_is_replaced(autojump_clock, nursery) -> None:
    tool, runner, told = Slow(), Runner(), []

    async def turn() -> None:
        await hands(tool, runner, told).run(ToolCall("1", "book", "{}"), Decision(3), Free())
        told.append("the turn goes on")

    nursery.start_soon(runner.run)
    runner.replace(turn, "turn")
    await trio.sleep(1)
    runner.replace(trio.sleep_forever, "barge-in")
    await trio.sleep(5)

    assert told == ["booked 1"]
    nursery.cancel_scope.cancel()


async def test_the_same_tool_runs_once_for_one_decision(autojump_clock) -> None:
    tool, decision, told = Slow(), Decision(5), []

    results = [
        await hands(tool, Runner(), told).run(ToolCall(str(n), "book", "{}"), decision, Free()) for n in range(2)
    ]

    assert [result.text for result in results] == ["booked 1", "booked 1"]
    assert tool.done == 1
