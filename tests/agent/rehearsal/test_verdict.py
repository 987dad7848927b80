"""What a caller who counts words makes of calls that went well, and of those that did not. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agent.rehearsal import codewords
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, STREAM_CRASHED, CallLog, Leg, Update
from agent.rehearsal.plan import Line
from agent.rehearsal.playback import Cleared, Played
from agent.rehearsal.script import Spoken
from agent.rehearsal.sound import encode, from_pcm
from agent.rehearsal.spelling import spelled
from agent.rehearsal.verdict import Verdict, Wants, judge

GREETING = "Hello, this is Priya. How are you?"
SORRY = "Sorry, I lost you for a second."
WANTS = Wants(greeting=GREETING, updates=0)


class Call:
    """Written down as it is told: who says what when, and what the record keeps."""

    def __init__(self, *ended: tuple[float, str]) -> None:
        """The streams' ends; each next one begins 200 ms later, and hears 100 ms later still."""
        self.log = CallLog(call_sid="CA1", stream_sid="MZ1", caller_start_ms=100)
        self.entries: list[dict[str, Any]] = []
        self.log.ended, self.log.duration_ms = ended[-1][1], ended[-1][0]
        begins = [0.0, *(at + 200 for at, _ in ended)]
        for n, (at, how) in enumerate(ended):
            leg = Leg(f"MZ{n}", begins[n], begins[n] + 100, at - 10, ended_ms=at, ended=how, sound_ms=begins[n] + 150)
            self.log.legs.append(leg)

    def agent(self, at_ms: float, text: str, *, kept: str | None = None, cut_ms: float | None = None) -> Call:
        sound = from_pcm(spelled(text, 24000), 24000)[: None if cut_ms is None else round((cut_ms - at_ms) * 8)]
        self.log.played.append(Played(sound, at_ms))
        self._keep("agent", text if kept is None else kept)
        return self

    def caller(self, at_ms: float, *numbers: int, kept: tuple[int, ...] | None = None, lost_ms: float = 0) -> Call:
        text = " ".join(map(codewords.word, numbers))
        end_ms = at_ms + 240 * len(numbers)
        self.log.spoken.append(Spoken(Line(b"\xff" * 1920 * len(numbers), text), at_ms, end_ms, False, lost_ms))
        self._keep("caller", " ".join(map(codewords.word, numbers if kept is None else kept)))
        return self

    def verdict(self, ending: str = "caller hung up") -> Verdict:
        return judge(self.log, {"ending": ending, "entries": self.entries}, WANTS)

    def _keep(self, role: str, text: str) -> None:
        if text:
            self.entries.append({"role": role, "text": text})


def said(*numbers: int) -> str:
    return f"You said: {' '.join(map(codewords.word, numbers))}."


def quiet() -> Call:
    """A hand-off between two turns."""
    call = Call((9000, SERVER_CLOSED), (16_000, CALLER_HUNG_UP))
    call.agent(100, GREETING).caller(3000, 1, 2, 3).agent(5000, said(1, 2, 3))
    return call.caller(10_000, 4, 5).agent(12_000, said(4, 5))


def crash(**agent: Any) -> Call:
    """In the middle of an answer, which is said again."""
    call = Call((6000, STREAM_CRASHED), (16_000, CALLER_HUNG_UP))
    call.agent(100, GREETING).caller(3000, 1, 2, 3)
    call.agent(5000, said(1, 2, 3), cut_ms=6000, kept="You said: bado")
    return call.agent(6400, f"{SORRY} {said(1, 2, 3)}", **agent)


def test_a_call_that_nobody_noticed_is_fine() -> None:
    made = quiet().verdict()

    assert made.faults == []
    assert not made.dropped
    assert (made.greetings, made.agent_words, made.caller_words, made.lost_between) == (1, 16, 5, 0)
    assert [(one.opened_ms, one.deaf_ms) for one in made.breaks] == [(200, 310)]
    assert made.crashed == [False]


def test_a_sentence_that_broke_off_with_the_line_may_be_said_again() -> None:
    made = crash().verdict()

    assert made.faults == []
    assert made.crashed == [True]


def change_greeting(call: Call) -> None:
    call.agent(14_000, GREETING)


def repeat_an_answer(call: Call) -> None:
    call.agent(14_000, said(4, 5))


def forget_an_answer(call: Call) -> None:
    call.entries.pop()


def keep_what_nobody_heard(call: Call) -> None:
    call.entries.append({"role": "agent", "text": "And one more thing."})


def lose_a_word(call: Call) -> None:
    call.entries[-2]["text"] = codewords.word(5)


def swap_words(call: Call) -> None:
    call.entries[-2]["text"] = f"{codewords.word(5)} {codewords.word(4)}"


def invent_a_word(call: Call) -> None:
    call.entries[-2]["text"] += f" {codewords.word(99)}"


def drop(call: Call) -> None:
    call.log.ended = SERVER_CLOSED


def fail(call: Call) -> None:
    call.log.failures.append("the agent did not answer line 2 within 15 s")


def cut_over_rest(call: Call) -> None:
    call.log.updates.append(Update("https://h", 5000, cut=True))


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (change_greeting, "greeted 2 times"),
        (repeat_an_answer, "said 2 times: Yousaid:"),
        (forget_an_answer, "heard ...'"),
        (keep_what_nobody_heard, "kept ...'"),
        (lose_a_word, "the caller's 'baho' at 10.00 s is not in the record"),
        (swap_words, "is not in the record"),
        (invent_a_word, "in the record, and not said then: lago"),
        (drop, "dropped: the server closed the stream"),
        (fail, "did not answer line 2"),
        (cut_over_rest, "1 updates over REST cut a live stream"),
    ],
)
def test_what_is_wrong_is_told(spoil: Callable[[Call], None], fault: str) -> None:
    call = quiet()
    spoil(call)
    made = call.verdict()

    assert fault in "; ".join(made.faults)
    assert made.dropped == (spoil in {drop, fail})


def test_a_record_that_says_something_else_about_the_end_is_a_fault() -> None:
    assert quiet().verdict("interrupted").faults == ["the record says: 'interrupted'"]
    assert judge(quiet().log, None, WANTS).faults == ["there is no record"]


def test_words_that_fell_between_two_streams_are_counted_and_no_fault() -> None:
    call = Call((9000, SERVER_CLOSED), (16_000, CALLER_HUNG_UP)).agent(100, GREETING)
    made = call.caller(8900, 1, 2, 3, kept=(3,), lost_ms=400).agent(11_000, said(3)).verdict()

    assert made.faults == []
    assert (made.caller_words, made.lost_between) == (3, 2)


def test_a_line_of_which_a_stream_carried_less_than_a_word_may_be_kept_as_sound() -> None:
    spoken = "I have spoken for 288 milliseconds."
    call = Call((9000, SERVER_CLOSED), (16_000, CALLER_HUNG_UP)).agent(100, GREETING)
    call.caller(8800, 1, 2, kept=(), lost_ms=400)
    call.entries.append({"role": "caller", "text": spoken})

    assert call.verdict().faults == []

    call.entries.append({"role": "caller", "text": spoken})
    assert call.verdict().faults == ["in the record, and not said then: I have spoken for 288 milliseconds"]


def test_what_was_said_long_before_a_crash_must_be_remembered() -> None:
    call = crash()
    call.entries[1]["text"] = ""
    assert call.verdict().faults == []  # 2.3 s before

    call = crash()
    call.log.spoken[0] = Spoken(call.log.spoken[0].line, 300, 1020, False)
    call.entries[1]["text"] = ""
    assert "the caller's 'bado' at 0.30 s is not in the record" in call.verdict().faults


def test_an_answer_that_had_been_heard_for_long_is_not_said_again_after_a_crash() -> None:
    call = Call((9000, STREAM_CRASHED), (16_000, CALLER_HUNG_UP)).agent(100, GREETING).caller(3000, 1, 2)
    call.agent(5000, said(1, 2)).agent(9400, SORRY).agent(12_000, said(1, 2))
    assert "said 2 times" in call.verdict().faults[0]

    call = Call((6300, STREAM_CRASHED), (16_000, CALLER_HUNG_UP)).agent(100, GREETING).caller(3000, 1, 2)
    call.agent(5000, said(1, 2), kept="").agent(6700, SORRY).agent(9000, said(1, 2))
    assert call.verdict().faults == []


def test_an_agent_that_is_silent_after_a_crash_is_a_fault() -> None:
    call = crash()
    call.log.legs[1].sound_ms = 9500
    assert call.verdict().faults == ["behind the crash at 6.0 s the agent spoke after 3500 ms"]
    call.log.legs[1].sound_ms = None
    assert call.verdict().faults == ["behind the crash at 6.0 s the agent spoke never"]

    call = crash()
    call.log.legs[1].sound_ms = 9500
    assert call.caller(6100, 7, 8).verdict().faults == []  # it listens to a caller who speaks


def test_an_agent_that_was_interrupted_is_compared_by_its_sentences() -> None:
    call = Call((16_000, CALLER_HUNG_UP)).agent(100, GREETING).caller(3000, 1, 2)
    call.agent(5000, said(1, 2), cut_ms=5500, kept="You said:")
    call.log.clears.append(Cleared(5500, 300))
    assert call.caller(5300, 3, 4).agent(9000, said(3, 4)).verdict().faults == []


def test_an_agent_that_ran_dry_and_was_spoken_to_is_compared_by_its_sentences() -> None:
    call = Call((4000, STREAM_CRASHED), (20_000, CALLER_HUNG_UP)).agent(100, GREETING)
    call.agent(4350, SORRY, cut_ms=4850, kept="Sorry,").caller(5800, 1, 2).agent(8000, said(1, 2))
    assert call.verdict().faults == []


def test_what_was_played_as_a_stream_died_is_no_part_of_the_next_ones_words() -> None:
    call = Call((6000, STREAM_CRASHED), (16_000, CALLER_HUNG_UP)).agent(100, GREETING).caller(3000, 1, 2)
    call.agent(5400, said(1, 2), cut_ms=6000 - 1 / 8, kept="You said:")
    call.log.played.append(Played(from_pcm(spelled("S", 24000), 24000)[:40], 6000 - 1 / 8))
    assert call.agent(6400, f"{SORRY} {said(1, 2)}").verdict().faults == []


def test_a_recording_is_taken_for_the_words_that_the_record_has_of_it() -> None:
    call = quiet()
    noise = encode(np.random.default_rng(0).normal(0, 0.2, 6000))
    call.log.played.insert(1, Played(noise, 4000))
    assert "heard" in call.verdict().faults[0]

    call.entries.insert(2, {"role": "agent", "text": "One moment, please."})
    assert call.verdict().faults == []
