"""A call that is recorded: it hears, thinks and speaks through ports that are told of, and what is done to it from
outside is written down with the rest."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import trio

from agent.config import SECRET, Settings
from agent.keep.record import CallRecord
from agent.keep.usage import Meter, Row, Usage
from agent.model import CallInfo, Ending
from agent.replay import plain
from agent.replay.events import DECIDED, VERSION, Header
from agent.think.errand import Errand
from agent.wire.ports import MediaSocket
from nurseries.call import Call
from nurseries.line.tape import Tape
from nurseries.parts import Live, Parts
from nurseries.replay.crash import crash
from nurseries.replay.recorded import RecordedSocket, recorded, told_before, told_ready
from nurseries.replay.recorded_live import sessions_of
from nurseries.replay.take import Take
from nurseries.replay.taking import Takes

_CREDENTIALS = re.compile(r"([a-z]+://)[^/@\s]*@")
"""A user's name and password in an address."""


class TakenCall(Call):
    """A Call."""

    _commanded = False

    def __init__(
        self,
        taking: Takes,
        info: CallInfo,
        socket: MediaSocket,
        parts: Parts,
        tape: Tape | None = None,
        errand: Errand | None = None,
        *,
        before: CallRecord | None = None,
        process: str = "",
        ready: Callable[[], AbstractAsyncContextManager[bool]],
        before_close: Callable[[], Awaitable[None]],
        at_close: Callable[[], Awaitable[None]] | None = None,
        now: datetime | None = None,
    ) -> None:
        """As a Call's."""
        take, now = taking.take(), now or datetime.now(UTC)
        self._taking, self._take = taking, take
        super().__init__(
            *(info, RecordedSocket(socket, take), recorded(parts, take), tape, errand),
            before=before,
            process=process,
            ready=told_ready(ready, take),
            before_close=told_before("before close", before_close, take),
            at_close=told_before("at close", at_close, take) if at_close is not None else None,
            now=now,
        )
        self.meter = TakenMeter(take, self.meter.used)
        other = self._live.voice.other if self._live.voice is not None else None
        header = Header(
            version=VERSION,
            product=version("calling-agent"),
            trio=version("trio"),
            info=plain.of(info),
            settings=_told(parts.settings),
            profile=plain.of(parts.lines.profile(info)),
            names=parts.names(Live(())),
            sessions=sessions_of(self._live),
            other=other.name if other is not None else None,
            other_rate=other.rate if other is not None else 0,
            rate=parts.voice.rate,
            tools=sorted(parts.toolbox.names),
            now=now.isoformat(),
            process=process,
            before=None if before is None else msgspec.to_builtins(before),
            errand=None if errand is None else plain.of(errand),
            recorded=tape is not None,
            verdict=parts.verdict is not None,
            budget=parts.purse is not None,
            at_close=at_close is not None,
            began=trio.current_time(),
        )
        taking.begins(take, header)

    async def run(self) -> None:
        try:
            async with self._take.watching():
                await super().run()
        except Exception as error:
            self._take.told(DECIDED, crash(error))
            raise
        finally:
            self._taking.ends(self._take, self.record())

    def end(self, ending: Ending, reason: str) -> None:
        self._command("end", ending.name, reason)
        super().end(ending, reason)

    def move(self, reason: str) -> None:
        self._command("move", reason)
        super().move(reason)

    def stay(self) -> None:
        self._command("stay")
        super().stay()

    def transfer(self, why: str) -> None:
        self._command("transfer", why)
        super().transfer(why)

    def fence(self) -> None:
        self._command("fence")
        self._commanded = True  # what comes of it is its own doing
        super().fence()
        self._commanded = False

    def stood_in(self, part: str, name: str, why: str) -> None:
        self._command("stood in", part, name, why)
        super().stood_in(part, name, why)

    def _command(self, name: str, *arguments: str) -> None:
        if not self._commanded:
            self._take.tells(name, *arguments)


class TakenMeter(Meter):
    """A Meter: what the call's own code counts it will count again, and what others do is told."""

    _take: Take | None = None

    def __init__(self, take: Take, used: Iterable[Usage]) -> None:
        """`used` in the legs before."""
        super().__init__(used)
        self._take = take

    def book(self, row: Row, amounts: Mapping[str, float], sign: int = 1) -> None:
        if self._take is not None:
            self._take.tells("used", list(row), dict(amounts), sign)
        super().book(row, amounts, sign)


def _told(settings: Settings) -> dict[str, Any]:
    told = {name: value for name, value in settings.model_dump(mode="json").items() if name not in SECRET}
    return {name: _CREDENTIALS.sub(r"\1", value) if isinstance(value, str) else value for name, value in told.items()}
