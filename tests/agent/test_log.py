import json
import logging
import os

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from agent import log as logs


@pytest.fixture(autouse=True)
def _as_it_was():
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=[], force=True)


def test_production_logs_json_with_pid_and_call(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", production=True)
    with bound_contextvars(call_sid="CA1"):
        structlog.get_logger("x").info("something", n=1)
    structlog.get_logger("x").debug("unheard")

    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["call_sid"], event["pid"], event["event"], event["n"]) == ("CA1", os.getpid(), "something", 1)


def test_no_secret_and_no_full_number_leaves_at_any_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", production=True)
    log = structlog.get_logger("x")
    log.debug("dialled +91 98765 43210", caller="+919876543210", auth_token="hunter2", call_sid="CA12345678901234")
    try:
        int("+919876543210 rupees")
    except ValueError:
        log.exception("failed")
    logging.getLogger("lib").warning("calling %s", "+14155550123")

    text = capsys.readouterr().err
    for secret in ("9876543210", "98765 43210", "hunter2", "4155550123"):
        assert secret not in text
    assert "***10" in text
    assert "CA12345678901234" in text


def test_development_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warn", production=False)
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud", n=2)

    text = capsys.readouterr().err
    assert "quiet" not in text
    assert "loud" in text
