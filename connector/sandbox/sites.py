"""SharePoint sites: enough to pick one. Their libraries are drives.

Source: Microsoft: Get a site resource; Search for sites.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drives import default_drive, drives_held, find_site, role_of
from .graph import route
from .scopes import FILES_READ, SITES_READ

DEFAULT_PAGE = 200


@route("GET", "/sites", SITES_READ)
def list_sites(call: Call) -> Answer:
    """The sites that the caller may see and whose name has the words of `search`; `*` finds all."""
    words = call.query.get("search", "*").casefold().replace("*", " ").split()
    found = [
        site
        for site in call.tenant.sites
        if _may_see(call, site) and all(word in site["displayName"].casefold() for word in words)
    ]
    return call.collection(found, default_page=DEFAULT_PAGE, always=())


@route("GET", "/sites/{site}", SITES_READ)
def get_site(call: Call, site: str) -> Answer:
    return call.entity(_seen(call, find_site(call, site)), always=(), context="sites/$entity")


@route("GET", "/sites/{site}/{:path}", SITES_READ)
def get_site_by_path(call: Call, site: str, path: str) -> Answer:
    found = _seen(call, _at_path(call, site, path))
    return call.entity(found, always=(), context="sites/$entity")


@route("GET", "/sites/{site}/{:path}/drive", FILES_READ)
def get_drive_by_path(call: Call, site: str, path: str) -> Answer:
    found = _seen(call, _at_path(call, site, path))
    drive = default_drive(call, "site", found["id"])
    return call.entity(drive.as_json(), always=(), context="drives/$entity")


@route("GET", "/groups/{group}/sites/root", SITES_READ)
def get_site_of_group(call: Call, group: str) -> Answer:
    held = drives_held(call, "group", group)
    site = next((site for site in call.tenant.sites if held and _drives(call, site) == held), None)
    if site is None:
        raise GraphError(404, "itemNotFound", "There is no such site.")
    return call.entity(_seen(call, site), always=(), context="sites/$entity")


def _at_path(call: Call, host: str, path: str) -> Item:
    wanted = f"https://{host}{path}".rstrip("/").casefold()
    for site in call.tenant.sites:
        if site["webUrl"].casefold() == wanted:
            return site
    raise GraphError(404, "itemNotFound", "There is no such site.")


def _drives(call: Call, site: Item) -> list[object]:
    return list(drives_held(call, "site", site["id"]))


def _may_see(call: Call, site: Item) -> bool:
    drive = default_drive(call, "site", site["id"])
    return role_of(call, drive, drive.root) is not None


def _seen(call: Call, site: Item) -> Item:
    if not _may_see(call, site):
        raise GraphError(403, "accessDenied", "Access denied")
    return site
