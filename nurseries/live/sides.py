"""What one call has at a Realtime server, put together from its sessions: ears, voice and mind. Starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.config import Settings
from agent.hear.ports import Recogniser
from agent.model import Utterance
from agent.speak.ports import Voice
from nurseries.live.hearing import Hearing
from nurseries.live.mind import LiveMind
from nurseries.live.session import Session
from nurseries.live.voice import LiveVoice
from nurseries.parts import Live

REALTIME, EARS, VOICE = "realtime", "ears", "voice"
"""Names of sessions: one that hears, thinks and speaks; one that only hears; one that only speaks."""


def live_of(
    sessions: Sequence[Session],
    files: Recogniser,
    other: Voice | None,
    settings: Settings,
    so_far: Callable[[], Utterance | None],
    voice: str,
) -> Live:
    """Over these. `files` hears, and `other` speaks, what does not go over a socket; `voice` is the model's."""
    hearing = mind = speaking = None
    model = settings.OPENAI_REALTIME_MODEL
    for session in sessions:
        if session.name in {REALTIME, EARS}:
            ears = settings.OPENAI_STT_LIVE_MODEL
            hearing = Hearing(session, files, model=ears, final_s=settings.STT_FINAL_S, so_far=so_far)
        if session.name == REALTIME and hearing is not None:
            mind = LiveMind(session, model=model, first_s=settings.REALTIME_FIRST_S, sound=hearing)
        if session.name in {REALTIME, VOICE}:
            speaking = LiveVoice(session, other, model=model, voice=voice, first_s=settings.TTS_FIRST_S)
    return Live(tuple(sessions), hearing, speaking, mind)
