"""`calling-agent doctor`: whether calls would work, how fast, and for how long. Settings in, a report out.

0 fine, 1 something fails or will be shut down within --days, 2 configuration or usage.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import Literal

import msgspec
import trio

from agent import log as logs
from agent.config import Settings, load
from agent.doctor import report
from agent.doctor.budget import budget
from agent.doctor.report import Report
from agent.doctor.retirement import Outlook, outlook
from agent.doctor.uses import models_in_use
from agent.doctor.words import words
from agent.errors import ProviderError
from agent.guard.retry import Policy
from nurseries.compose import compose, open_catalogue
from nurseries.doctor.checks import checks
from nurseries.doctor.measure import Doctor
from nurseries.retrying import retried

LIST_S = 10.0
"""For the list of models; no call waits for it."""

READING = Policy(requests=3, first_s=0.5, longest_s=2.0, patience_s=5.0)
"""It changes nothing, and nobody is on the line."""

PORTS: tuple[Literal["STT", "LLM", "TTS"], ...] = ("STT", "LLM", "TTS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    parser.description = (
        "Measure the configured providers through the same parts that a call uses, add the times up against a target "
        "of 1,115 ms from the caller's last word to the agent's first, look up until when the configured models will "
        "be served, and look at the disk, the stores, the clock and PUBLIC_URL. Run it with the server's own "
        "environment; it sends a few short requests, which are paid for."
    )
    parser.epilog = (
        "Exit codes: 0 fine (also when slow); 1 something fails, or a model will be shut down within --days; 2 the "
        "configuration cannot be used."
    )
    parser.add_argument("--rounds", type=_count, default=3, metavar="N", help="measure each provider so often (3)")
    parser.add_argument("--days", type=_days, default=30, metavar="N", help="a model that is shut down within so many "
        "days is a failure (30)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns the exit code. Raises ConfigError for unusable settings."""
    settings = load()
    logs.configure("warn", production=settings.production)
    made = trio.run(examine, settings, args.rounds, args.days, datetime.now(UTC).date())
    print(msgspec.json.format(msgspec.json.encode(made)).decode() if args.json else words(made))
    return made.exit_code


async def examine(settings: Settings, rounds: int, days: int, today: date) -> Report:
    """The report. Raises ConfigError with every fault found; cancelled, it closes what it has opened."""
    notes = [*_notes(settings)]
    async with compose(settings, _nobody) as parts:
        notes += parts.lines.warnings
        doctor = Doctor(parts, rounds)
        live = (await doctor.hearing_live(), await doctor.answering())
        rest = (await doctor.hearing(), await doctor.thinking(), await doctor.speaking())
        measured = (*(one for one in live if one is not None), *rest)
        standing_by = await doctor.standing_by()
    notes += (
        f"{use.setting}={use.model} was looked up, not measured"
        for use in models_in_use(settings)
        if not any(use.model in one.name.split() for one in measured if one.port == use.port)
    )
    models = await _models(settings, days, today, notes)
    looked_at = await checks(settings)
    return report.build(today, rounds, (*measured, *standing_by), budget(settings, measured), models, notes, looked_at)


async def _models(settings: Settings, days: int, today: date, notes: list[str]) -> tuple[Outlook, ...]:
    listed = None
    async with open_catalogue(settings) as catalogue:
        if catalogue is not None:
            with trio.move_on_after(LIST_S) as scope:
                try:
                    listed = await retried(READING, catalogue.models)
                except ProviderError as error:
                    notes.append(f"the server's list of models could not be read: {error}")
            if scope.cancelled_caught:
                notes.append(f"the server's list of models did not come within {LIST_S:g} s")
    itself = settings.openai_itself
    return tuple(outlook(use, listed, today, fail_days=days, openai_itself=itself) for use in models_in_use(settings))


def _notes(settings: Settings) -> list[str]:
    chosen = {port: settings.provider(port) for port in PORTS}
    if all(provider == "local" for provider, _ in chosen.values()):
        return [f"nothing but this machine was measured: {chosen['STT'][1]}"]
    return [
        f"{port} is a stand-in for tests: {why}" for port, (provider, why) in chosen.items() if provider == "scripted"
    ]


async def _nobody(_call_sid: str, _to: str) -> bool:
    """There is no call to pass on."""
    await trio.lowlevel.checkpoint()
    return False


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100")
    return int(text)


def _days(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days")
    return int(text)
