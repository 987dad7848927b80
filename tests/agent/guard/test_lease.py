"""The rules of a lease, one by one; together: tests/nurseries/legs/test_lease_machine.py."""

from __future__ import annotations

import msgspec
import pytest

from agent.guard.lease import LEASE_S, Lease, Stand, leave, rescue, take

NOW = 1000.0
MINE = Lease("CA1", "here", 1, "MZ1", Stand.HELD, NOW + LEASE_S)
NEWER = msgspec.structs.replace(MINE, holder="there", fence=2, stream_sid="MZ2")


@pytest.mark.parametrize("stand", [Stand.MOVING, Stand.LOST, Stand.OVER])
def test_who_was_fenced_off_neither_takes_nor_ends_the_call_of_another(stand: Stand) -> None:
    assert take(MINE)(NEWER, NOW) is None
    assert leave(MINE, stand)(NEWER, NOW) is None
    assert leave(MINE, stand, done=stand is Stand.OVER)(NEWER, NOW) is None


def test_a_lease_is_prolonged_while_its_holder_has_something_to_do() -> None:
    prolonged = {stand for stand in Stand if msgspec.structs.replace(MINE, stand=stand).renewed}

    assert prolonged == {Stand.HELD, Stand.OVER}
    assert not msgspec.structs.replace(MINE, stand=Stand.OVER, done=True).renewed


def test_what_was_left_lasts_no_longer() -> None:
    left = leave(MINE, Stand.MOVING)(MINE, NOW)

    assert left is not None
    assert left.until == NOW
    assert left.resumable(NOW)


def test_of_a_call_that_asks_what_comes_next_the_stream_is_over_whatever_the_clock_says() -> None:
    assert rescue(1, "MZ1", "me")(MINE, NOW) is None
    rescued = rescue(1, "MZ1", "me", asks=True)(MINE, NOW)

    assert rescued == msgspec.structs.replace(MINE, rescued=1, rescuer="me")
    assert rescue(1, "MZ1", "you", asks=True)(rescued, NOW) is None
    assert rescue(1, "MZ1", "me", asks=True)(NEWER, NOW) is None
    assert rescue(1, "MZ0", "me", asks=True)(MINE, NOW) is None
    for stand in (Stand.OVER, Stand.MOVING):
        other = msgspec.structs.replace(MINE, stand=stand)
        assert rescue(1, "MZ1", "me", asks=True)(other, NOW) == rescue(1, "MZ1", "me")(other, NOW)
    assert rescue(1, "MZ1", "me", asks=True)(None, NOW) is None
