"""On which days an event repeats: recurrence patterns and ranges, checked and counted out.

Sources: Microsoft: recurrencePattern, recurrenceRange resource types.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice, takewhile
from typing import Any

from .answers import GraphError
from .changelog import Item
from .outlook import one_of

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INDEXES = ("first", "second", "third", "fourth", "last")
_TYPES = ("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly")
_RANGES = ("endDate", "noEnd", "numbered")
_NO_DATE = "0001-01-01"
_LAST_YEAR = 2100


def checked_recurrence(given: Any, starts_on: date, zone: str) -> Item:
    """A recurrence in full, as Graph answers it; raises 400 for one that does not hold together."""
    if not isinstance(given, dict) or not all(
        isinstance(given.get(key), dict) for key in ("pattern", "range")
    ):
        raise _invalid("A recurrence needs a pattern and a range.")
    return {
        "pattern": _checked_pattern(given["pattern"]),
        "range": _checked_range(given["range"], starts_on, zone),
    }


def _invalid(message: str) -> GraphError:
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def _checked_pattern(given: Item) -> Item:
    kind = one_of(given.get("type"), _TYPES)
    pattern = {
        "type": kind, "interval": _number(given, "interval", 1, 999, required=True),
        "month": _number(given, "month", 1, 12, required="Yearly" in kind),
        "dayOfMonth": _number(given, "dayOfMonth", 1, 31, required="absolute" in kind),
        "firstDayOfWeek": one_of(given.get("firstDayOfWeek") or "sunday", DAYS),
        "index": one_of(given.get("index") or "first", _INDEXES),
    }  # fmt: skip
    if given.get("daysOfWeek"):
        pattern["daysOfWeek"] = [one_of(day, DAYS) for day in given["daysOfWeek"]]
    elif kind == "weekly" or "relative" in kind:
        raise _invalid(f"A {kind} recurrence pattern needs daysOfWeek.")
    return pattern


def _number(given: Item, name: str, least: int, most: int, *, required: bool) -> int:
    value = given.get(name) or 0
    if not isinstance(value, int) or ((required or value) and not least <= value <= most):
        raise _invalid(f"The recurrence pattern needs '{name}' from {least} to {most}.")
    return value


def _checked_range(given: Item, starts_on: date, zone: str) -> Item:
    kind = one_of(given.get("type"), _RANGES)
    if given.get("startDate") != starts_on.isoformat():
        raise _invalid("The startDate of the recurrence range must be the date of the event's start.")
    end = str(given.get("endDate") or _NO_DATE)
    if kind == "endDate" and not starts_on.isoformat() <= end:
        raise _invalid("The recurrence range needs an endDate that is not before its startDate.")
    count = given.get("numberOfOccurrences") or 0
    if kind == "numbered" and (not isinstance(count, int) or not 1 <= count <= 999):
        raise _invalid("The recurrence range needs numberOfOccurrences from 1 to 999.")
    return {
        "type": kind, "startDate": given["startDate"], "endDate": end if kind == "endDate" else _NO_DATE,
        "recurrenceTimeZone": given.get("recurrenceTimeZone") or zone,
        "numberOfOccurrences": count if kind == "numbered" else 0,
    }  # fmt: skip


def occurrence_dates(recurrence: Item) -> Iterator[date]:
    """The days on which a checked recurrence begins an occurrence, in order; may be very many."""
    pattern, limits = recurrence["pattern"], recurrence["range"]
    start = date.fromisoformat(limits["startDate"])
    days = (day for day in _STEPS[pattern["type"]](pattern, start) if day >= start)
    if limits["type"] == "numbered":
        return islice(days, limits["numberOfOccurrences"])
    if limits["type"] == "endDate":
        end = date.fromisoformat(limits["endDate"])
        return takewhile(lambda day: day <= end, days)
    return days


def _daily(pattern: Item, start: date) -> Iterator[date]:
    day = start
    while day.year < _LAST_YEAR:
        yield day
        day += timedelta(days=pattern["interval"])


def _weekly(pattern: Item, start: date) -> Iterator[date]:
    first = DAYS.index(pattern["firstDayOfWeek"])
    week = start - timedelta(days=(start.weekday() - first) % 7)
    offsets = sorted((DAYS.index(day) - first) % 7 for day in pattern["daysOfWeek"])
    while week.year < _LAST_YEAR:
        yield from (week + timedelta(days=offset) for offset in offsets)
        week += timedelta(weeks=pattern["interval"])


def _months(start: date, step: int) -> Iterator[tuple[int, int]]:
    count = start.year * 12 + start.month - 1
    while count < _LAST_YEAR * 12:
        yield count // 12, count % 12 + 1
        count += step


def _years(pattern: Item, start: date) -> Iterator[tuple[int, int]]:
    return ((year, pattern["month"]) for year in range(start.year, _LAST_YEAR, pattern["interval"]))


def _on_day(pattern: Item, year: int, month: int) -> date:
    """The day of the month, or the last one of a shorter month."""
    return date(year, month, min(pattern["dayOfMonth"], calendar.monthrange(year, month)[1]))


def _on_weekday(pattern: Item, year: int, month: int) -> date:
    """The first to fourth or last of the days of the month that are one of the days of the week."""
    wanted = {DAYS.index(day) for day in pattern["daysOfWeek"]}
    length = calendar.monthrange(year, month)[1]
    days = [date(year, month, day) for day in range(1, length + 1)]
    fitting = [day for day in days if day.weekday() in wanted]
    return fitting[-1] if pattern["index"] == "last" else fitting[_INDEXES.index(pattern["index"])]


_STEPS: dict[str, Callable[[Item, date], Iterator[date]]] = {
    "daily": _daily,
    "weekly": _weekly,
    "absoluteMonthly": lambda pattern, start: (
        _on_day(pattern, *month) for month in _months(start, pattern["interval"])
    ),
    "relativeMonthly": lambda pattern, start: (
        _on_weekday(pattern, *month) for month in _months(start, pattern["interval"])
    ),
    "absoluteYearly": lambda pattern, start: (_on_day(pattern, *month) for month in _years(pattern, start)),
    "relativeYearly": lambda pattern, start: (
        _on_weekday(pattern, *month) for month in _years(pattern, start)
    ),
}
