"""Who makes room for whom."""

import pytest
import trio.testing

from agent.config import Settings
from agent.web.rates import Limits
from nurseries.door.crowd import Crowd
from nurseries.door.peer import peer, share


def crowd(*clients):
    made = Crowd()
    for number, client in enumerate(clients):
        made.enter(number, client)
    return made


def test_while_there_is_room_nobody_has_to_leave():
    assert crowd("a", "a", "b").in_the_way("c", most=4, share=2) is None


def test_beyond_it_the_client_with_the_most_gives_its_oldest():
    assert crowd("b", "a", "a", "a").in_the_way("c", most=4, share=4) == 1


def test_whoever_is_idle_goes_first():
    assert crowd("b", "a", "a", "a").in_the_way("c", most=4, share=4, first=[0, 3, 2]) == 3


def test_a_client_with_its_share_gives_one_of_its_own():
    assert crowd("a", "a", "b").in_the_way("a", most=10, share=2) == 0
    assert crowd("a", "b", "b").in_the_way("a", most=10, share=2) is None


def test_whoever_left_takes_no_room():
    made = crowd("a", "a")
    made.leave(0)
    made.leave(0)

    assert len(made) == 1
    assert made.in_the_way("a", most=2, share=2) is None


@pytest.mark.parametrize(
    ("address", "places"), [("203.0.113.1", 5), ("10.0.0.1", 10), ("127.0.0.1", 10), ("::1", 10), ("", 10)]
)
def test_who_may_speak_for_many_may_take_all_places(address, places):
    assert share(address, Limits(Settings(_env_file=None, TRUSTED_PROXIES="10.0.0.0/8")), 10) == places


async def test_a_stream_in_memory_has_no_address():
    near, _ = trio.testing.memory_stream_pair()

    assert peer(near) == ""
