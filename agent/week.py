"""Hours and days as settings name them: texts in; a weekly timetable out."""

from __future__ import annotations

import re
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*")


@dataclass(frozen=True, slots=True)
class Timetable:
    """The same hours on some days of the week, by the clock of whoever it is about."""

    opens: int
    """Minutes since midnight; included."""
    closes: int
    """Not included; 1440 is midnight."""
    days: frozenset[int]
    """0 is Monday."""

    def __str__(self) -> str:
        """Such as "09:00 to 21:00, mon, tue"."""
        hours = f"{clock(self.opens)} to {clock(self.closes)}"
        return hours if len(self.days) == 7 else f"{hours}, {', '.join(DAYS[day] for day in sorted(self.days))}"


def timetable(hours: str, days: str) -> Timetable:
    """Of "09:00-21:00" and "mon-sat" or "mon, wed, fri"; no days are all of them. Raises ValueError, in words."""
    return Timetable(*opening(hours), weekdays(days))


def opening(text: str) -> tuple[int, int]:
    """From when to when, in minutes since midnight. Raises ValueError, in words."""
    found = _HOURS.fullmatch(text)
    opens, closes = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not found or int(found[2]) > 59 or int(found[4]) > 59 or not opens < closes <= 1440:
        raise ValueError("must be hours of one day such as 09:00-21:00; the end may be 24:00")
    return opens, closes


def weekdays(text: str) -> frozenset[int]:
    """Raises ValueError, in words."""
    found: set[int] = set()
    for part in filter(None, (each.strip().lower() for each in text.split(","))):
        first, _, last = (each.strip() for each in part.partition("-"))
        if first not in DAYS or (last or first) not in DAYS or ("-" in part and not last):
            raise ValueError("must be days such as mon-sat, or mon, wed, fri")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(found or range(7))


def clock(minutes: int) -> str:
    """Such as "09:00"."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
