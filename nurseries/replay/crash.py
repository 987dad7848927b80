"""What a call's own code raised: a decision as a recording tells of one, so that it is compared like any other."""

from __future__ import annotations

import traceback
from pathlib import Path

CRASH = "crash"


def crash(error: BaseException) -> dict[str, str]:
    """As it is recorded: the kind alone, for texts may have addresses."""
    return {"what": CRASH, "error": type(_first(error)).__name__}


def where(error: BaseException) -> str:
    """For whoever looks into it: the kind, the text, and the line that raised it."""
    first = _first(error)
    *_, last = traceback.extract_tb(first.__traceback__)
    folder, name = Path(last.filename).parts[-2:]
    return f"{type(first).__name__}: {first}, raised in {folder}/{name}, line {last.lineno}"


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
