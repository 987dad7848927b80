"""`calling-agent hang-up` where it cannot; where it can is in tests/calls/test_calling_out.py."""

import pytest

from agent.config import Settings
from nurseries.main import run

SID = "CA" + "0" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in [*Settings.model_fields, "NODE_ENV", "CALLING_AGENT_KEY"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_what_is_no_call_is_said_so(capsys) -> None:
    assert run(["hang-up", "CA1"]) == 2
    assert "no CallSid" in capsys.readouterr().err


@pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:1", 5), ("nonsense", 2), ("ftp://x", 2)])
def test_where_no_server_is_it_is_said_so(capsys, url, code) -> None:
    assert run(["hang-up", SID, "--url", url]) == code
    assert "--url" in capsys.readouterr().err
