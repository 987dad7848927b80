"""Fields out of bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.providers.protobuf import field, fields

NUMBERS = st.integers(1, 2**29 - 1)
MESSAGES = st.lists(st.tuples(NUMBERS, st.integers(0, 2**64 - 1) | st.binary(max_size=300)))


@given(MESSAGES)
def test_what_was_written_is_read_again(told):
    assert list(fields(b"".join(field(*one) for one in told))) == told


def test_the_example_of_the_specification():
    assert field(1, 150) == bytes.fromhex("089601")
    assert field(2, "testing") == bytes.fromhex("120774657374696e67")


def test_numbers_of_fixed_width_stay_bytes():
    assert list(fields(bytes.fromhex("0d01020304 110102030405060708"))) == [
        (1, bytes([1, 2, 3, 4])),
        (2, bytes([1, 2, 3, 4, 5, 6, 7, 8])),
    ]


@pytest.mark.parametrize("cut", ["0896", "12077465", "0d0102", "0b", "1207"])
def test_what_is_cut_off_or_of_an_unknown_kind_is_no_message(cut):
    with pytest.raises((ValueError, IndexError)):
        list(fields(bytes.fromhex(cut)))
