"""Transcripts that players and people can read."""

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.keep.record import CallRecord, Entry
from agent.keep.transcript import as_text, as_vtt, transcript

CALL = CallRecord(
    "CA1",
    "AC1",
    "+919876543210",
    "+918012345678",
    "inbound",
    "2026-11-22T10:00:00.000+00:00",
    65_000,
    "caller hung up",
    (
        Entry("agent", "Hello, <who> is\n\nthere & --> where?", 0, 2000, interrupted=True),
        Entry("tool", "done", 2000, 2000, tool="save_lead_details", arguments="{}"),
        Entry("caller", "नमस्ते", 61_500, 61_500),
        Entry("caller", "", 62_000, 62_300, keys="12"),
    ),
)


def test_the_text_has_a_line_for_each_thing_said() -> None:
    assert as_text(CALL).splitlines() == [
        "[0:00] Agent: Hello, <who> is there & --> where? -",
        "[1:01] Caller: नमस्ते",
        "[1:02] Caller: [keys 12]",
    ]


def test_captions_are_escaped_timed_and_told_by_speaker() -> None:
    assert as_vtt(CALL) == (
        "WEBVTT\n"
        "\n1\n00:00:00.000 --> 00:00:02.000\n<v Agent>Hello, &lt;who&gt; is there &amp; --&gt; where? -\n"
        "\n2\n00:01:01.500 --> 00:01:01.501\n<v Caller>नमस्ते\n"
        "\n3\n00:01:02.000 --> 00:01:02.300\n<v Caller>[keys 12]\n"
    )


def test_the_structured_one_has_tools_too() -> None:
    assert transcript(CALL).entries == CALL.entries


entries = st.builds(
    Entry,
    role=st.sampled_from(["caller", "agent", "tool"]),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    start_ms=st.integers(-10, 10**7),
    end_ms=st.integers(-10, 10**7),
)


@given(st.lists(entries, max_size=12))
def test_captions_are_valid_whatever_was_said(said: list[Entry]) -> None:
    head, *blocks = as_vtt(msgspec.structs.replace(CALL, entries=tuple(said))).rstrip("\n").split("\n\n")
    starts = []
    for n, block in enumerate(blocks, 1):
        number, times, *words = block.split("\n")
        assert number == str(n)
        start, end = re.fullmatch(r"(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})", times).groups()
        assert start < end
        starts.append(start)
        (line,) = words
        assert re.fullmatch(r"<v (Caller|Agent)>[^<>]*", line)

    assert head == "WEBVTT"
    assert starts == sorted(starts)
    assert len(blocks) == sum(entry.role != "tool" for entry in said)
