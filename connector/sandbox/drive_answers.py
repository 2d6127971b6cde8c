"""How items of drives are shown: alone, in lists, expanded, and with their short-lived download URLs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .answers import Answer
from .call import Call
from .changelog import Item
from .drive_tree import Drive
from .thumbnails import thumbnail_sets

DEFAULT_PAGE = 200
DOWNLOAD_URL = "@microsoft.graph.downloadUrl"


def item_answer(call: Call, drive: Drive, item: Item, *, status: int = 200) -> Answer:
    """One item, with the expansions that single items offer."""
    hashes = call.world.switches.file_hashes
    shown = drive.shown(item, hashes)
    if "publication" in call.query.get("$select", ""):
        shown |= publication(item)
    answer = call.entity(
        shown, status=status, context=f"drives('{drive.id}')/items/$entity",
        expand={
            "children": lambda _: [drive.shown(child, hashes) for child in listed(call, drive, item)],
            "thumbnails": lambda _: thumbnail_sets(call, item),
        },
    )  # fmt: skip
    _add_download_urls(call, drive, [answer.body])
    return answer


def items_answer(
    call: Call,
    drive: Drive,
    items: Iterable[Item],
    *,
    with_path: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> Answer:
    """A page of items; `extra` is added to each."""
    hashes = call.world.switches.file_hashes
    shown = [drive.shown(item, hashes, with_path=with_path) | dict(extra or {}) for item in items]
    thumbnails: dict[str, Any] = {"thumbnails": lambda item: thumbnail_sets(call, item)}
    answer = call.collection(shown, default_page=DEFAULT_PAGE, expand=thumbnails)
    _add_download_urls(call, drive, answer.body["value"])
    return answer


def publication(item: Item) -> Item:
    """Whether a file is checked out, and by whom; nothing for a folder. Only shown when selected."""
    if "file" not in item:
        return {}
    holder = item.get("_checked_out_editor")
    state = {"level": "checkout", "checkedOutBy": holder} if holder else {"level": "published"}
    return {"publication": state | {"versionId": f"{item['_content_edition']}.0"}}


def listed(call: Call, drive: Drive, folder: Item) -> list[Item]:
    """What lists show of a folder."""
    delay_seconds = call.world.switches.read_after_write_delay_seconds
    return visible(call, drive, drive.children_of(folder), delay_seconds)


def visible(call: Call, drive: Drive, items: Iterable[Item], delay_seconds: float) -> list[Item]:
    """These items without those created less than `delay_seconds` ago."""
    if not delay_seconds:
        return list(items)
    seen = {item["id"] for item in drive.items.visible(call.now, delay_seconds)}
    return [item for item in items if item["id"] in seen]


def download_url(call: Call, drive: Drive, item: Item, *, converted_to: str | None = None) -> str:
    """A URL on the content host that needs no token and soon expires; `drive_content` answers it."""
    lifetime_seconds = call.world.switches.download_url_seconds
    return call.content_url(
        "download",
        lifetime_seconds=lifetime_seconds,
        drive=drive.id,
        item=item["id"],
        converted_to=converted_to,
    )


def _add_download_urls(call: Call, drive: Drive, shown: Iterable[Item]) -> None:
    selected = {name.strip() for name in call.query.get("$select", "*").split(",")}
    if not selected & {DOWNLOAD_URL, "content.downloadUrl", "*"}:
        return
    for entry in shown:
        item = drive.items.get(entry["id"])
        if item is not None and "file" in item:
            entry[DOWNLOAD_URL] = download_url(call, drive, item)
