"""A door whose next request is another process's, and what is told of those who stand at it. In virtual time."""

import trio
import trio.testing

from tests.fakes.street import open_house


async def test_connections_end_with_their_answers_and_say_so(autojump_clock):
    async with open_house(imagined=True) as house, trio.open_nursery() as nursery:
        resting, fresh, caller = (house.street.connect() for _ in range(3))
        assert await resting.get() == 200
        socket = await caller.upgrade(nursery)

        house.elsewhere.set()
        with trio.fail_after(1):
            assert await resting.until_closed() == b"", "between two requests it ends at once"
            await fresh.send(b"GET /health HTTP/1.1\r\nHost: house\r\n\r\n")
            answer = await fresh.until_closed()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"\r\nconnection: close\r\n" in answer

        await socket.send_message("still there?")
        assert await socket.get_message() == "echo still there?"
        nursery.cancel_scope.cancel()


async def test_a_connection_counts_as_a_call_until_it_says_that_it_is_none(autojump_clock):
    async with open_house(imagined=True) as house, trio.open_nursery() as nursery:
        state, visitors = house.state, [house.street.connect() for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        assert (state.streams, state.taken) == (3, 3)

        assert await visitors[0].get() == 200
        assert state.streams == 2
        socket = await visitors[1].upgrade(nursery)
        assert state.streams == 2
        await visitors[0].upgrade(nursery)
        assert state.streams == 3, "also on a connection that carried requests before"

        await socket.aclose()
        await visitors[2].stream.aclose()
        await trio.sleep(1)
        assert (state.streams, state.taken) == (1, 3)
        nursery.cancel_scope.cancel()
