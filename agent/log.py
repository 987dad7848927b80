"""Logs: JSON in production, readable in development, on standard error.

`pid` is on every line, whatever the context binds (`call_sid`) on every line of a call. Secrets and numbers are masked
here as well as where they are logged, so that one careless line does not leak.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

_NUMBER = re.compile(
    r"""
    (?<![0-9A-Za-z.+])(?P<other>
        (?: [A-Z]{2}[0-9a-f]{32}                            # a sid of Twilio's
          | [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}     # a UUID
          | (?=[0-9]*[a-f])[0-9a-f]{16,}                    # a hash
        )(?![0-9A-Za-z])
      | [0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9:.]*     # a time
      | (?:0|[0-9]+(?=\.[0-9]+m?s\b))\.[0-9]+               # a fraction; seconds
    )
    | \+?\d[\d\s().-]{6,}\d
    """,
    re.VERBOSE,
)
"""Telephone numbers; what only looks like one is matched as a whole, and left."""
_SECRET_NAMES = re.compile(r"token|secret|password|authorization|api_?key", re.IGNORECASE)
_SIDS = frozenset({"client", "call_sid", "stream_sid", "account_sid", "timestamp", "pid"})


def configure(level: str, *, production: bool, sieve: structlog.typing.Processor | None = None) -> None:
    """Set up structlog, and the standard library's logging for the libraries below us. `sieve` sees each
    line first, and may drop it."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if production
        # A plain traceback: the pretty one prints local variables, and with them what callers said.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        *([sieve] if sieve else []),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_pid,
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
        )
    )
    # Libraries speak up from warnings on: their own debug lines carry request bodies, that is, what callers said.
    logging.basicConfig(handlers=[handler], level=max(LEVELS[level], logging.WARNING), force=True)


def mask(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide secrets by name and phone numbers by form, keeping the last two digits to tell callers apart."""
    for name, value in event.items():
        if name in _SIDS:
            continue
        if not isinstance(value, str):
            continue
        if _SECRET_NAMES.search(name):
            event[name] = "***"
        else:
            event[name] = _NUMBER.sub(masked_number, value)
    return event


def masked_number(match: re.Match[str]) -> str:
    if match["other"]:
        return match[0]
    digits = re.sub(r"\D", "", match[0])
    return match[0] if len(digits) < 8 else f"***{digits[-2:]}"


def _add_pid(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["pid"] = os.getpid()
    return event
