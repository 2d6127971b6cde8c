"""Members and owners of groups: list, add, remove. Source: Microsoft Graph reference, resource type group."""

from __future__ import annotations

from .answers import Answer
from .call import Call
from .changelog import Item
from .directory import DEFAULT_PAGE, MAX_PAGE, USER_DEFAULTS, require_consistency, search_matches
from .directory_references import bad_request, not_found, objects, referenced
from .graph import route
from .groups import find_group, is_unified, owners_of
from .scopes import GROUPS_READ, GROUPS_WRITE, MEMBERS_READ, MEMBERS_WRITE


def _listed(call: Call, ids: list[str]) -> Answer:
    require_consistency(call)
    return call.collection(
        objects(call, ids), default_select=USER_DEFAULTS, always=("@odata.type", "id"), search=search_matches,
        default_page=DEFAULT_PAGE, max_page=MAX_PAGE,
    )  # fmt: skip


def _add(call: Call, ids: list[str], name: str, added: Item) -> Answer:
    if added["id"] in ids:
        raise bad_request(
            "One or more added object references already exist for the following modified properties: "
            f"'{name}'."
        )
    ids.append(added["id"])
    return Answer(status=204)


def _members(call: Call, group: Item) -> list[str]:
    return call.tenant.members.setdefault(group["id"], [])


def _check_not_by_rule(group: Item) -> None:
    if "DynamicMembership" in group.get("groupTypes", ()):
        raise bad_request("The members of this group follow from its rule and cannot be set one by one.")


@route("GET", "/groups/{group}/members", MEMBERS_READ)
def list_members(call: Call, group: str) -> Answer:
    """Direct members, as directory objects."""
    return _listed(call, _members(call, find_group(call, group)))


@route("POST", "/groups/{group}/members/$ref", MEMBERS_WRITE)
def add_member(call: Call, group: str) -> Answer:
    """Add a user, or a group to a security group."""
    found, added = find_group(call, group), referenced(call, call.json_body().get("@odata.id"))
    _check_not_by_rule(found)
    is_user = added["@odata.type"] == "#microsoft.graph.user"
    if not is_user and (is_unified(found) or added["id"] == found["id"]):
        raise bad_request("This group cannot have a group like that as a member.")
    answer = _add(call, _members(call, found), "members", added)
    call.tenant.groups.touch(found["id"], call.now)
    return answer


@route("DELETE", "/groups/{group}/members/{member}/$ref", MEMBERS_WRITE)
def remove_member(call: Call, group: str, member: str) -> Answer:
    """Take an object out of a group."""
    found = find_group(call, group)
    _check_not_by_rule(found)
    members = _members(call, found)
    if member.casefold() not in members:
        raise not_found(member)
    members.remove(member.casefold())
    call.tenant.groups.touch(found["id"], call.now)
    return Answer(status=204)


@route("GET", "/groups/{group}/owners", GROUPS_READ)
def list_owners(call: Call, group: str) -> Answer:
    """The owners, as directory objects."""
    return _listed(call, owners_of(call, find_group(call, group)))


@route("POST", "/groups/{group}/owners/$ref", GROUPS_WRITE)
def add_owner(call: Call, group: str) -> Answer:
    """Make a user an owner; that does not make the user a member."""
    found, added = find_group(call, group), referenced(call, call.json_body().get("@odata.id"))
    if added["@odata.type"] != "#microsoft.graph.user":
        raise bad_request("Only users and apps own groups.")
    return _add(call, owners_of(call, found), "owners", added)


@route("DELETE", "/groups/{group}/owners/{owner}/$ref", GROUPS_WRITE)
def remove_owner(call: Call, group: str, owner: str) -> Answer:
    """Take the ownership from a user; a group keeps its last owner."""
    found = find_group(call, group)
    owners = owners_of(call, found)
    if owner.casefold() not in owners:
        raise not_found(owner)
    if len(owners) == 1:
        raise bad_request("The group must have at least one owner, hence this owner cannot be removed.")
    owners.remove(owner.casefold())
    return Answer(status=204)
