"""Erasing what is kept of one caller, over HTTP."""

import json
import threading
from pathlib import Path

import msgspec
import structlog

from agent.keep import journal, wav
from agent.keep.piece import Piece
from agent.keep.record import CallRecord, Entry
from agent.providers import spool
from agent.providers.aside import put_aside
from tests.agent.web.test_calls_face import THEM, US, record

PATH = f"/api/callers/{THEM}"


class Speaking:
    """A call that goes on."""

    def __init__(self, so_far: CallRecord) -> None:
        self._so_far = so_far

    def so_far(self) -> CallRecord:
        return self._so_far


async def erase(client, path=PATH):
    response = await client.delete(path)
    return response.status_code, await response.get_json(force=True)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_records_and_sounds_of_one_caller_are_gone_for_good_and_nobody_elses(house):
    built, archive = house()
    out = record(3, direction="outbound-api", caller=US, called=THEM)
    archive.store.save(record(1, recording="a.wav"), record(2), out, record(4, caller="+911111111111"))
    archive.objects.sounds |= {"a.wav": b"x", "b.wav": b"y"}

    with structlog.testing.capture_logs() as logs:
        status, told = await erase(built.client, "/api/callers/+91%2098765-43210")

    assert (status, told) == (
        200,
        {
            "number": THEM,
            "records": 3,
            "recordings": 1,
            "leftovers": 0,
            "goes_on": 0,
            "elsewhere": 0,
            "failed": [],
            "orders": 0,
        },
    )
    assert list(archive.store.records) == [record(4).call_sid]
    assert list(archive.objects.sounds) == ["b.wav"]
    archive.store.save(record(1))
    assert list(archive.store.records) == [record(4).call_sid]
    assert [entry["records"] for entry in logs if entry["event"] == "a caller's records are erased"] == [3]
    asked, done = map(json.loads, (archive.data / "audit.log").read_text().splitlines())
    assert (asked["what"], asked["who"], asked["number"]) == ("asked to erase a caller's records", done["who"], "***10")
    assert (done["what"], done["number"], done["records"]) == ("erased a caller's records", "***10", 3)


async def test_our_own_number_has_nobodys_records_erased(house):
    built, archive = house()
    archive.store.save(record(1))

    assert (await erase(built.client, f"/api/callers/{US}"))[1]["records"] == 0
    assert archive.store.records


async def test_a_number_that_is_none_erases_nothing(house):
    built, archive = house()
    archive.store.save(record(1))
    status, told = await erase(built.client, "/api/callers/98765%2043210")

    assert status == 400
    assert told["errors"][0]["parameter"] == "number"
    assert archive.store.records
    assert not (archive.data / "audit.log").exists()


async def test_a_call_that_goes_on_is_left_and_told(house):
    built, archive = house()
    archive.keeping.follow(record(1).call_sid, Speaking(record(1, ending="")))
    archive.store.save(record(2))
    await archive.keeping.delivered()
    status, told = await erase(built.client)

    assert (status, told["records"], told["goes_on"]) == (200, 1, 1)
    assert list(archive.store.records) in ([], [record(1).call_sid])


async def test_the_journal_has_nothing_left_of_it_and_goes_on_with_the_others(house):
    built, archive = house()
    archive.store.away = "away"
    theirs = record(1, entries=(Entry("caller", "my name is Asha", 0, 900),))
    archive.keeping.update(theirs)
    archive.keeping.update(record(2, caller="+911111111111", entries=(Entry("caller", "and mine Ravi", 0, 900),)))
    await archive.keeping.written()
    assert b"Asha" in on_disk(archive.data / "journal")
    archive.store.away = ""
    status, told = await erase(built.client)
    archive.keeping.finish(msgspec.structs.replace(theirs, summary="Asha wants a flat"))
    await archive.keeping.written()
    await archive.keeping.delivered()

    assert (status, told["leftovers"], told["failed"]) == (200, 1, [])
    assert b"Asha" not in on_disk(archive.data)
    assert b"Ravi" in on_disk(archive.data / "journal")
    assert list(archive.store.records) == [record(2).call_sid]


async def test_what_crashed_processes_have_left_goes_too(house):
    built, archive = house()
    theirs = record(1, entries=(Entry("caller", "Asha", 0, 900),), recording="left.wav")
    other = record(2, caller="+911111111111", entries=(Entry("caller", "Ravi", 0, 900),))
    lines = b"".join(journal.line(journal.change(None, each)) for each in (theirs, other))
    folder = archive.data / "journal"
    folder.mkdir(exist_ok=True)
    (folder / "9-old.journal").write_bytes(lines)
    (folder / "8-old.damaged").write_bytes(b"torn\n" + lines)
    (folder / "7-old.journal").write_bytes(journal.line(journal.change(None, theirs)))
    put_aside(archive.data / "unsaved", record(3, entries=theirs.entries))
    put_aside(archive.data / "unsaved", other)
    archive.objects.sounds["left.wav"] = b"x"
    for n in (1, 2):
        label = wav.Label(record(n).call_sid, "2026-11-27T10:00:00.000+00:00")
        left = spool.begin(archive.data / "spool", f"6-{n}", label)
        left.append(wav.frames(b"\xff" * 160, b"\xff" * 160))
        left.release()
    status, told = await erase(built.client)

    assert (status, told["leftovers"], told["recordings"], told["failed"]) == (200, 2, 1, [])
    assert b"Asha" not in on_disk(archive.data)
    assert journal.replay(journal.read((folder / "9-old.journal").read_bytes())[0]) == {other.call_sid: other}
    assert (folder / "8-old.damaged").read_bytes().startswith(b"torn\n")
    assert not (folder / "7-old.journal").exists()
    assert [path.name for path in (archive.data / "spool").iterdir()] == ["6-2.wav"]
    assert archive.store.forgotten == {record(1).call_sid, record(3).call_sid}
    assert not archive.objects.sounds


async def test_what_fails_is_told_and_asking_again_finishes_it(house):
    built, archive = house()
    archive.store.save(record(1, recording="a.wav"), record(2, recording="b.wav"))
    archive.objects.sounds |= {"a.wav": b"x", "b.wav": b"y"}
    archive.objects.stuck = {"a.wav"}
    status, told = await erase(built.client)

    assert status == told["status"] == 503
    assert told["erased"]["records"] == told["erased"]["recordings"] == 1
    assert record(1).call_sid in told["erased"]["failed"][0]
    assert list(archive.store.records) == [record(1).call_sid], "a record whose sound is there has to stay"

    archive.objects.stuck = set()
    assert (await erase(built.client))[0] == 200
    assert not archive.store.records
    assert len((archive.data / "audit.log").read_text().splitlines()) == 4


async def test_a_store_that_hangs_is_told_and_left_to_itself(house, monkeypatch):
    built, archive = house()
    archive.store.save(record(1, recording="a.wav"))
    goes_on = threading.Event()
    monkeypatch.setattr(archive.objects, "delete", lambda _key: goes_on.wait(20))
    for name in ("ERASE_S", "STORES_S"):
        monkeypatch.setattr(f"nurseries.keep.reading.{name}", 0.1)
    try:
        status, told = await erase(built.client)
    finally:
        goes_on.set()
    assert (status, told["erased"]["failed"]) == (503, ["a store that does not answer"])


async def test_a_store_that_is_away_fails_and_is_in_the_audit_log_as_well(house):
    built, archive = house()
    archive.store.away = "gone"
    status, told = await erase(built.client)

    assert (status, told["erased"]["failed"]) == (503, ["gone"])
    assert json.loads((archive.data / "audit.log").read_text().splitlines()[-1])["failed"] == 1


async def test_nothing_is_erased_that_cannot_be_told(house):
    built, archive = house()
    archive.store.save(record(1))
    (archive.data / "audit.log").mkdir()

    status, told = await erase(built.client)

    assert status == 503
    assert "audit log" in told["detail"]
    assert archive.store.records


async def test_nothing_is_erased_where_the_disk_has_no_room_for_the_line(house):
    built, archive = house()
    archive.store.save(record(1))
    (archive.data / "audit.log").symlink_to("/dev/full")

    assert (await erase(built.client))[0] == 503
    assert archive.store.records


async def test_a_line_that_was_cut_off_spoils_no_other(house):
    built, archive = house()
    (archive.data / "audit.log").write_text('{"at":"2026-11-2')

    assert (await erase(built.client))[0] == 200
    torn, *lines = (archive.data / "audit.log").read_text().splitlines()
    assert torn == '{"at":"2026-11-2'
    assert [json.loads(line)["number"] for line in lines] == ["***10", "***10"]


async def test_a_sound_that_is_stored_meanwhile_is_not_left_behind(house):
    built, archive = house()
    archive.keeping.update(record(1))
    await archive.keeping.delivered()
    delete = archive.store.delete

    def while_another_stores(*call_sids, sound):
        archive.store.add_piece(record(1).call_sid, Piece(1, "late.wav", 0, 8))
        archive.objects.sounds["late.wav"] = b"x"
        return delete(*call_sids, sound=sound)

    archive.store.delete = while_another_stores
    status, told = await erase(built.client)

    assert (status, told["recordings"]) == (200, 1)
    assert not archive.objects.sounds
