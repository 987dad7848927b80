"""Calls over HTTP, as a program sees them."""

import msgspec
import pytest

from agent.keep.record import CallRecord, Entry, Lead
from agent.keep.thread import Leg, Thread

THEM, US = "+919876543210", "+918012345678"


def record(n: int = 1, **changes) -> CallRecord:
    fields = {
        "call_sid": f"CA{n:032}",
        "account_sid": "AC1",
        "caller": THEM,
        "called": US,
        "direction": "inbound",
        "started_at": f"2026-11-22T10:{n:02}:00.000+00:00",
        "duration_ms": 61_000,
        "ending": "caller hung up",
        "entries": (Entry("agent", "Hello, this is Priya.", 0, 2000), Entry("caller", f"Flat {n} <b>", 2100, 3000)),
    }
    return CallRecord(**(fields | changes))


async def ask(client, path, **headers):
    return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def sids(client, path) -> list[int]:
    response = await ask(client, path)
    assert response.status_code == 200, await response.get_data()
    return [int(call["call_sid"][2:]) for call in (await response.get_json())["calls"]]


async def test_calls_come_newest_first_page_by_page_and_each_once(house):
    built, archive = house()
    archive.store.save(*(record(n) for n in range(1, 8)))
    seen, path = [], "/api/calls?limit=3"
    while path:
        page = await (await ask(built.client, path)).get_json()
        seen.append([int(call["call_sid"][2:]) for call in page["calls"]])
        path = page["next"] and f"/api/calls?limit=3&cursor={page['next']}"

    assert seen == [[7, 6, 5], [4, 3, 2], [1]]


async def test_a_call_that_begins_meanwhile_moves_no_page(house):
    built, archive = house()
    archive.store.save(*(record(n) for n in range(1, 5)))
    page = await (await ask(built.client, "/api/calls?limit=2")).get_json()
    archive.store.save(record(9))

    assert await sids(built.client, f"/api/calls?limit=2&cursor={page['next']}") == [2, 1]


async def test_a_record_is_told_as_it_is_kept_with_full_numbers(house):
    built, archive = house()
    archive.store.save(record())
    response = await ask(built.client, f"/api/calls/{record().call_sid}")

    assert msgspec.json.decode(await response.get_data(), type=CallRecord) == record()
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("since=2026-11-22T10:03:00Z", [4, 3]),
        ("since=2026-11-22T15:33:00+05:30", [4, 3]),
        ("until=2026-11-22T10:02:00Z", [1]),
        ("since=2026-11-22&until=2026-11-22", [4, 3, 2, 1]),
        ("until=2026-11-21", []),
        ("number=+919876543210", [4, 3, 2]),
        ("number=%2B91%2098765-43210", [4, 3, 2]),
        ("number=+918012345678", [4, 3, 2, 1]),
        ("ending=time_limit", [3]),
        ("ending=goes_on", [4]),
        ("min_score=50", [2]),
        ("max_score=50", [1]),
        ("q=FLAT+2", [2]),
    ],
)
async def test_filters(house, query, found):
    built, archive = house()
    archive.store.save(
        record(1, caller="+911111111111", lead=Lead(10, (), ())),
        record(2, lead=Lead(90, (), ())),
        record(3, ending="time limit"),
        record(4, ending=""),
    )

    assert await sids(built.client, f"/api/calls?{query}") == found


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/calls?limit=0", ["limit"]),
        ("/api/calls?limit=101", ["limit"]),
        ("/api/calls?limit=%D9%A1", ["limit"]),
        ("/api/calls?cursor=x", ["cursor"]),
        ("/api/calls?unitl=2026-11-22", ["unitl"]),
        ("/api/calls?q=a&q=b", ["q"]),
        ("/api/calls?q=a%00", ["q"]),
        ("/api/calls?since=monday&number=98&limit=many", ["limit", "number", "since"]),
        ("/api/export?format=xls&min_score=-1", ["format", "min_score"]),
        ("/api/export?limit=5", ["limit"]),
        ("/api/export?number=", ["number"]),
        ("/api/calls?number=%20&since=&q=", ["number", "q", "since"]),
        ("/api/calls?q=%22-%22", ["q"]),
        ("/api/calls/CA1/transcript?format=pdf", ["format"]),
        ("/api/calls/CA1?full=1", ["full"]),
        ("/api/calls/CA1/recording?full=1", ["full"]),
    ],
)
async def test_what_cannot_be_used_is_told_all_at_once(house, path, parameters):
    response = await ask(house()[0].client, path)
    body = await response.get_json(force=True)

    assert response.status_code == body["status"] == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert sorted(each["parameter"] for each in body["errors"]) == parameters
    assert all(each["detail"] in body["detail"] for each in body["errors"])


@pytest.mark.parametrize("path", ["/api/calls/CA9", "/api/calls/CA9/transcript", "/api/calls/CA9/recording"])
async def test_a_call_that_there_is_not_is_a_404_in_words(house, path):
    response = await ask(house()[0].client, path)

    assert response.status_code == 404
    assert "CA9" in (await response.get_json(force=True))["detail"]


@pytest.mark.parametrize(
    ("query", "accept", "media_type", "words"),
    [
        ("", "", "application/json", '"role":"agent"'),
        ("", "*/*", "application/json", '"role":"agent"'),
        ("", "text/vtt", "text/vtt; charset=utf-8", "<v Caller>Flat 1 &lt;b&gt;"),
        ("", "text/plain, text/vtt;q=0.5", "text/plain; charset=utf-8", "[0:02] Caller: Flat 1 <b>"),
        ("", "image/png", "application/json", '"role":"agent"'),
        ("?format=vtt", "application/json", "text/vtt; charset=utf-8", "WEBVTT"),
        ("?format=text", "", "text/plain; charset=utf-8", "[0:00] Agent:"),
    ],
)
async def test_a_transcript_comes_in_the_form_that_is_asked_for(house, query, accept, media_type, words):
    built, archive = house()
    archive.store.save(record())
    response = await ask(built.client, f"/api/calls/{record().call_sid}/transcript{query}", Accept=accept)

    assert response.headers["Content-Type"] == media_type
    assert words in await response.get_data(as_text=True)
    assert "Accept" in response.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/calls", "/api/calls/CA1", "/api/calls/CA1/transcript", "/api/export"])
async def test_a_store_that_is_away_is_told_and_shows_nothing_of_itself(house, path):
    built, archive = house()
    archive.store.away = "mongodb://secret@host"
    response = await ask(built.client, path)

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert b"secret" not in await response.get_data()


async def test_a_call_between_two_legs_goes_on_and_what_is_between_processes_is_not_told(house):
    built, archive = house()
    legs = (Leg("p1", 0, 4000, "hand-off"),)
    archive.store.save(record(1, ending="", legs=legs, thread=Thread(unsaid=("Which part of town?",))), record(2))

    one = await (await built.client.get(f"/api/calls/{record(1).call_sid}")).get_json(force=True)
    page = await (await built.client.get("/api/calls?ending=goes_on")).get_json(force=True)

    assert [each["call_sid"] for each in page["calls"]] == [record(1).call_sid]
    assert page["calls"] == [one]
    assert "thread" not in one
    assert (one["ending"], one["ended_at"]) == ("", "")
    assert one["legs"] == [{"process": "p1", "ended_ms": 4000, "why": "hand-off"}]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("newest", [4, 3, 2, 1]),
        ("oldest", [1, 2, 3, 4]),
        ("score", [2, 4, 3, 1]),
        ("longest", [3, 4, 2, 1]),
        ("cost", [1, 3, 4, 2]),
    ],
)
async def test_calls_come_in_the_order_that_is_asked_for_page_by_page(house, order, found):
    built, archive = house()
    archive.store.save(
        record(1, cost_usd=0.5),
        record(2, lead=Lead(62, (), ())),
        record(3, cost_usd=0.02, duration_ms=90_000),
        record(4, lead=Lead(0, (), ())),
    )
    seen, path = [], f"/api/calls?limit=1&sort={order}"
    while path:
        page = await (await ask(built.client, path)).get_json()
        seen += [int(call["call_sid"][2:]) for call in page["calls"]]
        path = page["next"] and f"/api/calls?limit=1&sort={order}&cursor={page['next']}"

    assert seen == found


async def test_a_cursor_leads_on_in_its_own_order_only(house):
    built, archive = house()
    archive.store.save(record(1), record(2))
    page = await (await ask(built.client, "/api/calls?limit=1&sort=score")).get_json()
    refused = await ask(built.client, f"/api/calls?limit=1&cursor={page['next']}")
    unknown = await ask(built.client, "/api/calls?sort=best")

    assert refused.status_code == unknown.status_code == 400
    assert "another order, score" in (await refused.get_json())["detail"]
    assert "newest, oldest, score, longest, cost" in (await unknown.get_json())["detail"]
