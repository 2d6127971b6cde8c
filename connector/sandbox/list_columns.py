"""The columns of SharePoint sites and of their lists: list, read, create, change, delete."""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .scopes import SITES_MANAGE, SITES_READ
from .site_store import KINDS, SharePointList, SiteStore, found_in, invalid, open_site

_OF_SITE = "/sites/{site}/columns"
_OF_LIST = "/sites/{site}/lists/{list_key}/columns"


def _columns(
    call: Call, site: str, list_key: str | None
) -> tuple[SiteStore, SharePointList | None, Collection]:
    store = open_site(call, site)
    found = None if list_key is None else store.find_list(list_key)
    return store, found, store.columns if found is None else found.columns


@route("GET", _OF_SITE, SITES_READ)
@route("GET", _OF_LIST, SITES_READ)
def list_columns(call: Call, site: str, list_key: str | None = None) -> Answer:
    """All columns."""
    _, _, columns = _columns(call, site, list_key)
    return call.collection(columns, default_page=200, always=())


@route("POST", _OF_SITE, SITES_MANAGE)
@route("POST", _OF_LIST, SITES_MANAGE)
def create_column(call: Call, site: str, list_key: str | None = None) -> Answer:
    """A new column."""
    store, _, columns = _columns(call, site, list_key)
    made = store.add_column(columns, call.json_body(), call.now)
    return call.entity(made, status=201, always=(), context=f"{call.context}/$entity")


@route("GET", f"{_OF_SITE}/{{column}}", SITES_READ)
@route("GET", f"{_OF_LIST}/{{column}}", SITES_READ)
def get_column(call: Call, site: str, column: str, list_key: str | None = None) -> Answer:
    """One column, by id or name."""
    _, _, columns = _columns(call, site, list_key)
    return call.entity(found_in(columns, column, "column"), always=())


@route("PATCH", f"{_OF_SITE}/{{column}}", SITES_MANAGE)
@route("PATCH", f"{_OF_LIST}/{{column}}", SITES_MANAGE)
def update_column(call: Call, site: str, column: str, list_key: str | None = None) -> Answer:
    """Change a column; its type stays."""
    store, _, columns = _columns(call, site, list_key)
    found = _changeable(columns, column)
    body = call.json_body()
    if any(body.get(kind) is not None and kind != found["_kind"] for kind in KINDS):
        raise invalid("The type of a column cannot be changed.")
    wanted = {
        key: value for key, value in (found | body).items() if not key.startswith("_") and key != "type"
    }
    found |= store.new_column(wanted) | {"id": found["id"]}
    columns.touch(found["id"], call.now)
    return call.entity(found, always=())


@route("DELETE", f"{_OF_SITE}/{{column}}", SITES_MANAGE)
@route("DELETE", f"{_OF_LIST}/{{column}}", SITES_MANAGE)
def delete_column(call: Call, site: str, column: str, list_key: str | None = None) -> Answer:
    """Delete a column, and with it the values that items have in it."""
    _, of_list, columns = _columns(call, site, list_key)
    found = columns.remove(_changeable(columns, column)["id"], call.now)
    for item in () if of_list is None else of_list.items:
        item["fields"].pop(found["name"], None)
    return Answer(status=204)


def _changeable(columns: Collection, key: str) -> Item:
    found = found_in(columns, key, "column")
    if not found["isDeletable"]:
        raise GraphError(403, "accessDenied", "A column that SharePoint has made cannot be changed.")
    return found
