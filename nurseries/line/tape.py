"""The recording of a call's leg while it goes on: told of every sound, asked by the archive for what can be written.

Told by the call, synchronously, and never in its way: whatever goes wrong here costs the recording. Nothing of it is
written before the caller has been told in whole that they are recorded; without that there is no recording.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog
import trio

from agent.keep.live_sound import Listener, LiveSound
from agent.keep.stereo import Stereo
from agent.keep.wav import Label
from agent.providers.spool import Spooled

log = structlog.get_logger(__name__)

MOST_BYTES = 60_000 * 16
"""A minute of both sides, not written down: the disk is stuck, or the notice was never said."""


class Tape:
    """One leg's. Times are on the call's clock, in ms; the recording begins with the leg."""

    def __init__(self, label: Label) -> None:
        self.label = label
        self.allowed = False
        self.over = False
        """Nothing more will be told."""
        self.lost = False
        self.settled = trio.Event()
        """Its file is complete, or there is none."""
        self.file: Spooled | None = None
        """Used by the archive."""
        self._stereo: Stereo | None = Stereo()
        self._rest: tuple[bytes, bytes] = b"", b""
        self._live: LiveSound | None = None
        """There while somebody listens."""
        self._now_ms = 0.0
        """From here on times are the leg's own."""

    # What it is told. None of these is a checkpoint, and none raises.

    def begins(self, leg: int, started_at: datetime, now_ms: float) -> None:
        """This leg of a call that was begun then begins at this moment of it: told before anything else."""
        told = started_at.isoformat(timespec="milliseconds")
        self.label = replace(self.label, leg=leg, started_at=told, began_ms=max(round(now_ms), 0))

    def allow(self) -> None:
        """The caller has been told in whole."""
        self.allowed = True

    def lose(self, why: str) -> None:
        """There will be no recording."""
        if not self.lost:
            log.warning("not recorded", call_sid=self.label.call_sid, why=why)
        self.lost, self._stereo, self._rest = True, None, (b"", b"")

    def heard(self, sound: bytes, timestamp: str, now_ms: float) -> None:
        """The caller's sound, with the carrier's timestamp."""
        self._now_ms = own_ms = now_ms - self.label.began_ms
        if self._live is not None and self.allowed:
            self._live.heard(sound, now_ms)
        self._tell(lambda stereo: stereo.heard(sound, timestamp, own_ms))
        if self._stereo is not None and self._stereo.held > MOST_BYTES:
            self.lose("a minute of it could not be written" if self.allowed else "the notice was not said")

    def played(self, sound: bytes, start_ms: float) -> None:
        if self._live is not None:
            self._live.played(sound, start_ms)
        self._tell(lambda stereo: stereo.played(sound, start_ms - self.label.began_ms))

    def marked(self, name: str, end_ms: float) -> None:
        self._tell(lambda stereo: stereo.marked(name, end_ms - self.label.began_ms))

    def returned(self, name: str) -> None:
        self._tell(lambda stereo: stereo.returned(name))

    def cleared(self, at_ms: float) -> None:
        if self._live is not None:
            self._live.cleared(at_ms)
        self._tell(lambda stereo: stereo.cleared(at_ms - self.label.began_ms))

    def end(self, now_ms: float | None = None) -> None:
        """The call is over."""
        if self.over:
            return
        if not self.allowed and not self.lost:
            self.lose("the caller has not heard in whole that they are recorded")

        def finish(stereo: Stereo) -> None:
            self._rest = stereo.finish(self._now_ms if now_ms is None else now_ms - self.label.began_ms)

        self._tell(finish)
        self._stereo, self.over = None, True

    # What who listens in asks.

    def listen(self) -> Listener:
        """From now on, or from when the caller has been told in whole that they are recorded."""
        self._live = self._live or LiveSound()
        return self._live.listen()

    def leave(self, listener: Listener) -> None:
        """They do not listen any more."""
        if self._live is not None:
            self._live.leave(listener)
            self._live = self._live if self._live.listeners else None

    # What the archive asks.

    def part(self) -> tuple[bytes, bytes]:
        """What can be written now, the caller's and ours; it is forgotten here."""
        part: tuple[bytes, bytes] = b"", b""
        if self.over:
            part, self._rest = self._rest, part
        elif self.allowed and self._stereo is not None:
            with suppress(Exception):  # told when it was told
                part = self._stereo.take(self._now_ms)
        return part

    def _tell(self, what: Callable[[Stereo], None]) -> None:
        if self._stereo is None:
            return
        try:
            what(self._stereo)
        except Exception:  # whatever a recording does, the call goes on
            log.exception("crashed", what="recording", call_sid=self.label.call_sid)
            self.lose("a fault of ours")
