"""What it costs to see: frames of calls, decoded, stamped and fetched from their mailboxes, with and without the pulse
of the process and the pace of the calls. Prints ratios, for times are of this machine.

    .venv/bin/python ops/bench/pulse.py [rounds]
"""

from __future__ import annotations

import base64
import json
import statistics
import sys
import time

import trio

from agent.model import Frame
from agent.seen.pace import Pace
from agent.web.state import ProcessState
from agent.wire.media_stream import Media, decode
from nurseries.line.reader import MediaClock
from nurseries.mailbox import Mailbox
from nurseries.watch.pulse import Pulse

CALLS, FRAMES = 50, 60


class Blind(Pace):
    """Sees nothing."""

    def came(self, late_ms: float) -> None:
        pass


async def call(pace: Pace) -> None:
    """A call's frames: decoded, stamped, left and fetched; a pass of the loop each."""
    payload = base64.b64encode(b"\xff" * 160).decode()
    text = json.dumps({"event": "media", "media": {"track": "inbound", "payload": payload, "timestamp": "20"}})
    sound: Mailbox[Frame] = Mailbox(25)
    clock = MediaClock(lambda: 1000 * time.perf_counter(), pace)
    for _ in range(FRAMES):
        message = decode(text)
        if isinstance(message, Media):
            sound.put(Frame(message.media.payload, clock.stamp(message.media)))
        await sound.get()
        await trio.lowlevel.checkpoint()


async def load(*, pulse: bool, pace: bool) -> float:
    """CPU seconds."""
    async with trio.open_nursery() as whole:
        if pulse:
            whole.start_soon(Pulse(ProcessState()).run)
        await trio.lowlevel.checkpoint()
        began = time.process_time()
        async with trio.open_nursery() as calls:
            for _ in range(CALLS):
                calls.start_soon(call, Pace() if pace else Blind())
        took = time.process_time() - began
        whole.cancel_scope.cancel()
    return took


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    kinds = {"nothing": (False, False), "pace": (False, True), "pulse": (True, False), "both": (True, True)}
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):  # in turn, so that what else the machine does is in all of them
        for name, (pulse, pace) in kinds.items():
            took[name].append(trio.run(lambda pulse=pulse, pace=pace: load(pulse=pulse, pace=pace)))
    bare = statistics.median(took["nothing"])
    print(f"a frame of a call, seen by nobody: {bare / CALLS / FRAMES * 1e6:.1f} us of this machine")
    for name in ("pace", "pulse", "both"):
        ratio = statistics.median(mine / other for mine, other in zip(took[name], took["nothing"], strict=True))
        print(f"with {name:5}: x {ratio:.3f}")


if __name__ == "__main__":
    main()
