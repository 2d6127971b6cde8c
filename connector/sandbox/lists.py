"""The lists of SharePoint sites: list, read, create, change, delete. Their items: `list_items`."""

from __future__ import annotations

from .answers import Answer
from .call import Call
from .graph import route
from .outlook import check_properties
from .scopes import LISTS_CREATE, SITES_MANAGE, SITES_READ
from .site_store import SharePointList, author, check_tag, invalid, open_site

_LISTS = "/sites/{site}/lists"
_ONE = f"{_LISTS}/{{list_key}}"
_CHANGEABLE = ("displayName", "description")


def _expanded(found: SharePointList) -> dict[str, object]:
    return {
        "columns": list(found.columns),
        "contentTypes": list(found.content_types),
        "items": list(found.items),
    }


@route("GET", _LISTS, SITES_READ)
def list_lists(call: Call, site: str) -> Answer:
    """The lists of a site that are not hidden."""
    store = open_site(call, site)
    shown = [each.item for each in store.lists.values() if not each.item["list"]["hidden"]]
    expand = {
        name: lambda item, name=name: _expanded(store.lists[item["id"]])[name]
        for name in ("columns", "contentTypes", "items")
    }
    return call.collection(shown, default_page=200, always=("@odata.etag",), expand=expand)


@route("POST", _LISTS, LISTS_CREATE)
def create_list(call: Call, site: str) -> Answer:
    """A new list."""
    made = open_site(call, site).add_list(call.json_body(), author(call), call.now)
    return call.entity(made.item, status=201, always=("@odata.etag",), context=f"{call.context}/$entity")


@route("GET", _ONE, SITES_READ)
def get_list(call: Call, site: str, list_key: str) -> Answer:
    """One list, by id or title."""
    found = open_site(call, site).find_list(list_key)
    expand = {
        name: lambda item, name=name: _expanded(found)[name] for name in ("columns", "contentTypes", "items")
    }
    return call.entity(found.item, always=("@odata.etag",), expand=expand)


@route("PATCH", _ONE, SITES_MANAGE)
def update_list(call: Call, site: str, list_key: str) -> Answer:
    """Rename a list, or describe it."""
    store, body = open_site(call, site), call.json_body()
    found = store.find_list(list_key)
    check_tag(call, found.item["eTag"])
    check_properties(body, _CHANGEABLE, "list")
    title = body.get("displayName", found.item["displayName"])
    if not isinstance(title, str) or not title.strip():
        raise invalid("The displayName must not be empty.")
    if title.casefold() != found.item["displayName"].casefold():
        store.check_title(title)
    found.item |= {**body, "displayName": title}
    store.touch_list(found, author(call), call.now)
    return call.entity(found.item, always=("@odata.etag",))


@route("DELETE", _ONE, SITES_MANAGE)
def delete_list(call: Call, site: str, list_key: str) -> Answer:
    """Delete a list with all that is in it."""
    store = open_site(call, site)
    found = store.find_list(list_key)
    check_tag(call, found.item["eTag"])
    del store.lists[found.item["id"]]
    return Answer(status=204)
