"""Deleted users and groups: list, read, restore, and delete for good.

Source: Microsoft Graph reference, resource type directory; List deleted items.
"""

from __future__ import annotations

from .answers import Answer
from .call import Call
from .changelog import Item
from .directory import DEFAULT_PAGE, MAX_PAGE, USER_DEFAULTS, require_consistency, search_matches
from .directory_references import bad_request, not_found
from .graph import route
from .groups import GROUP_DEFAULTS, deleted_groups, search_groups, shown_group
from .scopes import GROUPS_READ, GROUPS_WRITE, USERS_DELETE, USERS_READ

_SHOWN = (*USER_DEFAULTS, "deletedDateTime")


def _deleted_user(call: Call, object_id: str) -> Item | None:
    found = call.tenant.deleted_users.get(object_id.casefold())
    return None if found is None else _shown(found[0])


def _shown(user: Item) -> Item:
    """A deleted user leaves its name to others: Entra ID puts the object id before it."""
    prefix = user["id"].replace("-", "")
    renamed = {"userPrincipalName": prefix + user["userPrincipalName"]}
    return {"@odata.type": "#microsoft.graph.user"} | user | renamed


@route("GET", "/directory/deletedItems/user", USERS_READ)
def list_deleted_users(call: Call) -> Answer:
    """The deleted users."""
    require_consistency(call)
    users = [_shown(user) for user, _ in call.tenant.deleted_users.values()]
    return call.collection(
        users, default_select=_SHOWN, always=(), search=search_matches, default_page=DEFAULT_PAGE,
        max_page=MAX_PAGE,
    )  # fmt: skip


@route("GET", "/directory/deletedItems/group", GROUPS_READ)
def list_deleted_groups(call: Call) -> Answer:
    """The deleted Microsoft 365 groups."""
    require_consistency(call)
    return call.collection(
        map(shown_group, deleted_groups(call).values()), default_select=GROUP_DEFAULTS, always=(),
        search=search_groups, default_page=DEFAULT_PAGE, max_page=MAX_PAGE,
    )  # fmt: skip


@route("GET", "/directory/deletedItems/{item}")
def get_deleted(call: Call, item: str) -> Answer:
    """One deleted object."""
    user, group = _deleted_user(call, item), deleted_groups(call).get(item.casefold())
    call.require(GROUPS_READ if group else USERS_READ, own=False)
    found = user or group
    if found is None:
        raise not_found(item)
    return call.entity(found, always=("@odata.type",), context="directoryObjects/$entity")


@route("POST", "/directory/deletedItems/{item}/restore")
def restore(call: Call, item: str) -> Answer:
    """Bring an object back, a user with the groups and licences of before."""
    group = deleted_groups(call).get(item.casefold())
    call.require(GROUPS_WRITE if group else USERS_DELETE, own=False)
    if group is not None:
        del deleted_groups(call)[group["id"]]
        group["deletedDateTime"] = None
        call.tenant.groups.add(group, call.now)
        shown = {"@odata.type": "#microsoft.graph.group", **shown_group(group)}
        return call.entity(shown, always=(), context="directoryObjects/$entity")
    if item.casefold() not in call.tenant.deleted_users:
        raise not_found(item)
    user, _ = call.tenant.deleted_users[item.casefold()]
    if call.tenant.find_user(user["userPrincipalName"]) is not None:
        raise bad_request("Another object with the same value for property userPrincipalName already exists.")
    del call.tenant.deleted_users[user["id"]]
    user["deletedDateTime"] = None
    for group_id in user.pop("_groups"):
        if group_id in call.tenant.groups:
            call.tenant.members[group_id].append(user["id"])
    call.tenant.users.add(user, call.now)
    shown = {"@odata.type": "#microsoft.graph.user"} | user
    return call.entity(
        shown, default_select=USER_DEFAULTS, always=("@odata.type",), context="directoryObjects/$entity"
    )


@route("DELETE", "/directory/deletedItems/{item}")
def purge(call: Call, item: str) -> Answer:
    """Delete an object for good."""
    key = item.casefold()
    call.require(GROUPS_WRITE if key in deleted_groups(call) else USERS_DELETE, own=False)
    if deleted_groups(call).pop(key, None) is not None:
        call.tenant.members.pop(key, None)
    elif call.tenant.deleted_users.pop(key, None) is not None:
        del call.tenant.accounts[key]
        call.tenant.managers.pop(key, None)
    else:
        raise not_found(item)
    return Answer(status=204)
