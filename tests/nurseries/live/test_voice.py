"""A voice over a realtime model: every text is said once and whole, by it or by another one, whatever becomes of the
socket. On the mock clock; a character of the fake's sound lasts 60 ms, so what was heard can be read. In one
file: each test is another fate of the same socket."""

from __future__ import annotations

import gc
import itertools
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from agent.config import Settings
from agent.errors import Fault, ProviderError
from agent.model import Emit
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from agent.wire import mulaw
from nurseries.live import voice as live_voice
from nurseries.live.session import AHEAD_S, Session
from nurseries.live.voice import GAP_S, LiveVoice
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Plan, Says, Wrong, verbatim
from tests.fakes.realtime_server import MS_PER_CHARACTER, Realtime

MODEL = "gpt-realtime-2.1-mini"
FIRST_S = 1.5
OTHER_S = 0.4
ONE = "a flat by the lake"
TWO = "with two rooms and a view"
OWN, OTHERS = f"openai {MODEL} marin", "another one"
EVENTS = 48
"""Of a connection over which both are said, and a few more."""


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known from the beginning, or a text that breaks off before any was said goes on a word too early."""
    monkeypatch.setattr(live_voice, "MS_PER_CHARACTER", MS_PER_CHARACTER)


def read(pcm: bytes) -> str:
    """What is said in a sound; the other voice speaks in capitals. A letter that was cut counts."""
    text = ""
    for byte, run in itertools.groupby(mulaw.encode(np.frombuffer(pcm, "<i2"))):
        letter = chr(byte & 0x3F | 0x40).lower() if byte & 0x3F != 0x20 else " "
        text += (letter if byte & 0x80 else letter.upper()) * -(-len([*run]) // (8 * MS_PER_CHARACTER))
    return text


def begun_again(heard: str, text: str) -> int | None:
    """How often a text broke off and went on, each time from the word it broke off in; None: it is not this text."""
    if heard.casefold() == text:
        return 0
    for at in range(len(text), -1, -1):
        if heard[:at].casefold() != text[:at]:
            continue
        for begin in {
            text.rfind(" ", 0, at) + 1,
            text.rfind(" ", 0, max(at - 1, 0)) + 1,
            at + (text[at : at + 1] == " "),
        }:
            if (
                (begin, at) != (0, 0)
                and begin >= at - 12
                and (more := begun_again(heard[at:], text[begin:])) is not None
            ):
                return 1 + more
    return None


@dataclass
class Other:
    """The other voice."""

    asked: list[str] = field(default_factory=list)
    name: str = OTHERS
    rate: int = 8000

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> None:
        self.asked.append(text)
        await trio.sleep(OTHER_S)
        sound = b"".join(bytes([letter & 0x3F]) * (8 * MS_PER_CHARACTER) for letter in text.encode())
        await emit(mulaw.decode(sound).astype("<i2").tobytes())


@dataclass
class Said:
    """One text's."""

    text: str
    began: float
    heard: str = ""
    longest_s: float = 0.0
    """Without a sound."""
    own: bool | None = None


@dataclass
class Mouth:
    """One call's voice."""

    voice: LiveVoice
    other: Other
    house: InMemory
    session: Session

    async def say(self, text: str, language: str = "en-IN") -> Said:
        said = Said(text, trio.current_time())
        pcm, at = bytearray(), said.began

        async def emit(chunk: bytes) -> None:
            nonlocal at
            await trio.lowlevel.checkpoint()
            if chunk:
                pcm.extend(chunk)
                said.heard = read(bytes(pcm))
                said.longest_s = max(said.longest_s, trio.current_time() - at)
                at = trio.current_time()

        said.own = await self.voice.synthesise(text, emit, language=language)
        return said

    @property
    def told(self) -> list[str]:
        """Types of our messages, of all connections."""
        return [message["type"] for received in self.house.server.received for message in received]

    def count(self, kind: str) -> int:
        return sum(event["type"] == kind for sent in self.house.server.sent for event in sent)

    def nothing_left(self) -> None:
        assert self.voice.quiet
        assert self.voice._unwanted == set()
        assert self.count("response.created") == self.count("response.done")


@asynccontextmanager
async def call(plan: Plan, *, alone: bool = False, **house: object) -> AsyncIterator[Mouth]:
    address = requests.model_address(Settings(_env_file=None, OPENAI_API_KEY="sk-right"), MODEL)  # type: ignore[call-arg,arg-type]
    async with trio.open_nursery() as servers, trio.open_nursery() as nursery:
        place = InMemory(Realtime(plan), servers, address=address, **house)  # type: ignore[arg-type]
        session = Session("voice", place.link, [requests.speak("marin")], wall_clock=lambda: 0.0)
        other = Other()
        voice = LiveVoice(session, None if alone else other, model=MODEL, voice="marin", first_s=FIRST_S)
        nursery.start_soon(session.run)
        await trio.testing.wait_all_tasks_blocked()
        yield Mouth(voice, other, place, session)
        nursery.cancel_scope.cancel("the call is over")
        servers.cancel_scope.cancel("the test is over")


def tasks() -> int:
    """All of them."""

    def below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
        yield task
        for nursery in task.child_nurseries:
            for child in nursery.child_tasks:
                yield from below(child)

    root = trio.lowlevel.current_root_task()
    assert root is not None
    return len([*below(root)])


async def test_a_text_is_said_word_for_word(autojump_clock: MockClock) -> None:
    async with call(Plan()) as mouth:
        said = await mouth.say(ONE)
        assert said.heard == ONE
        assert said.own is True
        assert said.longest_s == pytest.approx(0.3, abs=0.001)
        assert mouth.voice.name == OWN
        (create,) = [m for m in mouth.house.server.received[0] if m["type"] == "response.create"]
        assert create["response"]["conversation"] == "none"
        assert "word for word, in Indian English" in create["response"]["instructions"]
        mouth.nothing_left()


async def test_text_after_text_over_one_socket_that_leaves_with_the_call(autojump_clock: MockClock) -> None:
    async with call(Plan()) as mouth:
        for text in (ONE, TWO, ONE):
            assert (await mouth.say(text)).heard == text
        assert mouth.session.connections == 1
        assert mouth.other.asked == []
        server = mouth.house.server
        assert server.open == 1
    assert server.open == 0


async def test_texts_at_the_same_time_do_not_disturb_each_other(autojump_clock: MockClock) -> None:
    async with call(Plan()) as mouth:
        made: dict[str, Said] = {}

        async def say(text: str) -> None:
            made[text] = await mouth.say(text)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, ONE)
            await trio.sleep(0.35)
            nursery.start_soon(say, TWO)
        assert {text: said.heard for text, said in made.items()} == {ONE: ONE, TWO: TWO}
        assert mouth.session.connections == 1


@pytest.mark.parametrize("text", ["", "...", " — "])
async def test_what_has_no_letters_asks_nobody(autojump_clock: MockClock, text: str) -> None:
    async with call(Plan(), away=True) as mouth:
        said = await mouth.say(text)
        assert said.heard == ""
        assert mouth.other.asked == []
        assert mouth.told == []


async def cut_before_it_began(mouth: Mouth) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mouth.say, ONE)
        while mouth.voice.quiet:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel("the caller broke in")


async def test_a_text_that_is_not_wanted_before_it_began_is_never_heard(autojump_clock: MockClock) -> None:
    async with call(Plan()) as mouth:
        await cut_before_it_began(mouth)
        assert mouth.voice._unwanted
        assert (await mouth.say(TWO)).heard == TWO
        assert mouth.told.count("response.cancel") == 1
        mouth.nothing_left()


async def test_an_unwanted_text_that_is_refused_is_forgotten(autojump_clock: MockClock) -> None:
    async with call(Plan()) as mouth:
        await cut_before_it_began(mouth)
        mouth.voice.received(events.Trouble(Fault.BUSY, "rate_limit_exceeded", "", "say-1"))
        assert mouth.voice._unwanted == set()


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.3, 0.35, 0.4, 0.5])
async def test_a_cut_text_is_cancelled_and_the_next_is_clean(autojump_clock: MockClock, after_s: float) -> None:
    async with call(Plan()) as mouth:
        with trio.move_on_after(after_s) as scope:
            await mouth.say(ONE)
        assert scope.cancelled_caught
        assert mouth.voice.quiet
        assert (await mouth.say(TWO)).heard == TWO
        assert mouth.told.count("response.cancel") == 1
        assert mouth.session.connections == 1
        mouth.nothing_left()


async def test_a_thousand_barge_ins_leave_nothing(autojump_clock: MockClock) -> None:
    dice = random.Random(1)
    async with call(Plan()) as mouth:
        server = mouth.house.server

        async def settled() -> tuple[int, int]:
            """Tasks, and blocks of memory; without what the fake keeps for tests."""
            await trio.sleep(1)
            mouth.nothing_left()
            for kept in (server.sent[0], server.received[0], server.spoken):
                kept.clear()
            gc.collect()
            return tasks(), sys.getallocatedblocks()

        for n in range(1100):
            with trio.move_on_after(dice.uniform(0, 0.7)):
                await mouth.say(TWO)
            if n % 100 == 99:
                counted = await settled()
            if n == 99:
                before = counted
        assert counted[0] == before[0]
        assert counted[1] - before[1] < 2500  # the fake itself remembers how long each response was: two blocks
        assert server.open == server.connections == 1
        assert mouth.other.asked == []
        assert (await mouth.say(ONE)).heard == ONE


def test_a_reader_of_sounds_knows_a_text_that_began_again() -> None:
    assert begun_again("a flat by the lake", ONE) == 0
    assert begun_again("a flFLAT BY THE LAKE", ONE) == 1
    assert begun_again("a flatBY THE LAKE", ONE) == 1
    assert begun_again("a flflat by tthe lake", ONE) == 2
    assert begun_again("a flat by a flat by the lake", ONE) is None
    assert begun_again("a flthe lake", ONE) is None


async def test_all_events_are_covered(autojump_clock: MockClock) -> None:
    async with call(Plan()) as mouth:
        await mouth.say(ONE)
        await mouth.say(TWO)
        await trio.sleep(1)
        assert EVENTS - 4 <= len(mouth.house.server.sent[0]) < EVENTS


@pytest.mark.parametrize("kind", ["abort", "close", "stall", "garbage"])
@pytest.mark.parametrize("at", range(EVENTS))
async def test_whatever_happens_to_the_socket_a_text_is_said_once(
    autojump_clock: MockClock, kind: str, at: int
) -> None:
    """At each event of two texts. To the first sound, and between two sounds, it is never longer than to give the voice
    up and to have the other one begin."""
    async with call(Plan(wrong=[Wrong(kind, at)])) as mouth:  # type: ignore[arg-type]
        for text in (ONE, TWO, ONE):
            said = await mouth.say(text)
            assert begun_again(said.heard, text) in {0, 1}
            assert said.longest_s <= FIRST_S + OTHER_S + 0.01
            assert said.own is False or said.heard == text
        assert mouth.voice.name == OWN
        assert mouth.session.connections <= 2
        assert mouth.voice.by_other == len(mouth.other.asked) <= (kind == "stall")
        assert mouth.voice.quiet
        assert mouth.voice._unwanted == set()


@pytest.mark.parametrize("kind", ["abort", "stall"])
@pytest.mark.parametrize("at", range(1, 26))
async def test_every_socket_that_ends_so_is_made_up_for(autojump_clock: MockClock, kind: str, at: int) -> None:
    async with call(Plan(wrong=[Wrong(kind, at, connection=None)])) as mouth:  # type: ignore[arg-type]
        for text in (ONE, TWO, ONE):
            said = await mouth.say(text)
            assert begun_again(said.heard, text) in {0, 1, 2}
            assert said.longest_s <= FIRST_S + OTHER_S + 0.01
            assert said.own is False or said.heard in {text, text.upper()}
        assert mouth.voice.quiet


async def test_a_voice_that_is_late_twice_has_no_third_text(autojump_clock: MockClock) -> None:
    async with call(Plan(first_s=9)) as mouth:
        took = []
        for _ in range(4):
            said = await mouth.say(ONE)
            assert said.heard == ONE.upper()
            took.append(said.longest_s)
        assert took == pytest.approx([FIRST_S + OTHER_S] * 2 + [OTHER_S] * 2, abs=0.001)
        assert mouth.voice.name == OTHERS
        assert said.own is True  # the name's own


async def test_two_texts_that_wait_on_one_socket_are_late_once(autojump_clock: MockClock) -> None:
    async with call(Plan(wrong=[Wrong("stall", 2)])) as mouth:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mouth.say, ONE)
            nursery.start_soon(mouth.say, TWO)
        assert sorted(mouth.other.asked) == sorted([ONE, TWO])
        assert mouth.session.failures == 1
        assert mouth.session.connections == 2
        assert (await mouth.say(TWO)).heard == TWO
        assert mouth.voice.name == OWN


async def test_a_text_that_stops_in_the_middle_goes_on_with_the_other_voice(autojump_clock: MockClock) -> None:
    async with call(Plan(wrong=[Wrong("stall", 9)])) as mouth:
        said = await mouth.say(ONE)
        assert said.heard[:1].islower()
        assert said.heard[-4:] == "LAKE"
        assert said.longest_s == pytest.approx(GAP_S + OTHER_S, abs=0.001)
        assert said.own is False
        assert (await mouth.say(TWO)).heard == TWO


async def test_nobody_there_is_the_other_voice_at_once(autojump_clock: MockClock) -> None:
    async with call(Plan(), away=True) as mouth:
        said = await mouth.say(ONE)
        assert said.heard == ONE.upper()
        assert said.longest_s == pytest.approx(OTHER_S, abs=0.001)
        assert said.own is False  # it has the other's sound under this one's name
        assert mouth.voice.name == OWN
        mouth.house.away = False
        await trio.sleep(6)
        assert (await mouth.say(TWO)).heard == TWO


async def test_a_server_that_is_slow_to_open_is_not_started_all_over(autojump_clock: MockClock) -> None:
    async with call(Plan(), slow_s=2.5) as mouth:
        said = await mouth.say(ONE)
        assert said.heard == ONE.upper()
        assert said.longest_s <= FIRST_S + OTHER_S + 0.01
        await trio.sleep(1)
        assert (await mouth.say(TWO)).heard == TWO
        assert mouth.session.connections == 1


@pytest.mark.parametrize("wrong", [Wrong("refuse", code=401, connection=None), Wrong("error", 1, code="invalid_value")])
async def test_who_is_refused_gives_the_call_to_the_other_voice(autojump_clock: MockClock, wrong: Wrong) -> None:
    async with call(Plan(wrong=[wrong])) as mouth:
        for text in (ONE, TWO):
            said = await mouth.say(text)
            assert said.heard == text.upper()
            assert said.longest_s == pytest.approx(OTHER_S, abs=0.001)
            assert said.own is True
            assert mouth.voice.name == OTHERS
        assert mouth.house.server.connections == 1


async def test_a_response_that_fails_is_asked_for_once_more(autojump_clock: MockClock) -> None:
    ways = iter([Says(ONE, status="failed", chunks=2)])
    async with call(Plan(says=lambda create, items: next(ways, None) or verbatim(create, items))) as mouth:
        said = await mouth.say(ONE)
        assert begun_again(said.heard, ONE) in {0, 1}
        assert said.own is False
        assert mouth.other.asked == []
        assert mouth.session.connections == 1
        assert (await mouth.say(TWO)).own is True


async def test_a_text_that_is_refused_is_the_other_voices(autojump_clock: MockClock) -> None:
    async with call(Plan(first_s=1)) as mouth:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mouth.say, ONE)
            for number in (1, 2):
                await trio.sleep(0.1)
                mouth.voice.received(events.Trouble(Fault.BUSY, "rate_limit_exceeded", "", f"say-{number}"))
            await trio.sleep(OTHER_S + 0.01)
            assert nursery.child_tasks == frozenset()
        assert mouth.other.asked == [ONE]
        assert (await mouth.say(TWO)).heard == TWO
        await trio.sleep(5)
        assert mouth.session.connections == 1


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (f"sure of course here you go {ONE}", ""),
        ("a flat is what i would like you to see", "a flat"),
        ("a flat by", "a flat by"),
        ("i am sorry i can not say that", ""),
    ],
)
async def test_other_words_are_given_to_the_other_voice(autojump_clock: MockClock, told: str, heard: str) -> None:
    async with call(Plan(says=lambda _create, _items: Says(told))) as mouth:
        said = await mouth.say(ONE)
        own = said.heard.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ ")
        assert told.startswith(own)
        assert len(own) <= len(heard) + 6
        assert mouth.other.asked == [ONE[ONE.index(mouth.other.asked[0]) :]]
        # Nothing of the text is left out, and no more than a word is said again.
        begun = len(ONE) - len(mouth.other.asked[0])
        assert begun <= len(heard) + 1
        assert len(ONE[begun : min(len(own), len(heard))].split()) <= 1
        assert said.own is False
        assert mouth.voice.reworded == 1
        assert mouth.voice.name == OTHERS
        after = await mouth.say(TWO)
        assert after.heard == TWO.upper()
        assert after.own is True
        assert mouth.voice.by_other == 2
        assert len(mouth.house.server.spoken) == 1
        await trio.sleep(1)
        mouth.nothing_left()


@pytest.mark.parametrize(
    ("plan", "house", "fault"),
    [
        (Plan(wrong=[Wrong("refuse", code=401, connection=None)]), {}, Fault.REFUSED),
        (Plan(wrong=[Wrong("refuse", code=503, connection=None)]), {}, Fault.BROKEN),
        (Plan(), {"away": True}, Fault.UNREACHABLE),
        (Plan(), {"slow_s": 2}, Fault.TIMEOUT),
        (Plan(wrong=[Wrong("stall", 1, connection=None)]), {}, Fault.TIMEOUT),
        (Plan(wrong=[Wrong("stall", 7, connection=None)]), {}, Fault.TIMEOUT),
        (Plan(wrong=[Wrong("abort", 7, connection=None)]), {}, Fault.BROKEN),
        (Plan(says=lambda _create, _items: Says(status="completed")), {}, Fault.BROKEN),
        (Plan(says=lambda _create, _items: Says(status="failed")), {}, Fault.BROKEN),
        (Plan(says=lambda _create, _items: Says(status="incomplete")), {}, Fault.BROKEN),
    ],
)
async def test_without_another_voice_what_fails_is_raised(
    autojump_clock: MockClock, plan: Plan, house: dict[str, object], fault: Fault
) -> None:
    async with call(plan, alone=True, **house) as mouth:
        began = trio.current_time()
        with pytest.raises(ProviderError) as raised:
            await mouth.say(ONE)
        assert raised.value.fault is fault
        assert trio.current_time() - began <= 2 * FIRST_S
        assert mouth.voice.quiet
        assert mouth.voice.name == OWN


async def test_what_is_said_beyond_the_text_is_stopped(autojump_clock: MockClock) -> None:
    told = f"{ONE} and is there anything else that i can do"
    async with call(Plan(says=lambda _create, _items: Says(told))) as mouth:
        said = await mouth.say(ONE)
        assert said.heard.startswith(ONE)
        assert len(said.heard) <= len(ONE) + 6
        assert said.own is False
        assert mouth.other.asked == []
        assert mouth.voice.name == OTHERS


async def test_without_another_voice_other_words_are_measured_and_heard(autojump_clock: MockClock) -> None:
    async with call(Plan(says=lambda _create, _items: Says("what a nice day")), alone=True) as mouth:
        said = await mouth.say(ONE)
        assert said.heard == "what a nice day"
        assert said.own is True
        assert (mouth.voice.reworded, mouth.voice.by_other) == (1, 0)


async def test_a_session_is_renewed_between_two_texts(autojump_clock: MockClock) -> None:
    async with call(Plan(session_s=AHEAD_S + 30)) as mouth:
        await trio.sleep(29.7)
        assert (await mouth.say(TWO)).heard == TWO  # over the time of its renewal
        assert mouth.session.connections == 1
        await trio.sleep(0.2)
        assert mouth.session.connections == 2
        said = await mouth.say(ONE)
        assert said.heard == ONE
        assert said.longest_s == pytest.approx(0.3, abs=0.001)
        assert mouth.other.asked == []


async def test_the_pace_is_learnt_from_long_texts(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_voice, "MS_PER_CHARACTER", 100)
    async with call(Plan()) as mouth:
        await mouth.say("hi")
        assert mouth.voice._pace == 100
        await mouth.say(TWO)
        assert mouth.voice._pace == MS_PER_CHARACTER
