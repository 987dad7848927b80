"""Is this the caller, or our own voice coming back? Sound we played and sound we hear in; yes or no out.

Carriers cancel no echo. What comes back is our own sound, some 50 to 400 ms late, softer, filtered and coded once more;
so it correlates with what we played, at one delay, as nobody else's speech does. The delay of a line does not change
within a call: once it has been seen it is known, and a weaker likeness suffices there. Where nothing correlates, the
caller speaks, also over an echo. The correlation is computed over differenced samples, which takes the voices' common
pitch out of it, and only when somebody asks.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from agent.model import BYTES_PER_MS
from agent.wire import mulaw

NEAREST_MS, FURTHEST_MS = 20.0, 520.0
"""Delays looked at."""

STRETCH_MS = 128.0
"""Of what was heard last, compared at once: four windows."""

FIRST_LIKENESS = 0.55
"""Normalised correlation that proves an echo on a line not known to have one. Measured over the voices of the tests:
other people's speech reaches 0.45 in 1 of 1000 windows."""

FAINT_LIKENESS, AGREEING, AGREE_MS = 0.12, 3, 0.5
"""So many of the last six likenesses, however faint, at one and the same delay prove the line's delay: chance puts each
anywhere within half a second."""

KNOWN_LIKENESS = 0.35
"""The same at the known delay, give or take NEAR_MS."""

NEAR_MS = 4.0
SMEAR_MS = 60.0
"""An echo's own reverberation."""

FLOOR_SHARE, OVER_FLOOR = 0.1, 8.0
"""The line's noise is the power of the softest tenth of the last windows; somebody who speaks is 9 dB above that."""

LOUDER = 1.25
"""What is not louder than this times the line's usual echo has nobody speaking in it."""

LOUDEST = 0.7
"""An echo's amplitude against that of what was played; a louder one is no echo."""

KEPT_MS = 1500.0


class EchoGuard:
    """One call's. Times are milliseconds on the call's clock."""

    def __init__(self) -> None:
        self._played: deque[tuple[float, bytes]] = deque()
        self._heard: deque[tuple[float, bytes]] = deque()
        self._seen: deque[tuple[float, float]] = deque(maxlen=6)
        self._gains: deque[float] = deque(maxlen=32)
        self._powers: deque[float] = deque(maxlen=96)
        self.delay_ms: float | None = None
        """The line's, once it is known."""

    def played(self, sound: bytes, start_ms: float) -> None:
        """Our mu-law plays at the caller's ear from `start_ms`, behind all that was told before."""
        self._played.append((start_ms, sound))

    def cleared(self, at_ms: float) -> None:
        """What was to play from `at_ms` on will not."""
        while self._played and self._played[-1][0] >= at_ms:
            self._played.pop()
        if self._played:
            start, sound = self._played[-1]
            self._played[-1] = (start, sound[: max(0, int((at_ms - start) * BYTES_PER_MS))])

    def heard(self, window: bytes, at_ms: float) -> None:
        """The next window of the caller's sound, which begins at `at_ms`."""
        self._heard.append((at_ms, window))
        self._powers.append(float(np.mean(np.diff(mulaw.decode_float(window)) ** 2)))
        while self._heard[0][0] < at_ms + len(window) / BYTES_PER_MS - STRETCH_MS:
            self._heard.popleft()
        while self._played and self._played[0][0] + len(self._played[0][1]) / BYTES_PER_MS < at_ms - KEPT_MS:
            self._played.popleft()

    def is_echo(self, window: bytes, at_ms: float) -> bool:
        """Whether the window told last is our own voice."""
        end_ms = at_ms + len(window) / BYTES_PER_MS
        heard = mulaw.decode_float(b"".join(sound for _, sound in self._heard))
        length_ms = len(heard) / BYTES_PER_MS
        ours = self._ours(end_ms - length_ms - FURTHEST_MS, end_ms - NEAREST_MS)
        if ours is None:
            return False
        likeness, gain = _compare(np.diff(heard), np.diff(ours))
        delays = FURTHEST_MS - np.arange(len(likeness)) / BYTES_PER_MS
        if self.delay_ms is not None and self._as_known(likeness, gain, delays, np.diff(heard)):
            return True
        at = int(np.argmax(likeness))
        if likeness[at] < FAINT_LIKENESS or gain[at] > LOUDEST:
            return False
        self._seen.append((float(delays[at]), float(gain[at])))
        agreeing = [g for delay, g in self._seen if abs(delay - delays[at]) <= AGREE_MS]
        if len(agreeing) >= AGREEING:
            self.delay_ms = float(delays[at])
            self._gains.extend(agreeing)
            return True
        return bool(likeness[at] >= FIRST_LIKENESS)

    def _as_known(
        self,
        likeness: NDArray[np.float64],
        gain: NDArray[np.float64],
        delays: NDArray[np.float64],
        heard: NDArray[np.float32],
    ) -> bool:
        """At the line's own delay: alike, or nothing left but noise without the part that is alike, or no louder than
        the echo always is."""
        behind = delays - (self.delay_ms or 0.0)
        at = int(np.argmax(np.where(np.abs(behind) <= NEAR_MS, likeness, -1)))
        if likeness[at] >= KNOWN_LIKENESS and gain[at] <= LOUDEST:
            self._gains.append(float(gain[at]))
            return True
        left = float(np.mean(heard**2)) * (1 - likeness[at] ** 2)
        if left <= np.quantile(self._powers, FLOOR_SHARE) * OVER_FLOOR:
            return True
        smeared = (behind <= NEAR_MS) & (behind >= -SMEAR_MS)
        return float(gain[smeared].min()) <= float(np.median(self._gains)) * LOUDER

    def _ours(self, start_ms: float, stop_ms: float) -> NDArray[np.float32] | None:
        """What we played between these times; None where that was nothing."""
        line = np.zeros(round((stop_ms - start_ms) * BYTES_PER_MS), np.float32)
        any_sound = False
        for begins, sound in self._played:
            at = round((begins - start_ms) * BYTES_PER_MS)
            first, last = max(at, 0), min(at + len(sound), len(line))
            if first < last:
                line[first:last] = mulaw.decode_float(sound[first - at : last - at])
                any_sound = True
        return line if any_sound else None


def _compare(heard: NDArray[np.float32], ours: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each place in `ours`: the normalised correlation with `heard`, 0 to 1, and how loud `heard` is against it."""
    n = len(heard)
    size = 1 << (len(ours) + n - 1).bit_length()
    spectrum = np.fft.rfft(ours, size) * np.conj(np.fft.rfft(heard, size))
    correlation = np.abs(np.fft.irfft(spectrum, size)[: len(ours) - n + 1])
    sums = np.concatenate(([0.0], np.cumsum(ours.astype(np.float64) ** 2)))
    energy = sums[n:] - sums[:-n]
    own = float(np.dot(heard, heard))
    floor = 1e-6 * n
    likeness = correlation / np.sqrt(np.maximum(energy, floor) * max(own, floor))
    return likeness, np.sqrt(own / np.maximum(energy, floor))
