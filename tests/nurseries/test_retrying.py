"""Requests that are sent once more, in virtual time."""

import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.guard.retry import Policy
from nurseries.retrying import retried

POLICY = Policy(requests=3, first_s=1.0, longest_s=8.0, patience_s=5.0)


class Server:
    """Fails as it is told, one request after the other; then it answers."""

    def __init__(self, *faults: tuple[Fault, float | None]) -> None:
        self.faults = list(faults)
        self.at: list[float] = []
        self.began = trio.current_time()

    async def __call__(self) -> str:
        self.at.append(round(trio.current_time() - self.began, 3))
        await trio.sleep(0.1)
        if self.faults:
            fault, asked = self.faults.pop(0)
            raise ProviderError("x", "read", fault, retry_after_s=asked)
        return "answer"


async def test_it_is_sent_again_after_growing_pauses(autojump_clock) -> None:
    server = Server((Fault.BROKEN, None), (Fault.UNREACHABLE, None))

    assert await retried(POLICY, server, chance=lambda: 1.0) == "answer"
    assert server.at == [0, 1.1, 3.2]


async def test_retry_after_is_honoured(autojump_clock) -> None:
    server = Server((Fault.BUSY, 4.0))

    assert await retried(POLICY, server, chance=lambda: 0.0) == "answer"
    assert server.at == [0, 4.1]


async def test_it_is_given_up_as_the_policy_says(autojump_clock) -> None:
    for faults, sent in (
        ([(Fault.REFUSED, None)], 1),
        ([(Fault.TIMEOUT, None)], 1),
        ([(Fault.BUSY, 5.5)], 1),
        ([(Fault.BROKEN, None)] * 9, 3),
    ):
        server = Server(*faults)
        with pytest.raises(ProviderError) as caught:
            await retried(POLICY, server, chance=lambda: 0.5)
        assert (len(server.at), caught.value.fault) == (sent, faults[0][0])


async def test_nothing_is_begun_that_the_caller_would_not_see_the_end_of(autojump_clock) -> None:
    server = Server((Fault.BUSY, 4.0))
    began = trio.current_time()

    with trio.move_on_after(3), pytest.raises(ProviderError):
        await retried(POLICY, server, chance=lambda: 0.0)

    assert trio.current_time() - began < 1
    assert len(server.at) == 1


async def test_cancelled_in_a_pause_nothing_more_is_sent(autojump_clock) -> None:
    server = Server((Fault.BROKEN, None))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: retried(POLICY, server, chance=lambda: 1.0))
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    await trio.sleep(10)

    assert len(server.at) == 1


async def test_what_is_no_fault_of_the_server_is_raised_at_once(autojump_clock) -> None:
    async def bug() -> None:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await retried(POLICY, bug)

    server = Server((Fault.BROKEN, None))
    with pytest.raises(ProviderError):
        await retried(POLICY, server, may=lambda: False)
    assert len(server.at) == 1
