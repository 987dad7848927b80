"""The bound on dead air: whatever a provider does, the caller is not left in silence longer than FILLER_S, plus what it
takes to send a recording. Random troubles in random places, in virtual time."""

from collections.abc import Callable
from functools import partial

import trio
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from agent.errors import Fault
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.stream import Rudeness
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured, longest_silence, tone
from tests.examples import examples
from tests.fakes.realtime_plan import Wrong

COARSE = Rudeness(payload_sizes=(480,))
"""Sound of 60 ms a message: three times the calls in the same time."""
SLACK_MS = 400
"""A message's length, and the virtual network's way."""

troubles = st.builds(
    Trouble,
    port=st.sampled_from(["hear", "think", "speak"]),
    at=st.integers(0, 6),
    after=st.integers(0, 12),
    fault=st.sampled_from([None, Fault.BROKEN, Fault.BUSY]),
)

breaks = st.builds(
    Wrong,
    kind=st.sampled_from(["abort", "close", "stall", "garbage", "deaf", "error"]),
    at=st.integers(0, 120),
    connection=st.sampled_from([None, 0, 1]),
    code=st.just(1011),
)


@settings(max_examples=examples(40), deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(troubles, max_size=3),
    st.floats(0.0, 4.5),
    st.floats(0.02, 2.8),
    st.floats(0.05, 2.5),
    st.booleans(),
    st.lists(breaks, max_size=3),
    st.lists(st.tuples(st.integers(5000, 14_000), st.integers(150, 1500)), max_size=2),
)
def test_no_silence_is_longer_than_the_bound(wrong, hear_s, token_gap_s, first_chunk_s, tools, broken, sounds) -> None:
    script = Script(
        hear_s=hear_s,
        token_gap_s=token_gap_s,
        first_chunk_s=first_chunk_s,
        heard=("I want two bedrooms", "mm-hm", "no, three bedrooms"),
        replies=("Let me see what we have for you. Near the lake, or rather in the city?",),
        calls={1: (call("slow"),)} if tools else {},
        after_calls={1: "Here it is."},
        troubles=tuple(wrong),
    )

    async def one_call(kind: Callable[..., Stage]) -> None:
        stage = kind(script, configured(TOOLS_FILE="tests/calls/tools_for_stories.py", SILENCE_S=30))
        lines = [tone(900, at_ms=3300), *(tone(ms, at_ms=at) for at, ms in sorted(sounds))]
        log = await stage.place(
            *lines, quiet_ms=12_000, patience_ms=40_000, max_ms=60_000, hang_up_at_ms=38_000, rudeness=COARSE
        )
        said = max(spoken.end_ms for spoken in log.spoken)
        bound = max(stage.settings.FILLER_S, stage.settings.TTS_TIMEOUT_S) * 1000 + SLACK_MS
        assert longest_silence(log, said) <= bound, (longest_silence(log, said), stage.told)

    for kind in (Stage, partial(LiveStage, more={"wrong": broken})):
        trio.run(one_call, kind, clock=MockClock(autojump_threshold=0))
