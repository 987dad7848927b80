"""What the doctor can see beside calls: seldom, quickly, and without asking anybody. Settings in, checks out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import trio

from agent.config import Settings
from agent.doctor.check import Check
from agent.doctor.retirement import Outlook, ending_soon
from nurseries.doctor import machine

AGAIN_S = 60.0
"""Between two looks at the disk: each writes three blocks."""

LOOK_S = 3.0
"""For one: a disk that hangs is what somebody wants to be told of."""


class AtWork:
    """One process's."""

    def __init__(self, settings: Settings, doubts: Sequence[str] = ()) -> None:
        """`doubts` are what may be meant otherwise, found at the start."""
        self._settings = settings
        self._doubts = tuple(doubts)
        self._disk: Check | None = None
        self._looked = float("-inf")
        self._one = trio.Lock()
        self._thread = trio.CapacityLimiter(1)
        """Of its own: one that hangs takes nobody else's."""

    async def checks(self) -> tuple[Check, ...]:
        """The worst first. Cancelled, it leaves what runs in a thread to itself."""
        async with self._one:
            if trio.current_time() >= self._looked + AGAIN_S or self._disk is None:
                self._disk = await self._look()
                self._looked = trio.current_time()
        found = [self._disk]
        found += [_model(one) for one in ending_soon(self._settings, datetime.now(UTC).date())]
        found += [Check("line", "warning", doubt) for doubt in self._doubts]
        if self._settings.RECORD_CALLS and self._settings.sounds_apart:
            found.append(
                Check("recordings", "warning", "they are on this machine alone", "With more than one, set S3_BUCKET.")
            )
        return tuple(sorted(found, key=lambda one: ("failure", "warning", "unknown", "fine").index(one.state)))

    async def _look(self) -> Check:
        look = partial(machine.disk, self._settings)
        with trio.move_on_after(LOOK_S):
            return await trio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=self._thread)
        says = f"{self._settings.DATA_DIR} has not answered for {LOOK_S:g} s"
        return Check("disk", "failure", says, "See what holds the disk up: what is said is not durable meanwhile.")


def _model(one: Outlook) -> Check:
    do = f"Set {one.setting}: {one.instead}." if one.instead else f"Choose another model for {one.setting}."
    return Check("model", one.state, f"{one.model} is {one.says}", do)
