"""Files that are checked out, so that nobody else changes them, and items that people follow.

What the holder changes is seen by others at once here; discarding takes it back. Source: Microsoft:
driveItem: checkout; driveItem: checkin; driveItem: discardCheckout; Follow drive item; List followed items.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_answers import item_answer
from .drives import Address, author_id, check_unlocked, drives_of, edit_of, on_drive, on_item
from .file_store import StoredFile
from .scopes import FILES_READ, FILES_WRITE

CHECK_IN_FORMS = ("published", "unspecified")

Followed = dict[str, str]
"""Drive ids by item id, in the order of following."""

# Checking out


@on_item("POST", "/checkout", FILES_WRITE)
def check_out(call: Call, address: Address) -> Answer:
    item = address.item
    if "file" not in item:
        raise GraphError(400, "invalidRequest", "Only files can be checked out.")
    check_unlocked(call, item)
    if "_checked_out_by" not in item:
        item |= {
            "_checked_out_by": author_id(call), "_checked_out_file": item["_file"],
            "_checked_out_editor": edit_of(call).by,
        }  # fmt: skip
    return Answer(status=204)


@on_item("POST", "/checkin", FILES_WRITE)
def check_in(call: Call, address: Address) -> Answer:
    form = call.json_body().get("checkInAs") if call.stream_bytes else None
    if form not in (None, "", *CHECK_IN_FORMS):
        raise GraphError(400, "invalidRequest", f"checkInAs must be one of: {', '.join(CHECK_IN_FORMS)}.")
    _release(call, address.item)
    return Answer(status=204)


@on_item("POST", "/discardCheckout", FILES_WRITE)
def discard_check_out(call: Call, address: Address) -> Answer:
    item = address.item
    before = _release(call, item)
    if before is not item["_file"]:
        address.drive.replace_content(item, before, edit_of(call))
    return Answer(status=204)


def _release(call: Call, item: Item) -> StoredFile:
    """End the check-out; what the content was when it began. Raises GraphError (400, 423)."""
    check_unlocked(call, item)
    if "_checked_out_by" not in item:
        raise GraphError(400, "invalidRequest", "The file is not checked out.")
    del item["_checked_out_by"], item["_checked_out_editor"]
    before: StoredFile = item.pop("_checked_out_file")
    return before


# Following


@on_item("POST", "/follow", FILES_READ)
def follow_item(call: Call, address: Address) -> Answer:
    _followed(call, address)[address.item["id"]] = address.drive.id
    return item_answer(call, address.drive, address.item)


@on_item("POST", "/unfollow", FILES_READ)
def unfollow_item(call: Call, address: Address) -> Answer:
    _followed(call, address).pop(address.item["id"], None)
    return Answer(status=204)


@on_drive("GET", "/following", FILES_READ)
def list_followed_items(call: Call, address: Address) -> Answer:
    """What the owner of the drive follows, in any drive; what was deleted since is left out."""
    drives = drives_of(call.tenant).by_id
    found = [
        (drives[drive_id], drives[drive_id].items.items[item_id])
        for item_id, drive_id in _followed_by(call, address.drive.owner_id).items()
        if item_id in drives[drive_id].items.items
    ]
    hashes = call.world.switches.file_hashes
    return call.collection([drive.shown(item, hashes) for drive, item in found], default_page=200)


def _followed(call: Call, address: Address) -> Followed:
    """What the signed-in user follows; for an app alone, what the owner of the drive does."""
    return _followed_by(call, address.drive.owner_id if call.user is None else call.user["id"])


def _followed_by(call: Call, user_id: str | None) -> Followed:
    if user_id is None:
        raise GraphError(
            400, "invalidRequest", "Following belongs to a user; groups and sites follow nothing."
        )
    return call.tenant.part(("following", user_id), dict)
