"""What a record tells of when the caller had spoken, and how long it took to know that they were done. In virtual
time."""

from __future__ import annotations

import msgspec
import pytest

from agent.keep.record import TurnTimes
from agent.providers.scripted import Script
from tests.calls.legs import Legs
from tests.calls.stage import Stage, tone

FRAME_MS = 20
"""So long a frame is on its way: times of decisions are the loop's, those of words the sound's."""

ASKS = Script(heard=("a flat in Whitefield",), replies=("A flat in Whitefield, lovely. What is your budget?",))


async def test_the_silence_behind_the_last_word_is_told(autojump_clock) -> None:
    stage = Stage(ASKS)
    log = await stage.place(tone(1500))

    (turn,) = stage.record.turns
    (spoken,) = log.spoken
    entry = next(entry for entry in stage.record.entries if entry.role == "caller")
    assert turn.said_ms == pytest.approx(entry.end_ms, abs=FRAME_MS)
    assert turn.said_ms == pytest.approx(spoken.end_ms, abs=60)
    assert turn.endpoint_ms == pytest.approx(stage.settings.END_SILENCE_MS, abs=64)


async def test_words_over_the_agent_have_the_silence_behind_them_as_well(autojump_clock) -> None:
    stage = Stage(Script(heard=("I want to sell my house",), replies=("Where is it?",)))
    await stage.place(tone(1200, at_ms=1000))

    (turn,) = stage.record.turns
    entry = next(entry for entry in stage.record.entries if entry.role == "caller")
    assert turn.said_ms == pytest.approx(entry.end_ms, abs=FRAME_MS)
    assert turn.endpoint_ms is not None


async def test_behind_a_hand_off_an_answer_tells_what_was_said_before(autojump_clock) -> None:
    legs = Legs(Stage(ASKS), [tone(1500)])
    await legs.moved(4.5)

    record = legs.call.record()
    entry = next(entry for entry in record.entries if entry.role == "caller")
    assert len(record.legs) == 2
    (turn,) = record.turns
    assert turn.said_ms == pytest.approx(entry.end_ms, abs=FRAME_MS)
    assert turn.endpoint_ms == pytest.approx(legs.stage.settings.END_SILENCE_MS, abs=64)


def test_records_of_before_are_read() -> None:
    turn = msgspec.json.decode(b'{"heard_ms": 1, "first_token_ms": 2, "first_audio_ms": 3}', type=TurnTimes)

    assert (turn.said_ms, turn.endpoint_ms) == (None, None)
    assert b"said_ms" not in msgspec.json.encode(turn)
