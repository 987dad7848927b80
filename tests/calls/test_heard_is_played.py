"""The record against the caller's own ears: the words it says were heard are those whose sound the carrier played.

The scripted voice takes 60 ms for a character, so the sound that was played tells how far into a sentence the caller
heard; the record may be one word short of that, never one word over.
"""

import pytest

from agent.providers.scripted import MS_PER_CHARACTER, Script
from tests.calls.stage import Stage, configured, tone

GREETING = "Hello and welcome to Premier Realty Group where we help you find a home that you like"


def words_played(ms: float) -> tuple[int, int]:
    """How many whole words fit into so much sound, and how many have begun."""
    heard = GREETING[: int(ms / MS_PER_CHARACTER)]
    whole = (
        len(GREETING[: len(heard)].rsplit(" ", 1)[0].split()) if len(heard) < len(GREETING) else len(GREETING.split())
    )
    return whole, len(heard.split())


@pytest.mark.parametrize("lead_ms", [200, 400, 3000])
@pytest.mark.parametrize("at_ms", range(500, 5000, 370))
@pytest.mark.parametrize("how", ["barge-in", "hang-up"])
async def test_what_the_record_says_was_heard_was_played(how: str, at_ms: int, lead_ms: int, autojump_clock) -> None:
    stage = Stage(Script(heard=("no, stop",), replies=("Yes?",)), configured(GREETING=GREETING, LEAD_MS=lead_ms))

    if how == "barge-in":
        log = await stage.place(tone(900, at_ms=at_ms), quiet_ms=2500)
        (clear,) = log.clears
        played = sum(p.end_ms - p.at_ms for p in log.played if p.at_ms < clear.at_ms)
    else:
        log = await stage.place(hang_up_at_ms=at_ms, quiet_ms=9000, patience_ms=9000)
        played = sum(p.end_ms - p.at_ms for p in log.played)

    told = next((entry.text for entry in stage.record.entries if entry.role == "agent"), "")
    told = told if GREETING.startswith(told) else ""
    fewest, most = words_played(played)
    assert fewest - 1 <= len(told.split()) <= most, (told, played)
