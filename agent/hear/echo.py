"""Is this the caller, or our own voice coming back? Sound we played and sound we hear in; yes or no out.

Carriers cancel no echo. What comes back is our own sound, some 50 to 400 ms late, softer, filtered and coded once more.

First it is recognised: 128 ms of what is heard correlate with what we played as no other voice does. Two such proofs at
one delay, from sound that does not overlap, make a path (`EchoPath`), which learns to foretell the echo; from then on
sound is an echo as long as nothing is left over that the path has not left over before, so a caller is heard within the
echo too. The delay may change between two utterances, for a network's sake: then the path is moved. Where nothing is
recognised the caller speaks: whatever is in doubt is the caller.

All sound is compared as differences from sample to sample: that takes out most of the pitch, which voices share.
Nothing is computed but when asked: a window is only kept until then.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from agent.hear.echo_path import EchoPath, unexplained
from agent.hear.echo_search import search
from agent.hear.own_voice import Floats, OwnVoice
from agent.model import BYTES_PER_MS
from agent.wire import mulaw

NEAREST, FURTHEST = 20 * BYTES_PER_MS, 520 * BYTES_PER_MS
"""Delays looked at, in samples."""
STRETCH = 128 * BYTES_PER_MS
"""Of what was heard last, compared at once: four windows."""
WINDOW = 256
WOBBLE = 10 * BYTES_PER_MS
"""Timestamps of a stream without a gap are off by a millisecond or so; more than this is a gap."""

HIGH, LIKE = 10.0, 0.6
"""Either proves an echo alone (see `Found`)."""
HIGHISH, LIKELY, SAME = 8.0, 0.45, 4
"""Or both, at the same delay to so many samples."""
HIGH_NEAR, NEAR = 6.5, 60 * BYTES_PER_MS
"""This suffices so near to a delay that is known."""
RIPPLE, TOGETHER, AGREE, RECENT = 4.5, 6.0, 8, 6000 * BYTES_PER_MS
"""Peaks at one delay (to AGREE samples) in stretches that do not overlap prove it together, if what they stand out
above the RIPPLE sums up to that."""

PART = 0.6
"""Of the energy, that a filter may leave over where an echo was recognised; where more is left, somebody speaks too."""
HALF = 0.5
"""The same for a path that is to learn from the window."""
HARDLY = 0.06
"""The same where a trusted path did not foretell the window: the echo has changed, and it is nothing else."""
MOVES = range(-3, 4)
"""Samples around a delay found anew at which a path is tried."""
BETTER = 0.7
"""It is moved if that leaves over so much less."""

FLOOR_WINDOWS, FLOOR_SHARE, LOUD, OVER_FLOOR = 96, 10, 2.0, 1.6
"""The line's noise is the energy of the softest tenth of the windows of the last three seconds. Twice that may be
learned from, and somebody who speaks is 2 dB above it."""
CODING, STEP = 1.6e-3, 4e-8
"""The energy of mu-law's own noise in differences: against the sound's (28 dB below), and at least (its least step)."""


class EchoGuard:
    """One call's. Times are milliseconds on the call's clock."""

    def __init__(self) -> None:
        self._ours = OwnVoice()
        self._heard = bytearray()
        self._end = 0
        """Of what was heard, in samples."""
        self._energies: deque[float] = deque(maxlen=FLOOR_WINDOWS)
        self._unmeasured: deque[bytes] = deque(maxlen=FLOOR_WINDOWS)
        """Windows heard since the energies were last asked for."""
        self._peaks: deque[tuple[int, int, float]] = deque(maxlen=12)
        self._path: EchoPath | None = None
        self._candidate: EchoPath | None = None

    @property
    def delay_ms(self) -> float | None:
        """The echo's, once it is known."""
        return None if self._path is None else self._path.delay / BYTES_PER_MS

    def played(self, sound: bytes, start_ms: float) -> None:
        """Our mu-law plays at the caller's ear from `start_ms`, behind all that was told before."""
        self._ours.add(sound, round(start_ms * BYTES_PER_MS))

    def marked(self, name: str, end_ms: float) -> None:
        """Of no use here."""

    def cleared(self, at_ms: float) -> None:
        """What was to play from `at_ms` on will not."""
        self._ours.cut(round(at_ms * BYTES_PER_MS))

    def heard(self, window: bytes, at_ms: float) -> None:
        """The next window of the caller's sound (256 bytes of mu-law), which begins at `at_ms`."""
        at = round(at_ms * BYTES_PER_MS)
        if not self._heard or abs(at - self._end) > WOBBLE:
            self._heard[:] = mulaw.SILENCE * (STRETCH + 1)
            self._end = at
        self._heard += window
        del self._heard[: -STRETCH - 1]
        self._end += len(window)
        self._unmeasured.append(window)

    def is_echo(self, window: bytes, at_ms: float) -> bool:
        """Whether this window is our own voice and nothing else. It is the one told to `heard` last, or is told now."""
        if not self._heard or at_ms * BYTES_PER_MS + len(window) - self._end > WOBBLE:
            self.heard(window, at_ms)
        sound = mulaw.decode_float(bytes(self._heard))
        heard, newest = np.diff(sound), np.diff(sound[-WINDOW - 1 :])
        floor = self._floor()
        coding = CODING * float(np.mean(sound[-WINDOW:] ** 2)) + STEP
        if self._path is not None and self._foretold(self._path, newest, floor, coding):
            return True
        delay = self._recognised(heard)
        if delay is None:
            return False
        if self._path is not None and abs(delay - self._path.delay) <= NEAR and self._moved(self._path, newest, delay):
            return self._foretold(self._path, newest, floor, coding)
        left = (unexplained(heard, self._ours, self._end, delay) - floor) / (float(np.mean(newest**2)) + 1e-12)
        if left >= PART:
            return False
        known = self._path is not None and self._path.trusted and self._path.holds(delay)
        self._learn(newest, delay)
        return left < HARDLY if known else True

    def _floor(self) -> float:
        """The line's noise."""
        if self._unmeasured:
            windows = mulaw.decode_float(b"".join(self._unmeasured)).reshape(-1, WINDOW)
            self._energies.extend(float(steps @ steps) / WINDOW for steps in np.diff(windows))
            self._unmeasured.clear()
        return sorted(self._energies)[len(self._energies) // FLOOR_SHARE]

    def _foretold(self, path: EchoPath, newest: Floats, floor: float, coding: float) -> bool:
        rows = path.rows(self._ours, self._end)
        loudness, left = float(np.mean(newest**2)), path.left(newest, rows)
        said = path.said(self._ours, self._end)
        limit = path.limit(said) + coding + OVER_FLOOR * floor
        trusted = path.trusted
        explained = loudness > LOUD * floor and left - floor < HALF * loudness
        if explained:
            path.foretold(max(0.0, left - floor - coding), said)
            path.learn(newest, rows)
        return left <= limit if trusted else explained or loudness <= limit

    def _moved(self, path: EchoPath, newest: Floats, delay: int) -> bool:
        """Whether the path explains the window from another delay; then it is there now."""
        left = {by: path.left(newest, path.rows(self._ours, self._end, delay + by)) for by in MOVES}
        best = min(left, key=left.__getitem__)
        known = path.left(newest, path.rows(self._ours, self._end))
        if delay + best == path.delay or left[best] >= max(HALF * float(np.mean(newest**2)), BETTER * known):
            return False
        path.delay = delay + best
        return True

    def _recognised(self, heard: Floats) -> int | None:
        """The delay at which this is proven to be our voice, in samples."""
        ours = self._ours.steps(self._end - STRETCH - FURTHEST, self._end - NEAREST)
        if not ours.any():
            return None
        found = search(heard, ours)
        delay, like_delay = FURTHEST - found.at, FURTHEST - found.like_at
        self._peaks.append((self._end, delay, found.height))
        if found.height < HIGH and found.likeness >= LIKE:
            return like_delay
        near = self._path is not None and abs(delay - self._path.delay) <= NEAR and found.height >= HIGH_NEAR
        both = found.height >= HIGHISH and found.likeness >= LIKELY and abs(delay - like_delay) <= SAME
        return delay if found.height >= HIGH or near or both or self._agreed(delay) else None

    def _agreed(self, delay: int) -> bool:
        stands_out, begins = 0.0, self._end + STRETCH
        for end, other, height in reversed(self._peaks):
            if abs(other - delay) <= AGREE and end <= begins - STRETCH and end > self._end - RECENT:
                stands_out, begins = stands_out + max(0.0, height - RIPPLE), end
        return stands_out >= TOGETHER

    def _learn(self, newest: Floats, delay: int) -> None:
        for known in (self._path, self._candidate):
            if known is not None and known.holds(delay):
                path = known
                break
        else:
            path = self._candidate = EchoPath(delay)
        path.learn(newest, path.rows(self._ours, self._end))
        path.sounded(float(np.mean(newest**2)), path.said(self._ours, self._end))
        path.proven(self._end, STRETCH)
        if path is self._candidate and path.proofs >= 2:
            self._path, self._candidate = path, None
