"""Measuring a recogniser that listens while the caller speaks: the call's own, over a socket that a test plays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import trio
from trio.testing import MockClock

from agent.doctor.budget import FINAL
from agent.doctor.figures import Measured
from agent.errors import Fault
from agent.hear.turns import WINDOW_BYTES
from agent.model import Utterance
from agent.profile import Profile
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from agent.providers.scripted import Script
from agent.speak.clips import WELCOME
from nurseries.doctor.measure import Doctor
from nurseries.live.hearing import Hearing
from nurseries.live.link import Ended
from nurseries.live.session import Session
from nurseries.parts import Live
from tests.calls.stage import Stage, configured

MODEL = "gpt-live-transcribe"
LIVE = {"STT_PROVIDER": "openai", "OPENAI_API_KEY": "sk-x", "STT_FINAL_S": 1.5}


@dataclass
class Wire:
    """The other end of a link: answers each commit after so long, or not at all, or refuses the connection."""

    after_s: float | None = 0.3
    text: str = WELCOME.text
    refusal: Ended | None = None
    sounds: list[bytes] = field(default_factory=lambda: [b""])
    """Of each commit."""
    running: int = 0

    def link(self, opened: Callable[[], None], received: Callable[[events.RealtimeEvent], None]) -> Any:
        return _Link(self, opened, received)


class _Link:
    def __init__(self, wire: Wire, opened: Callable[[], None], received: Callable[[Any], None]) -> None:
        self._wire, self._opened, self._received = wire, opened, received
        self._commits, self._taken = trio.open_memory_channel[str](100)

    def send(self, message: str) -> None:
        told = json.loads(message)
        if told["type"].endswith("append"):
            self._wire.sounds[-1] += base64.b64decode(told["audio"])
        elif told["type"].endswith("commit"):
            self._wire.sounds.append(b"")
            self._commits.send_nowait(f"item {len(self._wire.sounds)}")

    async def run(self) -> Ended:
        await trio.lowlevel.checkpoint()
        if self._wire.refusal is not None:
            return self._wire.refusal
        self._wire.running += 1
        try:
            self._opened()
            self._received(events.SessionUpdated())
            async for item in self._taken:
                self._received(events.Committed(item))
                await trio.sleep(float("inf") if self._wire.after_s is None else self._wire.after_s)
                self._received(events.HeardAll(item, self._wire.text))
        finally:
            self._wire.running -= 1
        raise AssertionError


async def measured(wire: Wire, rounds: int = 2, file_s: float = 0.5) -> Measured:
    stage = Stage(Script(hear_s=file_s, heard=(WELCOME.text,)), configured(**LIVE))

    def go_live(profile: Profile, so_far: Callable[[], Utterance | None]) -> Live:
        session = Session("ears", wire.link, [requests.hear(MODEL, profile.language)])
        hearing = Hearing(session, stage.ears, model=MODEL, final_s=stage.settings.STT_FINAL_S, so_far=so_far)
        return Live((session,), hearing)

    made = await Doctor(replace(stage.parts, go_live=go_live), rounds).hearing_live()
    assert made is not None
    assert wire.running == 0  # no socket is left
    return made


async def test_the_time_counts_from_the_pause_and_the_sound_is_whole_in_every_round(autojump_clock: MockClock) -> None:
    wire = Wire(after_s=0.3)
    made = await measured(wire)

    assert made.name == f"openai {MODEL}"
    assert [(figure.name, figure.rounds) for figure in made.figures] == [(FINAL, (300, 300))]
    assert made.notes == ("the words came back right",)
    whole = WELCOME.mulaw + b"\xff" * (-len(WELCOME.mulaw) % WINDOW_BYTES)
    assert wire.sounds == [whole, whole, b""]


async def test_it_is_spoken_to_in_real_time(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    await measured(Wire(after_s=0), rounds=1)

    assert trio.current_time() - began >= len(WELCOME.mulaw) / 8000


async def test_wrong_words_over_the_socket_name_the_live_model(autojump_clock: MockClock) -> None:
    made = await measured(Wire(text="Thank you."))

    assert "OPENAI_STT_LIVE_MODEL" in made.troubles[0].do


async def test_a_refused_socket_is_told_with_the_time_that_the_file_took(autojump_clock: MockClock) -> None:
    made = await measured(Wire(refusal=Ended(Fault.REFUSED, "404 model_not_found")))

    assert made.figures[0].rounds == (500, 500)
    (trouble,) = made.troubles
    assert trouble.rounds == 2
    assert "404 model_not_found" in trouble.what
    assert "OPENAI_STT_LIVE_MODEL" in trouble.do
    assert "OPENAI_STT_API=file" in trouble.do


async def test_a_silent_socket_is_told_with_the_wait_for_it(autojump_clock: MockClock) -> None:
    made = await measured(Wire(after_s=None), rounds=1)

    assert made.figures[0].rounds == (2000,)
    assert "timeout (nothing for 1.5 s)" in made.troubles[0].what


async def test_calls_without_a_socket_have_none_measured() -> None:
    assert await Doctor(Stage().parts, 1).hearing_live() is None
