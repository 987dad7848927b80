"""Files for spreadsheets and for programs."""

import csv
import io
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.keep import table
from agent.keep.record import CallRecord, Entry, Lead
from agent.think.facts import NAMES

CALL = CallRecord(
    "CA1",
    "AC1",
    "+919876543210",
    "+918012345678",
    "inbound",
    "2026-11-22T10:00:00.000+00:00",
    65_000,
    "caller hung up",
    (Entry("caller", 'नमस्ते, "two" lines', 0, 900),),
    facts={"name": "=HYPERLINK(1)"},
    lead=Lead(40, (), ()),
)


def rows(*records: CallRecord) -> list[dict[str, str]]:
    data = table.head("csv") + table.body("csv", records)
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_the_facts_are_those_there_are() -> None:
    assert table.FACTS == NAMES


def test_every_column_is_documented() -> None:
    documented = Path("docs/api.md").read_text().split("Columns:")[1].split("##")[0]

    assert [name for name in re.findall("`([a-z_]+)`", documented) if name in table.COLUMNS] == list(table.COLUMNS)


def test_a_spreadsheet_gets_a_row_for_each_call_and_no_formula() -> None:
    (row,) = rows(CALL)

    assert tuple(row) == table.COLUMNS
    assert row["caller"] == "'+919876543210"
    assert row["name"] == "'=HYPERLINK(1)"
    assert row["score"] == "40"
    assert row["transcript"] == '[0:00] Caller: नमस्ते, "two" lines\n'


def test_it_is_known_for_utf_8_and_its_rows_end_as_they_should() -> None:
    data = table.head("csv")

    assert data.startswith(b"\xef\xbb\xbfcall_sid,started_at,")
    assert data.endswith(b"\r\n")


def test_programs_get_the_records_as_they_are() -> None:
    data = table.head("jsonl") + table.body("jsonl", [CALL, CALL])

    assert [msgspec.json.decode(line, type=CallRecord) for line in data.splitlines()] == [CALL, CALL]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\r", "\n=", "\uff1d", "\uff20"])
def test_no_beginning_of_a_formula_is_left(start: str) -> None:
    (row,) = rows(msgspec.structs.replace(CALL, summary=f"{start}1+1"))

    assert row["summary"] == f"'{start}1+1"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=5))
def test_every_cell_comes_back_as_it_was_but_for_the_apostrophe(summaries: list[str]) -> None:
    back = rows(*(msgspec.structs.replace(CALL, summary=each) for each in summaries))

    assert [row["summary"].removeprefix("'") for row in back] == [each.removeprefix("'") for each in summaries]
