"""The way out of a real process where something is wrong: it ends by its deadline, with the right code, and what it
knew is kept. All at the same time, since each mostly waits."""

from __future__ import annotations

import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from agent.keep import journal
from agent.rehearsal.plan import Line
from nurseries.leaving import longest_drain_s
from nurseries.rehearsal.own_speech import find_voice, spoken
from nurseries.watchdog import CUT_OFF
from tests.calls.by_hand import by_hand
from tests.calls.server import Server
from tests.calls.stage import configured
from tests.calls.witness import SETTINGS
from tests.fakes.mongod import Mongod

TIMES = {"DRAIN_TIMEOUT_S": 2.0, "GOODBYE_TIMEOUT_S": 1.0, "HAND_OFF_WAIT_S": 0.0}
QUICK = SETTINGS | {name: f"{value:g}" for name, value in TIMES.items()} | {"GREETING": "Hello this is Priya."}
TOOLS = Path(__file__).with_name("rogue_tools.py")
SLACK_S = 10.0
"""For a machine that has other things to do."""
BEGUN_S = 60
BOUND_S = longest_drain_s(configured(**TIMES)) + SLACK_S


@dataclass
class Left:
    """How a server left."""

    folder: Path
    code: int
    seconds: float
    lines: list[str]

    def told(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def remembered(self) -> list[str]:
        """What its journal has of calls, for the next start."""
        files = sorted((self.folder / "data" / "journal").iterdir())
        open_ = [journal.replay(journal.read(file.read_bytes())[0]) for file in files]
        return [sid for records in open_ for sid in records]


def said(server: Server) -> bool:
    """The caller has, behind the greeting."""
    files = (server.folder / "data" / "journal").glob("*.journal")
    return any(b"I have spoken" in file.read_bytes() for file in files)


def rogues(server: Server) -> bool:
    """Both of them run."""
    return sum("a rogue runs" in line for line in server.lines) == 2


@dataclass
class Case:
    """A server with calls, what happens to it, and then SIGTERM."""

    server: Server
    keys: tuple[str, ...] = ("",)
    """Pressed, one call each."""
    begun: Callable[[Server], bool] = said
    """Whether its calls are in the middle of what they are here for."""
    trouble: object = None
    again: bool = False
    """Whether it is told to leave once more, behind its closed door."""
    left: Left | None = None

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for key in self.keys:
                nursery.start_soon(self._call, key)
            with trio.fail_after(BEGUN_S):
                while not self.begun(self.server):  # noqa: ASYNC110  another process
                    await trio.sleep(0.05)
            if callable(self.trouble):
                await trio.to_thread.run_sync(self.trouble, self.server)
            began = time.monotonic()
            self.server.process.send_signal(signal.SIGTERM)
            if self.again:
                await closed(self.server.port)
                self.server.process.send_signal(signal.SIGTERM)
            code = await trio.to_thread.run_sync(
                self.server.process.wait, longest_drain_s(configured(**TIMES)) + SLACK_S
            )
            self.left = Left(self.server.folder, code, time.monotonic() - began, self.server.lines)
            nursery.cancel_scope.cancel("it has left")

    async def _call(self, key: str) -> None:
        voice = find_voice()
        assert voice is not None, "install the `local` extra: the callers need a voice"
        text = "I am looking for a flat."
        async with by_hand() as call:
            await call.ask(self.server.url, "http://h/twilio/voice", "ringing")
            lines = () if key else (Line(await spoken(voice, text), text),)
            await call.leg(self.server.url, *lines, dtmf=key, patience_ms=90_000)


async def closed(port: int) -> None:
    """Until nobody listens there."""
    with trio.fail_after(BOUND_S):
        while True:
            try:
                await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
            except OSError:
                return
            await trio.sleep(0.1)


def full(server: Server) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Left]]:
    mongod = Mongod()
    deaf = closing(socket.create_server(("127.0.0.1", 0)))  # takes connections, and never answers
    with deaf as listener:
        provider = {
            "LLM_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/v1",
            "OPENAI_API_KEY": "k",
        }
        settings = {
            "rogue": QUICK | {"TOOLS_FILE": str(TOOLS), "DTMF_BINDINGS": "5=shielded, 6=stuck"},
            "away": QUICK | provider | {"MONGODB_URI": mongod.uri, "DRAIN_MODE": "hand-off"},
            "full": QUICK,
        }
        trouble = {"away": lambda _: mongod.stop(), "full": full}
        cases: dict[str, Case] = {}
        try:
            for name, each in settings.items():
                case = Case(Server(tmp_path_factory.mktemp(name), **each), trouble=trouble.get(name))
                if name == "rogue":
                    case.keys, case.begun = ("5", "6"), rogues
                case.again = name == "away"
                cases[name] = case

            async def all_of_them() -> None:
                async with trio.open_nursery() as nursery:
                    for case in cases.values():
                        nursery.start_soon(case.run)

            trio.run(all_of_them)
            yield {name: case.left for name, case in cases.items() if case.left is not None}
        finally:
            for case in cases.values():
                case.server.kill()
            mongod.go_on()
            mongod.remove()


def test_a_child_that_ignores_its_cancellation_and_a_thread_that_hangs_are_cut_off(left: dict[str, Left]) -> None:
    rogue = left["rogue"]

    assert rogue.code == CUT_OFF
    assert rogue.told("a child of the door ignores its cancellation")
    assert rogue.told("cut off: the process has not ended in time")
    assert len(rogue.remembered()) == 2


def test_a_store_that_is_dead_and_a_provider_that_never_answers_hold_nobody_up(left: dict[str, Left]) -> None:
    away = left["away"]

    assert away.code == 0
    assert away.told("calls stay here: the store does not answer")
    assert away.told("records are left in the journal for the next start")
    assert away.told("stopped")  # although it was told to leave once more, behind its door
    assert len(away.remembered()) == 1


def test_where_neither_store_nor_disk_takes_a_record_the_code_says_so(left: dict[str, Left]) -> None:
    assert left["full"].code == CUT_OFF
    assert left["full"].told("record lost")


def test_each_was_gone_in_time(left: dict[str, Left]) -> None:
    assert {name: each.seconds for name, each in left.items() if each.seconds > BOUND_S} == {}
    assert len(left) == 3
