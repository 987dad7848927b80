from hypothesis import given
from hypothesis import strategies as st

from agent.hear.turns import WINDOW_MS, Guards, Onset, TurnDetector, TurnTaken

GUARDS = Guards(threshold=0.5, onset_ms=96, hold_ms=320, longest_ms=3200)


def listen(probabilities: list[float], guards: Guards = GUARDS) -> list[Onset | TurnTaken]:
    detector = TurnDetector(guards)
    heard = []
    for n, probability in enumerate(probabilities):
        decision = detector.hear(n.to_bytes(2, "big") * 128, probability, n * WINDOW_MS)
        if decision is not None:
            heard.append(decision)
    return heard


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
    decisions = listen(probabilities + [0.0] * 10)

    assert [type(d) for d in decisions] == [Onset, TurnTaken] * (len(decisions) // 2)
    for onset, turn in zip(decisions[::2], decisions[1::2], strict=True):
        assert isinstance(onset, Onset)
        assert isinstance(turn, TurnTaken)
        assert turn.utterance.start_ms == onset.began_ms < turn.utterance.end_ms
        assert turn.at_ms - turn.utterance.end_ms <= GUARDS.hold_ms
