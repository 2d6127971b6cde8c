"""SharePoint sites: find them, below each other and as followed. Their libraries are drives.

What sites hold besides is left to `lists` and its neighbours.
Source: Microsoft: Get a site resource; Search for sites; List followed sites; Enumerate subsites.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_tree import Drive
from .drives import check_access, default_drive, drives_held, find_site, role_of
from .graph import route
from .scopes import FILES_READ, FOLLOWED_SITES_READ, SITES_READ

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
    return call.entity(seen_site(call, site), always=(), context="sites/$entity")


@route("GET", "/sites/{site}/sites", SITES_READ)
def list_subsites(call: Call, site: str) -> Answer:
    """The sites directly below another, as far as the caller may see them."""
    above = seen_site(call, site)
    found = [
        each for each in call.tenant.sites if each.get("_parent") == above["id"] and _may_see(call, each)
    ]
    return call.collection(found, default_page=DEFAULT_PAGE, always=())


@route("GET", "/users/{user}/followedSites", FOLLOWED_SITES_READ)
def list_followed(call: Call, user: str) -> Answer:
    """The sites that a user follows, which are those of the groups that the user is a member of."""
    user_id = call.user_of(user)["id"]
    found = [
        site
        for site in call.tenant.sites
        if any(user_id in call.tenant.members.get(drive.group_id or "", ()) for drive in _drives(call, site))
    ]
    return call.collection(found, default_page=DEFAULT_PAGE, always=())


@route("GET", "/sites/{site}/drives/{drive}", FILES_READ)
def get_drive_of_site(call: Call, site: str, drive: str) -> Answer:
    """One library of a site."""
    found = next((each for each in drives_held(call, "site", site) if each.id == drive), None)
    if found is None:
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    check_access(call, found, found.root, FILES_READ)
    return call.entity(found.as_json(), always=(), context="drives/$entity")


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


def seen_site(call: Call, key: str) -> Item:
    """A site by id, host name or `root`; raises 404, and 403 when the caller may not see it."""
    return _seen(call, find_site(call, key))


def _drives(call: Call, site: Item) -> list[Drive]:
    return list(drives_held(call, "site", site["id"]))


def _may_see(call: Call, site: Item) -> bool:
    drive = default_drive(call, "site", site["id"])
    return role_of(call, drive, drive.root) is not None


def _seen(call: Call, site: Item) -> Item:
    if not _may_see(call, site):
        raise GraphError(403, "accessDenied", "Access denied")
    return site
