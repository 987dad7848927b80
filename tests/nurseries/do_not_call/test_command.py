"""The do-not-call list on the command line, in a real file: one number, and a file of many."""

from __future__ import annotations

import io
import json
import resource
from types import SimpleNamespace

import pytest

from agent import log as logs
from agent.guard.dial_book import DoNotCall
from nurseries.do_not_call.importing import TOLD, take_in
from nurseries.main import run

ASHA = "+919876543210"


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # it would stay for all that follows

    def done(*arguments: str) -> tuple[int, str, str]:
        code = run(["do-not-call", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return done


def test_a_number_is_put_on_the_list_and_taken_off(command) -> None:
    assert command("check", ASHA) == (0, f"{ASHA} is not on the list\n", "")
    assert command("add", "+91 98765-43210", "--why", "by letter") == (0, f"{ASHA} is on the list\n", "")
    assert command("add", ASHA)[1] == f"{ASHA} is on the list already\n"
    code, said, _ = command("check", ASHA, "--json")
    assert (code, json.loads(said)["why"]) == (1, "by letter")
    assert "(by letter)" in command("list")[1]
    assert command("remove", ASHA) == (0, f"{ASHA} is off the list\n", "")
    assert command("remove", ASHA)[0] == 1
    assert command("list") == (0, "", "")


def test_a_number_that_is_none_is_refused_with_its_spelling(command) -> None:
    code, _, said = command("add", "09876543210")

    assert code == 2
    assert f"write {ASHA}" in said


def test_a_file_out_of_a_spreadsheet_is_taken_in(command, tmp_path) -> None:
    (tmp_path / "list.csv").write_text("\n# exported\nName;Phone\nAsha;'+91 98765 43210\n", "utf-8-sig")

    assert command("import", "list.csv")[:2] == (0, "1 added, 0 on the list already, 0 not taken\n")


def test_a_file_is_taken_in_and_its_faults_are_told(command, tmp_path) -> None:
    (tmp_path / "list.csv").write_text(
        "name,Phone\nAsha,+91 98765 43210\nRavi,98765 43211\n\n# a comment\nNobody,\nTwice,+919876543210\n", "utf-8-sig"
    )

    code, said, faults = command("import", "list.csv")

    assert (code, said) == (1, "1 added, 1 on the list already, 2 not taken\n")
    assert "line 3: '98765 43211' is not written in full: write +919876543211" in faults
    assert "line 6" in faults
    assert command("import", "list.csv", "--country", "in")[1] == "1 added, 2 on the list already, 1 not taken\n"
    assert "import of list.csv" in command("list")[1]


def test_what_cannot_be_read_is_told(command, tmp_path) -> None:
    code, _, said = command("import", "nothing.csv")

    assert (code, said) == (1, "calling-agent: cannot read nothing.csv: No such file or directory\n")
    (tmp_path / "wild").write_bytes(b"\0\xff" * 9000 + b'\n"unclosed\n+919876543210\n')
    assert command("import", "wild")[1].startswith("1 added, 0 on the list already")


def test_a_file_of_any_length_takes_the_same_memory() -> None:
    counted = SimpleNamespace(n=0, most=0)

    def add(entries) -> int:
        counted.n += len(entries)
        counted.most = max(counted.most, len(entries))
        return len(entries)

    book = SimpleNamespace(add=add)
    lines = b"".join(b"+91987654%04d\n" % n for n in range(5000)) + b"x\n" * 100
    take_in(io.BytesIO(lines[:1400]), book, DoNotCall(""), None, "IN")  # what is loaded once is loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = take_in(io.BytesIO(lines), book, DoNotCall(""), None, "IN")

    assert (taken.added, taken.refused, len(taken.faults)) == (5000, 100, TOLD)
    assert counted.most <= 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024
