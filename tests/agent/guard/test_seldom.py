"""Log lines that strangers can cause."""

import pytest
import structlog

from agent.guard.seldom import Seldom


def said(seldom, name="signature does not fit", **more):
    try:
        return seldom(None, "warning", {"event": name, **more})
    except structlog.DropEvent:
        return None


def test_once_for_a_client_and_minute():
    clock = [0.0]
    seldom = Seldom(lambda: clock[0])

    assert said(seldom, client="a") == {"event": "signature does not fit", "client": "a"}
    assert said(seldom, client="a") is None
    assert said(seldom, client="b") is not None
    assert said(seldom, "api refused", client="a") is not None
    clock[0] = 61
    assert said(seldom, client="a") is not None


@pytest.mark.parametrize("name", ["call over", "crashed"])
def test_what_strangers_cannot_cause_is_always_said_and_names_no_client(name):
    seldom = Seldom(lambda: 0.0)

    assert [said(seldom, name, client="a") for _ in range(3)] == [{"event": name}] * 3
