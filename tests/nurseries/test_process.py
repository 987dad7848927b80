"""The process's way out, with real signals but without a door: what it waits for, and for how long. In one file: each
test is another thing that may hold the same way out up."""

import math
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TypeVar

import httpx2
import msgspec
import pytest
import structlog
import trio
import trio.testing

from agent.errors import StoreError
from agent.guard.budget import Caps
from agent.guard.lease import Stand
from agent.guard.tokens import Claims
from agent.keep.record import CallRecord
from agent.keep.thread import Leg
from agent.model import CallInfo, Ending
from agent.providers.journal_file import JournalFile
from agent.web.app import create_app
from agent.web.security import Gate
from agent.web.state import ProcessState
from nurseries.keep.keeping import Keeping
from nurseries.leaving import ASIDE_S, KEEP_S, Phase
from nurseries.legs.holding import Holding
from nurseries.legs.legs import Legs
from nurseries.process import Process
from nurseries.rehearsal.loopback import loopback
from nurseries.watchdog import CUT_OFF
from tests.calls.counted import Counted
from tests.calls.stage import Stage, configured
from tests.calls.test_budget import fill, staged
from tests.fakes.memory_leases import MemoryLeases
from tests.fakes.street import nowhere
from tests.nurseries.legs.test_pick_up import start

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Memory:
    name = "memory"

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.away = False
        self.asked = self.prepared = 0

    def save(self, *records: CallRecord) -> list[str]:
        if self.away:
            raise StoreError("away")
        self.records += records
        return []

    def get(self, call_sid: str) -> CallRecord | None:
        return next((record for record in self.records if record.call_sid == call_sid), None)

    def prepare(self) -> None:
        self.asked += 1
        if self.away:
            raise StoreError("away")
        self.prepared += 1

    def scrub(self) -> bool:
        return False

    def expire(self, _days: int | None, _most: int) -> int:
        return 0


RECORD = CallRecord("CA1", "AC", "", "", "inbound", "2026-11-22T10:00:00.000+00:00", 1, "failed", ())


class Held:
    """A call that lasts until it is told to end."""

    def __init__(self) -> None:
        self.info = CallInfo("CA1", "AC", "MZ1")
        self.endings: list[Ending] = []

    def end(self, ending: Ending, _reason: str) -> None:
        self.endings.append(ending)


def journal(folder: Path) -> list[Path]:
    return list((folder / "journal").iterdir())


Beside = Mapping[str, Callable[[], Awaitable[None]]]


class Running:
    def __init__(self, beside: Beside = MappingProxyType({}), **settings: object) -> None:
        stage = Stage(settings=configured(**settings))
        self.state = ProcessState()
        self.store = Memory()
        self.process = Process(stage.parts, self.store, stage.tokens, self.state, beside=beside)
        self.gate = Gate(stage.settings)
        self.app = create_app(stage.settings, stage.tokens, self.state, self.gate, stage.parts.lines, nowhere)

    async def run(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await self.process.run(listeners, self.app, self.gate, task_status=task_status)


async def wait_for(condition) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110  a signal handler sets no event of ours
            await trio.sleep(0.01)


async def test_a_leg_of_a_call_that_is_over_is_refused_and_not_waited_for(autojump_clock) -> None:
    async def at_once(work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()

    stage, store, state = Stage(settings=configured()), Memory(), ProcessState()
    store.records.append(RECORD)
    holding = Holding(MemoryLeases(), "one", ask=at_once)
    process = Process(stage.parts, store, stage.tokens, state, holding=holding)
    process._legs = Legs(holding, process.keeping, store, ask=at_once)
    ours, theirs = loopback()
    await ours.send(start(stage.tokens.mint(Claims("CA1", "AC1", leg=2), time.time())))
    with trio.fail_after(1):
        await process.take(theirs)

    assert theirs.closed is not None
    assert theirs.closed[0] == 1008
    assert not state.promised


async def test_who_has_taken_a_call_that_turns_out_to_be_over_finishes_its_record(tmp_path: Path, nursery) -> None:
    """Whoever ended it could not tell the store so in time, and has lost it by that."""
    stage, store, leases = Stage(settings=configured(DATA_DIR=tmp_path)), Memory(), MemoryLeases()
    store.records.append(RECORD)
    holding = Holding(leases, "one")
    keeping = Keeping(*(store, JournalFile(tmp_path, "one"), ProcessState()), epoch=holding.epoch, kept=holding.done)
    process = Process(stage.parts, store, stage.tokens, ProcessState(), keeping, holding=holding)
    await nursery.start(keeping.run)
    nursery.start_soon(holding.run)
    process._afterwards = nursery
    ours, theirs = loopback()
    await ours.send(start(stage.tokens.mint(Claims("CA1", "AC1", leg=2), time.time())))
    await process.take(theirs)

    await wait_for(lambda: leases.leases["CA1"].done)
    assert store.records[-1].ending == RECORD.ending
    assert store.records[-1].summary
    nursery.cancel_scope.cancel("over")


async def test_a_leg_whose_successor_begins_while_its_record_is_read_is_not_held(autojump_clock) -> None:
    """Its stream is dead; it would speak beside the other, and take the record away from it."""
    stage, reading = Stage(settings=configured()), trio.Event()

    async def slow(work: Callable[[], T]) -> T:
        await reading.wait()
        return work()

    async def at_once(work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()

    holding = Holding(MemoryLeases(), "one", ask=at_once)
    process = Process(stage.parts, Memory(), stage.tokens, ProcessState(), holding=holding)
    process._legs = Legs(holding, process.keeping, Memory(), ask=slow)
    ours, theirs = loopback()
    await ours.send(start(stage.tokens.mint(Claims("CA1", "AC1", leg=2), time.time())))
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(process.take, theirs)
            await trio.testing.wait_all_tasks_blocked()
            await holding.take(CallInfo("CA1", "AC1", "MZ2", leg=3))
            reading.set()

    assert theirs.closed is not None
    assert theirs.closed[0] == 1008
    assert holding.newest(CallInfo("CA1", "AC1", "MZ2", leg=3))


@pytest.mark.parametrize("ends", ["the caller hangs up", "another process has it"])
async def test_a_leg_that_is_over_binds_no_money(ends: str, autojump_clock, nursery) -> None:
    stage = staged(Caps(day=1_000_000))
    fill(stage, "day")
    process = Process(stage.parts, Memory(), stage.tokens, ProcessState())
    process._afterwards = nursery
    ours, theirs = loopback()
    await ours.send(start(stage.tokens.mint(Claims("CA1", "AC1"), time.time())))
    async with trio.open_nursery() as calls:
        calls.start_soon(process.take, theirs)
        await trio.sleep(1)
        assert stage.budget.reserved("day") > 0
        if ends == "the caller hangs up":
            await ours.send('{"event":"stop"}')
        else:
            process._fenced("CA1")
    await trio.testing.wait_all_tasks_blocked()

    assert stage.budget.reserved("day") == 0


async def test_the_gap_behind_a_process_that_is_gone_is_counted_from_its_last_sign_of_life(
    autojump_clock, nursery
) -> None:
    async def at_once(work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()

    stage, store, counted = Stage(settings=configured()), Memory(), Counted()
    leases = MemoryLeases(trio.current_time)
    await Holding(leases, "gone", ask=at_once).take(CallInfo("CA1", "AC1", "MZ1"))
    store.records.append(msgspec.structs.replace(RECORD, ending="", legs=(Leg("gone"),)))
    holding = Holding(leases, "here", ask=at_once)
    process = Process(stage.parts, store, stage.tokens, ProcessState(), holding=holding)
    process._legs = Legs(holding, process.keeping, store, ask=at_once)
    ours, theirs = loopback()
    await trio.sleep(1.4)
    await ours.send(start(stage.tokens.mint(Claims("CA1", "AC1", leg=2), time.time())))
    nursery.start_soon(process.take, theirs)
    await trio.sleep(1)

    assert counted("resumed_total", why="process gone") == 1
    assert counted("resume_gap_seconds_count", why="process gone") == 1
    assert counted("resume_gap_seconds_sum", why="process gone") == pytest.approx(1.4, abs=0.01)
    nursery.cancel_scope.cancel("over")


async def test_a_call_is_kept_before_it_is_begun(autojump_clock, nursery) -> None:
    """Whoever finds nothing cannot tell a call that died in its first moment from one whose past is not to be had."""
    process = Process(Stage(settings=configured()).parts, Memory(), (tokens := Stage().tokens), ProcessState())
    ours, theirs = loopback()
    await ours.send(start(tokens.mint(Claims("CA1", "AC1"), time.time())))
    nursery.start_soon(process.take, theirs)
    await ours.receive()  # the first of the greeting
    known = process.keeping.known("CA1")
    nursery.cancel_scope.cancel()

    assert known is not None
    assert known.entries == ()
    assert known.thread is not None


async def test_a_call_that_another_process_has_by_now_is_counted_there(autojump_clock, nursery) -> None:
    stage, counted = Stage(settings=configured()), Counted()
    process = Process(stage.parts, Memory(), stage.tokens, ProcessState())
    ours, theirs = loopback()
    await ours.send(start(stage.tokens.mint(Claims("CA1", "AC1"), time.time())))
    nursery.start_soon(process.take, theirs)
    await trio.sleep(1)
    (call,) = process._calls
    await ours.send('{"event":"stop"}')
    await trio.testing.wait_all_tasks_blocked()

    process.keeping.drop("CA1")  # as its last words are about to be understood
    await process._keep(call.record(), call, None)
    assert counted("calls_total", ending="caller hung up", direction="inbound") == 0
    process.keeping.follow("CA1", call)
    await process._keep(call.record(), call, None)
    assert counted("calls_total", ending="caller hung up", direction="inbound") == 1


async def test_what_no_lease_tells_yet_is_written_at_the_end(autojump_clock) -> None:
    async def at_once(work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()

    leases, stage = MemoryLeases(), Stage(settings=configured())
    holding = Holding(leases, "one", ask=at_once)
    process = Process(stage.parts, Memory(), stage.tokens, ProcessState(), holding=holding)
    await holding.take(CallInfo("CA1", "AC1", "MZ1"))
    leases.away = "away"
    await holding.put("CA1", Stand.OVER)
    leases.away = ""

    await process._kept(trio.current_time() + 1)

    assert leases.leases["CA1"].stand is Stand.OVER


@pytest.mark.parametrize(("takes_s", "waits_s"), [(7.0, 7.0), (math.inf, KEEP_S)])
async def test_an_erasure_is_waited_for_as_long_as_records_are(takes_s: float, waits_s: float, autojump_clock) -> None:
    stage = Stage(settings=configured())
    process = Process(stage.parts, Memory(), stage.tokens, ProcessState(), erased=partial(trio.sleep, takes_s))
    began = trio.current_time()

    await process._kept(began + KEEP_S)

    assert trio.current_time() - began == pytest.approx(waits_s)


async def test_records_are_waited_for_no_longer_than_their_time(autojump_clock) -> None:
    stage, store = Stage(settings=configured()), Memory()
    process = Process(stage.parts, store, stage.tokens, ProcessState())
    process.keeping.finish(RECORD)  # nobody delivers it: what follows calls does not run
    began = trio.current_time()
    with trio.fail_after(60):
        await process._kept(began + KEEP_S)

    assert trio.current_time() - began == pytest.approx(KEEP_S)
    assert store.records == []


async def test_a_disk_that_hangs_at_the_end_has_its_time_and_the_code_says_so(
    autojump_clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(settings=configured())
    process = Process(stage.parts, Memory(), stage.tokens, ProcessState())
    monkeypatch.setattr(process.keeping, "close", trio.sleep_forever)
    began = trio.current_time()
    with trio.fail_after(60):
        await process._written()

    assert trio.current_time() - began == pytest.approx(ASIDE_S)
    assert process.code == CUT_OFF


async def test_without_calls_a_signal_ends_it_at_once(nursery) -> None:
    running = Running()
    await nursery.start(running.run)
    assert running.state.accepting

    began = time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)

    assert running.state.draining
    assert time.monotonic() - began < 5


async def test_what_runs_beside_the_calls_runs_once(nursery) -> None:
    begun: list[str] = []

    async def place() -> None:
        begun.append("placing")
        await trio.sleep_forever()

    running = Running({"placing": place})
    await nursery.start(running.run)
    await trio.testing.wait_all_tasks_blocked(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)

    assert begun == ["placing"]


async def test_what_is_done_after_calls_holds_it_for_so_long_and_no_longer(nursery, monkeypatch) -> None:
    running = Running()
    running.process._keep_s = 0.1
    await nursery.start(running.run)
    running.process._afterwards.start_soon(trio.sleep_forever)
    os.kill(os.getpid(), signal.SIGTERM)

    await wait_for(lambda: not nursery.child_tasks)


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


async def test_the_webhooks_that_follow_the_last_call_are_still_answered(nursery) -> None:
    running = Running()
    await nursery.start(running.run)
    call = Held()
    running.process._add(call)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: running.state.draining)

    running.process._remove(call)
    url = f"http://127.0.0.1:{running.port}/twilio/after"
    async with httpx2.AsyncClient(trust_env=False) as twilio:
        answer = await twilio.post(url, data={"CallSid": "CA1", "AccountSid": "AC1"})

    assert "<Hangup" in answer.text
    await wait_for(lambda: not nursery.child_tasks)


async def test_a_record_that_no_store_takes_is_left_in_the_journal_and_saved_at_the_next_start(
    nursery, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(DATA_DIR=tmp_path)
    running.process._keep_s = 0.1
    running.store.away = True
    await nursery.start(running.run)
    running.process._keeping.finish(RECORD)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)
    assert running.store.records == []
    assert journal(tmp_path)

    again = Running(DATA_DIR=tmp_path)
    await nursery.start(again.run)
    await wait_for(lambda: [record.call_sid for record in again.store.records] == ["CA1"])
    await wait_for(lambda: not journal(tmp_path))
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)
    assert again.store.records[0].ending == RECORD.ending
    assert again.store.records[0].lead is not None


async def test_a_record_that_neither_store_nor_journal_takes_is_put_aside(
    nursery, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "journal").write_text("in the way")
    running = Running(DATA_DIR=tmp_path)
    running.process._keep_s = 0.1
    running.store.away = True
    await nursery.start(running.run)
    assert not running.state.accepting
    running.process._keeping.finish(RECORD)
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)
    assert [path.name for path in (tmp_path / "unsaved").iterdir()] == ["CA1.json"]

    (tmp_path / "journal").unlink()
    monkeypatch.setattr("nurseries.keep.upkeep.PREPARE_AGAIN_S", 0.01)
    again = Running(DATA_DIR=tmp_path)
    again.store.away = True
    await nursery.start(again.run)
    await wait_for(lambda: "records put aside earlier are not saved yet" in capsys.readouterr().out)
    again.store.away = False
    await wait_for(lambda: [record.call_sid for record in again.store.records] == ["CA1"])
    os.kill(os.getpid(), signal.SIGTERM)
    await wait_for(lambda: not nursery.child_tasks)


async def test_where_a_call_ignores_its_cancellation_what_others_have_left_is_kept(
    nursery, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurseries.process.longest", lambda _: {Phase.DOOR: 0.01, Phase.KEEPING: 0.05})
    (tmp_path / "journal").write_text("in the way")
    running, left = Running(DATA_DIR=tmp_path), list[tuple[float, bool]]()
    running.store.away = True
    process = running.process
    await nursery.start(process.keeping.run)
    process.keeping.finish(RECORD)
    process._leaving.closing.set()

    ends = SimpleNamespace(due=lambda within_s: left.append((within_s, (tmp_path / "unsaved" / "CA1.json").exists())))
    await process._cut_off(trio.Event(), ends)

    assert left == [(0, True)]
    nursery.cancel_scope.cancel("seen")


async def test_a_store_that_is_away_at_the_start_is_prepared_once_it_is_there_and_now_and_then(
    nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREPARE_AGAIN_S", "PREPARE_LATER_S", "PREPARED_S"):
        monkeypatch.setattr(f"nurseries.keep.upkeep.{name}", 0.01)
    running = Running()
    running.store.away = True
    with structlog.testing.capture_logs() as logged:
        nursery.start_soon(running.process._upkeep.prepare)
        await wait_for(lambda: running.store.asked >= 3)
    assert running.store.prepared == 0
    assert [line["event"] for line in logged] == ["the store is not prepared yet"]

    running.store.away = False
    await wait_for(lambda: running.store.prepared >= 3)
