"""The corners of turn-taking: a second interruption, a pause, a line that lags, a reply with no end. In virtual time.

Each is the story of a rule that one forgets: without the rule the call goes wrong just here. The greeting's first
sentence plays from 0.2 to 1.5 s, its second until 2.6 s.
"""

from collections import deque
from collections.abc import Mapping

import pytest
import structlog
import trio

from agent.keep.record import CallRecord
from agent.model import Ending
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.log import CallLog
from agent.speak.clips import MOMENT, TROUBLE
from agent.think.ports import Prompt, Reply, ToolCall
from agent.wire.ports import MediaSocket
from nurseries.talk.afterwards import last_words
from nurseries.talk.hands import UNFINISHED
from nurseries.turn import MOST_CHARACTERS
from tests.calls.stage import GREETING, Stage, configured, tone
from tests.calls.transcript import plays

LONG = "We have several homes in Whitefield. Some are near the lake. Which one would you like to see."
SLOW = {"TOOLS_FILE": "tests/calls/tools_for_stories.py"}
GREETED = f"agent: {GREETING}"


def said_between(log: CallLog, since_ms: float, until_ms: float) -> float:
    """Milliseconds of the agent's sound between two moments."""
    return sum(max(min(piece.end_ms, until_ms) - max(piece.at_ms, since_ms), 0.0) for piece in log.played)


def talked_over(log: CallLog) -> float:
    """Milliseconds of the agent's sound over the caller's last line, but for those in which it notices."""
    return said_between(log, log.spoken[-1].start_ms + 250, log.spoken[-1].end_ms)


def answering(stage: Stage, answers: Mapping[str, str], calls: Mapping[str, ToolCall] | None = None) -> None:
    """The model answers what the caller said last, after a second."""

    async def reply(prompt: Prompt, emit) -> Reply:
        said = [message.text for message in prompt.messages if message.role == "caller"][-1]
        words = next(words for words in answers if said.endswith(words))
        await trio.sleep(1)
        await emit(answers[words])
        done = prompt.messages[-1].role == "tool"
        asked = (calls or {}).get(words)
        return Reply("goodbye" in answers[words].lower(), () if asked is None or done else (asked,))

    stage.mind.reply = reply


class Lagging:
    """The server's end of a line on which marks come back late."""

    def __init__(self, socket, lag_s: float) -> None:
        self._socket = socket
        self._lag_s = lag_s
        self._late: deque[tuple[float, str]] = deque()
        self._next: deque[str] = deque()

    async def receive(self):
        while not self._next:
            raw = await self._socket.receive()
            if isinstance(raw, str) and '"event":"mark"' in raw:
                self._late.append((trio.current_time() + self._lag_s, raw))
                continue
            while self._late and self._late[0][0] <= trio.current_time():
                self._next.append(self._late.popleft()[1])
            self._next.append(raw)
        return self._next.popleft()

    each = MediaSocket.each

    def __getattr__(self, name: str):
        return getattr(self._socket, name)


async def lagging(stage: Stage, lag_s: float, *lines, **plan) -> CallLog:
    return await stage.place(*lines, serve=lambda socket: stage.serve(Lagging(socket, lag_s)), **plan)


async def afterwards(stage: Stage) -> CallRecord:
    return await last_words(stage.calls[-1], stage.parts)


# Who speaks


async def test_a_second_interruption_silences_the_agent_for_as_long_as_it_lasts(autojump_clock) -> None:
    call = await plays(
        """
        agent: We have - several homes in Whitefield. Some are near the lake. Which one would you like to see.
        caller (aside, at 0.7 s, for 0.3 s): mm-hm
        agent: several homes in Whitefield. Some - are near the lake.
        caller (at 3.6 s, for 3 s): I want to sell my house
        agent: Where?
        """,
        quiet_ms=2000,
    )
    assert talked_over(call.log) == 0


async def test_who_pauses_and_speaks_on_is_not_talked_over_because_the_pause_was_long_ago(autojump_clock) -> None:
    call = await plays(
        """
        agent: We have - several homes in Whitefield. Some are near the lake. Which one would you like to see.
        caller (at 1.0 s, for 0.5 s, and at 1.78 s, for 4 s): I want to sell my house
        agent: Where?
        """,
        quiet_ms=2000,
    )
    assert talked_over(call.log) == 0


async def test_who_speaks_on_after_the_agent_has_gone_on_silences_it_again(autojump_clock) -> None:
    stage = Stage(
        Script(hear_s=3, heard=("I want to sell my house",), replies=("Where?",)),
        configured(GREETING=LONG, FALSE_INTERRUPTION_S=0.5),
    )

    log = await stage.place(tone(500, at_ms=1000), tone(2500, at_ms=2600), hang_up_at_ms=5200)

    assert said_between(log, 1700, 2600) > 0  # it has gone on: nobody knew what that sound was
    assert talked_over(log) == 0


async def test_an_answer_to_words_that_were_slow_to_come_waits_for_the_caller_who_speaks_again(autojump_clock) -> None:
    stage = Stage(
        Script(hear_s=1.9, heard=("no, wait", "I want to sell my house"), replies=("Where is it?",)),
        configured(FALSE_INTERRUPTION_S=4),
    )

    log = await stage.place(tone(900, at_ms=1000), tone(3500, at_ms=3500), quiet_ms=3000)

    assert talked_over(log) == 0
    assert stage.told[1:] == ["caller: no, wait", "caller: I want to sell my house", "agent: Where is it?"]


async def test_a_key_silences_the_agent_at_once(autojump_clock) -> None:
    stage = Stage(Script(), configured(GREETING=LONG))

    log = await stage.place(dtmf="2", quiet_ms=-1000)  # as soon as there is something to be heard

    (clear,), (pressed,) = log.clears, log.pressed
    assert clear.at_ms - pressed.at_ms <= 100
    assert said_between(log, clear.at_ms, log.duration_ms) == 0


async def test_which_keys_were_pressed_is_in_no_log(autojump_clock) -> None:
    stage = Stage(Script(), configured(GREETING=LONG))

    with structlog.testing.capture_logs() as logs:
        await stage.place(dtmf="7391", quiet_ms=3000)

    assert [line for line in logs if line["event"] == "key"] == [{"event": "key", "log_level": "info"}] * 4
    assert not [line for line in logs if "7391" in str(line) and line["log_level"] != "debug"]


# What goes on after an interruption


async def test_a_recording_that_a_cough_cuts_is_played_again_from_its_beginning(autojump_clock) -> None:
    script = Script(heard=("a flat", ""), troubles=(Trouble("think", at=0), Trouble("speak", at=3)))
    stage = Stage(script)

    log = await stage.place(tone(700, at_ms=3000), tone(200, at_ms=4900), quiet_ms=2000)

    assert stage.told[-1].endswith(TROUBLE.text)
    assert said_between(log, 5100, 20_000) >= len(TROUBLE.mulaw) / 8


async def test_the_rest_of_a_filler_is_not_said_when_what_was_waited_for_is_there(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat", ""), replies=("Lovely.",), first_token_s=4))

    log = await stage.place(tone(700, at_ms=3000), tone(200, at_ms=7400), quiet_ms=2000)

    assert len(log.clears) == 1
    said = stage.told[-1].removeprefix("agent: ").removesuffix(" Lovely.")
    assert said != stage.told[-1]
    assert MOMENT.text.startswith(said)
    assert said != MOMENT.text


async def test_a_word_with_which_a_filler_ends_too_is_not_taken_for_the_rest_of_the_filler(autojump_clock) -> None:
    reply = "Now I would like to have your budget please."
    stage = Stage(Script(heard=("a flat", "mm-hm"), replies=(reply,), first_token_s=3.6))

    await stage.place(tone(700, at_ms=3000), tone(250, at_ms=10_380), quiet_ms=2000)

    assert stage.told[2:] == [
        f"agent: {MOMENT.text} Now I would like to have your budget",
        "caller (aside): mm-hm",
        "agent: please.",
    ]


# What was said


async def test_a_yes_to_a_question_that_it_cuts_is_an_answer(autojump_clock) -> None:
    stage = Stage(
        Script(heard=("a flat in Hebbal", "yes"), replies=("Shall I arrange a visit on Sunday?", "Lovely, Sunday."))
    )

    await stage.place(tone(500, at_ms=4000), tone(350, at_ms=6900), quiet_ms=2000)

    assert stage.told[2:] == ["agent: Shall I arrange a -", "caller: yes", "agent: Lovely, Sunday."]


async def test_a_single_word_that_tells_something_is_no_hum(autojump_clock) -> None:
    stage = Stage(
        Script(heard=("Begur",), replies=("Begur, lovely.",)),
        configured(GREETING="I am Priya. May I ask a few things. It will not take long."),
    )

    await stage.place(tone(350, at_ms=1000), quiet_ms=2000)

    assert stage.told == ["agent: I am Priya. May -", "caller: Begur", "agent: Begur, lovely."]
    assert stage.record.facts["location"] == "Begur"


async def test_who_took_the_turn_gets_an_answer_though_no_words_are_left_in_the_end(autojump_clock) -> None:
    stage = Stage(Script(replies=("Yes?",)))

    async def transcribe(utterance, _language) -> str:
        await trio.sleep(0.05)
        return "wait, please" if utterance.duration_ms < 1500 else ""

    stage.ears.transcribe = transcribe
    await stage.place(tone(600, at_ms=1000), tone(600, at_ms=1900), quiet_ms=2000)

    assert stage.told == ["agent: Hello, this is -", "agent: Yes?"]
    assert stage.record.barge_ins == 1


@pytest.mark.parametrize("lines", [(600,), (600, 600)])
async def test_a_barge_in_counts_once_however_long_the_old_turn_takes_to_be_gone(autojump_clock, lines) -> None:
    stage = Stage(Script(realtime_factor=1.0))
    own = stage.voice.synthesise

    async def synthesise(text, emit, **more) -> None:
        try:
            await own(text, emit, **more)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(4)

    async def transcribe(_utterance, _language) -> str:
        return "wait, please"

    stage.voice.synthesise, stage.ears.transcribe = synthesise, transcribe
    await stage.place(*(tone(ms, at_ms=1000 + 900 * n) for n, ms in enumerate(lines)), quiet_ms=2000)

    assert stage.record.barge_ins == 1


async def test_who_took_the_turn_once_gets_no_answer_to_a_noise_later(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please", ""), replies=("Yes?", "As I said.")))

    await stage.place(tone(900, at_ms=1000), tone(600, at_ms=6000), quiet_ms=2000)

    assert stage.told[:3] == ["agent: Hello, this is -", "caller: wait, please", "agent: Yes?"]
    assert stage.mind.requests == 1
    assert stage.record.barge_ins == 1


async def test_a_turn_without_a_pause_is_heard_to_its_end_though_it_was_looked_into_on_the_way(autojump_clock) -> None:
    stage = Stage(Script(), configured(MAX_UTTERANCE_S=5.5))  # what is understood is how long it lasted

    await stage.place(tone(6000, at_ms=3000), quiet_ms=2000)

    first, second = (entry for entry in stage.record.entries if entry.role == "caller")
    assert first.end_ms - first.start_ms > 5000
    assert first.text == "I have spoken for 5504 milliseconds."
    assert second.start_ms >= first.end_ms


async def test_what_was_looked_into_on_the_way_is_not_all_of_a_turn_that_ended_meanwhile(autojump_clock) -> None:
    stage = Stage(Script(hear_s=1))

    await stage.place(tone(4600, at_ms=3000), quiet_ms=2000)

    (said,) = (entry for entry in stage.record.entries if entry.role == "caller")
    assert said.end_ms - said.start_ms > 4500
    assert said.text == "I have spoken for 5120 milliseconds."


async def test_pauses_are_looked_into_only_so_often(autojump_clock) -> None:
    stage = Stage(Script(hear_s=0.6, heard=("and so on",), replies=("I see.",)), configured(EARLY_TRANSCRIPTIONS=1))

    await stage.place(*(tone(300, at_ms=3000 + 560 * n) for n in range(4)), quiet_ms=2000)

    assert stage.told == [GREETED, "caller: and so on", "agent: I see."]
    assert (stage.record.early_transcriptions, stage.record.early_discarded) == (1, 1)


# What was heard


async def test_what_may_not_have_been_heard_yet_is_cleared_though_all_of_it_should_have_been(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)))

    log = await lagging(stage, 0.5, tone(900, at_ms=2600), quiet_ms=2000)

    (clear,) = log.clears
    assert 2600 < clear.at_ms < 3000


async def test_on_a_line_that_lags_less_has_been_heard_when_the_agent_is_cut(autojump_clock) -> None:
    heard = []
    for lag_s in (0, 0.45):
        stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)))
        await lagging(stage, lag_s, tone(900, at_ms=2250), quiet_ms=2000)
        heard.append(stage.told[0])

    assert heard == ["agent: Hello, this is Priya. How may I help -", "agent: Hello, this is Priya. How may -"]


# Tools


async def test_a_tool_waits_while_the_caller_speaks_and_does_not_run_for_who_says_no(autojump_clock) -> None:
    stage = Stage(Script(heard=("book it", "no, wait")), configured(**SLOW))
    answering(stage, {"book it": "", "no, wait": "I am listening."}, {"book it": call("slow")})

    await stage.place(tone(700, at_ms=3300), tone(900, at_ms=5000), quiet_ms=2000)

    assert stage.told == [GREETED, "caller: book it", "caller: no, wait", "agent: I am listening."]


async def test_a_tool_that_a_hang_up_cuts_short_is_in_the_record(autojump_clock) -> None:
    stage = Stage(Script(heard=("book it",), replies=("",), calls={1: (call("slow"),)}), configured(**SLOW))

    await stage.place(tone(700, at_ms=3300), hang_up_at_ms=6500)

    assert stage.told == [GREETED, "caller: book it", f"slow: {UNFINISHED}"]


async def test_a_model_that_has_used_up_its_tools_is_not_offered_any(autojump_clock) -> None:
    stage = Stage(Script(heard=("book it",)), configured(TOOL_CALLS=2))
    offered = []

    async def reply(prompt: Prompt, emit) -> Reply:
        await trio.sleep(0.1)
        offered.append(bool(prompt.tools))
        if prompt.tools and len(offered) < 10:
            return Reply(calls=(call("save_lead_details", note=f"{len(offered)}"),))
        await emit("Fine then.")
        return Reply()

    stage.mind.reply = reply
    await stage.place(tone(700, at_ms=3000))

    assert offered == [True, True, False]
    assert stage.told[-1] == "agent: Fine then."


async def test_what_a_tool_notes_rests_on_what_the_caller_said(autojump_clock) -> None:
    visit = call("schedule_site_visit", date="2027-01-03", time="11:00", place="Hebbal")
    stage = Stage(Script(heard=("Sunday at eleven",), replies=("One second. ",), calls={1: (visit,)}))

    await stage.place(tone(700, at_ms=3000))

    record = await afterwards(stage)
    (point,) = [point for point in record.lead.points if point.fact == "visit"]
    (said,) = [entry for entry in record.entries if entry.role == "caller"]
    assert (point.utterance, point.said_ms) == ("Sunday at eleven", said.start_ms)


async def test_each_objection_counts_with_the_words_in_which_it_was_made(autojump_clock) -> None:
    stage = Stage(Script(heard=("that is too expensive", "let me think about it"), replies=("I see.",)))

    await stage.place(tone(900), tone(900))

    record = await afterwards(stage)
    told = {point.value: point.utterance for point in record.lead.points if point.fact == "objections"}
    assert told == {"price": "that is too expensive", "thinking": "let me think about it"}


# The end


async def test_no_goodbye_ends_the_call_while_the_caller_still_speaks(autojump_clock) -> None:
    stage = Stage(Script(heard=("that is all", "wait, what about parking")))
    answering(stage, {"that is all": "Goodbye!", "parking": "There is parking."})

    log = await stage.place(tone(700, at_ms=3000), tone(3000, at_ms=5600), quiet_ms=2000)

    assert log.spoken[-1].start_ms < log.played[-1].at_ms
    assert stage.told[2:] == ["agent: Goodbye!", "caller: wait, what about parking", "agent: There is parking."]
    assert stage.ending is Ending.CALLER_HUNG_UP


async def test_a_goodbye_is_not_said_to_who_spoke_before_it_was_begun(autojump_clock) -> None:
    stage = Stage(Script(heard=("that is all", "wait, what about parking")))
    answering(stage, {"that is all": "Thank you for calling us today. Goodbye!", "parking": "There is parking."})

    await stage.place(tone(700, at_ms=3000), tone(1500, at_ms=4600), quiet_ms=2000)

    assert stage.told == [
        GREETED,
        "caller: that is all",
        "caller: wait, what about parking",
        "agent: There is parking.",
    ]
    assert stage.ending is Ending.CALLER_HUNG_UP


async def test_a_goodbye_that_waited_for_a_backchannel_is_not_cut_short_either(autojump_clock) -> None:
    stage = Stage(Script(heard=("that is all", "mm-hm", "bye")))
    answering(stage, {"that is all": "Thank you very much for calling us today. Goodbye!"})

    log = await stage.place(tone(700, at_ms=3000), tone(500, at_ms=4800), tone(500, at_ms=6800), quiet_ms=2000)

    assert log.clears == []
    assert stage.told[-3:] == ["agent: Thank you very much for calling us today.", "caller: bye", "agent: Goodbye!"]
    assert stage.ending is Ending.AGENT_SAID_GOODBYE


async def test_a_notice_that_falls_due_while_the_agent_speaks_follows_at_once(autojump_clock) -> None:
    stage = Stage(
        Script(heard=("a flat",), replies=(LONG,)),
        configured(CALL_MAX_MINUTES=0.5, NOTICE_S=12, NOTICE="Nearly over.", GOODBYE="Bye then.", SILENCE_S=60),
    )

    await stage.place(tone(700, at_ms=15_000), quiet_ms=60_000, patience_ms=60_000)

    assert stage.told == [GREETED, "caller: a flat", f"agent: {LONG} Nearly over.", "agent: Bye then."]


async def test_who_only_mumbles_is_not_waited_for_without_end(autojump_clock) -> None:
    stage = Stage(Script(heard=("",)), configured(SILENCE_PROMPTS="Hello? | Still there?", GOODBYE="Bye then."))

    await stage.place(
        *(tone(300, at_ms=5000 + 3700 * n) for n in range(22)), quiet_ms=60_000, patience_ms=60_000, max_ms=90_000
    )

    assert stage.told == [GREETED, "agent: Hello?", "agent: Still there?", "agent: Bye then."]
    assert stage.ending is Ending.CALLER_SILENT


async def test_a_reply_that_has_no_end_is_cut_off(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat",), replies=("This is one sentence of very many. " * 200,), token_gap_s=0))
    made = []

    async def brief(text: str, emit, **_how) -> None:
        made.append(text)
        await emit(bytes(480))  # ten milliseconds: this is not about how long it takes to say

    stage.voice.synthesise = brief
    await stage.place(tone(700, at_ms=3000), quiet_ms=2000)

    assert MOST_CHARACTERS - 100 < len(stage.record.entries[2].text) <= MOST_CHARACTERS + 100
