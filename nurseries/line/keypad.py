"""Collects pressed keys: digits in, as the reader hands them over; out, after a pause, what they are together.

Started by the call inside the conversation.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from trio.lowlevel import ParkingLot

from agent.hear.keys import Keypad, Pressed


class Keys:
    """One call's keypad."""

    def __init__(self, keypad: Keypad) -> None:
        self._keypad = keypad
        self._woken = ParkingLot()

    @property
    def pending(self) -> bool:
        """Keys were pressed that are not complete."""
        return self._keypad.due is not None

    def press(self, digit: str) -> None:
        """Not a checkpoint."""
        self._keypad.press(digit, trio.current_time())
        self._woken.unpark_all()

    async def watch(self, pressed: Callable[[Pressed], None]) -> None:
        """Tell what was pressed, once each; run until cancelled. What is not complete by then is forgotten."""
        while True:
            due = self._keypad.due
            with trio.move_on_at(float("inf") if due is None else due) as pause:
                await self._woken.park()
            taken = self._keypad.take(trio.current_time()) if pause.cancelled_caught or self._keypad.due else None
            if taken is not None:
                pressed(taken)
