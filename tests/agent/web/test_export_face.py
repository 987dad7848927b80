"""Files of records over HTTP: whole, and made as they are read."""

import csv
import io

import msgspec
import pytest

from agent.errors import StoreError
from agent.keep.record import CallRecord
from agent.web import export
from tests.agent.web.test_calls_face import record

MANY = [record(n, started_at=f"2026-11-{1 + n // 100:02}T10:00:{n % 60:02}.000+00:00") for n in range(1, 451)]


@pytest.fixture
def shop(house):
    built, archive = house()
    archive.store.save(*MANY)
    return built.client, archive


async def test_json_lines_has_every_record_newest_first(shop):
    response = await shop[0].get("/api/export?format=jsonl")
    found = [msgspec.json.decode(line, type=CallRecord) for line in (await response.get_data()).splitlines()]

    assert response.headers["Content-Type"] == "application/jsonl"
    assert response.headers["Content-Disposition"] == 'attachment; filename="calls.jsonl"'
    assert found == sorted(MANY, key=lambda r: (r.started_at, r.call_sid), reverse=True)


async def test_csv_has_the_filtered_ones_and_a_row_of_names(shop):
    response = await shop[0].get("/api/export?since=2026-11-05T00:00:00Z")
    rows = list(csv.DictReader(io.StringIO((await response.get_data()).decode("utf-8-sig"), newline="")))

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert len(rows) == 51
    assert {row["caller"] for row in rows} == {"'+919876543210"}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
async def test_nothing_found_is_a_file_without_rows(house, kind):
    response = await house()[0].client.get(f"/api/export?format={kind}")

    assert response.status_code == 200
    assert (await response.get_data()).count(b"\n") == (kind == "csv")


async def test_its_head_asks_the_store_for_nothing(shop):
    client, archive = shop
    response = await client.head("/api/export")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert archive.store.finds == 0


async def test_a_store_that_goes_away_in_the_middle_breaks_the_file_off(shop, monkeypatch):
    client, archive = shop
    monkeypatch.setattr(export, "PAGE", 100)
    find = archive.store.find

    def once(*args):
        if archive.store.finds:
            raise StoreError("away")
        return find(*args)

    archive.store.find = once

    with pytest.RaisesGroup(pytest.RaisesExc(ConnectionAbortedError, match="away"), flatten_subgroups=True):
        await (await client.get("/api/export?format=jsonl")).get_data()
