"""Both sides of a call as they are heard, for who listens in: the caller's sound and ours in; out, pieces of stereo.

Pure. The caller's sound sets the pace, as it comes; ours is laid beside it where it plays. What is lost or late on its
way is silence. Who does not take it in time loses the oldest: it is what goes on now that they want to hear.
"""

from __future__ import annotations

from agent.model import BYTES_PER_MS

SILENCE = b"\xff"

MOST_MS = 2000
"""Of sound that a listener may be behind by."""

OUT_OF_STEP_MS = 300.0
"""So far the caller's sound may be from the clock, before it is set anew: frames come in bursts, and some never."""

AHEAD_MS = 60_000
"""Of ours that is kept: what is sent at once plays later."""


class Listener:
    """One who listens."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def put(self, stereo: bytes) -> None:
        self._waiting += stereo
        del self._waiting[: max(len(self._waiting) - MOST_MS * BYTES_PER_MS * 2, 0)]

    def take(self) -> bytes:
        """What has come since: mu-law, 8 kHz, the caller left, the agent right."""
        waiting = bytes(self._waiting)
        self._waiting.clear()
        return waiting


class LiveSound:
    """One call's. Times are on the call's clock, in ms."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self._at_ms: float | None = None
        """Up to where it was told."""
        self._ours = bytearray()
        """From there on."""

    def listen(self) -> Listener:
        """From now on."""
        listener = Listener()
        self.listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self.listeners.remove(listener)
        if not self.listeners:
            self._at_ms = None
            self._ours.clear()

    def heard(self, sound: bytes, now_ms: float) -> None:
        """The caller's sound, which has ended now."""
        began = now_ms - len(sound) / BYTES_PER_MS
        if self._at_ms is None:
            self._at_ms = began
        elif (behind_ms := began - self._at_ms) > OUT_OF_STEP_MS:
            self._tell(SILENCE * (int(behind_ms) * BYTES_PER_MS))
        elif behind_ms < -OUT_OF_STEP_MS:
            return  # a burst of what is silence already
        self._tell(sound)

    def played(self, sound: bytes, start_ms: float) -> None:
        """Ours, which plays from then on."""
        if self._at_ms is None:
            return  # nobody has heard anything of this time yet
        at = round((start_ms - self._at_ms) * BYTES_PER_MS)
        if at < 0:
            sound, at = sound[-at:], 0
        if at > AHEAD_MS * BYTES_PER_MS:
            return
        self._ours += SILENCE * (at - len(self._ours))
        self._ours[at : at + len(sound)] = sound

    def cleared(self, at_ms: float) -> None:
        """What was to play from then on does not."""
        if self._at_ms is not None:
            del self._ours[max(round((at_ms - self._at_ms) * BYTES_PER_MS), 0) :]

    def _tell(self, caller: bytes) -> None:
        size = len(caller)
        ours = bytes(self._ours[:size]).ljust(size, SILENCE)
        del self._ours[:size]
        stereo = bytearray(2 * size)
        stereo[::2], stereo[1::2] = caller, ours
        for listener in self.listeners:
            listener.put(bytes(stereo))
        self._at_ms = (self._at_ms or 0.0) + size / BYTES_PER_MS
