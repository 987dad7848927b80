"""What a server that hears, thinks and speaks knows of the call, and what becomes of the call when it fails: at every
event of a call, in virtual time."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from agent.errors import Fault
from agent.model import Ending, Utterance
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import Line
from agent.speak.clips import MOMENT
from agent.think.conversation import CUT
from tests.calls.live_stage import LiveStage
from tests.calls.stage import GREETING, configured, tone
from tests.fakes.realtime_plan import Says, Wrong
from tests.fakes.realtime_server import MS_PER_CHARACTER

REPLY = "We have several homes in Whitefield and a few near the lake"
TWO = (tone(900), tone(600))
SCRIPT = Script(heard=("a flat", "near the lake"), replies=(REPLY, "Lovely, then let us see it on Sunday."))
GREETING_PARTS = ("Hello, this is Priya.", "How may I help you?")
LONG = (
    "We have several homes in Whitefield and a few near the lake and then there are the villas on the hill which come "
    "with a garden each and finally a tower of forty floors by the old airport road and two more"
)
"""Twelve seconds: more than waits to be sent."""

SLACK_MS = 400
"""A message's length, and the virtual network's way."""

FILLER_MS = -(-len(MOMENT.mulaw) // 160) * 20

WORD_MS = 550
"""What may be heard twice where a socket breaks in the middle of a word: the beginning of that word; and what each
sentence is filled up with."""


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
            text = "(sound)" if content["type"] == "input_audio" else content.get("text") or content.get("transcript")
            cut = f" cut at {item['truncated_ms']}" if "truncated_ms" in item else ""
            return f"{item['role']}: {text}{cut}"
        case "function_call":
            return f"calls {item['name']}"
        case _:
            return f"result: {item['output']}"


def answering(stage: LiveStage, *replies: Says) -> LiveStage:
    """The model's own replies, one after the other."""
    plan, left = stage.server.plan, list(replies)
    usual = plan.says
    plan.says = lambda create, items: usual(create, items) if "input" in create else left.pop(0)
    return stage


def letters(sound: bytes) -> str:
    """What a sound of the fake server's says; a letter that was cut counts."""
    runs = [(byte, len([*run])) for byte, run in itertools.groupby(sound)]
    text = ""
    for byte, length in runs:
        letter = chr(byte & 0x3F | 0x40).lower() if byte & 0x3F != 0x20 else " "
        text += letter * -(-length // (8 * MS_PER_CHARACTER)) if byte != 0xFF else ""
    return text


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
    assert told(stage)[0].startswith("assistant: Hello")
    said = " ".join(entry.text for entry in entries if entry.role == "agent").replace("One moment, please. ", "")
    whole = f"{GREETING} {REPLY} Lovely, then let us see it on Sunday."
    assert said.split() == whole.split()
    filler = FILLER_MS * sum("One moment" in entry.text for entry in entries)
    played = sum(piece.end_ms - piece.at_ms for piece in log.played) - filler
    joints = 3  # between four sentences there is no sound, nor between two words where one voice goes on for another
    assert -MS_PER_CHARACTER <= played - (len(whole) - joints) * MS_PER_CHARACTER <= WORD_MS
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


@pytest.mark.parametrize("pace", [1.5, 4.0, 8.0])
@pytest.mark.parametrize("at_ms", range(6000, 9600, 600))
async def test_a_long_line_goes_on_behind_a_backchannel(at_ms: int, pace: float, autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat", "mm-hm"), replies=(LONG,)), more={"pace": pace})
    log = await stage.place(tone(900, at_ms=3300), tone(300, at_ms=at_ms), quiet_ms=3000)
    said = [entry.text for entry in stage.record.entries if entry.role == "agent" and entry.text != GREETING]
    assert " ".join(said) == LONG
    if not log.clears:
        return  # it came before the first word
    sound = b"".join(piece.mulaw for piece in log.played)
    greeting = sum(len(part) for part in GREETING_PARTS) * MS_PER_CHARACTER * 8
    before = sum(len(piece.mulaw) for piece in log.played if piece.at_ms < log.clears[0].at_ms)
    heard, behind = letters(sound[greeting:before]), letters(sound[before:])
    assert LONG.lower().startswith(heard)
    assert LONG.lower().endswith(behind)
    went_on = len(LONG) - len(behind)
    assert len(heard) - 12 <= went_on <= len(heard)
    assert went_on - LONG.rfind(" ", 0, went_on + 1) <= 4  # from the beginning of the word that was cut, or about there


@pytest.mark.parametrize("at", range(30, 76))
async def test_half_an_utterance_is_never_taken_for_all_of_it(at: int, autojump_clock: MockClock) -> None:
    """One utterance in two pieces, the socket gone in between: the server knows both by their sound, or all by its
    words."""

    def heard(sound: bytes) -> str:
        ms = len(sound) // 8
        return "my budget is eighty lakhs" if ms > 1900 else "my budget is" if ms > 1300 else "eighty lakhs"

    class Files(ByLength):
        async def transcribe(self, utterance: Utterance, language: str = "") -> str:
            await trio.sleep(0.3)
            return heard(utterance.mulaw)

    stage = LiveStage(
        Script(heard=("",), replies=("Fine.",)),
        more={"heard": heard, "wrong": [Wrong("abort" if at % 2 else "stall", at)]},  # type: ignore[arg-type]
        files=Files(),  # type: ignore[arg-type]
    )
    two = Line(tone(1200).mulaw + b"\xff" * 380 * 8 + tone(700).mulaw, "", 3300)
    await stage.place(two, quiet_ms=3000)
    assert [entry.text for entry in stage.record.entries if entry.role == "caller"] == ["my budget is eighty lakhs"]
    knows = [item["content"][0] for item in stage.server.conversations[-1] if item.get("role") == "user"]
    assert " ".join(c.get("text") or c["transcript"] for c in knows) == "my budget is eighty lakhs"


async def test_every_call_has_a_result_at_the_server(autojump_clock: MockClock) -> None:
    """Also one that was made twice, and those that come after the last one allowed."""
    unknown = [("nosuch", f'{{"n":{n}}}') for n in range(3)]
    settings = configured(TOOLS_FILE="tests/calls/tools_for_stories.py", TOOL_CALLS=3)
    stage = LiveStage(Script(heard=("book it",)), settings)
    answering(stage, Says("Let me see.", (("slow", "{}"), ("slow", "{}"), *unknown)), Says("Done."))
    await stage.place(tone(900, at_ms=3300), quiet_ms=8000)
    results = [item for item in told(stage) if item.startswith("result")]
    assert results[:2] == ["result: slept"] * 2
    assert results[-1].startswith("result: No more tools now.")
    assert told(stage)[-1] == "assistant: Done."
    assert stage.objections == []


async def test_a_call_that_nobody_answers_any_more_is_taken_out(autojump_clock: MockClock) -> None:
    """The caller takes the turn while the tool waits for them to finish."""
    stage = LiveStage(Script(heard=("book it", "no, wait")))
    note = (("save_lead_details", '{"budget":"80 lakhs"}'),)
    answering(stage, Says("Let me see what I can find for you there.", note, call_after_s=0.8), Says("Yes?"))
    await stage.place(tone(900, at_ms=3300), tone(1500, at_ms=5800), quiet_ms=4000)
    assert [entry.role for entry in stage.record.entries if entry.role == "tool"] == []
    assert not any(item.startswith("calls") for item in told(stage))
    assert told(stage)[-1] == "assistant: Yes?"
    assert stage.objections == []


@pytest.mark.parametrize("tool", [False, True])
@pytest.mark.parametrize("step", range(0, 60, 2))
async def test_nothing_of_a_reply_that_nobody_heard_stays(step: int, tool: bool, autojump_clock: MockClock) -> None:
    """The caller goes on while the reply to the first half is being made, far away."""
    stage = LiveStage(Script(heard=("a flat", "in whitefield")), lag_s=0.04 * (step % 3))
    first = Says("", (("save_lead_details", '{"budget":"80 lakhs"}'),)) if tool else Says("One two three four five.")
    answering(stage, Says(first.text, first.calls, first_s=0.35 + 0.03 * step), *[Says("Six seven eight.")] * 3)
    await stage.place(tone(900, at_ms=3300), tone(900, at_ms=4950), quiet_ms=4000)
    spoken = [item for item in told(stage) if item.startswith("assistant")]
    assert len(spoken) - 2 == len([entry for entry in stage.record.entries if entry.role == "agent"]) - 1
    assert stage.objections == []
    asked = [m for m in stage.server.received[0] if m["type"] == "response.create" and "input" not in m["response"]]
    done = [e["response"] for e in stage.server.sent[0] if e["type"] == "response.done"]
    assert len(asked) == len([response for response in done if response["metadata"]["asked"].startswith("reply")])


async def test_a_sound_not_worth_hearing_is_taken_out(autojump_clock: MockClock) -> None:
    faint = b"\x7e\xfe" * 300 * 8
    stage = LiveStage(Script(heard=("",), replies=("Yes.",)), vad=lambda: lambda w: float(abs(w).mean() > 1e-5))
    await stage.place(Line(faint, "", 6000), quiet_ms=5000)
    assert stage.server.committed
    assert not any(item.startswith("user") for item in told(stage))
    assert stage.objections == []


@pytest.mark.parametrize("gap_s", [1.4, 2.0])
async def test_a_call_that_takes_its_time_behind_the_words_costs_no_socket(
    gap_s: float, autojump_clock: MockClock
) -> None:
    stage = LiveStage(Script(heard=("book it",)))
    note = (("save_lead_details", '{"budget":"80 lakhs"}'),)
    answering(stage, Says("Let me note that down for you.", note, call_after_s=gap_s), Says("Done."))
    await stage.place(tone(900, at_ms=3300), quiet_ms=6000)
    assert stage.server.connections == 1
    assert [entry.role for entry in stage.record.entries][-3:] == ["agent", "tool", "agent"]


async def test_a_reply_that_fails_behind_its_last_word_is_a_reply(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat",), replies=("Something else.",)))
    note = (("save_lead_details", '{"budget":"80 lakhs"}'),)
    answering(stage, Says("Let me note that.", note, status="failed"), Says("Done.", status="failed"))
    await stage.place(tone(900, at_ms=3300), quiet_ms=4000)
    assert stage.told[1:] == [
        "caller: a flat",
        "agent: Let me note that.",
        "save_lead_details: Saved: budget 80 lakh rupees.",
        "agent: Done.",
    ]
    assert stage.mind.requests == 0


async def test_a_line_said_for_the_model_is_told_as_far_as_it_was_heard(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("wait, a flat",), replies=("Yes.",)))
    await stage.place(tone(900, at_ms=600), quiet_ms=4000)
    assert told(stage)[0] == f"assistant: {stage.record.entries[0].text}{CUT}"


async def test_a_new_socket_is_told_of_tools_and_of_all_before_it_hears(autojump_clock: MockClock) -> None:
    script = Script(heard=("note it", "a flat"), replies=("Fine.",))
    stage = LiveStage(script, more={"wrong": []})
    note = (("save_lead_details", '{"budget":"80 lakhs"}'),)
    answering(stage, Says("Fine.", note), Says("Done."), Says("Yes."))
    cut = tone(1500, at_ms=12_000)

    async def serve(socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.serve, socket)
            await trio.sleep(12.5)
            stage.lives[0].sessions[0].drop("for the test")

    await stage.place(tone(900, at_ms=3300), cut, serve=serve, quiet_ms=4000)
    assert stage.server.connections == 2
    assert [item for item in told(stage) if not item.startswith("assistant")] == [
        "user: note it",
        "calls save_lead_details",
        "result: Saved: budget 80 lakh rupees.",
        "user: (sound)",
    ]


async def test_a_socket_is_not_changed_within_a_reply(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat",), replies=(LONG,)), more={"session_s": 112.0, "pace": 1.1})
    await stage.place(tone(900, at_ms=16_000), quiet_ms=4000)
    assert stage.server.spoken.count(LONG) == 1
    assert stage.told[-1] == f"agent: {LONG}"
    assert stage.server.connections == 2
    assert stage.mind.requests == 0


async def test_a_reply_that_nobody_has_heard_is_asked_for_once_more(autojump_clock: MockClock) -> None:
    usual = LiveStage(SCRIPT)
    await usual.place(*TWO, quiet_ms=5000)
    created = [e["type"] for e in usual.server.sent[0]].index("response.created", 60)
    stage = LiveStage(SCRIPT, more={"wrong": [Wrong("abort", created + 1)]})
    await stage.place(*TWO, quiet_ms=5000)
    assert stage.told == usual.told
    assert stage.mind.requests == 0


async def test_a_long_reply_that_the_caller_cuts_is_stopped_at_the_server(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat", "no, wait"), replies=(LONG, "Yes?")), more={"pace": 1.1})
    await stage.place(tone(900, at_ms=3300), tone(900, at_ms=7500), quiet_ms=4000)
    done = [e["response"]["status"] for e in stage.server.sent[0] if e["type"] == "response.done"]
    assert done.count("cancelled") == 1
