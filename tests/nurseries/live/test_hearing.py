"""The caller heard over one socket while they speak, whatever becomes of the socket. On the mock clock; the turn
detector and the ears are the call's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from agent.hear.turns import Guards, TurnDetector
from agent.model import Utterance
from agent.providers import realtime_requests as requests
from nurseries.live.hearing import Hearing
from nurseries.live.session import SESSION_S, Session
from nurseries.talk.ears import Ears, Words
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Plan, Wrong
from tests.fakes.realtime_server import Realtime

FINAL_S = 1.5
FILE_S = 0.9
GUARDS = Guards(threshold=0.5, onset_ms=96, lasting_ms=4000, pause_ms=192, hold_ms=448, longest_ms=30_000)


def letters(sound: bytes) -> str:
    """What is said in a sound of this file's callers: each letter lasts for a window."""
    text = bytes(b for b in sound[::256] if b not in b"\xff_").decode()
    return "".join(letter for n, letter in enumerate(text) if n == 0 or letter != text[n - 1])


@dataclass
class Files:
    """The recogniser of files."""

    asked: list[str] = field(default_factory=list)
    name: str = "files"

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        await trio.sleep(FILE_S)
        self.asked.append(letters(utterance.mulaw))
        return self.asked[-1]


@dataclass
class Caller:
    """One call's ears: the caller's sound in, understood words out."""

    hearing: Hearing
    turns: TurnDetector
    ears: Ears
    files: Files
    house: InMemory
    words: list[tuple[float, Words]] = field(default_factory=list)
    at_ms: float = 0.0

    async def window(self, sound: bytes, probability: float) -> None:
        """One window, which takes its time."""
        await trio.sleep(0.032)
        at_ms = self.at_ms
        self.at_ms += 32
        decision = self.turns.hear(sound, probability, at_ms)
        self.hearing.heard(sound, at_ms, decision)
        match type(decision).__name__:
            case "Pause" | "Lasting":
                self.ears.paused(decision)
            case "Resumed":
                self.ears.resumed()
            case "TurnTaken":
                self.ears.taken(decision)

    async def say(self, text: str, windows: int = 8) -> None:
        """Each letter for so many windows; a space is a pause, in which a transcription begins."""
        for letter in text:
            for _ in range(windows):
                speaking = letter != " "
                await self.window((letter if speaking else "_").encode() * 256, float(speaking))

    async def be_silent(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.032)):
            await self.window(b"_" * 256, 0.0)

    @property
    def understood(self) -> list[str]:
        return [words.text for _, words in self.words if words.final]


@asynccontextmanager
async def call(plan: Plan, language: str = "en-IN", **house: object) -> AsyncIterator[Caller]:
    async with trio.open_nursery() as servers, trio.open_nursery() as nursery:
        place = InMemory(Realtime(plan), servers, **house)
        turns = TurnDetector(GUARDS)
        files = Files()
        setups = [requests.hear("gpt-live-transcribe", told) for told in ("en", "")]
        session = Session("ears", place.link, setups, wall_clock=lambda: 0.0)
        hearing = Hearing(session, files, model="gpt-live-transcribe", final_s=FINAL_S, so_far=turns.rest)
        words: list[tuple[float, Words]] = []
        ears = Ears(
            hearing,
            language,
            limit_s=5,
            early=100,
            understood=lambda heard: words.append((trio.current_time(), heard)),
        )
        caller = Caller(hearing, turns, ears, files, place, words)
        nursery.start_soon(session.run)
        nursery.start_soon(ears.run)
        await caller.be_silent(0.5)
        yield caller
        nursery.cancel_scope.cancel("the call is over")
        servers.cancel_scope.cancel("the test is over")


async def test_a_turn_is_known_a_moment_after_its_pause(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters, final_s=0.15)) as caller:
        await caller.say("abc")
        spoken = trio.current_time()
        await caller.be_silent(1)
        assert caller.understood == ["abc"]
        known = next(at for at, words in caller.words if words.text)
        assert known - spoken == pytest.approx(0.192 + 0.15, abs=0.001)
        assert caller.files.asked == []


async def test_one_socket_lasts_all_turns_and_leaves_with_the_call(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        for text in ("abc", "def", "ghi jkl"):
            await caller.say(text)
            await caller.be_silent(1)
        assert caller.understood == ["abc", "def", "ghi jkl"]
        assert caller.hearing.session.connections == 1
        server = caller.house.server
        assert server.open == 1
    assert server.open == 0


async def test_the_whole_sound_of_a_turn_is_sent_and_nothing_else(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        await caller.say("abc")
        await caller.be_silent(3)
        (sound,) = caller.house.server.committed
        # 320 ms before the speech, and the pause in which it was committed.
        assert sound == b"_" * 256 * 10 + b"a" * 2048 + b"b" * 2048 + b"c" * 2048 + b"_" * 256 * 6


async def test_who_goes_on_after_a_pause_is_heard_as_one(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        await caller.say("abc def")
        await caller.be_silent(1)
        assert caller.understood == ["abc def"]
        assert [letters(sound) for sound in caller.house.server.committed] == ["abc", "def"]
        assert sum(len(sound) for sound in caller.house.server.committed) == 256 * (10 + 7 * 8 + 6)


async def test_words_are_known_while_the_caller_speaks(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters, parts=True)) as caller:
        await caller.say("abcdefghijklmnopqrst")  # five seconds
        ((_, words),) = caller.words
        assert not words.final
        assert not words.pausing
        assert words.text == "1 2 3 4"
        await caller.be_silent(1)
        assert caller.understood == ["abcdefghijklmnopqrst"]
        assert len(caller.house.server.committed) == 1


async def test_a_server_that_tells_nothing_early_is_asked_in_the_middle(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        await caller.say("abcdefghijklmnopqrst")
        ((_, words),) = caller.words
        assert not words.final
        assert words.text == "abcdefghijklmnop"
        await caller.be_silent(1)
        assert caller.understood == ["abcdefghijklmnop pqrst"]


@pytest.mark.parametrize("kind", ["abort", "close", "stall", "garbage"])
@pytest.mark.parametrize("at", range(14))
async def test_whatever_happens_to_the_socket_a_turn_is_heard_in_time(
    autojump_clock: MockClock, kind: str, at: int
) -> None:
    """At each event of a call of three turns. A stall is noticed when words are late, and costs that turn a file."""
    plan = Plan(heard=letters, wrong=[Wrong(kind, at)])  # type: ignore[arg-type]
    async with call(plan) as caller:
        for n, text in enumerate(("abc", "def", "ghi")):
            await caller.say(text)
            spoken = trio.current_time()
            await caller.be_silent(3.5)
            assert caller.understood == ["abc", "def", "ghi"][: n + 1]
            known = next(at for at, words in reversed(caller.words) if words.text and at > spoken)
            assert known - spoken <= 0.192 + FINAL_S + FILE_S + 0.01
        assert caller.hearing.session.connections <= 2
        assert len(caller.files.asked) <= (kind == "stall")


async def test_a_socket_lost_in_the_middle_of_a_word_costs_nothing(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        await caller.say("ab")
        caller.house.server.plan.wrong.append(Wrong("abort", 2))
        await caller.say("c")
        await caller.be_silent(1)
        assert caller.understood == ["abc"]
        assert caller.files.asked == []
        assert [letters(sound) for sound in caller.house.server.committed] == ["abc"]


async def test_many_sockets_lost_one_after_the_other(autojump_clock: MockClock) -> None:
    plan = Plan(heard=letters, wrong=[Wrong("abort", 2, connection=None)])
    async with call(plan) as caller:
        for text in ("abc", "def", "ghi"):
            await caller.say(text)
            await caller.be_silent(3)
        assert caller.understood == ["abc", "def", "ghi"]
        assert caller.files.asked == ["abc", "def", "ghi"]
        assert caller.hearing.session.connections < 12


async def test_nobody_there_is_a_file_at_once(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters), away=True) as caller:
        await caller.say("abc")
        spoken = trio.current_time()
        await caller.be_silent(2)
        assert caller.understood == ["abc"]
        assert caller.words[0][0] - spoken == pytest.approx(0.192 + FILE_S, abs=0.001)
        caller.house.away = False
        await caller.be_silent(5)
        await caller.say("def")
        await caller.be_silent(1)
        assert caller.understood == ["abc", "def"]
        assert caller.files.asked == ["abc"]


@pytest.mark.parametrize(
    "wrong", [Wrong("refuse", code=401, connection=None), Wrong("refuse", code=404, connection=None)]
)
async def test_a_refusal_is_not_asked_about_twice(autojump_clock: MockClock, wrong: Wrong) -> None:
    async with call(Plan(heard=letters, wrong=[wrong])) as caller:
        for text in ("abc", "def"):
            await caller.say(text)
            await caller.be_silent(2)
        assert caller.understood == caller.files.asked == ["abc", "def"]
        assert caller.house.server.connections == 1


async def test_a_model_that_was_shut_down_is_a_file(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters, shut_down=frozenset({"gpt-live-transcribe"}))) as caller:
        await caller.say("abc")
        await caller.be_silent(2)
        assert caller.understood == caller.files.asked == ["abc"]
        assert caller.house.server.connections == 2  # the second time without a language


async def test_a_commit_that_is_refused_is_a_file_and_the_next_is_heard(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        await caller.say("abc")
        caller.house.server.plan.wrong.append(Wrong("error", 2, code="server_error"))
        await caller.be_silent(2)
        await caller.say("def")
        await caller.be_silent(2)
        assert caller.understood == ["abc", "def"]


async def test_a_session_is_renewed_while_nobody_speaks(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters, session_s=120)) as caller:
        await caller.be_silent(29)
        await caller.say("abcdefgh")  # over the time of its renewal
        await caller.be_silent(1)
        assert caller.hearing.session.connections == 2
        await caller.say("ijk")
        await caller.be_silent(1)
        assert caller.understood == ["abcdefgh", "ijk"]
        assert caller.files.asked == []


async def test_a_session_of_unknown_length_is_renewed_in_time(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters, session_s=None)) as caller:
        for _ in range(3):
            for _ in range(int(SESSION_S / 60)):
                await caller.be_silent(60)
        assert caller.hearing.session.connections == 3 + 1


async def test_a_server_that_reads_no_more_is_left(autojump_clock: MockClock) -> None:
    plan = Plan(heard=letters, wrong=[Wrong("deaf", 2)])
    async with call(plan) as caller:
        for text in ("abc", "def"):
            await caller.say(text)
            await caller.be_silent(3)
        assert caller.understood == ["abc", "def"]
        assert caller.hearing.session.connections == 2


async def test_a_sound_too_short_for_words_asks_nobody(autojump_clock: MockClock) -> None:
    async with call(Plan(heard=letters)) as caller:
        assert await caller.hearing.transcribe(Utterance(b"\xff" * 400, 0, 50)) == ""
        assert caller.files.asked == []


async def test_a_language_that_the_model_does_not_want(autojump_clock: MockClock) -> None:
    plan = Plan(heard=letters, wrong=[Wrong("error", 1, code="invalid_value")])
    async with call(plan) as caller:
        await caller.say("abc")
        await caller.be_silent(1)
        assert caller.understood == ["abc"]
        updates = [m for received in caller.house.server.received for m in received if m["type"] == "session.update"]
        told = [m["session"]["audio"]["input"]["transcription"].get("language") for m in updates]
        assert told == ["en", None]
        assert caller.files.asked == []
