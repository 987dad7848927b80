"""Whose records are erased, and what is told of it."""

from datetime import UTC, datetime

import msgspec
import pytest

from agent.keep.erasure import Erased, audit_line, goes_on, of_person
from agent.keep.record import CallRecord

OURS, THEIRS = "+918012345678", "+919876543210"
CALL = CallRecord("CA1", "AC1", THEIRS, OURS, "inbound", "2026-11-22T10:00:00.000+00:00", 65_000, "", ())


@pytest.mark.parametrize("direction", ["outbound-api", "outbound-dial", "outbound"])
def test_the_person_is_who_is_not_us(direction: str) -> None:
    out = msgspec.structs.replace(CALL, direction=direction, caller=OURS, called=THEIRS)

    assert of_person(CALL, THEIRS)
    assert of_person(out, THEIRS)
    assert not of_person(CALL, OURS)
    assert not of_person(out, OURS)


def test_a_sip_address_is_the_same_in_any_case() -> None:
    assert of_person(msgspec.structs.replace(CALL, caller="sip:Meera@x.in"), "SIP:meera@X.in")


def test_a_call_without_an_ending_goes_on_for_no_longer_than_one_can() -> None:
    assert goes_on(CALL, datetime(2026, 11, 22, 10, 30, tzinfo=UTC), 600)
    assert not goes_on(CALL, datetime(2026, 11, 22, 10, 41, tzinfo=UTC), 600)
    assert not goes_on(msgspec.structs.replace(CALL, started_at="long ago"), datetime.now(UTC), 600)
    over = msgspec.structs.replace(CALL, ending="failed")
    assert not goes_on(over, datetime(2026, 11, 22, 10, 1, tzinfo=UTC), 600)


def test_the_audit_log_is_no_list_of_numbers() -> None:
    line = audit_line(Erased(THEIRS, records=2, failed=["x"]), who="the API", at=datetime(2026, 11, 22, tzinfo=UTC))

    assert line.endswith(b"\n")
    assert THEIRS.encode() not in line
    assert msgspec.json.decode(line) == {
        "at": "2026-11-22T00:00:00.000+00:00",
        "what": "erased a caller's records",
        "who": "the API",
        "number": "***10",
        "records": 2,
        "recordings": 0,
        "leftovers": 0,
        "goes_on": 0,
        "elsewhere": 0,
        "failed": 1,
        "orders": 0,
        "do_not_call": "kept",
    }
