"""A place goes into an address and comes back."""

import pytest

from agent.keep import cursor
from agent.keep.query import Place

HERE = Place("2026-11-22T10:00:00.000+00:00", "CA" + "1" * 32)


def test_a_place_comes_back() -> None:
    assert cursor.read(cursor.written(HERE)) == HERE
    assert cursor.written(HERE).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("text", ["x", "=", "é", "W10", "WzEsMl0", cursor.written(Place("\0", "a")), "A" * 601])
def test_what_no_server_gave_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="`next`"):
        cursor.read(text)
