"""Mail folders: list, read, create, rename, delete, move, copy, and their changes."""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .mailbox import ROOT, Mailbox, open_mailbox
from .outlook import case_insensitive_query, check_properties
from .scopes import MAIL_READ_BASIC, MAIL_WRITE

_WRITABLE = ("displayName", "isHidden")


def _listed(call: Call, mailbox: Mailbox, parent: str) -> Answer:
    case_insensitive_query(call, "includeHiddenFolders")
    hidden = call.query.get("includeHiddenFolders", "").casefold() == "true"
    folders = [
        mailbox.shown_folder(folder)
        for folder in mailbox.children(mailbox.folder_id(parent))
        if hidden or not folder["isHidden"]
    ]
    folders.sort(key=lambda folder: folder["displayName"].casefold())

    def children(folder: Item) -> list[Item]:
        return [mailbox.shown_folder(child) for child in mailbox.children(folder["id"])]

    return call.collection(folders, paging="$skip", always=("id",), expand={"childFolders": children})


def _checked_name(mailbox: Mailbox, parent_id: str, name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise GraphError(400, "ErrorInvalidRequest", "The displayName of a folder must not be empty.")
    if any(child["displayName"].casefold() == name.casefold() for child in mailbox.children(parent_id)):
        raise GraphError(
            409, "ErrorFolderExists", f"A folder with the specified name already exists., {name}"
        )
    return name


def _entity(call: Call, user: str, mailbox: Mailbox, folder: Item, status: int = 200) -> Answer:
    context = f"users('{user}')/mailFolders/$entity"
    return call.entity(mailbox.shown_folder(folder), status=status, context=context, always=("id",))


def _created(call: Call, user: str, parent: str) -> Answer:
    mailbox = open_mailbox(call, user)
    body, parent_id = call.json_body(), mailbox.folder_id(parent)
    check_properties(body, _WRITABLE, "mailFolder")
    name = _checked_name(mailbox, parent_id, body.get("displayName"))
    folder = mailbox.add_folder(name, parent_id, call.now, hidden=bool(body.get("isHidden")))
    return _entity(call, user, mailbox, folder, status=201)


@route("GET", "/users/{user}/mailFolders", MAIL_READ_BASIC)
def list_folders(call: Call, user: str) -> Answer:
    return _listed(call, open_mailbox(call, user), ROOT)


@route("GET", "/users/{user}/mailFolders/{folder}/childFolders", MAIL_READ_BASIC)
def list_child_folders(call: Call, user: str, folder: str) -> Answer:
    return _listed(call, open_mailbox(call, user), folder)


@route("POST", "/users/{user}/mailFolders", MAIL_WRITE)
def create_folder(call: Call, user: str) -> Answer:
    return _created(call, user, ROOT)


@route("POST", "/users/{user}/mailFolders/{folder}/childFolders", MAIL_WRITE)
def create_child_folder(call: Call, user: str, folder: str) -> Answer:
    return _created(call, user, folder)


@route("GET", "/users/{user}/mailFolders/delta", MAIL_READ_BASIC)
def folder_changes(call: Call, user: str) -> Answer:
    mailbox = open_mailbox(call, user)
    return call.changes(
        mailbox.folders, stream=f"folders/{mailbox.owner['id']}", shape=mailbox.shown_folder, default_page=50
    )


@route("GET", "/users/{user}/mailFolders/{folder}", MAIL_READ_BASIC)
def get_folder(call: Call, user: str, folder: str) -> Answer:
    mailbox = open_mailbox(call, user)
    return _entity(call, user, mailbox, mailbox.folder(folder))


@route("PATCH", "/users/{user}/mailFolders/{folder}", MAIL_WRITE)
def update_folder(call: Call, user: str, folder: str) -> Answer:
    mailbox, body = open_mailbox(call, user), call.json_body()
    check_properties(body, _WRITABLE, "mailFolder")
    found = _own_folder(mailbox, folder)
    if "displayName" in body:
        found["displayName"] = _checked_name(mailbox, found["parentFolderId"], body["displayName"])
    mailbox.folders.touch(found["id"], call.now)
    return _entity(call, user, mailbox, found)


@route("DELETE", "/users/{user}/mailFolders/{folder}", MAIL_WRITE)
def delete_folder(call: Call, user: str, folder: str) -> Answer:
    """To Deleted Items; from there for good, with everything inside."""
    mailbox = open_mailbox(call, user)
    found = _own_folder(mailbox, folder)
    bin_id = mailbox.folder_id("deleteditems")
    if found["parentFolderId"] != bin_id:
        found["parentFolderId"] = bin_id
        mailbox.folders.touch(found["id"], call.now)
    else:
        _remove(mailbox, found, call)
    return Answer(status=204)


@route("POST", "/users/{user}/mailFolders/{folder}/move", MAIL_WRITE)
def move_folder(call: Call, user: str, folder: str) -> Answer:
    mailbox = open_mailbox(call, user)
    found = _own_folder(mailbox, folder)
    target = mailbox.folder_id(str(call.json_body().get("destinationId")))
    above = target
    while above != mailbox.folder(above)["parentFolderId"]:
        if above == found["id"]:
            raise GraphError(400, "ErrorMoveCopyFailed", "A folder cannot move into itself.")
        above = mailbox.folder(above)["parentFolderId"]
    _checked_name(mailbox, target, found["displayName"])
    found["parentFolderId"] = target
    mailbox.folders.touch(found["id"], call.now)
    return _entity(call, user, mailbox, found, status=201)


@route("POST", "/users/{user}/mailFolders/{folder}/copy", MAIL_WRITE)
def copy_folder(call: Call, user: str, folder: str) -> Answer:
    mailbox = open_mailbox(call, user)
    source = mailbox.folder(folder)
    target = mailbox.folder_id(str(call.json_body().get("destinationId")))
    name = _checked_name(mailbox, target, source["displayName"])
    twin = mailbox.add_folder(name, target, call.now)
    for message in list(mailbox.messages[source["id"]]):
        mailbox.copy(message, twin["id"], call.now)
    return _entity(call, user, mailbox, twin, status=201)


def _own_folder(mailbox: Mailbox, key: str) -> Item:
    found = mailbox.folder(key)
    if mailbox.is_well_known(found["id"]):
        raise GraphError(
            403, "ErrorDeleteDistinguishedFolder",
            "Distinguished folders cannot be renamed, moved or deleted.",
        )  # fmt: skip
    return found


def _remove(mailbox: Mailbox, folder: Item, call: Call) -> None:
    for child in mailbox.children(folder["id"]):
        _remove(mailbox, child, call)
    for message in list(mailbox.messages[folder["id"]]):
        mailbox.take_out(message, call.now)
    del mailbox.messages[folder["id"]]
    mailbox.folders.remove(folder["id"], call.now)
