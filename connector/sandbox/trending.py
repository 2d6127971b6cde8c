"""Documents that are popular around a user. Source: Microsoft Graph reference: List trending.

Here the files that the caller may see, those that were read most first; each read counts.
"""

from __future__ import annotations

from .answers import Answer
from .call import Call
from .changelog import Item
from .drive_tree import Drive
from .drives import drives_of, role_of
from .graph import route
from .scopes import SITES_READ

_KINDS = {"docx": "Word", "xlsx": "Excel", "pptx": "PowerPoint", "pdf": "Pdf", "txt": "Text"}


@route("GET", "/users/{user}/insights/trending", SITES_READ)
def list_trending(call: Call, user: str) -> Answer:
    """The files around a user, the most popular first."""
    call.user_of(user)
    found = [
        _shown(drive, item)
        for drive in drives_of(call.tenant).by_id.values()
        for item in drive.items
        if "file" in item and role_of(call, drive, item) is not None
    ]
    return call.collection(sorted(found, key=lambda entry: -entry["weight"]), always=("id",))


def _shown(drive: Drive, item: Item) -> Item:
    address = drive.shown(item, ())["webUrl"]
    extension = str(item["name"]).rpartition(".")[2].casefold()
    return {
        "id": f"{drive.code}{item['id']}", "weight": 1.0 + len(item.get("_reads", ())),
        "lastModifiedDateTime": item["lastModifiedDateTime"],
        "resourceReference": {
            "id": f"drives/{drive.id}/items/{item['id']}", "type": "microsoft.graph.driveItem",
            "webUrl": address,
        },
        "resourceVisualization": {
            "title": str(item["name"]).rpartition(".")[0], "type": _KINDS.get(extension, "Other"),
            "mediaType": item["file"]["mimeType"], "previewImageUrl": None, "previewText": None,
            "containerDisplayName": drive.name, "containerWebUrl": drive.web_url,
            "containerType": "OneDriveBusiness" if drive.kind == "business" else "Site",
        },
    }  # fmt: skip
