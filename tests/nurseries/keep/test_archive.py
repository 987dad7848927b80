"""A recording's way: written, stored, its key in the record, its file removed; and every fault between. Real files and
threads."""

from __future__ import annotations

import os
import threading
import time
import wave
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from agent.config import Settings
from agent.errors import StoreError
from agent.keep import wav
from agent.keep.derive import derived
from agent.keep.erasure import Erased
from agent.keep.piece import Piece
from agent.keep.record import CallRecord
from agent.providers import spool, waiting
from agent.providers.journal_file import JournalFile
from agent.providers.local_objects import LocalObjects
from agent.providers.sqlite import SqliteStore
from agent.web.state import ProcessState
from nurseries.keep import storing
from nurseries.keep.archive import Archive
from nurseries.keep.erasing import Erasing
from nurseries.keep.keeping import Keeping
from nurseries.keep.reading import Reading
from nurseries.keep.storing import Storing
from nurseries.line.tape import Tape
from tests.agent.providers.test_stores import record

BOUND_S = 10
QUIET = b"\xff" * 160


class Away(LocalObjects):
    """Not there until it is."""

    away = False
    puts = 0

    def put(self, key: str, path: Path, content_type: str) -> None:
        if self.away:
            raise StoreError("away")
        self.puts += 1
        super().put(key, path, content_type)


@dataclass
class House:
    folder: Path
    recording: bool = True
    store: SqliteStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.folder / "calls.db")
        self.objects = Away(self.folder / "recordings")
        self.begin()

    def begin(self) -> None:
        """As a process does that starts here."""
        self.name = os.urandom(4).hex()
        self.keeping = Keeping(self.store, JournalFile(self.folder / "journal", self.name), ProcessState())
        storing = Storing(self.objects, self.store, self.keeping)
        self.archive = Archive(storing, self.folder / "spool", name=self.name, recording=self.recording)

    async def run(self, nursery: trio.Nursery) -> None:
        await nursery.start(self.keeping.run)
        await nursery.start(self.archive.run)

    @property
    def spooled(self) -> list[str]:
        folder = self.folder / "spool"
        return [path.name for path in folder.iterdir() if path.suffix != ".lock"] if folder.exists() else []

    def key(self, call_sid: str = "CA1") -> str:
        found = self.store.get(call_sid)
        return found.recording if found is not None else "no record"


@pytest.fixture
def house(tmp_path: Path):
    made = House(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "FIRST_PAUSE_S", 0.05)


class Bucket(Away):
    """Away for everything."""

    def delete(self, key: str) -> None:
        if self.away:
            raise StoreError("away")
        super().delete(key)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(condition) -> None:
    with trio.fail_after(BOUND_S):
        while not condition():  # noqa: ASYNC110  a thread sets no event of ours
            await trio.sleep(0.02)


def recorded(house: House, call_sid: str = "CA1", seconds: int = 2) -> Tape:
    tape = house.archive.tape(call_sid)
    assert tape is not None
    for n in range(50 * seconds):
        tape.heard(QUIET, str(100 + 20 * n), 20 * n + 20)
    tape.allow()
    return tape


def over(house: House, tape: Tape, **changes: object) -> CallRecord:
    tape.end(2000)
    finished = record(tape.label.call_sid, **changes)
    house.keeping.finish(finished)
    house.archive.keep(tape)
    return finished


async def test_it_is_stored_its_record_has_the_key_and_its_file_is_gone(house: House) -> None:
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        tape = recorded(house)
        await until(lambda: house.spooled)
        over(house, tape)
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()

    assert house.spooled == []
    assert house.key() == tape.label.started_at[:10].replace("-", "/") + "/CA1.wav"
    with wave.open(str(house.folder / "recordings" / house.key())) as file:
        assert file.getnframes() == 16_000


async def test_nothing_is_written_of_who_was_not_told(house: House) -> None:
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        tape = house.archive.tape("CA1")
        assert tape is not None
        tape.heard(QUIET, "100", 20)
        over(house, tape)
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
        nursery.cancel_scope.cancel()

    assert not (house.folder / "spool").exists()
    assert house.objects.puts == 0


async def test_it_waits_while_the_object_store_is_away(house: House) -> None:
    house.objects.away = True
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        over(house, recorded(house))
        await until(lambda: house.key() == "")
        await trio.sleep(0.2)
        assert len(house.spooled) == 1
        house.objects.away = False
        await until(lambda: house.key().endswith("CA1.wav"))
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
        nursery.cancel_scope.cancel()
    assert house.spooled == []


@pytest.mark.parametrize("step", ["before the object", "before the key", "before the removal"])
async def test_what_a_process_left_is_taken_up_wherever_it_was(house: House, step: str) -> None:
    left = spool.begin(house.folder / "spool", "gone", wav.Label("CA1", "2026-11-27T10:00:00.000+00:00"))
    left.append(wav.frames(QUIET * 50, QUIET * 50))
    house.store.save(record(revision=1))
    if step == "before the removal":
        house.store.add_piece("CA1", left.piece)
    if step != "before the object":
        left.complete()
        house.objects.put(left.key, left.path, "audio/wav")
    left.release()
    house.recording = False
    house.begin()

    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        await until(lambda: not house.spooled)
        with trio.fail_after(BOUND_S):
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()

    assert house.key() == "2026/11/27/CA1.wav"
    assert house.objects.size(house.key()) > 50 * 160 * 4
    assert house.archive.tape("CA2") is None


async def test_the_recording_of_a_deleted_record_is_deleted(house: House) -> None:
    house.objects.away = True
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        over(house, recorded(house))
        await until(lambda: house.key() == "" and house.keeping.known("CA1") is None)
        house.store.delete("CA1")
        house.objects.away = False
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
        nursery.cancel_scope.cancel()

    assert house.spooled == []
    assert list(house.objects.older(-5)) == []
    assert house.key() == "no record"


async def test_one_without_a_record_waits_a_day_and_is_deleted(house: House) -> None:
    for name, age_s in (("new", 3600), ("old", 25 * 3600)):
        left = spool.begin(house.folder / "spool", name, wav.Label(name, "2026-11-27T10:00:00.000+00:00"))
        left.append(wav.frames(QUIET, QUIET))
        left.release()
        os.utime(left.path, (time.time() - age_s,) * 2)
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        await until(lambda: len(house.spooled) == 1)
        await trio.sleep(0.2)
        assert waiting.told_of(house.folder / "spool", {"new"}) == len(house.spooled) == 1
        assert house.objects.puts == 0
        nursery.cancel_scope.cancel()


async def test_pieces_of_a_call_that_goes_on_elsewhere_are_added_and_stay(house: House) -> None:
    for name, leg in (("gone", 1), ("gone-too", 3)):
        label = wav.Label("CA1", "2026-11-27T10:00:00.000+00:00", leg, 3000 * (leg - 1))
        left = spool.begin(house.folder / "spool", name, label)
        left.append(wav.frames(QUIET * 2, QUIET * 2))
        left.release()
    house.store.save(record(revision=7, ending=""))
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        await until(lambda: house.key() != "")
        await until(lambda: not house.spooled)
        tape = house.archive.tape("CA1")
        assert tape is not None
        tape.begins(2, datetime(2026, 11, 27, 10, tzinfo=UTC), 4000)
        tape.heard(QUIET, "100", 4020)
        tape.allow()
        tape.end(5000)
        house.archive.keep(tape)  # the record is another process's by now: this one has none of it
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
        nursery.cancel_scope.cancel()
    house.store.save(record(revision=8, ending="caller hung up"))

    kept = house.store.get("CA1")
    assert kept is not None
    assert kept.pieces == (
        Piece(1, "2026/11/27/CA1.wav", 0, 320),
        Piece(2, "2026/11/27/CA1+2.wav", 4000, 8000),
        Piece(3, "2026/11/27/CA1+3.wav", 6000, 320),
    )


async def test_what_comes_before_its_record_waits_for_it(house: House) -> None:
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        tape = recorded(house)
        tape.end(2000)
        house.archive.keep(tape)
        await until(lambda: house.objects.puts == 1)
        await trio.sleep(0.1)
        assert len(house.spooled) == 1
        house.store.save(record())
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
        nursery.cancel_scope.cancel()

    assert (house.key() != "", house.objects.puts) == (True, 1)


async def test_a_full_disk_costs_the_recording(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        tape = recorded(house)
        await until(lambda: house.spooled)
        monkeypatch.setattr(spool, "SPARE_BYTES", 1 << 60)
        for n in range(100, 300):
            tape.heard(QUIET, str(100 + 20 * n), 20 * n + 20)
        await until(lambda: tape.lost)
        await until(lambda: not house.spooled)
        finished = over(house, tape)
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()
    kept = house.store.get("CA1")
    assert kept is not None
    assert msgspec.structs.replace(kept, revision=0) == derived(finished)
    assert "are left on the disk" in capsys.readouterr().out


async def test_many_calls_at_once(house: House) -> None:
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        tapes = [recorded(house, f"CA{n}") for n in range(30)]
        for tape in tapes:
            over(house, tape)
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()
    assert house.spooled == []
    assert len({house.key(f"CA{n}") for n in range(30)}) == 30
    assert all(house.objects.size(house.key(f"CA{n}")) > 64_000 for n in range(30))


async def test_a_fault_in_one_recording_costs_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    append = spool.Spooled.append

    def broken(spooled: spool.Spooled, frames: bytes) -> None:
        if spooled.label.call_sid == "CA1":
            raise ZeroDivisionError
        append(spooled, frames)

    monkeypatch.setattr(spool.Spooled, "append", broken)
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        for tape in [recorded(house, "CA1"), recorded(house, "CA2")]:
            over(house, tape)
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()
    assert house.spooled == []
    assert house.key("CA1") == ""
    assert house.key("CA2").endswith("CA2.wav")


async def test_what_waits_for_the_object_store_holds_no_files_open(house: House) -> None:
    for n in range(60):
        left = spool.begin(house.folder / "spool", f"gone-{n}", wav.Label(f"CB{n}", "2026-11-27T10:00:00.000+00:00"))
        left.append(wav.frames(QUIET, QUIET))
        left.release()
        house.store.save(record(f"CB{n}", revision=1))
    house.objects.away = True
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        before = descriptors()
        for n in range(60):
            over(house, recorded(house, f"CA{n}", 1))
        await until(lambda: len(house.spooled) == 120)
        with trio.fail_after(BOUND_S):
            await house.keeping.delivered()
        await until(lambda: descriptors() < before + 10)
        assert look(house) == []  # they are this process's all the same
        house.objects.away = False
        await until(lambda: not list((house.folder / "spool").iterdir()))
        with trio.fail_after(BOUND_S):
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()
    assert all(house.key(f"{line}{n}") for n in range(60) for line in ("CA", "CB"))


def look(house: House) -> list[spool.Spooled]:
    return list(waiting.leftovers(house.folder / "spool", []))


@pytest.mark.parametrize("whose", ["ours", "a process's that is gone"])
async def test_an_erased_recording_goes_at_once_also_while_the_object_store_is_away(house: House, whose: str) -> None:
    house.objects = Bucket(house.folder / "recordings")
    house.begin()
    house.objects.away = True
    if whose != "ours":
        left = spool.begin(house.folder / "spool", "gone", wav.Label("CA1", "2026-11-27T10:00:00.000+00:00"))
        left.append(wav.frames(QUIET, QUIET))
        left.release()
        house.store.save(record("CA1", caller="+919876543210", revision=1))
    settings = Settings(_env_file=None, DATA_DIR=house.folder)
    erasing = Erasing(house.store, house.objects, settings)
    reading = Reading(house.store, house.objects, erasing, house.keeping, settings.DATA_DIR / "sessions")
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        await nursery.start(reading.run)
        if whose == "ours":
            over(house, recorded(house), caller="+919876543210")
            await until(lambda: house.key() == "")
            await until(lambda: not look(house))
        await until((house.folder / "spool" / f"{house.name}-1.wav").exists)
        await trio.sleep(0.2)
        erased = await reading.erase("+919876543210", "me")
        assert (erased.records, erased.elsewhere, erased.failed) == (1, 0, [])
        assert house.spooled == []
        house.objects.away = False
        await until(lambda: not list((house.folder / "spool").iterdir()))
        nursery.cancel_scope.cancel()
    assert list(house.objects.older(-5)) == []
    assert house.key() == "no record"


async def test_an_erasure_goes_on_to_its_end_and_into_the_audit_log_though_nobody_waits_for_it(house: House) -> None:
    entered, ended, go = trio.Event(), trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    class Slow(Erasing):
        def erase(self, *of, **more):
            token.run_sync_soon(entered.set)
            assert go.wait(BOUND_S)
            return super().erase(*of, **more)

    house.store.save(record("CA1", caller="+919876543210", revision=1))
    settings = Settings(_env_file=None, DATA_DIR=house.folder)
    erasing = Slow(house.store, house.objects, settings)
    reading = Reading(house.store, house.objects, erasing, house.keeping, settings.DATA_DIR / "sessions")
    asking = trio.CancelScope()

    async def ask() -> None:
        with asking:
            await reading.erase("+919876543210", "me")
        ended.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(house.keeping.run)
        await nursery.start(reading.run)
        nursery.start_soon(ask)
        await entered.wait()
        asking.cancel("gone away")
        with trio.fail_after(BOUND_S):
            await ended.wait()
            go.set()
            await reading.erased()
        nursery.cancel_scope.cancel()

    assert house.store.get("CA1") is None
    assert len((house.folder / "audit.log").read_text().splitlines()) == 2, "what is asked, and what became of it"


@pytest.mark.parametrize("whose", ["ours", "a process's that is gone"])
async def test_one_that_is_erased_while_it_is_stored_is_not_kept(house: House, whose: str) -> None:
    entered, go = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    class Slow(Bucket):
        def put(self, key: str, path: Path, content_type: str) -> None:
            token.run_sync_soon(entered.set)
            assert go.wait(BOUND_S)
            super().put(key, path, content_type)

    house.objects = Slow(house.folder / "recordings")
    house.begin()
    if whose != "ours":
        left = spool.begin(house.folder / "spool", "gone", wav.Label("CA1", "2026-11-27T10:00:00.000+00:00"))
        left.append(wav.frames(QUIET, QUIET))
        left.release()
        house.store.save(record("CA1", caller="+919876543210", revision=1))
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        if whose == "ours":
            over(house, recorded(house), caller="+919876543210")
        with trio.fail_after(BOUND_S):
            await entered.wait()
            await house.keeping.delivered()
        await until(lambda: not list((house.folder / "journal").glob("*.journal")))
        # As another process does it, which can tell this one nothing.
        erasing = Erasing(house.store, house.objects, Settings(_env_file=None, DATA_DIR=house.folder))
        erased = Erased("+919876543210")
        with erasing.audit(erased.number, "me") as audit:
            erasing.tell(audit, erased, erasing.erase(erased, {}, set()), "me")
        assert (erased.records, erased.elsewhere) == (1, 1)
        go.set()
        await until(lambda: not list((house.folder / "spool").iterdir()))
        nursery.cancel_scope.cancel()
    assert list(house.objects.older(-5)) == []
    assert house.key() == "no record"


async def test_a_file_that_somebody_has_removed_costs_that_recording_alone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.objects.away = True
    async with trio.open_nursery() as nursery:
        await house.run(nursery)
        for call_sid in ("CA1", "CA2"):
            over(house, recorded(house, call_sid))
        await until(lambda: house.key("CA1") == house.key("CA2") == "")
        await until(lambda: waiting.told_of(house.folder / "spool", {"CA1", "CA2"}) == 2)
        removed: set[str] = set()

        def remove() -> set[str]:
            for each in waiting.idle(house.folder / "spool", []):  # not while it is tried to be stored
                if each.label.call_sid == "CA1":
                    each.path.unlink()
                    removed.add("CA1")
                each.release()
            return removed

        await until(remove)
        house.objects.away = False
        with trio.fail_after(BOUND_S):
            await house.archive.stored()
            await house.keeping.delivered()
        nursery.cancel_scope.cancel()
    assert (house.key("CA1"), house.key("CA2") != "") == ("", True)
    assert "somebody has removed its file" in capsys.readouterr().out
