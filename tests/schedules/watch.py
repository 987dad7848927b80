"""Looks at the server's tasks after each of their steps, and does what is to happen at the n-th one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import trio

from tests.schedules.leg import Leg

TURN = "think"
"""The task that each turn has exactly one of."""


class Watch(trio.abc.Instrument):
    """Of one run."""

    def __init__(self, stepped: Callable[[Leg], None], due: Iterable[tuple[int, Callable[[], bool]]]) -> None:
        """`stepped` is called after each step of a leg's tasks; each of `due` after the n-th, and again after the
        following ones until it says that it was done."""
        self.steps = 0
        self._stepped = stepped
        self._due = deque(sorted(due, key=lambda each: each[0]))
        self._legs: dict[trio.lowlevel.Task, Leg] = {}
        self._others: set[trio.Nursery] = set()

    def adopt(self, leg: Leg) -> None:
        """What this task does, and starts from here on, is the leg's."""
        task = trio.lowlevel.current_task()
        self._others.update(task.child_nurseries)
        self._legs[task] = leg

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        nursery = task.parent_nursery
        if nursery is None or nursery in self._others:
            return
        leg = self._legs.get(nursery.parent_task)
        if leg is not None:
            self._legs[task] = leg
            leg.alive += 1
            leg.thinking += task.name == TURN

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        leg = self._legs.pop(task, None)
        if leg is not None and leg.over_at is None:
            leg.alive -= 1
            leg.thinking -= task.name == TURN

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        leg = self._legs.get(task)
        if leg is None or leg.over_at is not None:
            return
        self.steps += 1
        self._stepped(leg)
        if self._due and self.steps >= self._due[0][0] and self._due[0][1]():
            self._due.popleft()
