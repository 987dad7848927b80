"""The keypad, on given times."""

import pytest

from agent.hear.keys import LONGEST, Keypad, Pressed, parse_bindings

TOOLS = ("transfer_to_human", "repeat", "end_call")
BOUND = {"0": "transfer_to_human", "*": "repeat", "#": "end_call"}


def typed(keys: str, *, every_s: float = 0.3) -> list[Pressed]:
    """What comes of these keys, looked at whenever it is due."""
    pad, now, taken = Keypad(1.5, BOUND), 0.0, []
    for key in keys:
        if pad.due is not None and pad.due <= now:
            taken.append(pad.take(now))
        pad.press(key, now)
        now += every_s
    while (due := pad.due) is not None:
        taken.append(pad.take(due))
    return taken


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("0", [Pressed("0", "transfer_to_human")]),
        ("*", [Pressed("*", "repeat")]),
        ("#", [Pressed("#", "end_call")]),
        ("5", [Pressed("5")]),
        ("00", [Pressed("00")]),
        ("80#", [Pressed("80")]),
        ("0#", [Pressed("0", "transfer_to_human")]),
        ("12#34#", [Pressed("12"), Pressed("34")]),
        ("##", [Pressed("#", "end_call")]),
        ("", []),
        ("x1A २\n2", [Pressed("12")]),
        ("9" * (LONGEST + 2), [Pressed("9" * LONGEST), Pressed("99")]),
    ],
)
def test_keys_become_an_action_or_what_was_told(keys, expected):
    assert typed(keys, every_s=0.01) == expected


def test_a_pause_parts_what_was_told():
    assert typed("98", every_s=1.6) == [Pressed("9"), Pressed("8")]
    assert typed("98", every_s=1.4) == [Pressed("98")]


def test_it_tells_when_to_look_and_gives_nothing_before():
    pad = Keypad(1.5, {})
    assert pad.due is None
    pad.press("4", 10.0)
    pad.press("2", 11.0)

    assert pad.due == 12.5
    assert pad.take(12.4) is None
    assert pad.take(12.5) == Pressed("42")
    assert pad.due is None
    assert pad.take(99.0) is None


def test_a_hash_is_not_waited_for_and_what_follows_is_not_lost():
    pad = Keypad(1.5, {})
    for key in "42#7":
        pad.press(key, 10.0)

    assert pad.due == 10.0
    assert [pad.take(10.0), pad.take(10.0), pad.take(11.5)] == [Pressed("42"), None, Pressed("7")]


def test_digits_are_said_one_by_one():
    assert Pressed("9845*#").text == "nine eight four five star hash"


def test_bindings_are_read():
    assert parse_bindings(" 0 = transfer_to_human,*=repeat, ,#=end_call", TOOLS) == (BOUND, ())
    assert parse_bindings("", TOOLS) == ({}, ())


def test_every_fault_of_the_bindings_is_told():
    bindings, faults = parse_bindings("0=repeat, 0=end_call, 10=repeat, A=repeat, 1=dance, 2, =repeat", TOOLS)

    assert bindings == {"0": "repeat"}
    assert [fault.split(":")[0] for fault in faults] == ["DTMF_BINDINGS"] * 6
    assert "key 0 is bound twice" in faults[0]
    assert "no tool 'dance'; known are end_call, repeat, transfer_to_human" in faults[3]
