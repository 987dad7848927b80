"""How one process stands, for whoever scrapes it: its state and what keeps its records in, readings out."""

from __future__ import annotations

import time
from collections.abc import Iterator

from agent.metrics import Reading
from agent.web.state import ProcessState
from nurseries.keep.keeping import Keeping
from nurseries.purse import Purse


def standing(state: ProcessState, keeping: Keeping, purse: Purse | None = None) -> Iterator[Reading]:
    """Now. Not a checkpoint."""
    yield Reading("calls_now", "Calls that go on.", state.calls)
    yield Reading("calls_most", "Calls that this process takes at the same time.", state.most)
    yield Reading("calls_promised", "Calls that were told to connect, and have not yet.", state.expected(time.time()))
    yield Reading("accepting", "1 while new calls are taken.", float(state.accepting))
    yield Reading("draining", "1 from the first signal to leave.", float(state.draining))
    yield Reading("journal_ok", "0 while what is said cannot be written down.", float(not state.journal_fault))
    yield from keeping.readings()
    if purse is not None:
        yield from purse.readings()
