"""Frames, counted as their bytes arrive."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from agent.wire.frames import Frames

HEAD = b"GET /twilio/media HTTP/1.1\r\nHost: a\r\n\r\n"


def frame(size: int, masked: bool) -> bytes:
    mask = 0x80 if masked else 0
    if size < 126:
        length = bytes([mask | size])
    elif size < 65_536:
        length = bytes([mask | 126]) + struct.pack("!H", size)
    else:
        length = bytes([mask | 127]) + struct.pack("!Q", size)
    return b"\x81" + length + (b"\n\n\n\n" if masked else b"") + b"\n" * size


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 125, 126, 300, 65_535, 65_536]), st.booleans()), max_size=6),
    st.lists(st.integers(1, 70_000), min_size=1, max_size=8),
)
def test_however_they_arrive_each_is_counted_once(frames, cuts):
    data = HEAD + b"".join(frame(size, masked) for size, masked in frames)
    counting, count, at = Frames(), 0, 0
    for cut in [*cuts, len(data)]:
        count += counting.arrived(data[at : at + cut])
        at += cut

    assert count == len(frames)


@given(st.lists(st.integers(1, 9), min_size=1))
def test_empty_ones_in_small_pieces(cuts):
    data = HEAD.replace(b"\r\n", b"\n") + frame(0, masked=True) * 50
    counting, count, at = Frames(), 0, 0
    for cut in cuts * 400:
        count += counting.arrived(data[at : at + cut])
        at += cut

    assert count == 50


@given(st.lists(st.binary(max_size=300)))
def test_noise_is_no_error_and_is_not_kept(pieces):
    counting = Frames()
    counting.arrived(HEAD)
    for piece in pieces:
        assert counting.arrived(piece) <= len(piece) // 2 + 1
        assert len(counting._kept) < 14
