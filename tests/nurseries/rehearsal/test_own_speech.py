"""The rehearsal's voice and ears, with stand-ins for the engines."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from agent.errors import Fault, ProviderError
from agent.model import Emit, Utterance
from agent.rehearsal.log import CallLog
from agent.rehearsal.playback import Played
from agent.rehearsal.sound import is_audible, tone
from nurseries.rehearsal.own_speech import SPEAK_S, spoken, understood


class Voice:
    name, rate = "a tone", 24000

    async def synthesise(self, text: str, emit: Emit[bytes]) -> None:
        pcm = (8000 * np.sin(np.arange(2400 * len(text)) * 0.1)).astype("<i2").tobytes()
        for at in range(0, len(pcm), 4801):
            await emit(pcm[at : at + 4801])


class Ears:
    name = "a ruler"

    def __init__(self) -> None:
        self.heard: list[Utterance] = []

    async def transcribe(self, utterance: Utterance) -> str:
        self.heard.append(utterance)
        if utterance.start_ms > 9000:
            raise ProviderError("fake", "transcription", Fault.BROKEN)
        return f"{round(utterance.duration_ms, -2):g}"


async def test_a_line_is_spoken_slower_than_the_agent_would() -> None:
    made = await spoken(Voice(), "four")

    assert len(made) / 8 == pytest.approx(400 / 0.9, abs=1)
    assert is_audible(made)


async def test_a_voice_that_hangs_is_given_up(autojump_clock: MockClock) -> None:
    class Hanging(Voice):
        async def synthesise(self, text: str, emit: Emit[bytes]) -> None:
            await trio.sleep_forever()

    with pytest.raises(trio.TooSlowError):
        await spoken(Hanging(), "hello")
    assert trio.current_time() == SPEAK_S


async def test_each_utterance_is_understood_on_its_own_and_a_failing_ear_is_no_crash() -> None:
    ears = Ears()
    played = [Played(tone(1000), 500), Played(tone(2000), 4000), Played(tone(500), 9500)]
    log = CallLog(played=played, duration_ms=11_000)

    texts = await understood(ears, log, 700)

    assert texts == ["1100", "2100", "(fake transcription: broken)"]
    assert [round(piece.start_ms) for piece in ears.heard] == [440, 3940, 9440]
