"""RFC 6455 case by case, over a real socket: what a client sends in bytes, and what it gets in bytes."""

import struct
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage

from agent.wire.upgrade import Opening, Refusal, Upgrade, accepted
from agent.wire.websocket import Parser, frame, unmasked
from nurseries.door.media_socket import MAX_MESSAGE, WebSocket
from nurseries.door.pipe import pipe
from tests.fakes.street import UPGRADE

KEY = b"\x37\xfa\x21\x3d"
"""The mask of 5.7's examples."""


def masked(first, payload, key=KEY):
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size) if size < 65_536 else None
    length = length or b"\xff" + struct.pack("!Q", size)
    return bytes([first]) + length + key + bytes(byte ^ key[n % 4] for n, byte in enumerate(payload))


def bye(code, reason=b""):
    return struct.pack("!H", code) + reason


def echoed(text):
    return frame(1, b"echo " + text)


BIG = b"*" * 60_000
SNOWMAN = "Hello-µ@ßöäüàá-UTF-8!!".encode()
OVER = frame(8, bye(1002, b"?"))
"""The reason is for people, and not compared."""

CASES = {
    "5.7, a masked text": (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", echoed(b"Hello")),
    "1.1, an empty text": (masked(0x81, b""), echoed(b"")),
    "1.1, lengths about the 7 bits": (
        b"".join(masked(0x81, b"*" * n) for n in (125, 126, 127)),
        b"".join(echoed(b"*" * n) for n in (125, 126, 127)),
    ),
    "1.1, a long text": (masked(0x81, BIG), echoed(BIG)),
    "1.2, a binary message": (masked(0x82, b"\xfe\xff"), echoed(b"b'\\xfe\\xff'")),
    "2, a ping": (masked(0x89, b""), frame(10, b"")),
    "2, a ping of 125 bytes": (masked(0x89, b"\xfe" * 125), frame(10, b"\xfe" * 125)),
    "2, a ping of 126 bytes": (masked(0x89, b"\xfe" * 126), OVER),
    "2, pongs that nobody asked for": (masked(0x8A, b"") + masked(0x8A, b"x") + masked(0x89, b"y"), frame(10, b"y")),
    "2, ten pings": (
        b"".join(masked(0x89, b"%d" % n) for n in range(10)),
        b"".join(frame(10, b"%d" % n) for n in range(10)),
    ),
    "3, a reserved bit": (masked(0xC1, b"a"), OVER),
    "3, another behind a message": (masked(0x81, b"a") + masked(0xA1, b"b"), {OVER, echoed(b"a") + OVER}),
    "3, a reserved bit of a ping": (masked(0x99, b""), OVER),
    **{f"4, kind {kind}": (masked(0x80 | kind, b""), OVER) for kind in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "5, a ping in parts": (masked(0x09, b"a") + masked(0x80, b"b"), OVER),
    "5, a text in parts": (masked(0x01, b"a") + masked(0x00, b"b") + masked(0x80, b"c"), echoed(b"abc")),
    "5, a ping between parts": (
        masked(0x01, b"a") + masked(0x89, b"?") + masked(0x80, b"b"),
        {frame(10, b"?") + echoed(b"ab"), echoed(b"ab") + frame(10, b"?")},
    ),
    "5, empty parts": (masked(0x01, b"") + masked(0x00, b"") + masked(0x80, b""), echoed(b"")),
    "5, a part of nothing": (masked(0x80, b"a"), OVER),
    "5, a part of nothing behind a message": (masked(0x81, b"a") + masked(0x00, b"b"), {OVER, echoed(b"a") + OVER}),
    "5, a text within a text": (masked(0x01, b"a") + masked(0x81, b"b"), OVER),
    "5, a goodbye between parts": (masked(0x01, b"a") + masked(0x88, bye(1000)), frame(8, bye(1000))),
    "6, text beyond ASCII": (masked(0x81, SNOWMAN), echoed(SNOWMAN)),
    "6, cut within a character": (masked(0x01, SNOWMAN[:7]) + masked(0x80, SNOWMAN[7:]), echoed(SNOWMAN)),
    "6, no UTF-8": (masked(0x81, b"\xce\xba\xe1\xbd\xed\xa0\x80"), frame(8, bye(1007, b"?"))),
    "6, no UTF-8, known before the end": (masked(0x01, b"\xed\xa0\x80"), frame(8, bye(1007, b"?"))),
    "6, half a character at the end": (masked(0x01, b"\xce") + masked(0x80, b""), frame(8, bye(1007, b"?"))),
    "7, a goodbye": (masked(0x88, bye(1000, b"bye")), frame(8, bye(1000, b"bye"))),
    "7, an empty goodbye": (masked(0x88, b""), frame(8, b"")),
    "7, a goodbye of a byte": (masked(0x88, b"a"), OVER),
    "7, with a reason of 123 bytes": (masked(0x88, bye(1000, b"a" * 123)), frame(8, bye(1000, b"a" * 123))),
    "7, with a reason that is too long": (masked(0x88, bye(1000, b"a" * 124)), OVER),
    "7, with a reason that is no UTF-8": (masked(0x88, bye(1000, b"\xce\xed\xa0")), frame(8, bye(1007, b"?"))),
    "7, nothing after it": (masked(0x88, bye(1000)) + masked(0x89, b"") + masked(0x81, b"a"), frame(8, bye(1000))),
    **{
        f"7, code {code}": (masked(0x88, bye(code)), frame(8, bye(code)))
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
    },
    **{
        f"7, code {code}": (masked(0x88, bye(code)), OVER)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
    "9, as long as may be": (masked(0x81, b"a" * (MAX_MESSAGE - 1)), echoed(b"a" * (MAX_MESSAGE - 1))),
    "9, too long": (masked(0x81, b"a" * (MAX_MESSAGE + 1)), frame(8, bye(1009, b"?"))),
    "9, too long in parts": (masked(0x01, BIG) + masked(0x80, BIG), frame(8, bye(1009, b"?"))),
    "5.1, no mask": (frame(1, b"Hello"), OVER),
    "5.2, a length in more bytes than it takes": (b"\x81\xfe\x00\x01" + KEY + b"a", OVER),
    "5.2, and in eight": (b"\x81\xff" + (200).to_bytes(8, "big") + KEY + b"a" * 200, OVER),
    "5.2, a length with the highest bit": (b"\x81\xff" + b"\xff" * 8 + KEY + b"a", OVER),
}


async def echo(listener):
    stream = await listener.accept()
    line, opening = pipe(stream), Opening()
    while (request := opening.feed(bytes(await line.receive()))) is None:
        pass
    await line.send(accepted(request))
    media = WebSocket(line, request.rest)
    try:
        while (message := await media.receive()) is not None:
            await media.send(f"echo {message}")
    except ConnectionError:
        pass
    await media.close()


@asynccontextmanager
async def client():
    """A stream to an echo, before the upgrade. Whatever is in it takes ten seconds at most."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(echo, listener)
            async with await trio.open_tcp_stream(*listener.socket.getsockname()) as stream:
                yield stream
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("cut", [0, 1], ids=["at once", "byte by byte"])
async def test_case_by_case(cut):
    for name, (sent, expected) in CASES.items():
        if cut and len(sent) > 200:
            continue
        async with client() as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: house\r\n" + UPGRADE + b"\r\n")
            got = b""
            while b"\r\n\r\n" not in got:
                got += await stream.receive_some()
            got = got.partition(b"\r\n\r\n")[2]
            wanted = expected if isinstance(expected, set) else {expected}
            size = max(map(len, wanted))
            with suppress(trio.BrokenResourceError):  # it does not take all of it
                for at in range(0, len(sent), cut or len(sent)):
                    await stream.send_all(sent[at : at + (cut or len(sent))])
            while len(got) < size and (data := await stream.receive_some()):
                got += data
            assert told(got) in {told(one) for one in wanted}, name


def told(data):
    """Without the reason of a goodbye that is ours."""
    at = data.rfind(b"\x88")
    ours = at >= 0 and data[at + 2 : at + 4] in (bye(1002), bye(1007), bye(1009)) and len(data) - at > 4
    return data[: at + 4].replace(data[at : at + 2], b"\x88?") if ours else data


async def test_wsprotos_client_says_and_hears_everything():
    async with client() as stream:
        wire, seen = WSConnection(ConnectionType.CLIENT), []
        await stream.send_all(wire.send(Request(host="house", target="/")))

        async def until(kind):
            while not (seen and isinstance(seen[-1], kind)):
                wire.receive_data(bytes(await stream.receive_some()) or None)
                seen.extend(wire.events())
            return seen[-1]

        await until(AcceptConnection)
        await stream.send_all(wire.send(TextMessage(data="he", message_finished=False)))
        await stream.send_all(wire.send(Ping(payload=b"1")))
        await stream.send_all(wire.send(TextMessage(data="llo")))
        assert (await until(TextMessage)).data == "echo hello"
        assert any(isinstance(one, Pong) and one.payload == b"1" for one in seen)
        await stream.send_all(wire.send(BytesMessage(data=b"\0")))
        seen.clear()
        assert (await until(TextMessage)).data == "echo b'\\x00'"
        await stream.send_all(wire.send(CloseConnection(code=3000, reason="enough")))
        goodbye = await until(CloseConnection)
        assert (goodbye.code, goodbye.reason) == (3000, "enough")
        assert await stream.receive_some() == b"", "a server closes first"


def test_the_proof_of_the_handshake_is_the_examples():
    """1.3."""
    request = UPGRADE.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b"dGhlIHNhbXBsZSBub25jZQ==")
    found = Opening().feed(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n" + request + b"\r\nrest")

    assert isinstance(found, Upgrade)
    assert (found.target, found.host, found.rest) == ("/chat", "server.example.com", b"rest")
    assert b"\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in accepted(found)


HEAD = b"GET / HTTP/1.1\r\nHost: house\r\n"
NO_UPGRADES = {
    "another method": (b"POST" + HEAD[3:] + UPGRADE, 400),
    "an older HTTP": (HEAD.replace(b"1.1", b"1.0") + UPGRADE, 400),
    "no host": (b"GET / HTTP/1.1\r\n" + UPGRADE, 400),
    "two hosts": (HEAD + b"Host: other\r\n" + UPGRADE, 400),
    "a host that is no name": (HEAD.replace(b"house", b"\xff") + UPGRADE, 400),
    "no connection header": (HEAD + UPGRADE.replace(b"Connection: Upgrade\r\n", b""), 400),
    "something else to upgrade to": (HEAD + UPGRADE.replace(b"websocket", b"h2c"), 400),
    "no version": (HEAD + UPGRADE.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 400),
    "another version": (HEAD + UPGRADE.replace(b": 13", b": 8"), 426),
    "two keys": (HEAD + UPGRADE + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", 400),
    "no key": (HEAD + UPGRADE.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b""), 400),
    "a key of another length": (HEAD + UPGRADE.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b"AAAA"), 400),
    "a key that is no base64": (HEAD + UPGRADE.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b"!" * 24), 400),
    "a body": (HEAD + UPGRADE + b"Content-Length: 1\r\n", 400),
    "a body in chunks": (HEAD + UPGRADE + b"Transfer-Encoding: chunked\r\n", 400),
    "no HTTP": (b"\x16\x03\x01\r\n", 400),
}


@pytest.mark.parametrize(("head", "status"), NO_UPGRADES.values(), ids=NO_UPGRADES.keys())
def test_what_is_no_upgrade_is_refused(head, status):
    found = Opening().feed(head + b"\r\n")

    assert isinstance(found, Refusal)
    assert found.status == status
    assert (status == 426) <= ((b"sec-websocket-version", b"13") in found.headers)


def test_a_request_may_come_in_any_pieces_and_its_words_in_any_case():
    data = (
        b"GET /x HTTP/1.1\r\nhOST: a\r\nconnection: keep-alive, UPGRADE\r\nUPGRADE: WebSocket\r\n"
        + UPGRADE.partition(b"websocket\r\n")[2]
        + b"\r\n"
    )
    opening = Opening()
    found = [opening.feed(bytes([byte])) for byte in data]

    assert found[:-1] == [None] * (len(data) - 1)
    assert isinstance(found[-1], Upgrade)


@pytest.mark.parametrize("size", [*range(10), 125, 390, 4096])
def test_a_mask_goes_on_as_it_came(size):
    payload = bytes(range(256)) * 16
    masked_ = bytes(byte ^ KEY[n % 4] for n, byte in enumerate(payload[:size]))

    assert unmasked(masked_, KEY) == payload[:size]


def test_a_frame_that_drips_in_is_not_read_again_for_every_byte():
    """Work in proportion to the bytes: a peer cannot buy much of it with little."""
    parser, data = Parser(MAX_MESSAGE), masked(0x81, b"a" * 60_000)
    parser.feed(data[:8])
    with pytest.MonkeyPatch.context() as patch:
        looked = []
        patch.setattr(parser, "_frames", lambda *_: looked.append(1) or 0)
        for at in range(8, len(data) - 1):
            parser.feed(data[at : at + 1])
        assert looked == []
    assert parser.feed(data[-1:]) == ["a" * 60_000]
