"""Users of the directory: list, search, delta, read, create, update, delete, manager, sessions.

Source: Microsoft Graph reference, resource type user; Advanced query capabilities on directory objects.
"""

from __future__ import annotations

import re

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .odata_filter import BadFilter, parse_filter
from .scopes import (
    PROFILE_WRITE,
    SESSIONS_REVOKE,
    SIGNED_IN,
    USERS_DELETE,
    USERS_READ,
    USERS_READ_BASIC,
    USERS_WRITE,
)
from .state import Account

USER_DEFAULTS = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName", "id",
)  # fmt: skip
DEFAULT_PAGE, MAX_PAGE = 100, 999

_BASIC = {"id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "photo"}
_BASIC_SCOPES = {"user.readbasic.all"}
_REQUIRED = ("accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName")
_WRITABLE = {
    "aboutMe", "accountEnabled", "ageGroup", "birthday", "businessPhones", "city", "companyName",
    "consentProvidedForMinor", "country", "customSecurityAttributes", "department", "displayName",
    "employeeHireDate", "employeeId", "employeeLeaveDateTime", "employeeOrgData", "employeeType",
    "faxNumber", "givenName", "hireDate", "identities", "interests", "jobTitle", "mail", "mailNickname",
    "mobilePhone", "mySite", "officeLocation", "onPremisesExtensionAttributes", "onPremisesImmutableId",
    "otherMails", "passwordPolicies", "passwordProfile", "pastProjects", "postalCode",
    "preferredLanguage", "preferredName", "responsibilities", "schools", "showInAddressList", "skills",
    "state", "streetAddress", "surname", "usageLocation", "userPrincipalName", "userType",
}  # fmt: skip
_LISTS = {
    "assignedLicenses", "businessPhones", "identities", "interests", "otherMails", "pastProjects",
    "proxyAddresses", "responsibilities", "schools", "skills",
}  # fmt: skip
_UNSET: Item = dict.fromkeys(sorted(_WRITABLE - {"customSecurityAttributes"})) | {name: [] for name in _LISTS}
"""What $select finds where a user has no value or the caller may not see it."""
_SEARCHABLE = frozenset({"displayname", "mail", "userprincipalname", "givenname", "surname", "mailnickname"})
_SEARCH_CLAUSE = re.compile(r'"(?P<name>\w+):(?P<value>(?:[^"\\]|\\.)*)"(?:\s+(?P<link>AND|OR)\s+)?')


def require_consistency(call: Call) -> None:
    """Refuse advanced queries without `ConsistencyLevel: eventual` (and `$count=true`, but for $search)."""
    query = call.query
    eventual = call.headers.get("ConsistencyLevel", "").casefold() == "eventual"
    counted = query.get("$count", "").casefold() == "true"
    if ("$search" in query or "$count" in query) and not eventual:
        raise _unsupported("$search and $count need the request header 'ConsistencyLevel: eventual'.")
    if _is_advanced(query) and not (eventual and (counted or "$skiptoken" in query)):
        raise _unsupported("Operator or sort order is only supported with $count=true and the header "
                           "ConsistencyLevel: eventual.")  # fmt: skip


def _is_advanced(query: dict[str, str]) -> bool:
    if "$filter" not in query:
        return False
    try:
        used = parse_filter(query["$filter"]).operators
    except BadFilter as error:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: {error}") from None
    return "$orderby" in query or bool(used & {"ne", "not", "endswith", "contains"})


def _unsupported(message: str) -> GraphError:
    return GraphError(400, "Request_UnsupportedQuery", message)


def search_matches(item: Item, text: str, searchable: frozenset[str] = _SEARCHABLE) -> bool:
    """`"displayName:ann" OR "mail:ann"`: words of the property that begin with the value; raises 400."""
    clauses = list(_SEARCH_CLAUSE.finditer(text))
    if not clauses or "".join(clause[0] for clause in clauses) != text.strip():
        raise GraphError(400, "BadRequest", 'Syntax error: write $search="displayName:name", with quotes.')
    result, link = True, "AND"
    for clause in clauses:
        if clause["name"].casefold() not in searchable:
            raise _unsupported(f"Property '{clause['name']}' cannot be searched.")
        found = next(
            (str(value) for name, value in item.items() if name.casefold() == clause["name"].casefold()), ""
        )
        wanted = re.sub(r"\\(.)", r"\1", clause["value"]).casefold()
        starts = any(
            found.casefold()[match.start() :].startswith(wanted) for match in re.finditer(r"\b\w", found)
        )
        result = (result and starts) if link == "AND" else (result or starts)
        link = clause["link"] or link
    return result


def _seen_by(call: Call, user: Item) -> Item:
    """What the caller's permissions show of a user: with User.ReadBasic.All only the basic profile."""
    held = {scope.casefold() for scope in call.scopes}
    is_self = call.user is not None and call.user["id"] == user["id"]
    wider = {scope for scope in held if scope.startswith(("user.read", "directory."))} - _BASIC_SCOPES
    only_own = {"user.read", "user.readwrite"}
    if is_self or wider - only_own:
        return _UNSET | user
    return _UNSET | {name: value for name, value in user.items() if name in _BASIC}


@route("GET", "/users", USERS_READ_BASIC)
def list_users(call: Call) -> Answer:
    """Users, with the default properties unless selected."""
    require_consistency(call)
    delay = call.world.switches.read_after_write_delay_seconds
    seen = [_seen_by(call, user) for user in call.tenant.users.visible(call.now, delay)]
    return call.collection(
        seen, default_select=USER_DEFAULTS, always=(), search=search_matches,
        expand={"manager": lambda user: _manager_of(call, user)},
        default_page=DEFAULT_PAGE, max_page=MAX_PAGE,
    )  # fmt: skip


@route("GET", "/users/$count", USERS_READ_BASIC)
def count_users(call: Call) -> Answer:
    """The number of users, as text."""
    if call.headers.get("ConsistencyLevel", "").casefold() != "eventual":
        raise _unsupported("$count needs the header ConsistencyLevel: eventual.")
    return Answer(content=str(len(call.tenant.users)).encode(), headers={"Content-Type": "text/plain"})


@route("GET", "/users/delta", USERS_READ)
def users_delta(call: Call) -> Answer:
    """Changes of users; only $select and `$filter=id eq '…'` are supported."""
    wanted = _delta_ids(call)
    return call.changes(
        call.tenant.users, stream="users", default_page=100, default_select=USER_DEFAULTS,
        shape=lambda user: user if wanted is None or user["id"] in wanted else None,
    )  # fmt: skip


def _delta_ids(call: Call) -> set[str] | None:
    for name in ("$orderby", "$search", "$expand"):
        if name in call.query:
            raise _unsupported(f"{name} is not supported with delta queries of users.")
    text = call.delta_option("$filter")
    if text is None:
        return None
    ids = re.findall(r"'([^']*)'", text)
    if not re.fullmatch(r"\s*id\s+eq\s+'[^']*'(\s+or\s+id\s+eq\s+'[^']*')*\s*", text):
        raise _unsupported("Delta queries of users are filtered by id only.")
    return set(ids)


@route("GET", "/users/{user}", SIGNED_IN)
def get_user(call: Call, user: str) -> Answer:
    """One user."""
    found = _seen_by(call, call.user_of(user))
    expand = {"manager": lambda item: _manager_of(call, item)}
    return call.entity(found, default_select=USER_DEFAULTS, always=(), expand=expand)


@route("POST", "/users", USERS_WRITE)
def create_user(call: Call) -> Answer:
    """A new member without licence, hence without mailbox."""
    body = call.json_body()
    for name in _REQUIRED:
        if body.get(name) in (None, ""):
            raise _bad(f"A value is required for property '{name}' of resource 'User'.")
    _check_properties(call, body)
    password = body["passwordProfile"].get("password", "")
    user: Item = {
        "id": call.world.new_guid(), "givenName": None, "surname": None, "jobTitle": None, "mail": None,
        "mobilePhone": None, "officeLocation": None, "preferredLanguage": None, "businessPhones": [],
        "userType": "Member", "assignedLicenses": [], "otherMails": [],
        "createdDateTime": call.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    user |= {name: value for name, value in body.items() if name != "passwordProfile"}
    call.tenant.accounts[user["id"]] = Account(password, "none")
    call.tenant.users.add(user, call.now)
    return call.entity(user, status=201, default_select=USER_DEFAULTS, always=(), context="users/$entity")


@route("PATCH", "/users/{user}", PROFILE_WRITE)
def update_user(call: Call, user: str) -> Answer:
    """Change some properties; nothing comes back."""
    found, body = call.user_of(user), call.json_body()
    _check_properties(call, body, found)
    profile = body.pop("passwordProfile", None)
    if profile:
        call.tenant.accounts[found["id"]].password = profile.get("password", "")
    found |= body
    call.tenant.users.touch(found["id"], call.now)
    return Answer(status=204)


def _check_properties(call: Call, body: Item, user: Item | None = None) -> None:
    unknown = [name for name in body if name not in _WRITABLE and not name.startswith(("@", "extension_"))]
    if unknown:
        raise _bad(
            f"Property '{unknown[0]}' is read-only and cannot be set, or does not exist on type 'User'."
        )
    if len(body.get("businessPhones") or []) > 1:
        raise _bad("Invalid value specified for property 'businessPhones' of resource 'User'.")
    if "accountEnabled" in body and not isinstance(body["accountEnabled"], bool):
        raise _bad("Invalid value specified for property 'accountEnabled' of resource 'User'.")
    if "userPrincipalName" in body:
        _check_principal_name(call, str(body["userPrincipalName"]), user)
    profile = body.get("passwordProfile")
    if profile is not None and len(str(profile.get("password", ""))) < 8:
        raise _bad("The specified password does not comply with password complexity requirements.")


def _check_principal_name(call: Call, principal_name: str, user: Item | None) -> None:
    if principal_name.rpartition("@")[2].casefold() not in call.tenant.domains:
        raise _bad("The domain portion of the userPrincipalName property is invalid. You must use one of the "
                   "verified domain names in your organization.")  # fmt: skip
    other = call.tenant.find_user(principal_name)
    if other is not None and other is not user:
        raise _bad("Another object with the same value for property userPrincipalName already exists.")


def _bad(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


@route("DELETE", "/users/{user}", USERS_DELETE)
def delete_user(call: Call, user: str) -> Answer:
    """Move a user to the deleted items; delta reports `changed`, as for every soft deletion."""
    found = call.user_of(user)
    call.tenant.users.remove(found["id"], call.now, reason="changed")
    call.tenant.deleted_users[found["id"]] = (found, call.tenant.accounts[found["id"]])
    found["deletedDateTime"] = call.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    found["_groups"] = [group_id for group_id, ids in call.tenant.members.items() if found["id"] in ids]
    for group_id in found["_groups"]:
        call.tenant.members[group_id].remove(found["id"])
    return Answer(status=204)


def _manager_of(call: Call, user: Item) -> Item | None:
    manager = call.tenant.users.get(call.tenant.managers.get(user["id"], ""))
    return None if manager is None else {"@odata.type": "#microsoft.graph.user", **manager}


@route("GET", "/users/{user}/manager", USERS_READ)
def get_manager(call: Call, user: str) -> Answer:
    """The manager, as a directory object."""
    manager = _manager_of(call, call.user_of(user))
    if manager is None:
        raise GraphError(404, "Request_ResourceNotFound", "Resource 'manager' does not exist.")
    return call.entity(manager, default_select=USER_DEFAULTS, always=("@odata.type",),
                       context="directoryObjects/$entity")  # fmt: skip


@route("PUT", "/users/{user}/manager/$ref", USERS_WRITE)
def set_manager(call: Call, user: str) -> Answer:
    """Name another manager by `@odata.id`."""
    found = call.user_of(user)
    reference = str(call.json_body().get("@odata.id", ""))
    manager = call.user_of(reference.rpartition("/")[2])
    call.tenant.managers[found["id"]] = manager["id"]
    return Answer(status=204)


@route("DELETE", "/users/{user}/manager/$ref", USERS_WRITE)
def remove_manager(call: Call, user: str) -> Answer:
    """Leave a user without manager."""
    call.tenant.managers.pop(call.user_of(user)["id"], None)
    return Answer(status=204)


@route("POST", "/users/{user}/revokeSignInSessions", SESSIONS_REVOKE)
def revoke_sessions(call: Call, user: str) -> Answer:
    """Revoke every refresh token of a user."""
    account = call.tenant.accounts[call.user_of(user)["id"]]
    account.sessions_valid_from = account.challenged_since = call.now
    return Answer(body={"@odata.context": call.context_url("Edm.Boolean"), "value": True})
