"""Recordings that are kept as regression tests: made fit for it, with the decisions that are expected beside them.

The recorded schedule stays: what the call sends and asks otherwise, because of what was left out, is adopted, and
everything else has to be as it was.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec

from agent.replay import file
from agent.replay.comparison import Change, compared
from agent.replay.decisions import Decision, decisions, in_lines, known, of_lines
from agent.replay.events import Asked, Event, Header, Over, Sent
from agent.replay.score import Ask, Score
from agent.replay.smaller import Smaller
from nurseries.replay.changed import OF_CALLS, OF_LINES
from nurseries.replay.freely import freely
from nurseries.replay.play import play_by, play_events
from nurseries.replay.played_loop import PlayedClock
from nurseries.replay.player import Difference, Player

EXPECTED = ".decisions.tsv"
"""Beside a recording: what the call is to decide. To be edited where the recording shows a failure."""

SETTINGS = (OF_CALLS | OF_LINES | {"LOG_LEVEL", "APP_ENV", "DTMF_BINDINGS"}) - {"SYSTEM_PROMPT_FILE", "LINES_FILE"}
"""What a line's files make of a call is in its profile."""


class NotKept(file.NotARecording):
    """This recording cannot be made one that is kept; why, and what to do."""


class Adopting(Player):
    """Takes what a call now asks and sends in the place of what it did, if it is of the same kind."""

    def __init__(self, score: Score, clock: PlayedClock) -> None:
        super().__init__(score, clock)
        self.asked: dict[int, str] = {}
        self.messages: list[Sent] = []

    def same_ask(self, number: int, ask: Ask, port: str, what: str) -> bool:
        self.asked[number] = what
        return ask.asked.port == port

    def same_message(self, then: Sent, now: Sent) -> bool:
        self.messages.append(now)
        return (then.kind, then.size) == (now.kind, now.size)


def keep(path: Path, to: Path, *, audio: bool) -> Path:
    """Keep the recording as `to`, and its decisions beside it; returns where. Raises OSError and NotARecording."""
    header, events = file.read(path)
    if not known(events):
        raise NotKept(f"{path} tells no decisions: it is of a version whose calls cannot be kept.")
    with file.of_file(path):
        kept = fit(header, events, audio=audio)
    if isinstance(kept, Difference):
        advice = "Keep it with its sound: the call depends on it." if not audio else "Its version cannot be kept."
        raise NotKept(f"{path} cannot be kept: without what is left out the call goes another way, {kept}\n{advice}")
    to.parent.mkdir(parents=True, exist_ok=True)
    made = to.with_name(f"{to.name}{file.SUFFIX}")
    made.write_bytes(
        gzip.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in (kept[0], *kept[1])), mtime=0)
    )
    expected_of(made).write_text(in_lines(decisions(*kept)), encoding="utf-8")
    return made


def fit(header: Header, events: list[Event], *, audio: bool) -> tuple[Header, list[Event]] | Difference:
    """The recording without what is not to be kept; or where it then goes another way."""
    smaller = Smaller(header, audio=audio, settings=SETTINGS)
    header, events = smaller.header(header), smaller.events(events)
    over = bool(events) and isinstance(events[-1], Over)
    players: list[Adopting] = []

    def adopting(score: Score, clock: PlayedClock) -> Player:
        players.append(Adopting(score, clock))
        return players[-1]

    outcome = play_by(adopting, header, [event for event in events if not isinstance(event, Over)])
    if outcome.difference is not None:
        return outcome.difference
    (player,) = players
    made = _adopted(events, player)
    made = [*made, Over(outcome.record)] if over else made
    return play_events(header, made).difference or (header, made)


def _adopted(events: list[Event], player: Adopting) -> list[Event]:
    made: list[Event] = []
    asks = 0
    messages = iter(player.messages)
    for event in events:
        match event:
            case Asked(port, what, about):
                made.append(Asked(port, player.asked.get(asks, what), about))
                asks += 1
            case Sent():
                made.append(next(messages, event))
            case Over():
                pass
            case _:
                made.append(event)
    return made


def expected_of(path: Path) -> Path:
    """Where the decisions are that a kept recording is to make."""
    return path.with_name(path.name.removesuffix(file.SUFFIX) + EXPECTED)


def check(path: Path) -> Change | None:
    """Play what is kept: to the byte, and where that goes another way, freely. What differs first, if anything does.
    Raises OSError and NotARecording."""
    header, events = file.read(path)
    expected = _expected(expected_of(path))
    with file.of_file(path):
        outcome = play_events(header, events)
        if outcome.difference is None:
            return _first(expected, decisions(header, events))
        again = freely(header, events)
    return _first(expected, decisions(again.header, again.events))


def _expected(path: Path) -> list[Decision]:
    try:
        return of_lines(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise file.NotARecording(f"{path}, {error}.") from None


def _first(expected: list[Decision], made: list[Decision]) -> Change | None:
    return next(iter(compared(expected, made).changes), None)
