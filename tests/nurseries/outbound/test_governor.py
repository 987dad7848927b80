import trio

from nurseries.outbound.governor import Governor


async def test_so_many_a_second_in_the_order_they_came(autojump_clock) -> None:
    governor, went = Governor(most=99, per_second=2, queue=9), []

    async def go(n: int) -> None:
        await trio.sleep(n / 1000)
        assert await governor.enter(60) is None
        went.append((n, round(trio.current_time(), 2)))

    async with trio.open_nursery() as nursery:
        for n in (3, 1, 0, 2):
            nursery.start_soon(go, n)
    assert went == [(0, 0), (1, 0.5), (2, 1), (3, 1.5)]


async def test_so_many_at_once_and_the_next_when_one_is_over(autojump_clock) -> None:
    governor = Governor(most=1, per_second=100, queue=9)
    assert await governor.enter(1) is None

    refused = await governor.enter(5)

    assert trio.current_time() == 5
    assert refused is not None
    assert (refused.rule, refused.retry_after_s) == ("busy", 15)
    governor.leave()
    assert await governor.enter(1) is None


async def test_more_than_a_few_who_wait_are_told_at_once_to_come_again(autojump_clock) -> None:
    governor = Governor(most=1, per_second=1, queue=2)
    assert await governor.enter(1) is None
    refused = []

    async def ask() -> None:
        refused.append((await governor.enter(9), trio.current_time()))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert sorted(at for _, at in refused) == [0, 0, 9, 9, 9]
    assert governor.waiting == 0


async def test_who_goes_away_holds_nothing(autojump_clock) -> None:
    governor = Governor(most=1, per_second=0.1, queue=2)
    assert await governor.enter(1) is None
    governor.leave()
    with trio.move_on_after(3):
        await governor.enter(60)

    assert await governor.enter(60) is None
    assert trio.current_time() == 10
