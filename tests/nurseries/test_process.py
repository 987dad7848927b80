"""The process's way out, with real signals but without a door: what it waits for, and for how long."""

import os
import signal
import time

import trio
import trio.testing

from agent.keep.record import CallRecord
from agent.model import Ending
from agent.web.app import create_app
from agent.web.security import Gate
from agent.web.state import ProcessState
from nurseries.process import Process
from tests.calls.stage import Stage, configured


class Memory:
    name = "memory"

    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    def save(self, record: CallRecord) -> None:
        self.records.append(record)


class Held:
    """A call that lasts until it is told to end."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []

    def end(self, ending: Ending, _reason: str) -> None:
        self.endings.append(ending)


class Running:
    def __init__(self, **settings: object) -> None:
        stage = Stage(settings=configured(**settings))
        self.state = ProcessState()
        self.process = Process(stage.parts, Memory(), stage.tokens, self.state)
        self.gate = Gate(stage.settings)
        self.app = create_app(stage.settings, stage.tokens, self.state, self.gate)

    async def run(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await self.process.run(listeners, self.app, self.gate, task_status=task_status)


async def wait_for(condition) -> None:
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110  a signal handler sets no event of ours
            await trio.sleep(0.01)


async def test_without_calls_a_signal_ends_it_at_once(nursery) -> None:
    running = Running()
    await nursery.start(running.run)
    assert running.state.accepting

    began = time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)

    assert running.state.draining
    assert time.monotonic() - began < 5


async def test_a_call_is_waited_for_and_a_second_signal_has_it_say_goodbye(nursery) -> None:
    running = Running()
    await nursery.start(running.run)
    call = Held()
    running.process._add(call)

    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: running.state.draining)
    assert not running.state.accepting
    assert call.endings == []

    os.kill(os.getpid(), signal.SIGINT)
    await wait_for(lambda: call.endings == [Ending.SHUTDOWN])
    assert nursery.child_tasks
    running.process._remove(call)
    await wait_for(lambda: not nursery.child_tasks)


async def test_a_third_signal_waits_for_nobody(nursery) -> None:
    running = Running()
    await nursery.start(running.run)
    call = Held()
    running.process._add(call)

    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: running.state.draining)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: call.endings)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)


async def test_a_drain_ends_by_its_time_limit(nursery) -> None:
    running = Running(DRAIN_TIMEOUT_S=0, GOODBYE_TIMEOUT_S=0.1)
    await nursery.start(running.run)
    call = Held()
    running.process._add(call)

    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)

    assert call.endings == [Ending.SHUTDOWN]


async def test_a_call_that_was_told_to_connect_is_still_waited_for(nursery) -> None:
    running = Running()
    await nursery.start(running.run)
    running.state.promise("CA1", time.time())

    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: running.state.draining)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert nursery.child_tasks
    call = Held()
    del running.state.promised["CA1"]
    running.process._add(call)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert nursery.child_tasks
    running.process._remove(call)
    await wait_for(lambda: not nursery.child_tasks)
