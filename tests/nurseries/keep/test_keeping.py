"""What is said while calls go on, on its way to a real journal and to a store that is there, away, slow or lossy. In
one file: each test is another fate of the same journal and store."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from itertools import pairwise, permutations
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import StoreError
from agent.keep import journal
from agent.keep.record import CallRecord, Entry, changed_at, epoch_of, revision_of
from agent.keep.thread import Leg
from agent.providers.journal_file import JournalFile, leftovers
from agent.web.state import ProcessState
from nurseries.keep.backlog import FIRST_PAUSE_S, LONGEST_PAUSE_S, Backlog
from nurseries.keep.keeping import Keeping
from nurseries.keep.notebook import Notebook
from tests.examples import examples

BLANK = CallRecord("CA1", "AC", "+91", "+80", "inbound", "2026-11-25T10:00:00.000+00:00", 0, "", ())


def said(sid: str, *texts: str, ending: str = "") -> CallRecord:
    entries = tuple(Entry("agent", text, n, n + 1) for n, text in enumerate(texts))
    return msgspec.structs.replace(BLANK, call_sid=sid, entries=entries, ending=ending)


def words(record: CallRecord | None) -> list[str]:
    return [entry.text for entry in record.entries] if record is not None else []


class Talk:
    """A call that goes on."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.texts: list[str] = []
        self.crashes = False

    def so_far(self) -> CallRecord:
        if self.crashes:
            raise ZeroDivisionError
        return said(self.sid, *self.texts)


class Store:
    """Follows the port's rule about revisions."""

    name = "in memory"

    def __init__(self) -> None:
        self.records: dict[str, CallRecord] = {}
        self.fault: Callable[[tuple[CallRecord, ...]], None] = lambda _records: None
        self.saves = 0

    def get(self, call_sid: str) -> CallRecord | None:
        return self.records.get(call_sid)

    def save(self, *records: CallRecord) -> list[str]:
        self.fault(records)
        self.saves += 1
        older = []
        for record in records:
            before = self.records.get(record.call_sid)
            if before is None or before.revision <= record.revision:
                self.records[record.call_sid] = record
            else:
                older.append(record.call_sid)
        return older


def away(_records: object) -> None:
    raise StoreError("away")


def told_of(folder: Path, secret: bytes) -> bool:
    """Whether it is in a file there, or a file has just been replaced."""
    try:
        return any(secret in path.read_bytes() for path in folder.iterdir())
    except FileNotFoundError:
        return True


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store()
        self.state = ProcessState(ready=True)
        self.file = JournalFile(folder, "one")
        self.keeping = Keeping(self.store, self.file, self.state)

    def call(self, sid: str, *texts: str) -> Talk:
        talk = Talk(sid)
        talk.texts += texts
        self.keeping.follow(sid, talk)
        return talk

    @property
    def journalled(self) -> dict[str, list[str]]:
        """What a start after a crash would find."""
        found: dict[str, list[str]] = {}
        for path in self.folder.glob("*.journal"):
            found |= {sid: words(record) for sid, record in journal.replay(journal.read(path.read_bytes())[0]).items()}
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "journal")


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110  threads set no event of ours
            await trio.sleep(0.01)


async def test_what_is_said_is_in_the_journal_and_in_the_store_while_the_call_goes_on(house: House, nursery) -> None:
    await nursery.start(house.keeping.run)
    one, _ = house.call("CA1", "Hello."), house.call("CA2", "Namaste.")

    await until(lambda: house.journalled == {"CA1": ["Hello."], "CA2": ["Namaste."]})
    one.texts.append("A flat?")
    await until(lambda: house.journalled["CA1"] == ["Hello.", "A flat?"])
    await until(lambda: words(house.store.records["CA1"]) == ["Hello.", "A flat?"])
    assert house.store.records["CA1"].ending == ""


async def test_a_card_number_is_neither_journalled_nor_stored(house: House, nursery) -> None:
    await nursery.start(house.keeping.run)
    call = house.call("CA1", "Hello.", "4111 1111")
    await until(lambda: bool(house.store.records and house.journalled))
    call.texts += ["1111 1111", "Bye."]
    told = ["Hello.", "[card]", "[card ending 1111]", "Bye."]
    await until(lambda: house.journalled["CA1"] == words(house.store.records["CA1"]) == told)
    await until(lambda: not told_of(house.folder, b"4111 1111"))
    house.keeping.hold(said("CA2", "4111 1111 1111 1111"))
    await house.keeping.written()
    assert house.journalled["CA2"] == ["[card ending 1111]"]
    await house.keeping.delivered()
    size, saves = house.file.size, house.store.saves

    house.keeping._take(call.so_far())
    await house.keeping.written()
    assert (house.file.size, house.store.saves) == (size, saves)


async def test_calls_are_looked_at_a_few_at_a_time_and_none_that_has_ended_meanwhile(house: House, nursery) -> None:
    steps, looks = [0], []

    class Looked(Talk):
        def so_far(self) -> CallRecord:
            looks.append((steps[0], self.sid))
            house.keeping.finish(said("CA29", "Bye.", ending="over"))
            return super().so_far()

    async def others() -> None:
        while True:
            steps[0] += 1
            await trio.lowlevel.checkpoint()

    for n in range(30):
        house.keeping.follow(f"CA{n}", Looked(f"CA{n}"))
    await nursery.start(house.keeping.run)
    nursery.start_soon(others)
    with trio.fail_after(30):
        while len(looks) < 29:
            await trio.lowlevel.checkpoint()

    assert max(Counter(step for step, _ in looks[:29]).values()) <= 16  # eight, and eight where the others came last
    assert [sid for _, sid in looks[:29]] == [f"CA{n}" for n in range(29)]


async def test_nothing_is_written_while_nothing_is_said(house: House, nursery) -> None:
    await nursery.start(house.keeping.run)
    house.call("CA1", "Hello.")
    await until(lambda: bool(house.store.records and house.journalled))
    await house.keeping.written()
    await house.keeping.delivered()
    size, saves = house.file.size, house.store.saves

    for _ in range(5):
        house.keeping._take(said("CA1", "Hello."))
        await house.keeping.written()
        await house.keeping.delivered()

    assert (house.file.size, house.store.saves) == (size, saves)


async def test_a_finished_record_leaves_the_journal_once_the_store_has_it(house: House, nursery) -> None:
    await nursery.start(house.keeping.run)
    house.call("CA1", "Hello.")
    await until(lambda: bool(house.store.records))
    house.store.fault = away

    house.keeping.update(said("CA1", "Hello.", "Bye.", ending="caller hung up"))
    house.keeping.finish(said("CA1", "Hello.", "Bye.", ending="caller hung up"))
    await house.keeping.written()
    assert house.journalled == {"CA1": ["Hello.", "Bye."]}

    house.store.fault = lambda _records: None
    await until(lambda: list(house.folder.iterdir()) == [])
    assert words(house.store.records["CA1"]) == ["Hello.", "Bye."]
    assert house.store.records["CA1"].ending == "caller hung up"


async def test_a_store_that_is_away_gets_the_newest_state_once_it_is_back(house: House, nursery) -> None:
    await nursery.start(house.keeping.run)
    house.store.fault = away
    calls = [house.call(f"CA{n}", "Hello.") for n in range(70)]
    await until(lambda: len(house.journalled) == 70)
    for call in calls:
        call.texts.append("And?")
    await until(lambda: all(texts == ["Hello.", "And?"] for texts in house.journalled.values()))
    assert house.store.records == {}

    house.store.fault = lambda _records: None
    await house.keeping.delivered()

    assert {sid: words(record) for sid, record in house.store.records.items()} == house.journalled
    assert house.store.saves < 20


async def test_a_record_that_the_store_refuses_holds_up_no_other(house: House, nursery) -> None:
    def refuse(records: tuple[CallRecord, ...]) -> None:
        if any(record.call_sid == "CA0" for record in records):
            raise StoreError("too large")

    house.store.fault = refuse
    await nursery.start(house.keeping.run)
    for n in range(5):
        house.call(f"CA{n}", "Hello.")

    await until(lambda: set(house.store.records) == {"CA1", "CA2", "CA3", "CA4"})


async def test_a_store_that_is_away_is_asked_ever_more_seldom(house: House, autojump_clock, nursery) -> None:
    asked: list[float] = []

    class Refused(Backlog):
        async def _save(self, batch: list[CallRecord]) -> bool:
            await trio.lowlevel.checkpoint()
            asked.append(trio.current_time())
            return False

    backlog = Refused(house.store, lambda _: None)
    backlog.add(BLANK)
    nursery.start_soon(backlog.run)
    await trio.sleep(60)
    nursery.cancel_scope.cancel("seen")

    gaps = [after - before for before, after in pairwise(asked)]
    assert gaps[:4] == pytest.approx([FIRST_PAUSE_S * 2**n for n in range(4)])
    assert max(gaps) == pytest.approx(LONGEST_PAUSE_S)


@pytest.mark.parametrize("becomes", ["done", "erased"])
async def test_what_is_so_while_the_journal_is_written_is_told_with_the_next_write(
    house: House, nursery, becomes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a call that is done with nor one that is erased comes back at the next start."""
    written = trio.Event()
    written.set()

    async def told_late(work: Callable[..., None], *of: object, **_: object) -> None:
        work(*of)
        await written.wait()

    monkeypatch.setattr(trio.to_thread, "run_sync", told_late)
    notebook = Notebook(house.file, lambda _: None)
    for n in range(3):
        notebook.take(said(f"CA{n}", "Hello."))
    await notebook.put_down()

    written = trio.Event()
    notebook.forget("CA0")
    nursery.start_soon(notebook.put_down)
    await trio.testing.wait_all_tasks_blocked()
    if becomes == "done":
        notebook.forget("CA1")
    else:
        notebook.erase(["CA1"])
    written.set()
    await trio.testing.wait_all_tasks_blocked()
    await notebook.put_down()

    assert house.journalled == {"CA2": ["Hello."]}
    assert becomes == "done" or not told_of(house.folder, b"CA1")
    await notebook.written()
    notebook.release()


async def test_what_is_still_made_of_a_call_that_was_erased_is_not_kept(house: House) -> None:
    house.keeping.finish(said("CA1", "Hello.", ending="over"))
    house.keeping.erase(["CA1"])
    house.keeping.update(said("CA1", "Hello.", "Goodbye."))

    assert house.keeping.known("CA1") is None


async def test_a_record_is_forgotten_once_the_store_has_its_last_state(house: House) -> None:
    house.keeping.finish(said("CA1", "Hello.", ending="over"))
    first = house.keeping.known("CA1")
    house.keeping.finish(said("CA1", "Hello.", "Goodbye.", ending="over"))
    last = house.keeping.known("CA1")

    house.keeping._stored(first)  # as it was on its way meanwhile
    assert house.keeping.known("CA1") is last
    house.keeping._stored(last)
    assert house.keeping.known("CA1") is None


async def test_a_store_that_hangs_holds_up_neither_the_journal_nor_the_loop(house: House, nursery) -> None:
    hung = threading.Event()
    house.store.fault = lambda _records: (hung.wait(30), None)[1]
    await nursery.start(house.keeping.run)
    call = house.call("CA1", "Hello.")
    await until(lambda: house.journalled == {"CA1": ["Hello."]})

    call.texts.append("Still there?")
    await until(lambda: house.journalled == {"CA1": ["Hello.", "Still there?"]})
    assert house.store.records == {}

    hung.set()
    await until(lambda: words(house.store.records.get("CA1")) == ["Hello.", "Still there?"])


async def test_a_disk_that_hangs_is_told_and_holds_up_neither_the_store_nor_the_loop(
    house: House, nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurseries.keep.notebook.STUCK_S", 0.1)
    await nursery.start(house.keeping.run)
    hung, fsync = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (hung.wait(30), fsync(fd))[1])
    call = house.call("CA1", "Hello.")
    await until(lambda: house.state.journal_fault != "")
    assert not house.state.accepting

    call.texts.append("Still there?")
    await until(lambda: words(house.store.records.get("CA1")) == ["Hello.", "Still there?"])

    hung.set()
    await until(lambda: house.journalled == {"CA1": ["Hello.", "Still there?"]} and house.state.accepting)


async def test_a_full_disk_is_told_and_made_up_for(house: House, nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurseries.keep.notebook.AGAIN_S", 0.02)
    await nursery.start(house.keeping.run)
    call, write = house.call("CA1", "Hello."), os.write
    await until(lambda: house.journalled == {"CA1": ["Hello."]})

    def full(fd: int, data: bytes) -> int:
        if len(data) < 5:
            raise OSError(28, os.strerror(28))
        return write(fd, data[: len(data) - 4])

    monkeypatch.setattr(os, "write", full)
    call.texts.append("Is anybody there?")
    await until(lambda: os.strerror(28) in house.state.journal_fault)
    assert not house.state.accepting
    await until(lambda: words(house.store.records["CA1"]) == ["Hello.", "Is anybody there?"])
    assert house.journalled == {"CA1": ["Hello."]}

    monkeypatch.setattr(os, "write", write)
    await until(lambda: house.state.accepting)
    assert house.journalled == {"CA1": ["Hello.", "Is anybody there?"]}


async def test_a_call_whose_record_cannot_be_told_takes_no_other_with_it(house: House, nursery) -> None:
    await nursery.start(house.keeping.run)
    house.call("CA1", "Hello.").crashes = True
    house.call("CA2", "Hello.")

    await until(lambda: set(house.journalled) == {"CA2"})


async def test_a_large_file_is_begun_anew_with_what_is_open(
    house: House, nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurseries.keep.notebook.LARGEST", 2000)
    house.keeping._notebook._full = 2000
    await nursery.start(house.keeping.run)
    house.call("CA2", "Namaste.")
    await until(lambda: "CA2" in house.journalled)
    call = house.call("CA1")
    for n in range(30):
        call.texts = [f"{n} " * 20]
        house.keeping._take(call.so_far())
        await house.keeping.written()

    assert house.file.size < 4000
    assert house.journalled == {"CA1": call.texts, "CA2": ["Namaste."]}
    assert len(list(house.folder.iterdir())) == 1


async def test_what_is_left_at_the_end_is_in_the_journal(house: House, nursery) -> None:
    house.store.fault = away
    async with trio.open_nursery() as running:
        await running.start(house.keeping.run)
        house.keeping.finish(said("CA1", "Bye.", ending="caller hung up"))
        running.cancel_scope.cancel()

    assert await house.keeping.close() == []
    assert house.journalled == {"CA1": ["Bye."]}
    (left,), _ = leftovers(house.folder)
    left.release()


async def test_what_neither_has_at_the_end_is_returned(house: House, nursery) -> None:
    house.folder.write_text("in the way")
    house.store.fault = away
    async with trio.open_nursery() as running:
        await running.start(house.keeping.run)
        house.keeping.finish(said("CA1", "Bye.", ending="caller hung up"))
        running.cancel_scope.cancel()

    assert [record.call_sid for record in await house.keeping.close()] == ["CA1"]


class Lossy(Store):
    """Of each write: nothing arrives, the answer is lost, or it arrives after later ones."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = "fine"
        self.late: list[tuple[CallRecord, ...]] = []

    def save(self, *records: CallRecord) -> list[str]:
        if self.fate == "late":
            self.late.append(records)
        if self.fate in {"late", "lost"}:
            raise StoreError(self.fate)
        older = super().save(*records)
        if self.fate == "unanswered":
            raise StoreError(self.fate)
        return older

    def arrive(self) -> None:
        for records in self.late:
            super().save(*records)
        self.late.clear()


SIDS = ("CA1", "CA2")


class Story:
    """Two calls, processes that come and go, one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Lossy()
        self.now = {sid: [f"{sid} begins."] for sid in SIDS}
        self.safe: dict[str, list[str]] = {}
        """What a crash may not take."""
        self.processes = 0

    async def start(self) -> None:
        """A process that takes up what is left: everything that was written."""
        self.processes += 1
        file = JournalFile(self.folder, f"process-{self.processes}")
        self.keeping = Keeping(self.store, file, ProcessState())
        found, faults = leftovers(self.folder)
        assert not faults
        records: dict[str, CallRecord] = {}
        for left in found:
            records |= journal.replay(journal.read(left.read())[0])
        assert {sid: words(record) for sid, record in records.items()} == self.safe
        for record in records.values():
            self.keeping.hold(record)
        await self.keeping._notebook.put_down()
        for left in found:
            left.remove()

    async def say(self, n: int) -> None:
        self.now[SIDS[n % 2]].append(f"{n}.")

    async def hear_less(self, n: int) -> None:
        if len(self.now[SIDS[n % 2]]) > 1:
            self.now[SIDS[n % 2]].pop()

    async def write(self, _n: int) -> None:
        for sid, texts in self.now.items():
            self.keeping._take(said(sid, *texts))
        await self.keeping._notebook.put_down()
        self.safe = {sid: list(texts) for sid, texts in self.now.items()}

    async def deliver(self, n: int) -> None:
        self.store.fate = ("fine", "late", "lost", "unanswered")[n % 4]
        if batch := list(self.keeping._backlog._due.values()):
            await self.keeping._backlog._save(batch)

    async def arrive(self, _n: int) -> None:
        self.store.arrive()

    async def crash(self, n: int) -> None:
        self.keeping._notebook.release()
        for path in self.folder.glob("*.journal"):
            with path.open("ab") as end:
                end.write(b"half a line"[: n % 11])
        self.now = {sid: list(self.safe.get(sid, texts)) for sid, texts in self.now.items()}
        await self.start()

    async def end(self) -> None:
        self.store.fate = "fine"
        for sid, texts in self.now.items():
            self.keeping.finish(said(sid, *texts, ending="caller hung up"))
        while batch := list(self.keeping._backlog._due.values()):
            await self.keeping._backlog._save(batch)
        self.store.arrive()
        await self.keeping._notebook.put_down()


STEPS = st.sampled_from(["say", "hear_less", "write", "deliver", "arrive", "crash"])


@given(st.lists(st.tuples(STEPS, st.integers(0, 20)), max_size=25))
@settings(max_examples=examples(150), deadline=None)
async def test_any_order_of_writing_crashing_and_delivering_gives_the_same_record(told: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        await story.start()
        for step, n in told:
            await getattr(story, step)(n)
        await story.end()

        assert {sid: words(record) for sid, record in story.store.records.items()} == story.now
        assert all(record.ending for record in story.store.records.values())
        assert list(story.folder.iterdir()) == []


def read(house: House, name: str) -> float:
    return next(reading.value for reading in house.keeping.readings() if reading.name == name)


async def test_how_far_behind_a_hung_disk_or_store_is_shows_until_it_has_caught_up(
    house: House, nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await nursery.start(house.keeping.run)
    hung, fsync = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (hung.wait(30), fsync(fd))[1])
    house.store.fault = lambda _records: (hung.wait(30), None)[1]
    assert (read(house, "journal_behind_seconds"), read(house, "records_behind_seconds")) == (0, 0)

    call = house.call("CA1", "Hello.")
    await until(lambda: read(house, "journal_behind_seconds") > 0.3 and read(house, "records_behind_seconds") > 0.3)
    call.texts.append("Still there?")
    await until(lambda: read(house, "journal_behind_seconds") > 0.9)
    assert (read(house, "journal_unwritten"), read(house, "records_waiting")) == (1, 1)

    hung.set()
    await until(lambda: words(house.store.records.get("CA1")) == ["Hello.", "Still there?"])
    await until(lambda: read(house, "journal_behind_seconds") == read(house, "records_behind_seconds") == 0)
    assert read(house, "journal_bytes") > 0


@pytest.mark.parametrize("gone", [True, False])
async def test_the_store_is_not_behind_with_a_call_that_another_process_has(house: House, nursery, gone: bool) -> None:
    hung, asked = threading.Event(), threading.Event()

    def hangs(records: tuple[CallRecord, ...]) -> None:
        asked.set()
        hung.wait(30)
        if gone:
            away(records)

    house.store.fault = hangs
    await nursery.start(house.keeping.run)
    house.call("CA1", "Hello.")
    await until(asked.is_set)
    house.keeping.drop("CA1")
    house.store.fault = lambda _records: None
    hung.set()
    house.call("CA2", "Hello.")
    await until(lambda: "CA2" in house.store.records)

    await until(lambda: read(house, "records_waiting") == 0)
    await until(lambda: read(house, "records_behind_seconds") == 0)


async def test_what_a_failed_write_was_to_write_does_not_become_younger(house: House, nursery) -> None:
    house.folder.write_text("in the way")
    house.store.fault = away
    await nursery.start(house.keeping.run)
    house.call("CA1", "Hello.")

    await until(lambda: read(house, "journal_behind_seconds") > 1.5)  # more than a try
    await until(lambda: read(house, "records_behind_seconds") > 1.5)


async def test_a_later_writer_of_a_record_stands_whatever_its_clock_says(tmp_path: Path, monkeypatch) -> None:
    store, epochs = Store(), {"CA1": 1}
    made = Keeping(store, JournalFile(tmp_path, "one"), ProcessState(), epoch=lambda sid: epochs[sid])
    other = Keeping(store, JournalFile(tmp_path, "two"), ProcessState(), epoch=lambda _: 2)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run)
        await nursery.start(other.run)
        with monkeypatch.context() as patched:
            patched.setattr("nurseries.keep.keeping.time.time", lambda: 1_700_000_000.0)
            other.update(said("CA1", "Hello.", "And on."))
        await other.delivered()
        made.update(said("CA1", "Hello."))
        await made.delivered()
        assert words(store.records["CA1"]) == ["Hello.", "And on."]
        assert changed_at(store.records["CA1"].revision) == 1_700_000_000.0

        epochs["CA1"] = 3
        made.update(said("CA1", "Hello.", "And on.", "To the end."))
        await made.delivered()
        assert words(store.records["CA1"])[-1] == "To the end."
        assert epoch_of(store.records["CA1"].revision) == 3
        nursery.cancel_scope.cancel("done")
    await made.close()
    await other.close()


async def test_what_another_process_has_is_dropped_here_and_not_taken_again(tmp_path: Path) -> None:
    store, over, kept, epochs = Store(), [], [], {"CA1": 1}
    file = JournalFile(tmp_path, "one")
    made = Keeping(store, file, ProcessState(), over=over.append, kept=kept.append, epoch=epochs.__getitem__)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run)
        talk = Talk("CA1")
        talk.texts.append("Hello.")
        made.follow("CA1", talk)
        made.remembered()
        await made.safe()
        await made.delivered()
        store.fault = away
        talk.texts.append("And what the other one says otherwise.")
        made.remembered()
        await made.written()
        store.records["CA1"] = msgspec.structs.replace(store.records["CA1"], revision=revision_of(2, 1_795_000_000.0))
        made.drop("CA1")
        made.finish(said("CA1", "Hello.", "Nothing of this.", ending="connection lost"))
        await made.written()
        assert told_of(tmp_path, b"otherwise")  # for the other one may not have it
        store.fault = lambda _: None
        await made.delivered()
        assert (over, kept, made.known("CA1"), made.waiting) == ([], [], None, 0)
        assert made.dropped("CA1")
        assert words(store.records["CA1"]) == ["Hello."]
        await until(lambda: not told_of(tmp_path, b"otherwise"))

        epochs["CA1"] = 3
        made.follow("CA1", talk)  # it has come back
        made.finish(said("CA1", "Hello.", "Back.", ending="agent said goodbye"))
        await made.delivered()
        assert words(store.records["CA1"]) == ["Hello.", "Back."]
        assert kept == ["CA1"]
        nursery.cancel_scope.cancel("done")
    await made.close()


async def test_what_another_process_has_keeps_nothing_waiting(house: House, nursery) -> None:
    house.store.fault = away
    await nursery.start(house.keeping.run)
    house.keeping.finish(said("CA1", "Hello."))
    await trio.sleep(0.1)
    house.keeping.drop("CA1")
    house.store.fault = lambda _records: None
    await house.keeping.delivered()
    await trio.sleep(0.1)

    assert {r.name: r.value for r in house.keeping.readings()}["records_behind_seconds"] == 0
    nursery.cancel_scope.cancel("over")


async def test_a_call_that_went_on_without_its_past_does_not_take_that_from_the_store(house: House, nursery) -> None:
    """Its process could not read the record in time; the store is back now."""
    house.store.records["CA1"] = msgspec.structs.replace(said("CA1", "Hello."), legs=(Leg("one", 0, 900),), revision=7)
    await nursery.start(house.keeping.run)
    begun = {"started_at": "2026-11-25T10:00:05.000+00:00", "missing": 1, "legs": (Leg("two"),)}
    for texts in ("Sorry",), ("Sorry", "Go on"):
        house.keeping.finish(msgspec.structs.replace(said("CA1", *texts), **begun))
        await house.keeping.delivered()
    kept = house.store.records["CA1"]

    assert [(entry.text, entry.start_ms) for entry in kept.entries] == [("Hello.", 0), ("Sorry", 5000), ("Go on", 5001)]
    assert [(leg.process, leg.began_ms) for leg in kept.legs] == [("one", 0), ("two", 5000)]
    assert (kept.started_at, kept.missing) == (BLANK.started_at, 0)
    nursery.cancel_scope.cancel("over")


@pytest.mark.parametrize("over", [False, True])
async def test_what_the_store_was_not_told_until_another_process_had_gone_on_is_put_before_that(
    tmp_path: Path, over: bool
) -> None:
    """The store is away as the line breaks off; whoever goes on is the first to tell it anything."""
    store = Store()
    one = Keeping(store, JournalFile(tmp_path, "one"), ProcessState())
    two = Keeping(store, JournalFile(tmp_path, "two"), ProcessState(), epoch=lambda _: 2)
    begun = {"started_at": "2026-11-25T10:00:05.000+00:00", "missing": 1, "legs": (Leg("two"),)}

    def away_for_one(records: tuple[CallRecord, ...]) -> None:
        if any(epoch_of(record.revision) == 1 for record in records):
            raise StoreError("away")

    store.fault = away_for_one
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        await nursery.start(two.run)
        one.update(msgspec.structs.replace(said("CA1", "Hello."), legs=(Leg("one", 0, 900),)))
        two.update(msgspec.structs.replace(said("CA1", "Sorry"), **begun))
        await two.delivered()
        last = msgspec.structs.replace(said("CA1", "Sorry", "Go on", ending="caller hung up"), **begun)
        if over:
            two.finish(last)
            await two.delivered()
        one.drop("CA1")
        store.fault = lambda _: None
        await one.delivered()
        assert one.known("CA1") is None
        if not over:
            two.finish(last)
            await two.delivered()
        kept = store.records["CA1"]
        assert words(kept) == ["Hello.", "Sorry", "Go on"]
        assert [(leg.process, leg.began_ms) for leg in kept.legs] == [("one", 0), ("two", 5000)]
        assert (kept.started_at, kept.missing, kept.ending) == (BLANK.started_at, 0, "caller hung up")
        nursery.cancel_scope.cancel("over")
    await one.close()
    await two.close()


def legs_of_an_outage() -> list[CallRecord]:
    """Three legs of one call, of which none could read what was before it; as their processes have them."""
    found = []
    for n, process in enumerate(("one", "two", "three")):
        said_here = said("CA1", f"Leg {process}.", f"End of {process}.")
        told = {"started_at": f"2026-11-25T10:0{n}:00.000+00:00", "legs": (Leg(process, 0, 900),), "missing": n}
        found.append(msgspec.structs.replace(said_here, revision=revision_of(n + 1, 1e9), barge_ins=1, **told))
    return found


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_of_three_legs_without_a_past_each_none_is_lost_in_whatever_order_they_are_told(
    order: tuple[int, ...],
) -> None:
    """The first two are gone from their processes' sight, and wait for the store; the third goes on to its end."""
    store = Store()
    records = legs_of_an_outage()
    processes = [Backlog(store, lambda _: None) for _ in records]
    for n in order:
        processes[n].add(records[n])
        await tell(processes[n])
    on = msgspec.structs.replace(records[2], entries=(*records[2].entries, Entry("agent", "Bye.", 5, 6)))
    for change, ending in ((1, ""), (2, "caller hung up"), (3, "caller hung up")):
        processes[2].add(msgspec.structs.replace(on, revision=on.revision + change, ending=ending))
        for n in (2, *order, *order):
            await tell(processes[n])

    kept = store.records["CA1"]
    assert words(kept) == [
        *("Leg one.", "End of one.", "Leg two.", "End of two."),
        *("Leg three.", "End of three.", "Bye."),
    ]
    assert [(leg.process, leg.began_ms) for leg in kept.legs] == [("one", 0), ("two", 60_000), ("three", 120_000)]
    assert (kept.started_at, kept.missing, kept.ending, kept.barge_ins) == (BLANK.started_at, 0, "caller hung up", 3)
    assert [process.waiting for process in processes] == [0, 0, 0]


async def test_what_was_said_after_the_store_had_gone_away_is_kept_where_a_later_leg_tells_of_the_call_first() -> None:
    """What the store has had of the first leg until then is all that it finds."""
    store = Store()
    one, two = (Backlog(store, lambda _: None) for _ in range(2))
    first, second, _ = legs_of_an_outage()
    one.add(msgspec.structs.replace(first, entries=first.entries[:1]))
    await tell(one)
    on = msgspec.structs.replace(second, entries=(*second.entries, Entry("agent", "Bye.", 5, 6)))
    one.add(msgspec.structs.replace(first, revision=first.revision + 1))
    for change, ending in ((0, ""), (1, ""), (2, "caller hung up")):
        two.add(msgspec.structs.replace(on, revision=on.revision + change, ending=ending))
        for process in (two, one, one):
            await tell(process)
        kept = store.records["CA1"]
        assert words(kept) == ["Leg one.", "End of one.", "Leg two.", "End of two.", "Bye."]
        assert [(leg.process, leg.began_ms) for leg in kept.legs] == [("one", 0), ("two", 60_000)]
        assert one.waiting == (not ending)


async def tell(process: Backlog) -> None:
    """It has the store look at what waits, whenever that was to be."""
    if waits := list(process._due.values()):
        assert await process._save(waits)


async def test_a_call_whose_past_was_put_before_holds_up_no_other(house: House) -> None:
    backlog = house.keeping._backlog
    past, _, on = legs_of_an_outage()
    house.store.records["CA1"] = on
    backlog.add(past)
    assert await backlog._save(backlog._next())
    backlog.add(said("CA2", "Hello."))

    assert backlog.has("CA1")
    assert [record.call_sid for record in backlog._next()] == ["CA2"]
    backlog.add(msgspec.structs.replace(past, revision=revision_of(4, 1e9)))  # the call has come back here
    assert [record.call_sid for record in backlog._next()] == ["CA1", "CA2"]


def test_milliseconds_and_writers_are_told_apart() -> None:
    for epoch in (1, 2, 1000):
        revision = revision_of(epoch, 1_795_000_000.25)
        assert (epoch_of(revision), changed_at(revision)) == (epoch, 1_795_000_000.25)
    assert revision_of(2**20, 4e9) < 2**63 - 1
