"""How soon a caller is answered, chain by chain: real servers, real sockets, a rehearsed caller with a voice, and a
fake of the OpenAI API that takes its time.

    file       a turn is sent as a file once it is over, a sentence's sound is asked for by /audio/speech
    live       the caller is heard while they speak, and the agent speaks, over Realtime sockets
    realtime   one realtime model hears, thinks and speaks (PIPELINE=realtime)

Measured at the caller's end, from the end of their speech to the first sound of the answer. What the vendor takes is
assumed, and printed: by default what its users tell of files (0.6 s to a transcript at the median, 1 s to the first
sound), and half of that over sockets; set what `calling-agent doctor` measures with your key. The chains take turns in
one run.

    python ops/bench/answer_time.py --rounds 3
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.calls.server import Server, call
from tests.fakes.openai_launch import launch

CHAINS = {
    "file": {"OPENAI_STT_API": "file", "OPENAI_TTS_API": "speech"},
    "live": {"OPENAI_STT_API": "realtime", "OPENAI_TTS_API": "realtime"},
    "realtime": {"PIPELINE": "realtime"},
}
SAYS = ("I am looking for a two bedroom flat in Whitefield.", "Around eighty lakhs.", "What would the rent be?")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rounds", type=int, default=3)
    add("--file-transcript", type=int, default=600, metavar="MS")
    add("--live-transcript", type=int, default=300, metavar="MS", help="from the commit, which is at the first pause")
    add("--first-token", type=int, default=375, metavar="MS")
    add("--file-sound", type=int, default=1000, metavar="MS", help="to the first sound of a sentence")
    add("--live-sound", type=int, default=500, metavar="MS")
    add("--realtime-answer", type=int, default=800, metavar="MS", help="to the first sound of a whole answer")
    args = parser.parse_args()
    answered: dict[str, list[int]] = {name: [] for name in CHAINS}
    with launch() as fake, tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        usual = {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": "sk-bench", "GREETING": "Hello.", "SAY_FIRST": ""}
        servers = {}
        for name, chain in CHAINS.items():
            Path(folder, name).mkdir()
            servers[name] = Server(Path(folder, name), **usual | chain)
            stack.callback(servers[name].kill)
        for number in range(args.rounds):
            for name, server in servers.items():
                replies = [f"{name} {number}: answer number {n} is on its way." for n in range(len(SAYS))]
                fake.forget()
                fake.plan(
                    chat={"replies": replies, "first_ms": args.first_token, "gap_ms": 15},
                    transcriptions={"transcripts": list(SAYS), "first_ms": args.file_transcript},
                    speech={"first_ms": args.file_sound},
                    realtime={
                        "heard": list(SAYS),
                        "answers": replies,
                        "answer_s": args.realtime_answer / 1000,
                        "final_s": args.live_transcript / 1000,
                        "first_s": args.live_sound / 1000,
                    },
                )
                lines = [argument for line in SAYS for argument in ("--say", line)]
                code, report = call(server.url, *lines)
                if code:
                    raise SystemExit(f"{name}: exit {code}: {report.get('failures')} {report.get('violations')}")
                answered[name] += [turn["latency_ms"] for turn in report["turns"] if turn["latency_ms"] is not None]
    taken = {name: value for name, value in vars(args).items() if name != "rounds"}
    print("assumed: " + ", ".join(f"{name.replace('_', ' ')} {ms} ms" for name, ms in taken.items()))
    print(f"{'chain':<10}{'median':>9}{'p90':>9}{'worst':>9}{'answers':>9}{'sooner than file':>18}")
    usual_ms = statistics.median(answered["file"])
    for name, times in answered.items():
        median, p90 = statistics.median(times), statistics.quantiles(times, n=10)[-1]
        sooner = usual_ms - median
        print(f"{name:<10}{median:>6.0f} ms{p90:>6.0f} ms{max(times):>6} ms{len(times):>9}{sooner:>15.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
