import trio

from nurseries.boundary import contain


async def test_a_crash_goes_no_further() -> None:
    async def work() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ValueError("bug")

    assert await contain(work, "call") is True


async def test_work_that_ends_well_did_not_crash() -> None:
    assert await contain(trio.lowlevel.checkpoint, "call") is False


async def test_an_error_in_cleanup_does_not_swallow_the_cancellation_it_came_with() -> None:
    async def work() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("in cleanup")

    with trio.CancelScope() as scope:
        scope.cancel("hang-up")
        await contain(work, "call")
    assert scope.cancelled_caught
