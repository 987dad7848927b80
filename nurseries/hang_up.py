"""`calling-agent hang-up`: has a running server end a call, whether it still rings or goes on."""

from __future__ import annotations

import argparse
import os
import sys

import httpx2
import msgspec

from agent.config import Settings, load
from agent.web.orders import SID

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
    url = (args.url or f"http://127.0.0.1:{settings.PORT or 3000}").rstrip("/")
    try:
        answer = httpx2.delete(
            f"{url}/api/calls/{args.call_sid}", headers=_key(settings), timeout=ANSWER_S, trust_env=False
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return _said(AWAY, f"no answer from {url}: {error or type(error).__name__}. Is the server running there? --url")
    if answer.is_success:
        return OVER
    return _said(REFUSED, _detail(answer))


def _key(settings: Settings) -> dict[str, str]:
    key = os.environ.get("CALLING_AGENT_KEY", "") or settings.API_TOKEN.get_secret_value()
    return {"Authorization": f"Bearer {key}"} if key else {}


def _detail(answer: httpx2.Response) -> str:
    try:
        told = msgspec.json.decode(answer.content, type=_Problem).detail
    except (msgspec.MsgspecError, UnicodeError):
        told = ""
    return told or f"the server answered {answer.status_code}"


def _said(code: int, what: str) -> int:
    print(f"calling-agent: {what}", file=sys.stderr)
    return code
