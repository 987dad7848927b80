"""Whose number it is, where it is, and whether a person may be behind it."""

import subprocess
import sys

import pytest

from agent.guard.numbers import Callee, callee, country_of, e164
from agent.guard.order import Refused


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+919876543210", Callee("+919876543210", "IN", ("Asia/Kolkata",))),
        ("+91 98765-43210", Callee("+919876543210", "IN", ("Asia/Kolkata",))),
        ("+1 (212) 555-1234", Callee("+12125551234", "US", ("America/New_York",))),
        ("+14165550123", Callee("+14165550123", "CA", ("America/Toronto",))),
        ("+18765551234", Callee("+18765551234", "JM", ("America/Jamaica",))),
        ("+447911123456", Callee("+447911123456", "GG", ("Europe/Guernsey",))),
        ("+390612345678", Callee("+390612345678", "IT", ("Europe/Rome",))),
    ],
)
def test_a_number_tells_its_country_and_its_time(text: str, found: Callee) -> None:
    assert callee(text, "IN") == found


def test_a_mobile_of_a_wide_country_may_be_anywhere_in_it() -> None:
    found = callee("+61412345678", "IN")

    assert isinstance(found, Callee)
    assert {"Australia/Perth", "Australia/Sydney"} <= set(found.zones)
    assert not any(zone.startswith("Indian/") for zone in found.zones)


@pytest.mark.parametrize("text", ["09876543210", "98765 43210", "00919876543210", "919876543210", "+910 98765 43210"])
def test_a_number_that_is_not_written_in_full_is_refused_with_its_spelling(text: str) -> None:
    refused = callee(text, "IN")

    assert isinstance(refused, Refused)
    assert "write +919876543210" in refused.detail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("+19005551234", "premium rate"),
        ("+911800123456", "toll free"),
        ("+447012345678", "personal number"),
        ("+870773111632", "satellite"),
        ("+4470123", "not in use"),
        ("+9198765432101", "not in use"),
        ("+999123456789", "no telephone number"),
        ("1-800-FLOWERS", "no telephone number"),
        ("anonymous", "no telephone number"),
        ("sip:asha@example.in", "no telephone number"),
        ("+91;ext=5", "no telephone number"),
        ("++919876543210", "no telephone number"),
        ("", "no telephone number"),
        ("+" + "9" * 5000, "no telephone number"),
        ("+९१९८७६५४३२१०", "no telephone number"),
    ],
)
def test_what_is_no_persons_number_is_refused(text: str, why: str) -> None:
    refused = callee(text, "IN")

    assert isinstance(refused, Refused)
    assert (refused.rule, refused.retry_after_s) == ("number", None)
    assert why in refused.detail
    assert len(refused.detail) < 200


def test_a_number_is_spelt_one_way() -> None:
    assert e164("+91 98765 43210", "IN") == "+919876543210"
    assert isinstance(e164("9876543210", "IN"), Refused)


def test_a_number_of_ours_has_a_country() -> None:
    assert [country_of(number) for number in ("+918012345678", "+12125551234", "+870773111632", "x")] == [
        "IN",
        "US",
        "",
        "",
    ]


def test_a_server_starts_without_the_numbering_plans() -> None:
    asked = "import sys, nurseries.serve, nurseries.main; sys.exit(any('phonenumbers' in name for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", asked], check=False, timeout=60).returncode == 0
