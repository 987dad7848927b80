"""Somebody who calls while a page is looked at: the carrier and the caller by hand, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import trio

from agent.rehearsal.carrier import new_identity
from agent.rehearsal.plan import Line
from agent.speak.clips import WELCOME
from tests.calls.by_hand import ByHand

SPEECH = Line(WELCOME.mulaw, WELCOME.text)
"""Real speech, which the server takes for the caller's: 3.2 s."""

BOUND_S = 60


@contextmanager
def calling(url: str, *lines: Line, **plan: object) -> Iterator[str]:
    """Somebody says this, as planned; gives the CallSid, once the server tells of the call.

    Leaving waits for the call's end: the plan, or the test, brings it about.
    """
    identity = new_identity()
    faults: list[Exception | BaseExceptionGroup[BaseException]] = []

    async def call() -> None:
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
            hand = ByHand(http, identity=identity)
            await hand.ask(url, "http://h/twilio/voice", "ringing")
            await hand.leg(url, *lines, max_ms=BOUND_S * 1000, **plan)

    def run() -> None:
        try:
            trio.run(call)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 -- it is the test's
            faults.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        watched = f"{url}/api/live/{identity.call_sid}"
        while thread.is_alive() and httpx2.head(watched, trust_env=False).status_code != httpx2.codes.OK:
            thread.join(0.05)
        yield identity.call_sid
    finally:
        thread.join(BOUND_S + 30)
    assert not thread.is_alive()
    assert faults == []
