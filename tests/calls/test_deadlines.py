"""Deadlines that are settings, in whole calls: twice the setting, twice the wait. In virtual time."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import trio

from agent.config import Settings
from agent.guard.breaker import Rules
from agent.providers.scripted import Script, Trouble, call
from agent.speak.clips import TROUBLE
from agent.think.conversation import Line
from nurseries.chain.breakers import rules_of
from nurseries.talk.afterwards import summed_up
from tests.calls.stage import Stage, configured, tone

HANGS = {
    "STT_TIMEOUT_S": Trouble("hear", at=0, fault=None),
    "LLM_TIMEOUT_S": Trouble("think", at=0, fault=None),
    "TTS_TIMEOUT_S": Trouble("speak", at=3, fault=None),  # the greeting's sentences are the voice's first two
}


async def wait(**changes: object) -> float:
    """Seconds from the caller's last word to the agent's word that something has failed."""
    (setting,) = changes
    script = Script(heard=("hello",), replies=("Fine.",), troubles=(HANGS[setting],))
    stage = Stage(script, configured(FILLER_S=40, SILENCE_S=60, **changes))
    log = await stage.place(tone(800), max_ms=90_000, patience_ms=60_000, quiet_ms=5000)
    (line,) = log.spoken
    assert stage.words[-1] == ("agent", TROUBLE.text)
    return min(piece.at_ms for piece in log.played if piece.at_ms > line.end_ms) / 1000 - line.end_ms / 1000


@pytest.mark.parametrize("setting", list(HANGS))
async def test_a_provider_that_hangs_is_given_up_when_its_time_is_over(autojump_clock, setting: str) -> None:
    short, long = [await wait(**{setting: seconds}) for seconds in (2, 9)]

    assert 2 < short < 4
    assert long - short == pytest.approx(7, abs=0.1)


async def test_a_tool_is_given_up_when_its_time_is_over(autojump_clock) -> None:
    for seconds, result in ((3.0, False), (5.0, True)):
        script = Script(
            heard=("hello",), replies=("Let me see.",), calls={1: (call("slow"),)}, after_calls={1: "Here it is."}
        )
        stage = Stage(script, configured(TOOLS_FILE="tests/calls/tools_for_stories.py", TOOL_TIMEOUT_S=seconds))
        await stage.place(tone(800, at_ms=3300), max_ms=60_000, quiet_ms=12_000, hang_up_at_ms=14_000)
        (entry,) = [entry for entry in stage.record.entries if entry.role == "tool"]
        assert (entry.text == "slept") is result


async def test_a_summary_that_does_not_come_in_time_is_one_by_rules(autojump_clock) -> None:
    class Slow:
        name = "slow"

        async def write(self, _instructions: str, _text: str) -> str:
            await trio.sleep(4)
            return msgspec.json.encode({"summary": "A flat.", "facts": []}).decode()

    for seconds, by in ((3, "rules"), (5, "slow")):
        stage = Stage(Script(heard=("hello",)), configured(SUMMARY_TIMEOUT_S=seconds))
        await stage.place(tone(800))
        record = msgspec.structs.replace(stage.record, summary="By rules.", summary_by="rules")
        began = trio.current_time()
        parts = replace(stage.parts, summariser=Slow())
        record = await summed_up(record, [Line("caller", "hello", 0, 1)], {}, parts)
        assert (record.summary_by, trio.current_time() - began) == (by, min(seconds, 4))


def test_a_breakers_rules_are_settings() -> None:
    settings = Settings(_env_file=None, BREAKER_FAILURES=7, BREAKER_WINDOW_S=11, BREAKER_REST_S=3)  # type: ignore[call-arg]

    assert rules_of(settings) == Rules(failures=7, window_s=11, rest_s=3)
    assert rules_of(Settings(_env_file=None)) == Rules()  # type: ignore[call-arg]
