"""What lets people look at files: thumbnails one by one, and pages to embed.

How thumbnails are made is left to `thumbnails`. Source: Microsoft: List thumbnails for a driveItem;
driveItem: preview.
"""

from __future__ import annotations

from html import escape

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .content import content
from .drives import Address, on_item
from .scopes import FILES_READ
from .state import Ticket
from .thumbnails import SET_ID, picture, thumbnail, thumbnail_sets

_SHOWN_BYTES = 1 << 20


@on_item("GET", "/thumbnails", FILES_READ)
def list_thumbnails(call: Call, address: Address) -> Answer:
    return call.collection(thumbnail_sets(call, address.item), always=("id",))


@on_item("GET", "/thumbnails/{thumbnail_set}", FILES_READ)
def get_thumbnail_set(call: Call, address: Address, thumbnail_set: str) -> Answer:
    sets = thumbnail_sets(call, address.item)
    if not sets or thumbnail_set != SET_ID:
        raise _missing()
    return call.entity(sets[0], always=("id",))


@on_item("GET", "/thumbnails/{thumbnail_set}/{size}", FILES_READ)
def get_thumbnail(call: Call, address: Address, thumbnail_set: str, size: str) -> Answer:
    return call.entity(_found(call, address.item, thumbnail_set, size), always=())


@on_item("GET", "/thumbnails/{thumbnail_set}/{size}/content", FILES_READ)
def download_thumbnail(call: Call, address: Address, thumbnail_set: str, size: str) -> Answer:
    found = _found(call, address.item, thumbnail_set, size)
    return Answer(status=302, headers={"Location": found["url"]})


@content("GET", "thumbnail")
def send_thumbnail(call: Call, ticket: Ticket) -> Answer:
    picture_bytes = picture(**ticket.data)
    return Answer(content=picture_bytes, headers={"Content-Type": "image/png"})


@on_item("POST", "/preview", FILES_READ)
def preview_item(call: Call, address: Address) -> Answer:
    """A short-lived address of a page that shows the file."""
    item, body = address.item, call.json_body() if call.stream_bytes else {}
    if "file" not in item:
        raise GraphError(400, "invalidRequest", "Only files have a preview.")
    zoom = body.get("zoom")
    if zoom is not None and (not isinstance(zoom, int | float) or zoom <= 0):
        raise GraphError(400, "invalidRequest", "zoom must be a number above zero.")
    lifetime_seconds = call.world.switches.download_url_seconds
    url = call.content_url("preview", lifetime_seconds=lifetime_seconds, item=item, page=body.get("page"))
    shown = {"getUrl": url, "postUrl": None, "postParameters": None}
    return Answer(body={"@odata.context": call.context_url("microsoft.graph.itemPreviewInfo")} | shown)


@content("GET", "preview")
def send_preview(call: Call, ticket: Ticket) -> Answer:
    item = ticket.data["item"]
    text = escape(item["_file"].text(_SHOWN_BYTES))
    page = f"<!doctype html><title>{escape(item['name'])}</title><pre>{text}</pre>"
    return Answer(content=page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def _found(call: Call, item: Item, set_id: str, size: str) -> Item:
    found = thumbnail(call, item, set_id, size)
    if found is None:
        raise _missing()
    return found


def _missing() -> GraphError:
    return GraphError(404, "itemNotFound", "The item has no such thumbnail.")
