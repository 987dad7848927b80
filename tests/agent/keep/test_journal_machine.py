"""The journal against a plain dictionary: calls that are told of, done, told of again, in a file that is begun anew now
and then; and a crash behind any line."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.keep.journal import Event, change, line, read, replay
from agent.keep.record import CallRecord
from tests.agent.keep.test_journal import records

doings = st.lists(
    st.tuples(st.sampled_from(["tell", "tell", "done", "anew"]), st.sampled_from(["CA1", "CA2", "CA3"]), records),
    max_size=12,
)


@settings(max_examples=40)
@given(doings)
def test_whenever_it_crashes_it_tells_of_what_is_open_as_it_was_last(told: list[tuple[str, str, CallRecord]]) -> None:
    file, known = b"", dict[str, CallRecord]()
    for what, sid, record in told:
        if what == "tell":
            now = msgspec.structs.replace(record, call_sid=sid)
            event = change(known.get(sid), now)
            file += b"" if event is None else line(event)
            known[sid] = now
        elif what == "done" and sid in known:
            file += line(Event(sid, done=True))
            del known[sid]
        elif what == "anew":
            file = b"".join(line(event) for each in known.values() if (event := change(None, each)) is not None)
        events, damaged = read(file)
        assert damaged == 0
        assert replay(events) == known
