"""What the pages of past calls are made of, without a page: sounds, words and addresses in, what is shown out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.keep.wav import Label, header
from agent.think.score import TABLE
from tests.browser.conftest import Run
from tests.browser.past_calls import POINTS
from tests.examples import examples

PEAKS = """async ([file, sizes]) => {
    const { Peaks } = await import("/console/history/wav.js");
    const peaks = new Peaks();
    let at = 0;
    for (const size of [...sizes, file.length]) {
        peaks.take(new Uint8Array(file.slice(at, at + size)));
        at += size;
    }
    peaks.end();
    const of = (side) => Array.from({ length: side.length }, (_, n) => Math.round(side.at(n) * 32768));
    return [peaks.format && peaks.format.rate, of(peaks.left), of(peaks.right)];
}"""


def call(run: Run, module: str, name: str, *arguments: Any) -> Any:
    code = f"async (given) => (await import('/console/history/{module}.js')).{name}(...given)"
    return run(code, *arguments)


def test_what_could_still_have_counted_is_told(run: Run) -> None:
    points = [{"fact": p.fact, "points": p.points} for p in POINTS]
    more = call(run, "unearned", "unearned", TABLE, points)

    assert {each["fact"]: each["points"] for each in more} == {
        "intent": 10,
        "visit": 10,
        "financing": 5,
        "decision_maker": 5,
    }
    assert sum(each["points"] for each in more) + sum(p.points for p in POINTS if p.points > 0) == 100


samples = st.lists(st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)), max_size=500)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
@given(samples, st.lists(st.integers(0, 700), max_size=5))
def test_peaks_are_the_same_in_whatever_pieces_a_recording_comes(run: Run, frames, sizes) -> None:
    body = b"".join(side.to_bytes(2, "little", signed=True) for frame in frames for side in frame)
    file = header(Label("CA1", "2026-11-28T10:00:00.000+00:00", 2, 5000)) + body
    windows = [frames[at : at + 160] for at in range(0, len(frames), 160)]
    expected = [[max(abs(frame[side]) for frame in window) for window in windows] for side in (0, 1)]

    assert run(PEAKS, list(file), sizes) == [8000, *expected]


def test_what_is_no_recording_that_is_known_has_no_peaks(run: Run) -> None:
    assert run(PEAKS, list(b"OggS" + bytes(60)), []) == [False, [], []]


@pytest.mark.parametrize(
    ("text", "evidence", "found"),
    [
        ("It is in Hebbal, a three-bedroom villa.", "three bedroom villa", "three-bedroom villa"),
        ("मेरा बजट अस्सी लाख है", "अस्सी लाख", "अस्सी लाख"),
        ("Eighty, eighty lakhs", "EIGHTY LAKHS", "eighty lakhs"),
        ("eightyish", "eighty", None),
        ("nothing", "", None),
    ],
)
def test_evidence_is_found_by_its_words(run: Run, text: str, evidence: str, found: str | None) -> None:
    span = call(run, "evidence", "span", text, evidence)
    assert (text[span["from"] : span["to"]] if span else None) == found


def test_a_text_is_parted_where_spans_overlap_and_nothing_is_lost(run: Run) -> None:
    spans = [{"from": 2, "to": 6, "id": "a"}, {"from": 4, "to": 8, "id": "b"}]
    found = call(run, "evidence", "pieces", "0123456789", spans)

    assert [each["text"] for each in found] == ["01", "23", "45", "67", "89"]
    assert ["".join(span["id"] for span in each["spans"]) for each in found] == ["", "a", "ab", "b", ""]
    assert call(run, "evidence", "pieces", "", []) == []


@pytest.mark.parametrize(
    "query",
    [{}, {"q": "flat & फ्लैट", "number": "+91 98", "sort": "cost", "cursor": "a-b_c", "page": "3"}, {"min_score": "0"}],
)
def test_an_address_gives_back_what_was_put_into_it(run: Run, query: dict[str, str]) -> None:
    told = call(run, "filters", "hashOf", query)
    assert call(run, "filters", "asked", told) == query
    assert call(run, "filters", "asked", "#/calls?nothing=1&q=++") == {}
