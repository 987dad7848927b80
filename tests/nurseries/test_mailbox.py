import trio
from trio.testing import assert_no_checkpoints, wait_all_tasks_blocked

from nurseries.mailbox import Mailbox


async def test_a_full_mailbox_drops_the_oldest_and_counts_it() -> None:
    box: Mailbox[int] = Mailbox(3)
    with assert_no_checkpoints():
        for n in range(5):
            box.put(n)

    assert [await box.get() for _ in range(3)] == [2, 3, 4]
    assert box.dropped == 2


async def test_a_waiting_receiver_gets_what_comes(nursery) -> None:
    box: Mailbox[str] = Mailbox(3)
    got = []

    async def receive() -> None:
        got.append(await box.get())

    nursery.start_soon(receive)
    await wait_all_tasks_blocked()
    box.put("late")
    await wait_all_tasks_blocked()

    assert got == ["late"]


async def test_who_waits_for_more_than_there_is_room_for_gets_what_can_be(nursery) -> None:
    box: Mailbox[int] = Mailbox(2)
    got = []

    async def receive() -> None:
        got.append(await box.get(5))

    nursery.start_soon(receive)
    await wait_all_tasks_blocked()
    box.put(1)
    await wait_all_tasks_blocked()
    assert got == []
    box.put(2)
    await wait_all_tasks_blocked()

    assert got == [1]
    nursery.cancel_scope.cancel()


async def test_a_cancelled_receiver_takes_nothing() -> None:
    box: Mailbox[str] = Mailbox(3)
    box.put("kept")
    with trio.CancelScope() as scope:
        scope.cancel("test")
        await box.get()

    assert len(box) == 1
