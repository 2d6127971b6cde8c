"""What has changed in a calendar: in a period, occurrence by occurrence, or among its events and series.

Source: Microsoft: event: delta.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .event_items import Event, occurrence_id
from .events import calendar_of, calendar_route, window
from .outlook import case_insensitive_query, check_basics, confirmed
from .scopes import CALENDARS_READ_BASIC, GROUP_CALENDAR_READ

_TYPE = {"@odata.type": "#microsoft.graph.event"}


@calendar_route("GET", "calendarView/delta", CALENDARS_READ_BASIC, GROUP_CALENDAR_READ)
def view_changes(call: Call, **place: str) -> Answer:
    """The changes in a window of a calendar; the window stays that of the first request."""
    case_insensitive_query(call, "startDateTime", "endDateTime")
    first, last = window(call)
    is_first_round = not {"$deltatoken", "$skiptoken"} & set(call.query)

    def shape(event: Event) -> list[Item]:
        found = event.occurrences(first, last)
        if event.is_series and found:
            found = [event, *found]
        shown = [entry.shown(call) | _TYPE for entry in found]
        days = [] if is_first_round else sorted(event.item["_cancelled"])
        gone = [occurrence_id(event.shown_id(call), datetime.fromisoformat(day).date()) for day in days]
        return shown + [{"id": key, "@removed": {"reason": "deleted"}} for key in gone]

    return _changes(call, "calendarView", shape, **place)


@calendar_route("GET", "events/delta", CALENDARS_READ_BASIC, GROUP_CALENDAR_READ)
def event_changes(call: Call, **place: str) -> Answer:
    """The changes of single events and series, whenever they take place."""
    return _changes(call, "events", lambda event: [event.shown(call) | _TYPE], **place)


def _changes(call: Call, kind: str, shape: Callable[[Event], list[Item]], **place: str) -> Answer:
    check_basics(call, "Calendars")
    refused = {"$select", "$filter", "$orderby", "$search", "$expand"} & set(call.query)
    if refused:
        raise GraphError(
            400, "ErrorInvalidUrlQuery", f"'{min(refused)}' is not supported with change tracking."
        )
    store, calendar = calendar_of(call, **place)
    return confirmed(call, call.changes(
        store.events[calendar["id"]], shape=lambda item: shape(Event(store, item)),
        stream=f"{kind}/{store.owner['id']}/{calendar['id']}",
        removed=lambda key, reason: {
            **_TYPE, "id": store.ids.shown(call, key, calendar["id"]), "@removed": {"reason": reason},
        },
        baked=("startDateTime", "endDateTime"),
    ))  # fmt: skip
