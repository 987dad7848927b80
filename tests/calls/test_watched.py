"""Calls are watched while they go on: what watchers are told is what the record says, and no call knows of any. In
virtual time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import msgspec
import pytest
import trio

from agent.providers.scripted import Script
from agent.rehearsal.plan import Line
from agent.seen.feed import LEGS, MOST
from nurseries.watch import watching
from tests.calls.stage import Stage, tone
from tests.calls.watchers import House, Watcher

BYE = "Thank you for calling us today. We wish you a pleasant evening, and many homes to choose from. Goodbye!"
TALK = Script(
    heard=("I want to buy a flat in Whitefield", "eighty lakhs", "that is all, goodbye"),
    replies=("Lovely. What is your budget? We have many of them there, near the lake and near the park.", "Good.", BYE),
    hear_s=0.2,
    first_token_s=0.5,
)
LINES = (tone(1500), tone(900), tone(700))


async def test_who_watches_sees_what_the_record_says(autojump_clock) -> None:
    house, watcher = House(Stage(TALK)), Watcher()

    async def watch(call_sid: str) -> None:
        await watcher.read(house.watching.call(call_sid))

    await house.watched(partial(house.stage.place, *LINES), watch)

    record = house.stage.record
    first, *_, last = watcher.events
    assert (first.name, first.data["call_sid"], first.data["here"]) == ("call", record.call_sid, True)
    assert (last.name, last.data) == ("end", {"ending": record.ending})
    assert watcher.of("record")[-1]["entries"] == list(msgspec.to_builtins(record.entries))
    turns = watcher.moments("turn")
    assert [(turn["text"], turn["start_ms"], turn["end_ms"]) for turn in turns] == [
        (entry.text, entry.start_ms, entry.end_ms) for entry in record.entries if entry.role == "caller"
    ]
    stages = watcher.moments("stage")
    assert [
        (stage["endpoint_ms"], stage["heard_ms"], stage["first_token_ms"], stage["first_audio_ms"]) for stage in stages
    ] == [(turn.endpoint_ms, turn.heard_ms, turn.first_token_ms, turn.first_audio_ms) for turn in record.turns]
    assert [stage["turn"] for stage in stages] == [turn["turn"] for turn in turns]
    assert [stage["endpoint_ms"] for stage in stages] == [turn["endpoint_ms"] for turn in turns]
    said = {(moment["turn"], moment["piece"]): moment["text"] for moment in watcher.moments("say")}
    heard = [(moment["turn"], moment["piece"]) for moment in watcher.moments("mark")]
    assert " ".join(said[piece] for piece in heard) == " ".join(
        entry.text for entry in record.entries if entry.role == "agent"
    )
    times = [moment["at_ms"] for moment in watcher.moments()]
    assert times == sorted(times)
    assert [event.number for event in watcher.events if event.name == "moment"] == [
        LEGS + n for n in range(1, len(times) + 1)
    ]


async def test_a_call_is_the_same_whoever_watches(autojump_clock) -> None:
    alone, seen = Stage(TALK), House(Stage(TALK))
    await alone.place(*LINES)

    async def stuck(call_sid: str) -> None:
        await Watcher(pause_s=7).read(seen.watching.call(call_sid))

    async def one(call_sid: str) -> None:
        await Watcher().read(seen.watching.call(call_sid))

    async def all_of_them(_: str) -> None:
        with trio.move_on_after(30):
            await Watcher().read(seen.watching.calls())

    await seen.watched(partial(seen.stage.place, *LINES), stuck, one, one, all_of_them)

    assert seen.watching.watchers == 0
    assert seen.stage.told == alone.told
    assert seen.stage.record.turns == alone.record.turns


async def test_an_interruption_is_told_as_the_record_has_it(autojump_clock) -> None:
    script = Script(heard=("I want to sell my house",), replies=("Where is it?",))
    house, watcher = House(Stage(script)), Watcher()

    async def watch(call_sid: str) -> None:
        await watcher.read(house.watching.call(call_sid))

    await house.watched(partial(house.stage.place, tone(1200, at_ms=1000)), watch)

    entry, *_ = house.stage.record.entries
    assert entry.interrupted
    cut, *_ = watcher.moments("cut")
    assert (cut["heard"], cut["meant"]) == (entry.text, entry.meant)
    kinds = [moment["kind"] for moment in watcher.moments() if moment["kind"] != "state"]
    assert kinds[: kinds.index("stage")] == [
        *("say", "say", "vad", "held", "cut", "clear", "vad", "partial", "barge-in", "turn"),
    ]
    assert [moment["state"] for moment in watcher.moments("state")] == [
        *("thinking", "speaking", "hearing", "thinking", "speaking", "listening"),
    ]


@pytest.mark.parametrize(
    ("heard", "line", "kinds"),
    [
        ("mm-hm", tone(350, at_ms=1000), ["held", "backchannel", "going on"]),
        ("", tone(200, at_ms=1000), ["held", "no words", "going on"]),
    ],
)
async def test_what_was_no_turn_is_told(autojump_clock, heard: str, line: Line, kinds: list[str]) -> None:
    house, watcher = House(Stage(Script(heard=(heard,)))), Watcher()

    async def watch(call_sid: str) -> None:
        await watcher.read(house.watching.call(call_sid))

    await house.watched(partial(house.stage.place, line), watch)

    told = watcher.moments("held", "backchannel", "no words", "going on", "barge-in", "turn")
    assert [moment["kind"] for moment in told] == kinds


async def test_who_comes_later_or_again_misses_nothing(autojump_clock) -> None:
    house, whole, late, again = House(Stage(TALK)), Watcher(), Watcher(), Watcher()

    async def watch(call_sid: str) -> None:
        await whole.read(house.watching.call(call_sid))

    async def later(call_sid: str) -> None:
        await trio.sleep(9)
        with trio.move_on_after(4):
            await late.read(house.watching.call(call_sid))
        await again.read(house.watching.call(call_sid, late.last))

    await house.watched(partial(house.stage.place, *LINES), watch, later)

    assert not late.ended
    assert again.ended
    assert late.of("moment") + again.of("moment") == whole.of("moment")


async def test_who_stops_reading_is_dropped_and_the_call_goes_on(autojump_clock) -> None:
    house, stuck = House(Stage(TALK)), Watcher(pause_s=5)

    async def watch(call_sid: str) -> None:
        await stuck.read(house.watching.call(call_sid))

    async def chatter(_: str) -> None:
        feed = house.stage.calls[-1].feed
        for n in range(3 * MOST):
            feed.tell("silence", what=str(n))
            await trio.sleep(0.002)

    await house.watched(partial(house.stage.place, *LINES), watch, chatter)

    assert stuck.ended
    assert stuck.of("end") == []
    assert len(stuck.of("moment")) < MOST
    assert house.watching.watchers == 0


@pytest.mark.parametrize("at_ms", [500, 1500, 3000, 6000])
async def test_a_hang_up_ends_the_watching(autojump_clock, at_ms: float) -> None:
    house, one, every = House(Stage(TALK)), Watcher(), Watcher()

    async def watch(call_sid: str) -> None:
        await one.read(house.watching.call(call_sid))

    async def watch_all(_: str) -> None:
        with trio.move_on_after(30):
            await every.read(house.watching.calls())

    await house.watched(partial(house.stage.place, *LINES, hang_up_at_ms=at_ms), watch, watch_all)

    assert one.of("end") == [{"ending": "caller hung up"}]
    assert every.of("changed")[-1]["gone"] == [
        {"call_sid": house.stage.record.call_sid, "ending": "caller hung up"},
    ]
    assert house.watching.watchers == 0


async def test_who_reads_slowly_is_told_the_end_and_the_whole_record(autojump_clock) -> None:
    house, watcher = House(Stage(TALK)), Watcher(pause_s=3)

    async def watch(call_sid: str) -> None:
        await watcher.read(house.watching.call(call_sid))

    await house.watched(partial(house.stage.place, *LINES), watch)

    assert watcher.of("end") == [{"ending": house.stage.record.ending}]
    assert watcher.of("record")[-1]["entries"] == list(msgspec.to_builtins(house.stage.record.entries))


async def test_behind_a_hand_off_the_stream_ends_without_an_end(autojump_clock) -> None:
    house, one, two = House(Stage(TALK)), Watcher(), Watcher()

    async def watch(call_sid: str) -> None:
        await one.read(house.watching.call(call_sid))

    async def move(_: str) -> None:
        await trio.sleep(6)
        house.stage.calls[-1].move("a deploy")

    await house.watched(partial(house.stage.place, *LINES), watch, move)
    before = house.stage.stores[-1].record
    assert before is not None
    assert (one.ended, one.of("end")) == (True, [])

    async def watch_on(call_sid: str) -> None:
        await two.read(house.watching.call(call_sid, one.last))

    await house.watched(partial(house.stage.resume, before, *LINES[1:]), watch_on)

    assert two.of("end") == [{"ending": house.stage.record.ending}]
    numbers = [event.number for event in two.events if event.name == "moment"]
    assert numbers == [2 * LEGS + n for n in range(1, len(numbers) + 1)]
    assert two.moments()[0]["at_ms"] > one.moments()[-1]["at_ms"] - 1000


async def test_whoever_watches_a_leg_comes_again_when_the_next_one_begins(autojump_clock) -> None:
    house, watcher, ended = House(Stage(TALK)), Watcher(), []

    async def watch(call_sid: str) -> None:
        await watcher.read(house.watching.call(call_sid))
        ended.append(trio.current_time())

    async def succeed(_: str) -> None:
        await trio.sleep(3)
        old = house.stage.calls[-1]
        house.watching.begun(house.stage.call(replace(old.info, leg=2), old._socket))
        ended.append(trio.current_time())

    await house.watched(partial(house.stage.place, *LINES), watch, succeed)

    assert ended[1] - ended[0] < 0.1
    assert watcher.of("end") == []


async def test_a_process_that_leaves_ends_all_streams(autojump_clock) -> None:
    house, one, every = House(Stage(TALK)), Watcher(), Watcher()
    left: list[float] = []

    async def watch(call_sid: str) -> None:
        await one.read(house.watching.call(call_sid))
        left.append(trio.current_time())

    async def watch_all(_: str) -> None:
        await every.read(house.watching.calls())
        left.append(trio.current_time())

    async def leave(_: str) -> None:
        await trio.sleep(5)
        house.watching.leave()
        left.append(trio.current_time())

    await house.watched(partial(house.stage.place, *LINES), watch, watch_all, leave)

    assert max(left) - left[0] < 0.1
    assert one.of("end") == []


async def test_a_stream_ends_after_a_while_and_shows_that_it_lives(autojump_clock) -> None:
    house, watcher = House(Stage()), Watcher()

    began = trio.current_time()
    await watcher.read(house.watching.calls())

    assert trio.current_time() - began == pytest.approx(watching.LASTS_S, abs=1)
    assert watcher.of("calls") == [{"calls": []}]
    assert watcher.sent.count(b"\n:\n") >= watching.LASTS_S // watching.BEAT_S - 2


async def test_the_list_changes_with_its_calls_at_most_twice_a_second(autojump_clock) -> None:
    house, watcher = House(Stage(TALK)), Watcher()
    times: list[float] = []

    async def watch(_: str) -> None:
        with trio.move_on_after(40):
            async for piece in house.watching.calls():
                times.append(trio.current_time())
                watcher.sent += piece

    await house.watched(partial(house.stage.place, *LINES), watch)

    assert all(b - a >= watching.LIST_S - 1e-6 for a, b in pairwise(times[1:]))
    told = [call for change in watcher.of("changed") for call in change["calls"]]
    assert {call["state"] for call in told} == {"hearing", "thinking", "speaking", "listening"}
    newest, record = told[-1], house.stage.record
    assert (newest["turns"], newest["barge_ins"]) == (len(record.turns), record.barge_ins)
    assert newest["score"] is not None
    assert newest["last"]["text"] in record.entries[-1].text
