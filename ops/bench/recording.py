"""What it costs to record calls: memory while they last, processor time, bytes on the disk.

Usage: `python ops/bench/recording.py [--calls 20] [--minutes 60] [--folder DIR]`. Prints a row every ten minutes of the
calls' own time, which goes as fast as the machine allows.

Both sides of each call go through the tape, the placing and the file, as in a server. The agent speaks half of the
time, in sentences of two to eight seconds, each with its mark.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

from agent.keep import wav
from agent.providers import spool
from nurseries.line.tape import Tape

FRAME = random.Random(1).randbytes(160)
MESSAGE = random.Random(2).randbytes(1280)


def resident_mb() -> float:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


class Call:
    """One call: a tape and its file, and the agent's sentences as they are due."""

    def __init__(self, folder: Path, n: int) -> None:
        label = wav.Label(f"CA{n:032x}", "2026-11-27T10:00:00.000+00:00")
        self.tape = Tape(label)
        self.tape.allow()
        self.file = spool.begin(folder, str(n), label)
        self.dice = random.Random(n)
        self.frames = 0
        self.said_ms = 1000.0 + 100 * n
        self.marks: list[tuple[float, str]] = []

    def second(self) -> None:
        """One second of the call."""
        for _ in range(50):
            self.frames += 1
            now = self.frames * 20.0
            while self.marks and self.marks[0][0] <= now:
                self.tape.returned(self.marks.pop(0)[1])
            self.tape.heard(FRAME, str(100 + self.frames * 20), now)
            if now >= self.said_ms:
                length = self.dice.randrange(12, 50)
                for n in range(length):
                    self.tape.played(MESSAGE, now + 160 * n)
                end = now + 160 * length
                self.tape.marked(str(self.frames), end)
                self.marks.append((end + 80, str(self.frames)))
                self.said_ms = end + self.dice.uniform(2000, 8000)
        caller, agent = self.tape.part()
        if caller:
            self.file.append(wav.frames(caller, agent))

    def over(self) -> int:
        """Bytes of its file."""
        self.tape.end()
        self.file.append(wav.frames(*self.tape.part()))
        self.file.complete()
        size = self.file.path.stat().st_size
        self.file.remove()
        return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="where the files go (a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        calls = [Call(Path(folder), n) for n in range(args.calls)]
        began = time.process_time()
        print(f"{'minute':>6}  {'resident MB':>11}  {'CPU ms per call and second':>26}")
        for second in range(1, args.minutes * 60 + 1):
            for call in calls:
                call.second()
            if second == 60 or second % 600 == 0:
                cpu = (time.process_time() - began) * 1000 / (args.calls * second)
                print(f"{second // 60:6}  {resident_mb():11.1f}  {cpu:26.2f}")
        sizes = [call.over() for call in calls]
    print(f"{sum(sizes) / len(sizes) / args.minutes / 1e6:.2f} MB a minute on the disk")


if __name__ == "__main__":
    main()
