"""A call's sound is one file on its time line, whatever pieces there are of it."""

from __future__ import annotations

import io
import wave

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.keep import wav
from agent.keep.piece import Piece
from agent.keep.record import CallRecord
from agent.keep.thread import Leg
from agent.keep.whole import Whole, in_pieces
from tests.agent.providers.test_stores import record


def sound(leg: int, samples: int, label_bytes: int = 60) -> bytes:
    """A header of any length, and samples that tell of which leg they are."""
    return b"h" * label_bytes + wav.BYTES_PER_SAMPLE // 2 * samples * bytes([leg, 0])


def assembled(whole: Whole, objects: dict[str, bytes], start: int = 0, end: int | None = None) -> bytes:
    made = b""
    for each in whole.part(start, whole.size if end is None else end):
        found = (
            objects[each.key][each.start : each.start + each.length] if each.key else each.data or bytes(each.length)
        )
        assert len(found) == each.length
        made += found
    return made


def of(*pieces: Piece, legs: int = 0, **changes) -> CallRecord:
    return record(pieces=pieces, legs=tuple(Leg("p") for _ in range(legs or len(pieces))), **changes)


def side(data: bytes) -> list[int]:
    with wave.open(io.BytesIO(data)) as file:
        frames = file.readframes(file.getnframes())
    return [frames[n] for n in range(0, len(frames), wav.BYTES_PER_SAMPLE)]


def test_pieces_are_where_they_belong_and_between_them_is_silence() -> None:
    call = of(Piece(1, "one", 0, 80), Piece(2, "two", 20, 40), duration_ms=30)
    objects = {"one": sound(1, 80), "two": sound(2, 40, 99)}
    whole = Whole(call, {key: len(data) for key, data in objects.items()})

    assert side(assembled(whole, objects)) == [1] * 80 + [0] * 80 + [2] * 40 + [0] * 40
    assert whole.missing == []


def test_where_two_overlap_the_later_counts() -> None:
    call = of(Piece(1, "one", 0, 800), Piece(2, "two", 20, 40), duration_ms=0)
    objects = {"one": sound(1, 800), "two": sound(2, 40)}
    whole = Whole(call, {key: len(data) for key, data in objects.items()})

    assert side(assembled(whole, objects)) == [1] * 160 + [2] * 40


def test_what_is_missing_is_silent_and_told() -> None:
    call = of(Piece(2, "two", 10, 40), Piece(3, "three", 20, 40), legs=4, duration_ms=30)
    objects = {"two": sound(2, 40)}
    whole = Whole(call, {"two": len(objects["two"])})

    assert side(assembled(whole, objects)) == [0] * 80 + [2] * 40 + [0] * 120
    assert whole.missing == [1, 3, 4]


def test_a_call_of_one_leg_is_its_piece() -> None:
    assert not in_pieces(record())
    assert not in_pieces(of(Piece(1, "one", 0, 80)))
    assert in_pieces(of(Piece(1, "one", 0, 80), legs=2))
    assert in_pieces(of(Piece(2, "two", 900, 80)))


@given(st.data())
def test_any_part_is_that_part_of_the_whole(data: st.DataObject) -> None:
    numbers = st.integers(0, 60)
    pieces = [Piece(n + 1, str(n), data.draw(numbers), data.draw(numbers)) for n in range(data.draw(st.integers(0, 4)))]
    pieces.sort(key=lambda piece: (piece.began_ms, piece.leg))
    objects = {p.key: sound(p.leg, p.samples, data.draw(numbers)) for p in pieces if data.draw(st.booleans())}
    call = msgspec.structs.replace(of(*pieces), duration_ms=data.draw(numbers))
    whole = Whole(call, {key: len(each) for key, each in objects.items()})
    made = assembled(whole, objects)
    start = data.draw(st.integers(0, whole.size))
    end = data.draw(st.integers(start, whole.size))

    assert len(made) == whole.size
    assert assembled(whole, objects, start, end) == made[start:end]
    assert len(side(made)) >= 8 * call.duration_ms
    for piece in pieces:
        later = [other.began_ms for other in pieces[pieces.index(piece) + 1 :] if other.key in objects]
        length = min([piece.samples, *(8 * (other - piece.began_ms) for other in later)])
        if piece.key in objects and length > 0:
            begins = 8 * piece.began_ms
            assert side(made)[begins : begins + length] == [piece.leg] * length
