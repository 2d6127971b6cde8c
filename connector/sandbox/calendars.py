"""Calendar groups and calendars: list, read, create, rename, delete. Events are left to `events`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .answers import Answer, GraphError
from .calendar_store import CalendarStore, open_store
from .call import Call
from .changelog import Item
from .graph import route
from .outlook import check_properties, one_of
from .scopes import CALENDARS_LIST, CALENDARS_READ_BASIC, CALENDARS_WRITE, GROUP_CALENDAR_READ, Scopes

Handler = TypeVar("Handler", bound=Callable[..., Answer])

_COLORS = (
    "auto", "lightBlue", "lightGreen", "lightOrange", "lightGray", "lightYellow", "lightTeal", "lightPink",
    "lightBrown", "lightRed", "maxColor",
)  # fmt: skip
_ONE = (
    "/users/{user}/calendars/{calendar}",
    "/users/{user}/calendarGroups/{calendar_group}/calendars/{calendar}",
)
_DEFAULT = "/users/{user}/calendar"


def _routes(method: str, needs: Scopes, *patterns: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for pattern in patterns:
            route(method, pattern, needs)(handler)
        return handler

    return register


def _name(body: Item) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise GraphError(400, "ErrorInvalidRequest", "The name must not be empty.")
    return name


# Calendar groups


@route("GET", "/users/{user}/calendarGroups", CALENDARS_READ_BASIC)
def list_calendar_groups(call: Call, user: str) -> Answer:
    return call.collection(open_store(call, user).groups, paging="$skip", always=("id",))


@route("POST", "/users/{user}/calendarGroups", CALENDARS_WRITE)
def create_calendar_group(call: Call, user: str) -> Answer:
    store, body = open_store(call, user), call.json_body()
    check_properties(body, ("name",), "calendarGroup")
    group = store.add_group(_name(body), call.now)
    return call.entity(group, status=201, context=f"{call.context}/$entity")


@route("GET", "/users/{user}/calendarGroups/{calendar_group}", CALENDARS_READ_BASIC)
def get_calendar_group(call: Call, user: str, calendar_group: str) -> Answer:
    return call.entity(open_store(call, user).group(calendar_group), always=("id",))


@route("PATCH", "/users/{user}/calendarGroups/{calendar_group}", CALENDARS_WRITE)
def update_calendar_group(call: Call, user: str, calendar_group: str) -> Answer:
    store, body = open_store(call, user), call.json_body()
    check_properties(body, ("name",), "calendarGroup")
    found = store.group(calendar_group)
    found |= {"name": _name(body), "changeKey": call.world.new_id("")[:24]}
    return call.entity(found)


@route("DELETE", "/users/{user}/calendarGroups/{calendar_group}", CALENDARS_WRITE)
def delete_calendar_group(call: Call, user: str, calendar_group: str) -> Answer:
    store = open_store(call, user)
    found = store.group(calendar_group)
    if found["id"] == store.default_group_id or any(
        calendar["_group"] == found["id"] for calendar in store.calendars
    ):
        raise GraphError(
            400, "ErrorInvalidRequest", "Only a calendar group without calendars can be deleted."
        )
    store.groups.remove(found["id"], call.now)
    return Answer(status=204)


# Calendars


@_routes(
    "GET", CALENDARS_LIST,
    "/users/{user}/calendars", "/users/{user}/calendarGroups/{calendar_group}/calendars",
)  # fmt: skip
def list_calendars(call: Call, user: str, calendar_group: str | None = None) -> Answer:
    store = open_store(call, user)
    group_id = store.group(calendar_group)["id"] if calendar_group else None
    found = [calendar for calendar in store.calendars if group_id in (None, calendar["_group"])]
    return call.collection(found, paging="$skip", always=("id",))


@_routes(
    "POST", CALENDARS_WRITE,
    "/users/{user}/calendars", "/users/{user}/calendarGroups/{calendar_group}/calendars",
)  # fmt: skip
def create_calendar(call: Call, user: str, calendar_group: str | None = None) -> Answer:
    store, body = open_store(call, user), call.json_body()
    group = store.group(calendar_group or store.default_group_id)
    changes = _changes(body)
    calendar = store.add_calendar(_name(body), group["id"], call.now)
    changed = _changed(call, calendar, changes)
    return call.entity(changed, status=201, context=f"users('{user}')/calendars/$entity")


def _changes(body: Item) -> Item:
    check_properties(body, ("name", "color", "hexColor", "isDefaultCalendar"), "calendar")
    changes = {
        name: value for name, value in body.items() if name in ("color", "hexColor", "isDefaultCalendar")
    }
    if "color" in changes:
        changes["color"] = one_of(changes["color"] or "auto", _COLORS)
    return changes


def _changed(call: Call, calendar: Item, changes: Item) -> Item:
    calendar |= changes | {"changeKey": call.world.new_id("")[:24]}
    return calendar


@_routes("GET", CALENDARS_READ_BASIC, _DEFAULT, *_ONE)
def get_calendar(
    call: Call, user: str, calendar: str | None = None, calendar_group: str | None = None
) -> Answer:
    store = open_store(call, user)
    found = _shown(call, store, store.calendar(calendar, calendar_group))
    return call.entity(found, always=("id",), context=f"users('{user}')/calendars/$entity")


@route("GET", "/groups/{group}/calendar", GROUP_CALENDAR_READ)
def get_group_calendar(call: Call, group: str) -> Answer:
    found = open_store(call, group=group).calendar()
    return call.entity(found, always=("id",), context=f"groups('{group}')/calendar/$entity")


def _shown(call: Call, store: CalendarStore, calendar: Item) -> Item:
    is_own = call.user is None or call.user["id"] == store.owner["id"]
    return calendar if is_own else calendar | {"canViewPrivateItems": False, "canShare": False}


@_routes("PATCH", CALENDARS_WRITE, _DEFAULT, *_ONE)
def update_calendar(
    call: Call, user: str, calendar: str | None = None, calendar_group: str | None = None
) -> Answer:
    store, body = open_store(call, user), call.json_body()
    found, changes = store.calendar(calendar, calendar_group), _changes(body)
    if "name" in body:
        changes["name"] = store.free_name(_name(body), found)
    if changes.get("isDefaultCalendar"):
        store.calendars.items[store.default_id]["isDefaultCalendar"] = False
        store.default_id = found["id"]
    changed = _changed(call, found, changes)
    return call.entity(changed, context=f"users('{user}')/calendars/$entity")


@_routes("POST", CALENDARS_WRITE, *(f"{pattern}/permanentDelete" for pattern in (_DEFAULT, *_ONE)))
@_routes("DELETE", CALENDARS_WRITE, _DEFAULT, *_ONE)
def delete_calendar(
    call: Call, user: str, calendar: str | None = None, calendar_group: str | None = None
) -> Answer:
    store = open_store(call, user)
    store.remove_calendar(store.calendar(calendar, calendar_group), call.now)
    return Answer(status=204)
