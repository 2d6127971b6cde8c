"""Thumbnails of files: small pictures of one colour, under URLs of the content host.

Pictures, PDF and Office files have them; text and folders have none. Source: Microsoft: List thumbnails for a
driveItem.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from pathlib import PurePosixPath

from .call import Call
from .changelog import Item

PICTURED = frozenset({
    "bmp", "docx", "gif", "heic", "jpeg", "jpg", "pdf", "png", "pptx", "tif", "tiff", "webp", "xlsx",
})  # fmt: skip
LONGEST_SIDES = {"small": 96, "medium": 176, "large": 800}
SET_ID = "0"

_CUSTOM = re.compile(r"c(?P<width>\d{1,4})x(?P<height>\d{1,4})(?:_crop)?", re.IGNORECASE)


def thumbnail_sets(call: Call, item: Item) -> list[Item]:
    """The one set of thumbnails of a file, or none; with the custom sizes that `$select` names."""
    if "file" not in item or _suffix(item) not in PICTURED:
        return []
    asked = call.query.get("$select") or call.query.get("select", "")
    custom = [name for name in asked.split(",") if _CUSTOM.fullmatch(name.strip())]
    sizes = {name.strip(): dimensions(name.strip()) for name in (*LONGEST_SIDES, *custom)}
    shown = {name: _thumbnail(call, item, *size) for name, size in sizes.items() if size is not None}
    return [{"id": SET_ID} | shown]


def thumbnail(call: Call, item: Item, set_id: str, size: str) -> Item | None:
    """One thumbnail with its address, or None when there is no such one."""
    wanted = dimensions(size)
    if wanted is None or set_id != SET_ID or "file" not in item or _suffix(item) not in PICTURED:
        return None
    return _thumbnail(call, item, *wanted)


def dimensions(size: str) -> tuple[int, int] | None:
    """Width and height of a size by name (`small`) or by number (`c300x400`, `c300x400_crop`)."""
    if size.casefold() in LONGEST_SIDES:
        longest = LONGEST_SIDES[size.casefold()]
        return longest, longest * 3 // 4
    found = _CUSTOM.fullmatch(size)
    return None if found is None else (int(found["width"]), int(found["height"]))


def picture(width: int, height: int, seed: str) -> bytes:
    """A PNG of one colour that comes of the seed."""
    colour = hashlib.sha256(seed.encode()).digest()[:3]
    rows = (b"\x00" + colour * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _thumbnail(call: Call, item: Item, width: int, height: int) -> Item:
    lifetime_seconds = call.world.switches.download_url_seconds
    url = call.content_url(
        "thumbnail", lifetime_seconds=lifetime_seconds, width=width, height=height, seed=item["id"]
    )
    return {"width": width, "height": height, "url": url}


def _suffix(item: Item) -> str:
    return PurePosixPath(item["name"]).suffix.removeprefix(".").casefold()
