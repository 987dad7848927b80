"""A recording in, what came of playing it out. A run of Trio of its own, on the recording's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

import msgspec
import structlog
import trio

from agent.hear.endpointing import LexicalEndOfTurn
from agent.hear.keys import parse_bindings
from agent.keep.usage import Row
from agent.keep.wav import Label
from agent.lines import Lines
from agent.log import LEVELS
from agent.model import CallInfo, Ending
from agent.profile import Profile
from agent.replay import file
from agent.replay.events import DECIDED, Event, Header, Over, Pass
from agent.replay.heading import Heading, heading, settings_of
from agent.replay.score import Score, score_of
from nurseries.call import Call
from nurseries.line.tape import Tape
from nurseries.parts import Parts
from nurseries.purse import Purse
from nurseries.replay import played
from nurseries.replay.crash import crash, where
from nurseries.replay.pass_clock import listen_in
from nurseries.replay.played_live import played_live
from nurseries.replay.played_loop import PlayedClock, drawing
from nurseries.replay.player import BREAKS_OFF, Difference, Differs, Player

SINCE = frozenset({"said_ms", "endpoint_ms"})
"""What a record tells of its answers, and those of recordings of before did not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    header: Header
    record: dict[str, Any]
    messages: int
    """That the call sent, as recorded."""
    seconds: float
    """That the leg lasted."""
    difference: Difference | None
    crash: str = ""
    """What the call's own code raised, and where; empty: nothing."""
    breaks_off: bool = False
    """The recording does, as its process did: all is as recorded up to there."""


def play(path: Path, **changes: object) -> Outcome:
    """Play this recording. Raises OSError, NotARecording."""
    header, events = file.read(path)
    return play_events(header, events, **changes)


def play_events(header: Header, events: list[Event], **changes: object) -> Outcome:
    """The same, read already. `changes` are settings that are other than they were. Raises NotARecording where its
    first line is none of this version's, without a word of the file."""
    return play_by(Player, header, events, **changes)


def play_by(
    make: Callable[[Score, PlayedClock], Player], header: Header, events: list[Event], **changes: object
) -> Outcome:
    """The same by another player."""
    clock = PlayedClock(header.began)
    score = score_of(_whole(events))
    player = make(score, clock)
    with drawing(player), listening(settings_of(header.settings).LOG_LEVEL):
        record = trio.run(_play, header, player, changes, clock=clock, instruments=[player])
    difference, seconds = player.difference, clock.now - header.began
    if difference is not None and difference.what == BREAKS_OFF and score.over is None:
        return Outcome(header, record, player.matched, difference.at_s, None, player.crash, breaks_off=True)
    if difference is None and score.over is not None:
        difference = _compared(score.over.record, record, seconds)
    return Outcome(header, record, player.matched, seconds, difference, player.crash)


def _whole(events: list[Event]) -> list[Event]:
    """Without the pass in which a crash has broken it off: part of that may have been written."""
    if any(isinstance(event, Over) for event in events):
        return events
    return events[: max((at for at, event in enumerate(events) if isinstance(event, Pass)), default=0)]


@contextmanager
def listening(level: str) -> Iterator[None]:
    """What is logged meanwhile, from this level on, the player is told, and nobody else."""
    before = structlog.get_config()
    structlog.configure(
        processors=[listen_in, _drop], wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level])
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: object, _method: str, _line: object) -> NoReturn:
    raise structlog.DropEvent


def call_of(
    header: Header,
    player: played.Player,
    changes: Mapping[str, object],
    kind: Callable[..., Call] = Call,
) -> Call:
    """The recorded leg's call in the player's world. To be made in Trio's loop. Raises NotARecording."""
    head = heading(msgspec.structs.replace(header, settings=header.settings | dict(changes)))
    tape = Tape(Label(head.info.call_sid, header.now)) if header.recorded else None
    return kind(
        *(head.info, played.PlayedSocket(player), _parts(header, head, player), tape, head.errand),
        before=head.before,
        process=header.process,
        ready=played.played_ready(player),
        before_close=played.played_before("before close", player),
        at_close=played.played_before("at close", player) if header.at_close else None,
        now=head.now,
    )


async def _play(header: Header, player: Player, changes: Mapping[str, object]) -> dict[str, Any]:
    call = call_of(header, player, changes)
    player.do = partial(carry_out, call)

    async def hold() -> None:
        with player.scope:
            await player.begin()
            try:
                await call.run()
            except Exception as error:  # noqa: BLE001  whatever it is, the recording knows of it or not
                if player.difference is None:
                    player.crash = where(error)
                    player.told(DECIDED, crash(error))
            except (Differs, BaseExceptionGroup):
                if player.difference is None:
                    raise
        player.end()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(player.carry_out, name="hand")
        async with trio.open_nursery() as calls:  # noqa: ASYNC112  the call's first task is begun as others are
            calls.start_soon(hold, name="call")
        nursery.cancel_scope.cancel("the call is over")
    record: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(call.record()))
    return record


def carry_out(call: Call, name: str, arguments: Sequence[Any]) -> None:
    """Do to the call what was done to it from outside. Not a checkpoint."""
    match name, arguments:
        case "end", [ending, reason] if ending in Ending.__members__:
            call.end(Ending[ending], reason)
        case "move", [reason]:
            call.move(reason)
        case "stay", _:
            call.stay()
        case "fence", _:
            call.fence()
        case "transfer", [why]:
            call.transfer(why)
        case "stood in", [part, who, why]:
            call.stood_in(part, who, why)
        case "used", [row, amounts, sign]:
            call.meter.book(Row(*row), amounts, sign)


def _parts(header: Header, head: Heading, player: played.Player) -> Parts:
    settings, names = head.settings, head.names
    bindings, _ = parse_bindings(settings.DTMF_BINDINGS, header.tools)
    files = played.PlayedRecogniser(names["stt"], player)
    other = None if header.other is None else played.PlayedVoice(header.other, header.other_rate, player)
    return Parts(
        settings=settings,
        recogniser=files,
        go_live=played_live(header.sessions, files, other, settings, player),
        model=played.PlayedModel(names["llm"], player),
        voice=played.PlayedVoice(names["tts"], header.rate, player),
        cache=played.PlayedCache(player),
        repertoire=played.PlayedRepertoire(player),
        vad=lambda: played.PlayedEar(player),
        end_of_turn=LexicalEndOfTurn(settings.END_SILENCE_MS, settings.END_SILENCE_LONG_MS),
        lines=cast("Lines", _OneLine(head.profile)),  # a call asks for nothing else
        bindings=bindings,
        toolbox=played.PlayedToolbox(frozenset(header.tools), player),
        summariser=None,
        hand_over=played.played_hand_over(player),
        verdict=played.played_verdict(player) if header.verdict else None,
        purse=cast("Purse", played.PlayedPurse(player)) if header.budget else None,
    )


@dataclass(frozen=True, slots=True)
class _OneLine:
    own: Profile

    def profile(self, _info: CallInfo) -> Profile:
        return self.own


def _compared(then: dict[str, Any], now: dict[str, Any], at_s: float) -> Difference | None:
    """Both as records: the first field that differs. What answers told less of when it was recorded is left out."""
    if "turns" in now and not any(name in turn for turn in then.get("turns", ()) for name in SINCE):
        now = now | {"turns": [{k: v for k, v in turn.items() if k not in SINCE} for turn in now["turns"]]}
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            return Difference(at_s, f"{name} of the record", repr(then.get(name)), repr(now.get(name)))
    return None
