"""Copies of files and folders, and the monitors that tell how far long operations are.

Source: Microsoft: driveItem: copy; Working with long-running actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .content import content
from .drive_names import check_name
from .drive_tree import Conflict, Drive, Edit
from .drives import Address, conflict_of, edit_of, on_item, referenced_folder
from .scopes import FILES_WRITE
from .state import Ticket


@dataclass(slots=True)
class Operation:
    """A copy, or another operation that takes its time.

    It is done at once, but its monitor says so only after some polls and not before `ready_at`.
    """

    polls: int
    polls_left: int
    ready_at: datetime
    item_url: str = ""
    resource_id: str = ""
    error: GraphError | None = None
    name: str = "itemCopy"


def new_operation(call: Call, name: str) -> Operation:
    """An operation that starts now and takes as long as the switches say."""
    switches = call.world.switches
    ready_at = call.now + timedelta(seconds=switches.copy_seconds)
    return Operation(switches.copy_polls, switches.copy_polls, ready_at, name=name)


@on_item("POST", "/copy", FILES_WRITE)
def copy_item(call: Call, address: Address) -> Answer:
    """202 with the URL of a monitor; a name that is taken shows there, not here."""
    body, switches = call.json_body(), call.world.switches
    item = address.item
    parent = address.drive.parent_of(item)
    if parent is None:
        raise GraphError(400, "invalidRequest", "The root folder cannot be copied.")
    if "parentReference" in body:
        target = referenced_folder(call, address.drive, body["parentReference"])
    else:
        target = Address(address.drive, parent)
    folder = target.folder
    name = check_name(body.get("name", item["name"]), is_folder="folder" in item)
    conflict = conflict_of(call, "fail", body)
    operation = new_operation(call, "itemCopy")
    try:
        if switches.copy_error:
            raise GraphError(500, switches.copy_error, "The operation could not be completed.")
        copy = copied(address.drive, item, target.drive, folder, name, conflict, edit_of(call))
        operation.resource_id = copy["id"]
        operation.item_url = f"{call.origin}/v1.0/drives/{target.drive.id}/items/{copy['id']}"
    except GraphError as error:
        operation.error = error
    return Answer(status=202, headers={"Location": call.content_url("monitor", operation=operation)})


def copied(
    source: Drive, item: Item, target: Drive, folder: Item, name: str, conflict: Conflict, edit: Edit
) -> Item:
    """Copy an item with all below it; raises GraphError (400, 409, 507)."""
    if any(above is item for above in target.lineage(folder)):
        raise GraphError(400, "invalidRequest", "A folder cannot be copied into itself.")
    target.make_room(item["size"])
    present = target.child(folder, name)
    if "file" in item:
        return target.put_file(folder, name, item["_file"], conflict, edit)[0]
    if present is not None and conflict == "replace" and "folder" in present:
        copy = present
    else:
        copy = target.add_folder(folder, target.name_for(folder, name, conflict), edit)
    for child in source.children_of(item):
        copied(source, child, target, copy, child["name"], conflict, edit)
    return copy


@content("GET", "monitor")
def operation_status(call: Call, ticket: Ticket) -> Answer:
    operation: Operation = ticket.data["operation"]
    if operation.polls_left > 0 or call.now < operation.ready_at:
        done = operation.polls - operation.polls_left
        operation.polls_left = max(0, operation.polls_left - 1)
        percentage = round(100 * (done + 1) / (operation.polls + 2), 1)
        running = {"operation": operation.name, "percentageComplete": percentage, "status": "inProgress"}
        return Answer(status=202, body=running)
    if operation.error is not None:
        error = {"code": operation.error.code, "message": operation.error.message}
        return Answer(body={"operation": operation.name, "status": "failed", "error": error})
    if call.world.switches.copy_end == "303":
        return Answer(status=303, headers={"Location": operation.item_url})
    finished = {
        "operation": operation.name, "percentageComplete": 100.0, "resourceId": operation.resource_id,
        "status": "completed",
    }  # fmt: skip
    return Answer(status=int(call.world.switches.copy_end), body=finished)
