"""`calling-agent hang-up`: has a running server end a call, whether it still rings or goes on."""

from __future__ import annotations

import argparse
import sys

import httpx2
import msgspec

from agent.config import load
from agent.web.orders import SID
from nurseries.dial.server import KEYLESS, address, client, unreachable

OVER, REFUSED, USAGE, AWAY = 0, 1, 2, 5
ANSWER_S = 20.0
"""More than the server takes for it, tries included."""


class _Problem(msgspec.Struct):
    detail: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "End a call through a running server. The key is CALLING_AGENT_KEY or API_TOKEN, with the scope call. "
        "Exit code: 0 it is over, 1 refused, 2 usage, 5 no server."
    )
    parser.add_argument("call_sid", metavar="CALLSID", help="such as CA0123...: GET /api/orders tells it")
    parser.add_argument("--url", metavar="URL", help="the server (http://127.0.0.1:PORT)")


def run(args: argparse.Namespace) -> int:
    """Returns the exit code. Raises ConfigError."""
    settings = load()
    if not SID.fullmatch(args.call_sid):
        return _said(USAGE, f"{args.call_sid[:60]!r} is no CallSid: CA and 32 digits and letters a to f.")
    url = address(settings, args.url)
    if url is None:
        return _said(USAGE, f"--url {args.url[:100]!r} is no address such as http://127.0.0.1:3000")
    try:
        with client(settings, url, ANSWER_S) as server:
            answer = server.delete(f"/api/calls/{args.call_sid}")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return _said(AWAY, unreachable(url, error))
    if answer.is_success:
        return OVER
    return _said(REFUSED, KEYLESS if answer.status_code == httpx2.codes.UNAUTHORIZED else _detail(answer))


def _detail(answer: httpx2.Response) -> str:
    try:
        told = msgspec.json.decode(answer.content, type=_Problem).detail
    except (msgspec.MsgspecError, UnicodeError):
        told = ""
    return told or f"the server answered {answer.status_code}"


def _said(code: int, what: str) -> int:
    print(f"calling-agent: {what}", file=sys.stderr)
    return code
