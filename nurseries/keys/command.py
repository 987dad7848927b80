"""`calling-agent keys`: API keys, made, listed and revoked where the server keeps them. It needs no server."""

from __future__ import annotations

import argparse
import re
import secrets
import sys
import time
from datetime import UTC, datetime

import msgspec

from agent import log as logs
from agent.config import Settings, load
from agent.errors import StoreError
from agent.guard.access import AccessStore
from agent.guard.api_keys import SCOPES, ApiKey, new_key
from nurseries.keys.keyring import FRESH_S
from nurseries.stores import ACCESS_FILE, open_stores

_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,60}")
LONGEST_DAYS = 3650


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `keys`."""
    parser.description = (
        "Keys to the HTTP API. They are made where the server keeps them, with its own environment (DATA_DIR, "
        "MONGODB_URI); no server has to run."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key; it is shown once, and kept as a hash")
    create.add_argument("--name", type=_name, required=True, help="whose it is, for the log")
    create.add_argument(
        "--scope", choices=SCOPES, required=True, help="read; call: and place calls; admin: and everything else"
    )
    create.add_argument("--expires", type=_days, metavar="DAYS", help="ends after so many days; else when revoked")
    listing = actions.add_parser("list", help="all keys, without their secrets")
    revoke = actions.add_parser("revoke", help="end a key, in every process, within seconds")
    revoke.add_argument("id", metavar="ID", help="as `keys list` shows it; or the key itself")
    for action in (create, listing):
        action.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code: 0; 1 where there is no such key. Raises ConfigError, StoreError."""
    settings = load()
    if sys.stdout is None:
        raise StoreError("standard output is closed: nothing could be shown")
    logs.configure("error", production=False)
    if args.action != "create" and not _begun(settings):  # who asks in the wrong folder leaves nothing there
        return _list([], settings, args) if args.action == "list" else _no_such(args.id)
    with open_stores(settings) as stores:
        match args.action:
            case "create":
                return _create(stores.access, args)
            case "list":
                return _list(stores.access.keys(), settings, args)
            case _:
                return _revoke(stores.access, args)


def _create(store: AccessStore, args: argparse.Namespace) -> int:
    key, shown = new_key(args.name, args.scope, days=args.expires, now=time.time(), random=secrets.token_bytes)
    store.add(key)
    if args.json:
        print(msgspec.json.encode(_told(key) | {"key": shown}).decode())
        return 0
    print(shown)
    print(f"calling-agent: {_in_a_line(key)}. It is shown this once.", file=sys.stderr)
    return 0


def _begun(settings: Settings) -> bool:
    return bool(settings.MONGODB_URI.get_secret_value()) or (settings.DATA_DIR / ACCESS_FILE).exists()


def _list(keys: list[ApiKey], settings: Settings, args: argparse.Namespace) -> int:
    for key in keys:
        print(msgspec.json.encode(_told(key)).decode() if args.json else _in_a_line(key))
    if not keys:
        where = "MONGODB_URI" if settings.MONGODB_URI.get_secret_value() else settings.DATA_DIR.absolute()
        print(f"calling-agent: no key yet in {where}. API_TOKEN is not listed.", file=sys.stderr)
    return 0


def _revoke(store: AccessStore, args: argparse.Namespace) -> int:
    key_id = _id(args.id)
    if not store.revoke(key_id, time.time()):
        return _no_such(key_id)
    print(f"calling-agent: {key_id} is revoked: servers take it for {FRESH_S:g} s more at most.", file=sys.stderr)
    return 0


def _no_such(key_id: str) -> int:
    print(f"calling-agent: there is no key {_id(key_id)}.", file=sys.stderr)
    return 1


def _id(shown: str) -> str:
    """Of a key, or of what is its id already; never its secret."""
    return shown.split("_")[1] if shown.startswith("ca_") else shown[:40]


def _told(key: ApiKey) -> dict[str, object]:
    """All but the hash."""
    told: dict[str, object] = msgspec.to_builtins(key)
    del told["digest"]
    return told | {"state": key.state(time.time())}


def _in_a_line(key: ApiKey) -> str:
    state = key.state(time.time())
    ends = key.revoked_at if state == "revoked" else key.expires_at
    word = {"valid": "until", "revoked": "on", "expired": "on"}[state]
    return (
        f"{key.key_id}  {key.scope:5}  {key.name}  made {_day(key.created_at)}  "
        f"used {_day(key.used_at) if key.used_at else 'never'}  {state}" + (f" {word} {_day(ends)}" if ends else "")
    )


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}Z"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or not text.strip():
        raise argparse.ArgumentTypeError("must be 1 to 60 characters in one line")
    return text.strip()


def _days(text: str) -> float:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_DAYS):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of days from 1 to {LONGEST_DAYS}")
    return float(text)
