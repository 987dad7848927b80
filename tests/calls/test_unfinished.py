"""Replies of a realtime model that end before they are whole, what it is told of a turn under way, and last words. On
the mock clock."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from agent.model import Ending
from agent.providers import realtime_requests as requests
from agent.providers.scripted import Script, call
from agent.rehearsal.log import CallLog
from nurseries.live.session import Session
from nurseries.live.sides import VOICE, live_of
from nurseries.parts import Live
from tests.calls.live_stage import LiveStage
from tests.calls.stage import GREETING, configured, tone
from tests.calls.test_live_conversation import REPLY, answering, told
from tests.fakes import realtime_server
from tests.fakes.realtime_plan import Says, Wrong

GOODBYE = "Thank you for calling. We are open till eight. Goodbye!"
LIMITED = {"CALL_MAX_MINUTES": 0.25, "NOTICE_S": 0, "GOODBYE": GOODBYE}
LIMIT_MS = 15_000
SAID = "Certainly, let me note that budget for you."


class Cascade(LiveStage):
    """Only the voice is over a socket; nobody stands in for it."""

    def go_live(self, profile: Any, so_far: Any) -> Live:
        session = Session(VOICE, self.house.link, [requests.speak("marin")], wall_clock=lambda: 0.0)
        self.lives.append(live_of((session,), self.ears, None, self.settings, so_far, "marin"))
        return self.lives[-1]

    def check(self, log: CallLog) -> None:
        assert self.server.open == 0


def known_at(stage: LiveStage) -> list[list[str]]:
    """What the server's conversation is, each time the model is asked in it."""
    plan, seen, usual = stage.server.plan, list[list[str]](), stage.server.plan.says

    def says(create: dict[str, Any], items: Any) -> Says:
        if "input" not in create:
            seen.append(told(stage))
        return usual(create, items)

    plan.says = says
    return seen


@pytest.mark.parametrize("kind", [LiveStage, Cascade])
async def test_last_words_are_said_over_the_session(kind: type[LiveStage], autojump_clock: MockClock) -> None:
    stage = kind(Script(heard=("a flat",), replies=("Fine.",)), configured(**LIMITED))
    log = await stage.place(tone(900, at_ms=3300), quiet_ms=60_000, max_ms=60_000)
    assert stage.ending is Ending.TIME_LIMIT
    assert stage.told[-1] == f"agent: {GOODBYE}"
    assert "".join(stage.server.spoken).endswith(GOODBYE.replace(". ", "."))
    gaps = [b.at_ms - a.end_ms for a, b in itertools.pairwise(p for p in log.played if p.end_ms > LIMIT_MS)]
    assert max(gaps) < 100
    assert next(p.at_ms for p in log.played if p.end_ms > LIMIT_MS) < LIMIT_MS + 500


@pytest.mark.parametrize("status", ["failed", "incomplete"])
async def test_half_a_reply_is_gone_on_with(status: str, autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat",), replies=("and the rest of it.",)))
    answering(stage, Says(REPLY, status=status, chunks=8))
    await stage.place(tone(900, at_ms=3300), quiet_ms=4000)
    assert stage.mind.requests == 1
    said = stage.told[-1].removeprefix("agent: ").removesuffix(" and the rest of it.")
    assert said
    assert REPLY.startswith(said)
    assert stage.server.connections == 1
    assert stage.objections == []


async def test_half_a_call_is_not_made(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat",), replies=("Where would you like it?",)))
    answering(stage, Says("Let me see.", (("end_call", ""),), status="failed", cut_call=True))
    await stage.place(tone(900, at_ms=3300), quiet_ms=4000)
    assert stage.ending is Ending.CALLER_HUNG_UP
    assert stage.told[1:] == ["caller: a flat", "agent: Let me see. Where would you like it?"]
    assert "calls end_call" not in told(stage)
    assert stage.objections == []


async def test_the_model_knows_what_its_turn_has_said_by_another(autojump_clock: MockClock) -> None:
    note = call("save_lead_details", budget="80 lakhs")
    stage = LiveStage(Script(heard=("book it",), replies=(SAID,), calls={1: (note,)}))
    answering(stage, Says("", status="failed"), Says("", status="failed"), Says("Where would it be?"))
    asked = known_at(stage)
    await stage.place(tone(900, at_ms=3300), quiet_ms=4000)
    saved = ["calls save_lead_details", "result: Saved: budget 80 lakh rupees."]
    assert asked[-1][-3:] == [f"assistant: {SAID}", *saved]
    assert told(stage)[-4:] == [f"assistant: {SAID}", *saved, "assistant: Where would it be?"]
    assert stage.objections == []


@pytest.mark.parametrize("at_ms", [5600, 6100, 6600, 7400])
async def test_what_it_was_told_ahead_is_held_to_what_was_heard(at_ms: int, autojump_clock: MockClock) -> None:
    """The caller breaks in before, within and behind it."""
    note = call("save_lead_details", budget="80 lakhs")
    stage = LiveStage(Script(heard=("book it", "wait, a flat"), replies=(SAID,), calls={1: (note,)}))
    behind = Says("Where would it be, and when would you move in?")
    answering(stage, Says("", status="failed"), Says("", status="failed"), behind, Says("Yes."), Says("Yes."))
    await stage.place(tone(900, at_ms=3300), tone(900, at_ms=at_ms), quiet_ms=4000)
    heard = " ".join(line.removeprefix("agent: ") for line in stage.told if line.startswith("agent"))
    knows = " ".join(line for line in told(stage) if line.startswith("assistant"))
    for part in ("Certainly", "note", "you."):
        assert (part in heard) == (part in knows), (stage.told, told(stage))
    assert stage.objections == []


async def test_the_socket_is_not_changed_while_a_tool_runs(autojump_clock: MockClock) -> None:
    """A turn's next round is asked for on the socket that has its call."""
    stage = LiveStage(Script(heard=("book it",)), configured(TOOLS_FILE="tests/calls/tools_for_stories.py"))
    answering(stage, Says("One moment.", (("slow", "{}"),)), Says("Done."))
    asked, usual = [], stage.server.plan.says

    def says(create: dict[str, Any], items: Any) -> Says:
        if "input" not in create:
            asked.append(stage.server.connections)
            stage.lives[0].sessions[0]._time.deadline = trio.current_time()
        return usual(create, items)

    stage.server.plan.says = says
    await stage.place(tone(900, at_ms=3300), quiet_ms=9000)
    assert asked == [1, 1]
    assert stage.server.connections == 2


async def test_a_model_that_is_always_late_is_asked_no_more(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a", "b", "c", "d", "e"), replies=("Yes.",)))
    answering(stage, *[Says("Too late.", first_s=2.8)] * 2)
    log = await stage.place(*[tone(900)] * 5, quiet_ms=3000)
    starts = [next(p.at_ms for p in log.played if p.at_ms > s.end_ms) - s.end_ms for s in log.spoken]
    assert max(starts[2:]) < 1000
    assert stage.mind.requests == 5
    assert stage.server.connections == 3


@pytest.mark.parametrize("wrong", ["abort", "stall"])
@pytest.mark.parametrize(
    ("text", "pace_ms"), [(GREETING.split(". ")[0] + ".", 45), ("A few near the lake as well.", 45)]
)
async def test_a_sentence_told_whole_is_not_said_again(
    wrong: Any, text: str, pace_ms: int, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """By a voice that is quicker than it was before, over a socket that ends behind the sentence."""
    texts = ("We have several homes in Whitefield.", "A few near the lake as well.")

    def speech(told: str, bytes_per_ms: int = 8) -> bytes:
        ms = pace_ms if told == text else realtime_server.MS_PER_CHARACTER
        return b"".join(bytes([0x80 | letter & 0x3F]) * (ms * bytes_per_ms) for letter in told.encode())

    monkeypatch.setattr(realtime_server, "speech", speech)
    script = Script(heard=("a flat",), replies=(" ".join(texts),))
    usual = Cascade(script)
    await usual.place(tone(900, at_ms=5300), quiet_ms=3000)
    sent = usual.server.sent[0]
    response = [e["response"]["id"] for e in sent if e["type"] == "response.created"][usual.server.spoken.index(text)]
    for kind in ("response.done", "response.output_item.done"):
        at = next(
            n
            for n, e in enumerate(sent)
            if e["type"] == kind and response in {e.get("response_id"), e.get("response", {}).get("id")}
        )
        stage = Cascade(script, more={"wrong": [Wrong(wrong, at)]})
        await stage.place(tone(900, at_ms=5300), quiet_ms=3000)
        assert [said for said in stage.server.spoken if text.endswith(said)].count(text) == 1
        assert not [said for said in stage.server.spoken if text.endswith(said) and said != text]
