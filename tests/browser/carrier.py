"""The carrier of tests, in a thread with a loop of its own: what a page does is synchronous, and it is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from agent.rehearsal.plan import CallPlan
from nurseries.rehearsal.webhooks import Target
from tests.calls.server import Server
from tests.fakes.twilio_rest import TOKEN, Dialled, FakeTwilio

START_S = 20


@contextmanager
def carrier(plans: dict[str, CallPlan | str]) -> Iterator[FakeTwilio]:
    """Answers on `url`; what becomes of a call is in `plans`, by the number called. Its webhooks go to `target`."""

    def plan(call: Dialled) -> CallPlan | str:
        return plans[call["To"]]

    fake, ready, over = FakeTwilio(plan=plan), threading.Event(), trio.Event()
    token: list[trio.lowlevel.TrioToken] = []

    async def run() -> None:
        token.append(trio.lowlevel.current_trio_token())
        async with trio.open_nursery() as nursery:
            await nursery.start(fake.run)
            ready.set()
            await over.wait()
            nursery.cancel_scope.cancel()

    thread = threading.Thread(target=trio.run, args=(run,), daemon=True)
    thread.start()
    assert ready.wait(START_S)
    try:
        yield fake
    finally:
        token[0].run_sync_soon(over.set)
        thread.join(START_S)


def webhooks_of(server: Server) -> Target:
    """Of a server behind TLS: asked on its own port."""
    return Target(url=f"http://127.0.0.1:{server.port}", public_url=server.url, auth_token=TOKEN)
