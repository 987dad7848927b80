"""`calling-agent calls`: what was said, from the store that the server keeps it in."""

from __future__ import annotations

import argparse
import sys
import textwrap

import msgspec

from agent.config import load
from agent.keep.query import Query
from agent.keep.record import CallRecord, Entry, Points
from nurseries.compose import open_store

GOES_ON = "goes on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `calls`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the latest calls, newest first")
    listing.add_argument("--limit", type=_count, default=20, metavar="N", help="at most so many (20)")
    show = actions.add_parser("show", help="one call: what was said, and where the time went")
    show.add_argument("call_sid", metavar="CALL_SID", nargs="?", help="the call; the latest one where none is named")
    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="as JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Returns the exit code: 0, or 1 where there is no such call."""
    store = open_store(load())
    try:
        if args.action == "list":
            return _list(store.find(Query(), args.limit), as_json=args.json)
        record = store.get(args.call_sid) if args.call_sid else next(iter(store.find(Query(), 1)), None)
    finally:
        store.close()
    if record is None:
        what = f"no call {args.call_sid}" if args.call_sid else "no call yet"
        print(f"calling-agent: {what} in {store.name}.", file=sys.stderr)
        return 1
    print(msgspec.json.format(msgspec.json.encode(record)).decode() if args.json else _story(record))
    return 0


def _list(records: list[CallRecord], *, as_json: bool) -> int:
    for record in records:
        if as_json:
            print(msgspec.json.encode(record).decode())
        else:
            seconds = record.duration_ms / 1000
            print(f"{record.started_at}  {record.call_sid}  {seconds:6.1f} s  {record.ending or GOES_ON}")
    return 0


def _line(entry: Entry) -> str:
    who = f"{entry.start_ms / 1000:7.1f} s  {entry.role:>6}"
    if entry.role == "tool":
        return f"{who}: {entry.tool} {entry.arguments} -> {entry.text}"
    how = " (aside)" if entry.aside else f" (keys {entry.keys})" if entry.keys else ""
    return f"{who}{how}: {entry.text}{' -' if entry.interrupted else ''}"


def _point(point: Points) -> str:
    when = "" if point.said_ms is None else f'  at {point.said_ms / 1000:.1f} s: "{point.utterance}"'
    return f"{point.points:+5}  {point.fact}, {point.why}: {point.value}{when}"


def _story(record: CallRecord) -> str:
    ended = f"ended: {record.ending}" if record.ending else GOES_ON
    lines = [
        f"{record.call_sid}  {record.direction}  from {record.caller or 'unknown'} to {record.called or 'unknown'}",
        f"{record.started_at}  {record.duration_ms / 1000:.1f} s  {ended}",
        "",
    ]
    lines += [_line(entry) for entry in record.entries]
    if record.summary:
        lines += ["", *textwrap.wrap(f"{record.summary} ({record.summary_by})", 100)]
    if record.lead is not None:
        lines += ["", f"score {record.lead.score} of 100", *(_point(point) for point in record.lead.points)]
    if record.facts:
        lines += ["", *(f"{name}: {value}" for name, value in record.facts.items())]
    if record.turns:
        lines += ["", "turn  heard  first token  first audio  (ms after the turn was decided to be over)"]
        lines += [
            f"{n:4}  {t.heard_ms:5}  {t.first_token_ms:11}  {t.first_audio_ms:11}"
            for n, t in enumerate(record.turns, 1)
        ]
    return "\n".join(lines)
