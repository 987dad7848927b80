"""Sound on its way to a recogniser that listens while the caller speaks."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.hear import segments as module
from agent.hear.segments import SILENCE, Append, Commit, Segments
from tests.examples import examples

WINDOW = b"\x10" * 256


def say(segments: Segments, windows: int, at_ms: float) -> float:
    for _ in range(windows):
        segments.hear(WINDOW, at_ms)
        at_ms += 32
    return at_ms


def sent(segments: Segments, least: int = 1) -> list[object]:
    return [step.number if isinstance(step, Commit) else len(step.sound) for step in segments.to_send(least)]


def test_sound_is_sent_while_it_is_spoken_and_committed_once_at_the_pause() -> None:
    segments = Segments()
    say(segments, 2, 0)
    assert sent(segments, least=768) == []
    say(segments, 2, 64)
    assert sent(segments, least=768) == [1024]
    say(segments, 1, 128)
    segments.close()
    assert sent(segments, least=768) == [256, 1]
    assert sent(segments) == []
    assert not segments.idle
    segments.committed("a")
    segments.final("a", " A flat. ")
    assert segments.text(0, 160) == "A flat."
    assert segments.idle


def test_what_is_too_short_to_commit_is_filled_up_with_silence() -> None:
    segments = Segments()
    say(segments, 1, 0)
    segments.close()
    (step, commit) = segments.to_send()
    assert step == Append(WINDOW + b"\xff" * (800 - 256))
    assert commit == Commit(1)
    assert segments.text(0, 32) is None
    assert segments.text(33, 100) is None  # the filling is no sound of the caller's


def test_the_words_of_a_turn_are_those_of_its_segments_in_order() -> None:
    segments = Segments()
    at = say(segments, 4, 1000)
    segments.close()
    say(segments, 4, at + 64)
    segments.close()
    assert sent(segments) == [1024, 1, 1024, 2]
    segments.committed("a")
    segments.committed("b")
    segments.final("b", "in Whitefield.")
    assert segments.text(1000, 1400) is None
    assert segments.part(1000, 1400) == "in Whitefield."
    segments.final("a", "A flat,")
    assert segments.text(1000, 1400) == "A flat, in Whitefield."
    assert segments.text(1000, at) == "A flat,"
    assert segments.text(0, 1000) is None


def test_a_sound_without_words_is_known_to_have_none() -> None:
    segments = Segments()
    say(segments, 4, 0)
    segments.close()
    list(segments.to_send())
    segments.final("a", "")
    assert segments.text(0, 128) == ""


def test_words_may_come_before_the_commit() -> None:
    segments = Segments()
    say(segments, 4, 0)
    list(segments.to_send())
    segments.told("a", "I am ")
    segments.told("a", "looking")
    assert segments.tells_early
    assert segments.part(0, 128) == "I am looking"
    segments.final("a", "too early")
    assert segments.text(0, 128) is None
    segments.close()
    assert sent(segments) == [1]
    segments.committed("a")
    segments.final("a", "I am looking.")
    assert segments.text(0, 128) == "I am looking."


def test_words_after_the_commit_are_not_early() -> None:
    segments = Segments()
    say(segments, 4, 0)
    segments.close()
    list(segments.to_send())
    segments.told("a", "Yes")
    assert not segments.tells_early
    assert segments.part(0, 128) == "Yes"


def test_a_new_connection_is_sent_everything_unfinished_once_more() -> None:
    segments = Segments()
    at = say(segments, 4, 0)
    segments.close()
    list(segments.to_send())
    segments.final("a", "One.")
    at = say(segments, 4, at + 64)
    segments.close()
    list(segments.to_send())
    segments.committed("b")
    segments.told("b", "Tw")
    say(segments, 2, at + 64)
    list(segments.to_send())
    segments.begin_again()
    assert segments.part(0, 1000) == "One."
    assert sent(segments) == [1024, 2, 512]
    segments.committed("a")  # names are this connection's own
    segments.final("a", "Two.")
    assert segments.text(0, 320) == "One. Two."


def test_a_refused_commit_takes_no_name_from_the_next() -> None:
    segments = Segments()
    at = say(segments, 4, 0)
    segments.close()
    say(segments, 4, at)
    segments.close()
    list(segments.to_send())
    segments.refused(1)
    segments.committed("b")
    segments.final("b", "Two.")
    assert segments.hopeless(0, 128)
    assert segments.text(0, 128) is None
    assert segments.text(at, at + 128) == "Two."
    assert not segments.hopeless(at, at + 128)


def test_what_was_given_up_keeps_its_place_and_may_still_come() -> None:
    segments = Segments()
    at = say(segments, 4, 0)
    segments.close()
    list(segments.to_send())
    segments.give_up(0, 128)
    assert segments.hopeless(0, 128)
    say(segments, 4, at)
    segments.close()
    assert sent(segments) == [1024, 2]
    segments.committed("a")
    segments.committed("b")
    segments.final("b", "Two.")
    assert segments.text(at, at + 128) == "Two."
    segments.final("a", "One.")
    assert segments.text(0, 128) == "One."
    assert not segments.hopeless(0, 128)


def test_what_is_to_be_forgotten_is_not_told_to_a_new_connection() -> None:
    segments = Segments()
    at_ms = say(segments, 4, 0)
    segments.close()
    say(segments, 4, at_ms + 320)
    segments.close()
    assert sent(segments) == [1024, 1, 1024, 2]
    assert segments.take_out(0, at_ms) == []
    segments.begin_again()
    assert sent(segments) == [1024, 2]


def test_what_was_given_up_is_not_sent_again() -> None:
    segments = Segments()
    say(segments, 4, 0)
    segments.close()
    segments.give_up(0, 128)
    segments.begin_again()
    assert sent(segments) == []
    assert segments.idle


def test_what_is_being_said_is_not_given_up() -> None:
    segments = Segments()
    say(segments, 4, 0)
    segments.give_up(0, 128)
    assert not segments.hopeless(0, 128)
    segments.close()
    assert sent(segments) == [1024, 1]


def test_a_failed_one_is_hopeless_and_so_is_what_was_never_heard() -> None:
    segments = Segments()
    say(segments, 4, 0)
    segments.close()
    list(segments.to_send())
    segments.failed("a")
    assert segments.hopeless(0, 128)
    assert segments.hopeless(5000, 6000)
    segments.failed("nobody")
    segments.final("nobody", "?")


def test_memory_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(module, "LONGEST_UNFINISHED_MS", 1000)
    segments = Segments()
    at = 0.0
    for _ in range(1000):
        at = say(segments, 4, at) + 64
        segments.close()
    assert len(segments._segments) == module.MOST_SEGMENTS
    assert sum(len(segment.sound) for segment in segments._segments) <= (1000 + 128) * 8
    assert segments.hopeless(at - 20_000, at - 19_000)
    assert not segments.hopeless(at - 192, at)


class AnyOrder(RuleBasedStateMachine):
    """A caller who speaks and pauses, a server that answers when it likes, connections that break."""

    def __init__(self) -> None:
        super().__init__()
        self.segments = Segments()
        self.at = 0.0
        self.said = ""
        self.connections = 0
        self.buffer = bytearray()
        self.committed: list[bytes] = []
        self.named = 0
        self.unanswered: dict[str, bytes] = {}

    @rule()
    def speak(self) -> None:
        letter = chr(97 + len(self.said) % 26)
        self.segments.hear(letter.encode() * 256, self.at)
        self.said += letter
        self.at += 32

    @rule()
    def pause(self) -> None:
        self.segments.close()
        self.at += 64

    @rule()
    def send(self) -> None:
        for step in self.segments.to_send(512):
            if isinstance(step, Append):
                self.buffer += step.sound
            else:
                self.committed.append(bytes(self.buffer))
                self.buffer.clear()

    @rule()
    def name(self) -> None:
        for sound in self.committed[self.named :]:
            item = f"{self.connections}-{self.named}"
            self.named += 1
            self.unanswered[item] = sound
            self.segments.committed(item)

    @precondition(lambda self: self.unanswered)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(sorted(self.unanswered)))
        sound = self.unanswered.pop(item).rstrip(SILENCE).decode()
        self.segments.final(item, sound[::256])

    @rule()
    def lose_the_connection(self) -> None:
        self.connections += 1
        self.buffer.clear()
        self.committed.clear()
        self.unanswered.clear()
        self.named = 0
        self.segments.begin_again()

    @invariant()
    def no_words_are_made_up_or_heard_twice(self) -> None:
        heard = (self.segments.text(0, self.at) or "").replace(" ", "")
        assert self.said.startswith(heard)

    def teardown(self) -> None:
        self.pause()
        self.send()
        self.name()
        for item in sorted(self.unanswered):
            self.segments.final(item, self.unanswered[item].rstrip(SILENCE).decode()[::256])
        assert self.segments.idle
        assert (self.segments.text(0, self.at) or "").replace(" ", "") == self.said


AnyOrder.TestCase.settings = settings(max_examples=examples(150), stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
