"""The doctor's report: what was measured and looked up in, one record that can be printed or read by a program out.

Exit codes: 0 fine, 1 something fails or will soon be shut down. (2 is a configuration that cannot be used, which is
found before there is a report.) Slow is not broken: a budget that is not met fails nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from agent.doctor.budget import Budget
from agent.doctor.check import Check
from agent.doctor.figures import Measured
from agent.doctor.retirement import Outlook

FINE, FAILED = 0, 1


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything worth knowing before the first call. Times are milliseconds."""

    exit_code: int
    on: date
    rounds: int
    providers: tuple[Measured, ...]
    budget: Budget
    models: tuple[Outlook, ...]
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


def build(
    on: date,
    rounds: int,
    providers: Sequence[Measured],
    budget: Budget,
    models: Sequence[Outlook],
    notes: Sequence[str] = (),
    checks: Sequence[Check] = (),
) -> Report:
    """The report, with the exit code that follows from it."""
    verdicts = [*(one.state for one in models), *(one.state for one in checks)]
    broken = any(one.troubles for one in providers) or "failure" in verdicts
    return Report(
        exit_code=FAILED if broken else FINE,
        on=on,
        rounds=rounds,
        providers=tuple(providers),
        budget=budget,
        models=tuple(models),
        notes=tuple(notes),
        checks=tuple(checks),
    )
