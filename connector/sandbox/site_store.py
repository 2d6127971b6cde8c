"""What SharePoint sites hold besides files: lists with columns and items, site columns, content types, pages.

Everything is Graph-shaped; the items of a list are one delta stream. Routes: `lists`, `list_items`,
`list_columns`, `content_types` and `site_pages`; libraries are drives, and not among the lists.
Source: Microsoft: list, columnDefinition, contentType and listItem resource types.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from .answers import GraphError
from .call import Call
from .changelog import Collection, Item
from .drives import edit_of
from .outlook import check_properties, timestamp
from .seed import seeder
from .sites import seen_site
from .state import Tenant, World

TEMPLATES = (
    "genericList", "documentLibrary", "survey", "links", "announcements", "contacts", "events", "tasks",
    "discussionBoard", "pictureLibrary", "issueTracking", "webPageLibrary",
)  # fmt: skip
KINDS = (
    "boolean", "calculated", "choice", "contentApprovalStatus", "currency", "dateTime", "geolocation",
    "hyperlinkOrPicture", "lookup", "number", "personOrGroup", "term", "text", "thumbnail",
)  # fmt: skip
"""The facets of a column, of which exactly one says what it holds."""

_KNOWN_OF_COLUMN = (
    *KINDS, "id", "name", "displayName", "description", "columnGroup", "defaultValue", "enforceUniqueValues",
    "hidden", "indexed", "isDeletable", "isReorderable", "isSealed", "propagateChanges", "readOnly",
    "required", "sourceContentType", "type", "validation",
)  # fmt: skip
_TYPES = {"contentApprovalStatus": "approvalStatus", "hyperlinkOrPicture": "url", "personOrGroup": "user"}
_TEXT = {
    "allowMultipleLines": False,
    "appendChangesToExistingText": False,
    "linesForEditing": 0,
    "maxLength": 255,
}
_ITEM_TYPES = (("0x01", "Item"), ("0x0101", "Document"), ("0x0120", "Folder"))


@dataclass(slots=True)
class SharePointList:
    """A list: itself, and what is in it."""

    item: Item
    columns: Collection = field(default_factory=Collection)
    content_types: Collection = field(default_factory=Collection)
    items: Collection = field(default_factory=Collection)
    last_number: int = 0
    """The id of the newest item; ids are not used again."""


@dataclass(slots=True)
class SiteStore:
    """The lists, site columns, content types and pages of one site."""

    world: World
    site: Item
    lists: dict[str, SharePointList] = field(default_factory=dict)
    columns: Collection = field(default_factory=Collection)
    content_types: Collection = field(default_factory=Collection)
    pages: Collection = field(default_factory=Collection)

    def __post_init__(self) -> None:
        now = self.world.clock.now()
        self.columns.add(self.new_column({"name": "Title", "text": {}}) | {"isDeletable": False}, now)
        self.columns.add(self.new_column({"name": "Categories", "text": {}}), now)
        for type_id, name in _ITEM_TYPES:
            self.content_types.add(new_content_type(type_id, name, "0x", built_in=True), now)
        self.derive(self.content_types, "Supplier contract", self.content_types.items["0x0101"], now)

    def find_list(self, key: str) -> SharePointList:
        """A list by id, name or title; raises 404."""
        for each in self.lists.values():
            names = (each.item["id"], each.item["name"], each.item["displayName"])
            if key.casefold() in (name.casefold() for name in names):
                return each
        raise missing("The specified list was not found.")

    def add_list(self, body: Item, by: Item, now: datetime) -> SharePointList:
        """A new list with the columns that the body names; raises 400, and 409 when its name is taken."""
        check_properties(
            body, ("displayName", "name", "description", "columns", "list", "contentTypes"), "list"
        )
        title = _text(body.get("displayName") or body.get("name"), "displayName")
        self.check_title(title)
        facet = {
            "contentTypesEnabled": False,
            "hidden": False,
            "template": "genericList",
            **(body.get("list") or {}),
        }
        if facet["template"] not in TEMPLATES:
            raise invalid(f"'{facet['template']}' is no template of lists.")
        made = SharePointList(
            {
                "@odata.etag": "", "id": self.world.new_guid(), "name": title, "displayName": title,
                "description": body.get("description") or "", "list": facet,
                "webUrl": f"{self.site['webUrl']}/Lists/{quote(title)}",
                "parentReference": {"siteId": self.site["id"]}, "createdBy": by,
                "createdDateTime": timestamp(now), "_version": 0,
            }
        )  # fmt: skip
        self.touch_list(made, by, now)
        for column in self._built_in_columns():
            made.columns.add(column, now)
        for column in body.get("columns") or ():
            self.add_column(made.columns, column, now)
        self.derive(made.content_types, "Item", self.content_types.items["0x01"], now)
        self.lists[made.item["id"]] = made
        return made

    def check_title(self, title: str) -> None:
        """Raise 409 when a list of this name is there."""
        if any(title.casefold() == each.item["displayName"].casefold() for each in self.lists.values()):
            raise GraphError(
                409, "nameAlreadyExists", "Name already exists: a list of this title is in the site."
            )

    def touch_list(self, changed: SharePointList, by: Item, now: datetime) -> None:
        """Note that a list was altered."""
        item = changed.item
        item["_version"] += 1
        tag = f'"{item["id"]},{item["_version"]}"'
        item |= {
            "@odata.etag": tag,
            "eTag": tag,
            "lastModifiedBy": by,
            "lastModifiedDateTime": timestamp(now),
        }

    def new_column(self, body: Item) -> Item:
        """A column as it is kept; raises 400 for what is none."""
        check_properties(body, _KNOWN_OF_COLUMN, "columnDefinition")
        name = _text(body.get("name"), "name")
        kinds = [kind for kind in KINDS if body.get(kind) is not None]
        if len(kinds) > 1:
            raise invalid("A column has one type only.")
        kind = kinds[0] if kinds else "text"
        facet = {**(_TEXT if kind == "text" else {}), **(body.get(kind) or {})}
        defaults: Item = {
            "columnGroup": "Custom Columns", "description": "", "displayName": name,
            "enforceUniqueValues": False, "hidden": False, "readOnly": False, "required": False,
            "indexed": bool(body.get("enforceUniqueValues")), "isDeletable": True, "isReorderable": True,
            "isSealed": False, "propagateChanges": False, "type": _column_type(kind, facet),
        }  # fmt: skip
        given = {key: value for key, value in body.items() if key not in ("id", "type") and value is not None}
        return defaults | {"id": self.world.new_guid()} | given | {kind: facet, "_kind": kind}

    def add_column(self, columns: Collection, body: Item, now: datetime) -> Item:
        """A new column of a site or a list; raises 400, and 409 when its name is taken."""
        column = self.new_column(body)
        if any(each["name"].casefold() == column["name"].casefold() for each in columns):
            raise GraphError(409, "nameAlreadyExists", "Name already exists: a column has this name.")
        return columns.add(column, now)

    def _built_in_columns(self) -> Iterable[Item]:
        yield self.new_column({"name": "Title", "required": True, "text": {}}) | {"isDeletable": False}
        for name, kind in (("Created", "dateTime"), ("Modified", "dateTime"), ("Author", "personOrGroup"),
                           ("Editor", "personOrGroup"), ("ContentType", "text")):  # fmt: skip
            yield self.new_column({"name": name, kind: {}, "readOnly": True}) | {"isDeletable": False}

    def derive(self, into: Collection, name: str, base: Item, now: datetime) -> Item:
        """A new content type that comes from another; raises 409 when its name is taken."""
        if any(name.casefold() == each["name"].casefold() for each in into):
            raise GraphError(409, "nameAlreadyExists", "Name already exists: a content type has this name.")
        type_id = f"{base['id']}00{self.world.new_guid().replace('-', '').upper()}"
        return into.add(new_content_type(type_id, name, base["id"]), now)

    def add_item(self, into: SharePointList, values: Item, by: Item, now: datetime) -> Item:
        """A new item with checked values."""
        into.last_number += 1
        number = str(into.last_number)
        content_type = next(iter(into.content_types))
        made: Item = {
            "@odata.etag": "", "id": number, "createdBy": by, "createdDateTime": timestamp(now),
            "webUrl": f"{into.item['webUrl']}/{number}_.000",
            "parentReference": {"id": into.item["id"], "siteId": self.site["id"]},
            "contentType": {"id": content_type["id"], "name": content_type["name"]},
            "fields": {}, "_guid": self.world.new_guid(), "_version": 0,
        }  # fmt: skip
        into.items.add(made, now)
        self.change_item(into, made, values, by, now)
        return made

    def change_item(self, of: SharePointList, item: Item, values: Item, by: Item, now: datetime) -> None:
        """Change values of an item; null empties one."""
        item["_version"] += 1
        tag = f'"{item["_guid"]},{item["_version"]}"'
        item |= {
            "@odata.etag": tag,
            "eTag": tag,
            "lastModifiedBy": by,
            "lastModifiedDateTime": timestamp(now),
        }
        kept = {key: value for key, value in (item["fields"] | values).items() if value is not None}
        item["fields"] = kept | {
            "@odata.etag": tag, "id": item["id"], "ContentType": item["contentType"]["name"],
            "Created": item["createdDateTime"], "Modified": item["lastModifiedDateTime"],
        }  # fmt: skip
        of.items.touch(item["id"], now)


def _column_type(kind: str, facet: Item) -> str:
    if kind == "text" and facet.get("allowMultipleLines"):
        return "note"
    if kind == "choice" and facet.get("displayAs") == "checkBoxes":
        return "multichoice"
    return _TYPES.get(kind, kind)


def new_content_type(type_id: str, name: str, parent_id: str, *, built_in: bool = False) -> Item:
    """A content type with the properties that every one has."""
    return {
        "id": type_id, "name": name, "description": "", "group": "Custom Content Types", "hidden": False,
        "isBuiltIn": built_in, "parentId": parent_id, "readOnly": False, "sealed": False,
    }  # fmt: skip


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"The {name} must not be empty.")
    return value


def found_in(collection: Collection, key: str, what: str) -> Item:
    """An item of a collection by id or name; raises 404."""
    for item in collection:
        if key == item["id"] or key.casefold() == str(item.get("name")).casefold():
            return item
    raise missing(f"The specified {what} was not found.")


def invalid(message: str) -> GraphError:
    """What SharePoint says to a request that it cannot take."""
    return GraphError(400, "invalidRequest", message)


def missing(message: str) -> GraphError:
    """What SharePoint says of something that is not there."""
    return GraphError(404, "itemNotFound", message)


def check_tag(call: Call, tag: str) -> None:
    """Raise 412 when the request names another version."""
    if call.headers.get("If-Match", "*") not in ("*", tag):
        raise GraphError(412, "resourceModified", "ETag does not match current item's value.")


def author(call: Call) -> Item:
    """The caller, as `createdBy` and `lastModifiedBy` show it."""
    return edit_of(call).by


def store_of(world: World, tenant: Tenant, site: Item) -> SiteStore:
    """What a site holds, made on first use."""
    return tenant.part(("site", site["id"]), lambda: SiteStore(world, site))


def open_site(call: Call, key: str) -> SiteStore:
    """What the site of a request holds; raises 404, and 403 when the caller may not see the site."""
    return store_of(call.world, call.tenant, seen_site(call, key))


@seeder
def seed_lists(world: World, tenant: Tenant) -> None:
    """A list of suppliers and one of tasks in every site."""
    now = world.clock.now()
    by: Item = {
        "user": {"id": next(iter(tenant.users))["id"], "displayName": next(iter(tenant.users))["displayName"]}
    }
    for site in tenant.sites:
        store = store_of(world, tenant, site)
        columns: list[Item] = [
            {"name": "City", "text": {}, "indexed": True},
            {"name": "Rating", "number": {"decimalPlaces": "none"}},
            {"name": "Kind", "choice": {"choices": ["Parts", "Services"], "displayAs": "dropDownMenu"}},
        ]
        suppliers = store.add_list({"displayName": "Suppliers", "columns": columns}, by, now)
        for title, city, rating in (
            ("Adler & Sons", "Berlin", 4),
            ("Blue Harbour", "Porto", 5),
            ("Cobalt", "Berlin", 2),
        ):
            values = {"Title": title, "City": city, "Rating": rating, "Kind": "Parts"}
            store.add_item(suppliers, values, by, now)
        tasks = store.add_list({"displayName": "Open points", "list": {"template": "genericList"}}, by, now)
        store.add_item(tasks, {"Title": "Ask for offers"}, by, now)
