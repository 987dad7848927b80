"""What systemd is told, held against the server: its deadlines, its signals and its settings."""

from __future__ import annotations

import configparser
import re
import signal
from pathlib import Path

import pytest

from agent.config import Settings, load
from nurseries.leaving import longest_drain_s
from nurseries.workers.crew import MORE_S
from tests.ops.test_manifests import SECRETS

FOLDER = Path(__file__).resolve().parents[2] / "ops" / "systemd"


@pytest.fixture
def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / "calling-agent.service")
    return unit["Service"]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """As a server has them that is started with the example, filled in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text((FOLDER / "example.env").read_text())
    for name in Settings.model_fields.keys() - {"DATA_DIR"}:
        monkeypatch.delenv(name, raising=False)
    for name, value in SECRETS.items():
        if name != "MONGODB_URI":
            monkeypatch.setenv(name, value)
    return load()


def test_nobody_is_killed_before_the_last_deadline(service: configparser.SectionProxy, settings: Settings) -> None:
    minutes = re.fullmatch(r"(\d+)min", service["TimeoutStopSec"])
    assert minutes is not None
    needed = longest_drain_s(settings) + MORE_S
    assert needed <= int(minutes[1]) * 60 <= needed + 60


def test_a_reload_moves_calls_to_other_workers(service: configparser.SectionProxy, settings: Settings) -> None:
    assert signal.Signals.SIGHUP.name == "SIG" + service["ExecReload"].split()[1].removeprefix("-")
    assert settings.workers > 1
    assert settings.DRAIN_MODE == "hand-off"


def test_a_start_that_no_second_try_mends_is_not_tried_again(service: configparser.SectionProxy) -> None:
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")


def test_a_worker_that_is_killed_does_not_end_the_others(service: configparser.SectionProxy) -> None:
    assert service["OOMPolicy"] == "continue"
