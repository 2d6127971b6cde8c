"""Groups: list, read, create, update, delete; and the organization itself.

Members and owners are left to `group_members`. Source: Microsoft Graph reference, resource type group.
"""

from __future__ import annotations

from typing import Any

from .answers import Answer
from .call import Call
from .changelog import Item
from .directory import DEFAULT_PAGE, MAX_PAGE, require_consistency, search_matches
from .directory_references import bad_request, not_found, referenced
from .graph import route
from .scopes import GROUPS_CREATE, GROUPS_READ, GROUPS_WRITE, ORGANIZATION_READ

GROUP_DEFAULTS = (
    "id", "deletedDateTime", "classification", "createdDateTime", "description", "displayName",
    "expirationDateTime", "groupTypes", "isAssignableToRole", "mail", "mailEnabled", "mailNickname",
    "membershipRule", "membershipRuleProcessingState", "onPremisesLastSyncDateTime",
    "onPremisesSyncEnabled", "preferredDataLocation", "preferredLanguage", "proxyAddresses",
    "renewedDateTime", "resourceBehaviorOptions", "resourceProvisioningOptions", "securityEnabled",
    "securityIdentifier", "theme", "uniqueName", "visibility",
)  # fmt: skip
"""What a group shows without $select."""
UNIFIED = "Unified"
_DYNAMIC = "DynamicMembership"
_REQUIRED = ("displayName", "mailEnabled", "mailNickname", "securityEnabled")
_IN_EXCHANGE = {
    "allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists", "hideFromOutlookClients",
    "isSubscribedByMail",
}  # fmt: skip
"""Kept by Exchange: shown by $select only, written apart from the rest."""
_WRITABLE = _IN_EXCHANGE | {
    "accessType", "assignedLabels", "classification", "description", "displayName", "groupTypes",
    "infoCatalogs", "isAssignableToRole", "isFavorite", "mailEnabled", "mailNickname", "membershipRule",
    "membershipRuleProcessingState", "onPremisesExtensionAttributes", "preferredDataLocation",
    "preferredLanguage", "resourceBehaviorOptions", "resourceProvisioningOptions", "securityEnabled",
    "theme", "uniqueName", "visibility", "welcomeMessageEnabled",
}  # fmt: skip
_VISIBILITIES = (None, "Public", "Private", "HiddenMembership")
_SEARCHABLE = frozenset({"displayname", "description", "mail", "mailnickname"})
_MOST_BOUND = 20


def find_group(call: Call, group_id: str) -> Item:
    """A group by id; raises 404."""
    group = call.tenant.groups.get(group_id.casefold())
    if group is None:
        raise not_found(group_id)
    return group


def owners_of(call: Call, group: Item) -> list[str]:
    """Ids of the owners, to be changed in place; the first member owns a seeded group."""
    members = call.tenant.members.get(group["id"], [])
    return call.tenant.part(("owners", group["id"]), lambda: members[:1])


def shown_group(group: Item) -> Item:
    """A group as answers have it: its lists may be empty but are never null."""
    lists = ("groupTypes", "proxyAddresses", "resourceBehaviorOptions", "resourceProvisioningOptions")
    return {**{name: [] for name in lists}, **group}


def search_groups(item: Item, text: str) -> bool:
    """What $search means for groups; raises 400."""
    return search_matches(item, text, _SEARCHABLE)


def is_unified(group: Item) -> bool:
    """Whether it is a Microsoft 365 group."""
    return UNIFIED in group.get("groupTypes", ())


@route("GET", "/groups", GROUPS_READ)
def list_groups(call: Call) -> Answer:
    """All groups."""
    require_consistency(call)
    delay = call.world.switches.read_after_write_delay_seconds
    return call.collection(
        map(shown_group, call.tenant.groups.visible(call.now, delay)), default_select=GROUP_DEFAULTS,
        always=(), search=search_groups, default_page=DEFAULT_PAGE, max_page=MAX_PAGE,
    )  # fmt: skip


@route("GET", "/groups/{group}", GROUPS_READ)
def get_group(call: Call, group: str) -> Answer:
    """One group."""
    return call.entity(shown_group(find_group(call, group)), default_select=GROUP_DEFAULTS, always=())


@route("POST", "/groups", GROUPS_CREATE)
def create_group(call: Call) -> Answer:
    """A new group; a user who creates it becomes its owner."""
    body = call.json_body()
    for name in _REQUIRED:
        if body.get(name) in (None, ""):
            raise bad_request(f"A value is required for property '{name}' of resource 'Group'.")
    owners, members = (_bound(call, body.pop(f"{name}@odata.bind", [])) for name in ("owners", "members"))
    _check_properties(body)
    _check_kind(body)
    _check_nickname(call, body["mailNickname"])
    unified = is_unified(body)
    mail = f"{body['mailNickname']}@{call.tenant.domains[0]}" if body["mailEnabled"] else None
    group: Item = {
        "id": call.world.new_guid(), "createdDateTime": call.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "renewedDateTime": call.now.strftime("%Y-%m-%dT%H:%M:%SZ"), "description": None, "groupTypes": [],
        "visibility": "Public" if unified else None, "mail": mail,
        "proxyAddresses": [f"SMTP:{mail}"] if mail else [],
    }  # fmt: skip
    group |= body
    if call.user is not None and call.user["id"] not in owners:
        owners.append(call.user["id"])
    call.tenant.groups.add(group, call.now)
    call.tenant.members[group["id"]] = list(dict.fromkeys([*members, *(owners if unified else [])]))
    call.tenant.part(("owners", group["id"]), lambda: owners)
    return call.entity(shown_group(group), status=201, default_select=GROUP_DEFAULTS, always=())


def _bound(call: Call, references: Any) -> list[str]:
    if not isinstance(references, list) or len(references) > _MOST_BOUND:
        raise bad_request(f"At most {_MOST_BOUND} objects can be referred to in one request.")
    return [str(referenced(call, reference)["id"]) for reference in references]


@route("PATCH", "/groups/{group}", GROUPS_WRITE)
def update_group(call: Call, group: str) -> Answer:
    """Change some properties, or add members; nothing comes back."""
    found, body = find_group(call, group), call.json_body()
    added = _bound(call, body.pop("members@odata.bind", []))
    _check_properties(body)
    if _IN_EXCHANGE & body.keys() and body.keys() - _IN_EXCHANGE:
        raise bad_request("These properties of a group are updated in a request of their own: "
                          f"{', '.join(sorted(_IN_EXCHANGE & body.keys()))}.")  # fmt: skip
    for name in ("isAssignableToRole", "groupTypes"):
        if name in body and _is_fixed(name, found.get(name), body[name]):
            raise bad_request(f"The property '{name}' of a group cannot be changed in this way.")
    if body.get("mailNickname", found["mailNickname"]) != found["mailNickname"]:
        _check_nickname(call, body["mailNickname"])
    found |= body
    members = call.tenant.members.setdefault(found["id"], [])
    members += [object_id for object_id in added if object_id not in members]
    call.tenant.groups.touch(found["id"], call.now)
    return Answer(status=204)


def _is_fixed(name: str, before: Any, after: Any) -> bool:
    """A group stays of its kind; only the rule for members can come and go."""
    if name == "groupTypes":
        return bool(({*(before or ())} ^ {*(after or ())}) - {_DYNAMIC})
    return bool(before) != bool(after)


@route("DELETE", "/groups/{group}", GROUPS_WRITE)
def delete_group(call: Call, group: str) -> Answer:
    """Delete a group; a Microsoft 365 group goes to the deleted items."""
    found = find_group(call, group)
    unified = is_unified(found)
    call.tenant.groups.remove(found["id"], call.now, reason="changed" if unified else "deleted")
    if unified:
        found["deletedDateTime"] = call.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        deleted_groups(call)[found["id"]] = found
    for members in call.tenant.members.values():
        if found["id"] in members:
            members.remove(found["id"])
    return Answer(status=204)


def deleted_groups(call: Call) -> dict[str, Item]:
    """The deleted Microsoft 365 groups, by id."""
    return call.tenant.part("deleted groups", dict[str, Item])


def _check_properties(body: Item) -> None:
    unknown = [name for name in body if name not in _WRITABLE and not name.startswith("extension_")]
    if unknown:
        raise bad_request(
            f"Property '{unknown[0]}' is read-only and cannot be set, or does not exist on type 'Group'."
        )
    for name in ("mailEnabled", "securityEnabled"):
        if name in body and not isinstance(body[name], bool):
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'Group'.")
    if body.get("visibility") not in _VISIBILITIES:
        raise bad_request("Invalid value specified for property 'visibility' of resource 'Group'.")


def _check_kind(body: Item) -> None:
    kinds = body.get("groupTypes") or []
    if {*kinds} - {UNIFIED, _DYNAMIC}:
        raise bad_request("Invalid value specified for property 'groupTypes' of resource 'Group'.")
    if body["mailEnabled"] != (UNIFIED in kinds):
        raise bad_request("Only Microsoft 365 groups are mail-enabled here, and all of them are.")
    if UNIFIED not in kinds and not body["securityEnabled"]:
        raise bad_request("A group has to be mail-enabled or security-enabled.")
    if (_DYNAMIC in kinds) != bool(body.get("membershipRule")):
        raise bad_request("A group has a membership rule if, and only if, its members follow from it.")


def _check_nickname(call: Call, nickname: Any) -> None:
    text = str(nickname)
    if len(text) > 64 or not text.isascii() or set(text) & set('@()\\[]";:<>, '):
        raise bad_request("Invalid value specified for property 'mailNickname' of resource 'Group'.")
    if any(is_unified(group) and group["mailNickname"] == text for group in call.tenant.groups):
        raise bad_request("Another object with the same value for property mailNickname already exists.")


@route("GET", "/organization", ORGANIZATION_READ)
def list_organizations(call: Call) -> Answer:
    """The company itself, as a list of one."""
    tenant = call.tenant
    domains = [{"name": name, "isDefault": index == 0, "isInitial": index == len(tenant.domains) - 1}
               for index, name in enumerate(tenant.domains)]  # fmt: skip
    return call.collection([{"id": tenant.id, "displayName": tenant.name, "verifiedDomains": domains}])
