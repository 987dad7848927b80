"""Finds the moment at which a call can be handed off: between two turns, where the caller notices least.

Started by the call inside the conversation; does nothing before it is asked. The other good moment, between the
caller's words and the answer to them, is not looked for here but taken as it comes (see Call).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

QUIET_S = 0.5
"""Silence of both before a call is moved. Who answers does so within some 0.2 s in most languages, and seldom after
more than 0.5 s (Stivers et al., Universals and cultural variation in turn-taking in conversation, PNAS 2009)."""

ASKED_S = 2.0
"""The same behind a question: an answer is about to come, which may take some thought, and then the call is moved
behind it, where the agent would have to think anyway."""

SENTENCE_S = 3.0
"""For the end of the sentence that the agent is in, where the call cannot wait for a better moment."""

LOOK_S = 0.02
"""One piece of the caller's sound."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is asked of the call. Not checkpoints."""

    quiet_since: Callable[[], float]
    """Since when nobody has spoken, nor anything is under way, on trio's clock; now while it is."""
    asked: Callable[[], bool]
    """The agent's last words were a question."""
    free: Callable[[], bool]
    """The caller is silent, and the agent in nothing that is to be finished here."""
    audible: Callable[[], str]
    """Which sentence of the agent's the caller hears, by a name of its own; empty: none."""


async def watch(
    wanted: trio.Event,
    wait_s: float,
    scene: Scene,
    *,
    move: Callable[[Callable[[], bool]], Awaitable[bool]],
    cut: Callable[[], None],
) -> None:
    """Once it is wanted, `move` at the next quiet moment, or after `wait_s` the next one that will do, as long as what
    it is given holds; it says whether the call has gone. What the agent is saying then is `cut`."""
    await wanted.wait()
    late = trio.current_time() + wait_s

    def quiet() -> bool:
        now = trio.current_time()
        return now - scene.quiet_since() >= (ASKED_S if scene.asked() and now < late else QUIET_S)

    by, sentence = math.inf, ""
    while True:
        now = trio.current_time()
        if quiet():
            if await move(quiet):
                return
        elif now < late or not scene.free():
            by, sentence = math.inf, ""
        elif not (audible := scene.audible()):
            if await move(scene.free):
                return
        elif (sentence and audible != sentence) or now >= by:
            cut()
            return
        elif not sentence:
            by, sentence = now + SENTENCE_S, audible
        await trio.sleep(LOOK_S)
