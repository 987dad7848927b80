import errno
import io
import json
import logging
import os
import subprocess
import sys

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


def test_the_process_that_has_a_call_is_told_in_whole(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", production=True)
    structlog.get_logger("x").info("another process has the call", holder="15853-9076954d")
    assert '"holder": "15853-9076954d"' in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "key=2026/11/27/CA6c072be01153cffc0123456739d61935.wav",
        "RE12345678901234567890123456789012 is done",
        "in 0.123456785s",
        "in 85.123456785s, then 12.000000001ms",
        "0.123456785",
        "550e8400-e29b-41d4-a716-446655440000",
        "token 0123456789abcdef0123456789abcdef",
        "at 2026-11-27 10:00:00.123456",
        "at 2026-11-27T10:00:00.123456+00:00",
    ],
)
def test_what_is_no_number_of_a_telephone_stays(text: str) -> None:
    assert logs.mask(None, "info", {"event": text})["event"] == text


@pytest.mark.parametrize(
    "text",
    [
        "+919876543210",
        "919876543210",
        "9876543210s",
        "91.9876543210",
        "98765.43210",
        "from:+91 98765 43210, to sip:9876543210@x",
        "tel9876543210x",
        "\\n9876543210",
        "(987) 654-3210",
        "0.5 s after +919876543210",
        "CA6c072be01153cffc0123456739d61935 +919876543210",
        "0 98765 43210",
    ],
)
def test_every_form_of_a_number_is_masked(text: str) -> None:
    left = logs.mask(None, "info", {"event": text})["event"]
    assert "***" in left
    assert "98765" not in left
    assert "654" not in left


def test_development_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warn", production=False)
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud", n=2)

    text = capsys.readouterr().err
    assert "quiet" not in text
    assert "loud" in text


def test_secrets_leave_in_no_line_by_their_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", production=True)
    key = "ca_abcdefgh_" + "0a" * 32
    structlog.get_logger("x").info(
        f"shown {key}",
        address="wss://h/twilio/media/eyJ.x-_y?z",
        uri="mongodb://user:hunter22@db:27017/x",
        header="Authorization: Bearer sesame",
    )

    text = capsys.readouterr().err
    for secret in (key, "eyJ.x-_y", "hunter22", "sesame"):
        assert secret not in text
    assert "ca_abcdefgh_***" in text


def test_the_secrets_of_the_configuration_leave_in_no_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", production=True, secrets=("hunter22", "hunter2222", "", "abc"))
    log = structlog.get_logger("x")
    try:
        int("hunter2222")
    except ValueError:
        log.exception("failed")
    log.info("abc", listed=["hunter22"], n=1)
    logging.getLogger("lib").warning("sent %s", "hunter22")

    text = capsys.readouterr().err
    assert "hunter" not in text
    assert "***22" not in text, "the longer of two is hidden whole"
    assert '"event": "abc"' in text


class Narrow(io.StringIO):
    """A file on a disk that is full for a while."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_line_that_cannot_be_written_is_nobody_s_fault_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Narrow()
    monkeypatch.setattr(sys, "stderr", file)
    logs.configure("info", production=True)
    log = structlog.get_logger("x")
    file.full = True
    log.info("lost")
    log.info("lost as well")
    file.full = False
    log.info("there again")
    log.info("as before")

    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [(line["event"], line.get("lines_lost")) for line in lines] == [("there again", 2), ("as before", None)]


WRITES = """
import sys
import structlog
from agent import log as logs
logs.configure("info", production=True)
structlog.get_logger().info("x" * 100)
logs.let_go()
sys.exit(3)
"""


@pytest.mark.parametrize("where", ["> /dev/full 2>&1", ">&- 2>&-"])
def test_an_exit_code_is_not_the_log_s(where: str) -> None:
    done = subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {where}', sys.executable, WRITES], check=False, timeout=60)
    assert done.returncode == 3
