"""Twilio's connection overrides, from an address's fragment."""

from __future__ import annotations

import pytest

from agent.rehearsal.overrides import Overrides, overridden


@pytest.mark.parametrize(
    ("url", "bare", "expected"),
    [
        ("https://h/a?b=c", "https://h/a?b=c", Overrides()),
        ("https://h/a#", "https://h/a", Overrides()),
        ("https://h/a?b=c#rc=2", "https://h/a?b=c", Overrides(retries=2)),
        ("https://h/a#ct=100&rt=200&tt=300", "https://h/a", Overrides(connect_s=0.1, read_s=0.2, total_s=0.3)),
        ("https://h/a#rp=ct,rt,5xx&rc=5", "https://h/a", Overrides(retries=5, policies=frozenset({"ct", "rt", "5xx"}))),
        ("https://h/a#rp=all", "https://h/a", Overrides(policies=frozenset({"ct", "rt", "4xx", "5xx"}))),
        ("https://h/a#e=singapore&sni=y", "https://h/a", Overrides()),
    ],
)
def test_a_fragment(url: str, bare: str, expected: Overrides) -> None:
    assert overridden(url) == (bare, expected)


@pytest.mark.parametrize("fragment", ["rc=6", "rc=x", "ct=99", "tt=15001", "rp=6xx", "rp=", "zz=1", "rc"])
def test_what_twilio_does_not_know_is_named(fragment: str) -> None:
    with pytest.raises(ValueError, match=fragment.partition("=")[0]):
        overridden(f"https://h/a#{fragment}")


def test_what_is_tried_again() -> None:
    usual = Overrides()
    assert usual.again("ct")
    assert not usual.again("rt")
    assert not usual.again("503")

    _, told = overridden("https://h#rp=rt,5xx")
    assert not told.again("ct")
    assert told.again("rt")
    assert told.again("503")
    assert not told.again("404")
