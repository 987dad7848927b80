"""One whole call drawn from one integer: what the caller does, how long everything takes, and what goes wrong.

Equal on every machine: all is drawn from `random.Random(seed)`, in one order, and the same seed shuffles Trio's tasks.

Of a hundred calls some 12 go through the realtime pipeline, 15 are recorded, 15 must say that a machine speaks, 12
are placed by us, 50 are paid for out of a budget (4 of an empty one), and 8 have a limit of some seconds; in 70
providers are asked by way of chains with breakers, in 40 of these somebody stands by, in 20 hedged; timeouts and the
like are one of 64 drawn configurations. A caller says nothing (10), one (35), two (35) or three lines (20), of 150 ms
to 1.5 s; a third of the lines at a drawn time, whatever the agent does, and in 40 calls one at a drawn time into the
agent's speech. 35 hang up at a drawn time; each of the four ways of hanging up is as likely.

Each fault is rare, and they are drawn one by one, so that a quarter of the calls have none or one, most two to four: a
provider's port that stalls, fails, breaks off in the middle or is reset (10 each), a port whose cleanup takes long (5
each), an unexpected exception in a child (8), lost, late or doubled marks (18), sound of the caller's held up and sent
in a burst (14), timestamps that jump (5), an echo (8), unknown messages (10), a socket that takes no message, takes one
slowly, or fails (12), a store that is slow or fails (15), tools (18), keys (15); and, at a drawn time or at the n-th
step of the server's tasks, so at any of its awaits: a hand-off (25, one in three of them twice), a drain (10), a fence
(6), the line dead (10), a hang-up (10), a key (10), a word of the caller's (15); and by who watches a hang-up (4) or a
transfer (8).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from agent.errors import Fault
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.echo import Echo
from agent.rehearsal.plan import HangUp
from agent.rehearsal.stream import Hold, Rudeness
from tests.fakes.realtime_plan import Wrong

Port = Literal["hear", "think", "speak"]
PORTS: tuple[Port, ...] = ("hear", "think", "speak")

HEARD = ("I want to buy a flat", "in Whitefield", "mm-hm", "", "yes", "no, wait", "a person please", "is it by a lake?")
REPLIES = (
    "A flat, lovely. In which area?",
    "One moment. Let me see what we have there.",
    "Yes.",
    "We have several homes. Some are large, and some are by the lake. Which one?",
    "Fine, I have noted that down for you.",
    "Goodbye then, and thank you!",
    "",
)
GREETINGS = ("Hello, this is Priya.", "Hello, this is Priya. How may I help you?", "Hi.")
STEPS = 2500
"""The server's tasks take about so many in a call of 8 s."""
CONFIGURATIONS = 64
"""To check one takes longer than to hold a short call."""
COLLEAGUE = "+918012345678"


@dataclass(frozen=True, slots=True)
class Act:
    """Something happens at a step of the server's tasks, or at a time."""

    what: Literal["move", "drain", "fence", "vanish", "stop", "key", "speak", "end", "transfer"]
    step: int | None
    at_ms: float


@dataclass(frozen=True, slots=True)
class Send:
    """What happens to the n-th message to the carrier."""

    how: Literal["stuck", "slow", "fails"]
    nth: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Marks:
    """What happens to marks on their way back; each with a chance."""

    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    late_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Store:
    """How a store behaves towards a leg."""

    ready_s: float = 0.0
    knows: bool = True
    close_s: float = 0.0
    raises: bool = False


@dataclass(frozen=True, slots=True)
class Crash:
    """An unexpected exception, at the n-th window or request."""

    where: Literal["vad", "hear", "think", "speak"]
    nth: int


@dataclass(frozen=True, slots=True)
class Chains:
    """Whether providers are asked by way of chains, as in every process."""

    who: Literal["", "one", "two"] = ""
    """two: somebody stands by."""
    hedge_s: float | None = None
    troubles: tuple[Trouble, ...] = ()
    """Of who stands by."""


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the caller's; `at_ms` None: when it is the caller's turn."""

    ms: int
    at_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One call. Fields with a default are what may go wrong, or is out of the ordinary."""

    seed: int
    live: bool
    settings: tuple[tuple[str, object], ...]
    script: Script
    hang_up: HangUp
    quiet_ms: float
    patience_ms: float
    gap_ms: float
    """Between two streams."""
    comes_back: bool
    """The carrier opens another stream where the last one has died."""
    sizes: tuple[int, ...]
    lines: tuple[Said, ...] = ()
    barge_in_at_ms: float | None = None
    hang_up_at_ms: float | None = None
    troubles: tuple[Trouble, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    lingers: tuple[tuple[Port, float], ...] = ()
    crash: Crash | None = None
    marks: Marks = field(default_factory=Marks)
    holds: tuple[Hold, ...] = ()
    jump: tuple[float, float] = (0.0, 0.0)
    echo: Echo | None = None
    odd: bool = False
    """Unknown fields and messages."""
    send: Send | None = None
    store: Store = field(default_factory=Store)
    tools: tuple[tuple[int, str], ...] = ()
    keys: str = ""
    acts: tuple[Act, ...] = ()
    recorded: bool = False
    outbound: bool = False
    budget: Literal["", "full", "empty"] = ""
    chains: Chains = field(default_factory=Chains)

    @property
    def rudeness(self) -> Rudeness:
        """The carrier's."""
        at, by = self.jump
        every = 7 if self.odd else 0
        return Rudeness(self.sizes, self.odd, every, at, by, self.holds)

    @property
    def lingers_s(self) -> float:
        """What the cleanup of all providers may take, one after the other."""
        return sum(seconds for _, seconds in self.lingers)

    def faults(self) -> list[str]:
        """Which of the fields with a default are not as ever."""
        plain = _plain(self)
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(plain, each.name)]

    def smaller(self) -> Iterator[Scenario]:
        """The same with one thing less."""
        plain = _plain(self)
        for name in self.faults():
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) > 1 and name not in {"jump", "sizes"}:
                yield from (replace(self, **{name: value[:n] + value[n + 1 :]}) for n in range(len(value)))
            else:
                yield replace(self, **{name: getattr(plain, name)})


def _plain(scenario: Scenario) -> Scenario:
    return Scenario(
        seed=scenario.seed,
        live=scenario.live,
        settings=scenario.settings,
        script=scenario.script,
        hang_up=scenario.hang_up,
        quiet_ms=scenario.quiet_ms,
        patience_ms=scenario.patience_ms,
        gap_ms=scenario.gap_ms,
        comes_back=scenario.comes_back,
        sizes=scenario.sizes,
    )


def draw(seed: int) -> Scenario:
    """The scenario of this seed."""
    dice = random.Random(f"scenario {seed}")

    def chance(p: float) -> bool:
        return dice.random() < p

    live = chance(0.12)
    recorded, outbound = chance(0.15), chance(0.12)
    script = Script(
        hear_s=dice.choice((0.05, 0.3, 1.0)),
        first_token_s=dice.choice((0.05, 0.3, 0.8)),
        token_gap_s=dice.choice((0.0, 0.02, 0.1)),
        first_chunk_s=dice.choice((0.05, 0.2, 0.5)),
        realtime_factor=dice.choice((0.05, 0.1, 0.5, 1.1)),
        jitter=dice.choice((0.0, 0.5, 0.9)),
        seed=seed,
        heard=tuple(dice.choices(HEARD, k=4)),
        replies=tuple(dice.choices(REPLIES, k=4)),
    )
    lines = tuple(_said(dice) for _ in range(dice.choices((0, 1, 2, 3), (10, 35, 35, 20))[0]))
    return Scenario(
        seed=seed,
        live=live,
        settings=_settings(random.Random(f"settings {dice.randrange(CONFIGURATIONS)}")),
        script=script,
        hang_up=dice.choice(tuple(HangUp)),
        quiet_ms=dice.choice((300.0, 700.0)),
        patience_ms=dice.choice((3000.0, 6000.0)),
        gap_ms=dice.choice((0.0, 200.0, 1500.0)),
        comes_back=chance(0.6),
        sizes=dice.choice(((160,), (320,), (480,), (480,), (160, 480))),
        lines=lines,
        barge_in_at_ms=float(dice.randrange(2500)) if chance(0.4) else None,
        hang_up_at_ms=float(dice.randrange(300, 9000)) if chance(0.35) else None,
        troubles=tuple(_trouble(dice, port) for port in PORTS if chance(0.1)),
        wrong=(_wrong(dice),) if live and chance(0.4) else (),
        lingers=tuple((port, dice.choice((0.05, 0.3, 0.8))) for port in PORTS if chance(0.05)),
        crash=_crash(dice) if chance(0.08) else None,
        marks=_marks(dice) if chance(0.18) else Marks(),
        holds=(Hold(dice.randrange(200, 7000), dice.randrange(100, 2500)),) if chance(0.14) else (),
        jump=(float(dice.randrange(500, 5000)), float(dice.randrange(-500, 1500))) if chance(0.05) else (0.0, 0.0),
        echo=Echo(dice.randrange(60, 300), dice.choice((12.0, 20.0, 30.0))) if chance(0.08) else None,
        odd=chance(0.1),
        send=_send(dice) if chance(0.12) else None,
        store=_store(dice) if chance(0.15) else Store(),
        tools=((dice.randrange(1, 3), dice.choice(sorted(TOOLS))),) if chance(0.18) else (),
        keys="".join(dice.choices("0123*#9", k=dice.randrange(1, 4))) if chance(0.15) else "",
        acts=(*_acts(dice, ODDS), *_acts(random.Random(f"watched {seed}"), WATCHED)),
        recorded=recorded,
        outbound=outbound,
        budget=dice.choices(("", "full", "empty"), (50, 46, 4))[0],
        chains=_chains(random.Random(f"chains {seed}")),
    )


OTHERS_TROUBLE = 0.3
"""Of each port of those who stand by, who are asked in trouble only."""
TOOLS = {
    "save": call("save_lead_details", location="Whitefield"),
    "end": call("end_call", reason="done"),
    "transfer": call("transfer_to_human", reason="asked"),
    "repeat": call("repeat"),
    "wrong": call("no_such_tool"),
}


def _settings(dice: random.Random) -> tuple[tuple[str, object], ...]:
    drawn: dict[str, object] = {
        "GREETING": dice.choice(GREETINGS),
        "SILENCE_S": dice.choice((1.5, 4, 60)),
        "FILLER_S": dice.choice((1, 3)),
        "LEAD_MS": dice.choice((200, 400, 1000)),
        "ECHO_GUARD": dice.random() < 0.8,
        "STT_TIMEOUT_S": dice.choice((1, 2)),
        "LLM_TIMEOUT_S": dice.choice((1, 2)),
        "TTS_TIMEOUT_S": dice.choice((0.8, 2)),
        "SEND_TIMEOUT_S": dice.choice((0.5, 2)),
        "MEDIA_TIMEOUT_S": dice.choice((1.5, 4)),
        "GOODBYE_TIMEOUT_S": dice.choice((1.5, 6)),
        "HAND_OFF_WAIT_S": dice.choice((0, 1, 4)),
        "FALSE_INTERRUPTION_S": dice.choice((0.5, 1.5)),
        "TRANSFER_TO": dice.choice(("", COLLEAGUE)),
        "DTMF_BINDINGS": "0=transfer_to_human, *=repeat, 9=end_call",
        "DISCLOSE": dice.choices(("never", "always"), (85, 15))[0],
        "AI_DISCLOSURE": "I am a machine.",
        "GOODBYE": "Thank you. Goodbye!",
        "NOTICE_S": 2,
        "CALL_MAX_MINUTES": dice.choices((10, 0.1), (92, 8))[0],
        "OUTBOUND_WAIT_S": 0.5,
    }
    return tuple(drawn.items())


def _said(dice: random.Random) -> Said:
    at = float(dice.randrange(200, 8000)) if dice.random() < 0.33 else None
    return Said(dice.choice((150, 300, 600, 900, 1500)), at)


def _trouble(dice: random.Random, port: Port) -> Trouble:
    fault = dice.choice((None, Fault.BROKEN, Fault.UNREACHABLE, Fault.REFUSED, Fault.BUSY))
    return Trouble(port, dice.choice((0, 1, 1, 2, 3)), dice.choice((0, 0, 1, 2, 5)), fault)


def _wrong(dice: random.Random) -> Wrong:
    kind = dice.choice(("abort", "close", "stall", "garbage", "error", "deaf"))
    return Wrong(kind, dice.randrange(40), dice.choice((0, 0, 1, None)))  # type: ignore[arg-type]


def _chains(dice: random.Random) -> Chains:
    who: Literal["", "one", "two"] = dice.choices(("", "one", "two"), (30, 30, 40))[0]  # type: ignore[assignment]
    if who != "two":
        return Chains(who)
    troubles = tuple(_trouble(dice, port) for port in PORTS if dice.random() < OTHERS_TROUBLE)
    return Chains(who, dice.choice((None, None, 0.3, 0.8)), troubles)


def _crash(dice: random.Random) -> Crash:
    where: Literal["vad", "hear", "think", "speak"] = dice.choice(("vad", "hear", "think", "speak"))  # type: ignore[assignment]
    return Crash(where, dice.randrange(1, 200) if where == "vad" else dice.randrange(1, 4))


def _marks(dice: random.Random) -> Marks:
    shares = [dice.choice((0.0, 0.3, 1.0)) for _ in range(3)]
    return Marks(*shares, late_ms=float(dice.choice((100, 700, 2000))))


def _send(dice: random.Random) -> Send:
    how: Literal["stuck", "slow", "fails"] = dice.choice(("stuck", "slow", "fails"))  # type: ignore[assignment]
    return Send(how, dice.randrange(60), dice.choice((0.1, 0.4, 1.5)))


def _store(dice: random.Random) -> Store:
    return Store(dice.choice((0.0, 0.1, 0.6)), dice.random() < 0.7, dice.choice((0.0, 0.4, 3.0)), dice.random() < 0.3)


ODDS = (
    *(("move", 0.25), ("move", 0.08), ("drain", 0.1), ("fence", 0.06)),
    *(("vanish", 0.1), ("stop", 0.1), ("key", 0.1), ("speak", 0.15)),
)
WATCHED = (("end", 0.04), ("transfer", 0.08))


def _acts(dice: random.Random, odds: Iterable[tuple[str, float]]) -> Iterator[Act]:
    for what, p in odds:
        if dice.random() < p:
            step = dice.randrange(STEPS) if dice.random() < 0.5 else None
            yield Act(what, step, float(dice.randrange(50, 9000)))  # type: ignore[arg-type]
