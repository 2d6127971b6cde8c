"""The items of SharePoint lists: list, read, create, change, delete, delta.

Values are checked against the columns of the list. Source: Microsoft: listItem resource type; List items;
Get changes for list items; Update an item in a list.
"""

from __future__ import annotations

import re
from typing import Any

from .answers import Answer
from .call import Call
from .changelog import Item
from .graph import route
from .odata_filter import BadFilter, parse_filter
from .outlook import check_properties
from .scopes import SITES_READ, SITES_WRITE
from .site_store import SharePointList, author, check_tag, found_in, invalid, missing, open_site

PAGE_SIZE = 200

_ITEMS = "/sites/{site}/lists/{list_key}/items"
_ONE = f"{_ITEMS}/{{item}}"
_UNINDEXED = "honornonindexedquerieswarningmayfailrandomly"
_ALWAYS_INDEXED = {"id", "Created", "Modified", "Title"}
_SHOWN = (
    "createdBy", "createdDateTime", "eTag", "id", "lastModifiedBy", "lastModifiedDateTime", "webUrl",
    "parentReference", "contentType",
)  # fmt: skip
_VALUES: dict[str, tuple[type, ...]] = {"number": (int, float), "currency": (int, float), "boolean": (bool,)}


@route("GET", _ITEMS, SITES_READ)
def list_items(call: Call, site: str, list_key: str) -> Answer:
    """The items of a list, with their values when `fields` is expanded."""
    found = open_site(call, site).find_list(list_key)
    _check_indexed(call, found)
    _read_expand(call)
    items = found.items.visible(call.now, call.world.switches.read_after_write_delay_seconds)
    return call.collection(
        items, default_page=PAGE_SIZE, max_page=5000, default_select=_SHOWN, expand={"fields": _fields}
    )


def _fields(item: Item) -> Item:
    fields: Item = item["fields"]
    return fields


def _read_expand(call: Call) -> None:
    """The documentation writes `fields(select=A,B)`, without the `$` of options."""
    if "$expand" in call.query:
        call.query["$expand"] = re.sub(r"\((?=\w)", "($", call.query["$expand"])


def _check_indexed(call: Call, found: SharePointList) -> None:
    """Raise 400 for a condition or an order on a column that has no index, unless the request accepts it."""
    try:
        properties = parse_filter(call.query["$filter"]).properties if "$filter" in call.query else []
    except BadFilter as error:
        raise invalid(f"Invalid filter clause: {error}") from None
    named = [
        *properties,
        *(part.split()[0] for part in call.query.get("$orderby", "").split(",") if part.strip()),
    ]
    indexed = _ALWAYS_INDEXED | {column["name"] for column in found.columns if column["indexed"]}
    for name in named:
        head, _, column = name.partition("/")
        if head == "fields" and column not in indexed and _UNINDEXED not in call.prefer:
            raise invalid(
                f"Field '{column}' cannot be referenced in filter or orderby as it is not indexed. Provide "
                "the 'Prefer: HonorNonIndexedQueriesWarningMayFailRandomly' header to allow this, but be "
                "warned that such queries may fail on large lists."
            )


@route("POST", _ITEMS, SITES_WRITE)
def create_item(call: Call, site: str, list_key: str) -> Answer:
    """A new item."""
    store, body = open_site(call, site), call.json_body()
    found = store.find_list(list_key)
    check_properties(body, ("fields", "contentType"), "listItem")
    content_type = _content_type(found, body.get("contentType"))
    values = _checked(found, body.get("fields") or {})
    made = store.add_item(found, values, author(call), call.now)
    if content_type is not None:
        made["contentType"] = content_type
        made["fields"]["ContentType"] = content_type["name"]
    return call.entity(made, status=201, context=f"{call.context}/$entity")


def _content_type(found: SharePointList, given: Any) -> Item | None:
    if given is None:
        return None
    known = found_in(found.content_types, str(given.get("id") or given.get("name")), "content type")
    return {"id": known["id"], "name": known["name"]}


def _checked(found: SharePointList, values: Any, item: Item | None = None) -> Item:
    """The values for columns that are there, may be written, and hold such values; raises 400."""
    if not isinstance(values, dict):
        raise invalid("The fields of an item are an object.")
    columns = {column["name"]: column for column in found.columns}
    for name, value in values.items():
        if name.startswith("@") or name.partition("@")[1]:
            continue
        column = columns.get(name) or columns.get(name.removesuffix("LookupId"))
        if column is None:
            raise invalid(f"Field '{name}' is not recognized")
        if column["readOnly"]:
            raise invalid(f"Field '{name}' is read-only")
        _check_value(column, value)
        others = (each for each in found.items if each is not item)
        if column["enforceUniqueValues"] and any(each["fields"].get(name) == value for each in others):
            raise invalid(f"The value of the field '{name}' is there already, and it must be unique.")
    return {name: value for name, value in values.items() if "@" not in name}


def _check_value(column: Item, value: Any) -> None:
    wanted = _VALUES.get(column["_kind"])
    if value is None or wanted is None:
        return
    if not isinstance(value, wanted) or (bool not in wanted and isinstance(value, bool)):
        raise invalid(f"The value of the field '{column['name']}' is no {column['_kind']}.")


@route("GET", f"{_ITEMS}/delta", SITES_READ)
def items_delta(call: Call, site: str, list_key: str) -> Answer:
    """The changes of the items of a list; values come with `$expand=fields`."""
    found = open_site(call, site).find_list(list_key)
    expanded = call.query.pop("$expand", None)
    if expanded is not None:
        if not re.fullmatch(r"fields(\(.*\))?", expanded):
            raise invalid("Only fields can be expanded here.")
        call.query["expand_fields"] = "true"

    def shape(item: Item) -> Item:
        names = (*_SHOWN, "@odata.etag", *(("fields",) if call.delta_option("expand_fields") else ()))
        return {name: item[name] for name in names}

    return call.changes(
        found.items, stream=f"list/{found.item['id']}", default_page=PAGE_SIZE, shape=shape,
        baked=("$select", "$top", "expand_fields"), start_token=call.query.get("token"),
        removed=lambda key, _: {"id": key, "deleted": {"state": "deleted"}},
    )  # fmt: skip


@route("GET", _ONE, SITES_READ)
def get_item(call: Call, site: str, list_key: str, item: str) -> Answer:
    """One item, with its values unless the request selects."""
    found = _item(open_site(call, site).find_list(list_key), item)
    _read_expand(call)
    if "$select" not in call.query:
        call.query.setdefault("$expand", "fields")
    return call.entity(found, default_select=_SHOWN, expand={"fields": _fields})


def _item(found: SharePointList, key: str) -> Item:
    item = found.items.get(key)
    if item is None:
        raise missing("The specified item was not found.")
    return item


@route("GET", f"{_ONE}/fields", SITES_READ)
def get_fields(call: Call, site: str, list_key: str, item: str) -> Answer:
    """The values of one item."""
    return call.entity(_item(open_site(call, site).find_list(list_key), item)["fields"])


@route("PATCH", f"{_ONE}/fields", SITES_WRITE)
def update_fields(call: Call, site: str, list_key: str, item: str) -> Answer:
    """Change some values of an item."""
    store = open_site(call, site)
    found = store.find_list(list_key)
    changed = _item(found, item)
    check_tag(call, changed["eTag"])
    store.change_item(found, changed, _checked(found, call.json_body(), changed), author(call), call.now)
    return call.entity(changed["fields"])


@route("DELETE", _ONE, SITES_WRITE)
def delete_item(call: Call, site: str, list_key: str, item: str) -> Answer:
    """Delete an item."""
    found = open_site(call, site).find_list(list_key)
    gone = _item(found, item)
    check_tag(call, gone["eTag"])
    found.items.remove(gone["id"], call.now)
    return Answer(status=204)
