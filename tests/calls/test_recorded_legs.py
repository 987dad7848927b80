"""A recorded call that goes on in another process, on the mock clock: the caller is told once, and what comes of its
pieces is one recording on the call's time line."""

from __future__ import annotations

import io
import wave
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import trio

from agent.keep import wav
from agent.keep.keys import recording_key
from agent.keep.piece import Piece
from agent.keep.record import CallRecord, with_pieces
from agent.keep.whole import Whole, in_pieces
from agent.model import Ending
from tests.calls.stage import GREETING, Stage, configured, tone
from tests.calls.test_recorded import NEAR_MS, NOTICE, Recording, check, place
from tests.calls.test_resumed import TALK, seen, stored

CLOCKS_MS = 100
"""The stream's start is the carrier's, ours a little later."""


def recorded() -> Stage:
    return Stage(TALK, configured(RECORD_CALLS=True))


def whole(record: CallRecord, *recordings: Recording) -> tuple[CallRecord, np.ndarray, Whole]:
    """As it is stored, and given away: a sample a row, the caller's and ours."""
    objects, pieces = {}, []
    for each in recordings:
        label, sides = each.tape.label, tuple(map(bytes, each.sides))
        assert each.tape.allowed
        key = recording_key(label.call_sid, label.started_at, label.leg)
        objects[key] = wav.header(label) + wav.frames(*sides)
        pieces.append(Piece(label.leg, key, label.began_ms, len(sides[0])))
    record = with_pieces(record, pieces)
    made = Whole(record, {key: len(data) for key, data in objects.items()})
    data = b""
    for part in made.part(0, made.size):
        data += (
            objects[part.key][part.start : part.start + part.length] if part.key else part.data or bytes(part.length)
        )
    with wave.open(io.BytesIO(data)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return record, samples, made


def loud(side: np.ndarray, gap_ms: float = 100) -> list[tuple[float, float]]:
    """When there was sound, in ms of the file."""
    at = np.flatnonzero(np.abs(side) > 200) / 8
    starts = [at[0], *(b for a, b in pairwise(at) if b - a > gap_ms)]
    ends = [*(a for a, b in pairwise(at) if b - a > gap_ms), at[-1]]
    return list(zip(starts, ends, strict=True))


async def moved(stage: Stage, at_s: float, *lines, **more) -> tuple[Recording, CallRecord]:
    """A first leg that is handed off."""

    async def leave() -> None:
        await trio.sleep(at_s)
        stage.calls[0].move("a deploy")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        log, recording = await place(stage, *lines, **more)
    assert stage.calls[0].ending is Ending.MOVED
    check(log, recording)
    return recording, stored(stage.calls[0].so_far())


async def test_the_pieces_of_a_call_that_was_handed_off_are_one_recording(autojump_clock) -> None:
    stage = recorded()
    first, so_far = await moved(stage, 2.0, tone(1500, at_ms=12_000), patience_ms=30_000)
    await trio.sleep(0.8)
    log, second = await place(stage, tone(1500, at_ms=1000), tone(1500), before=so_far)
    check(log, second)

    record, samples, made = whole(stage.record, first, second)
    assert in_pieces(record)
    assert made.missing == []
    assert [text for role, text in stage.words if role == "agent"][:2] == [NOTICE, GREETING]
    assert NOTICE not in [text for _, text in stage.words[2:]]
    assert [piece.began_ms for piece in record.pieces] == [leg.began_ms for leg in record.legs]
    assert abs(len(samples) / 8 - record.duration_ms) <= NEAR_MS
    heard = [entry for entry in record.entries if entry.role == "agent"]
    assert len(heard) > 3
    starts = [start for start, _ in loud(samples[:, 1])]
    for entry in heard:
        assert min(abs(start - entry.start_ms) for start in starts) <= CLOCKS_MS
    ended = record.legs[0].ended_ms
    assert ended is not None
    assert not samples[8 * ended : 8 * record.legs[1].began_ms].any()


async def test_who_was_cut_off_in_the_notice_is_told_once_more_and_recorded_from_there(autojump_clock) -> None:
    stage = recorded()
    first = Recording()
    stage.tape = lambda: first.tape
    found: list[CallRecord] = []

    async def die() -> None:
        found.append(await seen(stage, 0.6))
        stage.calls[-1].fence()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(die)
        await stage.place(tone(1500, at_ms=5000))
    assert first.tape.lost
    _, second = await place(stage, tone(1500, at_ms=9000), before=found[0])

    record, _, made = whole(stage.record, second)
    assert made.missing == [1]
    assert any(NOTICE in text for role, text in stage.words if role == "agent")
    assert record.pieces[0].began_ms > 0


@pytest.mark.parametrize("lag_s", [0.0, 4.0])
async def test_a_stream_whose_end_is_noticed_late_does_not_cover_the_next(lag_s: float, autojump_clock) -> None:
    stage = recorded()
    first, so_far = await moved(stage, 2.0, tone(1500, at_ms=12_000), patience_ms=30_000)
    for side in first.sides:
        side.extend(b"\x10" * round(8000 * lag_s))  # as if it had gone on
    _, second = await place(stage, tone(1500, at_ms=1000), before=so_far)

    record, samples, _ = whole(stage.record, first, second)
    begins = record.legs[1].began_ms
    assert abs(len(samples) / 8 - record.duration_ms) <= NEAR_MS
    assert np.array_equal(samples[8 * begins : 8 * begins + 800], _decoded(second)[:800])


def _decoded(recording: Recording) -> np.ndarray:
    return np.frombuffer(wav.frames(*map(bytes, recording.sides)), "<i2").reshape(-1, 2)


def test_a_record_says_where_its_pieces_begin() -> None:
    piece = Piece(2, "2026/11/27/CA1+2.wav", 31_400, 8000)

    assert msgspec.json.decode(msgspec.json.encode(piece)) == {
        "leg": 2,
        "key": "2026/11/27/CA1+2.wav",
        "began_ms": 31_400,
        "samples": 8000,
    }
