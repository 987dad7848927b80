"""The rehearsal's own voice and ears: text in, the caller's sound out; what the agent was heard to say, in words.

Both are the local engines, whatever the server uses; where the `local` extra is not installed, there are none.
"""

from __future__ import annotations

import trio

from agent.config import Settings
from agent.errors import ConfigError, ProviderError
from agent.hear.ports import Recogniser
from agent.rehearsal import measures
from agent.rehearsal.log import CallLog
from agent.rehearsal.sound import from_pcm
from agent.speak.ports import Voice

SLOWER = 0.9
"""The caller speaks a little slower and deeper than the agent, so that the two can be told apart by ear."""
SPEAK_S = 60.0
"""For one line to be made, or one utterance to be understood, on a busy machine."""


def find_voice() -> Voice | None:
    """The local voice, where it is installed."""
    from agent.providers.local_tts import load_voice

    try:
        return load_voice()
    except ConfigError:
        return None


def find_ears(settings: Settings) -> Recogniser | None:
    """The local recogniser, where it is installed."""
    from agent.providers.local_stt import load_recogniser

    try:
        return load_recogniser(settings.LOCAL_STT_ENGINE)
    except ConfigError:
        return None


async def spoken(voice: Voice, text: str) -> bytes:
    """The caller saying this, as mu-law. Raises ProviderError, and trio.TooSlowError after a minute."""
    pcm = bytearray()

    async def emit(piece: bytes) -> None:
        pcm.extend(piece)
        await trio.lowlevel.checkpoint()

    with trio.fail_after(SPEAK_S):
        await voice.synthesise(text, emit)
    return from_pcm(bytes(pcm), voice.rate * SLOWER)


async def understood(ears: Recogniser, log: CallLog, quiet_ms: float) -> list[str]:
    """The words of each of the agent's utterances, in order; "" where none were understood."""
    texts = []
    for said in measures.utterances(log, quiet_ms):
        words = []
        for piece in measures.earfuls(log, said):
            with trio.move_on_after(SPEAK_S):
                try:
                    words.append(await ears.transcribe(piece))
                except ProviderError as error:
                    words.append(f"({error})")
        texts.append(" ".join(word for word in words if word))
    return texts
