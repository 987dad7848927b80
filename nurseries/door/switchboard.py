"""One wait for all media sockets: whoever attends to one has what arrives handled in the switchboard's own step.

To wait for each socket by itself takes a system call, a wake-up and a pass of the scheduler for every frame. Here all
of them stand behind one descriptor, to which each is told once a call, and what is ready is handled in one go. The call
keeps what makes it the call's: its task waits all the while, within its own nursery, the handling runs in that task's
context, and what it raises is raised there. See ops/adr/0045.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from dataclasses import dataclass

import trio
from trio.lowlevel import Abort, Task

MOST = 64
"""Sockets that are handled at once, before other tasks have their turn."""


@dataclass(eq=False, slots=True)
class _Line:
    handle: Callable[[], bool]
    task: Task
    hung_up: bool = False
    error: BaseException | None = None


class Switchboard:
    """One door's. Needs epoll, which Linux has."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._lines: dict[int, _Line] = {}
        """By the socket's descriptor."""

    async def run(self) -> None:
        """Handle what arrives, until cancelled: from then on nothing is handled any more."""
        with self._epoll:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                for number, _ in self._epoll.poll(0, MOST):
                    line = self._lines.get(number)
                    if line is not None:  # the handling of another may have hung up on it
                        self._handle(number, line)

    async def attend(self, number: int, handle: Callable[[], bool]) -> bool:
        """Have `handle` called whenever there is something to read on the socket, or its peer is gone, until it returns
        False or raises. Returns False where somebody hung up instead. A checkpoint; cancelled, `handle` is called no
        more. One task a socket."""
        await trio.lowlevel.checkpoint_if_cancelled()  # with all that is cancelled, `run` is over
        line = _Line(handle, trio.lowlevel.current_task())
        self._epoll.register(number, select.EPOLLIN)
        self._lines[number] = line

        def abort(_: object) -> Abort:
            self._end(number, line)
            return Abort.SUCCEEDED

        try:
            await trio.lowlevel.wait_task_rescheduled(abort)
        finally:
            if line.error is not None:  # a handling that raises may have cancelled its task before
                raise line.error
        return not line.hung_up

    def hang_up(self, number: int) -> None:
        """Nobody attends to the socket any more. To be called before it is closed. Not a checkpoint."""
        line = self._lines.get(number)
        if line is not None:
            line.hung_up = True
            self._let_go(number, line)

    def _handle(self, number: int, line: _Line) -> None:
        try:
            if line.task.context.run(line.handle):
                return
        except BaseException as error:  # noqa: BLE001, ASYNC103  raised in the task whose it is
            line.error = error
        if self._lines.get(number) is line:  # unless that very handling has cancelled its task, or hung up on it
            self._let_go(number, line)

    def _let_go(self, number: int, line: _Line) -> None:
        self._end(number, line)
        trio.lowlevel.reschedule(line.task)

    def _end(self, number: int, line: _Line) -> None:
        if self._lines.get(number) is line:
            del self._lines[number]
            if not self._epoll.closed:
                self._epoll.unregister(number)
