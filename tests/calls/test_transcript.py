"""How a new call test is written: see docs/proofs.md."""

from __future__ import annotations

import pytest

from agent.model import Ending
from tests.calls.transcript import plays


async def test_a_caller_who_breaks_in_is_answered_and_taken_leave_of(autojump_clock) -> None:
    call = await plays("""
        agent: Hello, this is - Priya. How may I help you?
        caller (at 1.0 s): I have a flat to sell
        agent: A flat, lovely. Where is it?
        caller: in Whitefield, and that is all
        agent: Thank you, we will call you. Goodbye!
    """)
    assert call.stage.ending is Ending.AGENT_SAID_GOODBYE


async def test_a_call_that_goes_otherwise_is_found_out(autojump_clock) -> None:
    with pytest.raises(AssertionError, match="mm-hm"):
        await plays("""
            agent: Hello, this is Priya.
            caller: mm-hm
            agent: Where is it?
            caller: mm-hm
            agent: And when?
            agent: And who?
        """)


async def test_a_line_of_nobody_is_found_out(autojump_clock) -> None:
    with pytest.raises(AssertionError, match="neither agent nor caller"):
        await plays("agnet: Hello")
