"""Providers in a row, in virtual time: who is asked, for how long, and what their breakers make of it."""

from __future__ import annotations

import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.keep.stand_ins import keeping
from agent.model import Utterance
from agent.think.ports import Reply
from nurseries.chain.chain import Chain
from nurseries.chain.ports import ChainModel, ChainRecogniser, ChainVoice
from nurseries.talk.speech import Failure, Idle, timed
from tests.nurseries.chain.chain_case import PROMPT, Heard, Model, chained, seconds


async def ask(chain: Chain, hedge_s: float | None = None, limit_s: float = 5.0) -> tuple[str, float, Failure | None]:
    """What is heard, when it begins, and how it ends: as a turn asks."""
    heard, began = Heard(), trio.current_time()

    async def work(idle: Idle) -> None:
        async def emit(piece: str) -> None:
            idle.wait()
            await heard(piece)

        await ChainModel(chain, hedge_s=hedge_s).reply(PROMPT, emit)

    failure = await timed("think", limit_s, work)
    at = trio.current_time() if heard.at is None else heard.at
    return "".join(heard), round(at - began, 2), failure


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.REFUSED, Fault.BUSY, Fault.TIMEOUT])
async def test_the_next_one_answers_at_once_where_the_first_one_fails(autojump_clock, fault) -> None:
    first, second = Model("first", fault=fault), Model("second")
    told = []

    with keeping(lambda *what: told.append(what)):
        heard = await ask(chained(first, second))

    assert heard == ("I am second.", 0.4, None)
    assert told == [("llm", "second", fault.value)]


async def test_a_broken_connection_is_tried_once_more_before_the_next_one(autojump_clock) -> None:
    first, second = Model("first", first_s=0, fault=Fault.BROKEN), Model("second")

    text, at, _ = await ask(chained(first, second))

    assert (text, len(first.asked)) == ("I am second.", 2)
    assert at <= 0.3


async def test_one_that_hangs_leaves_the_next_one_its_share(autojump_clock) -> None:
    first, second = Model("first", hangs=True), Model("second")

    assert await ask(chained(first, second)) == ("I am second.", 2.7, None)
    assert first.active == 0


async def test_a_breaker_that_is_open_costs_no_time(autojump_clock) -> None:
    first, second = Model("first", hangs=True), Model("second")
    chain = chained(first, second)
    for _ in range(3):
        await ask(chain)

    assert [await ask(chain) for _ in range(5)] == [("I am second.", 0.2, None)] * 5
    assert len(first.asked) == 3


async def test_it_heals(autojump_clock) -> None:
    first, second = Model("first", fault=Fault.UNREACHABLE), Model("second")
    chain = chained(first, second)
    for _ in range(3):
        await ask(chain)
    first.fault = None
    await trio.sleep(4)
    assert (await ask(chain))[0] == "I am second."
    await trio.sleep(1)

    assert (await ask(chain))[0] == "I am first."
    assert chain.members[0].breaker.state(trio.current_time()) == "closed"


async def test_of_fifty_calls_one_probes_while_the_others_are_served(autojump_clock) -> None:
    first, second = Model("first", hangs=True), Model("second")
    chain = chained(first, second)
    for _ in range(3):
        await ask(chain)
    await trio.sleep(5)
    asked = len(first.asked)
    answers = []

    async def call() -> None:
        answers.append(await ask(chain))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(call)

    assert len(first.asked) == asked + 1
    assert sorted(at for _, at, _ in answers) == [0.2] * 49 + [2.7]
    assert {text for text, _, _ in answers} == {"I am second."}


async def test_being_given_up_is_no_failure_of_the_provider(autojump_clock) -> None:
    first = Model("first", hangs=True)
    chain = chained(first)
    for _ in range(10):
        with trio.move_on_after(3):
            await ChainModel(chain).reply(PROMPT, Heard())

    # The deadline is the caller's, and shorter than what the provider may take.
    assert chain.members[0].breaker.state(trio.current_time()) == "closed"

    for _ in range(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, chain)
            await trio.sleep(4.5)
            nursery.cancel_scope.cancel("barge-in")
    assert chain.members[0].breaker.state(trio.current_time()) == "closed"
    assert first.active == 0


async def test_the_turns_own_limit_is_a_failure_of_the_provider(autojump_clock) -> None:
    chain = chained(Model("first", hangs=True))

    outcomes = [await ask(chain) for _ in range(3)]

    assert [(text, at) for text, at, _ in outcomes] == [("", 5.0)] * 3
    assert chain.members[0].breaker.state(trio.current_time()) == "open"
    text, at, failure = await ask(chain)
    assert (text, at) == ("", 0.0)
    assert failure is not None
    assert failure.fault is Fault.TIMEOUT


async def test_a_probe_that_is_given_up_gives_its_place_back(autojump_clock) -> None:
    first, second = Model("first", hangs=True), Model("second")
    chain = chained(first, second)
    for _ in range(3):
        await ask(chain)
    await trio.sleep(5)
    with trio.move_on_after(1):
        await ChainModel(chain).reply(PROMPT, Heard())
    first.hangs = False

    assert (await ask(chain))[0] == "I am first."


async def test_alone_it_is_asked_once_more_within_the_callers_patience(autojump_clock) -> None:
    for fault, retry_after_s, times in (
        (Fault.BROKEN, None, 2),
        (Fault.UNREACHABLE, None, 2),
        (Fault.BUSY, 0.9, 2),
        (Fault.BUSY, 1.5, 1),
        (Fault.REFUSED, None, 1),
    ):
        first = Model("first", first_s=0, fault=fault, retry_after_s=retry_after_s)
        text, at, failure = await ask(chained(first))
        assert (text, len(first.asked)) == ("", times)
        assert failure is not None
        assert (failure.fault, at <= 1.5) == (fault, True)


async def test_a_server_that_says_when_is_not_asked_before(autojump_clock) -> None:
    first, second = Model("first", fault=Fault.BUSY, retry_after_s=20), Model("second")
    chain = chained(first, second)
    began = trio.current_time()
    while seconds(began) < 19:
        assert (await ask(chain))[0] == "I am second."
    assert len(first.asked) == 1


async def test_where_nobody_answers_the_first_ones_failure_is_told(autojump_clock) -> None:
    chain = chained(Model("first", fault=Fault.BUSY), Model("second", fault=Fault.REFUSED))

    _, _, failure = await ask(chain)

    assert failure is not None
    assert failure.fault is Fault.BUSY


async def test_the_hedge_speaks_where_the_first_one_is_slow(autojump_clock) -> None:
    first, second = Model("first", first_s=3), Model("second")
    told = []

    with keeping(lambda *what: told.append(what)):
        assert await ask(chained(first, second), hedge_s=0.8) == ("I am second.", 1.3, None)

    assert (first.active, told) == (0, [("llm", "second", "slow")])


async def test_the_first_one_may_win_against_its_hedge(autojump_clock) -> None:
    first, second = Model("first", first_s=0.9), Model("second")

    assert await ask(chained(first, second), hedge_s=0.8) == ("I am first.", 1.2, None)
    assert (len(second.asked), second.active) == (1, 0)


async def test_no_hedge_where_the_first_one_is_quick_or_nobody_stands_by(autojump_clock) -> None:
    first, second = Model("first"), Model("second")
    assert await ask(chained(first, second), hedge_s=0.8) == ("I am first.", 0.5, None)
    assert second.asked == []
    assert await ask(chained(Model("first", first_s=2)), hedge_s=0.8) == ("I am first.", 2.0, None)


async def test_a_hedge_begins_at_once_where_the_first_one_fails(autojump_clock) -> None:
    first, second = Model("first", fault=Fault.REFUSED), Model("second")
    told = []

    with keeping(lambda *what: told.append(what)):
        assert await ask(chained(first, second), hedge_s=0.8) == ("I am second.", 0.4, None)

    assert told == [("llm", "second", "refused")]


async def test_both_may_fail(autojump_clock) -> None:
    first, second = Model("first", first_s=1, fault=Fault.BUSY), Model("second", fault=Fault.REFUSED)

    text, _, failure = await ask(chained(first, second), hedge_s=0.8)

    assert text == ""
    assert failure is not None
    assert failure.fault is Fault.BUSY


async def test_a_barge_in_stops_both(autojump_clock) -> None:
    first, second = Model("first", hangs=True), Model("second", hangs=True)
    chain = chained(first, second)
    with trio.move_on_after(2):
        await ChainModel(chain, hedge_s=0.8).reply(PROMPT, Heard())

    assert (first.active, second.active, len(second.asked)) == (0, 0, 1)
    assert [member.breaker.admits(trio.current_time()) for member in chain.members] == [True, True]


async def test_a_reply_without_a_word_wins_as_well(autojump_clock) -> None:
    first, second = Model("first", hangs=True), Model("second")
    calls = Reply(says_goodbye=True)

    async def only_tools(*_) -> Reply:
        await trio.sleep(0.1)
        return calls

    second.reply = only_tools

    assert await ChainModel(chained(first, second), hedge_s=0.5).reply(PROMPT, Heard()) is calls
    assert first.active == 0


async def test_a_bug_is_no_fault_of_the_server(autojump_clock) -> None:
    first, second = Model("first"), Model("second")

    async def bug(*_) -> Reply:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    first.reply = bug
    chain = chained(first, second)
    with pytest.raises(ZeroDivisionError):
        await ChainModel(chain).reply(PROMPT, Heard())
    assert second.asked == []


class Speaker:
    rate = 24000

    def __init__(self, name: str, *, fails: bool = False, own: bool | None = None) -> None:
        self.name, self.fails, self.own = name, fails, own
        self.voices: list[str] = []

    async def synthesise(self, text: str, emit, *, voice: str = "", language: str = "") -> bool | None:
        await trio.lowlevel.checkpoint()
        self.voices.append(voice)
        if self.fails:
            raise ProviderError(self.name, "speak", Fault.BUSY)
        await emit(b"")
        await emit(self.name.encode())
        return self.own


async def test_another_voice_speaks_with_its_own_name_and_is_not_kept_as_the_firsts(autojump_clock) -> None:
    first, second = Speaker("first", fails=True), Speaker("second")
    voice = ChainVoice(chained(first, second))
    sound = []

    async def emit(chunk: bytes) -> None:
        await trio.lowlevel.checkpoint()
        sound.append(chunk)

    assert await voice.synthesise("Hello.", emit, voice="alloy") is False
    assert (b"".join(sound), first.voices, second.voices) == (b"second", ["alloy"], [""])
    first.fails = False
    assert await voice.synthesise("Hello.", emit, voice="alloy") is None
    assert first.voices == ["alloy", "alloy"]
    assert (voice.name, voice.rate) == ("first", 24000)


async def test_sound_that_takes_long_to_be_played_is_no_stall(autojump_clock) -> None:
    chain = chained(Speaker("first"), limit_s=3)

    async def emit(chunk: bytes) -> None:
        await trio.sleep(20)

    await ChainVoice(chain).synthesise("Hello.", emit)
    assert chain.members[0].breaker.state(trio.current_time()) == "closed"


async def test_what_asks_nobody_does_not_pass_for_an_answer(autojump_clock) -> None:
    class Deaf:
        name = "deaf"
        rate = 24000
        fault: Fault | None = Fault.BUSY

        async def transcribe(self, _utterance: Utterance, _language: str = "") -> str:
            await trio.lowlevel.checkpoint()
            raise ProviderError("deaf", "hear", Fault.BUSY)

        async def synthesise(self, *_: object, **__: object) -> None:
            await trio.lowlevel.checkpoint()

    chain = chained(Deaf())
    recogniser = ChainRecogniser(chain)
    long, short = Utterance(b"\x00" * 16_000, 0, 2000), Utterance(b"\xff" * 8, 0, 1)
    for _ in range(3):
        with pytest.raises(ProviderError):
            await recogniser.transcribe(long)
    await trio.sleep(5)
    assert await recogniser.transcribe(short) == ""
    await ChainVoice(chain).synthesise("...", Heard())
    assert chain.members[0].breaker.state(trio.current_time()) == "half-open"


class Sayer(Model):
    """Says what it is told to, a word at a time."""

    words: tuple[str, ...] = ()

    async def reply(self, _prompt, emit) -> Reply:
        self.asked.append(trio.current_time())
        for n, word in enumerate(self.words):
            if n == self.after:
                await self._trouble()
            await trio.sleep(0.2)
            await emit(word)
        return Reply()


@pytest.mark.parametrize("hedge_s", [None, 0.8])
@pytest.mark.parametrize("how", [{"fault": Fault.BROKEN}, {"hangs": True}])
async def test_half_a_sentence_is_the_next_ones_and_a_whole_one_is_not_said_again(autojump_clock, hedge_s, how) -> None:
    for after, heard in ((2, "I am second."), (5, "Yes, I do. And")):
        first, second = Sayer("first", after=after, **how), Model("second")
        first.words = ("Yes,", " I", " do.", " And", " that", " is")

        text, _, failure = await ask(chained(first, second), hedge_s=hedge_s)

        assert text.startswith(heard)
        assert (failure is None) == (after == 2)
        assert len(second.asked) == (after == 2)


async def test_a_slow_sentence_is_no_stall(autojump_clock) -> None:
    first, second = Sayer("first", after=99), Model("second")
    first.words = (*[" a"] * 60, " word.", " Yes.")

    text, _, failure = await ask(chained(first, second), hedge_s=0.8)

    assert (text.count("a"), failure, second.asked) == (60, None, [])


async def test_a_voice_that_breaks_off_before_it_could_be_heard_leaves_the_sentence_to_the_next(autojump_clock) -> None:
    first, second = Speaker("first"), Speaker("second")

    async def half(_text: str, emit, **_how: str) -> None:
        await emit(b"\x01" * 100)
        raise ProviderError("first", "speak", Fault.BUSY)

    first.synthesise = half
    sound = []

    async def emit(chunk: bytes) -> None:
        await trio.lowlevel.checkpoint()
        sound.append(chunk)

    assert await ChainVoice(chained(first, second)).synthesise("Hello.", emit) is False
    assert b"".join(sound) == b"second"
