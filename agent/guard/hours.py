"""When a person may be called: a timetable, their time zones and a moment in; yes or no, and when next, out. Pure.

By the clock on their wall, so that a change to summer time moves nothing. Of somebody whose zone is not known for sure,
every zone that it may be has to allow the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agent.week import Timetable

LOOKED_AHEAD = 15
"""Days, for the next moment that all zones allow: two weeks, and what of the first day is gone."""


def allowed(hours: Timetable, zones: Sequence[str], at: datetime) -> bool:
    """Whether a call may begin then; `at` has a zone of its own. Nobody is called whose time is not known at all."""
    return bool(zones) and all(_open(hours, at.astimezone(ZoneInfo(zone))) for zone in zones)


def next_allowed(hours: Timetable, zones: Sequence[str], at: datetime) -> datetime | None:
    """The next moment at which one may, in UTC: `at` itself where it may now. None: not within LOOKED_AHEAD days, as
    where the zones are so far apart that it is never day in all of them."""
    if allowed(hours, zones, at):
        return at.astimezone(UTC)
    openings = (moment for zone in zones for moment in _openings(hours, ZoneInfo(zone), at))
    return min((moment for moment in openings if allowed(hours, zones, moment)), default=None)


def local_day(zones: Sequence[str], at: datetime) -> str:
    """The date where they are, ISO 8601. Where calls are allowed, it is the same in all their zones."""
    return at.astimezone(ZoneInfo(zones[0]) if zones else UTC).date().isoformat()


def day_ends(zones: Sequence[str], at: datetime) -> datetime:
    """When that date is over, in UTC."""
    zone = ZoneInfo(zones[0]) if zones else UTC
    return datetime.combine(at.astimezone(zone).date() + timedelta(days=1), time(), zone).astimezone(UTC)


def in_words(zones: Sequence[str], at: datetime) -> str:
    """A moment as it is where they are: "Saturday 28 November, 09:00 (Asia/Kolkata)"; of several zones, in the
    first."""
    zone = zones[0] if zones else "UTC"
    return f"{at.astimezone(ZoneInfo(zone)):%A %d %B, %H:%M} ({zone})"


def _open(hours: Timetable, local: datetime) -> bool:
    return local.weekday() in hours.days and hours.opens <= local.hour * 60 + local.minute < hours.closes


def _openings(hours: Timetable, zone: ZoneInfo, at: datetime) -> list[datetime]:
    """In UTC, later than `at`. One that the change to summer time leaves out is as much later as the change is."""
    today, opens = at.astimezone(zone).date(), time(hours.opens // 60, hours.opens % 60)
    days = (today + timedelta(days=n) for n in range(LOOKED_AHEAD))
    moments = (datetime.combine(day, opens, zone).astimezone(UTC) for day in days)
    return [moment for moment in moments if moment > at]
