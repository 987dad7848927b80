"""Thousands of requests cancelled at random moments must leave every connection of the pool usable.

The storm is the one of `ops/bench/pool_leak.py`; ops/adr/0006 tells the story. In httpcore2 a connection that is given
to a request just as it is cancelled is dropped; in httpcore it is counted for ever.
"""

import gc

import pytest
import trio

from agent.providers.http_client import open_http_client
from ops.bench.pool_leak import measure, open_client
from tests.fakes.openai_case import CUT_WHILE_HANDING_OVER

pytestmark = pytest.mark.filterwarnings(CUT_WHILE_HANDING_OVER)


async def test_our_client_is_whole_after_a_storm_of_cancellations():
    left = await measure(open_http_client(), expected=50, requests=2000, seed=1)

    assert left.cancelled > 100
    assert (left.stuck, left.usable) == (0, 50)


async def test_so_is_its_library_even_with_a_pool_that_is_too_small():
    left = await measure(open_client("httpx2", 5), expected=5, requests=3000, seed=1)

    assert left.cancelled > 100
    assert (left.stuck, left.usable) == (0, 5)


async def test_and_the_storm_is_one_that_takes_connections_away_from_a_pool_that_leaks():
    left = await measure(open_client("httpx", 5), expected=5, requests=4000, seed=1)

    assert left.stuck > 0
    assert left.usable < 5
    assert left.states == ["CONNECTING"]


async def test_cancelled_in_the_tls_handshake_a_connection_is_closed_at_once():
    gone = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        while await stream.receive_some(65536):
            pass
        gone.set()

    client = open_http_client()
    gc.disable()  # which would close it some day
    try:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, silent, 0)
            with trio.move_on_after(0.1) as scope:
                await client.get(f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}/")
            assert scope.cancelled_caught
            with trio.fail_after(2):
                await gone.wait()
            nursery.cancel_scope.cancel()
    finally:
        gc.enable()
        await client.aclose()
