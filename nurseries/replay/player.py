"""Plays a recorded leg again: the same code, on the recording's clock, its tasks in the recording's order.

Trio's loop runs those who can run in batches, in an order that it draws. The player is the one who draws: before each
batch it sets the clock to the recording's next pass, and hands to whoever waits for the world what they got then; after
that, the tasks that can run have to be those that ran. The first difference is the end of it. It relies on how Trio
draws (`trio._core._run._r`), as its own tests do, and on nothing else of it that is not public: see ops/adr/0037.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import outcome
import trio
from trio._core import _run
from trio.lowlevel import Abort, RaiseCancelT, Task

from agent.replay import plain
from agent.replay.events import DECIDED, HAND, Command, Fed, Sent, Told
from agent.replay.score import Ask, Moment, Score
from agent.replay.sound import sent
from nurseries.replay.pass_clock import WATCHED
from nurseries.replay.played_loop import PlayedClock

BREAKS_OFF = "the recording ends here"
NOTHING = "nothing more"

ROOT = -2
"""In place of an ask: the call's first task waits for the first pass."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay went another way."""

    at_s: float
    """From the leg's beginning."""
    what: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return f"at {self.at_s:.3f} s: {self.what}\n  recorded: {self.recorded}\n  replayed: {self.replayed}"


class Differs(BaseException):
    """Raised in a call that is played, where it asks for what it did not ask for when it was recorded."""


async def _nowhere(_piece: Any) -> None:
    """Where nobody waits for pieces."""


class Player(trio.abc.Instrument):
    """One leg's."""

    def __init__(self, score: Score, clock: PlayedClock) -> None:
        self.difference: Difference | None = None
        self.scope = trio.CancelScope()
        """Cancelled with the first difference."""
        self.do: Callable[[str, Sequence[Any]], None] = lambda _name, _arguments: None
        """Does to the call what was done to it from outside."""
        self.crash = ""
        """What the call's own code raised, where it did."""
        self.matched = 0
        """Messages that the call has sent as recorded."""
        self._clock = clock
        self._began = clock.now
        self._score = score
        self.decisions: list[tuple[float, Told]] = []
        """What the call's code has logged, in seconds from the leg's beginning."""
        self._moment: Moment | None = None
        self._next_ask = 0
        self._numbers: dict[Task, int] = {}
        self._count = 0
        self._waiting: dict[int, Task] = {}
        self._cancels: dict[int, RaiseCancelT] = {}
        self._hand: Task | None = None
        self._commands: list[Command] = []
        self._on = False
        decided = sum(told.event == DECIDED for told in score.told)
        self._tells = {True: decided > 0, False: decided < len(score.told)}
        """Whether the recording has decisions, which earlier versions did not tell, and lines of the log."""

    @property
    def blobs(self) -> Mapping[str, bytes]:
        """Sounds, by their names."""
        return self._score.blobs

    # What the player's own tasks do.

    async def begin(self) -> None:
        """The call's first task is this one; from here on the recording tells when it runs."""
        WATCHED.set(self)
        self.begun(trio.lowlevel.current_task())
        self._on = True
        self._waiting[ROOT] = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(lambda _: Abort.SUCCEEDED)

    def end(self) -> None:
        """The call is over."""
        self._on = False
        if self.difference is None and self._score.sent:
            self._differs("a message was not sent", _in_words(self._score.sent[0]), "the call is over")
        elif self.difference is None and self._score.moments:
            self._differs("the call ended early", f"{len(self._score.moments)} more passes", "over")

    async def carry_out(self) -> None:
        """Do to the call what was done to it from outside; to be cancelled."""
        self._hand = trio.lowlevel.current_task()
        while True:
            await trio.lowlevel.wait_task_rescheduled(lambda _: Abort.SUCCEEDED)
            for command in self._commands:
                self.do(command.name, command.arguments)

    # What the call asks, and tells.

    async def ask(
        self,
        port: str,
        what: str,
        emit: Callable[[Any], Awaitable[None]] = _nowhere,
        about: str = "",  # noqa: ARG002  it is in its place
    ) -> Any:
        """As it was answered then."""
        number, self._next_ask = self._next_ask, self._next_ask + 1
        ask = self._score.asks[number] if number < len(self._score.asks) else None
        if ask is None or not self.same_ask(number, ask, port, what):
            recorded = NOTHING if ask is None else f"{ask.asked.port} {ask.asked.what}"
            raise self._fails("the call asks for another thing", recorded, f"{port} {what}")
        while True:
            fed = await self._next(number, ask)
            match fed.how:
                case "piece":
                    try:
                        await emit(fed.value)
                    except BaseException:
                        if self.difference is None:
                            await self._next(number, ask)  # noqa: ASYNC102  the recording bounds it
                        raise
                case "told":
                    self.do(fed.value[0], fed.value[1:])
                case "done":
                    return fed.value
                case "error":
                    raise plain.to_error(fed.value)
                case _:
                    raise self._fails(f"{port} was not cancelled", "cancelled", "not cancelled")

    def same_ask(self, number: int, ask: Ask, port: str, what: str) -> bool:  # noqa: ARG002  for who looks otherwise
        """Whether this is what was asked."""
        return (ask.asked.port, ask.asked.what) == (port, what)

    def same_message(self, then: Sent, now: Sent) -> bool:
        """Whether this is what was sent."""
        return then == now

    async def _next(self, number: int, ask: Ask) -> Fed:
        if not ask.fed:
            if self.difference is None:  # the process was gone, or the recording given up
                self._differs(BREAKS_OFF, NOTHING, f"waits for {ask.asked.port}")
            await trio.sleep_forever()
        fed = ask.fed.popleft()
        if not fed.at_once:
            self._waiting[number] = trio.lowlevel.current_task()

            def abort(raise_cancel: RaiseCancelT) -> Abort:
                if self.difference is not None:
                    self._waiting.pop(number, None)
                    return Abort.SUCCEEDED
                self._cancels[number] = raise_cancel
                return Abort.FAILED

            await trio.lowlevel.wait_task_rescheduled(abort)
        return fed

    def value(self, port: str, about: str = "") -> Any:  # noqa: ARG002  it is in its place
        """As it was told then."""
        value = self._score.values.popleft() if self._score.values else None
        if value is None or value.port != port:
            recorded = NOTHING if value is None else value.port
            raise self._fails("the call looks at another thing", recorded, port)
        return value.value

    def sent(self, text: str) -> None:
        """The call sends this."""
        now = sent(text)
        then = self._score.sent.popleft() if self._score.sent else None
        if then is None or not self.same_message(then, now):
            recorded = NOTHING if then is None else _in_words(then)
            raise self._fails(f"message {self.matched + 1} is another one", recorded, _in_words(now))
        self.matched += 1

    def told(self, event: str, fields: dict[str, Any]) -> None:
        """The call's code logs this, or has decided it."""
        now = Told(event, fields)
        self.decisions.append((self._clock.now - self._began, now))
        if not self._tells[event == DECIDED]:
            return
        then = self._score.told.popleft() if self._score.told else None
        if then != now:
            recorded = NOTHING if then is None else f"{then.event} {then.fields}"
            self._differs("the call decides another thing", recorded, f"{event} {fields}")

    # What the loop tells, and asks.

    def begun(self, task: Task) -> None:
        self._numbers[task] = self._count
        self._count += 1

    def task_spawned(self, task: Task) -> None:
        if task.context.get(WATCHED) is self:
            self.begun(task)

    def task_exited(self, task: Task) -> None:
        self._numbers.pop(task, None)

    def steps(self, task: Task) -> None:
        """Nothing needs to be known of it."""

    gone = task_exited

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002  as the loop tells it
        self._moment = None
        if self.difference is not None:
            self._clock.now = min(max(self._clock.now, self._clock.next), self._clock.now + 1)
        elif self._on and self._score.moments:
            self._moment = self._score.moments.popleft()
            self._clock.now = self._moment.at
        elif self._on:
            self._differs(BREAKS_OFF, NOTHING, "the call goes on")

    def shuffle(self, batch: list[Task]) -> None:
        """Put the batch into the order in which it ran: from its end."""
        moment = self._moment
        if moment is None:
            return
        for fed in moment.fed:
            self._feed(fed, batch)
        if ROOT in self._waiting:
            self._wake(self._waiting.pop(ROOT), outcome.Value(None), batch)
        self._commands = moment.commands
        if moment.commands and self._hand is not None:
            self._wake(self._hand, outcome.Value(None), batch)
        order = {number: place for place, number in reversed(list(enumerate(moment.order)))}
        ready = {self._numbers[task] for task in batch if task in self._numbers}
        if ready != order.keys() - {HAND}:
            self._differs("other tasks run", self._names(order.keys() - {HAND}), self._names(ready))
            return
        batch.sort(key=lambda task: -order.get(self._number(task), -1))

    def _number(self, task: Task) -> int:
        return HAND if task is self._hand else self._numbers.get(task, len(self._numbers) + 1_000_000)

    def _feed(self, fed: Fed, batch: list[Task]) -> None:
        task = self._waiting.pop(fed.ask, None)
        if task is None:
            port = self._score.asks[fed.ask].asked.port
            self._differs(f"nobody waits for {port}", f"{port} {fed.how}", "nobody")
            return
        got: outcome.Outcome[None] = outcome.Value(None)
        cancel = self._cancels.pop(fed.ask, None)
        if fed.how == "cancelled" and cancel is not None:
            got = outcome.capture(cancel)
        self._wake(task, got, batch)

    @staticmethod
    def _wake(task: Task, got: outcome.Outcome[None], batch: list[Task]) -> None:
        trio.lowlevel.reschedule(task, got)
        runner = _run.GLOBAL_RUN_CONTEXT.runner
        runner.runq.remove(task)
        batch.append(task)

    def _names(self, numbers: Any) -> str:
        names = {number: task.name for task, number in self._numbers.items()}
        return ", ".join(f"{number} {names.get(number, '')}".strip() for number in sorted(numbers)) or "none"

    def _differs(self, what: str, recorded: str, replayed: str) -> None:
        if self.difference is None:
            last = self._score.over is None and not self._score.moments
            if last and recorded == NOTHING:  # in the middle of a pass
                what = BREAKS_OFF
            self.difference = Difference(self._clock.now - self._began, what, recorded, replayed)
            for number, task in tuple(self._waiting.items()):
                cancel = self._cancels.pop(number, None)
                if cancel is not None:
                    del self._waiting[number]
                    trio.lowlevel.reschedule(task, outcome.capture(cancel))
            self.scope.cancel("the replay differs")

    def _fails(self, what: str, recorded: str, replayed: str) -> Differs:
        self._differs(what, recorded, replayed)
        return Differs(what)


def _in_words(sent: Sent) -> str:
    return sent.text or f"{sent.kind}, {sent.size} characters, {sent.digest}"
