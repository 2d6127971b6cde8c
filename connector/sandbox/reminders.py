"""Reminders of events: which are due in a period, put off, or dismissed.

Sources: Microsoft: user: reminderView; event: snoozeReminder, dismissReminder.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .answers import Answer, GraphError
from .calendar_store import open_store
from .call import Call
from .changelog import Item
from .event_items import Event, date_time, instant, open_event
from .graph import route
from .outlook import web_link
from .scopes import CALENDARS_READ_BASIC, CALENDARS_WRITE
from .time_zones import time_zone


@route("GET", "/users/{user}/reminderView({StartDateTime},{EndDateTime})", CALENDARS_READ_BASIC)
def list_reminders(call: Call, user: str, StartDateTime: str, EndDateTime: str) -> Answer:  # noqa: N803
    """The reminders that go off in a period, or whose event takes place in it."""
    store = open_store(call, user)
    first, last = _moment(StartDateTime), _moment(EndDateTime)
    reminders = [
        _reminder(call, occurrence)
        for events in store.events.values()
        for event in events
        for occurrence in Event(store, event).occurrences(first, last)
        if occurrence.plain()["isReminderOn"] and not occurrence.plain()["isCancelled"]
    ]
    context = call.context_url("Collection(microsoft.graph.reminder)")
    in_order = sorted(reminders, key=lambda reminder: instant(reminder["reminderFireTime"]))
    return Answer(body={"@odata.context": context, "value": in_order})


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise GraphError(400, "ErrorInvalidParameter", f"'{text}' is not a date and time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _reminder(call: Call, event: Event) -> Item:
    plain, key = event.plain(), event.shown_id(call)
    zone = call.prefer.get("outlook.timezone", "UTC")

    def shown(moment: datetime) -> Item:
        return date_time(moment.astimezone(time_zone(zone)).replace(tzinfo=None), zone)

    before = timedelta(minutes=plain["reminderMinutesBeforeStart"] or 0)
    put_off = plain.get("_snoozed_until")
    fires_at = put_off or instant(plain["start"]) - before
    return {
        "eventId": key, "eventStartTime": shown(instant(plain["start"])),
        "eventEndTime": shown(instant(plain["end"])), "changeKey": plain["changeKey"],
        "eventSubject": plain["subject"], "eventLocation": plain["location"],
        "eventWebLink": web_link(key, "CalendarItem"), "reminderFireTime": shown(fires_at),
    }  # fmt: skip


@route("POST", "/users/{user}/events/{event}/snoozeReminder", CALENDARS_WRITE)
def snooze_reminder(call: Call, user: str, event: str) -> Answer:
    """The reminder goes off at another time."""
    found = _with_reminder(call, user, event)
    body = {name.casefold(): value for name, value in call.json_body().items()}
    try:
        new_time = instant(body["newremindertime"])
    except (KeyError, TypeError, ValueError):
        raise GraphError(
            400, "ErrorInvalidRequest", "The value of 'NewReminderTime' is not a valid dateTimeTimeZone."
        ) from None
    found.change({"_snoozed_until": new_time}, call.now)
    return Answer(status=200)


@route("POST", "/users/{user}/events/{event}/dismissReminder", CALENDARS_WRITE)
def dismiss_reminder(call: Call, user: str, event: str) -> Answer:
    """The event reminds of itself no more. Again it changes nothing."""
    open_event(call, user, event).change({"isReminderOn": False, "_snoozed_until": None}, call.now)
    return Answer(status=200)


def _with_reminder(call: Call, user: str, key: str) -> Event:
    found = open_event(call, user, key)
    if not found.plain()["isReminderOn"]:
        raise GraphError(400, "ErrorInvalidRequest", "The event has no reminder that could be put off.")
    return found
