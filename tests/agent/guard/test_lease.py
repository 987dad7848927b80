"""The rules of a lease, one by one; together: tests/nurseries/test_lease_machine.py."""

from __future__ import annotations

import msgspec
import pytest

from agent.guard.lease import LEASE_S, Lease, Stand, leave, take

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
