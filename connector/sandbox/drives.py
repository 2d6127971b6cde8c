"""Drives: whose they are, who may use them, how requests address their items, and the drive itself.

`on_item` registers a handler under every address that an item has (four ways to the drive times four ways to
the item). What can be done with items is left to `drive_items` and its neighbours, the tree to `drive_tree`.
Source: Microsoft: How to address resources in a drive on OneDrive; Get Drive; List Drives.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast, get_args
from urllib.parse import quote

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_names import check_path
from .drive_tree import Conflict, Drive, DriveKind, Edit
from .graph import route
from .scopes import DRIVES_READ, FILES_READ, FILES_WRITE, Scopes
from .state import Tenant, World

DRIVE_PATHS = ("/users/{user}/drive", "/groups/{group}/drive", "/sites/{site}/drive", "/drives/{drive}")
ITEM_PATHS = ("/root", "/root/{:path}", "/items/{item}", "/items/{item}/{:path}")
OWNERS = ("user", "group", "site", "drive")
ONE_TERABYTE = 1 << 40

_ROLES = ("read", "write", "owner")
_REFERENCE_PATH = re.compile(r"(?:/drives?(?:/(?P<drive>[^/:]+))?)?/root:?(?P<path>/.*)?")


@dataclass(slots=True)
class Drives:
    """The drives of a company, by id and by whom they belong to; the first one is the default."""

    by_id: dict[str, Drive] = field(default_factory=dict)
    held: dict[tuple[str, str], list[Drive]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """An item as a request names it: an item of the drive and a path from there, which may lead nowhere."""

    drive: Drive
    start: Item
    names: tuple[str, ...] = ()

    @property
    def deepest(self) -> tuple[Item, int]:
        """The last item on the path that exists, and how many names of the path lead to it."""
        item, steps = self.start, 0
        while steps < len(self.names):
            child = self.drive.child(item, self.names[steps])
            if child is None:
                break
            item, steps = child, steps + 1
        return item, steps

    @property
    def present(self) -> Item | None:
        """The item, or None."""
        item, steps = self.deepest
        return item if steps == len(self.names) else None

    @property
    def item(self) -> Item:
        """The item; raises GraphError (404)."""
        if self.present is None:
            raise GraphError(404, "itemNotFound", "The resource could not be found.")
        return self.present

    @property
    def folder(self) -> Item:
        """The item, which must be a folder; raises GraphError (404, 400)."""
        if "folder" not in self.item:
            raise GraphError(400, "invalidRequest", "The item is not a folder.")
        return self.item

    def place(self, edit: Edit) -> tuple[Item, str]:
        """The folder that the path ends in and the last name; folders that are missing are created.

        An address without a path names a present item: its folder and name. Raises GraphError (400, 404).
        """
        self.drive.get(self.start["id"])
        if not self.names:
            parent = self.drive.parent_of(self.start)
            if parent is None:
                raise GraphError(400, "invalidRequest", "The root folder has no content.")
            return parent, self.start["name"]
        check_path((*self.drive.names_of(self.start), *self.names))
        folder, steps = Address(self.drive, self.start, self.names[:-1]).deepest
        for name in self.names[steps:-1]:
            folder = self.drive.add_folder(folder, name, edit)
        if "folder" not in folder:
            raise GraphError(400, "invalidRequest", "The parent of the item is not a folder.")
        return folder, self.names[-1]


ItemHandler = Callable[..., Answer]


def on_item(method: str, suffix: str, needs: Scopes) -> Callable[[ItemHandler], ItemHandler]:
    """Decorator: this handler answers `{drive}{item}{suffix}`; it gets the call, the address and the rest."""

    def register(handler: ItemHandler) -> ItemHandler:
        def answer(call: Call, **parameters: str) -> Answer:
            address = address_of(call, needs, parameters)
            rest = {key: value for key, value in parameters.items() if key not in (*OWNERS, "item", "path")}
            return handler(call, address, **rest)

        for drive_path in DRIVE_PATHS:
            for item_path in ITEM_PATHS:
                route(method, f"{drive_path}{item_path}{suffix}", needs)(answer)
        return handler

    return register


def on_drive(method: str, suffix: str, needs: Scopes) -> Callable[[ItemHandler], ItemHandler]:
    """Decorator: this handler answers `{drive}{suffix}`; it gets the call, the root and the rest."""

    def register(handler: ItemHandler) -> ItemHandler:
        def answer(call: Call, **parameters: str) -> Answer:
            address = address_of(call, needs, parameters)
            return handler(call, address, **{k: v for k, v in parameters.items() if k not in OWNERS})

        for drive_path in DRIVE_PATHS:
            route(method, f"{drive_path}{suffix}", needs)(answer)
        return handler

    return register


def address_of(call: Call, needs: Scopes, parameters: Mapping[str, str]) -> Address:
    """The item that a request names, after its permissions were checked; raises GraphError (403, 404)."""
    owner = next(name for name in OWNERS if name in parameters)
    drive = default_drive(call, owner, parameters[owner])
    path = parameters.get("path", "")
    names = tuple(name for name in path.split("/") if name)
    address = Address(drive, drive.get(parameters.get("item", "root")), names)
    check_access(call, drive, address.deepest[0], needs)
    return address


def check_access(call: Call, drive: Drive, item: Item, needs: Scopes) -> None:
    """Raise 403 when the permissions of the token, or the rights of its user, are not enough."""
    call.require(needs, own=call.user is not None and drive.owner_id == call.user["id"])
    wanted = "write" if needs.changes else "read"
    role = role_of(call, drive, item)
    if role is None or _ROLES.index(role) < _ROLES.index(wanted):
        raise GraphError(403, "accessDenied", "Access denied")


def role_of(call: Call, drive: Drive, item: Item) -> str | None:
    """What the caller may do with an item: read, write, owner, or nothing; an app without user may all."""
    if call.user is None:
        return "owner"
    user_id = call.user["id"]
    if drive.owner_id is not None:
        account = call.tenant.accounts.get(drive.owner_id)
        if user_id == drive.owner_id or (account is not None and user_id in account.delegates):
            return "owner"
    elif drive.group_id is None:
        if call.user.get("userType") != "Guest":
            return "owner"
    elif user_id in call.tenant.members.get(drive.group_id, ()):
        return "owner"
    granted = [
        role
        for above in drive.lineage(item)
        for permission in drive.permissions.get(above["id"], ())
        if user_id in grantee_ids(permission) and not has_expired(permission, call.now)
        for role in permission["roles"]
    ]
    return max(granted, key=_ROLES.index, default=None)


def grantee_ids(permission: Item) -> set[str]:
    """The users whom a permission, or a link, was granted to."""
    granted = (permission.get("grantedToV2", {}), *permission.get("grantedToIdentitiesV2", ()))
    return {who["user"]["id"] for who in granted if "id" in who.get("user", {})}


def has_expired(permission: Item, now: datetime) -> bool:
    """Whether a permission had an end and it is over."""
    expiry = permission.get("expirationDateTime")
    return expiry is not None and datetime.fromisoformat(expiry) <= now


def default_drive(call: Call, owner: str, key: str) -> Drive:
    """The drive with this id, or the default drive of a user, group or site; raises GraphError (404)."""
    held = drives_held(call, owner, key)
    if not held:
        raise GraphError(
            call.world.switches.unprovisioned_drive_status,
            "ResourceNotFound",
            "The user has no OneDrive yet.",
        )
    return held[0]


def drives_held(call: Call, owner: str, key: str) -> list[Drive]:
    """All drives of a user, group or site; raises GraphError (404) when there is no such owner."""
    drives = drives_of(call.tenant)
    if owner == "drive":
        if key not in drives.by_id:
            raise GraphError(404, "itemNotFound", "The resource could not be found.")
        return [drives.by_id[key]]
    if owner == "user":
        user = call.user_of(key)
        if ("user", user["id"]) not in drives.held and user.get("assignedLicenses"):
            add_user_drive(
                call.world, call.tenant, user, ONE_TERABYTE, Edit({"user": identity(user)}, call.now)
            )
        return drives.held.get(("user", user["id"]), [])
    if owner == "group" and call.tenant.groups.get(key) is None:
        raise GraphError(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
    if owner == "site":
        key = find_site(call, key)["id"]
    return drives.held.get((owner, key), [])


def find_site(call: Call, key: str) -> Item:
    """A site by id, host name or `root`; raises GraphError (404)."""
    for site in call.tenant.sites:
        is_root = site.get("root") is not None
        if site["id"].casefold() == key.casefold() or (
            is_root and key.casefold() in ("root", site["siteCollection"]["hostname"])
        ):
            return site
    raise GraphError(404, "itemNotFound", "There is no such site.")


# Making drives


def drives_of(tenant: Tenant) -> Drives:
    """All drives of a company."""
    return tenant.part("drives", Drives)


def add_user_drive(world: World, tenant: Tenant, user: Item, total_bytes: int, edit: Edit) -> Drive:
    """Provision the OneDrive of a user."""
    host = tenant.domains[0].partition(".")[0]
    folder = re.sub(r"\W", "_", user["userPrincipalName"])
    web_url = f"https://{host}-my.sharepoint.example/personal/{quote(folder)}/Documents"
    drive = add_drive(
        world, tenant, ("user", user["id"]), "business", "OneDrive", web_url, {"user": identity(user)},
        total_bytes, edit,
    )  # fmt: skip
    drive.owner_id = user["id"]
    return drive


def add_drive(
    world: World,
    tenant: Tenant,
    holder: tuple[str, str],
    kind: DriveKind,
    name: str,
    web_url: str,
    owner: Item,
    total_bytes: int,
    edit: Edit,
) -> Drive:
    """A new empty drive, held by `("user" | "group" | "site", id)`."""
    guids = b"".join(uuid.UUID(world.new_guid()).bytes for _ in range(3))
    drive = Drive(
        id=f"b!{base64.urlsafe_b64encode(guids).decode()}", kind=kind, name=name, web_url=web_url,
        owner=owner, total_bytes=total_bytes, code=base64.b32encode(guids).decode()[:6],
        new_guid=world.new_guid,
    )  # fmt: skip
    drive.add_root(edit)
    drives = drives_of(tenant)
    drives.by_id[drive.id] = drive
    drives.held.setdefault(holder, []).append(drive)
    return drive


# Requests of all kinds


def identity(user: Item) -> Item:
    """A user as an identity."""
    return {"id": user["id"], "displayName": user["displayName"], "email": user["mail"]}


def edit_of(call: Call) -> Edit:
    """The caller as author of a change, now."""
    app = call.world.apps.get(call.app_id)
    by: Item = {"application": {"id": call.app_id, "displayName": app.name if app else call.app_id}}
    if call.user is not None:
        by["user"] = identity(call.user)
    return Edit(by, call.now)


def conflict_of(call: Call, default: Conflict, *sources: Any) -> Conflict:
    """What to do when a name is taken: from the query or from the first source that says; raises 400."""
    name = "@microsoft.graph.conflictBehavior"
    wanted = call.query.get(name) or next((source[name] for source in sources if name in source), default)
    if wanted not in get_args(Conflict):
        raise GraphError(400, "invalidRequest", f"'{wanted}' is no conflict behavior.")
    return cast(Conflict, wanted)


def check_changeable(call: Call, item: Item) -> None:
    """Raise 412 when If-Match names another version, 423 while another user has checked the file out.

    The tags of items and of contents both count.
    """
    wanted = call.headers.get("If-Match", "*")
    if wanted != "*" and not {item["eTag"], item["cTag"]} & set(re.findall(r'"[^"]*"', wanted)):
        raise GraphError(412, "resourceModified", "The item has another tag by now.")
    check_unlocked(call, item)


def check_unlocked(call: Call, item: Item) -> None:
    """Raise 423 while another user has checked the file out."""
    if item.get("_checked_out_by") not in (None, author_id(call)):
        raise GraphError(423, "resourceLocked", "The file is checked out by another user.")


def author_id(call: Call) -> str:
    """The id of whom changes are made by: the signed-in user, or the app without one."""
    return call.app_id if call.user is None else str(call.user["id"])


def referenced_folder(call: Call, drive: Drive, reference: Any) -> Address:
    """The folder that a `parentReference` names by id or path, in this drive or in that of its `driveId`.

    Raises GraphError (400, 403, 404).
    """
    if not isinstance(reference, dict):
        raise GraphError(400, "invalidRequest", "The parentReference is not valid.")
    drive_id = reference.get("driveId")
    path: tuple[str, ...] = ()
    if "id" not in reference:
        match = _REFERENCE_PATH.fullmatch(str(reference.get("path", "")))
        if match is None:
            raise GraphError(400, "invalidRequest", "The parentReference needs an id or a path.")
        drive_id = drive_id or match["drive"]
        path = tuple(name for name in (match["path"] or "").split("/") if name)
    target = default_drive(call, "drive", drive_id) if drive_id else drive
    address = Address(target, target.get(reference.get("id", "root")), path)
    check_access(call, target, address.deepest[0], FILES_WRITE)
    return address


# The drive itself


@route("GET", "/users/{user}/drive", DRIVES_READ)
@route("GET", "/groups/{group}/drive", FILES_READ)
@route("GET", "/sites/{site}/drive", FILES_READ)
@route("GET", "/drives/{drive}", FILES_READ)
def get_drive(call: Call, **owner: str) -> Answer:
    drive = address_of(call, DRIVES_READ, owner).drive
    return call.entity(drive.as_json(), always=(), context="drives/$entity")


@route("GET", "/users/{user}/drives", DRIVES_READ)
@route("GET", "/groups/{group}/drives", FILES_READ)
@route("GET", "/sites/{site}/drives", FILES_READ)
def list_drives(call: Call, **owner: str) -> Answer:
    ((kind, key),) = owner.items()
    held = drives_held(call, kind, key)
    for drive in held:
        check_access(call, drive, drive.root, DRIVES_READ)
    return call.collection([drive.as_json() for drive in held], default_page=200, always=())
