"""Contact folders: list, read, create, rename, delete, delta. The contacts in them are left to `contacts`."""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .contact_store import open_contacts
from .graph import route
from .outlook import check_properties
from .scopes import CONTACTS_READ, CONTACTS_WRITE

_FOLDERS = "/users/{user}/contactFolders"
_ONE = f"{_FOLDERS}/{{folder}}"
_KNOWN = ("displayName", "parentFolderId", "singleValueExtendedProperties", "multiValueExtendedProperties")


def _name(body: Item) -> str:
    name = body.get("displayName")
    if not isinstance(name, str) or not name.strip():
        raise GraphError(400, "ErrorInvalidRequest", "The displayName must not be empty.")
    return name


@route("GET", _FOLDERS, CONTACTS_READ)
@route("GET", f"{_ONE}/childFolders", CONTACTS_READ)
def list_folders(call: Call, user: str, folder: str | None = None) -> Answer:
    """The folders in another, or those beside the default one."""
    store = open_contacts(call, user)
    parent_id = store.root_id if folder is None else store.folder(folder)["id"]
    return call.collection(store.children(parent_id), paging="$skip", always=("id",))


@route("POST", _FOLDERS, CONTACTS_WRITE)
@route("POST", f"{_ONE}/childFolders", CONTACTS_WRITE)
def create_folder(call: Call, user: str, folder: str | None = None) -> Answer:
    """A new folder."""
    store, body = open_contacts(call, user), call.json_body()
    check_properties(body, _KNOWN, "contactFolder")
    parent_id = store.parent_id(folder or body.get("parentFolderId") or store.root_id)
    made = store.add_folder(_name(body), parent_id, call.now)
    return call.entity(made, status=201, context=f"users('{user}')/contactFolders/$entity")


@route("GET", f"{_FOLDERS}/delta", CONTACTS_READ)
def folders_delta(call: Call, user: str) -> Answer:
    """The changes of the folders of a mailbox."""
    store = open_contacts(call, user)
    return call.changes(store.folders, stream=f"contactFolders/{store.root_id}")


@route("GET", _ONE, CONTACTS_READ)
def get_folder(call: Call, user: str, folder: str) -> Answer:
    """One folder."""
    return call.entity(open_contacts(call, user).folder(folder), always=("id",))


@route("PATCH", _ONE, CONTACTS_WRITE)
def update_folder(call: Call, user: str, folder: str) -> Answer:
    """Rename a folder, or put it into another."""
    store, body = open_contacts(call, user), call.json_body()
    check_properties(body, _KNOWN, "contactFolder")
    found = store.folder(folder)
    if found["id"] == store.default_id:
        raise GraphError(403, "ErrorAccessDenied", "The default folder cannot be changed.")
    name = _name(found | body)
    parent_id = store.parent_id(body.get("parentFolderId") or found["parentFolderId"])
    if (name.casefold(), parent_id) != (found["displayName"].casefold(), found["parentFolderId"]):
        store.check_name(name, parent_id)
    found |= {"displayName": name, "parentFolderId": parent_id}
    store.folders.touch(found["id"], call.now)
    return call.entity(found)


@route("DELETE", _ONE, CONTACTS_WRITE)
@route("POST", f"{_ONE}/permanentDelete", CONTACTS_WRITE)
def delete_folder(call: Call, user: str, folder: str) -> Answer:
    """Delete a folder with the contacts and folders in it."""
    store = open_contacts(call, user)
    store.remove_folder(store.folder(folder), call.now)
    return Answer(status=204)
