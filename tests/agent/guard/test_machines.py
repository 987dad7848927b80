import pytest

from agent.guard.machines import deed


@pytest.mark.parametrize("policy", ["off", "hang-up", "message"])
@pytest.mark.parametrize("who", ["human", "unknown", "", "somebody"])
def test_who_is_not_known_for_a_machine_is_talked_to(who, policy) -> None:
    assert deed(who, policy) == "go on"


@pytest.mark.parametrize("end", ["machine_end_beep", "machine_end_silence", "machine_end_other"])
def test_a_message_is_left_where_a_machine_can_be_spoken_to(end) -> None:
    assert deed(end, "message") == "leave a message"
    assert deed(end, "hang-up") == "hang up"
    assert deed(end, "off") == "go on"


@pytest.mark.parametrize("who", ["machine_start", "fax"])
def test_others_are_hung_up_on(who) -> None:
    assert deed(who, "message") == deed(who, "hang-up") == "hang up"
