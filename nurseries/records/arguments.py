"""What `calling-agent calls` is asked: options in, a query out, or everything that is wrong with them."""

from __future__ import annotations

import argparse
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from agent.config import Settings
from agent.errors import AskedWrongly
from agent.keep import cursor
from agent.keep.asked import EMPTY, FILTERS, asked, number, sort
from agent.keep.query import SORTS, Place, Query

_HELP = {
    "since": ("TIME", "begun at or after: a date, or a time such as 2026-11-22T10:00:00+05:30"),
    "until": ("TIME", "begun before, or until the end of this day"),
    "number": ("NUMBER", "of either side: +91 98765 43210"),
    "ending": ("ENDING", 'how it ended: "caller hung up", "time limit", goes_on, ...'),
    "min_score": ("N", "lead score, at least"),
    "max_score": ("N", "lead score, at most"),
    "q": ("WORDS", "words that all occur in what was said or in the summary"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `calls`."""
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="the latest calls, newest first")
    listing.add_argument("--sort", default="newest", metavar="ORDER", help=f"{', '.join(SORTS)} (newest)")
    listing.add_argument("--limit", type=_count, default=20, metavar="N", help="at most so many (20)")
    listing.add_argument("--cursor", default="", metavar="CURSOR", help="go on where a list before has ended")
    show = actions.add_parser("show", help="one call: what was said, and where the time went")
    show.add_argument("call_sid", metavar="CALL_SID", nargs="?", help="the call; the latest one where none is named")
    show.add_argument("--format", choices=("text", "json", "vtt"), default="text", help="text; the record; captions")
    export = actions.add_parser("export", help="every call that fulfils the filters, as a file")
    export.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="csv for spreadsheets; jsonl")
    export.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output; whole or not at all")
    delete = actions.add_parser("delete", help="erase what is kept of one caller: records, sounds, journals")
    delete.add_argument("number", metavar="NUMBER", help="the caller's, with its country code")
    delete.add_argument("--yes", action="store_true", help="do not ask back")
    delete.add_argument(
        "--sounds-gone", action="store_true", help="erase records also where the disk that had the sound is gone"
    )
    for action in (listing, export):
        for name, (metavar, words) in _HELP.items():
            action.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=words)
    for action in (listing, show, delete):
        action.add_argument("--json", action="store_true", help="as JSON")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) < 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def asked_for(args: argparse.Namespace, settings: Settings) -> tuple[Query, Place | None]:
    """The filters, and where a list goes on. Raises AskedWrongly."""
    given = {name: getattr(args, name, None) for name in FILTERS if args.action != "delete"}
    query, wrong = asked(
        {name: text for name, text in given.items() if text and text.strip()}, ZoneInfo(settings.TIMEZONE)
    )
    wrong += [(name, EMPTY) for name, text in given.items() if text is not None and not text.strip()]
    after = None
    try:
        query = msgspec.structs.replace(query, sort=sort(getattr(args, "sort", "newest")))
    except ValueError as error:
        wrong.append(("sort", str(error)))
    try:
        after = cursor.read(args.cursor, query.sort) if getattr(args, "cursor", "") else None
    except ValueError as error:
        wrong.append(("cursor", str(error)))
    if wrong:
        raise AskedWrongly(tuple(wrong))
    return query, after


def caller_of(args: argparse.Namespace) -> str:
    """Whose records are to be erased, "" where none are. Raises AskedWrongly."""
    if args.action != "delete":
        return ""
    try:
        return number(args.number)
    except ValueError as error:
        raise AskedWrongly((("number", str(error)),)) from None
