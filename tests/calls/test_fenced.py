"""A process that was stopped for a while, with its calls: when it goes on, another one has them."""

from __future__ import annotations

import signal
from pathlib import Path

import trio

from tests.calls.by_hand import RESET, by_hand
from tests.calls.server import Server
from tests.calls.test_legs import HERE, WAIT_S, greeted, line, said, until
from tests.calls.witness import stored_at


def test_a_process_that_was_stopped_lets_its_call_go_and_writes_nothing_of_it(tmp_path: Path, mongo_uri: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (Server(tmp_path / name, **HERE, MONGODB_URI=mongo_uri) for name in ("one", "two"))

    async def calls() -> str:
        async with by_hand() as call:
            await greeted(call, one.url)

            async def after(seconds: float, number: int) -> None:
                await trio.sleep(seconds)
                one.process.send_signal(number)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(after, 8, signal.SIGSTOP)
                await call.leg(one.url, await line(), hang_up=RESET, hang_up_at_ms=10_000)
            assert await call.ask(two.url, call.action) == ["Stream", "Redirect"]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(after, 3, signal.SIGCONT)
                log, _ = await call.leg(two.url, await line("When can I see it?"), quiet_ms=1500)
            assert log.failures == []
            await call.ask(two.url, call.action, "completed")
            return call.identity.call_sid

    try:
        call_sid = trio.run(calls)
        one.wait_for("another process has the call", WAIT_S)

        def ended() -> list[dict]:
            return [each for each in stored_at(mongo_uri) if each["call_sid"] == call_sid and each["summary"]]

        (record,) = until(ended)
        assert one.leave() == 0
        assert two.leave() == 0
        assert ended() == [record]
        assert not [*(tmp_path / "one" / "data" / "journal").iterdir()]
    finally:
        for server in (one, two):
            server.process.send_signal(signal.SIGCONT)
            server.kill()

    assert [leg.get("why", "") for leg in record["legs"]] == ["process gone", ""]
    assert record["ending"] == "caller hung up"
    assert len(said(record, "caller")) == 2
    assert " ".join(said(record)).count("Hello this is Priya.") == 1
    assert not [text for text in one.lines if "Traceback" in text]
