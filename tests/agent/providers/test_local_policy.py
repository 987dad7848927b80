"""The scripted dialogue behind the language model's port: streamed in words, cancellable, honest about its goodbye."""

import trio
import trio.testing

from agent.providers.local_policy import LocalPolicy
from agent.think.policy import Persona
from agent.think.ports import LanguageModel, Message, Prompt, Reply, ToolCall, ToolSpec

MODEL: LanguageModel = LocalPolicy(Persona("Priya", "Premier Realty Group"))


async def reply(*said: str) -> tuple[list[str], Reply]:
    pieces: list[str] = []

    async def emit(piece: str) -> None:
        pieces.append(piece)

    messages = tuple(Message("caller", words) for words in said)
    return pieces, await MODEL.reply(Prompt("", messages), emit)


async def test_a_reply_comes_in_words_that_join_to_the_whole():
    pieces, ending = await reply("I am looking for a two bedroom flat in Whitefield, around eighty lakhs.")
    assert len(pieces) > 8
    assert "".join(pieces).endswith(
        "A two bedroom flat in Whitefield, around 80 lakhs. How soon are you hoping to move?"
    )
    assert ending == Reply(says_goodbye=False)


async def test_a_goodbye_is_reported():
    pieces, ending = await reply("Thank you, bye.")
    assert "".join(pieces).endswith("Goodbye!")
    assert ending == Reply(says_goodbye=True)


async def test_a_full_receiver_holds_it_back_and_a_cancel_stops_it():
    pieces: list[str] = []

    async def emit(piece: str) -> None:
        if len(pieces) == 3:
            await trio.sleep_forever()
        pieces.append(piece)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(MODEL.reply, Prompt("", (Message("caller", "I want to buy a flat"),)), emit)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert len(pieces) == 3


async def test_other_tasks_run_between_its_words():
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        pieces, _ = await reply("hello")
        nursery.cancel_scope.cancel()
    assert others >= len(pieces) // 2


def test_its_name_says_what_it_is():
    assert MODEL.name == "scripted dialogue"


async def test_a_caller_who_wants_a_person_is_connected_where_that_can_be() -> None:
    transfer = ToolSpec("transfer_to_human", "Connect.", {"type": "object", "properties": {}})
    asks = (Message("agent", "How may I help you?"), Message("caller", "I want to talk to a real person please"))

    async def ask(prompt: Prompt) -> tuple[str, Reply]:
        pieces: list[str] = []

        async def keep(piece: str) -> None:
            pieces.append(piece)

        reply = await LocalPolicy(Persona("Priya", "Premier")).reply(prompt, keep)
        return "".join(pieces), reply

    text, reply = await ask(Prompt("", asks, tools=(transfer,)))
    assert "connecting you" in text
    assert [call.name for call in reply.calls] == ["transfer_to_human"]

    text, reply = await ask(Prompt("", asks))
    assert "connecting" not in text
    assert reply.calls == ()

    ran = Message("tool", "No colleague can be reached now.", ToolCall("1", "transfer_to_human", "{}"))
    text, reply = await ask(Prompt("", (*asks, ran), tools=(transfer,)))
    assert reply.calls == ()
    assert text


async def test_who_asks_not_to_be_called_is_noted_first_and_then_told_what_came_of_it():
    said = Message("caller", "Please do not call me again.")
    tool, call = ToolSpec("stop_calling", "", {}), ToolCall("1", "stop_calling", "{}")

    async def answer(*results: str) -> tuple[str, Reply]:
        pieces: list[str] = []

        async def emit(piece: str) -> None:
            pieces.append(piece)

        messages = (said, *(Message("tool", text, call) for text in results))
        ending = await MODEL.reply(Prompt("", messages, tools=(tool,)), emit)
        return "".join(pieces), ending

    assert await answer() == ("", Reply(calls=(call,)))
    noted, failed = await answer("Noted: never again."), await answer("It could not be noted here.")
    assert "I have noted that you do not want to be called" in noted[0]
    assert "A colleague will see to it" in failed[0]
    assert noted[1] == failed[1] == Reply(says_goodbye=True)
