"""The caller's sound on its way from the reader to the detector: pieces in, as they come; windows out, as the
voice-activity model takes them.

A window is told to the model as soon as it is whole, and taken when it can matter: so the model may compute those of
many calls in one run, and a call is woken a third as often as sound comes.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.hear.ports import VoiceActivity
from agent.hear.turns import WINDOW_BYTES, WINDOW_MS
from agent.model import BYTES_PER_MS, Frame
from nurseries.mailbox import Mailbox

FRAME_MS = 20
"""Of sound that was thrown away, so much counts as one frame."""

TOGETHER = 2
"""Windows that wait here are taken before there are more where another call's step has computed them anyway: then all
calls that wait keep step with each other."""


@dataclass(frozen=True, slots=True)
class Window:
    """32 ms of mu-law, which begin at `at_ms` on the call's clock."""

    sound: bytes
    at_ms: float


class Windows:
    """One call's. What has waited too long goes, the oldest first."""

    def __init__(self, depth_ms: float, vad: VoiceActivity) -> None:
        self._waiting: Mailbox[Window] = Mailbox(int(depth_ms / WINDOW_MS))
        self._vad = vad
        self._part = bytearray()
        self._closed = False

    @property
    def dropped(self) -> int:
        """Frames of sound that were thrown away."""
        return int(self._waiting.dropped * WINDOW_MS / FRAME_MS)

    def put(self, frame: Frame) -> None:
        """Take a piece, of any length. Not a checkpoint."""
        if self._closed:
            return
        at_ms = frame.at_ms - len(self._part) / BYTES_PER_MS
        self._part += frame.mulaw
        while len(self._part) >= WINDOW_BYTES:
            window = Window(bytes(self._part[:WINDOW_BYTES]), at_ms)
            del self._part[:WINDOW_BYTES]
            at_ms += WINDOW_MS
            self._vad.ahead(window.sound, self._known)
            self._waiting.put(window)

    async def get(self, least: int) -> Window:
        """The oldest window left; where none is, waits for `least` of them, unless two are known before. A checkpoint;
        cancelled, it takes nothing."""
        return await self._waiting.get(least)

    def close(self) -> list[Window]:
        """Nobody will take any more; returns what is left. Not a checkpoint."""
        self._closed = True
        self._vad.leave()
        return self._waiting.empty()

    def __len__(self) -> int:
        return len(self._waiting)

    def _known(self) -> None:
        self._waiting.offer(TOGETHER)
