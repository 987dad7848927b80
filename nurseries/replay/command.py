"""`calling-agent replay`: plays recorded calls again, on a clock of their own, and says whether all is as it was.

0 everything is, 1 something differs, 2 there is nothing to play.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from agent.replay import file
from agent.replay.timeline import in_words, timeline
from nurseries.replay import kept
from nurseries.replay.against import against
from nurseries.replay.play import Outcome, play_events

KEPT = Path("tests/replay/kept")
"""Of this repository, from its root."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `replay`."""
    parser.description = (
        "Play recordings that RECORD_SESSIONS has made: the same code, given the same, on a clock of its own. Every "
        "message that the call sends, every line that it logs and its record are compared with the recording; the "
        "first difference is told. No model, no network, and no key is needed."
    )
    parser.epilog = "Exit codes: 0 all as recorded; 1 something differs; 2 nothing to play."
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="a recording, or a folder of them")
    parser.add_argument(
        "--against",
        action="store_true",
        help="compare decisions, not bytes: with the installed version, and the settings of --set. The call may go "
        "another way; what the recording has no answer for is made up, and counted",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="with --against: a setting that is other than it was, such as END_SILENCE_MS=900; several times",
    )
    parser.add_argument(
        "--keep",
        metavar="NAME",
        help=f"make a regression test of the recording: {KEPT}/NAME, or FOLDER/NAME; its decisions go beside it, to be "
        "edited where it shows a failure. A folder of such recordings is played with those",
    )
    parser.add_argument("--without-audio", action="store_true", help="with --keep: silence in the place of all sound")
    parser.add_argument("--timeline", action="store_true", help="show who spoke, and what was decided, and when")


def run(args: argparse.Namespace) -> int:
    """Play and tell; returns the exit code."""
    paths = [path for given in args.paths for path in _recordings(given)]
    if not paths:
        _say(f"there is no recording in {', '.join(map(str, args.paths))}: record calls with RECORD_SESSIONS=always.")
        return 2
    if args.against or args.set:
        code, told, faults = against(paths, args.set)
        for fault in faults:
            _say(fault)
        print("\n".join(told), end="\n" if told else "")
        return code
    if args.keep is not None:
        return _keep(paths, args.keep, audio=not args.without_audio)
    unread = differing = 0
    for path in paths:
        try:
            line, differs = _played(path, show=args.timeline)
        except (OSError, file.NotARecording) as error:
            _say(f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error))
            unread += 1
            continue
        print(line, flush=True)
        differing += differs
    if len(paths) > 1:
        print(f"{len(paths)} recordings: {len(paths) - unread - differing} as recorded, {differing} differ")
    return 2 if unread == len(paths) else 1 if unread or differing else 0


def _played(path: Path, *, show: bool) -> tuple[str, bool]:
    header, events = file.read(path)
    if show:
        print("\n".join([f"{path}", *in_words(timeline(header.began, events)), ""]))
    if kept.expected_of(path).exists():
        return _checked(path)
    began = time.perf_counter()
    with file.of_file(path):
        outcome = play_events(header, events)
    return _in_words(path, outcome, time.perf_counter() - began), outcome.difference is not None


def _keep(paths: list[Path], name: str, *, audio: bool) -> int:
    to = Path(name)
    if to.is_dir() and len(paths) == 1:
        to /= paths[0].name.removesuffix(file.SUFFIX)
    elif to.name == name:
        to = KEPT / name
    if len(paths) > 1 or not to.parent.is_dir():
        why = (
            "one recording at a time" if len(paths) > 1 else f"there is no folder {to.parent}: make it, or name another"
        )
        _say(f"--keep {name}: {why}.")
        return 2
    try:
        made = kept.keep(paths[0], to, audio=audio)
    except OSError as error:
        _say(f"{error.filename or paths[0]}: {error.strerror}")
        return 2
    except file.NotARecording as error:
        _say(str(error))
        return 1 if isinstance(error, kept.NotKept) else 2
    print(f"kept: {made}, {made.stat().st_size} bytes; what it is to decide: {kept.expected_of(made)}")
    return 0


def _checked(path: Path) -> tuple[str, bool]:
    try:
        change = kept.check(path)
    except (OSError, file.NotARecording) as error:
        return f"{path.name}: {error}", True
    return f"{path.name}: {'decides as it should' if change is None else f'differs {change}'}", change is not None


def _recordings(given: Path) -> list[Path]:
    return sorted(given.rglob(f"*{file.SUFFIX}")) if given.is_dir() else [given]


def _in_words(path: Path, outcome: Outcome, took_s: float) -> str:
    told = f"{path.name}: {outcome.seconds:.1f} s in {took_s:.2f} s, {outcome.messages} messages"
    crash = f"\nthe call crashes: {outcome.crash}" if outcome.crash else ""
    if outcome.difference is None:
        return f"{told}, all as recorded{', to where the recording breaks off' if outcome.breaks_off else ''}{crash}"
    return f"{told} as recorded, then it differs\n{outcome.difference}{crash}"


def _say(text: str) -> None:
    print(f"calling-agent replay: {text}", file=sys.stderr)
