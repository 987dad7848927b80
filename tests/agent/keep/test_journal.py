"""The journal: any changes, any crash, any replay give the record as it was written last."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.keep.journal import Event, change, line, read, replay
from agent.keep.record import CallRecord, Entry

BLANK = CallRecord("CA1", "AC", "+91", "+80", "inbound", "2026-11-25T10:00:00.000+00:00", 0, "", ())

entries = st.builds(
    Entry,
    role=st.sampled_from(["caller", "agent"]),
    text=st.text(max_size=12),
    start_ms=st.integers(0, 9),
    end_ms=st.integers(10, 19),
)
records = st.builds(
    lambda said, ms, ending: msgspec.structs.replace(BLANK, entries=tuple(said), duration_ms=ms, ending=ending),
    st.lists(entries, max_size=6),
    st.integers(0, 3),
    st.sampled_from(["", "caller hung up"]),
)
stories = st.lists(st.tuples(st.sampled_from(["CA1", "CA2"]), records), min_size=1, max_size=12)


@dataclass
class Book:
    """What a process writes of its calls, and how each was after each line."""

    lines: list[bytes] = field(default_factory=list)
    states: list[dict[str, CallRecord]] = field(default_factory=lambda: [{}])

    def take(self, sid: str, record: CallRecord) -> None:
        record = msgspec.structs.replace(record, call_sid=sid)
        event = change(self.states[-1].get(sid), record)
        if event is not None:
            self.lines.append(line(event))
            self.states.append({**self.states[-1], sid: record})

    def finish(self, sid: str) -> None:
        self.lines.append(line(Event(sid, done=True)))
        self.states.append({known: record for known, record in self.states[-1].items() if known != sid})


@given(stories, st.booleans(), st.data())
def test_what_was_written_when_it_crashed_is_what_is_read(told, finishes, data) -> None:
    book = Book()
    for sid, record in told:
        book.take(sid, record)
    if finishes:
        book.finish("CA1")
    whole = b"".join(book.lines)
    crash = data.draw(st.integers(0, len(whole)))
    complete = whole[:crash].count(b"\n")

    events, damaged = read(whole[:crash])
    torn = whole[:crash].rpartition(b"\n")[2]
    if torn and not damaged:  # only its end of line was missing
        complete += 1

    assert damaged <= 1
    assert replay(events) == book.states[complete]


@given(stories)
def test_what_is_told_twice_is_told_once(told) -> None:
    book = Book()
    for sid, record in told:
        book.take(sid, record)
    events, _ = read(b"".join(book.lines))

    assert replay([event for event in events for _ in range(2)]) == book.states[-1]


@given(stories, st.data())
def test_a_spoilt_line_costs_no_other_call(told, data) -> None:
    book = Book()
    for sid, record in told:
        book.take(sid, record)
    spoilt = data.draw(st.integers(0, len(book.lines) - 1))
    at = data.draw(st.integers(0, len(book.lines[spoilt]) - 2))
    lines = list(book.lines)
    lines[spoilt] = lines[spoilt][:at] + bytes([lines[spoilt][at] ^ 0x01]) + lines[spoilt][at + 1 :]
    (event,), _ = read(book.lines[spoilt])

    events, damaged = read(b"".join(lines))

    assert damaged in {1, 2}  # a spoilt byte may be an end of line
    other = "CA2" if event.call == "CA1" else "CA1"
    assert replay(events).get(other) == book.states[-1].get(other)


def test_only_what_has_changed_is_written() -> None:
    said = Entry("agent", "Hello.", 0, 900)
    more = Entry("caller", "A flat.", 1000, 1900)
    first = msgspec.structs.replace(BLANK, entries=(said,))
    second = msgspec.structs.replace(BLANK, entries=(said, more))

    assert change(first, first) is None
    assert change(first, second) == Event("CA1", 1, (more,))
    assert change(second, first) == Event("CA1", 1, ())


def test_a_change_whose_beginning_is_lost_is_not_told() -> None:
    assert replay([Event("CA1", 1, (Entry("agent", "Hello.", 0, 900),))]) == {}
