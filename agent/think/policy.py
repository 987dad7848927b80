"""A receptionist by script: a prompt in; what to say next, and whether it takes leave, out. Pure, without a model.

It finds out what the caller is after, where, for how much and how soon, then their name and whether a colleague may
call; answers what can be answered honestly, never invents a price or a property, and says goodbye when it is time.
Everything is decided from the prompt alone: nothing is remembered from call to call, or from turn to turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.think.ports import Prompt
from agent.think.script.moves import is_noise, is_question, is_unfinished
from agent.think.script.phrases import (
    GOALS,
    GREETING,
    LEAVING,
    MOMENT,
    MOVES,
    PATIENCE,
    UNCLEAR,
    UNLISTED,
    question,
)
from agent.think.script.sayings import DESCRIBING, acknowledgement, farewell, summary
from agent.think.script.story import Story, tell
from agent.think.topics import CUT

_ANSWERED_FIRST = frozenset(
    "robot who help how_are_you can_you_hear language source office loan price available has_agent think".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Persona:
    """Who the agent is."""

    agent: str
    company: str


Said = tuple[str, bool]
"""A reply, and whether it takes leave."""

CONNECTING = "Of course. I am connecting you to a colleague now."


class Policy:
    """The script, spoken by one persona."""

    def __init__(self, persona: Persona) -> None:
        self._persona = persona

    def respond(self, prompt: Prompt) -> Said:
        """What to say next."""
        story = tell(prompt)
        if not prompt.messages:
            return self._words(f"{GREETING} {question('intent', '', 0)}"), False
        text, leaves = self._decide(story)
        return self._words(text), leaves

    def wants_human(self, prompt: Prompt) -> bool:
        """The caller has just asked for a person, and no tool has answered that yet."""
        return bool(prompt.messages) and prompt.messages[-1].role == "caller" and tell(prompt).move == "human"

    def wants_no_calls(self, prompt: Prompt) -> bool:
        """The caller has just asked not to be called again, and no tool has answered that yet."""
        return bool(prompt.messages) and prompt.messages[-1].role == "caller" and tell(prompt).move == "stop_calling"

    def _decide(self, story: Story) -> Said:
        for consider in (
            self._leave_taking,
            self._hearing,
            self._noise,
            self._errand,
            self._unfinished,
            self._closing,
            self._objection,
            self._question,
            self._facts,
        ):
            decided = consider(story)
            if decided is not None:
                return decided
        return self._lost(story)

    def _leave_taking(self, story: Story) -> Said | None:
        """The caller wants no more, or has no more to say."""
        told = bool(set(DESCRIBING) & set(story.new))
        if story.move == "stop_calling" and story.unlisted:
            return UNLISTED, True
        if story.move in ("stop_calling", "will_call", "wrong_number") or (story.move == "not_interested" and not told):
            return LEAVING[story.move], True
        leaves = (
            (story.move == "bye" and "intent" not in story.new)  # "Bye." can be "Buy."
            or (story.move == "done" and not told)
            or (story.move == "thanks" and story.topic in ("confirm", "more") and not told and story.answer != "no")
        )
        return (farewell(story), True) if leaves else None

    def _hearing(self, story: Story) -> Said | None:
        """The caller did not hear, or wants us to wait."""
        if story.move == "repeat" and not set(DESCRIBING) & set(story.new):
            return self._again(story), False
        return (MOVES["wait"], False) if story.move == "wait" else None

    def _noise(self, story: Story) -> Said | None:
        """We did not hear: nothing, or a breath that the recogniser took for a word."""
        if story.new or story.move or story.answer or not is_noise(story.heard):
            return None
        if story.unclear >= 2:
            return "I am sorry, I cannot hear you. Please call us again when the line is better. Goodbye!", True
        if story.unclear == 1:
            return f"{UNCLEAR[1]} Could you say it once more, a little slower?", False
        return self._ask_again(story, UNCLEAR[0])

    def _errand(self, story: Story) -> Said | None:
        """We have called, and they do not know why yet; or they do, and have no time."""
        if not story.purpose or story.move in ("human", "busy", "robot", "who", "source"):
            return None
        if story.purpose_told:
            no_time = (
                story.last_words.endswith(MOMENT)
                and story.answer == "no"
                and not set(story.new) - {"timeline", "objections"}
            )
            return (f"{MOVES['sorry']} When may a colleague call you?", False) if no_time else None
        if story.answer == "no" and story.replies == 1 and story.last_words.endswith("?"):
            return LEAVING["wrong_number"], True  # "Am I speaking with Asha?"
        return f"I am calling about this: {story.purpose}. {MOMENT}", False

    def _unfinished(self, story: Story) -> Said | None:
        """The caller is looking for words: another question would only disturb."""
        answered = story.answer == "no" or (story.answer == "yes" and story.topic in ("confirm", "more"))
        if story.new or story.move or answered or not is_unfinished(story.heard):
            return None
        return PATIENCE[story.last_words == PATIENCE[0]], False

    def _closing(self, story: Story) -> Said | None:
        """The answer to one of the closing questions."""
        if set(DESCRIBING) & set(story.new) or story.move in _ANSWERED_FIRST:
            return None
        if "callback" in story.new and story.value("callback") == "no":
            if len(set(DESCRIBING) & set(story.known)) < 2:
                return farewell(story, "That is perfectly fine. You can call us any time."), True
            return self._sum_up(story, "That is perfectly fine.")
        answers = {
            ("confirm", "yes"): (farewell(story, "Wonderful, thank you."), True),
            ("confirm", "no"): (question("correction", "", story.asked["correction"]), False),
            ("more", "yes"): ("Of course, please tell me.", False),
            ("more", "no"): (farewell(story), True),
        }
        return answers.get((story.topic, story.answer))

    def _objection(self, story: Story) -> Said | None:
        """The caller holds back, or wants somebody else."""
        match story.move:
            case "human":
                return self._next(story, MOVES["human"])
            case "busy":
                if "callback" in story.new:
                    return farewell(story, "Of course, sorry to have caught you at a busy moment."), True
                return f"{MOVES['sorry']} When may a colleague call you?", False
            case "expensive" if "budget" not in story.new:
                if not story.value("budget") and story.open("budget"):
                    return "I understand, prices can feel high. What amount would you be comfortable with?", False
                return self._next(story, "I understand. A colleague can look for something more comfortable.")
        return None

    def _question(self, story: Story) -> Said | None:
        """The caller wants to know something. What the script does not know it does not make up."""
        if story.move in _ANSWERED_FIRST and not (story.move == "price" and "budget" in story.new):
            seen = acknowledgement(story) if story.move in ("available", "office") else ""
            return self._next(story, f"{seen} {MOVES[story.move]}".strip())
        if story.move in ("", "dont_know") and is_question(story.heard) and not story.new:
            return self._next(story, MOVES["question"])
        return None

    def _facts(self, story: Story) -> Said | None:
        """The caller has told something, or will not."""
        if story.new:
            return self._next(story, acknowledgement(story))
        if story.move == "thanks":
            return self._next(story, MOVES["thanks"])
        if story.move == "dont_know" or (story.topic in story.declined and story.answer == "no"):
            if len(story.declined) > 1 and not story.known:
                return farewell(story, "That is perfectly fine. You can call us any time."), True
            return self._next(story, MOVES["dont_know"])
        if story.move == "greeting":
            return self._ask_again(story, "Hello!")
        return None

    def _lost(self, story: Story) -> Said:
        """Words, but nothing to go by."""
        if story.answer == "yes":
            again = "Lovely." if story.topic == "intent" else "Please tell me."
            return self._ask_again(story, again if self._may_repeat(story) else "Alright.")
        if story.topic == "more":
            return self._next(story, "I will pass that on.")
        if story.unclear < 2:
            return self._ask_again(story, UNCLEAR[0])
        if story.open("callback"):
            return f"{UNCLEAR[1]} {question('callback', 'sell', 1)}", False
        return farewell(story, "I am sorry, I could not follow you well."), True

    def _ask_again(self, story: Story, opening: str) -> Said:
        """The same question in other words, if it was not asked twice already; else the next one."""
        if self._may_repeat(story):
            return f"{opening} {self._question_for(story, story.topic, story.intent)}", False
        return self._next(story, opening)

    def _may_repeat(self, story: Story) -> bool:
        return bool(story.topic) and story.topic not in story.known and story.asked[story.topic] < 2

    def _question_for(self, story: Story, topic: str, manner: str) -> str:
        """In words that the caller has not heard just now: of a long call, the prompt no longer has the first ones."""
        words = question(topic, manner, story.asked[topic])
        return question(topic, manner, story.asked[topic] + 1) if words in story.last_words else words

    def _again(self, story: Story) -> str:
        """The agent's last words once more; where they were cut off, the question that was in them."""
        words = story.last_words.removesuffix(CUT).removeprefix("Of course. ")
        if not words or story.last_words.endswith(CUT) or words in (*PATIENCE, MOVES["wait"]):
            topic = story.topic or ("intent" if story.open("intent") else "more")
            words = question(topic, story.intent, 0)
        return f"Of course. {words}"

    def _next(self, story: Story, opening: str) -> Said:
        """The opening, then the next question that is still open; with none left, the summary."""
        if "busy" in story.lasting and story.value("callback") == "yes":
            return farewell(story, opening), True
        if "human" in story.lasting:
            if story.open("name"):
                return f"{opening} {self._question_for(story, 'name', '')}", False
            if story.asked["more"] == 0:
                return f"{opening} {question('more', '', 0)}", False
            return farewell(story, opening), True
        hesitates = {"has_agent": "browse", "think": "think"}
        manner = next((hesitates[move] for move in hesitates if move in story.lasting), story.intent)
        for topic in self._goals(story):
            if story.open(topic):
                return f"{opening} {self._question_for(story, topic, manner)}".strip(), False
        return self._sum_up(story, opening)

    def _goals(self, story: Story) -> tuple[str, ...]:
        if {"has_agent", "think"} & story.lasting:
            return ("callback",) if story.value("callback") != "yes" else ("name",)
        goals = GOALS.get(story.intent, GOALS[""])
        return goals if story.intent or set(DESCRIBING) & set(story.known) else ("intent", *goals)

    def _sum_up(self, story: Story, opening: str) -> Said:
        whole = summary(story)
        if not whole or story.asked["confirm"] >= 2:
            return farewell(story, opening), True
        if story.asked["confirm"]:
            return f"{opening} Is everything else right?".strip(), False
        return f"{opening} {whole} {question('confirm', '', 0)}".strip(), False

    def _words(self, text: str) -> str:
        """With the names in it."""
        return text.replace("{agent}", self._persona.agent).replace("{company}", self._persona.company)
