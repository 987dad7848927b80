import base64
import json

import trio
from trio.testing import wait_all_tasks_blocked

from agent.model import Ending, Frame
from agent.seen.pace import Pace
from agent.wire.media_stream import MediaBody
from nurseries.line.reader import MALFORMED_LIMIT, MediaClock, read
from nurseries.mailbox import Mailbox
from nurseries.rehearsal.loopback import LoopbackSocket, loopback
from tests.calls.counted import Counted


class Told:
    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.marks: list[str] = []
        self.digits: list[str] = []
        self.endings: list[tuple[Ending, str]] = []
        self.sound: Mailbox[Frame] = Mailbox(25)

    async def read(self, socket: LoopbackSocket) -> None:
        await read(
            socket,
            self.sound.put,
            limit_s=15,
            now_ms=lambda: 1000 * trio.current_time(),
            heard=lambda media: self.heard.append((media.payload, media.timestamp)),
            mark=self.marks.append,
            digit=self.digits.append,
            ended=lambda ending, reason: self.endings.append((ending, reason)),
        )


def media(payload: bytes, track: str = "inbound") -> str:
    return json.dumps({"event": "media", "media": {"track": track, "payload": base64.b64encode(payload).decode()}})


async def test_each_message_reaches_the_one_it_is_for(autojump_clock, nursery) -> None:
    ours, theirs = loopback()
    told = Told()
    nursery.start_soon(told.read, theirs)
    for text in (
        media(b"\xff" * 160),
        media(b"\x7f" * 80),
        media(b"", "inbound"),
        media(b"\xff" * 160, "outbound"),
        '{"event":"mark","mark":{"name":"1.1"}}',
        '{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"#"}}',
        '{"event":"weather"}',
        '{"event":"stop"}',
    ):
        await ours.send(text)
    await wait_all_tasks_blocked()

    assert [await told.sound.get() for _ in range(2)] == [Frame(b"\xff" * 160, -20), Frame(b"\x7f" * 80, -10)]
    assert len(told.sound) == 0
    assert (told.marks, told.digits, told.endings) == (["1.1"], ["#"], [(Ending.CALLER_HUNG_UP, "stop")])
    await ours.abort()
    await theirs.abort()


async def test_a_reader_waits_for_nobody_and_the_oldest_sound_goes(autojump_clock, nursery) -> None:
    ours, theirs = loopback()
    told = Told()
    nursery.start_soon(told.read, theirs)
    for n in range(100):
        await ours.send(media(bytes([n]) * 160))
    await wait_all_tasks_blocked()

    assert told.sound.dropped == 75
    assert (await told.sound.get()).mulaw == bytes([75]) * 160
    await ours.abort()
    await wait_all_tasks_blocked()
    assert told.endings == [(Ending.CONNECTION_LOST, "closed without a stop")]
    await theirs.abort()


async def test_nonsense_is_passed_over_until_there_is_too_much_of_it(autojump_clock, nursery) -> None:
    ours, theirs = loopback()
    told = Told()
    nursery.start_soon(told.read, theirs)
    for _ in range(MALFORMED_LIMIT - 1):
        await ours.send('{"event":"media"}')
    await wait_all_tasks_blocked()
    assert told.endings == []

    await ours.send(b"\x00")
    await wait_all_tasks_blocked()

    assert told.endings == [(Ending.CONNECTION_LOST, "too many malformed messages")]
    await ours.abort()
    await theirs.abort()


async def test_a_socket_that_falls_silent_is_dead(autojump_clock) -> None:
    ours, theirs = loopback()
    told = Told()
    await ours.send(media(b"\xff" * 160))
    began = trio.current_time()

    await told.read(theirs)

    assert told.endings == [(Ending.CONNECTION_LOST, "no message for 15 s")]
    assert trio.current_time() - began == 15
    await ours.abort()
    await theirs.abort()


async def test_what_has_come_while_the_process_was_held_up_is_read_before_the_socket_is_dead(
    autojump_clock, nursery
) -> None:
    class Socket:
        """What has come is there for who looks again."""

        looks = 0

        async def each(self, take) -> None:
            self.looks += 1
            if self.looks == 2:
                await trio.lowlevel.checkpoint()
                take(media(b"\xff" * 160))
            await trio.sleep_forever()

    told = Told()
    nursery.start_soon(told.read, Socket())
    await wait_all_tasks_blocked()
    autojump_clock.jump(60)
    await wait_all_tasks_blocked()

    assert len(told.heard) == 1
    assert told.endings == []
    nursery.cancel_scope.cancel()


def test_media_time_counts_samples_and_skips_what_the_carrier_lost() -> None:
    now = 0.0
    clock = MediaClock(lambda: now)
    stamps = []
    for told in ["155", "174", "197", "", "nonsense", "6255", "6275"]:
        now = (now if told != "6255" else 6100.0) + 20
        stamps.append(clock.stamp(MediaBody(b"\xff" * 160, timestamp=told)))

    assert stamps == [0, 20, 40, 60, 80, 6100, 6120]


def test_a_piece_that_is_late_is_no_pause_and_none_was_made_after_it_arrived() -> None:
    now = 500.0
    clock = MediaClock(lambda: now)

    first = clock.stamp(MediaBody(b"\xff" * 160, timestamp="100"))
    now = 900.0  # a stall, then all that was on its way at once
    late = [clock.stamp(MediaBody(b"\xff" * 160, timestamp=str(120 + 20 * n))) for n in range(19)]
    assert (first, late) == (480, [500 + 20 * n for n in range(19)])

    early = MediaClock(lambda: 20.0)
    assert [early.stamp(MediaBody(b"\xff" * 160)) for _ in range(3)] == [0, 0, 0]


def test_how_late_a_piece_came_is_told_and_what_was_lost_before_it() -> None:
    counted, now = Counted(), 0.0
    clock = MediaClock(lambda: now, pace := Pace())

    for n in range(10):
        now = 20.0 * (n + 1) + (130 if n == 4 else 0)
        clock.stamp(MediaBody(b"\xff" * 160, timestamp=str(20 * n)))
    now = 1220.0
    clock.stamp(MediaBody(b"\xff" * 160, timestamp="1200"))
    pace.ends()

    assert counted("frames_total") == 11
    assert counted("frames_late_total") == 1
    assert 0.125 < counted("frame_late_seconds_sum") < 0.14
    assert counted("sound_lost_seconds_total") == 1.0
