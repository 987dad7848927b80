"""What a call remembers rests on the caller's own words."""

from __future__ import annotations

import trio

from agent.speak.ledger import Ledger
from agent.think.conversation import Conversation
from agent.think.facts import values
from nurseries.line.outbox import Outbox
from nurseries.talk.memory import Memory


async def test_what_the_agent_asks_about_is_not_what_the_caller_has_said(autojump_clock) -> None:
    box = Outbox(Ledger(), lead_ms=400, message_ms=160, room_ms=5000, began=trio.current_time())
    memory = Memory(box, Conversation())
    asked = "A two bedroom flat in Whitefield for eighty lakh rupees, is that what you want to buy?"
    memory.conversation.agent_heard(1, asked, 0, 1000, interrupted=False, rest="")

    memory.caller_said("I do not know", 1500, 2500)

    assert values(memory.facts) == {}
