"""SIGHUP to a server of one process: see `nurseries.renewal`."""

import os
import signal
from pathlib import Path

import pytest

from nurseries.renewal import not_here
from tests.calls.server import Server
from tests.calls.witness import SETTINGS


def test_a_reload_of_a_server_without_workers_ends_no_call_and_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path, **SETTINGS)  # type: ignore[arg-type]
    try:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("SIGHUP renews nothing here", 30)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("SIGHUP renews nothing here", 30)
        assert server.leave() == 0
    finally:
        server.kill()


async def test_a_terminal_that_closes_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _file: True)
    await not_here(alone=True)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
