"""Events: list, read, create, change, delete, forward, instances, calendar views, and answers.

For users in any of their calendars, for groups in their only one. Delta queries are left to `event_changes`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from .answers import Answer, GraphError
from .attachments import check_request_size, new_attachment, shown_attachments
from .calendar_store import CalendarStore, open_store
from .call import Call
from .changelog import Item
from .event_items import Event, find_event, instant, naive
from .event_properties import changed_properties, new_event
from .extensions import expanded_extensions
from .graph import route
from .meetings import answer_invitation, concerns_attendees, forward, invite, withdraw
from .outlook import (
    EXTENDED,
    case_insensitive_query,
    check_basics,
    confirmed,
    expanded_properties,
    filters_extended,
    recipients,
)
from .scopes import (
    CALENDARS_READ,
    CALENDARS_READ_BASIC,
    CALENDARS_WRITE,
    GROUP_CALENDAR_READ,
    GROUP_CALENDAR_WRITE,
    Scopes,
)  # fmt: skip

Handler = TypeVar("Handler", bound=Callable[..., Answer])

_CALENDARS = (
    "/users/{user}", "/users/{user}/calendar", "/users/{user}/calendars/{calendar}",
    "/users/{user}/calendarGroups/{calendar_group}/calendars/{calendar}",
)  # fmt: skip
_GROUP_CALENDARS = ("/groups/{group}", "/groups/{group}/calendar")
_LONGEST_VIEW = timedelta(days=1825)


def calendar_route(
    method: str, tail: str, needs: Scopes, group_needs: Scopes
) -> Callable[[Handler], Handler]:
    """Decorator: answers this below every calendar, of a user and of a group."""

    def register(handler: Handler) -> Handler:
        for prefix in _CALENDARS:
            route(method, f"{prefix}/{tail}", needs)(handler)
        for prefix in _GROUP_CALENDARS:
            route(method, f"{prefix}/{tail}", group_needs)(handler)
        return handler

    return register


def calendar_of(
    call: Call, user: str | None = None, group: str | None = None, calendar: str | None = None,
    calendar_group: str | None = None,
) -> tuple[CalendarStore, Item]:  # fmt: skip
    """The calendar that the path names, and the store that it is in; raises 403 and 404."""
    store = open_store(call, user, group)
    return store, store.calendar(calendar, calendar_group)


def _event_of(call: Call, event: str, **place: str) -> Event:
    store, calendar = calendar_of(call, **place)
    return find_event(store, event, calendar["id"] if "calendar" in place else None)


def _listed(call: Call, events: list[Event]) -> Answer:
    check_basics(call, "Calendars")
    shown = [event.shown(call) for event in events]
    first = shown[0] if shown and filters_extended(call) else {}
    usual = tuple(name for name in first if not name.startswith(("_", "@")) and name != EXTENDED)
    return confirmed(call, call.collection(
        shown, paging="$skip", default_select=usual, always=("id", "@odata.etag", "@odata.type"),
        expand=_expansions(call),
    ))  # fmt: skip


def _expansions(call: Call) -> dict[str, Callable[[Item], list[Item]]]:
    return {
        "attachments": lambda event: shown_attachments(event["id"])(event),
        EXTENDED: expanded_properties(call),
        "extensions": expanded_extensions(call),
    }


def _entity(call: Call, event: Event, status: int = 200) -> Answer:
    check_basics(call, "Calendars")
    owner = "groups" if "group" in call.parameters else "users"
    context = f"{owner}('{call.parameters.get('group') or call.parameters.get('user')}')/events/$entity"
    shown = event.shown(call)
    expand = _expansions(call) | {"exceptionOccurrences": lambda _: _exceptions(call, event)}
    return confirmed(call, call.entity(shown, status=status, context=context, expand=expand))


def _exceptions(call: Call, series: Event) -> list[Item]:
    days = [datetime.fromisoformat(day).date() for day in sorted(series.item["_exceptions"])]
    return [Event(series.store, series.item, day).shown(call) for day in days]


@calendar_route("GET", "events", CALENDARS_READ_BASIC, GROUP_CALENDAR_READ)
def list_events(call: Call, **place: str) -> Answer:
    """Single events and series, not their occurrences."""
    store, calendar = calendar_of(call, **place)
    delay = call.world.switches.read_after_write_delay_seconds
    events = store.events[calendar["id"]].visible(call.now, delay)
    return _listed(call, [Event(store, event) for event in reversed(events)])


@calendar_route("POST", "events", CALENDARS_WRITE, GROUP_CALENDAR_WRITE)
def create_event(call: Call, **place: str) -> Answer:
    """A repeated transactionId creates nothing; the switch decides what it answers."""
    store, calendar = calendar_of(call, **place)
    check_request_size(call)
    body = call.json_body()
    known = _with_transaction(store, calendar, body.get("transactionId"))
    if known is not None:
        return _repeated(call, known)
    item = new_event(store, call.tenant, body, call.now)
    item["_attachments"] = [new_attachment(call.world, given) for given in body.get("attachments") or []]
    item["hasAttachments"] = any(not entry["isInline"] for entry in item["_attachments"])
    event = Event(store, store.add_event(item, calendar["id"], call.now))
    invite(call, event)
    return _entity(call, event, status=201)


def _with_transaction(store: CalendarStore, calendar: Item, transaction_id: object) -> Event | None:
    for event in store.events[calendar["id"]] if transaction_id else ():
        if event["transactionId"] == transaction_id:
            return Event(store, event)
    return None


def _repeated(call: Call, known: Event) -> Answer:
    behaviour = call.world.switches.duplicate_transaction
    if behaviour == "conflict":
        raise GraphError(
            409,
            "ErrorDuplicateTransactionId",
            "An event with this transactionId exists already in the calendar.",
        )
    return _entity(call, known, status=201 if behaviour == "created_again" else 200)


@calendar_route("GET", "events/{event}", CALENDARS_READ_BASIC, GROUP_CALENDAR_READ)
def get_event(call: Call, event: str, **place: str) -> Answer:
    return _entity(call, _event_of(call, event, **place))


@calendar_route("PATCH", "events/{event}", CALENDARS_WRITE, GROUP_CALENDAR_WRITE)
def update_event(call: Call, event: str, **place: str) -> Answer:
    """The organiser's changes reach the attendees; an attendee's stay in the own calendar."""
    found = _event_of(call, event, **place)
    before = found.plain()
    call.check_if_match(before["@odata.etag"])
    changes = changed_properties(call.tenant, before, call.json_body())
    if found.day is not None and "start" in changes:
        found.check_boundaries(naive(changes["start"]).date())
    left = _without(before["attendees"], (before | changes)["attendees"])
    found.change(changes, call.now)
    if before["isOrganizer"] and concerns_attendees(changes):
        invite(call, found)
        withdraw(call, found, left)
    return _entity(call, found)


def _without(attendees: list[Item], kept: list[Item]) -> list[Item]:
    addresses = {entry["emailAddress"]["address"].casefold() for entry in kept}
    return [entry for entry in attendees if entry["emailAddress"]["address"].casefold() not in addresses]


@calendar_route("DELETE", "events/{event}", CALENDARS_WRITE, GROUP_CALENDAR_WRITE)
def delete_event(call: Call, event: str, **place: str) -> Answer:
    """A meeting that its organiser deletes is cancelled for everybody."""
    found = _event_of(call, event, **place)
    call.check_if_match(found.plain()["@odata.etag"])
    _end(call, found, "")
    return Answer(status=204)


@route("POST", "/users/{user}/events/{event}/permanentDelete", CALENDARS_WRITE)
def delete_permanently(call: Call, user: str, event: str) -> Answer:
    _end(call, _event_of(call, event, user=user), "")
    return Answer(status=204)


def _end(call: Call, event: Event, comment: str) -> None:
    if event.plain()["isOrganizer"]:
        withdraw(call, event, event.plain()["attendees"], comment)
    event.remove(call.now)


@calendar_route("POST", "events/{event}/cancel", CALENDARS_WRITE, GROUP_CALENDAR_WRITE)
def cancel_event(call: Call, event: str, **place: str) -> Answer:
    found = _event_of(call, event, **place)
    if not found.plain()["isOrganizer"]:
        raise GraphError(
            400, "ErrorInvalidRequest",
            "Your request can't be completed. You need to be an organizer to cancel a meeting.",
        )  # fmt: skip
    body = {name.casefold(): value for name, value in (call.body or {}).items()}
    _end(call, found, str(body.get("comment") or ""))
    return Answer(status=202)


@calendar_route("POST", "events/{event}/forward", CALENDARS_READ, GROUP_CALENDAR_READ)
def forward_event(call: Call, event: str, **place: str) -> Answer:
    """Reading the calendar suffices to forward what is in it."""
    found = _event_of(call, event, **place)
    body = {name.casefold(): value for name, value in call.json_body().items()}
    to = recipients(call.tenant, body.get("torecipients"))
    if not to:
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is needed.")
    forward(call, found, to, str(body.get("comment") or ""))
    return Answer(status=202)


def _answered(call: Call, user: str, event: str, kind: str) -> Answer:
    answer_invitation(call, _event_of(call, event, user=user), kind, call.body or {})
    return Answer(status=202)


@route("POST", "/users/{user}/events/{event}/accept", CALENDARS_WRITE)
def accept(call: Call, user: str, event: str) -> Answer:
    return _answered(call, user, event, "accept")


@route("POST", "/users/{user}/events/{event}/tentativelyAccept", CALENDARS_WRITE)
def tentatively_accept(call: Call, user: str, event: str) -> Answer:
    return _answered(call, user, event, "tentativelyAccept")


@route("POST", "/users/{user}/events/{event}/decline", CALENDARS_WRITE)
def decline(call: Call, user: str, event: str) -> Answer:
    return _answered(call, user, event, "decline")


# Windows of time


@calendar_route("GET", "events/{event}/instances", CALENDARS_READ_BASIC, GROUP_CALENDAR_READ)
def list_instances(call: Call, event: str, **place: str) -> Answer:
    """The occurrences and exceptions of a series between two moments."""
    found = _event_of(call, event, **place)
    first, last = window(call)
    if not found.is_series:
        raise GraphError(400, "ErrorInvalidRequest", "Only a series has instances.")
    return _listed(call, found.occurrences(first, last))


@calendar_route("GET", "calendarView", CALENDARS_READ_BASIC, GROUP_CALENDAR_READ)
def view_calendar(call: Call, **place: str) -> Answer:
    """Everything between two moments, series as their occurrences."""
    store, calendar = calendar_of(call, **place)
    first, last = window(call)
    delay = call.world.switches.read_after_write_delay_seconds
    found = [
        occurrence
        for event in store.events[calendar["id"]].visible(call.now, delay)
        for occurrence in Event(store, event).occurrences(first, last)
    ]
    return _listed(call, sorted(found, key=lambda event: instant(event.plain()["start"])))


def window(call: Call) -> tuple[datetime, datetime]:
    """The window of a request, in the URL or in the token that it carries; raises 400."""
    case_insensitive_query(call, "startDateTime", "endDateTime")
    option = call.delta_option if call.context.endswith("/delta") else call.query.get
    try:
        first, last = (
            datetime.fromisoformat(str(option(name))[:33]) for name in ("startDateTime", "endDateTime")
        )
    except ValueError:
        raise GraphError(
            400, "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and "
            "EndDateTime.",
        ) from None  # fmt: skip
    first, last = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (first, last))
    if last < first:
        raise GraphError(400, "ErrorInvalidParameter", "EndDateTime is before StartDateTime.")
    if last - first > _LONGEST_VIEW:
        raise GraphError(
            400, "ErrorCalendarViewRangeTooBig", "The specified calendar view is longer than 1825 days."
        )
    return first, last
