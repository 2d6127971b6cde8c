"""Online meetings of Teams: create, find by address, read, change, delete.

What remains of a meeting is left to `meeting_artifacts`. Sources: Microsoft: Create onlineMeeting;
onlineMeeting: createOrGet; onlineMeeting resource type.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .outlook import check_properties, one_of, precise_timestamp
from .scopes import ONLINE_MEETINGS_READ, ONLINE_MEETINGS_WRITE

_ALL = "/users/{user}/onlineMeetings"
_ONE = f"{_ALL}/{{meeting}}"
_BY_ADDRESS = re.compile(r"\s*JoinWebUrl\s+eq\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_CHOICES = {
    "allowedPresenters": ("everyone", "organization", "roleIsPresenter", "organizer"),
    "allowMeetingChat": ("enabled", "disabled", "limited"),
    "shareMeetingChatHistoryDefault": ("none", "all"),
    "allowLiveShare": ("enabled", "disabled"),
    "allowedLobbyAdmitters": ("organizerAndCoOrganizersAndPresenters", "organizerAndCoOrganizers"),
}
_BOOLEANS = (
    "recordAutomatically", "allowRecording", "allowTranscription", "allowTeamworkReactions", "isBroadcast",
    "allowAttendeeToEnableMic", "allowAttendeeToEnableCamera", "allowBreakoutRooms", "allowWhiteboard",
    "allowCopyingAndSharingMeetingContent", "allowParticipantsToChangeName", "allowPowerPointSharing",
    "isEntryExitAnnounced", "isEndToEndEncryptionEnabled",
)  # fmt: skip
_OBJECTS = (
    "lobbyBypassSettings", "chatRestrictions", "chatInfo", "watermarkProtection", "joinMeetingIdSettings",
    "sensitivityLabelAssignment", "broadcastSettings",
)  # fmt: skip
_TEXTS = ("subject", "externalId", "meetingSpokenLanguageTag", "meetingTemplateId")
_TIMES = ("startDateTime", "endDateTime")
_WRITABLE = {*_CHOICES, *_BOOLEANS, *_OBJECTS, *_TEXTS, *_TIMES, "participants"}


@dataclass(slots=True)
class Meetings:
    """The online meetings that one user organises."""

    owner: Item
    kept: Collection = field(default_factory=Collection)


def open_meetings(call: Call, user: str) -> Meetings:
    """The online meetings of a user; raises 403 when the caller may not act for that user, and 404."""
    owner = call.mailbox_owner(user)
    return call.tenant.part(("online meetings", owner["id"]), lambda: Meetings(owner))


def find_meeting(meetings: Meetings, key: str) -> Item:
    """An online meeting by id; raises 404."""
    found = meetings.kept.get(key)
    if found is None:
        raise GraphError(404, "NotFound", "The meeting was not found.")
    return found


def _entity(call: Call, user: str, meeting: Item, status: int = 200) -> Answer:
    context = f"users('{user}')/onlineMeetings/$entity"
    return call.entity(meeting, status=status, always=("id",), context=context)


@route("GET", _ALL, ONLINE_MEETINGS_READ)
def find_by_address(call: Call, user: str) -> Answer:
    """There is no list of all meetings: a filter by the address is needed."""
    meetings = open_meetings(call, user)
    match = _BY_ADDRESS.fullmatch(call.query.pop("$filter", ""))
    if match is None:
        raise GraphError(
            400,
            "InvalidArgument",
            "Filter expression expected - /onlineMeetings?$filter=JoinWebUrl eq '...'.",
        )
    address = match[1].replace("''", "'")
    return call.collection([each for each in meetings.kept if each["joinWebUrl"] == address], always=("id",))


@route("GET", _ONE, ONLINE_MEETINGS_READ)
def get_meeting(call: Call, user: str, meeting: str) -> Answer:
    return _entity(call, user, find_meeting(open_meetings(call, user), meeting))


@route("POST", _ALL, ONLINE_MEETINGS_WRITE)
def create_meeting(call: Call, user: str) -> Answer:
    """A new meeting each time, on no calendar."""
    return _entity(call, user, _created(call, open_meetings(call, user), call.json_body()), status=201)


@route("POST", f"{_ALL}/createOrGet", ONLINE_MEETINGS_WRITE)
def create_or_get_meeting(call: Call, user: str) -> Answer:
    """The meeting with this external id, new (201) or the one that has it already (200)."""
    meetings, body = open_meetings(call, user), call.json_body()
    key = body.get("externalId")
    if not isinstance(key, str) or not key:
        raise GraphError(400, "InvalidArgument", "The externalId is required.")
    if body.get("endDateTime") and not body.get("startDateTime"):
        raise GraphError(400, "InvalidArgument", "An endDateTime needs a startDateTime.")
    for meeting in meetings.kept:
        if meeting["externalId"] == key:
            return _entity(call, user, meeting)
    return _entity(call, user, _created(call, meetings, body), status=201)


@route("PATCH", _ONE, ONLINE_MEETINGS_WRITE)
def update_meeting(call: Call, user: str, meeting: str) -> Answer:
    meetings = open_meetings(call, user)
    found = find_meeting(meetings, meeting)
    found |= _changes(found, call.json_body())
    meetings.kept.touch(meeting, call.now)
    return _entity(call, user, found)


@route("DELETE", _ONE, ONLINE_MEETINGS_WRITE)
def delete_meeting(call: Call, user: str, meeting: str) -> Answer:
    meetings = open_meetings(call, user)
    meetings.kept.remove(find_meeting(meetings, meeting)["id"], call.now)
    return Answer(status=204)


def _created(call: Call, meetings: Meetings, body: Item) -> Item:
    guid = call.world.new_guid()
    code = hashlib.sha256(guid.encode()).hexdigest()
    thread = f"19:meeting_{code[:32]}@thread.v2"
    url = f"https://teams.microsoft.com/l/meetup-join/{thread.replace(':', '%3a').replace('@', '%40')}/0"
    start = _moment(body.get("startDateTime") or call.now.isoformat())
    organizer = {"upn": meetings.owner["userPrincipalName"], "role": "presenter", "identity": {
        "user": {"id": meetings.owner["id"], "displayName": meetings.owner["displayName"]}}}  # fmt: skip
    meeting: Item = {
        "id": f"MSp{guid.replace('-', '')}", "creationDateTime": precise_timestamp(call.now), "subject": None,
        "startDateTime": precise_timestamp(start),
        "endDateTime": precise_timestamp(start + timedelta(hours=1)),
        "joinWebUrl": url, "externalId": None, "videoTeleconferenceId": str(int(code[:8], 16)),
        "participants": {"organizer": organizer, "attendees": []}, "meetingType": "scheduled",
        "joinInformation": {"contentType": "html", "content": f"data:text/html,{url}"},
        "lobbyBypassSettings": {"scope": "organization", "isDialInBypassEnabled": False},
        "joinMeetingIdSettings": {"isPasscodeRequired": True, "joinMeetingId": str(int(code[8:18], 16)),
                                  "passcode": code[:6]},
        **{name: choices[0] for name, choices in _CHOICES.items()},
        **{name: name.startswith("allow") for name in _BOOLEANS},
    }  # fmt: skip
    meeting |= {"chatInfo": {"threadId": thread, "messageId": "0"}}
    return meetings.kept.add(meeting | _changes(meeting, body), call.now)


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value)[:19] + str(value)[19:].lstrip(".0123456789"))
    except ValueError:
        raise GraphError(400, "InvalidArgument", f"'{value}' is not a date and time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _changes(meeting: Item, body: Item) -> Item:
    check_properties(body, _WRITABLE, "onlineMeeting")
    changes: Item = {name: body[name] for name in (*_BOOLEANS, *_TEXTS) if name in body}
    for name in _CHOICES.keys() & body.keys():
        changes[name] = one_of(body[name] or _CHOICES[name][0], _CHOICES[name])
    for name in _OBJECTS:
        if name in body:
            changes[name] = {**(meeting.get(name) or {}), **(body[name] or {})}
    if "participants" in body:
        given = (body["participants"] or {}).get("attendees") or []
        attendees = [{"role": "attendee", **entry} for entry in given]
        changes["participants"] = meeting["participants"] | {"attendees": attendees}
    if not body.keys().isdisjoint(_TIMES):
        start, end = (_moment(body.get(name) or meeting[name]) for name in _TIMES)
        if "endDateTime" not in body and end < start:
            end = start + timedelta(hours=1)
        if end < start:
            raise GraphError(400, "InvalidArgument", "The endDateTime is before the startDateTime.")
        changes |= {"startDateTime": precise_timestamp(start), "endDateTime": precise_timestamp(end)}
    return changes
