"""Both stores find what a naive search through all records finds, in its order, a page at a time."""

import unicodedata
from itertools import count

import msgspec
import pymongo
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.keep.ports import CallStore
from agent.keep.query import GOES_ON, SORTS, Place, Query, place_of
from agent.keep.record import CallRecord, Entry, Lead
from agent.providers import mongo_figures, sqlite_figures
from agent.providers.mongo import MongoStore
from agent.providers.mongo_database import Mongo
from agent.providers.sqlite import SqliteStore
from tests.agent.providers.test_stores import make, record, store
from tests.examples import examples

__all__ = ("make", "store")

ODD = ['"', "'", "-", "AND", "OR", "NOT", "NEAR(", "*", "priya*", "^", ":", "terms:x", "$gt", "{", "\0", "\ud800", "()"]
WORDS = ["flat", "Flat", "FLÄT", "flat-hunting", "लाख", "लाख।", "नमस्ते", "नमस्", "₹80", "80", "don't", "ﬁne", "fine", "ß"]
TIMES = [
    *("2026-11-22T10:00:00.000+00:00", "2026-11-22T10:00:00.001+00:00", "2026-11-22T10:00:01.000+00:00"),
    *("2026-11-22T10:00:00+00:00", "2026-11-22T1", "2026-11-22T10:00:00.9", "2026-11-23", "2027", "", "x", "2026-1a"),
    *("2026:", "\U0001f600", "20269"),
]
NUMBERS = [
    "",
    "+919876543210",
    "919876543210",
    "anonymous",
    "sip:a.b@example.in",
    "sip:A.b@Example.IN",
    "sip:ab@example.in",
    "+",
    "\0",
]
ENDINGS = ["", "caller hung up", "Caller hung up", "callerhungup", "failed", "goes on"]

texts = st.lists(st.sampled_from(WORDS + ODD) | st.text(max_size=5), max_size=5).map(" ".join)
times = st.sampled_from(TIMES) | st.text(max_size=3)
scores = st.none() | st.sampled_from([0, 1, 49, 50, 51, 99, 100, 120, -3])


def encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@st.composite
def records(draw: st.DrawFn) -> CallRecord:
    score = draw(scores)
    made = record(
        draw(st.sampled_from(["CA1", "CA2", "CA3", "ca1", "च", "\0"]) | st.text(max_size=2)),
        draw(times),
        caller=draw(st.sampled_from(NUMBERS)),
        called=draw(st.sampled_from(NUMBERS)),
        ending=draw(st.sampled_from(ENDINGS)),
        entries=tuple(
            Entry(role, encodable(draw(texts)), 0, 1)
            for role in draw(st.lists(st.sampled_from(["caller", "agent", "tool"]), max_size=3))
        ),
        summary=encodable(draw(texts)),
        lead=None if score is None else Lead(score, (), ()),
        duration_ms=draw(st.sampled_from([0, 1, 61_000])),
        cost_usd=draw(st.none() | st.sampled_from([0.0, 0.0312, 2.5])),
        revision=draw(st.integers(0, 3)),
    )
    return msgspec.structs.replace(made, call_sid=encodable(made.call_sid), started_at=encodable(made.started_at))


queries = st.builds(
    Query,
    since=st.just("") | times,
    until=st.just("") | times,
    number=st.just("") | st.sampled_from(NUMBERS) | st.text(max_size=3),
    ending=st.just("") | st.sampled_from([*ENDINGS, GOES_ON]) | st.text(max_size=3),
    least_score=scores,
    most_score=scores,
    text=st.just("") | texts,
    sort=st.sampled_from(SORTS),
)


def said(text: str) -> set[str]:
    """Its words, the slow way."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", encodable(text)).casefold())
    kept = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return set("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in kept).split())


def naive(kept: list[CallRecord], query: Query) -> list[CallRecord]:
    def asked(r: CallRecord) -> bool:
        score = r.lead.score if r.lead else None
        spoken = " ".join([r.summary, *(e.text for e in r.entries if e.role in ("caller", "agent"))])
        ending = encodable(query.ending)
        return all(
            [
                not query.since or r.started_at >= encodable(query.since),
                not query.until or r.started_at < encodable(query.until),
                not query.number or encodable(query.number).lower() in (r.caller.lower(), r.called.lower()),
                not ending or (r.ending == ending if r.ending else ending == GOES_ON),
                query.least_score is None or (score is not None and score >= query.least_score),
                query.most_score is None or (score is not None and score <= query.most_score),
                said(query.text) <= said(spoken),
            ]
        )

    newest = sorted(filter(asked, kept), key=lambda r: (r.started_at, r.call_sid), reverse=True)
    match query.sort:
        case "newest":
            return newest
        case "oldest":
            return newest[::-1]
        case "score":
            return sorted(newest, key=lambda r: (r.lead is None, -r.lead.score if r.lead else 0))
        case "longest":
            return sorted(newest, key=lambda r: -r.duration_ms)
        case "cost":
            return sorted(newest, key=lambda r: (r.cost_usd is None, -(r.cost_usd or 0)))


@pytest.fixture(scope="module", params=["few", "many"])
def how_many(request: pytest.FixtureRequest):
    """What either store takes for many, when it puts calls in order by a figure."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many":
            patch.setattr(sqlite_figures, "MANY", 1)
            patch.setattr(mongo_figures, "COUNTED", 1)
        yield


@pytest.fixture(scope="module", params=["sqlite", "mongo"])
def emptied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, how_many):
    """Makes empty stores."""
    if request.param == "mongo":
        uri = request.getfixturevalue("mongo_uri")
        with pymongo.MongoClient(uri) as client:
            client.drop_database("calling_agent")
            shared = MongoStore(Mongo(uri))

            def empty() -> CallStore:
                client["calling_agent"]["calls"].delete_many({})
                return shared

            yield empty
            shared.close()
        return
    folder, numbers, made = tmp_path_factory.mktemp("stores"), count(), []

    def new() -> CallStore:
        while made:
            made.pop().close()
        made.append(SqliteStore(folder / f"{next(numbers)}.db"))
        return made[0]

    yield new
    made.pop().close()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(records(), max_size=8), st.lists(queries, min_size=1, max_size=6), st.integers(1, 3))
@example([record(text, text) for text in TIMES], [Query(since=text) for text in TIMES], 2)
@example([record(text, text) for text in TIMES], [Query(until=text, since="2") for text in TIMES], 1)
@example([record(text, text) for text in TIMES], [Query(sort=sort) for sort in SORTS], 1)
def test_both_stores_find_what_a_naive_search_finds(emptied, saved, asked, size) -> None:
    store, kept = emptied(), {}
    for each in saved:
        store.save(each)
        known = kept.get(each.call_sid)
        if known is None or known.revision <= each.revision:
            kept[each.call_sid] = each

    for query in [Query(), *asked]:
        expected, pages, after = naive(list(kept.values()), query), [], None
        while page := store.find(query, size, after):
            assert len(page) <= size
            pages += page
            after = place_of(page[-1], query.sort)
        assert pages == expected
        assert store.find(query, 99) == expected
        assert len(expected) <= store.count(query, 99) <= len(kept)
    for each in kept.values():
        assert store.get(each.call_sid) == each


def test_calls_are_counted_without_being_read(store: CallStore) -> None:
    day, over = "2026-11-22T10:00:00.000+00:00", ("caller hung up", "failed", "failed", "")
    store.save(*(record(f"CA{n}", day, ending=ending) for n, ending in enumerate(over)))
    store.save(record("CA9", "2026-11-21T10:00:00.000+00:00", ending="failed"))
    assert store.count(Query(), 99) == 5
    assert store.count(Query(), 3) == 3
    assert store.count(Query(ending="failed"), 99) == 3
    assert store.count(Query(ending="failed", since="2026-11-22"), 99) == 2
    assert store.count(Query(ending=GOES_ON), 99) == 1
    assert store.count(Query(ending="failed", until="2026-11-22"), 99) == 1
    assert store.count(Query(least_score=2, most_score=1), 99) == 0
    store.delete("CA1")
    assert store.count(Query(ending="failed"), 99) == 2


def test_what_a_user_types_is_never_syntax(store: CallStore) -> None:
    store.save(record(summary='She said "eighty lakhs" - NOT more. नमस्ते जी। naïve'))
    for text in ('"eighty', "lakhs -more", "NOT", '"', "(", "नमस्ते", "NAÏVE", "said AND", "more*", "priya, नमस्ते!"):
        assert len(store.find(Query(text=text), 9)) == (0 if text == "said AND" else 1), text
    for text in ("eight", "नमस्", "lakh OR lakhs", "-more other", "summary:lakhs"):
        assert store.find(Query(text=text), 9) == [], text
    assert store.find(Query(text=" ".join(f"w{n}" for n in range(5000))), 9) == []
    assert len(store.find(Query(text=" ".join(["lakhs"] * 2000)), 9)) == 1


def test_pages_stay_right_while_records_are_saved_in_between(store: CallStore) -> None:
    times = [f"2026-11-22T10:00:{n:02}.000+00:00" for n in range(20)]
    store.save(*(record(f"CA{n:02}", at) for n, at in enumerate(times) if n % 2))
    seen, after, later = [], None, iter(range(0, 20, 2))
    while page := store.find(Query(), 1, after):
        seen += [r.call_sid for r in page]
        after, n = place_of(page[-1]), next(later, 0)
        store.save(record(f"CA{n:02}", times[n]), record("CA19", times[19], revision=n, summary=f"changed {n}"))
        store.save(record(f"new{n}", f"2026-11-23T10:00:{n:02}.000+00:00"))

    assert [sid for sid in seen if int(sid[2:]) % 2] == [f"CA{n:02}" for n in range(19, 0, -2)]
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, reverse=True)


def test_a_state_that_is_saved_again_is_found_by_its_new_words_only(store: CallStore) -> None:
    store.save(record(summary="villa", ending="", revision=1))
    store.save(record(summary="cottage", ending="failed", revision=2, lead=Lead(80, (), ())))

    for query in (Query(text="villa"), Query(ending=GOES_ON), Query(most_score=79)):
        assert store.find(query, 9) == []
    for query in (Query(text="Cottage Priya"), Query(ending="failed"), Query(least_score=80, text="cottage")):
        assert [r.revision for r in store.find(query, 9)] == [2]


def test_a_place_that_is_no_records_is_a_place(store: CallStore) -> None:
    store.save(record("CA1"), record("CA2"), record("CA3"))
    at = record().started_at

    assert [r.call_sid for r in store.find(Query(), 9, Place(at, "CA2x"))] == ["CA2", "CA1"]
    assert store.find(Query(), 9, Place("1\ud800", "\0")) == []
    assert [r.call_sid for r in store.find(Query(), 9, Place("\ud800", ""))] == ["CA3", "CA2", "CA1"]
    assert store.find(Query(), 0) == []


def test_behind_a_call_of_no_time_nothing_is_looked_through(tmp_path, monkeypatch):
    store = SqliteStore(tmp_path / "calls.db")
    store.save(*(record(f"CA{n}") for n in range(3)), record("CA", ""), record("CB", ""))
    read = []
    monkeypatch.setattr(store, "_decode", lambda text: read.append(text) or msgspec.json.decode(text, type=CallRecord))

    assert store.find(Query(), 9, Place("", "")) == []
    assert len(read) == 2
    store.close()
