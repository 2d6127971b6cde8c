"""Profile photos of users and groups: what is known of them, the bytes in several sizes, and new ones.

Users of a fresh sandbox have a plain grey portrait. An uploaded photo keeps its own pixels in every size, for
nothing here scales pictures. Source: Microsoft Graph reference, resource type profilePhoto.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from . import jpeg
from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .groups import find_group
from .scopes import GROUP_PHOTOS_READ, GROUP_PHOTOS_WRITE, PHOTOS_READ, PHOTOS_WRITE

SIDES = (48, 64, 96, 120, 240, 360, 432, 504, 648)
LIMIT_BYTES = 4 * 1024 * 1024
_USER, _GROUP = "/users/{user}", "/groups/{group}"


@dataclass(slots=True)
class Album:
    """The photo of one user or group; no content: there is none."""

    content: bytes | None = None
    side: int = 0
    shade: int | None = None
    """Of a portrait that is made in the size asked for."""

    def sides(self) -> list[int]:
        """The sizes that there are: none is larger than the photo."""
        return [side for side in SIDES if side <= self.side] or ([self.side] if self.side else [])

    def picture(self, side: int) -> bytes:
        """The bytes in a size."""
        if self.shade is not None:
            return jpeg.grey_square(side, self.shade)
        assert self.content is not None
        return self.content


def _album(call: Call, user: str | None, group: str | None) -> Album:
    owner = call.user_of(str(user)) if group is None else find_group(call, group)
    seed = owner.get("_seed")
    return call.tenant.part(
        ("photo", owner["id"]), lambda: Album(side=SIDES[-1], shade=7 * seed) if seed else Album()
    )


def _side(album: Album, size: str | None) -> int:
    """The size asked for, or the next smaller one that there is; raises 404."""
    known = album.sides()
    if not known:
        raise GraphError(404, "ImageNotFound", "There is no photo.")
    if size is None:
        return known[-1]
    wanted = next((side for side in SIDES if size.casefold() == f"{side}x{side}"), None)
    if wanted is None:
        raise GraphError(404, "ErrorItemNotFound", f"There is no photo of the size '{size}'.")
    return max((side for side in known if side <= wanted), default=known[0])


def _shown(album: Album, side: int) -> Item:
    version = hashlib.sha256(album.picture(side)).hexdigest()[:8].upper()
    return {
        "@odata.mediaContentType": "image/jpeg", "@odata.mediaEtag": f'"{version}"', "id": f"{side}X{side}",
        "width": side, "height": side,
    }  # fmt: skip


@route("GET", f"{_USER}/photo", PHOTOS_READ)
@route("GET", f"{_GROUP}/photo", GROUP_PHOTOS_READ)
@route("GET", _USER + "/photos/{size}", PHOTOS_READ)
@route("GET", _GROUP + "/photos/{size}", GROUP_PHOTOS_READ)
def get_photo(
    call: Call, user: str | None = None, group: str | None = None, size: str | None = None
) -> Answer:
    """What is known of the photo in a size."""
    album = _album(call, user, group)
    return call.entity(_shown(album, _side(album, size)), always=("id", "@odata.mediaContentType"))


@route("GET", f"{_USER}/photos", PHOTOS_READ)
@route("GET", f"{_GROUP}/photos", GROUP_PHOTOS_READ)
def list_photos(call: Call, user: str | None = None, group: str | None = None) -> Answer:
    """The sizes that there are."""
    album = _album(call, user, group)
    return call.collection([_shown(album, side) for side in album.sides()])


@route("GET", f"{_USER}/photo/$value", PHOTOS_READ)
@route("GET", f"{_GROUP}/photo/$value", GROUP_PHOTOS_READ)
@route("GET", _USER + "/photos/{size}/$value", PHOTOS_READ)
@route("GET", _GROUP + "/photos/{size}/$value", GROUP_PHOTOS_READ)
def get_photo_content(
    call: Call, user: str | None = None, group: str | None = None, size: str | None = None
) -> Answer:
    """The bytes of the photo in a size."""
    album = _album(call, user, group)
    return Answer(content=album.picture(_side(album, size)), headers={"Content-Type": "image/jpeg"})


def _writes(function: Any) -> Any:
    for verb in ("PUT", "PATCH"):
        route(verb, f"{_USER}/photo/$value", PHOTOS_WRITE)(function)
        route(verb, f"{_GROUP}/photo/$value", GROUP_PHOTOS_WRITE)(function)
    return function


@_writes
def set_photo(call: Call, user: str | None = None, group: str | None = None) -> Answer:
    """Take a JPEG file as the photo, in place of all sizes of the one before."""
    album = _album(call, user, group)
    if call.stream_bytes > LIMIT_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "The photo is larger than 4 MB.")
    data = call.stream.read()
    size = jpeg.size_of(data) if call.headers.get("Content-Type", "").startswith("image/") else None
    if size is None:
        raise GraphError(400, "ErrorInvalidImage", "The body is no JPEG picture, sent with its media type.")
    album.content, album.side, album.shade = data, min(*size), None
    return Answer(status=200)
