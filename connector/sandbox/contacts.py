"""Contacts: list, read, create, change, delete, their photos, and delta. Folders: `contact_folders`.

Source: Microsoft: contact resource type; profilePhoto resource type.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .contact_store import open_contacts
from .graph import route
from .odata_filter import BadFilter, parse_filter
from .outlook import EXTENDED, expanded_properties
from .scopes import CONTACTS_READ, CONTACTS_WRITE

PHOTO_LIMIT_BYTES = 4 * 1024 * 1024
_FOLDER = "/users/{user}/contactFolders/{folder}/contacts"
_ALL = "/users/{user}/contacts"
_ONE = f"{_ALL}/{{contact}}"
_ONE_IN_FOLDER = f"{_FOLDER}/{{contact}}"
_REFUSED_IN_FILTERS = {"contains", "endswith"}
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif"}
"""How the files of each kind of picture begin."""


@route("GET", _ALL, CONTACTS_READ)
@route("GET", _FOLDER, CONTACTS_READ)
def list_contacts(call: Call, user: str, folder: str = "contacts") -> Answer:
    """The contacts of one folder, the default one unless another is named."""
    store = open_contacts(call, user)
    _check_filter(call)
    delay = call.world.switches.read_after_write_delay_seconds
    found = store.contacts[store.folder(folder)["id"]].visible(call.now, delay)
    shown = [store.shown(call, contact) for contact in found]
    return call.collection(shown, paging="$skip", expand={EXTENDED: expanded_properties(call)})


def _check_filter(call: Call) -> None:
    """Raise 400 for filters that Outlook does not evaluate on contacts."""
    try:
        condition = parse_filter(call.query.get("$filter") or "true eq true")
    except BadFilter as error:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: {error}") from None
    if condition.operators & _REFUSED_IN_FILTERS:
        raise GraphError(
            400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes."
        )


@route("POST", _ALL, CONTACTS_WRITE)
@route("POST", _FOLDER, CONTACTS_WRITE)
def create_contact(call: Call, user: str, folder: str = "contacts") -> Answer:
    """A new contact."""
    store, body = open_contacts(call, user), call.json_body()
    contact = store.add_contact(body, store.folder(folder)["id"], call.now)
    return call.entity(store.shown(call, contact), status=201, context=f"users('{user}')/contacts/$entity")


@route("GET", f"{_ALL}/delta", CONTACTS_READ)
@route("GET", f"{_FOLDER}/delta", CONTACTS_READ)
def contacts_delta(call: Call, user: str, folder: str = "contacts") -> Answer:
    """The changes of one folder."""
    store = open_contacts(call, user)
    folder_id = store.folder(folder)["id"]
    return call.changes(
        store.contacts[folder_id], stream=f"contacts/{folder_id}",
        shape=lambda contact: store.shown(call, contact),
        removed=lambda key, reason: {
            "id": store.ids.shown(call, key, folder_id), "@removed": {"reason": reason},
        },
    )  # fmt: skip


@route("GET", _ONE, CONTACTS_READ)
@route("GET", _ONE_IN_FOLDER, CONTACTS_READ)
def get_contact(call: Call, user: str, contact: str, folder: str | None = None) -> Answer:
    """One contact."""
    store = open_contacts(call, user)
    found = store.shown(call, store.contact(contact, folder))
    return call.entity(found, expand={EXTENDED: expanded_properties(call)})


@route("PATCH", _ONE, CONTACTS_WRITE)
@route("PATCH", _ONE_IN_FOLDER, CONTACTS_WRITE)
def update_contact(call: Call, user: str, contact: str, folder: str | None = None) -> Answer:
    """Change some properties; lists are replaced as a whole."""
    store, body = open_contacts(call, user), call.json_body()
    found = store.contact(contact, folder)
    call.check_if_match(found["@odata.etag"])
    store.change(found, body, call.now)
    return call.entity(store.shown(call, found))


@route("DELETE", _ONE, CONTACTS_WRITE)
@route("DELETE", _ONE_IN_FOLDER, CONTACTS_WRITE)
@route("POST", f"{_ONE}/permanentDelete", CONTACTS_WRITE)
@route("POST", f"{_ONE_IN_FOLDER}/permanentDelete", CONTACTS_WRITE)
def delete_contact(call: Call, user: str, contact: str, folder: str | None = None) -> Answer:
    """Delete a contact; where it can be restored from is not reached by Graph."""
    store = open_contacts(call, user)
    found = store.contact(contact, folder)
    call.check_if_match(found["@odata.etag"])
    store.remove_contact(found, call.now)
    return Answer(status=204)


# Photos


@route("GET", f"{_ONE}/photo", CONTACTS_READ)
def get_photo(call: Call, user: str, contact: str) -> Answer:
    """What is known of the photo."""
    kind, _ = _photo(open_contacts(call, user).contact(contact))
    photo: Item = {"@odata.mediaContentType": kind, "id": "default", "width": 1, "height": 1}
    return call.entity(photo, always=("id", "@odata.mediaContentType"))


@route("GET", f"{_ONE}/photo/$value", CONTACTS_READ)
def get_photo_content(call: Call, user: str, contact: str) -> Answer:
    """The bytes of the photo."""
    kind, data = _photo(open_contacts(call, user).contact(contact))
    return Answer(content=data, headers={"Content-Type": kind})


def _photo(contact: Item) -> tuple[str, bytes]:
    if "_photo" not in contact:
        raise GraphError(404, "ImageNotFound", "Exception of type 'ImageNotFoundException' was thrown.")
    photo: tuple[str, bytes] = contact["_photo"]
    return photo


@route("PUT", f"{_ONE}/photo/$value", CONTACTS_WRITE)
@route("PATCH", f"{_ONE}/photo/$value", CONTACTS_WRITE)
def set_photo(call: Call, user: str, contact: str) -> Answer:
    """Take a picture as the photo; nothing comes back."""
    store = open_contacts(call, user)
    found = store.contact(contact)
    if call.stream_bytes > PHOTO_LIMIT_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "The photo is larger than 4 MB.")
    data = call.stream.read()
    kind = next((kind for start, kind in _PICTURES.items() if data.startswith(start)), None)
    if kind is None or not call.headers.get("Content-Type", "").startswith("image/"):
        raise GraphError(400, "ErrorInvalidImage", "The request has no picture with a media type image/*.")
    found["_photo"] = (kind, data)
    store.touch(found, call.now)
    return Answer(status=200)
