"""Where both sides of a call end up on the recording, against a carrier whose clocks and networks are told."""

import random
from bisect import bisect_left

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agent.keep.side import Side
from agent.keep.stereo import FRAME, Stereo
from tests.examples import examples

QUIET = b"\xff" * FRAME
NEAR_MS = 20
WIDENED_MS = 10
"""What a lost piece of 20 ms adds beside a mark, whose place is the middle of the silence then."""
MOST = 0.97
"""Of all sounds are within NEAR_MS, also where 1 % of the caller's pieces is lost."""


def piece(n: int) -> bytes:
    """20 ms that can be told apart from silence and from the next."""
    return bytes([n % 200 + 1]) * FRAME


# One side.


def test_a_gap_is_silence_and_the_last_one_counts() -> None:
    side = Side()
    side.put(4, b"abcd")
    side.put(6, b"X")
    assert side.take(10) == b"\xff\xff\xff\xffabXd\xff\xff"
    side.put(8, b"late")
    assert side.take(14) == b"te\xff\xff"


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=9)), max_size=12), st.lists(st.integers(0, 90)))
def test_a_side_is_a_long_array(puts: list[tuple[int, bytes]], takes: list[int]) -> None:
    side, model, taken = Side(), bytearray(b"\xff" * 200), bytearray()
    takes = sorted(takes)
    for at, sound in puts:
        side.put(at, sound)
        for n, value in enumerate(sound):
            if at + n >= len(taken):
                model[at + n] = value
        if takes:
            taken += side.take(takes.pop(0))
    taken += side.take(max(200, len(taken)))
    assert taken[:200] == model


# The caller's.


def callers(stereo: Stereo, now_ms: float) -> bytes:
    return stereo.finish(now_ms)[0]


def send(stereo: Stereo, pieces: list[tuple[int, str, float]]) -> None:
    for n, timestamp, now in pieces:
        stereo.heard(piece(n), timestamp, now)


def order(sound: bytes) -> list[int]:
    """The pieces in it, and 0 for each 20 ms of silence."""
    return [0 if sound[at] == 0xFF else sound[at] for at in range(FRAME // 2, len(sound) - FRAME // 2 + 1, FRAME)]


def test_pieces_follow_each_other_although_timestamps_wobble() -> None:
    stereo = Stereo()
    send(stereo, [(n, str(102 + 20 * n + (n * 7) % 5 - 2), 20 * n + 20) for n in range(50)])
    assert callers(stereo, 1000) == b"".join(piece(n) for n in range(50))


def test_a_lost_piece_leaves_a_gap() -> None:
    stereo = Stereo()
    send(stereo, [(n, str(100 + 20 * n), 20 * n + 20) for n in range(8) if n not in {3, 5, 6}])
    assert order(callers(stereo, 160)) == [1, 2, 3, 0, 5, 0, 0, 8]


def test_pieces_out_of_order_and_twice_find_their_place() -> None:
    stereo = Stereo()
    send(stereo, [(n, str(100 + 20 * n), 20 * at + 20) for at, n in enumerate([0, 1, 3, 2, 2, 4, 3, 6, 5, 7])])
    assert order(callers(stereo, 160))[:8] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_burst_is_no_gap() -> None:
    stereo = Stereo()
    send(stereo, [(n, str(100 + 20 * n), 20 if n == 0 else 3000) for n in range(100)])
    assert order(callers(stereo, 2000)) == [n + 1 for n in range(100)]


@pytest.mark.parametrize("jump", [10**9, -(10**6), 10**11, 10**13])
def test_timestamps_that_begin_anew_are_taken_from_there(jump: int) -> None:
    stereo = Stereo()
    told = [5_000_000 + 20 * n + (jump if n >= 50 else 0) for n in range(100)]
    send(stereo, [(n, str(max(t, 0)) if jump < 0 else str(t), 20 * n + 20) for n, t in enumerate(told)])
    assert order(callers(stereo, 2000)) == [n + 1 for n in range(100)]


@given(st.lists(st.tuples(st.text(max_size=14) | st.integers().map(str), st.integers(0, 400)), max_size=60))
def test_no_timestamp_makes_a_recording_long(pieces: list[tuple[str, int]]) -> None:
    stereo, now = Stereo(), 0.0
    for timestamp, gap in pieces:
        now += gap
        stereo.heard(piece(1), timestamp, now)
        assert stereo.caller.end <= (now * 1.001 + 2000) * 8 + FRAME * 60
    left, right = stereo.finish(now)
    assert len(left) == len(right) <= (now * 1.001 + 2000) * 8 + FRAME * 60


def test_timestamps_that_run_slower_than_samples_are_followed_by_single_samples() -> None:
    """The caller's own clock may be off as well: the carrier sends what comes, and writes its own time on it."""
    stereo = Stereo()
    for n in range(90_000):  # half an hour
        stereo.heard(QUIET if n % 500 else piece(1), str(round(100 + 20 * n * 1.0002)), 20 * n * 1.0002 + 20)
        stereo.caller.side.take(stereo.caller.end - 2 * FRAME)
    assert abs(stereo.caller.end / 8 - 90_000 * 20 * 1.0002) < 5


# Ours.


def test_ours_is_where_the_mark_says() -> None:
    stereo = Stereo()
    for n in range(100):
        stereo.heard(QUIET, str(100 + 20 * n), 20 * n + 20)
        if n == 10:
            stereo.played(piece(0) * 10, 220)
            stereo.marked("a", 420)
        if n == 35:  # 300 ms later than by our clock
            stereo.returned("a")
    ours = stereo.finish(2000)[1]
    assert ours.index(1) == pytest.approx(530 * 8, abs=10 * 8)
    assert ours.count(1) == 10 * FRAME


def test_what_was_cleared_is_cut_where_the_caller_stopped_hearing_it() -> None:
    stereo = Stereo()
    for n in range(300):
        now = 20 * n + 20
        stereo.heard(QUIET, str(100 + 20 * n), now)
        if n == 10:  # heard in whole, 100 ms later than by our clock
            stereo.played(piece(0), now)
            stereo.marked("a", now + 20)
        if n == 16:
            stereo.returned("a")
        if n == 50:
            stereo.played(piece(1) * 100, now)
            stereo.marked("b", now + 2000)
        if n == 100:  # 1000 ms of it
            stereo.cleared(now)
        if n == 105:
            stereo.returned("b")  # of what nobody has heard
        if n == 150:
            stereo.played(piece(2), now)
            stereo.marked("c", now + 20)
        if n == 156:
            stereo.returned("c")
    ours = stereo.finish(6000)[1]
    assert ours.count(2) == 1000 * 8
    assert ours.index(2) == pytest.approx((1020 + 110) * 8, abs=10 * 8)
    assert ours.index(3) == pytest.approx((3020 + 110) * 8, abs=10 * 8)


def test_of_many_pieces_that_are_sent_ahead_none_is_recorded_that_was_cleared() -> None:
    stereo = Stereo()
    for n in range(200):
        now = 20 * n + 20
        stereo.heard(QUIET, str(100 + 20 * n), now)
        if n == 10:
            for ahead in range(100):
                stereo.played(piece(1), now + 20 * ahead)
        if n == 35:  # 500 ms of it
            stereo.cleared(now)
    assert stereo.finish(4000)[1].count(2) == 500 * 8


def test_without_marks_ours_is_placed_by_our_clock() -> None:
    stereo = Stereo()
    for n in range(3000):
        stereo.heard(QUIET, str(100 + 20 * n), 20 * n + 20)
        if n == 10:
            stereo.played(piece(0), 220)
    ours = stereo.finish(60_000)[1]
    assert ours.index(1) == 220 * 8
    assert len(ours) == 60_000 * 8


# The whole, against a carrier.


class Carrier:
    """Plays what we send and sends what the caller says, on its own clock, over a network that delays and keeps order.
    `rate` is how fast its clock goes against ours, which starts at 0 like its own."""

    def __init__(self, stereo: Stereo, *, rate: float, delay, dice: random.Random, loss: float) -> None:
        self.stereo, self.rate, self.delay, self.dice, self.loss = stereo, rate, delay, dice, loss
        self.inbox: list[tuple[float, int, object]] = []
        self.now = 0.0
        """Ours, in ms."""
        self.sent, self.until = 0, 0.0
        """Pieces of the caller's, and when the last message arrives at our side."""
        self.there = 0.0
        """When our last message arrives at the carrier."""
        self.free = 0.0
        """When all it holds of ours has played, on its clock."""
        self.marks: list[tuple[float, str]] = []
        self.taken = [bytearray(), bytearray()]
        self.missing = self.longest = 0
        """Pieces in a row that are lost: now, and at most."""
        self.clicks: list[tuple[float, float]] = []
        """Where one of the caller's and one of ours sounded at the carrier, on its clock."""

    def arrives(self, at_carrier: float) -> float:
        """When what the carrier sends then is here."""
        self.until = max(self.until, at_carrier / self.rate + self.delay())
        return self.until

    def run(self, until: float) -> None:
        """Both sides until then, on our clock."""
        events: list[tuple[float, int, object]] = []
        while (self.sent + 1) * 20 <= until * self.rate:
            self.sent += 1
            made = self.sent * 20.0
            due = [mark for mark in self.marks if mark[0] <= made]
            self.marks = [mark for mark in self.marks if mark[0] > made]
            events += [(self.arrives(at), len(events), name) for at, name in due]
            events.append((self.arrives(made), len(events), self.sent))
        self.inbox += events
        while self.inbox and self.inbox[0][0] <= until:
            at, _, what = self.inbox.pop(0)
            self.now = at
            if isinstance(what, str):
                self.stereo.returned(what)
            elif what == 1 or what % 250 == 0 or self.dice.random() >= self.loss:
                stamp = round(100 + what * 20 + self.dice.uniform(-2, 2))
                sound = piece(98) if what % 250 == 0 else QUIET
                self.stereo.heard(sound, str(stamp), at)
                self.missing = 0
            else:
                self.missing += 1
                self.longest = max(self.longest, self.missing)
        self.now = until
        self.keep(self.stereo.take(until))

    def keep(self, parts: tuple[bytes, bytes]) -> None:
        for side, part in zip(self.taken, parts, strict=True):
            side.extend(part)

    def play(self, length_ms: int, name: str, end_ms: float) -> float:
        """Our sound goes out: as the outbox does it, all that is due at once. Returns when it starts at the carrier."""
        self.there = max(self.there, self.now + self.delay())
        start = max(self.free, self.there * self.rate)
        self.free = start + length_ms
        self.stereo.played(piece(49) * (length_ms // 20), end_ms - length_ms)
        self.stereo.marked(name, end_ms)
        self.marks.append((self.free, name))
        return start


def places(side: bytes, value: int) -> list[int]:
    """Where stretches of this value begin."""
    found, at = [], side.find(value)
    while at >= 0:
        found.append(at)
        while at < len(side) and side[at] == value:
            at += 1
        at = side.find(value, at)
    return found


@settings(max_examples=examples(6), deadline=None, phases=[Phase.generate])  # half an hour is too long to be shrunk
@given(
    st.integers(-200, 200),
    st.floats(0, 150),
    st.floats(0, 60),
    st.sampled_from([0.0, 0.01]),
    st.integers(0, 1 << 30),
)
def test_both_sides_line_up_for_half_an_hour(ppm: int, delay: float, jitter: float, loss: float, seed: int) -> None:
    stereo, dice = Stereo(), random.Random(seed)
    carrier = Carrier(stereo, rate=1 + ppm / 1e6, delay=lambda: delay + dice.uniform(0, jitter), dice=dice, loss=loss)
    at, truth = 500.0, []
    while at < 30 * 60_000 - 8000:  # so that every sound has its mark: one without is placed as the last mark found
        carrier.run(at)
        length = 20 * dice.randrange(10, 300)
        truth.append(carrier.play(length, f"m{len(truth)}", at + length))
        at += length + dice.uniform(1000, 15_000)
    carrier.run(30 * 60_000)
    carrier.keep(stereo.finish(30 * 60_000))
    left, right = map(bytes, carrier.taken)
    assert len(left) == len(right)

    clicks, ours = places(left, 99), places(right, 50)
    assert len(ours) == len(truth)
    assert 0 <= carrier.sent // 250 - len(clicks) <= 1  # the last one may be on its way
    off = []
    for place, real in zip(ours, truth, strict=True):  # against the caller's sounds nearest to it
        k = bisect_left(clicks, place)
        for n in range(max(k - 1, 0), min(k + 1, len(clicks))):
            said = (250 * (n + 1) - 1) * 20
            off.append(abs((place - clicks[n]) / 8 - (real - said)))
    assert max(off) <= NEAR_MS + WIDENED_MS * carrier.longest
    assert sum(each <= NEAR_MS for each in off) >= MOST * len(off)


def test_little_is_held() -> None:
    stereo, dice = Stereo(), random.Random(1)
    carrier = Carrier(stereo, rate=1.0001, delay=lambda: 50.0, dice=dice, loss=0.0)
    most = 0
    for n in range(600):
        carrier.run(1000.0 * n)
        if n % 8 == 2:
            carrier.play(5000, f"m{n}", 1000.0 * n + 5000)
        most = max(most, stereo.held)
    assert most < 10_000 * 16


def test_little_is_held_without_any_mark_or_sound_of_the_caller() -> None:
    stereo = Stereo()
    most = 0
    for n in range(3000):
        now = 100.0 * n
        stereo.played(piece(1) * 5, now)
        stereo.take(now)
        most = max(most, stereo.held)
    assert most < 45_000 * 16
