"""What a user belongs to: direct reports, groups, nested groups, and the check of membership.

Source: Microsoft Graph reference: List directReports; List a user's direct memberships; checkMemberGroups.
"""

from __future__ import annotations

from .answers import Answer
from .call import Call
from .changelog import Item
from .directory import DEFAULT_PAGE, MAX_PAGE, USER_DEFAULTS, require_consistency, search_matches
from .directory_references import bad_request, find_object
from .graph import route
from .groups import GROUP_DEFAULTS, search_groups, shown_group
from .scopes import MEMBERSHIPS_CHECK, MEMBERSHIPS_READ, MEMBERSHIPS_READ_ALL, REPORTS_READ

_MOST_CHECKED = 20


@route("GET", "/users/{user}/directReports", REPORTS_READ)
def list_direct_reports(call: Call, user: str) -> Answer:
    """Those whose manager the user is."""
    require_consistency(call)
    manager_id = call.user_of(user)["id"]
    reports = [
        find_object(call, user_id)
        for user_id, found in call.tenant.managers.items()
        if found == manager_id and user_id in call.tenant.users
    ]
    return call.collection(
        reports, default_select=USER_DEFAULTS, always=("@odata.type",), search=search_matches,
        default_page=DEFAULT_PAGE, max_page=MAX_PAGE,
    )  # fmt: skip


def groups_of(call: Call, object_id: str, *, nested: bool) -> list[Item]:
    """The groups that have an object as a member; `nested`: also by way of other groups."""
    found: dict[str, Item] = {}
    pending = [object_id]
    while pending:
        member_id = pending.pop(0)
        for group in call.tenant.groups:
            if group["id"] not in found and member_id in call.tenant.members.get(group["id"], ()):
                found[group["id"]] = {"@odata.type": "#microsoft.graph.group", **shown_group(group)}
                if nested:
                    pending.append(group["id"])
    return list(found.values())


def _listed(call: Call, user: str, *, nested: bool) -> Answer:
    require_consistency(call)
    return call.collection(
        groups_of(call, call.user_of(user)["id"], nested=nested), default_select=GROUP_DEFAULTS,
        always=("@odata.type",), search=search_groups, default_page=DEFAULT_PAGE, max_page=MAX_PAGE,
    )  # fmt: skip


@route("GET", "/users/{user}/memberOf", MEMBERSHIPS_READ)
@route("GET", "/users/{user}/memberOf/group", MEMBERSHIPS_READ)
def list_member_of(call: Call, user: str) -> Answer:
    """The groups of which the user is a direct member."""
    return _listed(call, user, nested=False)


@route("GET", "/users/{user}/transitiveMemberOf", MEMBERSHIPS_READ_ALL)
@route("GET", "/users/{user}/transitiveMemberOf/group", MEMBERSHIPS_READ_ALL)
def list_transitive_member_of(call: Call, user: str) -> Answer:
    """The groups of which the user is a member, also by way of other groups."""
    return _listed(call, user, nested=True)


@route("POST", "/users/{user}/checkMemberGroups", MEMBERSHIPS_CHECK)
def check_member_groups(call: Call, user: str) -> Answer:
    """Of the given groups, the ids of those that the user is in."""
    wanted = call.json_body().get("groupIds")
    if not isinstance(wanted, list) or not wanted:
        raise bad_request("The parameter 'groupIds' is missing or empty.")
    if len(wanted) > _MOST_CHECKED:
        raise bad_request(f"Too many elements are present in 'groupIds'; the limit is {_MOST_CHECKED}.")
    found = {group["id"] for group in groups_of(call, call.user_of(user)["id"], nested=True)}
    body = {"@odata.context": call.context_url("Collection(Edm.String)")}
    return Answer(body=body | {"value": [group_id for group_id in wanted if group_id in found]})
