"""Several processes on one DATA_DIR, as workers are: what they write at once is all there, and none is told that a file
is locked."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from agent.keep.query import Query
from agent.providers.sqlite import SqliteStore
from agent.providers.sqlite_leases import SqliteLeases

PROCESSES, CALLS = 3, 25
BOUND_S = 60.0


def test_what_several_processes_write_at_once_is_all_there(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.agent.providers.folder_crowd", str(tmp_path)]
    crowd = [
        subprocess.Popen([*program, str(n), str(CALLS)], stdout=subprocess.PIPE, text=True) for n in range(PROCESSES)
    ]
    told = [process.communicate(timeout=BOUND_S)[0].splitlines() for process in crowd]

    assert [process.returncode for process in crowd] == [0] * PROCESSES
    assert [lines[1:] for lines in told] == [[""]] * PROCESSES, "each act has its time"
    expected = {f"CA{name}-{n}" for name in range(PROCESSES) for n in range(CALLS)}
    with closing(SqliteStore(tmp_path / "calls.db")) as store:
        assert {record.call_sid for record in store.find(Query(), 1000)} == expected
    with closing(SqliteLeases(tmp_path / "leases.db")) as leases:
        assert {sid for sid in expected if leases.get(sid).holder == sid[2:].partition("-")[0]} == expected
    assert list((tmp_path / "unsaved").iterdir()) == []
