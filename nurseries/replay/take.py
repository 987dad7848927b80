"""One leg's recording, as it is made: told by the loop which of its tasks run, and by what stands between the call and
the world what comes in.

Nothing here is a checkpoint, but for what it passes through. Only the call's own code is recorded: a task that is in an
adapter, or in a library below it, is *outside*, and all that a player needs of that is what came of it, and when.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import trio
from trio.lowlevel import Task

from agent.replay.events import HAND, Asked, Blob, Command, Event, Fed, Over, Pass, Step, Told, Value
from agent.replay.sound import digest, sent
from nurseries.replay.asking import ASKING, Asking
from nurseries.replay.pass_clock import OUTSIDE, WATCHED, Watcher

T = TypeVar("T")


class Take:
    """One leg's events, as they come."""

    def __init__(self, watcher: Watcher) -> None:
        self.events: list[Event] = []
        """To be taken away by whoever writes them down."""
        self._watcher = watcher
        self._pass = -1
        self._numbers: dict[Task, int] = {}
        self._count = 0
        self._steps: dict[Task, int] = {}
        """How often each has run, outside too."""
        self._told: dict[Task, int] = {}
        """Of these, which was the last that is in the recording."""
        self._asked = 0
        self._stopped = False
        self._blobs: set[str] = set()

    def over(self, record: dict[str, Any]) -> None:
        """The leg is. Not a checkpoint."""
        self._add(Over(record))
        self._stopped = True

    def stop(self) -> None:
        """Nobody writes it down any more. Not a checkpoint."""
        self._stopped = True
        self.events.clear()

    # What the loop tells.

    def begun(self, task: Task) -> None:
        self._numbers[task] = self._count
        self._steps[task] = 0
        self._count += 1

    def steps(self, task: Task) -> None:
        if task in self._numbers:
            self._steps[task] += 1
            if not task.context.get(OUTSIDE):
                self._step(task)

    def gone(self, task: Task) -> None:
        for known in (self._numbers, self._steps, self._told):
            known.pop(task, None)

    def _step(self, task: Task) -> None:
        if self._told.get(task) != self._steps[task]:
            self._told[task] = self._steps[task]
            self._in_pass()
            self._add(Step(self._numbers[task]))

    def _add(self, event: Event) -> None:
        if not self._stopped:
            self.events.append(event)

    def _in_pass(self) -> None:
        if self._pass != self._watcher.passes:
            self._pass = self._watcher.passes
            self._add(Pass(trio.current_time()))

    # What the call is told.

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """The call's code runs in this task, and in those that it begins."""
        token = WATCHED.set(self)
        task = trio.lowlevel.current_task()
        self.begun(task)
        self._steps[task] = 1
        self._step(task)
        try:
            yield
        finally:
            WATCHED.reset(token)
            self.gone(task)

    @property
    def inside(self) -> bool:
        """Whether whoever asks is the call's own code."""
        return WATCHED.get() is self and not OUTSIDE.get()

    async def ask(
        self,
        port: str,
        what: str,
        work: Callable[[Callable[[Any], Awaitable[None]]], Awaitable[T]],
        emit: Callable[[Any], Awaitable[None]] | None = None,
        plain: Callable[[Any], Any] = lambda value: value,
        about: str = "",
    ) -> T:
        """Do the work, outside; `plain` makes of its answer, and of each piece that it emits, what can be written."""
        asking = Asking(self, self._asked)
        self._asked += 1
        self._add(Asked(port, what, about))

        async def hand_on(piece: Any) -> None:
            with asking.handing(plain(piece)):
                if emit is not None:
                    await emit(piece)

        with asking.outside():
            answer = await work(hand_on)
            asking.fed("done", plain(answer))
            return answer

    def place(self, task: Task) -> tuple[Task, int]:
        """Which step of whom this is, of the task that has asked, or of one that takes a piece in place of it."""
        now = trio.lowlevel.current_task()
        if now not in self._numbers:
            self._numbers[now] = self._numbers[task]
            self._steps[now] = 0
        return now, self._steps[now]

    def feed(self, fed: Fed) -> None:
        """In this step."""
        self._step(trio.lowlevel.current_task())
        self._add(fed)

    def tells(self, name: str, *arguments: Any) -> None:
        """Whoever it is does this to the call: told, unless it is the call's own code, which will do so again."""
        if self.inside:
            return
        asking = ASKING.get()
        if asking is not None and asking.take is self and asking.task is trio.lowlevel.current_task():
            asking.fed("told", [name, *arguments])
        else:
            self._in_pass()
            self._add(Step(HAND))
            self._add(Command(name, list(arguments)))

    def value(self, port: str, value: T, plain: Callable[[T], Any] = lambda value: value, about: str = "") -> T:
        """The call asked, about this, and is told that."""
        if self.inside:
            self._add(Value(port, plain(value), about))
        return value

    @contextmanager
    def beyond(self) -> Iterator[None]:
        """Within it this task is in code that is not the call's own, and waits for nothing."""
        token = OUTSIDE.set(True)
        try:
            yield
        finally:
            OUTSIDE.reset(token)

    def handing(self, piece: Any) -> AbstractContextManager[None]:
        """What is waited for here gets this: within it, the call's own code takes it."""
        asking = ASKING.get()
        assert asking is not None  # noqa: S101  only what is asked calls back
        return asking.handing(piece)

    def blob(self, data: bytes) -> str:
        """Sound by its name, and the sound itself where it is new."""
        name = digest(data)
        if name not in self._blobs:
            self._blobs.add(name)
            self._add(Blob(name, data))
        return name

    def sent(self, text: str) -> None:
        """The call sends this."""
        self._add(sent(text))

    def told(self, event: str, fields: dict[str, Any]) -> None:
        """The call's code logs this."""
        self._add(Told(event, fields))
