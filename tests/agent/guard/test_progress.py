"""An order goes forward only, however its callbacks come."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.guard.order import FINAL, Order, Wanted
from agent.guard.progress import ORDER_ID, Told, after, age_s, failed, order_id, told, unknown

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NEW = Order(order_id(1e9, bytes(10)), Wanted("+919876543210", "to ask"), NOW.isoformat())
LIFE = ["initiated", "ringing", "in-progress", "completed"]


def test_ids_sort_by_time_and_look_like_sids() -> None:
    early, late = order_id(1e9, b"\xff" * 10), order_id(1e9 + 0.001, bytes(10))

    assert ORDER_ID.fullmatch(early)
    assert early < late


def test_callbacks_in_any_order_and_twice_come_to_the_same_end() -> None:
    news = [Told("CA1", status, n) for n, status in enumerate(LIFE)]
    for order in itertools.permutations([*news, *news[2:]]):
        now = NEW
        for each in order:
            now = after(now, each, NOW)
        assert (now.state, now.call_sid, now.sequence) == ("completed", "CA1", 3)


@given(st.lists(st.sampled_from([*LIFE, "queued", "busy", "no-answer", "failed", "canceled", "", "nonsense"])))
def test_a_state_never_goes_back_and_a_final_one_stays(statuses) -> None:
    order, seen = NEW, []
    for n, status in enumerate(statuses):
        order = after(order, Told("CA1", status, n), NOW)
        seen.append(order.state)
    final = [state for state in seen if state in FINAL]
    assert len(set(final)) <= 1
    assert seen[len(seen) - len(final) :] == final


def test_another_calls_news_change_nothing() -> None:
    order = after(NEW, Told("CA1", "ringing", 1), NOW)

    assert after(order, Told("CA2", "completed", 9), NOW) is order


def test_what_changes_nothing_is_the_same_order() -> None:
    order = after(NEW, Told("CA1", "ringing", 1), NOW)

    assert after(order, Told("CA1", "ringing", 1), NOW + timedelta(1)) is order


def test_a_conclusion_from_silence_gives_way_to_the_carriers_word() -> None:
    given_up = failed(unknown(NEW, "no answer", NOW), "nobody has heard of it", NOW)

    assert after(given_up, Told("CA1", "completed", 3), NOW).state == "completed"
    refused = failed(after(NEW, Told("CA1", "queued"), NOW), "why", NOW)
    assert after(refused, Told("CA1", "ringing", 1), NOW).state == "failed"


def test_the_first_verdict_stands() -> None:
    order = after(after(NEW, Told("CA1", answered_by="human"), NOW), Told("CA1", answered_by="fax"), NOW)

    assert (order.answered_by, order.state) == ("human", "placing")


def test_fields_that_make_no_sense_are_left_out() -> None:
    assert told("CA1", "ringing", "-1", "<b>") == Told("CA1", "ringing")
    assert told("CA1", "x" * 9, "2", "machine_end_beep", "y" * 999).sequence == 2


def test_an_age_that_cannot_be_read_is_none() -> None:
    assert age_s(NEW, NOW + timedelta(seconds=5)) == 5
    assert age_s(NEW, NOW - timedelta(seconds=5)) == 0
    assert age_s(Order("OR", NEW.wanted, "yesterday"), NOW) == 0
