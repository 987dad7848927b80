"""Has workers told of what the others have counted: a question in, to all but the one that asks; their answers out.

Nothing is waited for: who does not take a word now is left out, and the one that asks bounds how long it waits.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.workers import words
from nurseries.workers.hatch import close
from nurseries.workers.worker import Worker

MOST = 64
"""Questions that may be open: whoever asks gives up after a second."""


class Relay:
    """One parent's. Nothing here is a checkpoint."""

    def __init__(self) -> None:
        self._count = 0
        self._open: dict[int, tuple[Worker, int]] = {}
        """Who has asked, and by which number, by ours."""

    def ask(self, by: Worker, n: int, others: Iterable[Worker]) -> None:
        """Ask all others."""
        self._count += 1
        self._open[self._count] = (by, n)
        while len(self._open) > MOST:
            del self._open[next(iter(self._open))]
        of = sum(other.put(words.Ask(self._count)) for other in others)
        by.put(words.Asked(n, of, by.name))

    def told(self, by: Worker, n: int, file: int) -> None:
        """An answer, in a file that is this one's to close."""
        asked = self._open.get(n)
        if asked is not None:
            to, theirs = asked
            to.put(words.Told(theirs, by.name), file)
        close(file)
