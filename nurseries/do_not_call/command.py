"""`calling-agent do-not-call`: who is never called, kept where the server keeps it. It needs no server."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent import countries
from agent import log as logs
from agent.config import load
from agent.errors import StoreError
from agent.guard import numbers
from agent.guard.dial_book import DialBook, DoNotCall
from agent.guard.order import Refused
from nurseries.do_not_call.importing import take_in
from nurseries.stores import open_stores

PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `do-not-call`."""
    parser.description = (
        "The list of who is never called, where the server keeps it: with its own environment (DATA_DIR, MONGODB_URI); "
        "no server has to run."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="never call this number again")
    remove = actions.add_parser("remove", help="it may be called again")
    check = actions.add_parser("check", help="whether it is on the list: exit code 1 where it is")
    listing = actions.add_parser("list", help="all of them, by number")
    taking = actions.add_parser("import", help="add every number of a file: one a line, or CSV")
    for action in (add, remove, check):
        action.add_argument("number", metavar="NUMBER", help="with its country code")
    taking.add_argument(
        "file", metavar="FILE", help="CSV: the column named number or phone, else the first; - is stdin"
    )
    taking.add_argument(
        "--country", type=_country, metavar="CODE", help="numbers without a country code are of this one, such as IN"
    )
    for action in (add, taking):
        action.add_argument("--why", default="", metavar="TEXT")
    for action in (check, listing):
        action.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code: 0; 1 where a number is not on the list (with `check`, where it is), or some of a file are
    none; 2 for a number that is none. Raises ConfigError, StoreError."""
    settings = load()
    if sys.stdout is None:
        raise StoreError("standard output is closed: nothing could be shown")
    logs.configure("error", production=False)
    home = numbers.home_of(settings.dial_from)
    with open_stores(settings) as stores:
        book = stores.dial_book
        match args.action:
            case "list":
                return _list(book, args)
            case "import":
                return _import(book, args, home)
        number = numbers.listable(args.number, home)
        if isinstance(number, Refused):
            print(f"calling-agent: {number.detail}", file=sys.stderr)
            return 2
        match args.action:
            case "add":
                return _add(book, number, args)
            case "remove":
                return _remove(book, number)
            case _:
                return _check(book, number, args)


def _add(book: DialBook, number: str, args: argparse.Namespace) -> int:
    new = book.add([DoNotCall(number, "calling-agent do-not-call", args.why, _now())])
    print(f"{number} is on the list{'' if new else ' already'}")
    return 0


def _remove(book: DialBook, number: str) -> int:
    there = book.remove(number)
    print(f"{number} is {'off the list' if there else 'not on the list'}")
    return 0 if there else 1


def _check(book: DialBook, number: str, args: argparse.Namespace) -> int:
    entry = book.get(number)
    if args.json:
        print(msgspec.json.encode(entry).decode())
    else:
        print(_in_a_line(entry) if entry else f"{number} is not on the list")
    return 1 if entry else 0


def _list(book: DialBook, args: argparse.Namespace) -> int:
    after = ""
    while page := book.listed(after, PAGE):
        for entry in page:
            print(msgspec.json.encode(entry).decode() if args.json else _in_a_line(entry))
        after = page[-1].number
    return 0


def _import(book: DialBook, args: argparse.Namespace, home: str) -> int:
    name = "standard input" if args.file == "-" else Path(args.file).name
    template = DoNotCall("", f"import of {name}", args.why, _now())
    try:
        if args.file == "-":
            taken = take_in(sys.stdin.buffer, book, template, args.country, home)
        else:
            with Path(args.file).open("rb") as file:
                taken = take_in(file, book, template, args.country, home)
    except OSError as error:
        raise StoreError(f"cannot read {args.file}: {error.strerror or error}") from error
    for fault in taken.faults:
        print(f"calling-agent: {fault}", file=sys.stderr)
    if more := taken.refused - len(taken.faults):
        print(f"calling-agent: and {more} more lines that are no numbers", file=sys.stderr)
    print(f"{taken.added} added, {taken.known} on the list already, {taken.refused} not taken")
    return 1 if taken.refused else 0


def _in_a_line(entry: DoNotCall) -> str:
    told = " ".join(filter(None, (entry.who, f"({entry.why})" if entry.why else "")))
    return f"{entry.number:16}  {entry.at[:19]:19}  {told}".rstrip()


def _country(text: str) -> str:
    if text.upper() not in countries.zones():
        raise argparse.ArgumentTypeError(f"{text!r} is no country's code, such as IN (ISO 3166)")
    return text.upper()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
