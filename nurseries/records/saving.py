"""An export into a file, or to standard output: pages of records in, bytes out; a file is whole or not there."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from agent.errors import StoreError
from agent.keep.record import CallRecord
from agent.keep.table import Format, body, head


def save(pages: Iterator[list[CallRecord]], kind: Format, out: Path | None) -> None:
    """Raises StoreError, and the file is then as it was; OSError where standard output cannot be written. What is there
    and is no file, such as a named pipe, is written into."""
    if out is None:
        _write(sys.stdout.buffer, pages, kind)
        return
    try:
        target = Path(os.path.realpath(out))  # a link stays one
        there = _stat(target)
        if there is not None and stat.S_ISDIR(there.st_mode):
            raise StoreError(f"cannot write {out}: it is a folder: name a file in it")
        if there is not None and not stat.S_ISREG(there.st_mode):
            with os.fdopen(os.open(target, os.O_WRONLY), "wb") as file:
                _write(file, pages, kind)
            return
        _replace(target, stat.S_IMODE(there.st_mode) if there is not None else 0o600, pages, kind)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror or error}") from error


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _replace(target: Path, mode: int, pages: Iterator[list[CallRecord]], kind: Format) -> None:
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchmod(file.fileno(), mode)
            _write(file, pages, kind)
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _write(file: BinaryIO, pages: Iterator[list[CallRecord]], kind: Format) -> None:
    file.write(head(kind))
    file.writelines(body(kind, page) for page in pages)
    file.flush()
