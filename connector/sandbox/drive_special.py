"""Special folders, found by what they are for, whatever people call them.

One that does not exist yet is made for those who may write. Source: Microsoft: Get a special folder by name.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_answers import item_answer, items_answer, listed
from .drives import Address, check_access, edit_of, on_drive
from .scopes import FILES_READ, FILES_WRITE

PATHS = {
    "documents": ("Documents",), "photos": ("Pictures",), "cameraroll": ("Pictures", "Camera Roll"),
    "music": ("Music",), "recordings": ("Recordings",),
}  # fmt: skip
APP_ROOT = "approot"


@on_drive("GET", "/special/{name}", FILES_READ)
def get_special_folder(call: Call, address: Address, name: str) -> Answer:
    return item_answer(call, address.drive, _folder(call, address, name.casefold()))


@on_drive("GET", "/special/{name}/children", FILES_READ)
def list_special_folder(call: Call, address: Address, name: str) -> Answer:
    folder = _folder(call, address, name.casefold())
    return items_answer(call, address.drive, listed(call, address.drive, folder))


def _folder(call: Call, address: Address, name: str) -> Item:
    """The folder, with the facet that says what it is for; raises GraphError (400, 403)."""
    drive = address.drive
    if drive.owner_id is None:
        raise GraphError(400, "invalidRequest", "A document library has no special folders.")
    app = call.world.apps.get(call.app_id)
    path = ("Apps", app.name if app else call.app_id) if name == APP_ROOT else PATHS.get(name)
    if path is None:
        known = ", ".join((*PATHS, APP_ROOT))
        raise GraphError(400, "invalidRequest", f"The special folder must be one of: {known}.")
    folder, steps = Address(drive, drive.root, path).deepest
    if steps < len(path):
        check_access(call, drive, folder, FILES_WRITE)
        for missing in path[steps:]:
            folder = drive.add_folder(folder, missing, edit_of(call))
    return folder | {"specialFolder": {"name": name}}
