"""`calling-agent serve`: one process that serves, or the parent of several workers. Nothing is imported that only the
other one needs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from agent import log as logs
from agent.config import load
from nurseries.signals import at_the_end


def start() -> int:
    """Serve until told to leave; returns the exit code. Raises ConfigError before anything is listened on."""
    settings = load()
    try:
        if settings.workers > 1:
            from nurseries.workers.parent import parent

            return parent(settings)

        with no_garbage():
            from nurseries.serve import serve

            return serve(settings)
    finally:
        logs.let_go()
        at_the_end()


@contextmanager
def no_garbage() -> Iterator[None]:
    """What is made until calls are taken stays: looking through it for garbage takes a seventh of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
