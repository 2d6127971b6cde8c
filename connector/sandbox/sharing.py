"""Sharing of files and folders: links, invitations, permissions, and items found by a sharing URL.

Nothing here shows in delta queries, as with Microsoft. Source: Microsoft: driveItem: createLink; driveItem:
invite; permission resource type; Access shared items.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_answers import item_answer, items_answer, listed
from .drive_content import redirect_to_content
from .drive_tree import Drive
from .drives import Address, check_access, drives_of, has_expired, identity, on_item, role_of
from .graph import route
from .scopes import FILES_READ, FILES_WRITE

LINK_ROLES = {"view": "read", "edit": "write", "embed": "read"}
LINK_SCOPES = ("anonymous", "organization", "users")
GRANTABLE_ROLES = ("read", "write")
REDEEMING_PREFERENCES = ("redeemsharinglink", "redeemsharinglinkifnecessary")

# Links


@on_item("POST", "/createLink", FILES_WRITE)
def create_link(call: Call, address: Address) -> Answer:
    """201 with a new link, or 200 with one of the same kind that the item has already."""
    body, item, drive = call.json_body(), address.item, address.drive
    kind, scope = body.get("type"), body.get("scope") or "organization"
    if kind not in LINK_ROLES:
        raise _invalid(f"The link type must be one of: {', '.join(LINK_ROLES)}.")
    if scope not in LINK_SCOPES:
        raise _invalid(f"The link scope must be one of: {', '.join(LINK_SCOPES)}.")
    if scope == "anonymous" and not call.world.switches.anonymous_links_allowed:
        raise GraphError(403, "accessDenied", "Sharing with anyone is disabled by your administrator.")
    expiry = _expiry(call, body)
    password = body.get("password")
    for permission in drive.permissions.get(item["id"], ()):
        link = permission.get("link", {})
        same_limits = permission.get("expirationDateTime") == expiry and permission["_password"] == password
        if (link.get("type"), link.get("scope")) == (kind, scope) and same_limits:
            return _permission_answer(call, permission)
    permission = _new_permission(call, LINK_ROLES[kind], expiry, password)
    token = call.world.new_guid().replace("-", "")
    letter = "f" if "folder" in item else "t"
    url = f"https://{drive.web_url.split('/')[2]}/:{letter}:/g/{token}"
    permission["link"] = {"type": kind, "scope": scope, "webUrl": url, "preventsDownload": False}
    if kind == "embed":
        permission["link"]["webHtml"] = f'<iframe src="{url}" width="98" height="120"></iframe>'
    if scope == "users":
        permission["grantedToIdentitiesV2"] = []
    permission["shareId"] = _share_id(url)
    drive.permissions.setdefault(item["id"], []).append(permission)
    return _permission_answer(call, permission, status=201)


@on_item("POST", "/invite", FILES_WRITE)
def invite(call: Call, address: Address) -> Answer:
    """Grant people a role; someone of another company has access once the invitation was accepted."""
    body = call.json_body()
    role, recipients = _role(body), body.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        raise _invalid("The invitation needs recipients.")
    if not body.get("requireSignIn") and not body.get("sendInvitation"):
        raise _invalid("At least one of requireSignIn and sendInvitation must be true.")
    expiry, password = _expiry(call, body), body.get("password")
    granted = []
    for recipient in recipients:
        permission = _new_permission(call, role, expiry, password)
        permission |= _grantee(call, recipient, bool(body.get("requireSignIn")))
        address.drive.permissions.setdefault(address.item["id"], []).append(permission)
        granted.append(permission)
    return call.collection(granted, default_page=len(granted), always=())


def _grantee(call: Call, recipient: Any, sign_in: bool) -> Item:
    key = recipient.get("email") or recipient.get("objectId") if isinstance(recipient, dict) else None
    if not isinstance(key, str):
        raise _invalid("Every recipient needs an email or an objectId.")
    user = call.tenant.find_user(key)
    if user is None and ("email" not in recipient or "@" not in key):
        raise _invalid(f"The recipient '{key}' could not be resolved.")
    invitation = {"invitation": {"email": user["mail"] if user else key, "signInRequired": sign_in}}
    return invitation | (_granted_to(user) if user else {})


def _granted_to(user: Item) -> Item:
    who = {"user": identity(user)}
    return {"grantedTo": who, "grantedToV2": who}


# Permissions


@on_item("GET", "/permissions", FILES_READ)
def list_permissions(call: Call, address: Address) -> Answer:
    return call.collection(_effective(address.drive, address.item), default_page=200, always=())


@on_item("GET", "/permissions/{permission}", FILES_READ)
def get_permission(call: Call, address: Address, permission: str) -> Answer:
    return _permission_answer(call, _found(address, permission))


@on_item("PATCH", "/permissions/{permission}", FILES_WRITE)
def update_permission(call: Call, address: Address, permission: str) -> Answer:
    found, body = _own(address, permission), call.json_body()
    if not {"roles", "expirationDateTime"} & set(body):
        raise _invalid("Only roles and expirationDateTime of a permission can be changed.")
    changes: Item = {"roles": [_role(body)]} if "roles" in body else {}
    if "expirationDateTime" in body:
        found.pop("expirationDateTime", None)
        expiry = _expiry(call, body)
        changes |= {"expirationDateTime": expiry} if expiry else {}
    found |= changes
    return _permission_answer(call, found)


@on_item("DELETE", "/permissions/{permission}", FILES_WRITE)
def delete_permission(call: Call, address: Address, permission: str) -> Answer:
    found = _own(address, permission)
    address.drive.permissions[address.item["id"]].remove(found)
    return Answer(status=204)


def _effective(drive: Drive, item: Item) -> list[Item]:
    """The permission of the owner, those of the item, and those of the folders above it as inherited ones."""
    owner = {
        "id": base64.urlsafe_b64encode(drive.id[2:14].encode()).decode().rstrip("="),
        "roles": ["owner"], "grantedTo": drive.owner, "grantedToV2": drive.owner,
    }  # fmt: skip
    effective = [owner, *drive.permissions.get(item["id"], ())]
    for above in list(drive.lineage(item))[1:]:
        origin = {"driveId": drive.id, "id": above["id"]}
        effective += [entry | {"inheritedFrom": origin} for entry in drive.permissions.get(above["id"], ())]
    return effective


def _found(address: Address, permission_id: str) -> Item:
    for entry in _effective(address.drive, address.item):
        if entry["id"] == permission_id:
            return entry
    raise GraphError(404, "itemNotFound", "The permission could not be found.")


def _own(address: Address, permission_id: str) -> Item:
    """A permission of the item itself; raises GraphError (404, 400 for the owner's and inherited ones)."""
    found = _found(address, permission_id)
    if "owner" in found["roles"] or "inheritedFrom" in found:
        raise _invalid("The permission of the owner and inherited permissions cannot be changed here.")
    return found


# Items by sharing URL


@route("GET", "/shares/{share}", FILES_READ)
def get_share(call: Call, share: str) -> Answer:
    drive, item = _shared_item(call, share)
    shown = {"id": share, "name": item["name"], "owner": drive.owner, "webUrl": item.get("webUrl")}
    return call.entity(shown, always=(), context="shares/$entity")


@route("GET", "/shares/{share}/driveItem", FILES_READ)
@route("GET", "/shares/{share}/root", FILES_READ)
def get_shared_item(call: Call, share: str) -> Answer:
    return item_answer(call, *_shared_item(call, share))


@route("GET", "/shares/{share}/driveItem/children", FILES_READ)
def list_shared_children(call: Call, share: str) -> Answer:
    drive, item = _shared_item(call, share)
    return items_answer(call, drive, listed(call, drive, item))


@route("GET", "/shares/{share}/driveItem/content", FILES_READ)
def download_shared_item(call: Call, share: str) -> Answer:
    return redirect_to_content(call, *_shared_item(call, share))


@route("POST", "/shares/{share}/permission/grant", FILES_WRITE)
def grant_link_access(call: Call, share: str) -> Answer:
    """Let people use a link, whoever it was for before; they get no mail."""
    drive, item, permission = _behind(call, _url_of(share))
    check_access(call, drive, item, FILES_WRITE)
    body = call.json_body()
    _role(body)
    recipients = body.get("recipients")
    if permission is None or not isinstance(recipients, list) or not recipients:
        raise _invalid("The request needs a sharing link and recipients.")
    users = [_grantee(call, recipient, True) for recipient in recipients]
    granted = permission.setdefault("grantedToIdentitiesV2", [])
    for user in users:
        who = user.get("grantedToV2") or {"user": {"displayName": user["invitation"]["email"]}}
        if who not in granted:
            granted.append(who)
    return call.collection([permission], default_page=1, always=())


def _shared_item(call: Call, share: str) -> tuple[Drive, Item]:
    """The item of a sharing link or of a plain address; raises GraphError (400, 403, 404).

    A preference to redeem the link makes the caller's access permanent: a permission of its own.
    """
    url = _url_of(share)
    drive, item, permission = _behind(call, url)
    own = call.user is not None and drive.owner_id == call.user["id"]
    call.require(FILES_READ, own=own)
    if permission is not None and call.user is not None and _opens(call, permission):
        if any(preference.casefold() in REDEEMING_PREFERENCES for preference in call.prefer):
            _redeem(call, drive, item, permission)
        return drive, item
    if role_of(call, drive, item) is None:
        raise GraphError(403, "accessDenied", "The sharing link does not exist or gives you no access.")
    return drive, item


def _behind(call: Call, url: str) -> tuple[Drive, Item, Item | None]:
    for drive in drives_of(call.tenant).by_id.values():
        for item_id, permissions in drive.permissions.items():
            for permission in permissions:
                if permission.get("link", {}).get("webUrl") == url:
                    return drive, drive.get(item_id), permission
        if url.startswith(drive.web_url):
            for item in drive.items:
                if drive.shown(item, ())["webUrl"] == url:
                    return drive, item, None
    raise GraphError(404, "itemNotFound", "The sharing link could not be found.")


def _opens(call: Call, permission: Item) -> bool:
    if permission["hasPassword"] or has_expired(permission, call.now):
        return False
    return permission["link"]["scope"] in ("anonymous", "organization")


def _redeem(call: Call, drive: Drive, item: Item, link: Item) -> None:
    assert call.user is not None
    if role_of(call, drive, item) is None:
        permission = _new_permission(call, link["roles"][0], None, None)
        drive.permissions[item["id"]].append(permission | _granted_to(call.user))


def _share_id(url: str) -> str:
    return "u!" + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _url_of(share: str) -> str:
    encoded = share.removeprefix("u!")
    try:
        if encoded == share:
            raise ValueError("no prefix")
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (ValueError, binascii.Error):
        raise _invalid("The sharing token must be u! and the URL in Base64url without padding.") from None


# Parts of permissions


def _new_permission(call: Call, role: str, expiry: str | None, password: Any) -> Item:
    permission: Item = {
        "id": call.world.new_guid(), "roles": [role], "hasPassword": bool(password), "_password": password,
    }  # fmt: skip
    return permission | ({"expirationDateTime": expiry} if expiry else {})


def _permission_answer(call: Call, permission: Item, *, status: int = 200) -> Answer:
    return call.entity(permission, status=status, always=(), context="permissions/$entity")


def _role(body: Item) -> str:
    roles = body.get("roles")
    if not isinstance(roles, list) or len(roles) != 1 or roles[0] not in GRANTABLE_ROLES:
        raise _invalid(f"roles must be a list with one of: {', '.join(GRANTABLE_ROLES)}.")
    role: str = roles[0]
    return role


def _expiry(call: Call, body: Item) -> str | None:
    """`expirationDateTime` of a request in Graph's form; raises GraphError (400) when it is none or over."""
    given = body.get("expirationDateTime")
    if not given:
        return None
    try:
        expires_at = datetime.fromisoformat(str(given))
    except ValueError:
        raise _invalid("expirationDateTime is not a date and time.") from None
    if expires_at.tzinfo is None or expires_at <= call.now:
        raise _invalid("expirationDateTime must be in the future and in UTC.")
    return expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _invalid(message: str) -> GraphError:
    return GraphError(400, "invalidRequest", message)
