"""The history that a model is given, of what was really said."""

from agent.think.conversation import Conversation

MOMENT = "One moment, please."


def told(conversation: Conversation) -> list[str]:
    return [f"{message.role}: {message.text}" for message in conversation.messages()]


def test_a_filler_is_kept_but_no_model_is_told_of_it_wherever_it_stands() -> None:
    conversation = Conversation(frozenset({MOMENT}))
    conversation.caller_said("a flat", 0, 900)
    conversation.agent_heard(2, MOMENT, 4000, 5200, False)
    conversation.agent_heard(2, "In which area?", 6000, 7000, False)
    conversation.caller_said("Hebbal", 8000, 9000)
    conversation.agent_heard(3, "Let me see.", 9500, 10_000, False)
    conversation.agent_heard(3, MOMENT, 13_000, 14_000, False)

    assert told(conversation) == ["caller: a flat", "agent: In which area?", "caller: Hebbal", "agent: Let me see."]
    assert [line.text for line in conversation.lines if line.role == "agent"] == [
        f"{MOMENT} In which area?",
        f"Let me see. {MOMENT}",
    ]


def test_a_turn_of_which_only_a_filler_was_heard_is_none() -> None:
    conversation = Conversation(frozenset({MOMENT}))
    conversation.caller_said("a flat", 0, 900)
    conversation.agent_heard(2, MOMENT, 4000, 5200, False)
    conversation.caller_said("in Hebbal", 5300, 6000)
    conversation.agent_heard(3, "Lovely.", 6500, 7000, True)

    assert told(conversation) == ["caller: a flat", "caller: in Hebbal", "agent: Lovely. -"]


def test_a_line_that_went_on_after_an_aside_is_whole_again() -> None:
    conversation = Conversation()
    conversation.agent_heard(1, "Hello, this is", 0, 900, True)
    conversation.caller_said("mm-hm", 900, 1200, aside=True)
    conversation.agent_heard(1, "Priya.", 1500, 2000, False)

    assert told(conversation) == ["agent: Hello, this is Priya."]


def test_a_line_that_was_cut_knows_what_was_meant_until_it_goes_on() -> None:
    conversation = Conversation()
    conversation.agent_heard(1, "Hello.", 0, 500, False)
    conversation.agent_heard(1, "This is", 500, 900, True, "Priya of Premier.")
    conversation.agent_heard(1, "", 900, 900, True, "How may I help?")

    (line,) = conversation.lines
    assert (line.text, line.meant) == ("Hello. This is", "Hello. This is Priya of Premier. How may I help?")

    conversation.agent_heard(1, "Priya of Premier.", 1500, 2000, False)
    assert conversation.lines[0].meant == ""


def test_what_was_meant_is_forgotten_where_the_turn_goes_on_after_an_aside() -> None:
    conversation = Conversation()
    conversation.agent_heard(1, "Hello, this is", 0, 900, True, "Priya.")
    conversation.caller_said("mm-hm", 900, 1200, aside=True)
    conversation.agent_heard(1, "Priya.", 1500, 2000, False)

    assert [line.meant for line in conversation.lines] == ["", "", ""]
