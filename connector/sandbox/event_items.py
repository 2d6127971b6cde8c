"""What an event is: a single one, a series, or one occurrence of a series, and how a caller sees it.

A series is kept as its master; what differs on single days hangs on the master. How a body becomes
properties is left to `event_properties`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from .answers import GraphError
from .calendar_store import CalendarStore, open_store
from .call import Call
from .changelog import Item
from .outlook import (
    EXTENDED,
    WITHHELD_FROM_BASIC,
    filters_extended,
    not_found,
    precise_timestamp,
    preview,
    sees_basics_only,
    selected,
    shown_body,
    stamp,
    web_link,
)  # fmt: skip
from .recurrence import occurrence_dates
from .time_zones import time_zone

_OCCURRENCE_ID = re.compile(r"(?P<stem>.+)FRAA(?P<day>\d{8})EAA=")
_PRIVATE: Item = {
    "subject": "Private Appointment", "body": {"contentType": "text", "content": ""}, "bodyPreview": "",
    "location": None, "locations": [], "attendees": [], "onlineMeeting": None,
}  # fmt: skip
"""What others see of a private event."""


def naive(moment: Item) -> datetime:
    """The wall clock of a `dateTimeTimeZone`."""
    return datetime.fromisoformat(moment["dateTime"][:26])


def instant(moment: Item) -> datetime:
    """The point in time of a `dateTimeTimeZone`."""
    return naive(moment).replace(tzinfo=time_zone(moment["timeZone"]))


def date_time(wall_clock: datetime, zone: str) -> Item:
    """A wall clock as `dateTimeTimeZone`, with seven fractional digits."""
    return {"dateTime": f"{wall_clock:%Y-%m-%dT%H:%M:%S.%f}0", "timeZone": zone}


def _in_zone(moment: Item, zone: str, is_all_day: bool) -> Item:
    if is_all_day:
        return date_time(naive(moment), zone)
    return date_time(instant(moment).astimezone(time_zone(zone)).replace(tzinfo=None), zone)


@dataclass(frozen=True, slots=True)
class Event:
    """A kept event, or the occurrence of a kept series on one day."""

    store: CalendarStore
    item: Item
    """As kept: a single event or the master of a series."""
    day: date | None = None

    @property
    def is_series(self) -> bool:
        """Whether this is the whole series."""
        return self.day is None and self.item["recurrence"] is not None

    def plain(self) -> Item:
        """The properties in the form in which they are kept; of an occurrence those of its day."""
        if self.day is None:
            return self.item
        changed: Item = self.item["_exceptions"].get(self.day.isoformat(), {})
        start = datetime.combine(self.day, naive(self.item["start"]).time())
        end = start + (naive(self.item["end"]) - naive(self.item["start"]))
        plain: Item = self.item | {
            "type": "exception" if changed else "occurrence", "recurrence": None,
            "seriesMasterId": self.item["id"], "iCalUId": f"{self.item['iCalUId']}{self.day:%Y%m%d}",
            "originalStart": precise_timestamp(
                start.replace(tzinfo=time_zone(self.item["start"]["timeZone"])).astimezone(time_zone("UTC"))
            ),
            "start": date_time(start, self.item["start"]["timeZone"]),
            "end": date_time(end, self.item["end"]["timeZone"]),
        }  # fmt: skip
        return plain | changed

    def shown_id(self, call: Call) -> str:
        """The id in the form that the caller prefers."""
        master = self.store.ids.shown(call, self.item["id"], self.item["_calendar"])
        return master if self.day is None else occurrence_id(master, self.day)

    def shown(self, call: Call) -> Item:
        """The event as the caller may and wants to see it. Raises 400 for an unknown time zone."""
        plain, shown_id = self.plain(), self.shown_id(call)
        zone = call.prefer.get("outlook.timezone", "UTC")
        time_zone(zone)
        view = plain | {
            "id": shown_id, "webLink": web_link(shown_id, "CalendarItem"),
            "body": shown_body(call, plain["body"]),
            "start": _in_zone(plain["start"], zone, plain["isAllDay"]),
            "end": _in_zone(plain["end"], zone, plain["isAllDay"]),
        }  # fmt: skip
        if self.day is not None:
            view["seriesMasterId"] = Event(self.store, self.item).shown_id(call)
        if "cancelledoccurrences" in selected(call):
            view["cancelledOccurrences"] = [
                f"OID.{shown_id}.{day}" for day in sorted(self.item["_cancelled"])
            ]
        if filters_extended(call):
            view[EXTENDED] = plain["_extended"]
        if plain["transactionId"] is None:
            del view["transactionId"]
        return self._allowed(call, view)

    def _allowed(self, call: Call, view: Item) -> Item:
        is_other = call.user is not None and call.user["id"] != self.store.owner["id"]
        if is_other and view["sensitivity"] == "private":
            view = view | _PRIVATE
        if sees_basics_only(call, "Calendars"):
            view = {name: value for name, value in view.items() if name not in WITHHELD_FROM_BASIC}
        return view

    def change(self, changes: Item, now: datetime) -> None:
        """Set properties, in the form in which they are kept."""
        if self.day is None:
            self.item.update(changes)
        else:
            self.item["_exceptions"].setdefault(self.day.isoformat(), {}).update(changes)
        self.touch(now)

    def touch(self, now: datetime) -> None:
        """Note that the event was altered."""
        changed = self.item
        if self.day is not None:
            changed = self.item["_exceptions"].setdefault(self.day.isoformat(), {})
        stamp(self.store.world, changed, precise_timestamp(now))
        plain = self.plain()
        changed["bodyPreview"] = preview(plain["body"])
        changed["hasAttachments"] = any(not entry["isInline"] for entry in plain["_attachments"])
        self.store.events[self.item["_calendar"]].touch(self.item["id"], now)

    def remove(self, now: datetime) -> None:
        """Take the event out of its calendar, or the day out of its series."""
        if self.day is None:
            self.store.remove_event(self.item, now)
            return
        self.item["_cancelled"].add(self.day.isoformat())
        self.item["_exceptions"].pop(self.day.isoformat(), None)
        stamp(self.store.world, self.item, precise_timestamp(now))
        self.store.events[self.item["_calendar"]].touch(self.item["id"], now)

    def occurrences(self, first: datetime, last: datetime) -> list[Event]:
        """What of this event lies between two moments, in order: itself, or occurrences of the series."""
        if not self.is_series:
            return [self] if _overlaps(self.plain(), first, last) else []
        found = {
            day: Event(self.store, self.item, day) for day in self._days(last.date() + timedelta(days=1))
        }
        for text in self.item["_exceptions"]:
            found[date.fromisoformat(text)] = Event(self.store, self.item, date.fromisoformat(text))
        inside = [event for event in found.values() if _overlaps(event.plain(), first, last)]
        return sorted(inside, key=lambda event: instant(event.plain()["start"]))

    def _days(self, until: date) -> Iterator[date]:
        for day in occurrence_dates(self.item["recurrence"]):
            if day > until:
                return
            if day.isoformat() not in self.item["_cancelled"]:
                yield day

    def check_boundaries(self, starts_on: date) -> None:
        """Raise 400 when a moved occurrence would reach the day of the one before or after it."""
        assert self.day is not None
        days = list(self._days(self.day + timedelta(days=800)))
        for before, after in pairwise(days):
            if (before == self.day and starts_on >= after) or (after == self.day and starts_on <= before):
                raise GraphError(
                    400, "ErrorOccurrenceCrossingBoundary",
                    "Modified occurrence is crossing or overlapping adjacent occurrence.",
                )  # fmt: skip


def _overlaps(plain: Item, first: datetime, last: datetime) -> bool:
    start, end = instant(plain["start"]), instant(plain["end"])
    return start < last and (end > first or start >= first)


def occurrence_id(master_id: str, day: date) -> str:
    """The id of the occurrence of a series on a day."""
    return f"{master_id.rstrip('=')}FRAA{day:%Y%m%d}EAA="


def find_event(store: CalendarStore, key: str, calendar: str | None = None) -> Event:
    """An event, series or occurrence by id, in one calendar if given; raises 400 or 404."""
    match = _OCCURRENCE_ID.fullmatch(key)
    if match is None:
        found = Event(store, store.event(key))
    else:
        master = Event(store, store.event(match["stem"] + "="))
        day = datetime.strptime(match["day"], "%Y%m%d").date()
        if not master.is_series or day.isoformat() in master.item["_cancelled"]:
            raise not_found()
        found = Event(store, master.item, day)
    if calendar is not None and found.item["_calendar"] != calendar:
        raise not_found()
    return found


def open_event(call: Call, user: str, key: str) -> Event:
    """An event of a user by id; raises 400, 403 and 404."""
    return find_event(open_store(call, user), key)
