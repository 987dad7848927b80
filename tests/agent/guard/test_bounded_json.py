"""JSON bodies of strangers."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import AskedWrongly
from agent.guard.bounded_json import LARGEST, read


class Small(msgspec.Struct, forbid_unknown_fields=True):
    to: Annotated[str, msgspec.Meta(max_length=20)]
    times: int = 1
    variables: dict[str, str] = {}
    share: float = 0.0


class Both(msgspec.Struct):
    first: int
    last: int = msgspec.field(default=9, name="end")

    def __post_init__(self):
        if self.last < self.first:
            raise ValueError("end comes before first")


def wrong(raw, kind=Small, **more):
    with pytest.raises(AskedWrongly) as told:
        read(raw, kind, **more)
    return dict(told.value.wrong)


def test_what_fits_is_read():
    assert read(b'{"to": "+91", "variables": {"name": "\\u0928"}}', Small) == Small("+91", 1, {"name": "न"})
    assert read(b'{"first": 1}', Both) == Both(1)


def test_everything_that_is_wrong_is_told_at_once():
    told = wrong(b'{"times": "two", "variables": {"a": 1}, "colour": "red"}')

    assert told["times"] == "Expected int, got str."
    assert told["to"] == "it is missing."
    assert "Expected str, got int" in told["variables[...]"]
    assert "there is no such member; there are to, times" in told["colour"]


def test_what_a_struct_says_itself_is_told():
    assert wrong(b'{"first": 3, "end": 2}', Both) == {"body": "end comes before first."}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{", "not JSON"),
        (b'{"to": "a"} x', "not JSON"),
        (b'{"to": "\xff"}', "not UTF-8"),
        ('{"to": "a"}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"to": "a"}', "not JSON"),
        (b'{"to": "\\ud800"}', "half of a pair"),
        (b'{"to": "\\u0000"}', "no text has"),
        (b'{"to": "a", "variables": {"\\u0000": "b"}}', "no text has"),
        (b'{"to": "a", "share": NaN}', "NaN"),
        (b'{"to": "a", "share": -Infinity}', "Infinity"),
        (b'{"to": "a", "share": 1e999}', "too large"),
        (b'{"to": "a", "times": ' + b"9" * 5000 + b"}", "more than 32"),
        (b'{"to": "a", "share": 0.' + b"9" * 5000 + b"}", "more than 32"),
        (b"[" * 9000, "deep"),
        (b'{"a":' * 3000 + b"1" + b"}" * 1000, "deep"),
        (b'{"to": "' + b"a" * LARGEST + b'"}', f"may have {LARGEST}"),
    ],
)
def test_bombs_and_what_is_no_json(raw, said):
    assert said in wrong(raw)["body"]


def test_a_key_that_is_given_twice_is_refused_wherever_it_is():
    assert "more than once" in wrong(b'{"to": "a", "to": "b"}')["to"]
    assert "more than once" in wrong(b'{"to": "a", "variables": {"x": "1", "x": "2"}}')["x"]


def test_brackets_in_texts_are_no_depth():
    assert read(b'{"to": "[[[[[[[[[\\"[[[[[["}', Small).to == '[[[[[[[[["[[[[[['


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(raw):
    with pytest.raises(AskedWrongly):
        read(raw, Small)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=20))
def test_no_json_raises_anything_else(value):
    with pytest.raises(AskedWrongly):
        read(msgspec.json.encode({"to": value, "times": value, "nothing": value}), Small)


@pytest.mark.parametrize("raw", [b'"' + b'\\"' * 8000, b"[" * 16_000, b'{"a":"\\', b'{"":{}' * 2700, b"1" * 16_000])
def test_the_worst_texts_are_refused_like_any_other(raw):
    wrong(raw)
