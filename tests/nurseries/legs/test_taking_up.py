"""What processes that are gone have left: found by the next one, finished, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio
import trio.lowlevel
import trio.testing

from agent.errors import StoreError
from agent.keep import journal
from agent.keep.query import Query
from agent.keep.record import CallRecord, Entry
from agent.providers.journal_file import JournalFile
from agent.providers.sqlite import SqliteStore
from agent.web.state import ProcessState
from nurseries.keep.keeping import Keeping
from nurseries.legs.taking_up import take_up
from nurseries.talk.afterwards import BY_RULES
from tests.calls.stage import Stage, configured

SAID = (
    Entry("agent", "Hello, this is Priya.", 0, 1500),
    Entry("caller", "I want to buy a two bedroom flat in Whitefield.", 2000, 5000),
    Entry("tool", "noted", 5100, 5100, tool="note_lead", arguments='{"name":"Asha"}'),
    Entry("agent", "What is your", 5200, 6000, interrupted=True),
)
LEFT = CallRecord(
    "CA1", "AC", "+91", "+80", "inbound", "2026-11-25T10:00:00.000+00:00", 6000, "", SAID, revision=5
)  # fmt: skip


class Author:
    """Sums up, in its time."""

    name = "an author"

    async def write(self, _instructions: str, transcript: str) -> str:
        await trio.lowlevel.checkpoint()
        return msgspec.json.encode({"summary": f"{len(transcript) > 0}", "facts": []}).decode()


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "journal"
        self.store = SqliteStore(folder / "calls.db")
        self.state = ProcessState(ready=True)
        self.stage = Stage(settings=configured())
        self.keeping = Keeping(self.store, JournalFile(self.folder, "this"), self.state)

    def leave(self, *records: CallRecord, name: str = "gone", garbage: bytes = b"") -> None:
        """A process was here, and was killed."""
        file = JournalFile(self.folder, name)
        events = [journal.change(None, record) for record in records]
        lines = [journal.line(event) for event in events if event is not None]
        file.append(garbage.join([b"", *lines]) if garbage else b"".join(lines))
        file.release()

    async def take_up(self) -> None:
        await take_up(self.folder, self.keeping, self.store, self.stage.parts, self.state)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
async def house(tmp_path: Path, nursery: trio.Nursery):
    made = House(tmp_path)
    yield made
    made.store.close()


async def until(condition) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110  threads set no event of ours
            await trio.sleep(0.01)


async def test_a_record_that_was_cut_off_is_finished_and_the_journal_emptied(house: House, nursery) -> None:
    house.leave(LEFT)
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    record = house.store.get("CA1")
    assert record is not None
    assert record.ending == "interrupted"
    assert record.entries == SAID
    assert record.facts["location"] == "Whitefield"
    assert record.lead is not None
    assert record.lead.score > 0
    assert record.summary_by == BY_RULES
    assert record.duration_ms == 6000


async def test_a_journal_is_removed_once_this_process_s_own_has_what_is_in_it(house: House, nursery) -> None:
    house.leave(LEFT)
    nursery.start_soon(house.take_up)
    await until(lambda: house.keeping.known("CA1") is not None)
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert [name.partition(".")[0] for name in house.names] == ["gone"]

    await nursery.start(house.keeping.run)
    await until(lambda: house.names == [])
    assert house.store.get("CA1").entries == SAID


async def test_it_is_summed_up_late(house: House, nursery) -> None:
    house.stage.parts = replace(house.stage.parts, summariser=Author())
    house.leave(LEFT)
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    record = house.store.get("CA1")
    assert record is not None
    assert record.summary_by == "an author"


async def test_what_a_tool_had_noted_is_not_lost(house: House, nursery) -> None:
    house.leave(msgspec.structs.replace(LEFT, facts={"visit": "2026-11-28 11:00, Whitefield"}))
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    record = house.store.get("CA1")
    assert record is not None
    assert record.facts["visit"] == "2026-11-28 11:00, Whitefield"


async def test_a_call_that_had_ended_keeps_its_ending(house: House, nursery) -> None:
    house.leave(msgspec.structs.replace(LEFT, ending="caller hung up"))
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    assert [record.ending for record in house.store.find(Query(), 9)] == ["caller hung up"]


async def test_what_the_store_has_since_is_not_undone(house: House, nursery) -> None:
    """The disk was full for the last of it, and the store was not."""
    more = (*SAID, Entry("caller", "Eighty lakh.", 6100, 7000))
    house.store.save(msgspec.structs.replace(LEFT, entries=more, revision=6))
    house.leave(LEFT)
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    (record,) = house.store.find(Query(), 9)
    assert record.entries == more
    assert record.ending == "interrupted"


async def test_a_store_that_is_away_is_waited_for_in_this_process_s_own_journal(
    house: House, nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurseries.legs.finishing.PAUSE_S", 0.02)

    def away(*_: object) -> None:
        raise StoreError("away")

    house.leave(LEFT)
    monkeypatch.setattr(house.store, "get", away)
    await nursery.start(house.keeping.run)
    nursery.start_soon(house.take_up)
    await until(lambda: bool(house.names) and all(name.startswith("this") for name in house.names))
    assert house.store.find(Query(), 9) == []

    monkeypatch.undo()
    await until(lambda: house.names == [])
    assert [record.ending for record in house.store.find(Query(), 9)] == ["interrupted"]


async def test_a_process_that_is_still_there_keeps_its_journal(house: House, nursery) -> None:
    other = JournalFile(house.folder, "other")
    event = journal.change(None, LEFT)
    assert event is not None
    other.append(journal.line(event))
    await nursery.start(house.keeping.run)
    await house.take_up()

    assert house.names == ["other.journal"]
    assert house.store.find(Query(), 9) == []
    other.close()


async def test_a_damaged_journal_is_told_as_far_as_it_can_be_read_and_kept(house: House, nursery) -> None:
    others = [msgspec.structs.replace(LEFT, call_sid=f"CA{n}") for n in range(3)]
    house.leave(*others, garbage=b"00000000 {spoilt\n")
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == ["gone.damaged"])

    assert {record.call_sid for record in house.store.find(Query(), 9)} == {"CA0", "CA1", "CA2"}
    assert house.state.journal_doubt
    assert house.state.accepting


async def test_a_torn_last_line_is_no_damage(house: House, nursery) -> None:
    house.leave(LEFT)
    with (house.folder / "gone.journal").open("ab") as end:
        end.write(b'3f2a1c00 {"call":"CA1","sin')
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    assert not house.state.journal_doubt
    assert len(house.store.find(Query(), 9)) == 1


async def test_one_call_in_two_journals_is_one_record(house: House, nursery) -> None:
    """A process was killed while it took up what another one had left."""
    house.leave(LEFT, name="first")
    house.leave(msgspec.structs.replace(LEFT, entries=SAID[:2], revision=3), name="second")
    await nursery.start(house.keeping.run)
    await house.take_up()
    await until(lambda: house.names == [])

    (record,) = house.store.find(Query(), 9)
    assert record.entries == SAID
