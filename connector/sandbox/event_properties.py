"""How the body of a request becomes the properties of an event: defaults, checks, online meetings."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from .answers import GraphError
from .calendar_store import CalendarStore
from .changelog import Item
from .event_items import date_time, instant, naive
from .extensions import new_extension
from .outlook import (
    EXTENDED,
    boolean,
    check_properties,
    document,
    email_address,
    html_text,
    merged_properties,
    new_immutable_id,
    one_of,
    precise_timestamp,
    preview,
    recipient,
    stamp,
    stored_body,
)  # fmt: skip
from .recurrence import checked_recurrence
from .state import Tenant, World
from .time_zones import time_zone

NEVER = "0001-01-01T00:00:00Z"
_CHOICES = {
    "importance": ("low", "normal", "high"), "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "onlineMeetingProvider": ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"),
}  # fmt: skip
_BOOLEANS = (
    "isAllDay", "isReminderOn", "responseRequested", "allowNewTimeProposals", "hideAttendees",
    "isOnlineMeeting",
)  # fmt: skip
_WRITABLE = {
    "subject", "body", "start", "end", "location", "locations", "attendees", "recurrence", "categories",
    "reminderMinutesBeforeStart", "transactionId", EXTENDED, *_CHOICES, *_BOOLEANS,
}  # fmt: skip
_KNOWN = _WRITABLE | {
    "id", "type", "createdDateTime", "lastModifiedDateTime", "changeKey", "bodyPreview", "organizer",
    "isOrganizer", "isCancelled", "isDraft", "responseStatus", "hasAttachments", "onlineMeeting",
    "onlineMeetingUrl", "seriesMasterId", "iCalUId", "uid", "originalStart", "originalStartTimeZone",
    "originalEndTimeZone", "webLink", "cancelledOccurrences",
    "attachments", "extensions", "multiValueExtendedProperties",
}  # fmt: skip


def new_event(store: CalendarStore, tenant: Tenant, body: Item, now: datetime) -> Item:
    """A new event as a body describes it, in no calendar yet; raises 400."""
    check_properties(body, _KNOWN, "event")
    for name in ("start", "end"):
        if not body.get(name):
            raise GraphError(
                400, "ErrorInvalidRequest", f"Required property '{name}' is missing for the event."
            )
    world = store.world
    event: Item = {
        "@odata.etag": "", "id": new_immutable_id(world), "createdDateTime": precise_timestamp(now),
        "lastModifiedDateTime": "", "changeKey": "", "categories": [], "transactionId": None,
        "originalStartTimeZone": "", "originalEndTimeZone": "",
        "iCalUId": _new_ical_uid(world),
        "reminderMinutesBeforeStart": 15, "isReminderOn": True, "hasAttachments": False, "subject": "",
        "bodyPreview": "", "importance": "normal", "sensitivity": "normal", "isAllDay": False,
        "isCancelled": False, "isDraft": False, "isOrganizer": True, "responseRequested": True,
        "seriesMasterId": None, "showAs": "busy", "type": "singleInstance", "webLink": "",
        "onlineMeetingUrl": None, "isOnlineMeeting": False, "onlineMeetingProvider": "unknown",
        "allowNewTimeProposals": True, "hideAttendees": False,
        "responseStatus": {"response": "organizer", "time": NEVER},
        "body": {"contentType": "html", "content": ""}, "start": {}, "end": {},
        "location": {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"},
        "locations": [], "recurrence": None, "attendees": [],
        "organizer": {"emailAddress": email_address(store.owner)}, "onlineMeeting": None,
        "_extended": [], "_attachments": [], "_exceptions": {}, "_cancelled": set(), "_calendar": "",
        "_extensions": [new_extension(given) for given in body.get("extensions") or []],
        "_snoozed_until": None,
    }  # fmt: skip
    changes = changed_properties(tenant, event, body)
    event |= changes
    if not event["attendees"]:
        event["responseStatus"] = {"response": "none", "time": NEVER}
    event["bodyPreview"] = preview(event["body"])
    stamp(world, event, precise_timestamp(now))
    return event


def _new_ical_uid(world: World) -> str:
    code = hashlib.sha256(world.new_guid().encode()).hexdigest()
    return f"040000008200E00074C5B7101A82E008{code[:48].upper()}"


def changed_properties(tenant: Tenant, current: Item, body: Item) -> Item:
    """What a body changes of an event, checked, in the form in which it is kept; raises 400."""
    check_properties(body, _KNOWN, "event")
    changes: Item = {}
    for name, value in body.items():
        if name in _WRITABLE:
            changes |= _converted(tenant, current, name, value)
    after = current | changes
    if "start" in changes or "end" in changes or "isAllDay" in changes:
        _check_times(after)
        changes |= {"originalStartTimeZone": after["start"]["timeZone"],
                    "originalEndTimeZone": after["end"]["timeZone"]}  # fmt: skip
    if "recurrence" in body:
        changes |= _recurrence(body["recurrence"], after)
    elif current["type"] == "seriesMaster" and "start" in changes:
        changes |= _recurrence(_moved(current["recurrence"], after), after)
    return changes | _online_meeting(tenant, current, changes)


def _converted(tenant: Tenant, current: Item, name: str, value: Any) -> Item:
    if name in ("start", "end"):
        return {name: _moment(name, value)}
    if name in _CHOICES:
        return {name: one_of(value or _CHOICES[name][0], _CHOICES[name])}
    if name in _BOOLEANS:
        return {name: boolean(name, value)}
    if name == "body":
        return {"body": stored_body(value)}
    if name == "attendees":
        return {"attendees": _attendees(tenant, current, value)}
    if name in ("location", "locations"):
        return _places(value if name == "locations" else [value])
    if name == EXTENDED:
        return {"_extended": merged_properties(current["_extended"], value)}
    if name == "transactionId":
        if current["transactionId"] not in (None, value):
            raise GraphError(
                400, "ErrorInvalidPropertySet", "The transactionId of an event cannot be changed."
            )
        return {"transactionId": value}
    if name == "recurrence":
        return {}
    return {name: list(value or []) if name == "categories" else value}


def _moment(name: str, value: Any) -> Item:
    zone = (value.get("timeZone") if isinstance(value, dict) else None) or "UTC"
    place = time_zone(zone)
    try:
        moment = datetime.fromisoformat(str(value["dateTime"])[:19] + _offset(str(value["dateTime"])))
    except (KeyError, TypeError, ValueError):
        raise GraphError(
            400, "ErrorInvalidRequest", f"The value of '{name}' is not a valid dateTimeTimeZone."
        ) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(place).replace(tzinfo=None)
    return date_time(moment, zone)


def _offset(text: str) -> str:
    return "+00:00" if text.endswith("Z") else text[-6:] if len(text) > 19 and text[-6] in "+-" else ""


def _check_times(event: Item) -> None:
    if instant(event["end"]) < instant(event["start"]):
        raise GraphError(
            400, "ErrorCalendarEndDateIsEarlierThanStartDate", "The end date is earlier than the start date."
        )
    if not event["isAllDay"]:
        return
    start, end = naive(event["start"]), naive(event["end"])
    if event["start"]["timeZone"] != event["end"]["timeZone"]:
        raise _all_day("The start and end of an all-day event need to be in the same time zone.")
    if start.time() != datetime.min.time() or end.time() != datetime.min.time():
        raise _all_day(
            "The Event.Start and Event.End properties for an all-day event need to be set to midnight."
        )
    if end - start < timedelta(days=1):
        raise _all_day("The duration of an event marked as All day must be at least 24 hours.")


def _all_day(message: str) -> GraphError:
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def _recurrence(given: Any, event: Item) -> Item:
    if event["type"] in ("occurrence", "exception"):
        if given is None:
            return {}
        raise GraphError(
            400, "ErrorInvalidRequest", "The recurrence belongs to the series, not to an occurrence."
        )
    fresh: Item = {"_exceptions": {}, "_cancelled": set()}
    if given is None:
        return fresh | {"recurrence": None, "type": "singleInstance"}
    checked = checked_recurrence(given, naive(event["start"]).date(), event["start"]["timeZone"])
    return fresh | {"recurrence": checked, "type": "seriesMaster"}


def _moved(recurrence: Item, event: Item) -> Item:
    starts_on = naive(event["start"]).date().isoformat()
    return recurrence | {"range": recurrence["range"] | {"startDate": starts_on}}


def _attendees(tenant: Tenant, current: Item, given: Any) -> list[Item]:
    known = {entry["emailAddress"]["address"].casefold(): entry["status"] for entry in current["attendees"]}
    found = []
    for entry in given or []:
        person = recipient(tenant, entry)
        status = known.get(person["emailAddress"]["address"].casefold(), {"response": "none", "time": NEVER})
        kind = one_of(entry.get("type") or "required", ("required", "optional", "resource"))
        found.append({"type": kind, "status": status, **person})
    return found


def _places(given: Any) -> Item:
    places = [
        {"displayName": "", "locationType": "default", "uniqueId": place.get("displayName", ""),
         "uniqueIdType": "private"} | place
        for place in given or [] if isinstance(place, dict)
    ]  # fmt: skip
    empty = {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"}
    return {"location": places[0] if places else empty, "locations": places}


def _online_meeting(tenant: Tenant, current: Item, changes: Item) -> Item:
    """Make the meeting when it is asked for; let it go with the part of the body that holds its link."""
    meeting = current["onlineMeeting"]
    body: Item = (current | changes)["body"]
    if meeting is not None and meeting["joinUrl"] not in body["content"]:
        return {"onlineMeeting": None, "isOnlineMeeting": False, "onlineMeetingProvider": "unknown"}
    if meeting is not None or not changes.get("isOnlineMeeting"):
        return {}
    code = hashlib.sha256(f"{current['id']} meeting".encode()).hexdigest()
    url = (
        f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{code[:32]}%40thread.v2/0"
        f"?context=%7b%22Tid%22%3a%22{tenant.id}%22%7d"
    )
    blob = f'<div class="me-email-text"><a href="{url}">Join the meeting</a></div>'
    content = html_text(body)
    joined = (
        content.replace("</body>", f"{blob}</body>") if "</body>" in content else document(content + blob)
    )
    return {
        "onlineMeetingProvider": "teamsForBusiness", "body": {"contentType": "html", "content": joined},
        "onlineMeeting": {
            "joinUrl": url, "conferenceId": str(int(code[:8], 16) % 10**9), "tollNumber": "+1 555 0199",
        },
    }  # fmt: skip
