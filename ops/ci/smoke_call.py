"""A server's address in; whether somebody who calls it now is answered out. See ops/ci/smoke-call.

The server must say that it is ready and that no provider is down. Then the product's own caller asks for a flat: the
agent must greet, answer in time, keep to Twilio's protocol, and must not be heard to apologise, which is what it does
when a provider behind it fails. One failed call of two is forgiven: a deploy must not be undone for one lost packet.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.speak.clips import APOLOGY, TROUBLE

LINES = ("Hello, I am looking for a two bedroom flat in Whitefield.", "Around eighty lakhs.")
SORRY = re.compile(r"\b(trouble on|went wrong|call again in a)\b", re.IGNORECASE)
"""What is heard of the two texts below over a telephone line."""
BETWEEN_S, CALL_S = 3.0, 180.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="smoke-call", description=__doc__)
    parser.add_argument("url", metavar="URL", help="where the server is reached, such as https://voice.example.in")
    parser.add_argument("--ready-s", type=float, default=60, metavar="SECONDS", help="for it to be ready (60)")
    parser.add_argument("--answer-ms", type=int, default=4000, metavar="MS", help="from a word to its answer (4000)")
    parser.add_argument("--tries", type=int, default=2, metavar="CALLS", help="of which one must be good (2)")
    parser.add_argument("--say", action="append", metavar="TEXT", help="instead of asking for a flat; may be repeated")
    parser.add_argument("--line", help="call this line of the server's LINES_FILE")
    args = parser.parse_args()
    if not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", args.url):
        parser.error(f"{args.url!r} is no address such as https://voice.example.in")
    url = args.url.rstrip("/")
    if fault := not_ready(url, args.ready_s):
        return _failed(fault)
    for left in reversed(range(args.tries)):
        report, fault = called(url, args.say or LINES, args.line)
        faults = [fault] if fault else wrong(report, args.answer_ms)
        if not faults:
            slowest = max(turn["latency_ms"] for turn in report["turns"])
            print(f"smoke-call: {url}: {len(report['turns'])} answered, the slowest after {slowest} ms")
            return 0
        print(f"smoke-call: {'; '.join(faults)}", file=sys.stderr)
        if left:
            time.sleep(BETWEEN_S)
    return _failed(f"none of {args.tries} calls was good")


def not_ready(url: str, bound_s: float) -> str:
    """Why nobody should call it; "" once it is ready."""
    deadline = time.monotonic() + bound_s
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:  # noqa: S310  http or https
                word = str(json.load(answer).get("status"))
            if word == "ready":
                return ""
            fault = f"{url} is {word}"
        except urllib.error.HTTPError as error:
            fault = f"{url} is not ready: {error.code}"
        except (OSError, ValueError) as error:
            fault = f"{url} does not answer: {error}"
        if time.monotonic() > deadline:
            return fault
        time.sleep(0.5)


def called(url: str, lines: Sequence[str], line: str | None) -> tuple[dict[str, Any], str]:
    """A call's report, or why there is none."""
    program = Path(sys.executable).with_name("calling-agent")
    said = [argument for text in lines for argument in ("--say", text)]
    command = [program, "call", "--url", f"{url}/", "--json", *said, *(["--line", line] if line else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_S, check=False)
    except subprocess.TimeoutExpired:
        return {}, f"the call is not over after {CALL_S:g} s"
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {}, f"no report, exit code {done.returncode}: {done.stderr.strip()[-500:]}"
    return report, ""


def wrong(report: dict[str, Any], answer_ms: int) -> list[str]:
    """What a caller would complain of."""
    found = [*report["failures"], *(f"protocol: {each['what']}" for each in report["violations"])]
    if report["exit_code"] and not found:
        found.append(f"exit code {report['exit_code']}")
    heard = [entry["text"] or "" for entry in report["conversation"] if entry["role"] == "agent"]
    found += [f"a provider fails: the agent said {text!r}" for text in heard if SORRY.search(text)]
    if not report["turns"]:
        found.append("nothing was answered")
    for turn in report["turns"]:
        if turn["latency_ms"] is None:
            found.append(f"no answer to {turn['text']!r}")
        elif turn["latency_ms"] > answer_ms:
            found.append(f"{turn['latency_ms']} ms to the answer to {turn['text']!r}")
    return found


def _failed(why: str) -> int:
    print(f"smoke-call: {why}", file=sys.stderr)
    return 1


if not all(SORRY.search(clip.text) for clip in (TROUBLE, APOLOGY)):
    raise AssertionError("SORRY does not know what the agent says when it fails")

if __name__ == "__main__":
    sys.exit(main())
