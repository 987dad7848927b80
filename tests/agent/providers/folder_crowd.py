"""One process of several on one DATA_DIR: it takes calls, renews its leases, saves records, burns tokens, puts records
aside and takes them back, as fast as it can. Prints how long the slowest single act took, and what failed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from agent.errors import StoreError
from agent.guard.lease import Lease, Stand, take
from agent.keep.record import CallRecord
from agent.providers.aside import put_aside, take_back
from agent.providers.old_files import remove_old
from agent.providers.sqlite import SqliteStore
from agent.providers.sqlite_access import SqliteAccess
from agent.providers.sqlite_leases import SqliteLeases

STARTED = "2026-11-22T10:00:00.000+00:00"


def main(folder: Path, name: str, calls: int) -> tuple[float, list[str]]:
    slowest, faults = 0.0, []

    def act(work: Callable[[], object]) -> None:
        nonlocal slowest
        began = time.monotonic()
        try:
            work()
        except StoreError as error:
            faults.append(str(error))
        slowest = max(slowest, time.monotonic() - began)

    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteStore(folder / "calls.db")))
        leases = opened.enter_context(closing(SqliteLeases(folder / "leases.db")))
        access = opened.enter_context(closing(SqliteAccess(folder / "access.db")))
        for n in range(calls):
            sid = f"CA{name}-{n}"
            lease = Lease(sid, name, 1, "MZ1", Stand.HELD, 0.0)
            record = CallRecord(sid, "AC1", "+919876543210", "+918012345678", "inbound", STARTED, n, "", ())
            act(lambda lease=lease: leases.change(lease.call_sid, take(lease)))
            act(lambda: leases.renew(name))
            act(lambda record=record: store.save(record))
            act(lambda sid=sid: access.burn(sid, time.time() + 60))
            act(lambda record=record: put_aside(folder / "unsaved", record))
            act(lambda: take_back(folder / "unsaved", store, None, set()))
            act(lambda: remove_old(folder, 3600.0))
    return slowest, faults


if __name__ == "__main__":
    slowest, faults = main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    sys.stdout.write(f"{slowest:.3f}\n")
    sys.stdout.write("\n".join(faults) + "\n")
