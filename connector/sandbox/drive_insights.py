"""What happened to a file, its sensitivity label, and its row in the document library.

Reads are downloads of the content. Source: Microsoft: itemAnalytics; itemActivityStat; driveItem:
extractSensitivityLabels; driveItem: assignSensitivityLabel; listItem.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_operations import new_operation
from .drive_tree import Drive, present_version
from .drives import Address, check_unlocked, edit_of, on_item
from .scopes import FILES_READ, FILES_READ_ALL, FILES_WRITE_ALL

LABELLED = frozenset({"docx", "pdf", "pptx", "xlsx"})
ASSIGNMENT_METHODS = ("standard", "privileged", "auto")
INTERVALS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}

Event = tuple[str, datetime, str]
"""What was done (`access`, `create`, `edit`), when, and by whom (an id)."""

# Activities


@on_item("GET", "/analytics", FILES_READ)
def get_analytics(call: Call, address: Address) -> Answer:
    """Of all time, and of the last seven days."""
    events = list(_events(address.item))
    week_ago = call.now - timedelta(days=7)
    recent = [event for event in events if event[1] >= week_ago]
    stats = {"allTime": _stat(events), "lastSevenDays": _stat(recent, week_ago, call.now)}
    expand = {name: lambda _, stat=stat: stat for name, stat in stats.items()}
    return call.entity(stats, always=(), expand=expand, context="itemAnalytics")


@on_item("GET", "/getActivitiesByInterval({startDateTime},{endDateTime},{interval})", FILES_READ)
def list_activities(call: Call, address: Address, **asked: str) -> Answer:
    """One entry for each interval in which something happened."""
    start, end = _moment(asked["startDateTime"]), _moment(asked["endDateTime"])
    length = INTERVALS.get(asked["interval"].casefold())
    if length is None or start >= end:
        raise GraphError(400, "invalidRequest", f"The interval must be one of: {', '.join(INTERVALS)}.")
    stats = []
    while start < end:
        until = min(start + length, end)
        if within := [event for event in _events(address.item) if start <= event[1] < until]:
            stats.append(_stat(within, start, until))
        start = until
    return call.collection(stats, default_page=200, always=())


def _events(item: Item) -> Iterator[Event]:
    yield "create", datetime.fromisoformat(item["createdDateTime"]), _who(item["createdBy"])
    if "file" in item:
        for version in [*item.get("_versions", ()), present_version(item)][1:]:
            yield (
                "edit",
                datetime.fromisoformat(version["lastModifiedDateTime"]),
                _who(version["lastModifiedBy"]),
            )
    for at, reader in item.get("_reads", ()):
        yield "access", at, reader


def _who(author: Item) -> str:
    return str(next(iter(author.values()))["id"])


def _stat(events: list[Event], start: datetime | None = None, end: datetime | None = None) -> Item:
    stat: Item = {"isTrending": False}
    if start is not None and end is not None:
        stat |= {"startDateTime": _stamp(start), "endDateTime": _stamp(end)}
    for kind in sorted({event[0] for event in events}):
        actors = [who for name, _, who in events if name == kind]
        stat[kind] = {"actionCount": len(actors), "actorCount": len(set(actors))}
    return stat


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise GraphError(400, "invalidRequest", f"'{text}' is not a date and time.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# Sensitivity labels


@on_item("POST", "/extractSensitivityLabels", FILES_READ_ALL)
def extract_labels(call: Call, address: Address) -> Answer:
    label = _labelled(address.item).get("_label")
    context = call.context_url("microsoft.graph.extractSensitivityLabelsResult")
    return Answer(body={"@odata.context": context, "labels": [label] if label else []})


@on_item("POST", "/assignSensitivityLabel", FILES_WRITE_ALL)
def assign_label(call: Call, address: Address) -> Answer:
    """202 with the URL of a monitor; an empty label takes the present one away."""
    body, item = call.json_body(), _labelled(address.item)
    check_unlocked(call, item)
    label, way = body.get("sensitivityLabelId"), body.get("assignmentMethod", "standard")
    if not isinstance(label, str) or way not in ASSIGNMENT_METHODS:
        raise GraphError(400, "invalidRequest", "The label needs a sensitivityLabelId and a known method.")
    item.pop("_label", None)
    if label:
        item["_label"] = {
            "sensitivityLabelId": label, "assignmentMethod": way, "tenantId": call.tenant.id,
        }  # fmt: skip
    address.drive.touch(item, edit_of(call))
    operation = new_operation(call, "assignSensitivityLabel")
    operation.resource_id = item["id"]
    operation.item_url = f"{call.origin}/v1.0/drives/{address.drive.id}/items/{item['id']}"
    return Answer(status=202, headers={"Location": call.content_url("monitor", operation=operation)})


def _labelled(item: Item) -> Item:
    if PurePosixPath(item["name"]).suffix.removeprefix(".").casefold() not in LABELLED:
        raise GraphError(400, "notSupported", "Sensitivity labels are for Office files and PDF.")
    return item


# The row in the library


@on_item("GET", "/listItem", FILES_READ)
def get_list_item(call: Call, address: Address) -> Answer:
    drive, item = address.drive, address.item
    if item is drive.root:
        raise GraphError(404, "itemNotFound", "The root folder is no item of the library.")
    shown = drive.shown(item, ())
    row: dict[str, Any] = {
        name: shown[name]
        for name in (
            "createdBy",
            "createdDateTime",
            "eTag",
            "lastModifiedBy",
            "lastModifiedDateTime",
            "webUrl",
        )
    }
    number = _row_number(drive, item)
    row |= {"id": number, "contentType": {"name": "Folder" if "folder" in item else "Document"}}
    fields = {
        "id": number, "FileLeafRef": item["name"], "Title": item.get("description"),
        "Created": item["createdDateTime"], "Modified": item["lastModifiedDateTime"],
    }  # fmt: skip
    return call.entity(row, expand={"fields": lambda _: fields}, context="listItems/$entity")


def _row_number(drive: Drive, item: Item) -> str:
    """Rows are numbered in the order in which items came into the library."""
    return str(list(drive.items.items).index(item["id"]))
