import trio

from nurseries.silence import watch


async def test_the_line_is_quiet_for_exactly_the_limit_before_anyone_is_told(autojump_clock, nursery) -> None:
    told: list[float] = []
    began = trio.current_time()
    last = began

    def too_quiet() -> None:
        told.append(trio.current_time() - began)

    nursery.start_soon(watch, lambda: last, 8, too_quiet)
    await trio.sleep(5)
    last = trio.current_time()
    await trio.sleep(7.5)
    assert told == []
    await trio.sleep(1)
    assert told == [13]
    last = trio.current_time()
    await trio.sleep(20)

    assert told[:2] == [13, 21.5]
    nursery.cancel_scope.cancel()


async def test_while_somebody_speaks_nobody_is_told(autojump_clock, nursery) -> None:
    told: list[float] = []
    nursery.start_soon(watch, trio.current_time, 8, lambda: told.append(trio.current_time()))
    await trio.sleep(100)

    assert told == []
    nursery.cancel_scope.cancel()
