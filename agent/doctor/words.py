"""The doctor's report in words, for the person who runs the server: plain text, no wider than it must be."""

from __future__ import annotations

from collections.abc import Iterator

from agent.doctor.budget import Budget, Row
from agent.doctor.figures import Figure, Measured
from agent.doctor.report import Report
from agent.doctor.retirement import Outlook
from agent.doctor.uses import TITLES

_WIDTH = 32
"""Of a name in a table: the longest has 29 characters."""


def words(report: Report) -> str:
    """The whole report, ready to print."""
    rounds = f"{report.rounds} round{'' if report.rounds == 1 else 's'}, the first with connecting"
    lines = [f"{f'calling-agent doctor, {report.on}':{_WIDTH + 2}}   median     worst   ({rounds})"]
    for one in report.providers:
        lines += ["", *_provider(one)]
    lines += ["", *_budget(report.budget)]
    if report.models:
        lines += ["", "models", *(f"  {_outlook(one)}" for one in report.models)]
    if report.checks:
        lines += ["", "around it", *(f"  {one.state:8} {one.name}: {one.says}" for one in report.checks)]
        lines += [f"  to do    {one.name}: {one.do}" for one in report.checks if one.state == "warning"]
    if report.notes:
        lines += ["", *(f"note: {note}" for note in report.notes)]
    failures = [*_failures(report)]
    if failures:
        lines += ["", *(f"failed: {failure}" for failure in failures)]
    return "\n".join([*lines, "", f"exit {report.exit_code}"])


def _provider(one: Measured) -> Iterator[str]:
    yield f"{TITLES[one.port]}: {one.name} ({one.where})"
    for figure in one.figures:
        yield f"  {figure.name:{_WIDTH}} {_value(figure, figure.median)} {_value(figure, figure.worst)}"
    for trouble in one.troubles:
        yield f"  FAILED in {trouble.rounds} round{'' if trouble.rounds == 1 else 's'}, see below"
    yield from (f"  {note}" for note in one.notes)


def _value(figure: Figure, value: float) -> str:
    return f"{value:6.0f} ms" if figure.unit == "ms" else f"{value:6.2f} x"


def _budget(budget: Budget) -> Iterator[str]:
    yield f"{'caller falls silent to first audio':{_WIDTH + 2}}   median     worst    budget     limit"
    for row in (*budget.rows, budget.total):
        yield _row(row)
    yield from (f"  {row.stage}: {row.note}" for row in (*budget.rows, budget.total) if row.note)


def _row(row: Row) -> str:
    figures = "".join(f"{_ms(value):>10}" for value in (row.median, row.worst, row.budget, row.limit))
    return f"  {row.stage:{_WIDTH}}{figures}   {row.verdict}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _outlook(one: Outlook) -> str:
    instead = f". Instead: {one.instead}" if one.instead and one.state != "fine" else ""
    return f"{one.state:8} {one.setting}={one.model}: {one.says}{instead}"


def _failures(report: Report) -> Iterator[str]:
    for one in report.providers:
        for trouble in one.troubles:
            yield f"{TITLES[one.port]}, {one.name} at {one.where}: {trouble.what}. {trouble.do}"
    for model in report.models:
        if model.state == "failure":
            yield f"{model.setting}={model.model}: {model.says}"
    for check in report.checks:
        if check.state == "failure":
            yield f"{check.name}: {check.says}. {check.do}"
