"""What the pages of calls are made of, without a page: events, records and figures in, what is shown out."""

from __future__ import annotations

from typing import Any

import pytest

from agent.rehearsal.sound import decode
from tests.browser.conftest import Run

FOLD = """async ([events]) => {
    const { Fold } = await import("/console/live/fold.js");
    const fold = new Fold();
    const seen = [];
    for (const [name, data, id] of events) {
        fold.take(name, data, id);
        seen.push(fold.lines.map(({ role, text, coming, rest, state }) => ({ role, text, coming, rest, state })));
    }
    const { lines, moments, ending } = fold;
    return { seen, lines, moments, ending };
}"""


def call(*moments: Any) -> list[Any]:
    """Events: of pairs, numbered moments; dicts are records, and as such events of their own."""
    made: list[Any] = [["call", {"call_sid": "CA1", "state": "listening", "now_ms": 0}, 0]]
    number = 0
    for each in moments:
        if isinstance(each, dict):
            made.append(["record", {"duration_ms": 0, "turns": []} | each, 0])
        else:
            at, kind, fields = each
            number += 1
            made.append(["moment", {"at_ms": at, "kind": kind} | fields, number])
    return made


def agent(text: str, start: int, end: int, meant: str = "") -> dict[str, Any]:
    return {"role": "agent", "text": text, "start_ms": start, "end_ms": end} | (
        {"meant": meant, "interrupted": True} if meant else {}
    )


def caller(text: str, start: int, end: int) -> dict[str, Any]:
    return {"role": "caller", "text": text, "start_ms": start, "end_ms": end}


def say(at: int, turn: int, piece: int, text: str, ms: int = 1000) -> tuple[int, str, dict[str, Any]]:
    return at, "say", {"turn": turn, "piece": piece, "text": text, "ms": ms}


def mark(at: int, turn: int, piece: int) -> tuple[int, str, dict[str, Any]]:
    return at, "mark", {"turn": turn, "piece": piece}


HELLO = [say(0, 1, 1, "Hello."), mark(990, 1, 1), say(1000, 1, 2, "How can I help?"), mark(2000, 1, 2)]
FLAT = (4000, "turn", {"turn": 2, "text": "A flat.", "start_ms": 2500, "end_ms": 3300, "endpoint_ms": 700})


def words(lines: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [(line["role"], line["text"], line["coming"], line["rest"]) for line in lines]


def test_what_is_said_grows_word_by_word(run: Run) -> None:
    seen = run(FOLD, call(*HELLO, (3000, "partial", {"text": "A", "start_ms": 2500}), FLAT))["seen"]
    assert [words(each) for each in seen[1:5]] == [
        [("agent", "", "Hello.", "")],
        [("agent", "Hello.", "", "")],
        [("agent", "Hello.", "How can I help?", "")],
        [("agent", "Hello. How can I help?", "", "")],
    ]
    assert seen[5][-1]["state"] == "partial"
    assert words(seen[6])[-1] == ("caller", "A flat.", "", "")
    assert [line["state"] for line in seen[6]] == ["", ""]


def test_a_record_takes_over_and_nothing_is_there_twice(run: Run) -> None:
    known = agent("Hello.", 0, 990)
    whole = [agent("Hello. How can I help?", 0, 2000), caller("A flat.", 2500, 3300)]
    seen = run(FOLD, call(*HELLO[:3], {"entries": [known]}, HELLO[3], FLAT, {"entries": whole, "duration_ms": 4100}))[
        "seen"
    ]
    assert words(seen[4]) == [("agent", "Hello.", "How can I help?", "")]
    assert words(seen[5]) == [("agent", "Hello. How can I help?", "", "")]
    assert (
        words(seen[-2])
        == words(seen[-1])
        == [
            ("agent", "Hello. How can I help?", "", ""),
            ("caller", "A flat.", "", ""),
        ]
    )


def test_what_a_record_tells_as_if_it_were_cut_off_now_goes_on(run: Run) -> None:
    so_far = {"entries": [agent("Hello. How", 0, 1450, "Hello. How can I help?")], "duration_ms": 1500}
    seen = run(FOLD, call(*HELLO[:3], so_far, HELLO[3], say(2000, 1, 3, "Tell me.")))["seen"]
    assert [words(each) for each in seen[4:]] == [
        [("agent", "Hello. How", "can I help?", "")],
        [("agent", "Hello. How can I help?", "", "")],
        [("agent", "Hello. How can I help?", "Tell me.", "")],
    ]


def test_what_is_cut_off_after_a_record_has_begun_to_tell_it_is_there_once(run: Run) -> None:
    so_far = {"entries": [agent("Hello.", 0, 1000, "Hello. How can I help?")], "duration_ms": 1100}
    seen = run(FOLD, call(*HELLO[:3], so_far, CUT))["seen"]
    assert words(seen[-1]) == [("agent", "Hello. How", "", "can I help?")]


def test_what_is_said_twice_is_there_twice(run: Run) -> None:
    known = {"entries": [agent("Are you there?", 0, 1000)], "duration_ms": 1100}
    again = say(8000, 2, 2, "Are you there?")
    seen = run(FOLD, call(say(0, 1, 1, "Are you there?"), mark(1000, 1, 1), known, again))["seen"]
    assert words(seen[-1]) == [("agent", "Are you there?", "", ""), ("agent", "", "Are you there?", "")]


def test_what_is_cut_off_before_its_first_word_is_shown_until_a_record_comes(run: Run) -> None:
    cut = (1100, "cut", {"turn": 1, "heard": "", "meant": ""})
    seen = run(FOLD, call(say(1000, 1, 1, "Hello."), cut, {"entries": [], "duration_ms": 1200}))["seen"]
    assert [words(each) for each in seen[2:]] == [[("agent", "", "", "Hello.")], []]


def test_of_a_call_held_elsewhere_the_last_line_may_go_on(run: Run) -> None:
    so_far = {"entries": [agent("Hello. How", 0, 1450, "Hello. How can I help?")], "duration_ms": 1500}
    events = [["call", {"call_sid": "CA1", "state": "elsewhere"}, 0], call(so_far)[1]]
    assert words(run(FOLD, events)["lines"]) == [("agent", "Hello. How", "can I help?", "")]
    assert words(run(FOLD, [*events, ["end", {"ending": "caller hung up"}, 0]])["lines"]) == [
        ("agent", "Hello. How", "", "can I help?")
    ]


CUT = (1500, "cut", {"turn": 1, "heard": "Hello. How", "meant": "Hello. How can I help?"})


@pytest.mark.parametrize("recorded", [False, True])
def test_what_is_cut_off_is_struck_and_may_go_on(run: Run, recorded: bool) -> None:
    record = [{"entries": [agent("Hello. How", 0, 1450, CUT[2]["meant"])], "duration_ms": 1500}] if recorded else []
    events = call(*HELLO[:3], (1490, "clear", {}), CUT, *record, say(3000, 1, 3, "can I help?"), mark(3900, 1, 3))
    folded = run(FOLD, events)
    cut, resumed, done = (words(folded["seen"][n]) for n in (-3, -2, -1))
    assert cut == [("agent", "Hello. How", "", "can I help?")]
    assert resumed == [("agent", "Hello. How", "can I help?", "")]
    assert done == [("agent", "Hello. How can I help?", "", "")]
    spans = [(each["from_ms"], each["to_ms"], each["tone"]) for each in folded["moments"] if each["lane"] == "agent"]
    assert spans == [(0, 990, ""), (1000, 1490, "cut"), (3000, 3900, "")]


def test_a_line_keeps_its_key_when_a_record_takes_it_over(run: Run) -> None:
    before = run(FOLD, call(*HELLO, FLAT))["lines"]
    record = {"entries": [agent("Hello. How can I help?", 0, 2000), caller("A flat.", 2500, 3300)]}
    after = run(FOLD, call(*HELLO, FLAT, record))["lines"]
    assert [line["key"] for line in before] == [line["key"] for line in after] == ["agent-1", "caller-1"]


def test_what_never_comes_into_a_record_is_let_go(run: Run) -> None:
    late = {"entries": [], "duration_ms": 60_000}
    assert run(FOLD, call(*HELLO, FLAT, late))["lines"] == []


def test_what_is_told_again_after_a_reconnect_counts_once(run: Run) -> None:
    events = call(*HELLO, FLAT)
    once, twice = run(FOLD, events), run(FOLD, events + events)
    assert (twice["lines"], twice["moments"]) == (once["lines"], once["moments"])


def test_an_end_leaves_the_record_alone(run: Run) -> None:
    record = {"entries": [agent("Hello.", 0, 990)], "duration_ms": 1200, "ending": "caller-hung-up"}
    over = ["end", {"ending": "caller-hung-up"}, 0]
    vad = (1100, "vad", {"speech": True, "since_ms": 1050})
    folded = run(FOLD, [*call(*HELLO[:3], vad, record), over])
    assert words(folded["lines"]) == [("agent", "Hello.", "", "")]
    assert folded["ending"] == "caller-hung-up"
    assert [each["to_ms"] for each in folded["moments"] if each["lane"] == "vad"] == [1200]


def test_moments_stand_in_lanes(run: Run) -> None:
    stage = {"turn": 2, "endpoint_ms": 700, "heard_ms": 90, "first_token_ms": 400, "first_audio_ms": 600}
    folded = run(
        FOLD,
        call(
            (2600, "vad", {"speech": True, "since_ms": 2500}),
            (3400, "vad", {"speech": False, "since_ms": 3300}),
            FLAT,
            (4600, "stage", stage),
            (4640, "tool", {"name": "note"}),
            (4700, "tool", {"name": "note", "ms": 50, "fault": "timeout"}),
            (4800, "barge-in", {}),
        ),
    )
    assert [(each["lane"], each["from_ms"], each["to_ms"]) for each in folded["moments"]] == [
        ("vad", 2500, 3300),
        ("caller", 2500, 3300),
        ("turns", 3300, 4000),
        ("turns", 4000, 4090),
        ("turns", 4090, 4400),
        ("turns", 4400, 4600),
        ("tools", 4640, 4700),
        ("barge-ins", 4800, None),
    ]


VERDICT = """async ([turns]) => {
    const { turnsOf, verdict } = await import("/console/parts/stages.js");
    return verdict(turnsOf(turns));
}"""
SLOW = {"heard_ms": 80, "first_token_ms": 1280, "first_audio_ms": 1400, "endpoint_ms": 700}
EVEN = {"heard_ms": 0, "first_token_ms": 0, "first_audio_ms": 300, "endpoint_ms": 700}
SLOWEST = """\
2.10 s from the caller's last word to the first audio of the answer. Most of it was first token (1200 ms): until the \
model's first word."""
OF_TWO = """\
Turn 1 was the slowest: 1.00 s from the caller's last word to the first audio of the answer. Most of it was end of \
turn (700 ms): the silence that was waited to be sure that the caller had finished. Of the work itself, first audio \
took longest (300 ms)."""


@pytest.mark.parametrize(("turns", "told"), [([], ""), ([SLOW], SLOWEST), ([EVEN, EVEN], OF_TWO)])
def test_the_slowest_turn_and_its_slowest_stage_are_named(run: Run, turns: Any, told: str) -> None:
    assert run(VERDICT, turns).replace("\u2019", "'") == told


def test_a_finished_record_has_its_moments(run: Run) -> None:
    record = {
        "duration_ms": 9000,
        "entries": [agent("Hello. How", 0, 1450, "Hello. How can I help?"), caller("A flat.", 1400, 2200)],
        "turns": [{"heard_ms": 90, "first_token_ms": 400, "first_audio_ms": 600, "endpoint_ms": 700, "said_ms": 2200}],
        "legs": [{"process": "a", "ended_ms": 5000, "why": "hand-off"}, {"process": "b", "began_ms": 5200}],
    }
    told = run(
        "async ([record]) => { const { momentsOf, inWords } = await import('/console/parts/moments.js');"
        " return momentsOf(record).map(inWords); }",
        record,
    )
    assert told == [
        "0:00.000, 1450 ms long. Agent: speaks, is cut off: Hello. How",
        "0:00.000, 5000 ms long. Legs: leg 1: ends by hand-off",
        "0:01.400, 800 ms long. Caller: speaks: A flat.",
        "0:01.450. Barge-ins: the caller interrupts: of “Hello. How can I help?” was heard “Hello. How”",
        "0:02.200, 700 ms long. Turns: turn 1: end of turn 700 ms, the slowest stage",
        "0:02.900, 90 ms long. Turns: turn 1: transcription 90 ms",
        "0:02.990, 310 ms long. Turns: turn 1: first token 310 ms",
        "0:03.300, 200 ms long. Turns: turn 1: first audio 200 ms",
        "0:05.200, 3800 ms long. Legs: leg 2",
    ]


VIEW = 'async ([name, given]) => (await import("/console/parts/timeline_view.js"))[name](...given)'


def test_zooming_keeps_what_one_looks_at_where_it_is(run: Run) -> None:
    before = {"from_ms": 10_000, "span_ms": 20_000}
    after = run(VIEW, "zoomed", [before, 2, 15_000, 100_000])
    assert after == {"from_ms": 12_500, "span_ms": 10_000}
    assert run(VIEW, "zoomed", [before, 0.001, 15_000, 100_000]) == {"from_ms": 0, "span_ms": 102_000}
    assert run(VIEW, "moved", [before, 1e9, 100_000])["from_ms"] == 82_000
    assert run(VIEW, "following", [before, 50_000]) == {"from_ms": 31_200, "span_ms": 20_000}


def test_keys_reach_every_moment(run: Run) -> None:
    lanes = ["caller", "agent", "marks"]
    moments = [{"key": f"{n}", "lane": lanes[n % 3], "from_ms": n * 100, "to_ms": None} for n in range(7)]
    for key, step, there in [(None, 1, "0"), ("0", 1, "1"), ("6", 1, "6"), ("0", -1, "0"), ("3", 10, "6")]:
        assert run(VIEW, "beside", [moments, key, step])["key"] == there
    assert run(VIEW, "across", [moments, lanes, "3", 1])["key"] in {"1", "4"}
    assert run(VIEW, "across", [moments, lanes, "3", -1])["key"] == "3"
    assert run(VIEW, "hit", [moments, "agent", 405, 20, 1000])["key"] == "4"
    assert run(VIEW, "hit", [moments, "agent", 460, 20, 1000]) is None


LIST = """async ([calls, changes, sort, words]) => {
    const { NONE, all, changed, rows } = await import("/console/live/list.js");
    const before = all(NONE, { calls });
    const after = changes.reduce(changed, before);
    const same = [...after.calls.values()].filter((call) => before.calls.get(call.call_sid) === call);
    const over = after.over.map((call) => [call.caller, call.ending]);
    return { rows: rows(after, sort, words).map((call) => call.call_sid), over, same: same.length };
}"""


def live(sid: str, **more: Any) -> dict[str, Any]:
    begun = f"2026-11-28T10:0{sid[-1]}:00+00:00"
    return {"call_sid": sid, "caller": f"+9198{sid[-1]}", "started_at": begun, "score": None, "state": "hearing"} | more


def test_the_list_changes_as_calls_do(run: Run) -> None:
    calls = [live("CA1", score=10), live("CA2", score=62), live("CA3")]
    changes = [{"calls": [live("CA4", score=5)], "gone": [{"call_sid": "CA2", "ending": "agent-hung-up"}]}]
    found = run(LIST, calls, changes, {"by": "score", "down": True}, "")
    assert found == {"rows": ["CA1", "CA4", "CA3"], "over": [["+91982", "agent-hung-up"]], "same": 2}
    assert run(LIST, calls, [], {"by": "duration", "down": True}, "")["rows"] == ["CA1", "CA2", "CA3"]
    assert run(LIST, calls, [], {"by": "duration", "down": False}, "+91983")["rows"] == ["CA3"]


def test_the_line_s_sound_comes_in_pieces_of_any_length(run: Run) -> None:
    pcm = decode(bytes(range(256))).tolist()
    pieces = run(
        "async ([pieces]) => { const decode = (await import('/console/live/sound.js')).stereo();"
        " return pieces.map((each) => decode(Uint8Array.from(each)).map((side) => [...side].map((v) => v * 32768))); }",
        [[1, 2, 3], [4], [5, 6]],
    )
    assert pieces == [[[pcm[1]], [pcm[2]]], [[pcm[3]], [pcm[4]]], [[pcm[5]], [pcm[6]]]]
