"""One drive: its folders and files as a tree, with versions, sizes, quota, recycle bin and change log.

Items are kept as Graph-shaped dictionaries without what depends on their place (`webUrl`, `parentReference`),
which `shown` adds. Keys with an underscore: `_parent` (id), `_file` (StoredFile), `_versions` (earlier ones,
the oldest first), `_guid`, `_edition` and `_content_edition`. Who may do what is left to `drives`.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from .answers import GraphError
from .changelog import Collection, Item
from .drive_names import check_name, check_path, free_name, media_type, name_key
from .file_store import StoredFile

Conflict = Literal["fail", "replace", "rename"]
DriveKind = Literal["business", "documentLibrary"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Who changes something, as Graph's identitySet, and when."""

    by: Item
    at: datetime

    @property
    def stamp(self) -> str:
        """The moment as Graph writes it."""
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Drive:
    """A OneDrive or a document library. `code` is the part that all its item ids share."""

    id: str
    kind: DriveKind
    name: str
    web_url: str
    owner: Item
    total_bytes: int
    code: str
    new_guid: Callable[[], str]
    owner_id: str | None = None
    """The user whose OneDrive it is."""
    group_id: str | None = None
    """The group whose members may use it."""
    items: Collection = field(default_factory=Collection)
    recycled: dict[str, Item] = field(default_factory=dict)
    permissions: dict[str, list[Item]] = field(default_factory=dict)
    """Sharing permissions by item id, without inherited ones and without that of the owner."""
    root_id: str = ""
    _children: dict[str, dict[str, str]] = field(default_factory=dict)

    # Finding

    @property
    def root(self) -> Item:
        """The top folder."""
        return self.items.items[self.root_id]

    def get(self, item_id: str) -> Item:
        """The item with this id, or the root for `root`; raises GraphError (404)."""
        item = self.root if item_id.casefold() == "root" else self.items.get(item_id)
        if item is None:
            raise GraphError(404, "itemNotFound", "The resource could not be found.")
        return item

    def child(self, folder: Item, name: str) -> Item | None:
        """The item of this name in a folder, or None."""
        item_id = self._children.get(folder["id"], {}).get(name_key(name))
        return None if item_id is None else self.items.get(item_id)

    def children_of(self, folder: Item) -> list[Item]:
        """What is in a folder, by name."""
        names = self._children.get(folder["id"], {})
        return [self.items.items[names[key]] for key in sorted(names)]

    def parent_of(self, item: Item) -> Item | None:
        """The folder of an item, None for the root."""
        return None if item["_parent"] is None else self.items.items[item["_parent"]]

    def lineage(self, item: Item) -> Iterator[Item]:
        """The item and all folders above it, up to the root."""
        above: Item | None = item
        while above is not None:
            yield above
            above = self.parent_of(above)

    def descendants(self, item: Item) -> Iterator[Item]:
        """Everything below an item, folders before what is in them."""
        for child in self.children_of(item):
            yield child
            yield from self.descendants(child)

    def names_of(self, item: Item) -> tuple[str, ...]:
        """The names from the root to an item, without that of the root."""
        return tuple(above["name"] for above in self.lineage(item))[-2::-1]

    # Changing

    def add_root(self, edit: Edit) -> None:
        """Give a new drive its top folder."""
        item = self._new_item("root", None, edit) | {"root": {}, "folder": {"childCount": 0}}
        self.root_id = item["id"]
        self._children[item["id"]] = {}
        self.items.add(item, edit.at)

    def add_folder(self, parent: Item, name: str, edit: Edit) -> Item:
        """A new empty folder; raises GraphError (400, 409)."""
        check_name(name, is_folder=True)
        item = self._new_item(name, parent, edit) | {"folder": {"childCount": 0}}
        self._insert(item, parent, edit)
        self._children[item["id"]] = {}
        return item

    def add_file(self, parent: Item, name: str, content: StoredFile, edit: Edit) -> Item:
        """A new file; raises GraphError (400, 409, 507)."""
        check_name(name, is_folder=False)
        self.make_room(content.size)
        item = self._new_item(name, parent, edit) | {"file": {"mimeType": media_type(name)}}
        item |= {"_file": content, "size": content.size}
        return self._insert(item, parent, edit)

    def put_file(
        self, parent: Item, name: str, content: StoredFile, conflict: Conflict, edit: Edit
    ) -> tuple[Item, bool]:
        """A file under this name, and whether it is new; raises GraphError (400, 409, 507)."""
        present = self.child(parent, name)
        if present is not None and conflict == "replace":
            return self.replace_content(present, content, edit), False
        return self.add_file(parent, self.name_for(parent, name, conflict), content, edit), True

    def replace_content(self, item: Item, content: StoredFile, edit: Edit) -> Item:
        """Give a file another content; raises GraphError (409, 507)."""
        if "file" not in item:
            raise name_taken()
        self.make_room(content.size - item["size"])
        item.setdefault("_versions", []).append(present_version(item))
        self._grow(item, content.size - item["size"])
        item["_file"] = content
        self._new_edition(item, edit, content_changed=True)
        return item

    def move(self, item: Item, parent: Item, name: str, edit: Edit) -> Item:
        """Rename an item, move it, or both; its id stays. Raises GraphError (400, 409)."""
        if item["id"] == self.root_id or any(above is item for above in self.lineage(parent)):
            raise GraphError(400, "invalidRequest", "An item cannot be moved there.")
        check_name(name, is_folder="folder" in item)
        present = self.child(parent, name)
        if present is not None and present is not item:
            raise name_taken()
        check_path((*self.names_of(parent), name))
        self._detach(item)
        item |= {"name": name, "_parent": parent["id"]}
        if "file" in item:
            item["file"]["mimeType"] = media_type(name)
        self._attach(item, parent)
        self._new_edition(item, edit, content_changed=False)
        return item

    def touch(self, item: Item, edit: Edit) -> None:
        """Note that properties of an item were altered in place."""
        self._new_edition(item, edit, content_changed=False)

    def delete(self, item: Item, at: datetime) -> None:
        """Put an item with all below it into the recycle bin; raises GraphError (400) for the root."""
        if item["id"] == self.root_id:
            raise GraphError(400, "invalidRequest", "The root folder cannot be deleted.")
        folder = self.parent_of(item)
        gone = [item, *self.descendants(item)]
        self._detach(item)
        for entry in gone:
            self.items.remove(entry["id"], at)
            self.permissions.pop(entry["id"], None)
            self._children.pop(entry["id"], None)
        self.recycled[item["id"]] = item
        self._note(folder, at)

    def name_for(self, parent: Item, name: str, conflict: Conflict) -> str:
        """The name that a new item can have; raises GraphError (409) when it is taken and must not change."""
        taken = self._children[parent["id"]]
        if name_key(name) not in taken:
            return name
        if conflict == "rename":
            return free_name(name, taken)
        raise name_taken()

    def make_room(self, more_bytes: int) -> None:
        """Raise 507 when so many bytes more do not fit."""
        if more_bytes > self.total_bytes - self.root["size"]:
            raise GraphError(507, "quotaLimitReached", "The drive has no room for that.")

    # Showing

    def shown(self, item: Item, hash_names: tuple[str, ...], *, with_path: bool = True) -> Item:
        """An item as Graph returns it; delta queries and searches leave the path of the parent out."""
        names = self.names_of(item)
        shown = item | {
            "@odata.etag": item["eTag"],
            "webUrl": "/".join((self.web_url, *(quote(name) for name in names))),
            "parentReference": {"driveType": self.kind, "driveId": self.id},
        }
        parent = self.parent_of(item)
        if parent is not None:
            shown["parentReference"] |= {"id": parent["id"], "name": parent["name"]}
            if with_path:
                path = "".join(f"/{quote(name)}" for name in names[:-1])
                shown["parentReference"]["path"] = f"/drives/{self.id}/root:{path}"
        if "file" in item:
            hashes = {name: item["_file"].hash(name) for name in hash_names}
            shown["file"] = item["file"] | ({"hashes": hashes} if hashes else {})
        scope = self._shared_scope(item)
        return shown | ({"shared": {"scope": scope}} if scope else {})

    def as_json(self) -> Item:
        """The drive itself as Graph returns it."""
        used = self.root["size"]
        deleted = sum(item["size"] for item in self.recycled.values())
        share = used / self.total_bytes
        state = "normal" if share < 0.9 else "nearing" if share < 0.99 else "critical"
        quota = {"deleted": deleted, "remaining": self.total_bytes - used, "state": state,
                 "total": self.total_bytes, "used": used}  # fmt: skip
        return {
            "id": self.id, "driveType": self.kind, "name": self.name, "description": "",
            "webUrl": self.web_url, "owner": self.owner, "quota": quota,
            "createdDateTime": self.root["createdDateTime"], "createdBy": self.root["createdBy"],
            "lastModifiedDateTime": self.root["lastModifiedDateTime"],
        }  # fmt: skip

    # Inner workings

    def _new_item(self, name: str, parent: Item | None, edit: Edit) -> Item:
        guid = self.new_guid()
        code = base64.b32encode(uuid.UUID(guid).bytes).decode().rstrip("=")
        item = {
            "id": f"01{self.code}{code}", "name": name, "size": 0, "createdDateTime": edit.stamp,
            "createdBy": edit.by, "fileSystemInfo": {"createdDateTime": edit.stamp},
            "_parent": None if parent is None else parent["id"], "_guid": guid.upper(),
            "_edition": 0, "_content_edition": 0,
        }  # fmt: skip
        _stamp(item, edit, content_changed=True)
        return item

    def _insert(self, item: Item, parent: Item, edit: Edit) -> Item:
        if "folder" not in parent:
            raise GraphError(400, "invalidRequest", "The parent of the item is not a folder.")
        if self.child(parent, item["name"]) is not None:
            raise name_taken()
        check_path((*self.names_of(parent), item["name"]))
        self.items.add(item, edit.at)
        self._attach(item, parent)
        self._note(parent, edit.at)
        return item

    def _attach(self, item: Item, parent: Item) -> None:
        names = self._children[parent["id"]]
        names[name_key(item["name"])] = item["id"]
        parent["folder"]["childCount"] = len(names)
        self._grow(parent, item["size"])

    def _detach(self, item: Item) -> None:
        parent = self.items.items[item["_parent"]]
        names = self._children[parent["id"]]
        del names[name_key(item["name"])]
        parent["folder"]["childCount"] = len(names)
        self._grow(parent, -item["size"])

    def _grow(self, item: Item, more_bytes: int) -> None:
        for above in self.lineage(item):
            above["size"] += more_bytes

    def _new_edition(self, item: Item, edit: Edit, *, content_changed: bool) -> None:
        _stamp(item, edit, content_changed=content_changed)
        self.items.touch(item["id"], edit.at)
        self._note(self.parent_of(item), edit.at)

    def _note(self, folder: Item | None, at: datetime) -> None:
        """Delta queries report the folders above a change too, after it: a child can precede its parent."""
        while folder is not None:
            self.items.touch(folder["id"], at)
            folder = self.parent_of(folder)

    def _shared_scope(self, item: Item) -> str | None:
        found = {
            permission.get("link", {}).get("scope", "users")
            for above in self.lineage(item)
            for permission in self.permissions.get(above["id"], ())
        }
        return next((scope for scope in ("anonymous", "organization", "users") if scope in found), None)


def present_version(item: Item) -> Item:
    """The content that a file has now, as one of its versions."""
    return {
        "id": f"{item['_content_edition']}.0", "size": item["size"], "_file": item["_file"],
        "lastModifiedBy": item["lastModifiedBy"], "lastModifiedDateTime": item["lastModifiedDateTime"],
    }  # fmt: skip


def name_taken() -> GraphError:
    """The error for a name that another item of the folder has."""
    return GraphError(409, "nameAlreadyExists", "The folder has an item of this name already.")


def _stamp(item: Item, edit: Edit, *, content_changed: bool) -> None:
    item["_edition"] += 1
    item["_content_edition"] += content_changed
    item["eTag"] = f'"{{{item["_guid"]}}},{item["_edition"]}"'
    item["cTag"] = f'"c:{{{item["_guid"]}}},{item["_content_edition"]}"'
    item["lastModifiedDateTime"], item["lastModifiedBy"] = edit.stamp, edit.by
    item["fileSystemInfo"] = item["fileSystemInfo"] | {"lastModifiedDateTime": edit.stamp}
