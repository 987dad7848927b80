"""Whether a call can be played again, and by which command."""

from tests.agent.web.test_calls_face import record

ONE = record().call_sid


async def test_the_command_plays_every_leg_that_was_recorded_here(house):
    built, archive = house(RECORD_SESSIONS="always")
    archive.store.save(record(), record(2))
    folder = archive.data / "sessions"
    folder.mkdir()
    for name in (f"{ONE}-1", f"{ONE}-2", f"{ONE}-10", f"{record(2).call_sid}-1"):
        (folder / f"{name}.session.gz").touch()
    told = await (await built.client.get(f"/api/calls/{ONE}/replay")).get_json()

    assert told["recording"]
    assert told["files"] == [f"{ONE}-1.session.gz", f"{ONE}-2.session.gz", f"{ONE}-10.session.gz"]
    program, *words = told["command"].split()
    assert (program, words[:2]) == ("calling-agent", ["replay", "--timeline"])
    assert words[2:] == [str(folder / name) for name in told["files"]]


async def test_where_nothing_was_recorded_there_is_no_command(house):
    built, archive = house()
    archive.store.save(record())

    assert await (await built.client.get(f"/api/calls/{ONE}/replay")).get_json() == {
        "recording": False,
        "files": [],
        "command": "",
    }
    assert (await built.client.get("/api/calls/CA404/replay")).status_code == 404
