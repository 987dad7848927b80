"""Whether there is a line for a call: as long as all workers together have one.

The port that a worker's state asks; it decides by the board. Each claim is made while nobody else makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from agent.workers.board import Board, digest


class SharedLines:
    """One worker's."""

    def __init__(self, board: Board, row: int, alone: Callable[[], AbstractContextManager[None]]) -> None:
        """In a block of `alone` no other worker claims a line."""
        self._board = board
        self._row = board.row(row)
        self._alone = alone

    def tell(self, streams: Collection[str], promised: Collection[str]) -> None:
        """Which calls this worker has. Not a checkpoint."""
        with self._alone():
            self._row.hold(streams, promised)

    def claim(self, call_sid: str, streams: Collection[str], promised: Collection[str], most: int) -> bool:
        """Promise this call a line, beside what this worker has, if there is one. Not a checkpoint."""
        with self._alone():
            there = self.room(call_sid, most)
            if there:
                self._row.hold(streams, {*promised, call_sid})
        return there

    def room(self, call_sid: str, most: int) -> bool:
        """Whether this call has a line anywhere, or there is one for it: `most` for each worker that takes calls."""
        lines = self._board.lines()
        return digest(call_sid) in lines or len(lines) < self.most(most)

    def most(self, most: int) -> int:
        """Of all workers that take calls; of one, where none does."""
        return most * max(self._board.accepting(), 1)

    def has_stream(self, call_sid: str) -> bool:
        """Whether any worker has it."""
        return digest(call_sid) in self._board.streams()

    @property
    def accepting(self) -> bool:
        """Some worker takes new calls."""
        return not self._board.leaving and self._board.accepting() > 0

    @property
    def taken(self) -> tuple[int, int]:
        """Of all workers: calls that have their stream, and others that were told to connect."""
        streams = len(self._board.streams())
        return streams, len(self._board.lines()) - streams
