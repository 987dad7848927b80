"""An export into a file, or to standard output: pages of records in, bytes out; a file is whole or not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from agent.errors import StoreError
from agent.keep.record import CallRecord
from agent.keep.table import Format, body, head


def save(pages: Iterator[list[CallRecord]], kind: Format, out: Path | None) -> None:
    """Raises StoreError; the file is then as it was."""
    if out is None:
        _write(sys.stdout.buffer, pages, kind)
        return
    aside = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        try:
            with aside.open("xb") as file:
                _write(file, pages, kind)
                os.fsync(file.fileno())
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror or error}") from error


def _write(file: BinaryIO, pages: Iterator[list[CallRecord]], kind: Format) -> None:
    file.write(head(kind))
    file.writelines(body(kind, page) for page in pages)
    file.flush()
