"""Who speaks when, as the caller sees it. Time runs in frames of 20 ms; the agent's sound is told, not played."""

from __future__ import annotations

from agent.rehearsal.plan import CallPlan, Line
from agent.rehearsal.script import Heard, Leave, Press, Script

FRAME = 160


def line(ms: int, text: str = "", at_ms: float | None = None) -> Line:
    return Line(bytes(ms * 8), text, at_ms)


def play(plan: CallPlan, agent: list[tuple[float, float]], until: float = 60_000) -> tuple[Script, list[object]]:
    """Run the script against an agent that is audible from, to; what the caller did, with its time."""
    script, heard, acts, now = Script(plan), Heard(), [], 0.0
    while now < until:
        for start, end in agent:
            if start < now <= end:
                heard.sound(now - 20, now)
        act = script.act(now, heard)
        if act is not None:
            acts.append((now, act))
        if isinstance(act, Leave):
            break
        script.sound(now, FRAME)
        now += 20
    return script, acts


def test_a_line_is_said_once_the_agent_has_spoken_and_been_quiet() -> None:
    script, _ = play(CallPlan(lines=(line(1000),)), [(500, 2000)])

    assert [(spoken.start_ms, spoken.end_ms, spoken.barged_in) for spoken in script.spoken] == [(2700, 3700, False)]


def test_lines_wait_for_answers_and_the_last_answer_is_heard_out() -> None:
    script, acts = play(CallPlan(lines=(line(1000), line(500))), [(0, 1000), (4000, 5000), (8000, 9000)])

    assert [spoken.start_ms for spoken in script.spoken] == [1700, 5700]
    assert acts == [(9700, Leave())]


def test_a_pause_between_two_sentences_is_not_the_end() -> None:
    script, _ = play(CallPlan(lines=(line(500),)), [(0, 1000), (1600, 3000)], until=5000)

    assert script.spoken[0].start_ms == 3700


def test_an_agent_that_never_speaks() -> None:
    _, acts = play(CallPlan(lines=(line(500),), patience_ms=5000), [])

    assert acts == [(5000, Leave("the agent never spoke within 5 s"))]


def test_a_line_that_is_not_answered() -> None:
    _, acts = play(CallPlan(lines=(line(500),), patience_ms=5000), [(0, 1000)])

    assert acts == [(7200, Leave("the agent did not answer line 1 within 5 s"))]


def test_without_lines_the_greeting_is_heard_out() -> None:
    _, acts = play(CallPlan(), [(500, 3000)])

    assert acts == [(3700, Leave())]


def test_a_barge_in_counts_from_the_agents_first_sound() -> None:
    script, _ = play(CallPlan(lines=(line(500),), barge_in_at_ms=1000), [(520, 3000), (4000, 5000)])

    assert script.spoken[0].start_ms == 1520
    assert script.spoken[0].barged_in


def test_the_only_line_waits_for_its_barge_in_also_when_the_agent_has_finished() -> None:
    script, _ = play(CallPlan(lines=(line(500),), barge_in_at_ms=5000), [(0, 1000), (7000, 8000)])

    assert script.spoken[0].start_ms == 5000


def test_the_old_turn_ending_late_is_no_answer() -> None:
    """The agent is silenced a little after a short line; its answer comes later and is waited for."""
    script, acts = play(CallPlan(lines=(line(200),), barge_in_at_ms=1000), [(0, 1300), (2500, 3500)])

    assert script.spoken[0].end_ms == 1200
    assert acts == [(4200, Leave())]


def test_an_agent_that_talks_on_and_on_is_taken_to_have_answered() -> None:
    _, acts = play(CallPlan(lines=(line(200),), barge_in_at_ms=1000), [(0, 6000)])

    assert acts == [(6700, Leave())]


def test_a_line_with_a_time_of_its_own_waits_for_nobody() -> None:
    script, _ = play(CallPlan(lines=(line(500, at_ms=1000), line(300))), [(0, 4000), (5000, 6000)], until=9000)

    assert [spoken.start_ms for spoken in script.spoken] == [1000, 4700]


def test_keys_are_pressed_after_the_last_answer_evenly() -> None:
    _, acts = play(CallPlan(dtmf="12#"), [(0, 1000)])

    assert acts == [(1700, Press("1")), (1900, Press("2")), (2100, Press("#")), (6100, Leave())]


def test_an_answer_to_the_keys_is_heard_out() -> None:
    _, acts = play(CallPlan(dtmf="1"), [(0, 1000), (2500, 7000)])

    assert acts[-1] == (7700, Leave())


def test_a_planned_hang_up_comes_before_everything() -> None:
    script, acts = play(CallPlan(lines=(line(3000),), hang_up_at_ms=2500), [(0, 1000)])
    script.cut(2500)

    assert acts == [(2500, Leave())]
    assert script.spoken[0].end_ms == 2500


def test_a_call_that_does_not_end() -> None:
    _, acts = play(CallPlan(max_ms=8000), [(0, 60_000)])

    assert acts == [(8000, Leave("the call was not over after 8 s"))]


def test_what_is_missing_when_the_call_ends_early() -> None:
    plan = CallPlan(lines=(line(500), line(500)))

    assert Script(plan).missing(Heard()) == "the agent never spoke"
    script, _ = play(plan, [(0, 1000)], until=2000)
    assert script.missing(Heard(0, 0, 1000)) == "2 of 2 lines could not be said"
    script, _ = play(plan, [(0, 1000), (2600, 3000)], until=5000)
    assert script.missing(Heard(0, 2600, 3000)) == "the agent did not answer line 2"
    assert script.missing(Heard(0, 4500, 5000)) == ""
