"""`calling-agent serve`: one process that serves, or the parent of several workers. Nothing is imported that only the
other one needs."""

from __future__ import annotations

from agent.config import load


def start() -> int:
    """Serve until told to leave; returns the exit code. Raises ConfigError before anything is listened on."""
    settings = load()
    if settings.workers > 1:
        from nurseries.workers.parent import parent

        return parent(settings)

    from nurseries.serve import serve

    return serve(settings)
