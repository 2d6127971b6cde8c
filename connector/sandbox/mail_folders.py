"""Mail folders, search folders among them: list, read, create, rename, delete, move, copy, and their changes.

Source: Microsoft: mailFolder, mailSearchFolder resource types.
"""

from __future__ import annotations

from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .mailbox import ROOT, Mailbox, open_mailbox
from .odata_filter import BadFilter, parse_filter
from .outlook import EXTENDED, case_insensitive_query, check_properties, not_found
from .scopes import MAIL_READ_BASIC, MAIL_WRITE

_KNOWN = (
    "id", "displayName", "isHidden", "parentFolderId", "childFolderCount", "totalItemCount",
    "unreadItemCount", EXTENDED, "multiValueExtendedProperties",
)  # fmt: skip
_SEARCH = ("filterQuery", "includeNestedFolders", "sourceFolderIds", "isSupported")
_ONE = "/users/{user}/mailFolders/{folder}"


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
    shown = mailbox.shown_folder(folder)
    return call.entity(shown, status=status, context=context, always=("id", "@odata.type"))


def _created(call: Call, user: str, parent: str) -> Answer:
    mailbox = open_mailbox(call, user)
    body, parent_id = call.json_body(), mailbox.folder_id(parent)
    search = _search(mailbox, body, {}) if _is_search(body) else None
    check_properties(body, _KNOWN if search is None else (*_KNOWN, *_SEARCH), "mailFolder")
    name = _checked_name(mailbox, parent_id, body.get("displayName"))
    folder = mailbox.add_folder(name, parent_id, call.now, hidden=bool(body.get("isHidden")))
    if search is not None:
        folder["_search"] = search
    return _entity(call, user, mailbox, folder, status=201)


def _is_search(body: Item) -> bool:
    return str(body.get("@odata.type", "")).lstrip("#").casefold() == "microsoft.graph.mailsearchfolder"


def _search(mailbox: Mailbox, body: Item, kept: Item) -> Item:
    """What a search folder looks for, after a body; raises 400, and 404 for a folder that is not there."""
    wanted = {"includeNestedFolders": False} | kept | {name: body[name] for name in _SEARCH if name in body}
    sources, condition = wanted.get("sourceFolderIds"), wanted.get("filterQuery")
    if not isinstance(sources, list) or not sources or not isinstance(condition, str):
        raise GraphError(
            400, "ErrorInvalidRequest", "A search folder needs sourceFolderIds and a filterQuery."
        )
    try:
        parse_filter(condition)
    except BadFilter as error:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: {error}") from None
    return {
        "isSupported": True, "includeNestedFolders": bool(wanted["includeNestedFolders"]),
        "sourceFolderIds": [mailbox.folder_id(str(key)) for key in sources], "filterQuery": condition,
    }  # fmt: skip


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


@route("GET", f"{_ONE}/childFolders/{{child}}", MAIL_READ_BASIC)
def get_child_folder(call: Call, user: str, folder: str, child: str) -> Answer:
    """A folder, if it lies directly inside the other."""
    mailbox = open_mailbox(call, user)
    found = mailbox.folder(child)
    if found["parentFolderId"] != mailbox.folder_id(folder):
        raise not_found()
    return _entity(call, user, mailbox, found)


@route("PATCH", "/users/{user}/mailFolders/{folder}", MAIL_WRITE)
def update_folder(call: Call, user: str, folder: str) -> Answer:
    mailbox, body = open_mailbox(call, user), call.json_body()
    found = _own_folder(mailbox, folder)
    check_properties(body, (*_KNOWN, *_SEARCH) if "_search" in found else _KNOWN, "mailFolder")
    if body.get("displayName", found["displayName"]) != found["displayName"]:
        found["displayName"] = _renamed(mailbox, found, body["displayName"])
    if "_search" in found:
        found["_search"] = _search(mailbox, body, found["_search"])
    mailbox.folders.touch(found["id"], call.now)
    return _entity(call, user, mailbox, found)


def _renamed(mailbox: Mailbox, folder: Item, name: Any) -> str:
    """A new name for a folder; that it differs in letter case alone is no conflict."""
    if isinstance(name, str) and name.casefold() == folder["displayName"].casefold():
        return name
    return _checked_name(mailbox, folder["parentFolderId"], name)


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


@route("POST", f"{_ONE}/permanentDelete", MAIL_WRITE)
def delete_permanently(call: Call, user: str, folder: str) -> Answer:
    """For good, with everything inside."""
    mailbox = open_mailbox(call, user)
    _remove(mailbox, _own_folder(mailbox, folder), call)
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
    _checked_name(mailbox, target, source["displayName"])
    return _entity(call, user, mailbox, _copied(mailbox, source, target, call), status=201)


def _copied(mailbox: Mailbox, source: Item, target: str, call: Call) -> Item:
    """A copy of a folder with its messages and the folders inside it."""
    messages, inside = list(mailbox.messages.get(source["id"], ())), mailbox.children(source["id"])
    twin = mailbox.add_folder(source["displayName"], target, call.now, hidden=source["isHidden"])
    if "_search" in source:
        twin["_search"] = dict(source["_search"])
    for message in messages:
        mailbox.copy(message, twin["id"], call.now)
    for child in inside:
        _copied(mailbox, child, twin["id"], call)
    return twin


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
