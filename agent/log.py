"""Logs: JSON in production, readable in development, on standard error.

`pid` is on every line, whatever the context binds (`call_sid`) on every line of a call. Secrets and numbers are masked
here as well as where they are logged, so that one careless line does not leak. Who logs is never told that a line could
not be written: no call ends, and no process fails to leave, for a full disk or a reader that is gone.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

SHORTEST = 6
"""Characters of a secret that is looked for: a shorter one would be found in words that are none."""

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
_KEPT = (
    (re.compile(r"\bca_([a-z]{8})_[0-9a-f]{8,}"), r"ca_\1_***"),  # an API key: its id may be told
    (re.compile(r"(/twilio/media)/[^\s\"'?]+"), r"\1/***"),  # a softphone's token
    (re.compile(r"\b(bearer|basic) +[^\s\"']+", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), r"\1***@"),  # the password in an address
)
"""Secrets by their form, with what is left of them."""
_SECRET_NAMES = re.compile(r"token|secret|password|authorization|api_?key", re.IGNORECASE)
_SIDS = frozenset({"client", "call_sid", "stream_sid", "account_sid", "timestamp", "pid", "holder"})


class _Out:
    """Standard error, or nothing where it is closed. What it does not take is lost, and the next line that it takes
    tells how many were."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._lost = 0

    def write(self, line: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(line)
            self._file.flush()
        except (OSError, ValueError):
            self._lost += 1
        else:
            self._lost = 0

    def flush(self) -> None:
        """Nothing: each line was."""

    def tell(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Add to a line what was lost before it."""
        if self._lost:
            event["lines_lost"] = self._lost
        return event


def let_go() -> None:
    """At the end of a process: what standard output and error do not take is dropped. The interpreter would try once
    more, and change the exit code."""
    for file in (sys.stdout, sys.stderr):
        if file is None:
            continue
        try:
            file.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


def configure(
    level: str,
    *,
    production: bool,
    secrets: Iterable[str] = (),
    sieve: structlog.typing.Processor | None = None,
    first: structlog.typing.Processor | None = None,
) -> None:
    """Set up structlog, and the standard library's logging for the libraries below us. `secrets` are written nowhere,
    whatever line or traceback they turn up in; `sieve` sees each line first, and may drop it; `first` sees
    it before that, as it was written."""
    exact = sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, exact))) if exact else None
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if production
        # A plain traceback: the pretty one prints local variables, and with them what callers said.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr is not None and sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    out = _Out(sys.stderr)
    shared: list[structlog.typing.Processor] = [
        *([first] if first else []),
        structlog.contextvars.merge_contextvars,
        *([sieve] if sieve else []),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_pid,
        structlog.processors.format_exc_info,
        out.tell,
        mask if known is None else functools.partial(_mask_known, known),
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
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
            for form, rest in _KEPT:
                value = form.sub(rest, value)  # noqa: PLW2901
            event[name] = _NUMBER.sub(masked_number, value)
    return event


def _mask_known(
    known: re.Pattern[str], logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if not isinstance(value, int | float | None):
            event[name] = _without(known, value)
    return mask(logger, method, event)


def _without(known: re.Pattern[str], value: Any) -> Any:
    """The same without the secrets; what holds others as its text, where one is in it."""
    if isinstance(value, str):
        return known.sub("***", value)
    return known.sub("***", str(value)) if known.search(str(value)) else value


def masked_number(match: re.Match[str]) -> str:
    if match["other"]:
        return match[0]
    digits = re.sub(r"\D", "", match[0])
    return match[0] if len(digits) < 8 else f"***{digits[-2:]}"


def _add_pid(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["pid"] = os.getpid()
    return event
