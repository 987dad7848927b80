"""What several rooms of the suite share: a real mongod and a real S3 server, started once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.browser.absent import missing, words
from tests.examples import load
from tests.fakes.mongod import Mongod
from tests.fakes.s3 import S3Server

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: products of small matrices wait for threads, mostly

load()

collect_ignore_glob = ["browser/*"] if missing() else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if missing():
        terminalreporter.section("NO BROWSER", sep="=", red=True, bold=True)
        for line in words():
            terminalreporter.write_line(line, red=True)


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """A replica set of one. TEST_MONGO_URI names another server; where no mongod can be had, this says so loudly."""
    if given := os.environ.get("TEST_MONGO_URI"):
        yield given
        return
    server = Mongod()
    try:
        yield server.uri
    finally:
        server.remove()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One that checks signatures."""
    server = S3Server()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def standalone_uri() -> Iterator[str]:
    """A server that is no replica set."""
    server = Mongod(standalone=True)
    try:
        yield server.uri
    finally:
        server.remove()
