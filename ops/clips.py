"""Record the packaged fallback clips anew, with the local voice: `.venv/bin/python ops/clips.py`.

Run it after changing words in agent/speak/clips/__init__.py (a new clip begins as an empty file), then listen. Every
clip is brought to the same loudness: -23 dB of full scale while speaking, that of the local voice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trio

from agent.providers.local_tts import load_voice
from agent.speak import clips
from agent.speak.ports import Voice
from agent.wire import mulaw
from agent.wire.resample import Decimator

LOUDNESS_DB = -23.0
FOLDER = Path(clips.__file__).parent


async def record(voice: Voice, text: str) -> bytes:
    """The text as normalised mu-law."""
    pcm = bytearray()

    async def keep(chunk: bytes) -> None:
        pcm.extend(chunk)

    await voice.synthesise(text, keep)
    decimator = Decimator(voice.rate)
    samples = np.frombuffer(pcm, "<i2")
    sound = np.concatenate((decimator.feed(samples), decimator.finish())) / 32768
    frames = np.sqrt((sound[: len(sound) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1))
    speaking = frames[frames > frames.max() / 10]
    gain = 10 ** (LOUDNESS_DB / 20) / np.sqrt((speaking**2).mean())
    return mulaw.encode(np.rint(np.clip(sound * gain, -1, 1) * 32767).astype(np.int16))


async def main() -> None:
    voice = load_voice()
    for clip in clips.CLIPS:
        sound = await record(voice, clip.text)
        (FOLDER / f"{clip.name}.ulaw").write_bytes(sound)
        print(f"{clip.name}.ulaw  {len(sound) / 8000:.1f} s  {clip.text}")


if __name__ == "__main__":
    trio.run(main)
