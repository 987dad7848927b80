"""What SQLite files are opened with."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from agent.providers.sqlite_file import Connection


def test_a_new_file_is_opened_by_several_at_once(tmp_path: Path) -> None:
    opened: list[Connection] = []

    def make(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE IF NOT EXISTS things (thing)")

    for n in range(40):
        path = tmp_path / f"{n}.db"
        threads = [threading.Thread(target=lambda: opened.append(Connection(path, make))) for _ in range(6)]  # noqa: B023  joined within
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for connection in opened:
        connection.close()

    assert len(opened) == 240
