"""Search for files over all drives that the caller can read: what `search` answers about them.

Of KQL it knows words, `*`, quotes, and the properties in
`PROPERTIES`; several conditions must all hold. Source: Microsoft: searchEntity: query; Use the Microsoft
Search API to search content in OneDrive and SharePoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from .answers import GraphError
from .call import Call
from .changelog import Item
from .drive_names import name_key
from .drive_tree import Drive
from .drives import drives_of, grantee_ids, has_expired, role_of

SORTABLE = ("name", "size", "createdDateTime", "lastModifiedDateTime")

_CONDITION = re.compile(r'(?:(?P<name>\w+)(?P<operator>:|>=|<=|>|<|=))?(?P<value>"[^"]*"|[^\s"]+)')
_SEARCHED_BYTES = 1 << 20
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ":": lambda one, other: one == other, "=": lambda one, other: one == other,
    ">=": lambda one, other: one >= other, "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other, "<": lambda one, other: one < other,
}  # fmt: skip


def files_found(call: Call, text: str, asked: Item) -> Iterator[tuple[str, Item]]:
    """The files and folders that a query finds, by id, in the order that the request asks for; raises 400."""
    for drive, item in _sorted(list(_found(call, text)), asked.get("sortProperties") or []):
        yield item["id"], _resource(call, drive, item)


def _found(call: Call, text: str) -> Iterator[tuple[Drive, Item]]:
    wanted = list(conditions(text))
    delay_seconds = call.world.switches.drive_search_delay_seconds
    for drive in drives_of(call.tenant).by_id.values():
        for item in drive.items.visible(call.now, delay_seconds):
            if item is drive.root or role_of(call, drive, item) is None:
                continue
            if all(_meets(call, drive, item, *condition) for condition in wanted):
                yield drive, item


def conditions(text: str) -> Iterator[tuple[str, str, str]]:
    """The conditions as property (empty for a word), operator and value."""
    for found in _CONDITION.finditer(text):
        if found["name"] is not None or found["value"].upper() != "AND":
            yield (found["name"] or "").casefold(), found["operator"] or "", found["value"].strip('"')


def _meets(call: Call, drive: Drive, item: Item, name: str, operator: str, value: str) -> bool:
    if not name:
        return value == "*" or _has_word(item, name_key(value).rstrip("*"))
    if name not in PROPERTIES:
        raise _invalid(f"This sandbox does not know the property {name} in a query.")
    return PROPERTIES[name](call, drive, item, operator, value)


def _has_word(item: Item, word: str) -> bool:
    text = item["_file"].text(_SEARCHED_BYTES) if "_file" in item else ""
    return word in name_key(item["name"]) or word in name_key(text)


def _is_document(call: Call, drive: Drive, item: Item, operator: str, value: str) -> bool:
    return ("file" in item) == (value.casefold() in ("true", "1"))


def _has_type(call: Call, drive: Drive, item: Item, operator: str, value: str) -> bool:
    suffix = PurePosixPath(item["name"]).suffix.removeprefix(".")
    return "file" in item and suffix.casefold() == value.casefold()


def _is_below(call: Call, drive: Drive, item: Item, operator: str, value: str) -> bool:
    shown: str = drive.shown(item, ())["webUrl"]
    return shown.casefold().startswith(value.casefold())


def _is_by(call: Call, drive: Drive, item: Item, operator: str, value: str) -> bool:
    return value.casefold() in str(item["createdBy"].get("user", {}).get("displayName", "")).casefold()


def _was_modified(call: Call, drive: Drive, item: Item, operator: str, value: str) -> bool:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _invalid(f"'{value}' is not a date.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _COMPARISONS[operator](datetime.fromisoformat(item["lastModifiedDateTime"]), moment)


def _is_shared_with(call: Call, drive: Drive, item: Item, operator: str, value: str) -> bool:
    user = call.tenant.find_user(value)
    return user is not None and any(
        user["id"] in grantee_ids(permission) and not has_expired(permission, call.now)
        for above in drive.lineage(item)
        for permission in drive.permissions.get(above["id"], ())
    )


PROPERTIES: dict[str, Callable[[Call, Drive, Item, str, str], bool]] = {
    "isdocument": _is_document, "filetype": _has_type, "path": _is_below, "author": _is_by,
    "lastmodifiedtime": _was_modified, "sharedwithusersowsuser": _is_shared_with,
}  # fmt: skip
"""What conditions of a query can be about, by lower-case name."""


def _sorted(found: list[tuple[Drive, Item]], properties: Any) -> list[tuple[Drive, Item]]:
    """Sorted by `sortProperties`, the first one most; raises GraphError (400)."""
    for wanted in reversed(properties if isinstance(properties, list) else [properties]):
        name = wanted.get("name") if isinstance(wanted, dict) else None
        if name not in SORTABLE:
            raise _invalid(f"sortProperties takes {', '.join(SORTABLE)}.")
        found.sort(key=lambda pair: pair[1][name], reverse=bool(wanted.get("isDescending")))
    return found


def _resource(call: Call, drive: Drive, item: Item) -> Item:
    names = ("id", "name", "size", "webUrl", "createdBy", "createdDateTime", "lastModifiedBy",
             "lastModifiedDateTime", "fileSystemInfo", "file", "folder", "parentReference")  # fmt: skip
    shown = drive.shown(item, call.world.switches.file_hashes, with_path=False)
    kept = {name: shown[name] for name in names if name in shown}
    return {"@odata.type": "#microsoft.graph.driveItem"} | kept


def _invalid(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)
