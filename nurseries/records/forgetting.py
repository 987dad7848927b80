"""`calling-agent calls delete`: asks back, erases, and tells what became of it."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

import msgspec

from agent.config import Settings
from agent.guard.lease import LeaseStore
from agent.guard.ports import OrderStore
from agent.keep.erasure import Erased, of_person
from agent.keep.ports import CallStore
from agent.keep.query import Query
from nurseries.keep.erasing import Erasing
from nurseries.records.pages import pages
from nurseries.stores import open_objects


def forget(
    store: CallStore,
    settings: Settings,
    caller: str,
    args: argparse.Namespace,
    orders: OrderStore | None = None,
    leases: LeaseStore | None = None,
) -> int:
    """Returns the exit code: 1 where something is left, 2 where nobody has said that it is meant. Raises StoreError."""
    if not args.yes and not _sure(store, caller):
        return 2
    erased = Erased(caller)
    objects = open_objects(settings)
    try:
        erasing = Erasing(store, objects, settings, lost=args.sounds_gone, orders=orders, leases=leases)
        _erase(erasing, erased)
    finally:
        objects.close()
    print(msgspec.json.encode(erased).decode() if args.json else _told(erased))
    for fault in erased.failed:
        print(f"calling-agent: not erased: {fault}", file=sys.stderr)
    if erased.failed:
        print("calling-agent: ask again: what is erased stays so, and the rest is tried again.", file=sys.stderr)
    return 1 if erased.failed else 0


def _erase(erasing: Erasing, erased: Erased) -> None:
    gone: set[str] = set()
    who = f"calling-agent calls delete, by {_user()}"
    with erasing.audit(erased.number, who) as audit:
        try:
            gone = erasing.erase(erased, {}, set())
        except KeyboardInterrupt:
            erased.failed.append("interrupted")
            raise
        finally:
            erasing.tell(audit, erased, gone, who)


def _sure(store: CallStore, caller: str) -> bool:
    if not sys.stdin.isatty():
        print("calling-agent: nobody can be asked whether this is meant: add --yes to erase.", file=sys.stderr)
        return False
    count = sum(of_person(record, caller) for page in pages(store, Query(number=caller), None) for record in page)
    what = f"{_counted(count, 'record')} of {caller}"
    print(f"Erase {what} for good, with sounds and journals? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    print("calling-agent: nothing is erased.", file=sys.stderr)
    return False


def _told(erased: Erased) -> str:
    what = [_counted(erased.records, "record"), _counted(erased.recordings, "sound")]
    what += [_counted(erased.orders, "order")] if erased.orders else []
    lines = [f"erased of {erased.number}: {', '.join(what)}; {erased.leftovers} in files that processes had left"]
    if erased.goes_on:
        lines.append(f"not erased: {_counted(erased.goes_on, 'call')} still going on; ask again when over")
    if erased.elsewhere:
        lines.append(
            f"{_counted(erased.elsewhere, 'file')} (journals, recordings on their way) of running servers may still "
            f"tell of them, and will not bring them back; DELETE /api/callers/{erased.number} erases there as well"
        )
    return "\n".join(lines)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"user {os.getuid()}"
