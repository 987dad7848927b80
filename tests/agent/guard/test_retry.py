"""When a request is sent once more."""

import math

from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Fault
from agent.guard.retry import Policy, retry_after

POLICY = Policy(requests=4, first_s=0.5, longest_s=1.5, patience_s=2.0)

seconds = st.floats(0, 1e6, allow_nan=False)


@given(st.sampled_from(Fault), st.integers(1, 10), st.none() | seconds, st.floats(0, math.inf), st.floats(0, 1))
def test_a_pause_is_within_every_bound(fault, sent, asked, left, chance) -> None:
    pause = POLICY.pause(fault, sent=sent, retry_after_s=asked, left_s=left, chance=chance)

    if pause is None:
        hopeless = fault in {Fault.REFUSED, Fault.TIMEOUT} or sent >= 4 or (asked or 0) > 2
        assert hopeless or left <= (asked or 0) + 1.5
    else:
        assert fault in {Fault.UNREACHABLE, Fault.BUSY, Fault.BROKEN}
        assert sent < 4
        assert (asked or 0) <= pause <= (asked or 0) + min(0.5 * 2 ** (sent - 1), 1.5)
        assert pause < left


def test_the_pause_doubles_up_to_its_longest() -> None:
    pauses = [
        POLICY.pause(Fault.BROKEN, sent=sent, retry_after_s=None, left_s=math.inf, chance=1.0) for sent in range(1, 5)
    ]

    assert pauses == [0.5, 1.0, 1.5, None]


def test_who_asks_for_more_than_the_patience_is_not_waited_for() -> None:
    def after(asked: float) -> float | None:
        return POLICY.pause(Fault.BUSY, sent=1, retry_after_s=asked, left_s=60, chance=0.0)

    assert after(2.0) == 2.0
    assert after(2.1) is None


def test_retry_after_is_understood_in_all_its_forms() -> None:
    now = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
    told = {
        "3": 3.0,
        " 0.5 ": 0.5,
        "-3": 0.0,
        "Tue, 14 Nov 2023 22:13:50 GMT": 30.0,
        "Tue, 14 Nov 2023 22:13:00 GMT": 0.0,
        "Tue, 14 Nov 2023 22:13:50 -0000": 30.0,
        "inf": None,
        "nan": None,
        "soon": None,
        "": None,
        "Tue, 14 Nov 99999 22:13:50 GMT": None,
    }

    assert {text: retry_after({"retry-after": text}, now) for text in told} == told
    assert retry_after({}, now) is None
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}, now) == 0.25
    assert retry_after({"retry-after-ms": "x", "retry-after": "1"}, now) == 1.0


@given(st.text(max_size=40))
def test_no_header_is_too_strange(text) -> None:
    waited = retry_after({"retry-after": text}, 1_700_000_000.0)

    assert waited is None or 0 <= waited < math.inf
