"""`calling-agent dial`: has a running server place a call, and follows it to its end. Arguments in, exit code out.

0 the call was held (with --check: would be placed; with --no-wait: is placed), 1 it was not, or is not allowed, 2
usage, 3 the server's answer makes no sense, 5 no connection.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
import time
from typing import Any

import httpx2
import msgspec

from agent.config import load
from agent.guard.order import FINAL
from nurseries.dial.server import KEYLESS, address, client, unreachable

FINE, NOT_HELD, USAGE, NONSENSE, NO_CONNECTION = 0, 1, 2, 3, 5

ANSWER_S = 60.0
"""For one answer of the server: a call may wait for its turn."""

LOOK_S = 1.0
"""Between two looks at what has become of it."""

LOST = 5
"""Looks in a row without an answer, and it is not followed any more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `dial`."""
    parser.description = (
        "Have a running server call somebody, and follow the call to its end. The key comes from CALLING_AGENT_KEY, "
        "else from API_TOKEN; on this machine, in development, none is needed."
    )
    parser.epilog = (
        "Exit codes: 0 the call was held (--check: it is allowed; --no-wait: it is placed); 1 it was not; 2 usage; 3 "
        "the server's answer makes no sense; 5 no connection."
    )
    add = parser.add_argument
    add("to", metavar="NUMBER", help="whom to call, with the country code: +919876543210")
    add("--purpose", required=True, metavar="TEXT", help="for the agent, in a sentence: why it calls")
    add("--var", dest="variables", action="append", type=_variable, default=[], metavar="NAME=VALUE",
        help="what is known of the person, such as name=Asha; may be repeated")  # fmt: skip
    add("--from", dest="caller_id", default="", metavar="NUMBER", help="one of our numbers (TWILIO_CALLER_ID)")
    add("--campaign", default="", metavar="NAME", help="for whom or what: caps and reports go by it")
    add("--idempotency-key", default="", metavar="KEY", help="the same key is the same call: nobody is called twice")
    add("--check", action="store_true", help="tell whether the call would be placed, and place none")
    add("--no-wait", action="store_true", help="do not follow the call")
    add("--json", action="store_true", help="print the order, or the verdict, as JSON")
    add("--url", metavar="URL", help="the server (http://127.0.0.1:PORT)")


def run(args: argparse.Namespace) -> int:
    """Place the call; returns the exit code. Raises ConfigError for unusable settings."""
    settings = load()
    url = address(settings, args.url)
    if url is None:
        given = args.url[:100]
        print(f"calling-agent dial: --url {given!r} is no address such as http://127.0.0.1:3000", file=sys.stderr)
        return USAGE
    args.idempotency_key = args.idempotency_key or secrets.token_hex(16)
    try:
        with client(settings, url, ANSWER_S) as server:
            return _dial(server, args)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL) as error:
        print(f"calling-agent dial: {unreachable(url, error)}", file=sys.stderr)
        return NO_CONNECTION
    except httpx2.HTTPError as error:
        print(f"calling-agent dial: no answer of {url}: {error or type(error).__name__}", file=sys.stderr)
        if not args.check:  # a new key would be a second call
            again = f"the same with --idempotency-key {args.idempotency_key} tells, and calls nobody twice"
            print(f"calling-agent dial: whether the call is placed is not known: {again}", file=sys.stderr)
        return NO_CONNECTION
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        print(f"calling-agent dial: the answer of {url} makes no sense: is it this server?", file=sys.stderr)
        return NONSENSE


def _dial(server: httpx2.Client, args: argparse.Namespace) -> int:
    body = {
        "to": args.to,
        "purpose": args.purpose,
        "from": args.caller_id,
        "variables": dict(args.variables),
        "campaign": args.campaign,
        "idempotency_key": args.idempotency_key,
    }
    answer = server.post("/api/calls/check" if args.check else "/api/calls", json=body)
    told = msgspec.json.decode(answer.content)
    if not answer.is_success:
        return _refused(answer.status_code, told, args)
    if args.check:
        if args.json:
            print(msgspec.json.encode(told).decode())
        for each in told["refused"]:
            print(f"{each['rule']}: {each['detail']}", file=sys.stderr)
        if not args.json:
            print("the call would be placed" if told["allowed"] else "the call would not be placed")
        return FINE if told["allowed"] else NOT_HELD
    order = told if args.no_wait else _followed(server, told, args)
    if args.json:
        print(msgspec.json.encode(order).decode())
    elif args.no_wait:
        print(_in_words(order))
    placed = order["state"] not in {"failed", "unknown", "placing"} if args.no_wait else order["state"] == "completed"
    return FINE if placed else NOT_HELD


def _followed(server: httpx2.Client, order: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """The order at its end, or as it was last known."""
    told, lost = "", 0
    while True:
        words = _in_words(order)
        if words != told:
            told = words
            print(words, file=sys.stderr if args.json else sys.stdout, flush=True)
        if order["state"] in FINAL:
            return order
        time.sleep(LOOK_S)
        try:
            answer = server.get(f"/api/orders/{order['order_id']}")
            if answer.status_code == httpx2.codes.OK:
                order, lost = msgspec.json.decode(answer.content), 0
                continue
        except httpx2.HTTPError:
            pass
        lost += 1
        if lost >= LOST:
            print("calling-agent dial: what becomes of it is not to be found out any more", file=sys.stderr)
            return order


def _refused(status: int, told: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print(msgspec.json.encode(told).decode())
    refused = told.get("refused") or []
    for each in refused:
        print(f"calling-agent dial: {each['rule']}: {each['detail']}", file=sys.stderr)
    if status == httpx2.codes.UNAUTHORIZED:
        print(f"calling-agent dial: {KEYLESS}", file=sys.stderr)
    elif not refused:
        print(f"calling-agent dial: {told.get('detail') or told.get('title') or status}", file=sys.stderr)
    return USAGE if status in {400, 401, 409} else NOT_HELD


def _in_words(order: dict[str, Any]) -> str:
    parts = (order["order_id"], order["state"], order.get("call_sid", ""), order.get("reason", ""))
    return "  ".join(filter(None, parts))


def _variable(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,31}", name):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE, such as name=Asha")
    return name, value
