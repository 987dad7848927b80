"""Runs the tools a model asks for, one at a time, each within its limit and not interrupted by the caller.

Used by a turn. What a tool has done is in the conversation before anything else can happen, so an interruption behind
it loses nothing. A hang-up does cancel a tool; that it was begun stays in the conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
import trio

from agent.think.ports import ToolCall, ToolSpec
from agent.think.tools.checked import checked
from agent.think.tools.decision import Decision
from agent.think.tools.ports import Desk, Result
from agent.think.tools.toolbox import Toolbox
from nurseries.replay.pass_clock import decided
from nurseries.runner import Runner
from nurseries.talk.speech import Speech

log = structlog.get_logger(__name__)

UNFINISHED = "It is not known whether this was done: the call ended meanwhile."


@dataclass(frozen=True, slots=True)
class Hands:
    """One call's tools."""

    toolbox: Toolbox
    runner: Runner
    desk: Callable[[], Desk]
    ran: Callable[[ToolCall, Result], None]
    """Told of each tool that has run. Not a checkpoint."""
    known: Callable[[ToolCall, str], None]
    """Told of each that was not run, for its result was known. Not a checkpoint."""
    limit_s: float
    timed: Callable[[str, float, float, str], None] = lambda *_: None
    """Told of each that has run: its name, from when to when on trio's clock, and what was wrong. Not a checkpoint."""
    begun: Callable[[ToolCall], None] = lambda _: None
    """Told of each tool before it runs. Not a checkpoint."""

    def offered(self) -> tuple[ToolSpec, ...]:
        """What the model may ask for in this call."""
        return self.toolbox.offered(self.desk())

    async def run(self, call: ToolCall, decision: Decision, speech: Speech) -> Result:
        """The tool's result; of one that has run before for this decision, the earlier one. Waits while the caller
        speaks: what they say may make it needless."""
        known = decision.ask(call)
        if known is not None:
            decision.done(call, known)
            self.known(call, known.text)
            return known
        await speech.free()
        with self.runner.shielding():
            result = Result(UNFINISHED)
            self.begun(call)
            try:
                result = await self._run(call)
            finally:
                decision.done(call, result)
                self.ran(call, result)
        await trio.lowlevel.checkpoint()  # what was put off by the shield happens here
        return result

    async def _run(self, call: ToolCall) -> Result:
        decided("tool", name=call.name)
        prepared = self.toolbox.prepare(call)
        if isinstance(prepared, Result):
            log.info("tool refused", tool=call.name, why=prepared.text)
            return prepared
        tool, arguments = prepared
        began, fault = trio.current_time(), ""
        with trio.move_on_after(self.limit_s) as scope:
            try:
                result = checked(await tool.run(arguments, self.desk()))
            except Exception as error:  # noqa: BLE001  own tools may raise anything; the call goes on
                fault = "failed"
                log.warning("tool failed", tool=call.name, error=f"{type(error).__name__}: {error}"[:200])
                result = Result(f"{call.name} failed. Tell the caller that it did not work.")
        self.timed(call.name, began, trio.current_time(), "timeout" if scope.cancelled_caught else fault)
        if scope.cancelled_caught:
            log.warning("tool took too long", tool=call.name, limit_s=self.limit_s)
            return Result(f"{call.name} did not finish in time. Tell the caller that it did not work.")
        log.info("tool ran", tool=call.name)
        return result
