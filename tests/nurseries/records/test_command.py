"""`calling-agent calls`, against a real store in a folder."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
import structlog

from agent import log as logs
from agent.config import Settings
from agent.errors import StoreError
from agent.keep import journal
from agent.keep.query import Query
from agent.keep.record import CallRecord, Entry, Lead
from agent.providers.journal_file import JournalFile
from agent.providers.sqlite import SqliteStore
from nurseries import main
from tests.agent.web.test_calls_face import THEM, record
from tests.calls.server import PROGRAM, environment


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    for name in [*Settings.model_fields, "NODE_ENV"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # it would stay for all that follows
    with structlog.testing.capture_logs():
        yield tmp_path


@pytest.fixture
def store(folder: Path):
    made = SqliteStore(folder / "data" / "calls.db")
    made.save(*(record(n, lead=Lead(10 * n, (), ())) for n in range(1, 6)))
    made.save(record(6, caller="+911111111111", ending="time limit", entries=(Entry("caller", "नमस्ते", 0, 900),)))
    yield made
    made.close()


def calls(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.run(["calls", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def sids(text: str) -> list[int]:
    return [int(json.loads(line)["call_sid"][2:]) for line in text.splitlines()]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), [6, 5, 4, 3, 2, 1]),
        (("--since", "2026-11-22T10:05:00Z"), [6, 5]),
        (("--until", "2026-11-21"), []),
        (("--number", "+91 98765-43210"), [5, 4, 3, 2, 1]),
        (("--ending", "time_limit"), [6]),
        (("--min-score", "20", "--max-score", "30"), [3, 2]),
        (("--q", "FLAT 2"), [2]),
    ],
)
def test_a_list_has_the_filters_of_the_api(capsys: pytest.CaptureFixture[str], filters, found) -> None:
    assert sids(calls(capsys, "list", "--json", *filters)[1]) == found


@pytest.mark.usefixtures("store")
def test_a_list_goes_on_where_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    _, first, told = calls(capsys, "list", "--json", "--limit", "4")
    _, rest, silent = calls(capsys, "list", "--json", "--cursor", told.split("--cursor ")[1].strip())

    assert sids(first) + sids(rest) == [6, 5, 4, 3, 2, 1]
    assert silent == ""


@pytest.mark.usefixtures("store")
def test_a_list_comes_in_the_order_that_is_asked_for_and_goes_on_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert sids(calls(capsys, "list", "--json", "--sort", "oldest")[1]) == [1, 2, 3, 4, 5, 6]
    _, first, told = calls(capsys, "list", "--json", "--sort", "score", "--limit", "2")
    cursor = told.split("--cursor ")[1].strip()

    assert sids(first + calls(capsys, "list", "--json", "--sort", "score", "--cursor", cursor)[1]) == [5, 4, 3, 2, 1, 6]
    assert calls(capsys, "list", "--cursor", cursor)[0] == 2
    code, _, fault = calls(capsys, "list", "--sort", "best")
    assert code == 2
    assert "--sort: 'best' is no order; there are: newest" in fault


@pytest.mark.usefixtures("store")
def test_a_line_of_a_list_has_both_numbers_and_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines, silent = calls(capsys, "list", "--ending", "time_limit")
    assert f"+911111111111 > {record(6).called}  " in lines
    assert silent == ""

    code, lines, told = calls(capsys, "list", "--q", "nobody")
    assert (code, lines) == (0, "")
    assert "no call matches" in told


def test_a_list_of_no_calls_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    SqliteStore(Path("data") / "calls.db").close()
    assert "no call yet" in calls(capsys, "list")[2]


@pytest.mark.usefixtures("store")
def test_one_call_as_story_record_or_captions(capsys: pytest.CaptureFixture[str]) -> None:
    sid = record(2).call_sid

    assert "Flat 2 <b>" in calls(capsys, "show", sid)[1]
    assert json.loads(calls(capsys, "show", sid, "--format", "json")[1])["call_sid"] == sid
    assert json.loads(calls(capsys, "show", sid, "--json")[1])["call_sid"] == sid
    assert calls(capsys, "show", sid, "--format", "vtt")[1].startswith("WEBVTT\n\n1\n")
    assert calls(capsys, "show", "CA9")[0] == 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_into_a_file_replaces_it_as_a_whole(capsys: pytest.CaptureFixture[str], folder, kind) -> None:
    out = folder / "calls.out"
    out.write_text("of yesterday")
    code, printed, _ = calls(capsys, "export", "--format", kind, "--out", str(out), "--number", THEM)
    data = out.read_bytes()

    assert (code, printed) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["calls.out", "data"]
    if kind == "csv":
        assert len(list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))) == 5
    else:
        assert [msgspec.json.decode(line, type=CallRecord).caller for line in data.splitlines()] == [THEM] * 5


@pytest.mark.usefixtures("store")
def test_a_file_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str], folder) -> None:
    code, _, told = calls(capsys, "export", "--out", str(folder / "nowhere" / "x.csv"))

    assert code == 1
    assert "cannot write" in told
    assert "nowhere" in told


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("out", ["", ".", "/", "data"])
def test_a_folder_is_no_file(capsys: pytest.CaptureFixture[str], out) -> None:
    code, _, told = calls(capsys, "export", "--out", out)

    assert code == 1
    assert "it is a folder" in told


@pytest.mark.usefixtures("store")
def test_a_link_stays_one_and_a_file_keeps_its_mode(capsys: pytest.CaptureFixture[str], folder) -> None:
    (folder / "mine.csv").touch(0o640)
    (folder / "link.csv").symlink_to("mine.csv")
    (folder / "dangling.csv").symlink_to("new.csv")
    for name in ("link.csv", "dangling.csv"):
        assert calls(capsys, "export", "--out", name)[0] == 0

    assert (folder / "link.csv").is_symlink()
    assert (folder / "dangling.csv").is_symlink()
    assert {name: (folder / name).stat().st_mode & 0o777 for name in ("mine.csv", "new.csv")} == {
        "mine.csv": 0o640,
        "new.csv": 0o600,
    }
    assert (folder / "mine.csv").read_bytes() == (folder / "new.csv").read_bytes() != b""


@pytest.mark.usefixtures("store")
def test_a_pipe_is_written_into_and_stays_one(capsys: pytest.CaptureFixture[str], folder) -> None:
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert calls(capsys, "export", "--format", "jsonl", "--out", "pipe")[0] == 0
        got = os.read(reader, 1_000_000)
    finally:
        os.close(reader)

    assert got.count(b"call_sid") == 6
    assert (folder / "pipe").is_fifo()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("action", ["list", "show", "export"])
def test_standard_output_that_takes_nothing_is_told_in_words(folder, action) -> None:
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(
            [PROGRAM, "calls", action], cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    closed = subprocess.run(
        ["sh", "-c", f'"$0" calls {action} >&-', PROGRAM],
        cwd=folder,
        env=environment(),
        stderr=subprocess.PIPE,
        check=False,
    )

    assert (told.returncode, closed.returncode) == (1, 1)
    assert told.stderr.decode() == "calling-agent: cannot write to standard output: No space left on device\n"
    assert closed.stderr.decode() == "calling-agent: standard output is closed: nothing could be shown\n"


@pytest.mark.parametrize("action", [("list",), ("show",), ("show", "CA1"), ("export", "--out", "x.csv")])
def test_who_reads_where_there_is_no_database_makes_none(capsys: pytest.CaptureFixture[str], folder, action) -> None:
    code, out, told = calls(capsys, *action)

    assert (code, out) == (1, "")
    assert f"there is no database {folder / 'data' / 'calls.db'}" in told
    assert "DATA_DIR" in told
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "--since", "monday", "--min-score", "200"), ("--since", "--min-score", "2026-11-22")),
        (("list", "--cursor", "x"), ("--cursor",)),
        (("export", "--number", "", "--q", "?!"), ("--number: it is empty", "--q: '?!' has no word")),
        (("export", "--ending", "bored"), ("--ending", "caller hung up")),
        (("delete", "98765 43210", "--yes"), ("--number", "country code")),
    ],
)
def test_what_cannot_be_used_is_told_all_at_once(capsys: pytest.CaptureFixture[str], arguments, words) -> None:
    code, out, told = calls(capsys, *arguments)

    assert (code, out) == (2, "")
    assert all(word in told for word in words)


def test_nothing_is_erased_that_nobody_has_confirmed(capsys: pytest.CaptureFixture[str], store, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, _, told = calls(capsys, "delete", THEM)

    assert code == 2
    assert "--yes" in told
    assert len(store.find(Query(), 9)) == 6


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("YES\n", 0, 1), ("\n", 2, 6), ("", 2, 6)])
def test_at_a_terminal_it_is_asked_back(capsys, store, monkeypatch, answer, code, left) -> None:
    stdin = io.StringIO(answer)
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    got, _, told = calls(capsys, "delete", THEM)

    assert "Erase 5 records of +919876543210" in told
    assert (got, len(store.find(Query(), 9))) == (code, left)


def test_records_sounds_and_what_processes_have_left_are_erased_and_told(capsys, store, folder) -> None:
    sound = folder / "data" / "recordings" / "a.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"x")
    store.save(record(7, recording="a.wav"))
    left = record(8, entries=(Entry("caller", "my name is Asha", 0, 900),))
    (folder / "data" / "journal").mkdir()
    (folder / "data" / "journal" / "9-x.journal").write_bytes(journal.line(journal.change(None, left)))
    code, out, err = calls(capsys, "delete", THEM, "--yes", "--json")
    line = json.loads((folder / "data" / "audit.log").read_text().splitlines()[-1])

    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "number": THEM,
        "records": 6,
        "recordings": 1,
        "leftovers": 1,
        "goes_on": 0,
        "elsewhere": 0,
        "failed": [],
        "orders": 0,
    }
    assert [r.caller for r in store.find(Query(), 9)] == ["+911111111111"]
    assert not sound.exists()
    assert line["who"].startswith("calling-agent calls delete, by ")
    store.save(left)
    assert store.get(left.call_sid) is None


def test_a_journal_that_a_server_holds_is_left_to_it_and_told(capsys, store, folder) -> None:
    held = JournalFile(folder / "data" / "journal", "1")
    held.append(journal.line(journal.change(None, record(1))))
    try:
        code, out, _ = calls(capsys, "delete", THEM, "--yes")
    finally:
        held.release()

    assert code == 0
    assert "erased of +919876543210: 5 records, 0 sounds" in out
    assert "1 file (journals, recordings on their way) of running servers" in out


@pytest.mark.parametrize("action", [("list",), ("show", "CA1"), ("export",), ("delete", THEM, "--yes")])
def test_a_store_that_is_away_is_told_in_words(capsys: pytest.CaptureFixture[str], folder: Path, action) -> None:
    (folder / "data").write_text("no folder")
    code, out, told = calls(capsys, *action)

    assert (code, out) == (1, "")
    assert told.startswith("calling-agent: cannot use data/calls.db")


def test_a_store_that_goes_away_in_the_middle_leaves_the_file_as_it_was(capsys, store, folder, monkeypatch) -> None:
    find = SqliteStore.find

    def once(*args):
        if args[3] is not None:
            raise StoreError("it is away")
        return find(*args)

    monkeypatch.setattr(SqliteStore, "find", once)
    out = folder / "calls.csv"
    out.write_text("of yesterday")
    code, _, told = calls(capsys, "export", "--out", str(out))

    assert (code, told) == (1, "calling-agent: it is away\n")
    assert out.read_text() == "of yesterday"
    assert sorted(path.name for path in folder.iterdir()) == ["calls.csv", "data"]


def many(store: SqliteStore) -> None:
    entries = (Entry("caller", "words " * 400, 0, 900),)
    store.save(*(record(n, call_sid=f"CB{n}", entries=entries) for n in range(3000)))


def test_a_reader_that_has_seen_enough_ends_an_export(folder, store) -> None:
    many(store)
    export = subprocess.Popen(
        [PROGRAM, "calls", "export", "--format", "jsonl"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    export.stdout.readline()
    export.stdout.close()
    told = export.stderr.read()
    export.stderr.close()

    assert export.wait(30) == 1
    assert told == b""


def test_ctrl_c_ends_it_with_a_word(folder, store) -> None:
    many(store)
    export = subprocess.Popen(
        [PROGRAM, "calls", "export", "--format", "jsonl"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  a shell's background ignores it
    )
    export.stdout.readline()
    export.send_signal(signal.SIGINT)
    export.stdout.read()
    told = export.stderr.read()
    export.stdout.close()
    export.stderr.close()

    assert export.wait(30) == main.INTERRUPTED
    assert told == "calling-agent: interrupted.\n"


def test_a_record_of_theirs_that_cannot_be_read_is_erased_and_told_where_it_cannot_be(capsys, store, folder) -> None:
    sound = folder / "data" / "recordings" / "a.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"x")
    store.save(record(7, recording="a.wav"), record(8, direction="outbound-api"))
    damage = 'UPDATE calls SET record = replace(record, \'"duration_ms":\', \'"duration_ms":"soon","was":\')'
    with sqlite3.connect(folder / "data" / "calls.db") as db:
        db.execute(f"{damage} WHERE call_sid IN (?, ?)", (record(7).call_sid, record(8).call_sid))
        db.execute("UPDATE calls SET record = '{' WHERE call_sid = ?", (record(5).call_sid,))
    db.close()
    code, out, told = calls(capsys, "delete", THEM, "--yes", "--json")

    with sqlite3.connect(folder / "data" / "calls.db") as db:
        left = {sid for (sid,) in db.execute("SELECT call_sid FROM calls")}
    db.close()
    assert left == {record(n).call_sid for n in (5, 6, 8)}, "8 was placed by that number: it is another's"
    assert not sound.exists()
    assert code == 1
    assert json.loads(out)["records"] == 5
    assert f"not erased: the record of {record(5).call_sid}, which cannot be read" in told
