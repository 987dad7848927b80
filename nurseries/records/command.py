"""`calling-agent calls`: what is kept of calls, read, exported and erased from where the server keeps it.

The same filters and the same forms as the HTTP API's. It needs no server; where one runs on the same store, what is
erased here stays erased there.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

import msgspec

from agent import log as logs
from agent.config import Settings, load
from agent.errors import AskedWrongly, StoreError
from agent.keep import cursor
from agent.keep.ports import CallStore
from agent.keep.query import Place, Query, place_of
from agent.keep.shown import shown
from agent.keep.transcript import as_vtt
from nurseries.records.arguments import add_arguments, asked_for, caller_of
from nurseries.records.forgetting import forget
from nurseries.records.pages import pages
from nurseries.records.saving import save
from nurseries.records.story import in_a_line, story
from nurseries.stores import open_stores

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Returns the exit code: 0; 1 where there is no such call or something could not be done; 2 for a usage that cannot
    be used."""
    settings = load()
    if sys.stdout is None and getattr(args, "out", None) is None:
        raise StoreError("standard output is closed: nothing could be shown")
    logs.configure("error", production=False)  # what this does is told in its own words
    try:
        code = _run(args, settings)
        if sys.stdout is not None:
            sys.stdout.flush()
    except AskedWrongly as error:
        for name, detail in error.wrong:
            print(f"calling-agent: --{name.replace('_', '-')}: {detail}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:  # of standard output: stores and files have errors of their own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        raise StoreError(f"cannot write to standard output: {error.strerror or error}") from error
    return code


def _run(args: argparse.Namespace, settings: Settings) -> int:
    query, after = asked_for(args, settings)
    caller = caller_of(args)
    if args.action != "delete":
        _refuse_to_begin_one(settings)
    with open_stores(settings) as stores:
        store = stores.calls
        match args.action:
            case "list":
                return _list(store, query, after, args)
            case "show":
                return _show(store, args)
            case "export":
                save(pages(store, query, None), args.format, args.out)
                return 0
            case _:
                return forget(store, settings, caller, args, stores.orders, stores.leases)


def _refuse_to_begin_one(settings: Settings) -> None:
    """Raises StoreError where there is no database: who reads in the wrong folder leaves nothing there."""
    path = settings.DATA_DIR / "calls.db"
    if settings.MONGODB_URI.get_secret_value():
        return
    with contextlib.suppress(OSError):
        try:
            path.stat()
        except FileNotFoundError:
            raise StoreError(
                f"there is no database {path.absolute()}: no call has come yet, or the server keeps its records"
                " elsewhere: set DATA_DIR or MONGODB_URI as it has them"
            ) from None


def _list(store: CallStore, query: Query, after: Place | None, args: argparse.Namespace) -> int:
    last = None
    for page in pages(store, query, after, args.limit):
        for record in page:
            print(msgspec.json.encode(shown(record)).decode() if args.json else in_a_line(record))
        last = place_of(page[-1], query.sort)
    if last is None and after is None:
        what = "no call yet" if query == Query(sort=query.sort) else "no call matches"
        print(f"calling-agent: {what} in {store.name}.", file=sys.stderr)
    if last is not None and store.find(query, 1, last):
        print(f"calling-agent: there are more: --cursor {cursor.written(last)}", file=sys.stderr)
    return 0


def _show(store: CallStore, args: argparse.Namespace) -> int:
    record = store.get(args.call_sid) if args.call_sid else next(iter(store.find(Query(), 1)), None)
    if record is None:
        what = f"no call {args.call_sid}" if args.call_sid else "no call yet"
        print(f"calling-agent: {what} in {store.name}.", file=sys.stderr)
        return 1
    if args.json or args.format == "json":
        print(msgspec.json.format(msgspec.json.encode(shown(record))).decode())
    else:
        print(as_vtt(record) if args.format == "vtt" else story(record), end="" if args.format == "vtt" else "\n")
    return 0
