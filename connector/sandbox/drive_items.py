"""Files and folders: read, list, create, rename, move, delete, search, delta.

Their content is left to `drive_content` and `drive_uploads`, copies to `drive_operations`. Source: Microsoft:
driveItem resource type and the pages of its methods.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .drive_answers import DEFAULT_PAGE, item_answer, items_answer, listed, visible
from .drive_names import check_name, name_key
from .drive_tree import Drive, Edit, name_taken
from .drive_uploads import commit_renamed
from .drives import (
    Address,
    check_changeable,
    conflict_of,
    edit_of,
    on_drive,
    on_item,
    referenced_folder,
)  # fmt: skip
from .file_store import files_of
from .scopes import FILES_READ, FILES_READ_ITEM, FILES_WRITE

SORTABLE = ("name", "size", "lastModifiedDateTime")
_SEARCHED_BYTES = 1 << 20
_UPDATABLE = ("description", "fileSystemInfo")


@on_item("GET", "", FILES_READ_ITEM)
def get_item(call: Call, address: Address) -> Answer:
    return item_answer(call, address.drive, address.item)


@on_item("GET", "/children", FILES_READ)
def list_children(call: Call, address: Address) -> Answer:
    for clause in call.query.get("$orderby", "").split(","):
        if clause and clause.split()[0] not in SORTABLE:
            raise GraphError(400, "invalidRequest", f"$orderby supports {', '.join(SORTABLE)} only.")
    return items_answer(call, address.drive, listed(call, address.drive, address.folder))


@on_item("POST", "/children", FILES_WRITE)
def create_child(call: Call, address: Address) -> Answer:
    """A folder, or an empty file."""
    body, drive, parent, edit = call.json_body(), address.drive, address.folder, edit_of(call)
    conflict = conflict_of(call, "fail", body)
    if "file" in body:
        name = check_name(body.get("name"), is_folder=False)
        item, is_new = drive.put_file(parent, name, files_of(call.world).keep_bytes(b""), conflict, edit)
        return item_answer(call, drive, item, status=201 if is_new else 200)
    if "folder" not in body:
        raise GraphError(400, "invalidRequest", "The item needs a folder or a file property.")
    name = check_name(body.get("name"), is_folder=True)
    present = drive.child(parent, name)
    if present is not None and conflict == "replace":
        if "folder" not in present:
            raise name_taken()
        return item_answer(call, drive, present)
    name = drive.name_for(parent, name, conflict)
    return item_answer(call, drive, drive.add_folder(parent, name, edit), status=201)


@on_item("PUT", "", FILES_WRITE)
def put_item(call: Call, address: Address) -> Answer:
    """The end of an upload session that ran into a name conflict: its bytes under another name."""
    body = call.json_body()
    url = body.get("@microsoft.graph.sourceUrl")
    if not isinstance(url, str):
        raise GraphError(400, "invalidRequest", "The request needs @microsoft.graph.sourceUrl.")
    present = address.present
    if "name" in body and present is not None and "folder" in present:
        address = Address(address.drive, present, (check_name(body["name"], is_folder=False),))
    item, is_new = commit_renamed(call, address, url, conflict_of(call, "fail", body))
    return item_answer(call, address.drive, item, status=201 if is_new else 200)


@on_item("PATCH", "", FILES_WRITE)
def update_item(call: Call, address: Address) -> Answer:
    body, drive, item, edit = call.json_body(), address.drive, address.item, edit_of(call)
    check_changeable(call, item)
    name = check_name(body["name"], is_folder="folder" in item) if "name" in body else str(item["name"])
    parent = drive.parent_of(item)
    if "parentReference" in body:
        target = referenced_folder(call, drive, body["parentReference"])
        if target.drive is not drive:
            raise GraphError(
                400, "invalidRequest", "Moving between drives is not supported: copy, then delete."
            )
        parent = target.folder
    if parent is not None and (name != item["name"] or parent["id"] != item["_parent"]):
        if name_key(name) != name_key(item["name"]) or parent["id"] != item["_parent"]:
            name = drive.name_for(parent, name, conflict_of(call, "fail", body))
        drive.move(item, parent, name, edit)
    elif parent is None and name != item["name"]:
        raise GraphError(400, "invalidRequest", "The root folder cannot be renamed.")
    _update_properties(drive, item, body, edit)
    return item_answer(call, drive, item)


def _update_properties(drive: Drive, item: Item, body: Item, edit: Edit) -> None:
    wanted = {key: body[key] for key in _UPDATABLE if key in body}
    if not wanted:
        return
    if isinstance(wanted.get("fileSystemInfo"), dict):
        wanted["fileSystemInfo"] = item["fileSystemInfo"] | wanted["fileSystemInfo"]
    drive.touch(item, edit)
    item |= wanted


@on_item("DELETE", "", FILES_WRITE)
def delete_item(call: Call, address: Address) -> Answer:
    check_changeable(call, address.item)
    address.drive.delete(address.item, call.now)
    return Answer(status=204)


@on_item("POST", "/permanentDelete", FILES_WRITE)
def delete_item_for_good(call: Call, address: Address) -> Answer:
    item = address.item
    check_changeable(call, item)
    address.drive.delete(item, call.now)
    del address.drive.recycled[item["id"]]
    return Answer(status=204)


@on_drive("GET", "/search({q})", FILES_READ)
@on_item("GET", "/search({q})", FILES_READ)
def search_items(call: Call, address: Address, q: str) -> Answer:
    """Items below this one whose name, or whose text, has all the words."""
    words = [name_key(word) for word in q.split()]
    drive = address.drive
    delay = max(
        call.world.switches.read_after_write_delay_seconds, call.world.switches.drive_search_delay_seconds
    )
    found = [
        item
        for item in visible(call, drive, drive.descendants(address.item), delay)
        if all(word in name_key(item["name"]) for word in words) or _text_has(item, words)
    ]
    return items_answer(call, drive, found, with_path=False, extra={"searchResult": {}})


def _text_has(item: Item, words: list[str]) -> bool:
    text = name_key(item["_file"].text(_SEARCHED_BYTES)) if "_file" in item else ""
    return bool(text) and all(word in text for word in words)


@on_item("GET", "/delta", FILES_READ)
def list_changes(call: Call, address: Address) -> Answer:
    return _delta(call, address, call.query.get("token") or None)


@on_item("GET", "/delta({token})", FILES_READ)
def list_changes_since(call: Call, address: Address, token: str) -> Answer:
    return _delta(call, address, token)


def _delta(call: Call, address: Address, token: str | None) -> Answer:
    """The latest state of what changed in the whole drive; tokens stand in `token`, not `$deltatoken`."""
    drive, switches = address.drive, call.world.switches
    if address.item is not drive.root:
        raise GraphError(400, "invalidRequest", "Changes are tracked from the root of a drive only.")
    try:
        answer = call.changes(
            drive.items, stream=f"drives/{drive.id}", default_page=DEFAULT_PAGE, start_token=token,
            shape=lambda item: {"@odata.type": "#microsoft.graph.driveItem"}
            | drive.shown(item, switches.file_hashes, with_path=False),
            removed=_deleted_entry,
        )  # fmt: skip
    except GraphError as error:
        if error.status == 410:
            error.code = switches.drive_resync_code
        raise
    for link in ("@odata.nextLink", "@odata.deltaLink"):
        if link in answer.body:
            path, _, query = answer.body[link].partition("?")
            answer.body[link] = f"{path}?token={query.partition('=')[2]}"
    return answer


def _deleted_entry(item_id: str, reason: str) -> Item:
    return {
        "@odata.type": "#microsoft.graph.driveItem",
        "id": item_id,
        "deleted": {"state": "softDeleted" if reason == "changed" else "deleted"},
    }
