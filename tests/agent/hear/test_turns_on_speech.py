"""The guard on real speech with the real model: for how long, in media time, the caller has spoken by the onset."""

import numpy as np

from agent.hear.turns import Guards, Onset, TurnDetector
from agent.providers.silero import Silero, Silero8k, load_session
from agent.wire import mulaw
from nurseries.rehearsal.own_speech import find_voice, spoken

OPENINGS = (
    *("Wait, I want to sell my house.", "Hello, I am looking for a flat.", "No.", "Yes please.", "Stop."),
    *("Excuse me, one question.", "What is the price?", "Around eighty lakhs.", "How about Whitefield?"),
    *("Sorry, can you repeat that?", "I am not interested.", "Five crore maximum.", "Thank you so much."),
)
QUIET = b"\xff\x7f" * 3200


def loud_from(sound: np.ndarray) -> float:
    """The first 10 ms that are louder than a telephone's noise floor (-34 dB of full scale), in milliseconds."""
    power = np.sqrt((sound[: len(sound) // 80 * 80].reshape(-1, 80) ** 2).mean(axis=1))
    return float(np.argmax(power > 0.02)) * 10


def delay(session, speech: bytes, offset: int) -> float:
    line = QUIET + b"\xff" * offset + speech + QUIET
    vad = Silero8k(Silero(session))
    turns = TurnDetector(
        Guards(threshold=0.5, onset_ms=96, lasting_ms=900, pause_ms=192, hold_ms=576, longest_ms=30_000)
    )
    for at in range(0, len(line) - 255, 256):
        window = line[at : at + 256]
        decision = turns.hear(window, vad(window), at / 8)
        if isinstance(decision, Onset):
            return decision.at_ms - loud_from(mulaw.decode_float(line))
    return float("inf")


async def test_the_floor_is_the_callers_within_200_ms_of_speech() -> None:
    session, voice = load_session(), find_voice()
    assert voice is not None
    delays = [
        delay(session, speech, offset)
        for speech in [await spoken(voice, text) for text in OPENINGS]
        for offset in range(0, 256, 64)
    ]

    assert np.median(delays) <= 110
    # "Excuse me" begins so softly that the model is not sure before its second syllable.
    assert sum(each > 200 for each in delays) <= len(delays) // 20
