"""Groups, their members, and the organization itself. Source: Microsoft Graph reference."""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .directory import DEFAULT_PAGE, MAX_PAGE, USER_DEFAULTS, require_consistency, search_matches
from .graph import route
from .scopes import GROUPS_READ, ORGANIZATION_READ


def _group(call: Call, group_id: str) -> Item:
    group = call.tenant.groups.get(group_id)
    if group is None:
        raise GraphError(404, "Request_ResourceNotFound", f"Resource '{group_id}' does not exist.")
    return group


@route("GET", "/groups", GROUPS_READ)
def list_groups(call: Call) -> Answer:
    """All groups."""
    require_consistency(call)
    return call.collection(
        call.tenant.groups, always=(), search=search_matches, default_page=DEFAULT_PAGE, max_page=MAX_PAGE
    )


@route("GET", "/groups/{group}", GROUPS_READ)
def get_group(call: Call, group: str) -> Answer:
    """One group."""
    return call.entity(_group(call, group), always=())


@route("GET", "/groups/{group}/members", GROUPS_READ)
def list_members(call: Call, group: str) -> Answer:
    """Members of a group, as directory objects."""
    ids = call.tenant.members.get(_group(call, group)["id"], [])
    people = [{"@odata.type": "#microsoft.graph.user", **call.tenant.users.items[user_id]} for user_id in ids]
    return call.collection(
        people,
        default_select=USER_DEFAULTS,
        always=("@odata.type", "id"),
        default_page=DEFAULT_PAGE,
        max_page=MAX_PAGE,
    )


@route("GET", "/organization", ORGANIZATION_READ)
def list_organizations(call: Call) -> Answer:
    """The company itself, as a list of one."""
    tenant = call.tenant
    domains = [{"name": name, "isDefault": index == 0, "isInitial": index == len(tenant.domains) - 1}
               for index, name in enumerate(tenant.domains)]  # fmt: skip
    return call.collection([{"id": tenant.id, "displayName": tenant.name, "verifiedDomains": domains}])
