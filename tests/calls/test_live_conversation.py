"""What a server that hears, thinks and speaks knows of the call, and what becomes of the call when it fails: at every
event of a call, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from agent.errors import Fault
from agent.model import Ending, Utterance
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.log import CallLog
from tests.calls.live_stage import LiveStage
from tests.calls.stage import GREETING, configured, tone
from tests.fakes.realtime_plan import Says, Wrong

REPLY = "We have several homes in Whitefield and a few near the lake"
TWO = (tone(900), tone(600))
SCRIPT = Script(heard=("a flat", "near the lake"), replies=(REPLY, "Lovely, then let us see it on Sunday."))
SLACK_MS = 400
"""A message's length, and the virtual network's way."""


def by_length(sound: bytes) -> str:
    """What each of the two lines says, however often it is sent."""
    return SCRIPT.heard[0 if len(sound) > 1300 * 8 else 1]


class ByLength:
    """The recogniser of files that hears the same."""

    name = "files"

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        await trio.sleep(0.3)
        return by_length(utterance.mulaw)


def told(stage: LiveStage, connection: int = -1) -> list[str]:
    """The server's conversation, an item a line."""
    return [line(item) for item in stage.server.conversations[connection]]


def line(item: dict[str, Any]) -> str:
    match item["type"]:
        case "message":
            (content,) = item["content"]
            text = content.get("text") or content.get("transcript") or "(sound)"
            cut = f" cut at {item['truncated_ms']}" if "truncated_ms" in item else ""
            return f"{item['role']}: {text}{cut}"
        case "function_call":
            return f"calls {item['name']}"
        case _:
            return f"result: {item['output']}"


def dead_air(log: CallLog) -> float:
    """The longest silence that a sound of the agent's ends."""
    longest = at = 0.0
    for begin, end, ours in sorted(
        [(p.at_ms, p.end_ms, True) for p in log.played] + [(s.start_ms, s.end_ms, False) for s in log.spoken]
    ):
        longest = max(longest, begin - at) if ours else longest
        at = max(at, end)
    return longest


async def test_the_server_knows_what_was_said_without_it(autojump_clock: MockClock) -> None:
    stage = LiveStage(SCRIPT)
    await stage.place(*TWO, quiet_ms=5000)
    assert told(stage) == [
        "assistant: Hello, this is Priya.",
        "assistant: How may I help you?",
        "user: (sound)",
        f"assistant: {REPLY}",
        "user: (sound)",
        "assistant: Lovely, then let us see it on Sunday.",
    ]
    assert stage.objections == []
    assert stage.record.providers["llm"] == "openai gpt-realtime-2.1-mini"


async def test_sounds_that_were_no_turns_are_taken_out(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("mm-hm", "", "a flat"), replies=("Yes.",)))
    await stage.place(tone(300, at_ms=700), tone(300, at_ms=4500), tone(900, at_ms=8000), quiet_ms=3000)
    assert [item for item in told(stage) if item.startswith("user")] == ["user: (sound)"]
    assert stage.objections == []


async def test_keys_and_tools_are_told_in_order(autojump_clock: MockClock) -> None:
    script = Script(heard=("book it",), replies=("Let me see.",), calls={2: (call("slow"),)}, after_calls={2: "Done."})
    stage = LiveStage(script, configured(TOOLS_FILE="tests/calls/tools_for_stories.py"))
    await stage.place(tone(900, at_ms=3300), dtmf="24", quiet_ms=6000)
    assert [item for item in told(stage) if not item.startswith("assistant")] == [
        "user: (sound)",
        "user: two four",
        "calls slow",
        "result: slept",
    ]
    assert stage.objections == []


@pytest.mark.parametrize("at_ms", range(5200, 9000, 310))
async def test_a_line_that_the_caller_cuts_is_cut_there_at_the_server(at_ms: int, autojump_clock: MockClock) -> None:
    stage = LiveStage(SCRIPT)
    log = await stage.place(tone(900, at_ms=3300), tone(900, at_ms=at_ms), quiet_ms=3000)
    cleared = [clear.at_ms for clear in log.clears]
    began = stage.record.entries[1].end_ms
    played = sum(p.end_ms - p.at_ms for p in log.played if began < p.at_ms < cleared[0]) if cleared else None
    cut = [item for item in stage.server.conversations[-1] if "truncated_ms" in item]
    entry = next((e for e in stage.record.entries if e.role == "agent" and e.interrupted), None)
    assert stage.objections == []
    if entry is None:
        assert cut == []
        assert not played or played < 200
    else:
        (item,) = cut
        assert item["truncated_ms"] == pytest.approx(played, abs=40)
        assert REPLY.startswith(entry.text)
        assert len(entry.text) <= item["truncated_ms"] / 60


async def test_a_backchannel_lets_the_model_s_own_line_go_on(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat", "mm-hm"), replies=(REPLY,)))
    await stage.place(tone(900, at_ms=3300), tone(300, at_ms=7000), quiet_ms=3000)
    said = [entry.text for entry in stage.record.entries if entry.role == "agent" and entry.text != GREETING]
    assert " ".join(said) == REPLY
    assert stage.server.spoken.count(REPLY) == 1
    assert not any("cut" in item for item in told(stage))


@pytest.mark.parametrize("at", range(132))
async def test_whatever_happens_to_the_socket_the_call_goes_on(at: int, autojump_clock: MockClock) -> None:
    """At each event of a call of two turns: nothing said is lost, nothing is spoken twice, and no silence is longer
    than in any other call."""
    kind = ("abort", "stall", "garbage", "close")[at % 4]
    stage = LiveStage(SCRIPT, more={"wrong": [Wrong(kind, at)], "heard": by_length}, files=ByLength())  # type: ignore[arg-type]
    log = await stage.place(*TWO, quiet_ms=5000)
    entries = stage.record.entries
    assert [entry.text for entry in entries if entry.role == "caller"] == ["a flat", "near the lake"]
    assert log.clears == []
    said = " ".join(entry.text for entry in entries if entry.role == "agent").replace("One moment, please. ", "")
    assert said.split() == f"{GREETING} {REPLY} Lovely, then let us see it on Sunday.".split()
    assert dead_air(log) <= stage.settings.FILLER_S * 1000 + SLACK_MS


async def test_nobody_there_is_a_cascade(autojump_clock: MockClock) -> None:
    stage = LiveStage(SCRIPT, more={"wrong": [Wrong("refuse", code=401, connection=None)]})
    await stage.place(*TWO, quiet_ms=5000)
    assert stage.told == [
        f"agent: {GREETING}",
        "caller: a flat",
        f"agent: {REPLY}",
        "caller: near the lake",
        "agent: Lovely, then let us see it on Sunday.",
    ]
    assert stage.server.connections == 1


async def test_a_session_is_changed_between_two_turns_and_told_the_past(autojump_clock: MockClock) -> None:
    stage = LiveStage(SCRIPT, more={"session_s": 98.0})
    log = await stage.place(*TWO, quiet_ms=5000)
    assert stage.server.connections >= 2
    assert stage.told == [
        f"agent: {GREETING}",
        "caller: a flat",
        f"agent: {REPLY}",
        "caller: near the lake",
        "agent: Lovely, then let us see it on Sunday.",
    ]
    assert told(stage)[:3] == [f"assistant: {GREETING}", "user: a flat", f"assistant: {REPLY}"]
    assert log.clears == []


async def test_a_model_that_says_nothing_is_stood_in_for(autojump_clock: MockClock) -> None:
    script = Script(heard=("a flat",), replies=("Where would that be?",))
    stage = LiveStage(script)
    answer = stage.server.plan.says
    stage.server.plan.says = lambda create, items: answer(create, items) if "input" in create else Says()
    await stage.place(tone(900, at_ms=3300), quiet_ms=3000)
    assert stage.told[-1] == "agent: Where would that be?"


async def test_both_kinds_failing_are_apologised_for(autojump_clock: MockClock) -> None:
    script = Script(heard=("a flat",), troubles=(Trouble("think", 0, fault=Fault.BROKEN),))
    stage = LiveStage(script, more={"wrong": [Wrong("refuse", code=503, connection=None)]})
    await stage.place(tone(900, at_ms=3300), quiet_ms=3000)
    assert stage.told[-1].startswith("agent: Sorry")
    assert stage.ending is Ending.CALLER_HUNG_UP


async def test_one_call_of_many_barge_ins_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("no, wait",), replies=(REPLY,)))
    lines = [tone(600, at_ms=3300 + 2600 * n) for n in range(100)]
    await stage.place(*lines, quiet_ms=3000, max_ms=400_000)
    assert stage.record.barge_ins > 50
    assert stage.objections == []
    assert stage.server.connections == 1
