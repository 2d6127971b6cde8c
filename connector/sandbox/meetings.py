"""Meetings: the copies in the attendees' calendars, their answers, and the mail that both cause.

Only people of the same company have copies; what goes to others goes nowhere.
Source: Microsoft: event: accept, decline, tentativelyAccept, cancel; eventMessage resource type.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from .answers import GraphError
from .calendar_store import CalendarStore, store_of
from .call import Call
from .changelog import Item
from .composing import mail_from
from .event_items import Event
from .event_properties import NEVER
from .mailbox import Mailbox, mailbox_of
from .outlook import addresses_of, mailbox_user, new_immutable_id, plain_text, precise_timestamp, stamp

_SHARED = (
    "subject", "body", "bodyPreview", "start", "end", "isAllDay", "location", "locations", "attendees",
    "recurrence", "type", "importance", "isOnlineMeeting", "onlineMeeting", "onlineMeetingProvider",
    "originalStartTimeZone", "originalEndTimeZone", "_exceptions", "_cancelled",
)  # fmt: skip
"""What the organiser's changes bring to the attendees' copies."""

_REQUEST = "#microsoft.graph.eventMessageRequest"
_ANSWERS = {
    "accept": ("accepted", "Accepted", "meetingAccepted", "busy"),
    "tentativelyAccept": ("tentativelyAccepted", "Tentative", "meetingTenativelyAccepted", "tentative"),
    "decline": ("declined", "Declined", "meetingDeclined", "free"),
}


def concerns_attendees(changes: Item) -> bool:
    """Whether a change is one that attendees hear of."""
    return not changes.keys().isdisjoint(_SHARED)


def invite(call: Call, meeting: Event) -> None:
    """Bring the attendees' copies to the organiser's state, and write to them."""
    for user in _attending(call, meeting.item["attendees"], meeting.store):
        store = store_of(call.world, call.tenant, user)
        copy = store.by_ical_uid(meeting.item["iCalUId"])
        if copy is None:
            copy = _new_copy(call, meeting.item, store)
        else:
            copy |= _shared(meeting.item, user)
            stamp(call.world, copy, precise_timestamp(call.now))
            store.events[copy["_calendar"]].touch(copy["id"], call.now)
        _write(call, meeting, user, copy["subject"], "meetingRequest", _REQUEST)


def _new_copy(call: Call, original: Item, store: CalendarStore) -> Item:
    copy: Item = original | _shared(original, store.owner) | {
        "id": new_immutable_id(call.world), "isOrganizer": False, "transactionId": None, "categories": [],
        "createdDateTime": precise_timestamp(call.now), "_extended": [], "_extensions": [],
        "_snoozed_until": None, "showAs": "tentative",
        "responseStatus": {"response": "notResponded", "time": NEVER},
        "_attachments": [dict(entry) for entry in original["_attachments"]],
    }  # fmt: skip
    stamp(call.world, copy, precise_timestamp(call.now))
    return store.add_event(copy, store.default_id, call.now)


def _shared(original: Item, attendee: Item) -> Item:
    shared = {name: deepcopy(original[name]) for name in _SHARED}
    if original["hideAttendees"]:
        shared["attendees"] = [entry for entry in shared["attendees"] if _is_at(attendee, entry)]
    return shared


def _is_at(user: Item, entry: Item) -> bool:
    return str(entry["emailAddress"]["address"]).casefold() in addresses_of(user)


def _attending(call: Call, attendees: list[Item], store: CalendarStore) -> list[Item]:
    found = [mailbox_user(call.tenant, entry["emailAddress"]["address"]) for entry in attendees]
    return [user for user in found if user is not None and user["id"] != store.owner["id"]]


def withdraw(call: Call, meeting: Event, attendees: list[Item], comment: str = "") -> None:
    """Mark the copies of these attendees as cancelled, and write to them."""
    for user in _attending(call, attendees, meeting.store):
        store = store_of(call.world, call.tenant, user)
        copy = store.by_ical_uid(meeting.item["iCalUId"])
        if copy is None:
            continue
        subject = f"Canceled: {meeting.plain()['subject']}"
        Event(store, copy, meeting.day).change(
            {"isCancelled": True, "subject": subject, "showAs": "free"}, call.now
        )
        _write(call, meeting, user, subject, "meetingCancelled", "#microsoft.graph.eventMessage", comment)


def answer_invitation(call: Call, invitation: Event, kind: str, body: Item) -> None:
    """Accept, tentativelyAccept or decline, and let the organiser know if wanted. Raises 400."""
    plain = invitation.plain()
    options = {name.casefold(): value for name, value in body.items()}
    proposed, tells = options.get("proposednewtime"), options.get("sendresponse") is not False
    if plain["isOrganizer"]:
        raise GraphError(
            400, "ErrorInvalidRequest",
            "Your request can't be completed. You can't respond to this meeting because you're the meeting "
            "organizer.",
        )  # fmt: skip
    if proposed and (kind == "accept" or not tells or not plain["allowNewTimeProposals"]):
        raise GraphError(
            400, "ErrorInvalidRequest",
            "The proposedNewTime property is not valid here: the organizer does not allow it, the meeting is "
            "accepted, or no response is sent.",
        )  # fmt: skip
    response, prefix, message_type, show_as = _ANSWERS[kind]
    status = {"response": response, "time": precise_timestamp(call.now)}
    invitation.change({"responseStatus": status, "showAs": show_as}, call.now)
    if tells:
        _tell_organizer(call, invitation, status, proposed)
        _report(
            call, invitation, f"{prefix}: {plain['subject']}", message_type, str(options.get("comment") or "")
        )
    if kind == "decline" and not call.world.switches.declined_events_kept:
        invitation.remove(call.now)


def _tell_organizer(call: Call, invitation: Event, status: Item, proposed: Any) -> None:
    organizer = mailbox_user(call.tenant, invitation.item["organizer"]["emailAddress"]["address"])
    if organizer is None:
        return
    store = store_of(call.world, call.tenant, organizer)
    original = store.by_ical_uid(invitation.item["iCalUId"])
    if original is None:
        return
    meeting = Event(store, original, invitation.day)
    attendees = deepcopy(meeting.plain()["attendees"])
    for entry in attendees:
        if _is_at(invitation.store.owner, entry):
            entry["status"] = status
            if proposed:
                entry["proposedNewTime"] = proposed
    meeting.change({"attendees": attendees}, call.now)


def _report(call: Call, invitation: Event, subject: str, message_type: str, comment: str) -> None:
    organizer = mailbox_user(call.tenant, invitation.item["organizer"]["emailAddress"]["address"])
    if organizer is not None:
        kind = "#microsoft.graph.eventMessageResponse"
        _write(call, invitation, organizer, subject, message_type, kind, comment)


def forward(call: Call, meeting: Event, recipients: list[Item], comment: str) -> None:
    """Invite more people, as the organiser or as an attendee; the organiser's list of attendees grows.

    The forwarded invitation lies among the sent items, with the event that it is about.
    """
    organizer = mailbox_user(call.tenant, meeting.item["organizer"]["emailAddress"]["address"])
    original = organizer and store_of(call.world, call.tenant, organizer).by_ical_uid(meeting.item["iCalUId"])
    master = (
        Event(store_of(call.world, call.tenant, organizer), original) if organizer and original else meeting
    )
    attendees = deepcopy(master.item["attendees"])
    known = {entry["emailAddress"]["address"].casefold() for entry in attendees}
    added = [
        {"type": "required", "status": {"response": "none", "time": NEVER}, **person}
        for person in recipients
        if person["emailAddress"]["address"].casefold() not in known
    ]
    master.change({"attendees": attendees + added}, call.now)
    subject = f"FW: {meeting.plain()['subject']}"
    for user in _attending(call, recipients, meeting.store):
        store = store_of(call.world, call.tenant, user)
        if store.by_ical_uid(master.item["iCalUId"]) is None:
            _new_copy(call, master.item, store)
        _write(call, meeting, user, subject, "meetingRequest", _REQUEST, comment)
    if organizer is not None and organizer["id"] != meeting.store.owner["id"]:
        told = f"Meeting Forward Notification: {meeting.plain()['subject']}"
        _write(call, meeting, organizer, told, "none", "#microsoft.graph.eventMessage")
    sender = call.user or meeting.store.owner
    mailbox = mailbox_of(call.world, call.tenant, sender)
    sent = _message(call, meeting, mailbox, recipients[0], subject, "meetingRequest", _REQUEST, comment)
    sent |= {"toRecipients": recipients, "_event": meeting}
    mailbox.put(sent, "sentitems", call.now)


def _write(
    call: Call, event: Event, to: Item, subject: str, message_type: str, kind: str, comment: str = ""
) -> None:
    mailbox = mailbox_of(call.world, call.tenant, to)
    message = _message(call, event, mailbox, _person(to), subject, message_type, kind, comment)
    mailbox.put(message, "inbox", call.now)


def _message(
    call: Call,
    event: Event,
    mailbox: Mailbox,
    to: Item,
    subject: str,
    message_type: str,
    kind: str,
    comment: str,
) -> Item:
    plain, sender = event.plain(), event.store.owner
    message = mail_from(
        mailbox,
        call,
        _person(sender),
        to,
        subject,
        comment or plain_text(plain["body"]),
        event.item["iCalUId"],
    )
    return message | {
        "@odata.type": kind, "meetingMessageType": message_type, "type": plain["type"],
        "startDateTime": plain["start"], "endDateTime": plain["end"], "location": plain["location"],
        "isAllDay": plain["isAllDay"], "isOutOfDate": False, "isDelegated": False,
    }  # fmt: skip


def _person(owner: Item) -> Item:
    address = owner.get("mail") or owner.get("userPrincipalName")
    return {"emailAddress": {"name": owner["displayName"], "address": address}}
