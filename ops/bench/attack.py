"""An attack on a real server while calls go on in it: forged and replayed signatures and tokens, JSON bombs, malformed
and oversize frames by the million, slow clients by the hundred, injections, paths that lead out.

Afterwards: no answer was 5xx, no traceback is in the log, memory and open files are back where they were, and nobody in
a running call heard a gap. In one file of that length, so that it
can be carried elsewhere.

    python ops/bench/attack.py                  # a million frames, 300 slow sockets of each kind, some minutes
    python ops/bench/attack.py --short          # as the test suite runs it
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import trio

from agent.rehearsal.carrier import new_identity, voice_form
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.wire.signature import sign
from nurseries.rehearsal.carrier import Target, place_call

TOKEN, ACCOUNT, PUBLIC, KEY = "f" * 32, "AC" + "c" * 32, "https://voice.example.in", "k" * 40
FORM = b"application/x-www-form-urlencoded"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
)
LOOK_S = 0.01
MASK = b"\0\0\0\0"
FRAMES = {
    "no mask": b"\x81\x05hello",
    "reserved bits": b"\xf1\x80" + MASK,
    "unknown kind": b"\x83\x80" + MASK,
    "no text": b"\x81\x82" + MASK + b"\xff\xfe",
    "endless": b"\x81\xff" + b"\xff" * 8 + MASK,
    "a gigabyte": b"\x81\xff\0\0\0\0\x40\0\0\0" + MASK,
    "a long ping": b"\x89\xfe\0\x7e" + MASK + b"a" * 126,
    "pings": b"\x89\x80" + MASK,
    "empty fragments": b"\x01\x80" + MASK + (b"\x00\x80" + MASK) * 20,
    "no JSON": b"\x81\x81" + MASK + b"{",
    "binary": b"\x82\x81" + MASK + b"\0",
    "deep JSON": b"\x81\xfe\x40\x00" + MASK + b"[" * 0x4000,
}
PATHS = ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/calls/..%2f..%2f.env", "/api/calls/%00", "/.env",
         "/api/calls/CA1%2F..%2F..%2Fdata/recording", "//etc/passwd", "/twilio/../api/calls", "/api/export?format=../x",
         "/%c0%ae%c0%ae/", "/api/callers/%27%20or%201=1", "/console/..\\..\\x")  # fmt: skip
BOMBS = (b"[" * 60_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"to":' + b"9" * 60_000 + b"}", b'{"to":1e99999}',
         b'{"to":"\\ud800"}', b'{"to":"a","to":"b"}', b"\xff\xfe{\0}\0", b'{"key":"' + b"a" * 60_000 + b'"}', b'"',
         b'{"to":NaN}', b"[" + b"1," * 30_000 + b"1]", b"\0")  # fmt: skip


@dataclass
class Attack:
    """One, and what came back."""

    port: int
    frames: int
    sockets: int
    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    async def ask(self, raw: bytes, what: str, bound_s: float = 15) -> bytes:
        """Send bytes, and read what comes until the other side closes."""
        told = b""
        with suppress(OSError, trio.BrokenResourceError), trio.move_on_after(bound_s) as patience:
            async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(raw)
                async for piece in stream:
                    told += piece
        status = told[9:12].decode("latin-1") if told.startswith(b"HTTP/1.1 ") else "closed"
        self.statuses[status] += 1
        if patience.cancelled_caught:
            self.faults.append(f"{what}: no end within {bound_s:g} s")
        if status.startswith("5"):
            self.faults.append(f"{what}: {status}")
        if b"Traceback" in told or b".py" in told:
            self.faults.append(f"{what}: shows its inside")
        return told

    async def post(
        self, path: str, body: bytes, *headers: bytes, what: str, kind: bytes = FORM, method: str = "POST"
    ) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n".encode()
        lines = [b"Content-Type: " + kind, *headers]
        return await self.ask(head + b"\r\n".join(lines) + b"\r\n\r\n" + body, what)

    async def webhook(self, path: str, form: dict[str, str], what: str, signature: str | None = None) -> bytes:
        signed = sign(PUBLIC + path, form.items(), TOKEN) if signature is None else signature
        return await self.post(path, urlencode(form).encode(), b"X-Twilio-Signature: " + signed.encode(), what=what)

    def expect(self, told: bytes, what: str, *statuses: int) -> None:
        if not any(told.startswith(b"HTTP/1.1 %d" % status) for status in statuses):
            self.faults.append(f"{what}: {told[:40]!r} instead of {statuses}")

    async def media(self, signature: str | None = None) -> tuple[trio.SocketStream, bytes]:
        """An upgraded socket, and the answer's head."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        signed = sign("wss" + PUBLIC.removeprefix("https") + "/twilio/media", (), TOKEN)
        head = f"X-Twilio-Signature: {signed if signature is None else signature}\r\n\r\n".encode()
        await stream.send_all(b"GET /twilio/media HTTP/1.1\r\nHost: x\r\n" + UPGRADE + head)
        return stream, bytes(await stream.receive_some())

    async def start(self, call_sid: str, token: str, account: str = ACCOUNT) -> str:
        """Open a socket and start a stream: "taken", or how it was closed."""
        stream, _ = await self.media()
        body = {"accountSid": account, "callSid": call_sid, "streamSid": "MZ1", "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": token}}  # fmt: skip
        raw = msgspec.json.encode({"event": "start", "sequenceNumber": "1", "start": body, "streamSid": "MZ1"})
        async with stream:
            await stream.send_all(b"\x81\xfe" + len(raw).to_bytes(2) + MASK + raw)
            with trio.move_on_after(3):
                told = bytes(await stream.receive_some())
                return f"closed: {told[4:].decode('latin-1')}" if told[:1] == b"\x88" else "taken"
        return "silent"

    async def forge(self, running: str) -> None:
        identity = new_identity(ACCOUNT)
        form = voice_form(identity)
        replayed = await self.webhook("/twilio/voice", form | {"CallSid": running}, "a running call's webhook")
        if not (end := await self.start(running, token_of(replayed))).startswith("closed"):
            self.faults.append(f"a second stream of a running call: {end}")
        good = sign(PUBLIC + "/twilio/voice", form.items(), TOKEN)
        for number in range(60):
            self.expect(await self.webhook("/twilio/voice", form, "forged", f"forged{number}"), "forged", 403, 429)
        self.expect(await self.webhook("/twilio/voice", form | {"From": "+1"}, "changed", good), "changed", 403, 429)
        other = form | {"AccountSid": "AC" + "d" * 32}
        self.expect(await self.webhook("/twilio/voice", other, "another account"), "another account", 403, 429)
        stream, told = await self.media("forged")
        await stream.aclose()
        self.expect(told, "forged handshake", 403, 429)
        # What follows is signed: from the same address as all that was forged.
        first = token_of(await self.webhook("/twilio/voice", form, "signed"))
        again = token_of(await self.webhook("/twilio/voice", form, "replayed"))
        for what, token, sid, account in (
            ("a forged token", first[:-4] + "AAAA", identity.call_sid, ACCOUNT),
            ("another call's token", first, "CA" + "0" * 32, ACCOUNT),
            ("another account's stream", first, identity.call_sid, "AC" + "d" * 32),
            ("no token", "", identity.call_sid, ACCOUNT),
        ):  # fmt: skip
            if not (end := await self.start(sid, token, account)).startswith("closed"):
                self.faults.append(f"{what}: {end}")
        if (taken := await self.start(identity.call_sid, again)) != "taken":
            self.faults.append(f"a good token: {taken}")
        for token in (again, first):
            if not (end := await self.start(identity.call_sid, token)).startswith("closed"):
                self.faults.append(f"a used token: {end}")

    async def inject(self) -> None:
        evil = '"/><Hangup/><Dial>+1900</Dial>\r\nX-Evil: 1\x00\ud7ff]]><!--'
        form = voice_form(new_identity(ACCOUNT)) | {"From": evil, "To": evil, "CallerName": evil, "CallStatus": evil}
        told = await self.webhook("/twilio/voice", form, "TwiML injection")
        self.expect(told, "TwiML injection", 200)
        tags = {element.tag for element in ET.fromstring(told.partition(b"\r\n\r\n")[2])}  # noqa: S314  our own
        if not tags <= {"Say", "Connect", "Redirect"} or b"X-Evil" in told:
            self.faults.append(f"TwiML injection: {tags}")
        for path in ("/twilio/after", "/twilio/after-transfer", "/twilio/stream-status", "/twilio/call-status"):
            for _ in range(3):
                self.expect(await self.webhook(path, form, path), path, 200, 204)
        for line in (b"Host: a\r\nHost: b", b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"X: \x01",
                     b"Origin: https://evil\r\nOrigin: null", b"X-Forwarded-For: " + b"1," * 5000,
                     b"Cookie: session=" + b"a" * 9000, b"Authorization: Bearer " + b"\xff" * 99):  # fmt: skip
            await self.post("/api/calls", b"", line, what=f"header {line[:20]!r}", method="GET")

    async def bomb(self) -> None:
        key = b"Authorization: Bearer " + KEY.encode()
        for path in PATHS:
            told = await self.post(path, b"", key, what=path, method="GET")
            if b"root:" in told or b"TWILIO_" in told:
                self.faults.append(f"{path}: leads out")
        for body in BOMBS:
            for path in ("/api/calls", "/api/calls/check", "/api/do-not-call", "/session", "/twilio/voice"):
                await self.post(path, body, key, what=f"JSON bomb at {path}", kind=b"application/json")
        await self.post("/twilio/voice", b"&".join(b"a%d=1" % n for n in range(5000)), what="many fields")
        await self.post("/twilio/voice", b"x" * 2_000_000, what="a large body")
        await self.ask(b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "a long address")
        await self.ask(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 9000 + b"\r\n", "many headers")
        await self.ask(bytes(range(256)) * 200, "noise")

    async def flood(self) -> None:
        """Frames that make no sense, over as many sockets as it takes."""
        left = self.frames
        while left > 0:
            async with trio.open_nursery() as nursery:
                for frame in FRAMES.values():
                    nursery.start_soon(self._blast, frame, count := min(5000, 2_000_000 // len(frame)))
                    left -= count
        self.expect(
            await self.ask(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "health"), "health", 200
        )

    async def _blast(self, frame: bytes, count: int) -> None:
        with suppress(OSError, trio.BrokenResourceError), trio.move_on_after(10) as patience:
            stream, _ = await self.media()
            async with stream:
                await stream.send_all(frame * count)
                async for _ in stream:
                    pass
        if patience.cancelled_caught:
            self.faults.append(f"a flood goes on: {frame[:20]!r}")

    async def crawl(self) -> None:
        """Heads, bodies, handshakes and frames of which a byte comes now and then."""
        signed = f"X-Twilio-Signature: {sign('wss' + PUBLIC[5:] + '/twilio/media', (), TOKEN)}\r\n\r\n".encode()
        beginnings = (
            b"GET /health HTTP/1.1\r\nX: ", b"GET /twilio/media HTTP/1.1\r\nHost: x\r\nX: ",
            b"POST /twilio/voice HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nCallSid=",
            b"GET /twilio/media HTTP/1.1\r\nHost: x\r\n" + UPGRADE + signed + b"\x81\xfe\x20\x00" + MASK,
        )  # fmt: skip
        async with trio.open_nursery() as nursery:
            for number in range(self.sockets * len(beginnings)):
                nursery.start_soon(self._drip, beginnings[number % len(beginnings)])
            await trio.sleep(1)
            for _ in range(5):
                asked = await self.ask(
                    b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "health in a crowd"
                )
                self.expect(asked, "health in a crowd", 200)
            form = voice_form(new_identity(ACCOUNT))
            self.expect(await self.webhook("/twilio/voice", form, "a webhook in a crowd"), "a webhook in a crowd", 200)
            if self.sockets < 100:  # how long each may stay is tested in virtual time
                nursery.cancel_scope.cancel()

    async def _drip(self, beginning: bytes) -> None:
        with suppress(OSError, trio.BrokenResourceError), trio.move_on_after(35) as patience:
            async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
                await stream.send_all(beginning)
                while True:
                    await stream.send_all(b"a")
                    with trio.move_on_after(1):
                        if not await stream.receive_some():
                            return
        if patience.cancelled_caught:
            self.faults.append(f"a slow client is still there: {beginning[:30]!r}")


def token_of(told: bytes) -> str:
    found = re.search(rb'name="token" value="([^"]+)"', told)
    return found[1].decode() if found else ""


class Server:
    """A real one, and its log."""

    def __init__(self, folder: Path) -> None:
        settings = {"PORT": "0", "PROVIDER": "scripted", "APP_ENV": "development", "TWILIO_SIGNATURE": "require",
                    "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_ACCOUNT_SID": ACCOUNT, "PUBLIC_URL": PUBLIC, "API_TOKEN": KEY,
                    "GREETING": "One long sentence that the caller shall hear without a gap. " * 40}  # fmt: skip
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("calling-agent"), "serve"],
            cwd=folder, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.listening = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self.listening.wait(60):
            raise SystemExit("the server did not start:\n" + "".join(self.lines))
        text = next(line for line in self.lines if "listening" in line)
        self.port = int(re.sub(r"\x1b\[[0-9;]*m", "", text).split("port=")[1].split()[0])

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.lines.append(line)
            if "listening" in line:
                self.listening.set()

    def standing(self) -> tuple[float, int]:
        """Memory in MB, open files."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024, len(
            list(Path(f"/proc/{self.process.pid}/fd").iterdir())
        )


async def under_attack(server: Server, attack: Attack, calls: int) -> tuple[list[CallLog], float]:
    """The attack, while calls go on one after the other; and for how many milliseconds the callers themselves were held
    up at most: other work of the machine holds up the server as well."""
    target = Target(url=f"http://127.0.0.1:{server.port}", public_url=PUBLIC, auth_token=TOKEN)
    plan = CallPlan(patience_ms=60_000, hang_up_at_ms=10_000)
    logs: list[CallLog] = []
    over = trio.Event()
    first = new_identity(ACCOUNT)

    async def caller(number: int) -> None:
        identity = first if number == 0 else new_identity(ACCOUNT)
        while not over.is_set():
            logs.append(await place_call(target, plan, identity))
            identity = new_identity(ACCOUNT)

    held_up_ms = 0.0

    async def look() -> None:
        nonlocal held_up_ms
        while True:
            due = trio.current_time() + LOOK_S
            await trio.sleep_until(due)
            held_up_ms = max(held_up_ms, (trio.current_time() - due) * 1000)

    async with trio.open_nursery() as looking:
        looking.start_soon(look)
        async with trio.open_nursery() as nursery:
            for number in range(calls):
                nursery.start_soon(caller, number)
            await trio.sleep(3)
            await attack.forge(first.call_sid)
            for step in (attack.inject, attack.bomb, attack.flood, attack.crawl):
                await step()
            over.set()
        looking.cancel_scope.cancel("the attack is over")
    return logs, held_up_ms


def gaps(log: CallLog, held_up_ms: float) -> int:
    """Messages that came after the caller had heard everything before, by more than `held_up_ms`."""
    late, end = 0, 0.0
    for message in log.arrivals:
        late += bool(end) and message.at_ms > end + held_up_ms
        end = max(end, message.at_ms) + message.duration_ms
    return late


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--calls", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            attack = Attack(server.port, frames=1 if args.short else 1_000_000, sockets=15 if args.short else 300)
            memory, files = server.standing()
            logs, held_up_ms = trio.run(under_attack, server, attack, args.calls or (2 if args.short else 5))
            if not args.short:  # what the first attack grew to, a second one must not exceed
                memory, files = server.standing()
                more, held_up_again_ms = trio.run(under_attack, server, attack, args.calls or 5)
                logs, held_up_ms = logs + more, max(held_up_ms, held_up_again_ms)
            time.sleep(1)
            after, open_after = server.standing()
        finally:
            server.process.terminate()
            server.process.wait(60)
    faults = attack.faults
    faults += [f"call: {fault}" for log in logs for fault in (*log.failures, *log.violations, log.unreachable) if fault]
    faults += [line for line in server.lines if re.search(r"Traceback|crashed|request failed|http server error", line)]
    heard = sum(len(log.arrivals) for log in logs)
    # The short form runs among other tests: what they take from the callers, they take from the server.
    late = sum(gaps(log, held_up_ms if args.short else 0.0) for log in logs)
    if late or not heard:
        faults.append(f"{late} gaps heard in {heard} messages")
    if open_after > files + 20:
        faults.append(f"open files grew from {files} to {open_after}")
    if after > memory * 1.2 + (60 if args.short else 20):  # the first calls load what they need
        faults.append(f"memory grew from {memory:.0f} to {after:.0f} MB")
    print(f"answers           {dict(sorted(attack.statuses.items()))}")
    print(
        f"calls             {len(logs)}, {heard} messages, {late} gaps; callers held up for {held_up_ms:.0f} ms at most"
    )
    print(f"memory            {memory:.0f} MB, {after:.0f} MB afterwards")
    print(f"open files        {files}, {open_after}")
    print(f"log               {len(server.lines)} lines")
    print(f"faults            {len(faults)}", *faults[:20], sep="\n  ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
