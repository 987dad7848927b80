"""The tables are bit-exact: two published hashes pin every one of the 256 and the 65536 entries."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire import mulaw

# sample, its code, and what the code decodes to; taken from CPython's audioop.
VECTORS = [
    (0, 0xFF, 0),
    (1, 0xFF, 0),
    (-1, 0x7E, -8),
    (4, 0xFE, 8),
    (-4, 0x7E, -8),
    (8, 0xFE, 8),
    (-8, 0x7E, -8),
    (33, 0xFB, 32),
    (-33, 0x7A, -40),
    (100, 0xF2, 104),
    (-100, 0x72, -104),
    (1000, 0xCE, 988),
    (-1000, 0x4E, -988),
    (7903, 0xA0, 7932),
    (-7903, 0x20, -7932),
    (10000, 0x9C, 9852),
    (-10000, 0x1C, -9852),
    (32635, 0x80, 32124),
    (32767, 0x80, 32124),
    (-32768, 0x00, -32124),
]


@pytest.mark.parametrize(("sample", "code", "back"), VECTORS)
def test_known_samples(sample, code, back):
    assert mulaw.encode(np.array([sample], np.int16)) == bytes([code])
    assert mulaw.decode(bytes([code])).tolist() == [back]


def test_all_256_codes_decode_as_audioop_does():
    table = mulaw.decode(bytes(range(256))).astype("<i2").tobytes()
    assert hashlib.sha256(table).hexdigest() == "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827"


def test_all_65536_samples_encode_as_audioop_does():
    table = mulaw.encode(np.arange(-32768, 32768).astype(np.int16))
    assert hashlib.sha256(table).hexdigest() == "81d633c9e6972a18c74a58720b96cb8ca0bdd096d4060b646dd708c3b846019a"


@given(st.binary(max_size=400))
def test_a_second_round_trip_changes_nothing(sound):
    """Only 0x7F (minus zero) does not survive the first: it comes back as plus zero."""
    assert mulaw.encode(mulaw.decode(sound)) == sound.replace(b"\x7f", b"\xff")


def test_floats_are_the_samples_in_unit_range():
    codes = bytes(range(256))
    floats = mulaw.decode_float(codes)
    assert floats.dtype == np.float32
    assert np.array_equal(floats * 32768, mulaw.decode(codes))


def test_silence_is_zero_and_nothing_is_nothing():
    assert mulaw.decode(mulaw.SILENCE).tolist() == [0]
    assert mulaw.encode(mulaw.decode(b"")) == b""
    assert mulaw.decode_float(b"").size == 0


def test_a_strided_view_is_encoded_like_its_copy():
    samples = np.arange(-32768, 32768, 3).astype(np.int16)
    assert mulaw.encode(samples[::2]) == mulaw.encode(samples[::2].copy())
