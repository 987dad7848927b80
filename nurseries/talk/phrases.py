"""Has the call's short phrases made by its own voice, ahead of need. One of the call's children; returns when done."""

from __future__ import annotations

import structlog
import trio

from agent.speak.clips import Clip
from agent.speak.repertoire import Phrases
from agent.speak.telephone import Telephone
from nurseries.talk.speech import Idle, Manner, timed

log = structlog.get_logger(__name__)

GREETING_FIRST_S = 2.0
"""The greeting is what the caller waits for: a voice that does one thing at a time must not be busy with a filler."""


async def make_phrases(phrases: Phrases, manner: Manner) -> None:
    """Make what this voice has not made yet. A failure leaves the packaged recordings in place, and is logged."""
    await trio.sleep(GREETING_FIRST_S)
    while (wanted := phrases.begin()) is not None:
        try:
            made = await _made(wanted, manner)
        except BaseException:
            phrases.left(wanted)
            raise
        if made is None:
            phrases.left(wanted)
            return
        phrases.made(made)


async def _made(wanted: Clip, manner: Manner) -> Clip | None:
    line = Telephone(manner.voice.rate)
    sound = bytearray()
    own: bool | None = True

    async def synthesise(idle: Idle) -> None:
        nonlocal own

        async def emit(chunk: bytes) -> None:
            await trio.lowlevel.checkpoint()
            idle.wait()
            sound.extend(line.feed(chunk))

        own = await manner.voice.synthesise(wanted.text, emit, voice=manner.name, language=manner.language)
        sound.extend(line.finish())

    failure = await timed("speak", manner.limit_s, synthesise)
    if failure is not None or not sound or own is False:
        detail = failure.detail if failure is not None else "another voice" if sound else "no sound"
        log.warning("phrase not made; the English recording will be played", phrase=wanted.name, detail=detail)
        return None
    return Clip(wanted.name, wanted.text, bytes(sound))
