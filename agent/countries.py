"""Countries and their time zones, as the tz database has them: nothing in; zones by ISO 3166 codes out."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def zones() -> dict[str, tuple[str, ...]]:
    """The time zones of each country, the one where most people live first."""
    found: dict[str, list[str]] = {"XK": ["Europe/Belgrade"]}  # Kosovo's code is no one of ISO's yet
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            region, _, zone, *_ = line.split("\t")
            found.setdefault(region, []).append(zone)
    return {region: tuple(named) for region, named in found.items()}
