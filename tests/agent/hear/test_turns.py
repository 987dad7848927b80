from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.hear.turns import (
    WINDOW_MS,
    Decision,
    Guards,
    Lasting,
    Onset,
    Pause,
    Resumed,
    TurnDetector,
    TurnTaken,
)

GUARDS = Guards(threshold=0.5, onset_ms=96, lasting_ms=640, pause_ms=192, hold_ms=320, longest_ms=3200)


def all_of(probabilities: list[float], hold_ms: float | None = None) -> list[Decision]:
    detector = TurnDetector(GUARDS)
    heard = []
    for n, probability in enumerate(probabilities):
        decision = detector.hear(n.to_bytes(2, "big") * 128, probability, n * WINDOW_MS)
        if decision is not None:
            heard.append(decision)
        if isinstance(decision, Pause) and hold_ms is not None:
            detector.hold(hold_ms)
    return heard


def listen(probabilities: list[float]) -> list[Onset | TurnTaken]:
    return [d for d in all_of(probabilities) if isinstance(d, (Onset, TurnTaken))]


def test_three_windows_of_speech_take_the_floor_and_a_pause_gives_it_back() -> None:
    onset, turn = listen([0.0] * 20 + [0.9] * 20 + [0.0] * 10)

    assert onset == Onset(began_ms=20 * 32, at_ms=23 * 32)
    assert isinstance(turn, TurnTaken)
    assert turn.utterance.end_ms == 40 * 32
    assert turn.at_ms == 50 * 32


def test_an_utterance_has_its_pre_roll_and_a_little_tail() -> None:
    _, turn = listen([0.0] * 20 + [0.9] * 20 + [0.0] * 10)

    assert isinstance(turn, TurnTaken)
    first = int.from_bytes(turn.utterance.mulaw[:2], "big")
    last = int.from_bytes(turn.utterance.mulaw[-2:], "big")
    assert (first, last) == (10, 45)
    assert turn.utterance.start_ms == 20 * 32


def test_a_click_is_nobody_speaking() -> None:
    assert listen(([0.0] * 5 + [0.9] * 2) * 10 + [0.0] * 20) == []


def test_a_soft_beginning_counts_once_one_window_is_sure() -> None:
    assert listen([0.4, 0.4, 0.9]) == [Onset(0.0, 96.0)]
    assert listen([0.4, 0.4, 0.4, 0.4, 0.9]) == [Onset(0.0, 160.0)]
    assert listen([0.4] * 50) == []


def test_a_dip_below_the_release_starts_the_guard_anew() -> None:
    assert listen([0.9, 0.3, 0.9, 0.9]) == []
    assert listen([0.9, 0.3, 0.9, 0.9, 0.9]) == [Onset(64.0, 160.0)]


def test_a_pause_shorter_than_the_hold_stays_inside_the_utterance() -> None:
    onset, turn = listen([0.9] * 10 + [0.0] * 9 + [0.9] * 10 + [0.0] * 10)

    assert isinstance(onset, Onset)
    assert isinstance(turn, TurnTaken)
    assert turn.utterance.end_ms == 29 * 32


def test_speech_without_end_is_taken_in_pieces_that_lose_nothing() -> None:
    decisions = listen([0.9] * 300)

    turns = [d.utterance.mulaw for d in decisions if isinstance(d, TurnTaken)]
    assert len(turns) >= 2
    heard = b"".join(turns)
    assert heard == b"".join(n.to_bytes(2, "big") * 128 for n in range(len(heard) // 256))


@given(st.lists(st.sampled_from([0.0, 0.4, 0.6, 1.0]), max_size=400))
def test_onsets_and_turns_alternate_and_the_last_onset_is_always_answered(probabilities: list[float]) -> None:
    everything = all_of(probabilities + [0.0] * 10)
    decisions = [d for d in everything if isinstance(d, (Onset, TurnTaken))]

    for before, pause, after in zip([None, *everything], everything, [*everything[1:], None], strict=False):
        if isinstance(pause, Pause):
            assert isinstance(after, (Resumed, TurnTaken))
        if isinstance(after, Resumed):
            assert isinstance(pause, Pause)
        if isinstance(pause, TurnTaken) and pause.paused:
            assert isinstance(before, Pause)
            assert before.utterance == pause.utterance
    assert [type(d) for d in decisions] == [Onset, TurnTaken] * (len(decisions) // 2)
    for onset, turn in zip(decisions[::2], decisions[1::2], strict=True):
        assert isinstance(onset, Onset)
        assert isinstance(turn, TurnTaken)
        assert turn.utterance.start_ms == onset.began_ms < turn.utterance.end_ms
        assert turn.at_ms - turn.utterance.end_ms <= GUARDS.hold_ms


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.4, 0.6, 1.0]), st.sampled_from([96.0, 160.0])), max_size=400),
    st.sampled_from([GUARDS, replace(GUARDS, lasting_ms=32, pause_ms=64), replace(GUARDS, longest_ms=160)]),
)
def test_nothing_is_decided_sooner_than_it_was_told(windows: list[tuple[float, float]], guards: Guards) -> None:
    detector, not_before = TurnDetector(guards), 0
    for n, (probability, guard_ms) in enumerate(windows):
        not_before = max(not_before, n + detector.soonest - 1)
        detector.guard(guard_ms)
        decision = detector.hear(bytes(256), probability, n * WINDOW_MS)
        assert decision is None or n >= not_before


def test_a_pause_is_told_with_the_very_sound_that_the_turn_will_have() -> None:
    _, pause, turn = all_of([0.9] * 10 + [0.0] * 10)

    assert isinstance(pause, Pause)
    assert isinstance(turn, TurnTaken)
    assert pause.utterance == turn.utterance
    assert (pause.at_ms, pause.speech_ms) == (16 * 32, 10 * 32)
    assert turn.paused


def test_the_hold_of_one_pause_is_shortened_or_prolonged_and_then_forgotten() -> None:
    *_, short = all_of([0.9] * 10 + [0.0] * 30, hold_ms=224)
    *_, long = all_of([0.9] * 10 + [0.0] * 30, hold_ms=640)
    assert (short.at_ms, long.at_ms) == (17 * 32, 30 * 32)

    detector = TurnDetector(GUARDS)
    taken = []
    for n, probability in enumerate([0.9] * 10 + [0.0] * 8 + [0.9] * 10 + [0.0] * 12):
        decision = detector.hear(b"\xff" * 256, probability, n * WINDOW_MS)
        if n == 16:
            detector.hold(3000)
        taken += [n] if isinstance(decision, TurnTaken) else []
    assert taken == [28 + 9]


def test_speech_that_lasts_is_told_once_also_across_a_pause() -> None:
    (lasting,) = [d for d in all_of([0.9] * 60) if isinstance(d, Lasting)]
    assert (lasting.at_ms, lasting.speech_ms, lasting.utterance.end_ms) == (20 * 32,) * 3

    kinds = [type(d) for d in all_of([0.9] * 15 + [0.0] * 7 + [0.9] * 20)]
    assert kinds == [Onset, Pause, Resumed, Lasting]


def test_what_is_being_said_when_the_sound_ends_is_not_lost() -> None:
    detector = TurnDetector(GUARDS)
    for n in range(20):
        detector.hear(n.to_bytes(2, "big") * 128, 0.9, n * WINDOW_MS)

    rest = detector.rest()
    assert rest is not None
    assert (len(rest.mulaw), rest.start_ms, rest.end_ms) == (20 * 256, 0, 640)
    assert TurnDetector(GUARDS).rest() is None


@given(st.lists(st.floats(0, 40), min_size=30, max_size=60))
def test_no_utterance_ends_before_it_begins_however_its_sound_is_stamped(steps: list[float]) -> None:
    """More sound than time: a network that held it back lets it go all at once."""
    detector, at_ms, taken = TurnDetector(GUARDS), 1000.0, []
    for n, step in enumerate(steps):
        at_ms += step - 20
        decision = detector.hear(b"x" * 256, 0.9 if n < 15 else 0.0, at_ms)
        taken += [decision.utterance] if isinstance(decision, TurnTaken) else []

    (utterance,) = taken
    assert utterance.start_ms <= utterance.end_ms


def test_it_is_told_whether_the_last_window_was_speech() -> None:
    detector = TurnDetector(GUARDS)
    told = [detector.voiced]
    for n, probability in enumerate([0, 1, 0, *[1] * 4, 0, 1, *[0] * 12]):
        detector.hear(bytes(256), probability, n * WINDOW_MS)
        told.append(detector.voiced)

    assert told == [False, False, True, False, *[True] * 4, False, True, *[False] * 12]
