"""What a call uses of paid models: amounts as they become known, by the part and the model.

Providers know the amounts and not the call. So the call's meter is in the context that its tasks share, as the CallSid
of its log lines is; a provider that is used outside of a call counts for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

import msgspec

from agent.keep.model_counts import begin

Part = Literal["stt", "llm", "tts", "summary"]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one model did in one part of a call."""

    part: Part
    model: str
    requests: int = 0
    untold: int = 0
    """Those of them of which the server did not tell the tokens, such as a reply that was given up: what is told here
    of their tokens and seconds is an estimate."""
    tokens_in: int = 0
    """Of text."""
    tokens_cached: int = 0
    """Of those, what the server had in its cache."""
    tokens_out: int = 0
    """Of text."""
    audio_in: int = 0
    """Tokens of sound."""
    audio_cached: int = 0
    audio_out: int = 0
    seconds: float = 0.0
    """Of sound transcribed, or spoken where the server tells no tokens."""
    characters: int = 0
    """Of text spoken."""
    estimated: bool = False
    """All of this is of such requests; what servers told of others is apart."""
    cost_usd: float | None = None
    """Of it, in a call's record, where its price is known; see `derive`."""


AMOUNTS = tuple(name for name in Usage.__struct_fields__ if name not in {"part", "model", "estimated", "cost_usd"})


class Row(NamedTuple):
    """What amounts are counted by."""

    turn: int
    part: Part
    model: str
    estimated: bool


class Meter:
    """One call's. Nothing here is a checkpoint."""

    def __init__(self, used: Iterable[Usage] = ()) -> None:
        self._rows: dict[Row, dict[str, float]] = {}
        self.turn = 0
        """Answers that are over: what is used from here on is of the next one."""
        for each in used:
            amounts = {name: getattr(each, name) for name in AMOUNTS}
            self.book(Row(-1, each.part, each.model, each.estimated), amounts)

    def add(self, part: Part, model: str, amounts: Mapping[str, float], *, estimated: bool = False) -> None:
        """So much more of these, named as in Usage."""
        self.book(Row(self.turn, part, model, estimated), amounts)

    @property
    def used(self) -> tuple[Usage, ...]:
        """By now, in all."""
        return self._told(self._rows)

    def of_turn(self, turn: int) -> tuple[Usage, ...]:
        """What the answer with this number, from 0, and what came before it have used."""
        return self._told(row for row in self._rows if row.turn == turn)

    def charge(self, part: Part, model: str) -> Charge:
        """One more request, in this turn, of which nothing is known yet."""
        return Charge(self, Row(self.turn, part, model, estimated=True))

    def book(self, row: Row, amounts: Mapping[str, float], sign: int = 1) -> None:
        """Count these, or with -1 take them back: all that is counted comes this way."""
        known = self._rows.setdefault(row, {})
        begin(row.part, row.model, *amounts)
        for name, amount in amounts.items():
            known[name] = known.get(name, 0) + sign * amount

    def _told(self, rows: Iterable[Row]) -> tuple[Usage, ...]:
        sums: dict[Row, dict[str, float]] = {}
        for row in rows:
            known = sums.setdefault(row._replace(turn=0), {})
            for name, amount in self._rows[row].items():
                known[name] = known.get(name, 0) + amount
        return tuple(
            Usage(part, model, **_clean(amounts), estimated=estimated)
            for (_, part, model, estimated), amounts in sums.items()
            if any(_clean(amounts).values())
        )


class Charge:
    """One request's, from its sending to its end: of the call and the turn that it was sent in, whenever it ends. What
    it has used is estimated from this side until the server tells, if it ever does. Nothing here is a checkpoint."""

    def __init__(self, meter: Meter | None, row: Row) -> None:
        """Without a meter it is for nobody."""
        self._meter = meter
        self._row = row
        self._amounts: dict[str, float] = {}
        self._open = True
        self.guess()

    def guess(self, **amounts: float) -> None:
        """So much by now, as far as can be known from here; instead of the last guess."""
        if self._open:
            self._set(self._row, {"requests": 1, "untold": 1, **amounts})

    def told(self, **amounts: float) -> None:
        """So much, says the server."""
        self._open = False
        self._set(self._row._replace(estimated=False), {"requests": 1, **amounts})

    def amount(self, name: str) -> float:
        """Of this, as far as is known."""
        return self._amounts.get(name, 0)

    def free(self) -> None:
        """The server has taken no such request, or bills none."""
        self._open = False
        self._set(self._row, {})

    def _set(self, row: Row, amounts: dict[str, float]) -> None:
        if self._meter is not None:
            self._meter.book(self._row, self._amounts, -1)
            self._meter.book(row, amounts)
        self._row, self._amounts = row, amounts


METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
"""The call's that goes on here."""


def charged(part: Part, model: str) -> Charge:
    """One more request of the call that goes on here."""
    meter = METER.get()
    return meter.charge(part, model) if meter is not None else Charge(None, Row(0, part, model, estimated=True))


def _clean(amounts: Mapping[str, float]) -> dict[str, Any]:
    """Without what sums of fractions leave behind."""
    return {name: round(amount, 6) if isinstance(amount, float) else amount for name, amount in amounts.items()}
