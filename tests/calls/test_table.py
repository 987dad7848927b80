"""A table of calls: what the caller does when, and how the record tells it. All in virtual time, a few lines each,
and in one file, to be looked up by what the caller does.

The greeting's first sentence plays from 0.2 to 1.5 s, its second until 2.6 s. A caller's line without a time is said
when it is their turn. "caller (aside)" was heard over the agent and asked for no answer; " -" ends what was cut off.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.model import Ending
from agent.providers.scripted import Script, call
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import Line
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured, longest_silence, tone

COLLEAGUE = "+918044556677"
LONG = "We have several homes in Whitefield. Some are near the lake. Which one would you like to see?"


@dataclass(frozen=True)
class Story:
    name: str
    caller: tuple[Line, ...]
    script: Script
    told: str
    """The whole record; "..." stands for any words."""
    ending: Ending = Ending.CALLER_HUNG_UP
    settings: dict[str, object] = field(default_factory=dict)
    plan: dict[str, object] = field(default_factory=dict)
    check: Callable[[Stage, CallLog], bool] = lambda _stage, _log: True
    live: str = ""
    """The record where one model hears, thinks and speaks, if it differs: a reply is one line, and its sound begins
    before it is known whether a tool is called."""


TABLE = (
    # Backchannels and false interruptions
    Story(
        "a backchannel does not take the turn",
        (tone(350, at_ms=1000),),
        Script(heard=("mm-hm",)),
        """
        agent: Hello, this is
        caller (aside): mm-hm
        agent: Priya. How may I help you?
        """,
        plan={"quiet_ms": 3000},
        check=lambda stage, _: (stage.record.backchannels, stage.record.barge_ins) == (1, 0),
    ),
    Story(
        "a backchannel in Hindi does not either",
        (tone(500, at_ms=1000),),
        Script(heard=("theek hai",)),
        """
        agent: Hello, this is
        caller (aside): theek hai
        agent: Priya. How may I help you?
        """,
        plan={"quiet_ms": 3000},
    ),
    Story(
        "an assent to a question is its answer",
        (tone(500), tone(350, at_ms=10_000)),
        Script(
            heard=("a flat in Whitefield", "yes"), replies=("Shall I arrange for you a visit on Sunday?", "Lovely.")
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a flat in Whitefield
        agent: ...
        caller: yes
        agent: Lovely.
        """,
    ),
    Story(
        "a cough lets the agent go on from the word it was cut at",
        (tone(200, at_ms=1000),),
        Script(heard=("",)),
        "agent: Hello, this is Priya. How may I help you?",
        plan={"quiet_ms": 3000},
        check=lambda stage, log: stage.record.false_interruptions == 1 and longest_silence(log, 1000) < 2500,
    ),
    Story(
        "a sound that the recogniser never makes out lets it go on as well",
        (tone(200, at_ms=1000),),
        Script(hear_s=60),
        "agent: Hello, this is Priya. How may I help you?",
        plan={"quiet_ms": 4000},
        check=lambda _, log: longest_silence(log, 1000) < 3000,
    ),
    Story(
        "two backchannels in a row",
        (tone(300, at_ms=700), tone(300, at_ms=2900)),
        Script(heard=("mm-hm", "haan")),
        """
        agent: ...
        caller (aside): mm-hm
        agent: ...
        caller (aside): haan
        agent: ...
        """,
        settings={"GREETING": LONG.replace("?", ".")},
        plan={"quiet_ms": 3000},
    ),
    Story(
        "an echo that a recogniser still understands does not stop the agent",
        (tone(1500, at_ms=1500),),
        Script(heard=("hello this is priya how may",)),
        "agent: Hello, this is Priya. How may I help you?",
        plan={"quiet_ms": 3000},
        check=lambda stage, _: stage.record.false_interruptions == 1,
    ),
    # Barge-in
    Story(
        "words over the agent take the turn",
        (tone(1200, at_ms=1000),),
        Script(heard=("I want to sell my house",), replies=("Where is it?",)),
        """
        agent: Hello, this is -
        caller: I want to sell my house
        agent: Where is it?
        """,
        check=lambda stage, log: len(log.clears) == 1 and stage.record.barge_ins == 1,
    ),
    Story(
        "a double barge-in: each time the newest words are answered",
        (tone(900, at_ms=1000), tone(900, at_ms=4500)),
        Script(heard=("stop", "no, wait"), replies=(LONG, "I am listening.")),
        """
        agent: Hello, this is -
        caller: stop
        agent: We ... -
        caller: no, wait
        agent: I am listening.
        """,
        check=lambda stage, log: len(log.clears) == 2 and stage.record.barge_ins == 2,
    ),
    Story(
        "more words while the agent thinks are answered together",
        (tone(700), tone(700, at_ms=5600)),
        Script(heard=("a flat", "in Hebbal"), replies=("Hebbal, lovely.",), first_token_s=2.0),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a flat
        caller: in Hebbal
        agent: Hebbal, lovely.
        """,
    ),
    Story(
        "a hang-up in the middle of a word leaves what was heard",
        (tone(700),),
        Script(heard=("a flat",), replies=(LONG,)),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a flat
        agent: We have several homes in Whitefield. Some -
        """,
        plan={"hang_up_at_ms": 7650},
    ),
    # Who was called says hello first
    Story(
        "who was called and says hello is not talked over, and then greeted",
        (tone(500, at_ms=400),),
        Script(heard=("hello?",), replies=("never said",)),
        """
        caller: hello?
        agent: Hello, this is Priya. How may I help you?
        """,
        plan={"direction": "outbound-api"},
        check=lambda _, log: log.played[0].at_ms > log.spoken[0].end_ms and log.clears == [],
    ),
    Story(
        "who was called and says nothing is greeted all the same",
        (),
        Script(),
        "agent: Hello, this is Priya. How may I help you?",
        plan={"direction": "outbound-api"},
        check=lambda _, log: 1500 < log.played[0].at_ms < 2500,
    ),
    # End of turn
    Story(
        "a pause for thought is not the end of a turn",
        (tone(700), tone(700, at_ms=4850)),
        Script(heard=("my budget is",), replies=("I see.",)),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: my budget is
        agent: I see.
        """,
        check=lambda stage, _: (stage.record.early_transcriptions, stage.record.early_discarded) == (2, 1),
        live="""
        agent: Hello, this is Priya. How may I help you?
        caller: my budget is my budget is
        agent: I see.
        """,
    ),
    Story(
        "complete words are answered sooner",
        (tone(700),),
        Script(heard=("eighty lakhs",), replies=("I see.",)),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: eighty lakhs
        agent: I see.
        """,
        check=lambda stage, _: stage.record.turns[0].heard_ms == 0,
    ),
    # Silence
    Story(
        "silence: a prompt, another one, then goodbye",
        (),
        Script(),
        """
        agent: Hello, this is Priya. How may I help you?
        agent: Hello?
        agent: Still there?
        agent: Bye then.
        """,
        Ending.CALLER_SILENT,
        {"SILENCE_PROMPTS": "Hello? | Still there?", "GOODBYE": "Bye then."},
        {"quiet_ms": 60_000, "patience_ms": 60_000},
    ),
    Story(
        "mumbling puts the prompt off, but not for ever",
        tuple(tone(300, at_ms=5000 + 4000 * n) for n in range(8)),
        Script(heard=("",)),
        """
        agent: Hello, this is Priya. How may I help you?
        agent: Hello?
        agent: Still there?
        agent: Bye then.
        """,
        Ending.CALLER_SILENT,
        {"SILENCE_PROMPTS": "Hello? | Still there?", "GOODBYE": "Bye then."},
        {"quiet_ms": 90_000, "patience_ms": 90_000},
        lambda _, log: next(p.at_ms for p in log.played if p.at_ms > 3000) > 13_000,
    ),
    Story(
        "no prompt while a slow tool runs",
        (tone(700, at_ms=3300),),
        Script(
            heard=("book it",),
            replies=("Let me see.",),
            calls={1: (call("slow"),)},
            after_calls={1: "Done."},
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: book it
        agent: Let me see. One moment, please.
        slow: slept
        agent: Done.
        """,
        settings={"SILENCE_S": 2, "TOOLS_FILE": "tests/calls/tools_for_stories.py"},
        plan={"hang_up_at_ms": 10_500, "quiet_ms": 6000},
    ),
    # Length
    Story(
        "the limit is announced, then there is a goodbye",
        (tone(700, at_ms=3300),),
        Script(heard=("a flat",), replies=("Where?",)),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a flat
        agent: Where?
        agent: Nearly over.
        agent: Bye then.
        """,
        Ending.TIME_LIMIT,
        {"CALL_MAX_MINUTES": 0.5, "NOTICE_S": 10, "NOTICE": "Nearly over.", "GOODBYE": "Bye then.", "SILENCE_S": 60},
        {"quiet_ms": 60_000, "patience_ms": 60_000},
    ),
    Story(
        "a caller who never stops is told all the same, and the call ends in time",
        (tone(40_000, at_ms=3000),),
        Script(heard=("and so on",)),
        """
        agent: Hello, this is Priya. How may I help you?
        agent: Nearly over.
        agent: Bye then.
        """,
        Ending.TIME_LIMIT,
        {"CALL_MAX_MINUTES": 0.5, "NOTICE_S": 10, "NOTICE": "Nearly over.", "GOODBYE": "Bye then."},
        {"quiet_ms": 60_000, "patience_ms": 60_000},
        lambda stage, _: stage.record.duration_ms < 33_000,
    ),
    # Tools
    Story(
        "a visit is noted, and what was noted is known",
        (tone(700),),
        Script(
            heard=("Sunday at eleven",),
            replies=("One second.",),
            calls={1: (call("schedule_site_visit", date="2027-01-03", time="11:00", place="Hebbal"),)},
            after_calls={1: "Noted, Sunday at eleven."},
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: Sunday at eleven
        schedule_site_visit: The visit is noted for Sunday, 03 January, 11:00 in Hebbal. A colleague will confirm it.
        agent: One second. Noted, Sunday at eleven.
        """,
        check=lambda stage, _: stage.record.facts["visit"] == "2027-01-03 11:00, Hebbal",
        live="""
        agent: Hello, this is Priya. How may I help you?
        caller: Sunday at eleven
        agent: One second.
        schedule_site_visit: The visit is noted for Sunday, 03 January, 11:00 in Hebbal. A colleague will confirm it.
        agent: Noted, Sunday at eleven.
        """,
    ),
    Story(
        "a transfer leaves by the Connect action, once it has been announced",
        (tone(700),),
        Script(
            heard=("a person please",),
            replies=("I am connecting you.",),
            calls={1: (call("transfer_to_human", reason="asked"),)},
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a person please
        transfer_to_human: The caller is being connected. Tell them so in one short sentence.
        agent: I am connecting you.
        """,
        Ending.TRANSFERRED,
        {"TRANSFER_TO": COLLEAGUE},
        check=lambda stage, log: [to for _, to in stage.handed_over] == [COLLEAGUE] and log.unplayed_ms == 0,
        live="""
        agent: Hello, this is Priya. How may I help you?
        caller: a person please
        agent: I am connecting you.
        transfer_to_human: The caller is being connected. Tell them so in one short sentence.
        """,
    ),
    Story(
        "end_call says goodbye first, in the configured words where the model has none",
        (tone(700),),
        Script(heard=("that is all",), replies=("",), calls={1: (call("end_call"),)}),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: that is all
        end_call: The call ends after your goodbye. Say it now.
        agent: Bye then.
        """,
        Ending.AGENT_SAID_GOODBYE,
        {"GOODBYE": "Bye then."},
        check=lambda _, log: log.unplayed_ms == 0,
    ),
    Story(
        "repeat says the last words again",
        (tone(700),),
        Script(heard=("what",), replies=("",), calls={1: (call("repeat"),)}),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: what
        repeat: Your last words are being said again.
        agent: Hello, this is Priya. How may I help you?
        """,
    ),
    Story(
        "a barge-in behind a tool loses neither its result nor the words",
        (tone(700, at_ms=3300), tone(900, at_ms=5900)),
        Script(
            heard=("book it", "no, make it Sunday"),
            replies=("",),
            calls={1: (call("slow"),)},
            after_calls={1: "It is booked."},
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: book it
        caller: no, make it Sunday
        slow: slept
        agent: It is booked.
        """,
        settings={"TOOLS_FILE": "tests/calls/tools_for_stories.py"},
        plan={"quiet_ms": 5000},
        check=lambda stage, _: stage.answers == 2,  # the second one knows what was said meanwhile
    ),
    # The goodbye
    Story(
        "a bye over our goodbye does not cut it short",
        (tone(700), tone(500, at_ms=5400)),
        Script(heard=("that is all", "bye"), replies=("Thank you for calling us today. Goodbye!",)),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: that is all
        agent: Thank you for calling us today.
        caller: bye
        agent: Goodbye!
        """,
        Ending.AGENT_SAID_GOODBYE,
        check=lambda _, log: log.clears == [] and log.unplayed_ms == 0,
        live="""
        agent: Hello, this is Priya. How may I help you?
        caller: that is all
        agent: Thank you for calling us today. Goodbye!
        caller: bye
        """,
    ),
    Story(
        "a question over our goodbye is answered behind it",
        (tone(700), tone(900, at_ms=5400)),
        Script(
            heard=("that is all", "wait, what about parking"),
            replies=("Thank you for calling us today. Goodbye!", "There is parking."),
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: that is all
        agent: Thank you for calling us today.
        caller: wait, what about parking
        agent: Goodbye!
        agent: There is parking.
        """,
        check=lambda _, log: log.clears == [],
        live="""
        agent: Hello, this is Priya. How may I help you?
        caller: that is all
        agent: Thank you for calling us today. Goodbye!
        caller: wait, what about parking
        agent: There is parking.
        """,
    ),
    # Keys
    Story(
        "digits reach the conversation as words",
        (),
        Script(replies=("Two four, thank you.",)),
        """
        agent: Hello, this is Priya. How may I help you?
        caller (keys): two four
        agent: Two four, thank you.
        """,
        plan={"dtmf": "24"},
    ),
    Story(
        "zero is a colleague",
        (),
        Script(),
        """
        agent: Hello, this is Priya. How may I help you?
        caller (keys): zero
        transfer_to_human: The caller is being connected. Tell them so in one short sentence.
        agent: I am connecting you to a colleague now. One moment, please.
        """,
        Ending.TRANSFERRED,
        {"TRANSFER_TO": COLLEAGUE},
        {"dtmf": "0", "quiet_ms": 3000},
    ),
    # What a caller says or does while something is under way
    Story(
        "a yes over the announcement of a transfer does not undo it",
        (tone(700, at_ms=3000), tone(600, at_ms=6000)),
        Script(
            heard=("a person please", "yes please"),
            replies=("Of course. I am connecting you to a colleague right now.",),
            calls={1: (call("transfer_to_human", reason="asked"),)},
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a person please
        transfer_to_human: ...
        agent: Of course. I am connecting you to a colleague right now.
        caller: yes please
        """,
        Ending.TRANSFERRED,
        {"TRANSFER_TO": COLLEAGUE},
        {"quiet_ms": 6000},
        lambda _, log: log.clears == [],
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a person please
        agent: Of course. I am connecting you to a colleague right now.
        transfer_to_human: ...
        caller: yes please
        """,
    ),
    Story(
        "who takes it back is not transferred",
        (tone(700, at_ms=3000), tone(600, at_ms=6000)),
        Script(
            heard=("a person please", "no wait"),
            replies=("I am connecting you to a colleague right now.", "Fine, what is it?"),
            calls={1: (call("transfer_to_human", reason="asked"),)},
        ),
        "...",
        settings={"TRANSFER_TO": COLLEAGUE},
        plan={"quiet_ms": 3000},
        check=lambda stage, _: stage.handed_over == [] and stage.told[-1] == "agent: Fine, what is it?",
    ),
    Story(
        "who begins to speak while a tool runs is not talked over",
        (tone(700, at_ms=3300), tone(6000, at_ms=6500)),
        Script(
            heard=("book it", "and I want to tell you about my house"),
            replies=("Fine.", "Go on."),
            calls={1: (call("slow"),)},
            after_calls={1: "It is booked. Is there anything else that I may do for you today?"},
        ),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: book it
        agent: Fine.
        slow: slept
        caller: and I want to tell you about my house
        agent: ...
        """,
        settings={"TOOLS_FILE": "tests/calls/tools_for_stories.py"},
        plan={"quiet_ms": 4000},
        check=lambda _, log: not any(6800 < p.at_ms < 12_500 for p in log.played),
        live="...",
    ),
    Story(
        "words over the goodbye that follows silence are answered",
        (tone(900, at_ms=32_600),),
        Script(heard=("I am here",), replies=("Lovely. How may I help?",)),
        """
        agent: Hello, this is Priya. How may I help you?
        agent: Are you still there?
        agent: I cannot hear you. Please say something if you can.
        agent: Thank you for calling Premier Realty Group.
        caller: I am here
        agent: Goodbye!
        agent: Lovely. How may I help?
        """,
        plan={"quiet_ms": 9500, "patience_ms": 60_000, "hang_up_at_ms": 38_500},
        live="...",
    ),
    Story(
        "a key that no telephone has does nothing",
        (),
        Script(),
        "agent: Hello, this is Priya. How may I help you?",
        plan={"dtmf": "A", "quiet_ms": 3000},
    ),
    Story(
        "a noise with gaps, in which there are no words, does not silence the agent for long",
        tuple(tone(400, at_ms=800 + 650 * n) for n in range(20)),
        Script(heard=("",)),
        "agent: Hello, this is Priya. How may I help you?",
        plan={"quiet_ms": 2000, "hang_up_at_ms": 12_000},
        check=lambda _, log: longest_silence(log, 800) < 4500,
        live="...",
    ),
    # Failures
    Story(
        "a model that only trickles is helped out with a filler",
        (tone(700),),
        Script(heard=("a flat",), replies=("well " * 40,), token_gap_s=0.2),
        """
        agent: Hello, this is Priya. How may I help you?
        caller: a flat
        agent: One moment, please. Sorry, I am still on it. ...
        """,
        plan={"quiet_ms": 4000},
        check=lambda stage, log: longest_silence(log, log.spoken[0].end_ms) <= stage.settings.FILLER_S * 1000 + 300,
        live="""
        agent: Hello, this is Priya. How may I help you?
        caller: a flat
        agent: well well ...
        """,
    ),
)


def compare(told: str, story: Story, stage: Stage, log: CallLog) -> None:
    expected = [line.strip() for line in told.strip().splitlines()]
    if expected == ["..."]:
        expected = stage.told
    assert len(stage.told) == len(expected), stage.told
    for entry, line in zip(stage.told, expected, strict=True):
        begin, dots, end = line.partition("...")
        assert entry == line or (dots and entry.startswith(begin) and entry.endswith(end)), stage.told
    assert stage.ending is story.ending
    assert story.check(stage, log)


@pytest.mark.parametrize("story", TABLE, ids=lambda story: story.name)
async def test_the_call_goes_as_told(story: Story, autojump_clock) -> None:
    stage = Stage(story.script, configured(**story.settings))

    log = await stage.place(*story.caller, **({"max_ms": 120_000} | story.plan))

    compare(story.told, story, stage, log)


@pytest.mark.parametrize("story", TABLE, ids=lambda story: story.name)
async def test_so_it_goes_with_a_model_that_hears_and_speaks(story: Story, autojump_clock) -> None:
    stage = LiveStage(story.script, configured(**story.settings))

    log = await stage.place(*story.caller, **({"max_ms": 120_000} | story.plan))

    compare(story.live or story.told, story, stage, log)
    assert stage.objections == []
