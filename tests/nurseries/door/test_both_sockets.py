"""Our media socket against trio-websocket's: the same bytes, however they are cut, make the same call of both."""

import struct
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from unittest import mock

import trio
import trio.testing
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st
from trio_websocket import wrap_server_stream

from agent.providers import websocket as library
from agent.wire.upgrade import Opening, accepted
from nurseries.door import media_socket
from nurseries.door.pipe import pipe
from tests.fakes.street import UPGRADE

LIMIT = 200
"""Bytes of a message, here."""
REQUEST = b"GET /twilio/media HTTP/1.1\r\nHost: house\r\n" + UPGRADE + b"\r\n"


def frame(kind, payload, *, fin=True, key=b"\1\2\3\4", rsv=0, masked=True, size=None, wide=0):
    """One frame. `size` lies about its length, `wide` writes it in so many bytes more than it takes."""
    length = len(payload) if size is None else size
    form = max(wide, 0 if length < 126 else 2 if length < 65_536 else 8)
    mask = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | kind])
    if form:
        head += bytes([mask | (126 if form == 2 else 127)]) + length.to_bytes(form, "big")
    else:
        head += bytes([mask | length])
    return head + ((key + bytes(b ^ key[n % 4] for n, b in enumerate(payload))) if masked else payload)


keys = st.binary(min_size=4, max_size=4)
text = st.text(max_size=40).map(str.encode) | st.just(b"a" * LIMIT) | st.integers(120, 130).map(lambda n: b"b" * n)
in_parts = st.lists(st.binary(max_size=9), min_size=1, max_size=4)


@st.composite
def messages(draw):
    """A text or a binary message, whole or in parts, with pings and pongs between them."""
    kind, key = draw(st.sampled_from([1, 1, 1, 2])), draw(keys)
    payload = draw(text | (st.binary(max_size=30) if kind == 2 else text))
    cuts = sorted({0, *draw(st.lists(st.integers(0, max(len(payload) - 1, 0)), max_size=3)), len(payload)})
    parts = [payload[a:b] for a, b in pairwise(cuts)] or [b""]
    out = b""
    for n, part in enumerate(parts):
        out += frame(0 if n else kind, part, fin=n == len(parts) - 1, key=key)
        if n < len(parts) - 1:
            out += draw(st.just(b"") | control)
    return out


control = st.builds(frame, st.sampled_from([9, 10]), st.binary(max_size=125), key=keys)
codes = st.sampled_from([0, 999, *range(1000, 1017), 1100, 2999, 3000, 4999, 5000, 65_535])
goodbyes = st.builds(
    lambda code, reason, key: frame(8, struct.pack("!H", code) + reason, key=key),
    codes,
    st.text(max_size=20).map(str.encode) | st.binary(max_size=4),
    keys,
)
hostile = (
    st.sampled_from(
        [
            frame(8, b""),
            frame(8, b"\x03"),
            frame(8, b"a" * 126),
            frame(9, b"a" * 126),
            frame(9, b"a", fin=False),
            frame(9, b"a", wide=2),
            frame(0, b"a"),
            frame(1, b"a", fin=False) + frame(1, b"b"),
            frame(1, b"a", fin=False) + frame(2, b"b", fin=False),
            frame(1, b"a", masked=False),
            frame(1, b"a" * 130, masked=False),
            frame(1, b"a" * 125, wide=2),
            frame(1, b"a" * 130, wide=8),
            frame(1, b"a", size=1 << 63),
            frame(1, b"a", size=(1 << 64) - 1),
            frame(1, b"a", size=1 << 40),
            frame(1, b"a" * (LIMIT + 1)),
            frame(2, b"a" * LIMIT, fin=False) + frame(0, b"a"),
            frame(1, b"\xff"),
            frame(1, b"\xc3", fin=False) + frame(0, b"\x28"),
            frame(1, b"\xed\xa0\x80"),
            frame(1, b"\xf4\x90\x80\x80"),
            frame(1, b"\xe2\x82"),
        ]
    )
    | st.builds(frame, st.integers(0, 15), st.binary(max_size=5), fin=st.booleans(), rsv=st.integers(0, 7))
    | st.binary(max_size=40)
)
streams = st.tuples(
    st.lists(messages() | control, max_size=6),
    st.just(b"") | hostile | goodbyes,
    st.lists(messages() | control | hostile | goodbyes, max_size=2),
    st.integers(0, 3),
    st.lists(st.integers(1, 400), max_size=12),
)


@dataclass
class Seen:
    """What one of them made of it."""

    messages: list = field(default_factory=list)
    ended: bool = False
    pongs: list = field(default_factory=list)
    code: int | None = None
    """Of its goodbye; 1005 where it gave none, None where there was no reason for one."""
    closed: bool = False


async def trio_websockets(nursery, stream):
    request = await wrap_server_stream(nursery, stream, 1000, LIMIT)
    return library.WebSocket(await request.accept(), stream)


async def ours(_nursery, stream):
    line, opening = pipe(stream), Opening()
    while (request := opening.feed(bytes(await line.receive()))) is None:
        pass
    await line.send(accepted(request))
    with mock.patch.object(media_socket, "MAX_MESSAGE", LIMIT):
        return media_socket.WebSocket(line, request.rest)


async def received(media, take):
    while (message := await media.receive()) is not None:
        take(message)


async def each(media, take):
    await media.each(lambda message: take(message) is None)


def seen_by(accept, pieces, hear=received):
    seen = Seen()

    async def call(nursery, far):
        media = await accept(nursery, far)
        await hear(media, seen.messages.append)
        seen.ended = True
        if isinstance(media, library.WebSocket):  # it closes on who broke the rules without a word
            seen.code = media._connection.closed.code
        await media.close()

    async def main():
        near, far = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, nursery, far)
            await near.send_all(REQUEST)
            head = b""
            while b"\r\n\r\n" not in head:
                head += await near.receive_some()
            with suppress(trio.BrokenResourceError):  # closed before all of it was sent
                for piece in pieces:
                    await near.send_all(piece)
                    await trio.testing.wait_all_tasks_blocked()
            told = bytearray(head.partition(b"\r\n\r\n")[2])
            with trio.move_on_after(1) as patience:
                while data := await near.receive_some():
                    told += data
            seen.closed = not patience.cancelled_caught
            while told:
                kind, payload = told[0], bytes(told[2 : 2 + told[1]])
                if kind == 0x8A:
                    seen.pongs.append(payload)
                else:
                    assert kind == 0x88
                    seen.code = int.from_bytes(payload[:2], "big") or 1005
                del told[: 2 + len(payload)]
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return seen


@settings(max_examples=120, deadline=None, phases=[p for p in Phase if p is not Phase.explain])
@given(streams)
def test_the_same_bytes_are_the_same_call(drawn):
    good, bad, after, missing, cuts = drawn
    data = b"".join([*good, bad, *after])
    data = data[: len(data) - missing] if missing else data
    at = [0, *(sum(cuts[: n + 1]) for n in range(len(cuts))), len(data)]
    pieces = [data[a:b] for a, b in pairwise(at) if data[a:b]]
    theirs, mine = seen_by(trio_websockets, pieces), seen_by(ours, pieces)
    if theirs.ended != mine.ended:  # within a frame: one knows from its head what the other finds in its payload
        pieces.append(bytes(LIMIT + 14))
        theirs, mine = seen_by(trio_websockets, pieces), seen_by(ours, pieces)
    event(f"ends with {mine.code}")
    assert seen_by(ours, pieces, each) == mine

    if mine.code == 1009:  # known from a frame's head, where the library counts characters as they come
        assert theirs.code in {None, 1007, 1009}
        assert theirs.messages == mine.messages
    else:
        assert mine == theirs
