"""The content types of SharePoint sites and of their lists: list, read, create, copy into a list, delete.

Source: Microsoft: contentType resource type; contentType: addCopy.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .graph import route
from .outlook import check_properties
from .scopes import SITES_MANAGE, SITES_READ
from .site_store import found_in, invalid, open_site

_OF_SITE = "/sites/{site}/contentTypes"
_OF_LIST = "/sites/{site}/lists/{list_key}/contentTypes"
_KNOWN = (
    "name", "description", "group", "base", "parentId", "hidden", "readOnly", "sealed", "propagateChanges",
    "associatedHubsUrls", "order", "documentSet", "documentTemplate",
)  # fmt: skip


@route("GET", _OF_SITE, SITES_READ)
def list_of_site(call: Call, site: str) -> Answer:
    """The content types of a site."""
    return call.collection(open_site(call, site).content_types, default_page=200, always=())


@route("GET", _OF_LIST, SITES_READ)
def list_of_list(call: Call, site: str, list_key: str) -> Answer:
    """The content types of a list."""
    found = open_site(call, site).find_list(list_key)
    return call.collection(found.content_types, default_page=200, always=())


@route("GET", f"{_OF_SITE}/{{content_type}}", SITES_READ)
def get_content_type(call: Call, site: str, content_type: str) -> Answer:
    """One content type of a site."""
    found = found_in(open_site(call, site).content_types, content_type, "content type")
    return call.entity(found, always=())


@route("POST", _OF_SITE, SITES_MANAGE)
def create_content_type(call: Call, site: str) -> Answer:
    """A new content type, which comes from another of the site."""
    store, body = open_site(call, site), call.json_body()
    check_properties(body, _KNOWN, "contentType")
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise invalid("The name of a content type must not be empty.")
    base = body.get("base") or {}
    key = base.get("id") or base.get("name") or body.get("parentId")
    if not key:
        raise invalid("A content type needs a base.")
    made = store.derive(
        store.content_types, name, found_in(store.content_types, str(key), "content type"), call.now
    )
    made |= {
        key: value for key, value in body.items() if key not in ("base", "parentId") and value is not None
    }
    return call.entity(made, status=201, always=(), context=f"{call.context}/$entity")


@route("POST", f"{_OF_LIST}/addCopy", SITES_MANAGE)
def add_copy(call: Call, site: str, list_key: str) -> Answer:
    """Give a list a content type of the site, named by its id or by an address that ends with it."""
    store = open_site(call, site)
    found = store.find_list(list_key)
    key = str(call.json_body().get("contentType") or "").rstrip("/").rpartition("/")[2]
    source = found_in(store.content_types, key, "content type")
    made = store.derive(found.content_types, source["name"], source, call.now)
    made |= {"description": source["description"], "group": source["group"]}
    found.item["list"]["contentTypesEnabled"] = True
    return call.entity(made, always=(), context=f"{call.context.rpartition('/')[0]}/$entity")


@route("DELETE", f"{_OF_SITE}/{{content_type}}", SITES_MANAGE)
def delete_content_type(call: Call, site: str, content_type: str) -> Answer:
    """Delete a content type that nothing comes from."""
    store = open_site(call, site)
    found = found_in(store.content_types, content_type, "content type")
    if found["isBuiltIn"]:
        raise GraphError(403, "accessDenied", "A content type that SharePoint has made cannot be deleted.")
    everywhere = (store.content_types, *(each.content_types for each in store.lists.values()))
    if any(each["parentId"] == found["id"] for collection in everywhere for each in collection):
        raise GraphError(409, "resourceInUse", "The content type is in use.")
    store.content_types.remove(found["id"], call.now)
    return Answer(status=204)
