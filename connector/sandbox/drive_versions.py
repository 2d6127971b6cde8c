"""Versions of files: every change of content keeps the one before.

Changes of properties make no version here. Source: Microsoft: List versions of a driveItem; Download contents
of a driveItemVersion; Restore a previous version of a driveItem.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .content import content
from .drive_content import file_answer
from .drive_tree import present_version
from .drives import Address, check_changeable, edit_of, on_item
from .scopes import FILES_READ, FILES_WRITE
from .state import Ticket

CURRENT = "current"


@on_item("GET", "/versions", FILES_READ)
def list_versions(call: Call, address: Address) -> Answer:
    return call.collection(_versions(address.item), default_page=200, always=("id",))


@on_item("GET", "/versions/{version}", FILES_READ)
def get_version(call: Call, address: Address, version: str) -> Answer:
    return call.entity(_version(address.item, version), always=("id",), context="driveItemVersion")


@on_item("GET", "/versions/{version}/content", FILES_READ)
def download_version(call: Call, address: Address, version: str) -> Answer:
    """302 to the bytes of an earlier version; those of the current one are the content of the item."""
    found = _earlier(address.item, version, "You cannot get the content of the current version.")
    lifetime_seconds = call.world.switches.download_url_seconds
    url = call.content_url("version", lifetime_seconds=lifetime_seconds, item=address.item, version=found)
    return Answer(status=302, headers={"Location": url})


@on_item("POST", "/versions/{version}/restoreVersion", FILES_WRITE)
def restore_version(call: Call, address: Address, version: str) -> Answer:
    """The content of an earlier version becomes a new, current one."""
    check_changeable(call, address.item)
    found = _earlier(address.item, version, "The current version cannot be restored.")
    address.drive.replace_content(address.item, found["_file"], edit_of(call))
    return Answer(status=204)


@content("GET", "version")
def send_version(call: Call, ticket: Ticket) -> Answer:
    item, version = ticket.data["item"], ticket.data["version"]
    etag = f'"{version["id"]}"'
    return file_answer(call, version["_file"], item["name"], item["file"]["mimeType"], etag)


def _versions(item: Item) -> list[Item]:
    """The current version and the earlier ones, the newest first; raises GraphError (400)."""
    if "file" not in item:
        raise GraphError(400, "invalidRequest", "Only files have versions.")
    return [present_version(item), *reversed(item.get("_versions", []))]


def _version(item: Item, version_id: str) -> Item:
    versions = _versions(item)
    if version_id.casefold() == CURRENT:
        return versions[0]
    found = next((version for version in versions if version["id"] == version_id), None)
    if found is None:
        raise GraphError(404, "itemNotFound", "The version could not be found.")
    return found


def _earlier(item: Item, version_id: str, refusal: str) -> Item:
    found = _version(item, version_id)
    if found["id"] == _versions(item)[0]["id"]:
        raise GraphError(400, "invalidRequest", refusal)
    return found
