"""What SQLite files are opened with."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from agent.providers.sqlite_file import Connection, private


def make(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS things (thing)")


def test_a_write_is_all_of_it_or_nothing(tmp_path: Path) -> None:
    connection = Connection(tmp_path / "x.db", make)

    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO things VALUES (1)")
        raise KeyError

    with pytest.raises(KeyError):
        connection.write(half)
    connection.write(lambda db: db.execute("INSERT INTO things VALUES (2)"))
    assert connection.read(lambda db: db.execute("SELECT thing FROM things").fetchall()) == [(2,)]
    connection.close()


def test_a_file_and_what_sqlite_puts_beside_it_are_for_our_user_alone(tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    (tmp_path / "old.db").chmod(0o644)
    for path in (tmp_path / "old.db", tmp_path / "new" / "new.db"):
        private(path)
        connection = Connection(path, make)
        connection.write(lambda db: db.execute("INSERT INTO things VALUES (1)"))
        files = list(path.parent.glob(f"{path.name}*"))
        assert len(files) == 3
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
        connection.close()


def test_what_is_deleted_is_not_to_be_found_in_the_file(tmp_path: Path) -> None:
    connection = Connection(tmp_path / "x.db", make)
    connection.write(lambda db: db.execute("INSERT INTO things VALUES (?)", ("said in confidence " * 1000,)))
    assert connection.cut_log()
    assert b"in confidence" in (tmp_path / "x.db").read_bytes()
    connection.write(lambda db: db.execute("DELETE FROM things"))
    assert connection.cut_log()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    connection.close()
    assert b"in confidence" not in left


def test_a_new_file_is_opened_by_several_at_once(tmp_path: Path) -> None:
    opened: list[Connection] = []
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
