"""Who may use a calendar: the permissions on it, and the roles that can be granted to somebody.

Sources: Microsoft: calendarPermission resource type; Share or delegate a calendar in Outlook.
"""

from __future__ import annotations

import base64

from .answers import Answer, GraphError
from .calendar_store import CalendarStore, open_store
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .outlook import check_properties, mailbox_user, not_found, one_of, recipient
from .scopes import CALENDARS_READ, CALENDARS_WRITE

_ROLES = (
    "none", "freeBusyRead", "limitedRead", "read", "write", "delegateWithoutPrivateEventAccess",
    "delegateWithPrivateEventAccess", "custom",
)  # fmt: skip
_EVERYBODY = ["none", "freeBusyRead", "limitedRead", "read", "write"]
_INSIDE = ["freeBusyRead", "limitedRead", "read", "write", *_ROLES[5:7]]
_OUTSIDE = ["freeBusyRead", "limitedRead", "read"]
_CALENDARS = ("/users/{user}/calendar", "/users/{user}/calendars/{calendar}")


def _permissions(call: Call, user: str, calendar: str | None) -> tuple[CalendarStore, Collection]:
    store = open_store(call, user)
    found = store.calendar(calendar)
    return store, call.tenant.part(("calendar permissions", found["id"]), lambda: _first(call))


def _first(call: Call) -> Collection:
    """What a calendar has from the start: the permission of everybody inside the organization."""
    permissions = Collection()
    everybody = {
        "id": _id("Default"), "isRemovable": False, "isInsideOrganization": True, "role": "freeBusyRead",
        "allowedRoles": _EVERYBODY, "emailAddress": {"name": "My Organization"},
    }  # fmt: skip
    permissions.add(everybody, call.now)
    return permissions


def _id(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _found(permissions: Collection, key: str) -> Item:
    permission = permissions.get(key)
    if permission is None:
        raise not_found()
    return permission


def _allowed_roles(call: Call, address: str) -> list[str]:
    return _INSIDE if mailbox_user(call.tenant, address) else _OUTSIDE


def _role(value: object, allowed: list[str]) -> str:
    role = one_of(value, _ROLES)
    if role not in allowed:
        raise GraphError(
            400, "ErrorInvalidRequest", f"The role '{role}' cannot be granted here; allowed are {allowed}."
        )
    return role


@route("GET", f"{_CALENDARS[0]}/calendarPermissions", CALENDARS_READ)
@route("GET", f"{_CALENDARS[1]}/calendarPermissions", CALENDARS_READ)
def list_permissions(call: Call, user: str, calendar: str | None = None) -> Answer:
    return call.collection(_permissions(call, user, calendar)[1], always=("id",))


@route("POST", f"{_CALENDARS[0]}/calendarPermissions", CALENDARS_WRITE)
@route("POST", f"{_CALENDARS[1]}/calendarPermissions", CALENDARS_WRITE)
def create_permission(call: Call, user: str, calendar: str | None = None) -> Answer:
    """One permission a person: granting again is refused."""
    _, permissions = _permissions(call, user, calendar)
    body = call.json_body()
    check_properties(
        body,
        ("emailAddress", "isInsideOrganization", "isRemovable", "role", "allowedRoles"),
        "calendarPermission",
    )
    person = recipient(call.tenant, body)["emailAddress"]
    key = _id(f"/o=Organization/cn={person['address'].casefold()}")
    if key in permissions:
        raise GraphError(409, "ErrorItemSave", "The calendar is already shared with this person.")
    allowed = _allowed_roles(call, person["address"])
    permission = {
        "id": key, "isRemovable": True, "isInsideOrganization": allowed is _INSIDE,
        "role": _role(body.get("role"), allowed), "allowedRoles": allowed, "emailAddress": person,
    }  # fmt: skip
    permissions.add(permission, call.now)
    return call.entity(permission, status=201, context=f"{call.context}/$entity")


@route("GET", f"{_CALENDARS[0]}/calendarPermissions/{{permission}}", CALENDARS_READ)
@route("GET", f"{_CALENDARS[1]}/calendarPermissions/{{permission}}", CALENDARS_READ)
def get_permission(call: Call, user: str, permission: str, calendar: str | None = None) -> Answer:
    return call.entity(_found(_permissions(call, user, calendar)[1], permission), always=("id",))


@route("PATCH", f"{_CALENDARS[0]}/calendarPermissions/{{permission}}", CALENDARS_WRITE)
@route("PATCH", f"{_CALENDARS[1]}/calendarPermissions/{{permission}}", CALENDARS_WRITE)
def update_permission(call: Call, user: str, permission: str, calendar: str | None = None) -> Answer:
    """Only the role can be changed."""
    _, permissions = _permissions(call, user, calendar)
    found, body = _found(permissions, permission), call.json_body()
    check_properties(body, ("role",), "calendarPermission")
    found["role"] = _role(body.get("role"), found["allowedRoles"])
    permissions.touch(permission, call.now)
    return call.entity(found)


@route("DELETE", f"{_CALENDARS[0]}/calendarPermissions/{{permission}}", CALENDARS_WRITE)
@route("DELETE", f"{_CALENDARS[1]}/calendarPermissions/{{permission}}", CALENDARS_WRITE)
def delete_permission(call: Call, user: str, permission: str, calendar: str | None = None) -> Answer:
    _, permissions = _permissions(call, user, calendar)
    if not _found(permissions, permission)["isRemovable"]:
        raise GraphError(403, "ErrorAccessDenied", "The permission of the organization cannot be removed.")
    permissions.remove(permission, call.now)
    return Answer(status=204)


@route("GET", f"{_CALENDARS[0]}/allowedCalendarSharingRoles({{User}})", CALENDARS_READ)
@route("GET", f"{_CALENDARS[1]}/allowedCalendarSharingRoles({{User}})", CALENDARS_READ)
def list_allowed_roles(call: Call, user: str, User: str, calendar: str | None = None) -> Answer:  # noqa: N803
    open_store(call, user).calendar(calendar)
    context = call.context_url("Collection(microsoft.graph.calendarRoleType)")
    return Answer(body={"@odata.context": context, "value": _allowed_roles(call, User)})
