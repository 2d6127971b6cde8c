"""Who is free and who is busy: getSchedule and findMeetingTimes.

Suggestions are the free half hours in the order of time; Outlook's own order is not documented.
Sources: Microsoft: calendar: getSchedule; user: findMeetingTimes; scheduleInformation resource type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from .answers import Answer, GraphError
from .calendar_store import open_store, store_of
from .call import Call
from .changelog import Item
from .event_items import Event, date_time, instant
from .graph import route
from .outlook import addresses_of, mailbox_user, one_of, recipient
from .scopes import CALENDARS_READ_BASIC, MEETING_TIMES_FIND
from .time_zones import time_zone

_DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4", "unknown": "0"}
_LONGEST_PERIOD = timedelta(days=62)
_STEP = timedelta(minutes=30)
_USUAL_CANDIDATES = 20
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_WORKING_HOURS = {
    "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"], "startTime": "08:00:00.0000000",
    "endTime": "17:00:00.0000000", "timeZone": {"name": "UTC"},
}  # fmt: skip
_FIRST_HOUR, _LAST_HOUR, _SATURDAY = 8, 17, 5


def _named(body: Item) -> Item:
    """A body by lower-case names: Graph takes `Schedules` and `schedules`."""
    return {name.casefold(): value for name, value in body.items()}


def _moment(value: Any, name: str) -> datetime:
    try:
        return instant(value).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        raise GraphError(
            400, "ErrorInvalidRequest", f"The value of '{name}' is not a valid dateTimeTimeZone."
        ) from None


def _busy(call: Call, owner: Item, first: datetime, last: datetime) -> list[Event]:
    """What lies in a period of somebody's default calendar, in order."""
    store = store_of(call.world, call.tenant, owner)
    found = [
        occurrence
        for event in store.events[store.default_id]
        for occurrence in Event(store, event).occurrences(first, last)
        if not occurrence.plain()["isCancelled"]
    ]
    return sorted(found, key=lambda event: instant(event.plain()["start"]))


def _status_at(events: list[Event], first: datetime, last: datetime) -> str:
    """How a period is shown: by the event that counts most."""
    found = [
        event.plain()["showAs"]
        for event in events
        if instant(event.plain()["start"]) < last and instant(event.plain()["end"]) > first
    ]
    return max(found, key=lambda status: _DIGITS[status], default="free")


# getSchedule


@route("POST", "/users/{user}/calendar/getSchedule", CALENDARS_READ_BASIC)
@route("POST", "/users/{user}/calendars/{calendar}/getSchedule", CALENDARS_READ_BASIC)
def get_schedule(call: Call, user: str, calendar: str | None = None) -> Answer:
    """An address that nobody has is an error inside of the answer, not of the request."""
    open_store(call, user).calendar(calendar)
    body = _named(call.json_body())
    first, last = (_moment(body.get(name), name) for name in ("starttime", "endtime"))
    minutes = body.get("availabilityviewinterval") or 30
    if not isinstance(minutes, int) or not 5 <= minutes <= 1440:
        raise GraphError(400, "ErrorInvalidRequest", "AvailabilityViewInterval must be from 5 to 1440.")
    if last <= first or last - first > _LONGEST_PERIOD or last - first < timedelta(minutes=minutes):
        raise GraphError(
            400, "ErrorInvalidTimeInterval", "The requested time window is too long, too short or ends early."
        )
    schedules = body.get("schedules")
    if not isinstance(schedules, list) or not schedules:
        raise GraphError(400, "ErrorInvalidRequest", "Schedules must not be empty.")
    found = [_schedule(call, str(address), first, last, minutes) for address in schedules]
    context = call.context_url("Collection(microsoft.graph.scheduleInformation)")
    return Answer(body={"@odata.context": context, "value": found})


def _schedule(call: Call, address: str, first: datetime, last: datetime, minutes: int) -> Item:
    owner = mailbox_user(call.tenant, address)
    if owner is None:
        message = f"Unable to resolve e-mail address {address} to an Active Directory object."
        return {
            "scheduleId": address, "availabilityView": "", "scheduleItems": [],
            "error": {"message": message, "responseCode": "ErrorMailRecipientNotFound"},
        }  # fmt: skip
    events, slot = _busy(call, owner, first, last), timedelta(minutes=minutes)
    starts = [first + slot * number for number in range(-((first - last) // slot))]
    return {
        "scheduleId": address,
        "availabilityView": "".join(_DIGITS[_status_at(events, start, start + slot)] for start in starts),
        "scheduleItems": [_schedule_item(call, owner, event) for event in events],
        "workingHours": _WORKING_HOURS,
    }


def _schedule_item(call: Call, owner: Item, event: Event) -> Item:
    plain, zone = event.plain(), call.prefer.get("outlook.timezone", "UTC")
    shown: Item = {
        "status": plain["showAs"],
        **{name: date_time(_in(zone, plain[name]), zone) for name in ("start", "end")},
    }
    if call.user is None or call.user["id"] == owner["id"]:
        is_private = plain["sensitivity"] == "private"
        place = (plain["location"] or {}).get("displayName", "")
        shown |= {"subject": plain["subject"], "location": place, "isPrivate": is_private}
    return shown


def _in(zone: str, moment: Item) -> datetime:
    return instant(moment).astimezone(time_zone(zone)).replace(tzinfo=None)


# findMeetingTimes


@route("POST", "/users/{user}/findMeetingTimes", MEETING_TIMES_FIND)
def find_meeting_times(call: Call, user: str) -> Answer:
    """Times at which enough of the attendees are free."""
    organizer = call.mailbox_owner(user)
    body = _named(call.body or {})
    duration = _duration(body.get("meetingduration"))
    attendees = [_attendee(call, given) for given in body.get("attendees") or []]
    least = body.get("minimumattendeepercentage")
    least = 50 if least is None else least
    needs_organizer = not body.get("isorganizeroptional")
    most = body.get("maxcandidates") or _USUAL_CANDIDATES
    suggestions: list[Item] = []
    reason = "unknown"
    for first, last in _slots(call, _named(body.get("timeconstraint") or {}), duration):
        suggestion = _suggestion(call, organizer, attendees, first, last)
        if needs_organizer and suggestion["organizerAvailability"] != "free":
            reason = "organizerUnavailable"
        elif suggestion["confidence"] < least:
            reason = "attendeesUnavailable"
        elif len(suggestions) < most:
            suggestions.append(suggestion | {"order": len(suggestions) + 1, "locations": _places(body)})
    if not body.get("returnsuggestionreasons"):
        suggestions = [{**entry, "suggestionReason": None} for entry in suggestions]
    return Answer(body={
        "@odata.context": call.context_url("microsoft.graph.meetingTimeSuggestionsResult"),
        "emptySuggestionsReason": "" if suggestions else reason, "meetingTimeSuggestions": suggestions,
    })  # fmt: skip


def _duration(text: object) -> timedelta:
    match = _DURATION.fullmatch(str(text or "PT30M"))
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    duration = timedelta(days=days, hours=hours, minutes=minutes)
    if not duration:
        raise GraphError(400, "RequestBodyRead", f"Cannot convert the literal '{text}' to 'Edm.Duration'.")
    return duration


def _attendee(call: Call, given: Any) -> Item:
    person = recipient(call.tenant, given)
    return person | {"type": one_of(given.get("type") or "required", ("required", "optional", "resource"))}


def _places(body: Item) -> list[Item]:
    wanted = _named(body.get("locationconstraint") or {}).get("locations") or []
    return [
        {name: value for name, value in place.items() if name != "resolveAvailability"} for place in wanted
    ]


def _slots(call: Call, constraint: Item, duration: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """The periods of this length in the time that is open to the search, each half an hour later."""
    anytime = one_of(
        constraint.get("activitydomain") or "work", ("unknown", "work", "personal", "unrestricted")
    ) in ("personal", "unrestricted")
    for slot in constraint.get("timeslots") or [_coming_week(call)]:
        last = _moment(slot.get("end"), "timeSlots/end")
        start = _moment(slot.get("start"), "timeSlots/start")
        while start + duration <= last:
            if anytime or _is_working_time(start, start + duration):
                yield start, start + duration
            start += _STEP


def _coming_week(call: Call) -> Item:
    tomorrow = datetime.combine(call.now.date() + timedelta(days=1), datetime.min.time())
    return {"start": date_time(tomorrow, "UTC"), "end": date_time(tomorrow + timedelta(days=7), "UTC")}


def _is_working_time(start: datetime, end: datetime) -> bool:
    closes = start.replace(hour=_LAST_HOUR, minute=0)
    return start.weekday() < _SATURDAY and start.hour >= _FIRST_HOUR and end <= closes


def _suggestion(call: Call, organizer: Item, attendees: list[Item], first: datetime, last: datetime) -> Item:
    others = [entry for entry in attendees if entry["emailAddress"]["address"] not in addresses_of(organizer)]
    shown = [{"attendee": entry, "availability": _availability(call, entry, first, last)} for entry in others]
    free = [entry for entry in shown if entry["availability"] == "free"]
    mine = _status_at(_busy(call, organizer, first, last), first, last)
    zone = call.prefer.get("outlook.timezone", "UTC")
    times = {name: date_time(moment.astimezone(time_zone(zone)).replace(tzinfo=None), zone)
             for name, moment in (("start", first), ("end", last))}  # fmt: skip
    return {
        "confidence": 100.0 * len(free) / len(shown) if shown else 100.0, "organizerAvailability": mine,
        "meetingTimeSlot": times, "attendeeAvailability": shown,
        "suggestionReason": "Suggested because it is one of the nearest times when all attendees are free.",
    }  # fmt: skip


def _availability(call: Call, attendee: Item, first: datetime, last: datetime) -> str:
    owner = mailbox_user(call.tenant, attendee["emailAddress"]["address"])
    return "unknown" if owner is None else _status_at(_busy(call, owner, first, last), first, last)
