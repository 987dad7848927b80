import trio

from nurseries.line.silence import watch


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


async def test_who_makes_a_sound_at_every_look_of_half_the_limit_is_still_told(autojump_clock, nursery) -> None:
    told: list[float] = []

    def quiet_since() -> float:
        """Sounds of 300 ms every four seconds, which have not counted since the 16th second."""
        now = trio.current_time()
        return now if now % 4 < 0.3 else min(now - now % 4, 16)

    nursery.start_soon(watch, quiet_since, 8, lambda: told.append(trio.current_time()))
    await trio.sleep(40)

    assert told
    assert told[0] <= 16 + 8 + 1.3
    nursery.cancel_scope.cancel()
