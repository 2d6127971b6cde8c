"""Attachments of messages and events: files, items and links, as JSON carries them.

An attachment's id begins with the id of what it is attached to, in whichever form the caller sees that.
Large files are left to `attachment_sessions`. Source: Microsoft: attachment resource type.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .event_items import find_event, open_event
from .graph import route
from .mailbox import open_mailbox
from .mime import mime_of
from .outlook import not_found, timestamp
from .scopes import CALENDARS_READ, CALENDARS_WRITE, MAIL_READ, MAIL_WRITE
from .state import World

SMALL_LIMIT_BYTES = 3 * 1024 * 1024
"""Attachments from this size on need an upload session."""
REQUEST_LIMIT_BYTES = 4 * 1024 * 1024 + 16 * 1024
"""Requests with JSON or MIME that are longer are refused; a file just below 3 MiB in base64 still fits."""
_OVERHEAD_BYTES = 250
_TYPES = {"fileattachment": "fileAttachment", "itemattachment": "itemAttachment",
          "referenceattachment": "referenceAttachment"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    """What attachments hang on: a message or an event."""

    item: Item
    """Keeps its attachments under `_attachments`."""
    ids: tuple[str, str, str]
    """The id that the caller used, the one that the caller prefers, and the lasting one."""
    touch: Callable[[datetime], None]
    """Notes that it was altered; raises 404 when it is gone."""

    @property
    def shown_id(self) -> str:
        """The id in the form that the caller prefers."""
        return self.ids[1]

    def attach(self, attachment: Item, now: datetime) -> None:
        """Hang an attachment on it; raises 404 when it is gone."""
        self.item["_attachments"].append(attachment)
        self.touch(now)


def check_request_size(call: Call) -> None:
    """Raise 413 for a request that is longer than Outlook takes."""
    if call.stream_bytes > REQUEST_LIMIT_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "Maximum request length exceeded.")


def new_attachment(world: World, given: Any) -> Item:
    """An attachment as a body describes it; raises 400, and 413 when the file is too large for a body."""
    if not isinstance(given, dict):
        raise GraphError(400, "RequestBodyRead", "An attachment is expected.")
    type_name = str(given.get("@odata.type", "#microsoft.graph.fileAttachment")).rpartition(".")[2]
    kind = _TYPES.get(type_name.casefold())
    if kind is None:
        raise GraphError(400, "RequestBodyRead", f"The type '{type_name}' is no attachment.")
    if not given.get("name"):
        raise GraphError(
            400, "ErrorInvalidRequest", "Required property 'name' is missing for the attachment."
        )
    attachment: Item = {
        "@odata.type": f"#microsoft.graph.{kind}", "id": "",
        "lastModifiedDateTime": timestamp(world.clock.now()), "name": str(given["name"]),
        "contentType": given.get("contentType"), "size": 0, "isInline": bool(given.get("isInline")),
        "_code": world.new_guid().replace("-", "")[:24],
    }  # fmt: skip
    if kind == "fileAttachment":
        data = _decoded(given.get("contentBytes"))
        if len(data) >= SMALL_LIMIT_BYTES:
            raise GraphError(413, "RequestEntityTooLarge", "The attachment is too large for one request.")
        fill(attachment, data, given)
    elif kind == "itemAttachment":
        if not isinstance(given.get("item"), dict):
            raise GraphError(400, "ErrorInvalidRequest", "Required property 'item' is missing.")
        attachment |= {"_item": given["item"], "size": len(str(given["item"])) + _OVERHEAD_BYTES}
    else:
        attachment |= {"size": _OVERHEAD_BYTES, "_source_url": given.get("sourceUrl")}
    return attachment


def fill(attachment: Item, data: bytes, given: Item) -> None:
    """Put the content of a file into its attachment."""
    guessed = mimetypes.guess_type(attachment["name"])[0]
    kind = given.get("contentType") or guessed or "application/octet-stream"
    attachment |= {
        "@odata.mediaContentType": kind, "contentType": kind, "size": len(data) + _OVERHEAD_BYTES,
        "contentId": given.get("contentId"), "contentLocation": given.get("contentLocation"),
        "_content": data,
    }  # fmt: skip


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise GraphError(
            400,
            "UnableToDeserializePostBody",
            "Cannot convert the value of 'contentBytes' to type 'Edm.Binary'.",
        ) from None


def shown_attachments(parent_id: str) -> Callable[[Item], list[Item]]:
    """What `$expand=attachments` shows of the item with this id."""
    return lambda item: [_shown(entry, parent_id) for entry in item["_attachments"]]


def attachment_id(parent_id: str, attachment: Item) -> str:
    """The id of an attachment of the item with this id."""
    return f"{parent_id.rstrip('=')}BEgAQ{attachment['_code']}="


def _shown(attachment: Item, parent_id: str) -> Item:
    view = attachment | {"id": attachment_id(parent_id, attachment)}
    if "_content" in attachment:
        view["contentBytes"] = base64.b64encode(attachment["_content"]).decode()
    return view


def message_holder(call: Call, user: str, message: str, folder: str | None = None) -> Holder:
    """A message by id; raises 400, 403 and 404."""
    mailbox = open_mailbox(call, user)
    found = mailbox.message(message, folder)
    shown_id = mailbox.ids.shown(call, found["id"], found["parentFolderId"])
    ids = (message, shown_id, found["id"])
    return Holder(found, ids, lambda now: mailbox.touch(mailbox.message(found["id"]), now))


def event_holder(call: Call, user: str, event: str) -> Holder:
    """An event by id; raises 400, 403 and 404."""
    found = open_event(call, user, event)
    ids = (event, found.shown_id(call), found.item["id"])
    return Holder(found.item, ids, lambda now: find_event(found.store, ids[0]).touch(now))


def _find(holder: Holder, key: str) -> Item:
    attachments: list[Item] = holder.item["_attachments"]
    for attachment in attachments:
        if key in (attachment_id(parent_id, attachment) for parent_id in holder.ids):
            return attachment
    raise not_found()


def _listed(call: Call, holder: Holder) -> Answer:
    return call.collection(
        shown_attachments(holder.shown_id)(holder.item),
        always=("id", "@odata.type", "@odata.mediaContentType"),
    )


def _got(call: Call, holder: Holder, key: str) -> Answer:
    return call.entity(
        _shown(_find(holder, key), holder.shown_id), always=("id", "@odata.type", "@odata.mediaContentType"),
        expand={"item": lambda attachment: attachment.get("_item")},
    )  # fmt: skip


def _added(call: Call, holder: Holder) -> Answer:
    check_request_size(call)
    attachment = new_attachment(call.world, call.json_body())
    holder.attach(attachment, call.now)
    return call.entity(_shown(attachment, holder.shown_id), status=201, context=f"{call.context}/$entity")


def _deleted(call: Call, holder: Holder, key: str) -> Answer:
    holder.item["_attachments"].remove(_find(holder, key))
    holder.touch(call.now)
    return Answer(status=204)


def _raw(holder: Holder, key: str) -> Answer:
    found = _find(holder, key)
    if "_content" in found:
        return Answer(content=found["_content"], headers={"Content-Type": found["contentType"]})
    if "_item" not in found:
        raise GraphError(400, "ErrorInvalidRequest", "A reference attachment has no content.")
    return Answer(content=_item_as_mime(found), headers={"Content-Type": "text/plain"})


def _item_as_mime(attachment: Item) -> bytes:
    item = attachment["_item"]
    nobody = {"emailAddress": {"name": "", "address": "unknown@unknown.invalid"}}
    return mime_of({
        "from": item.get("from", nobody), "toRecipients": item.get("toRecipients", []),
        "ccRecipients": [], "bccRecipients": [], "replyTo": [],
        "subject": item.get("subject") or attachment["name"],
        "sentDateTime": attachment["lastModifiedDateTime"],
        "internetMessageId": f"<{attachment['_code']}@item>",
        "_headers": [], "_attachments": [],
        "body": {"contentType": "text", "content": (item.get("body") or {}).get("content") or ""},
    })  # fmt: skip


_IN_MAILBOX = "/users/{user}/messages/{message}/attachments"
_IN_FOLDER = "/users/{user}/mailFolders/{folder}/messages/{message}/attachments"
_OF_EVENT = "/users/{user}/events/{event}/attachments"


@route("GET", _IN_MAILBOX, MAIL_READ)
@route("GET", _IN_FOLDER, MAIL_READ)
def list_message_attachments(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    return _listed(call, message_holder(call, user, message, folder))


@route("POST", _IN_MAILBOX, MAIL_WRITE)
@route("POST", _IN_FOLDER, MAIL_WRITE)
def add_message_attachment(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    return _added(call, message_holder(call, user, message, folder))


@route("GET", f"{_IN_MAILBOX}/{{attachment}}", MAIL_READ)
def get_message_attachment(call: Call, user: str, message: str, attachment: str) -> Answer:
    return _got(call, message_holder(call, user, message), attachment)


@route("GET", f"{_IN_MAILBOX}/{{attachment}}/$value", MAIL_READ)
def get_message_attachment_content(call: Call, user: str, message: str, attachment: str) -> Answer:
    return _raw(message_holder(call, user, message), attachment)


@route("DELETE", f"{_IN_MAILBOX}/{{attachment}}", MAIL_WRITE)
def delete_message_attachment(call: Call, user: str, message: str, attachment: str) -> Answer:
    return _deleted(call, message_holder(call, user, message), attachment)


@route("GET", _OF_EVENT, CALENDARS_READ)
def list_event_attachments(call: Call, user: str, event: str) -> Answer:
    return _listed(call, event_holder(call, user, event))


@route("POST", _OF_EVENT, CALENDARS_WRITE)
def add_event_attachment(call: Call, user: str, event: str) -> Answer:
    return _added(call, event_holder(call, user, event))


@route("GET", f"{_OF_EVENT}/{{attachment}}", CALENDARS_READ)
def get_event_attachment(call: Call, user: str, event: str, attachment: str) -> Answer:
    return _got(call, event_holder(call, user, event), attachment)


@route("GET", f"{_OF_EVENT}/{{attachment}}/$value", CALENDARS_READ)
def get_event_attachment_content(call: Call, user: str, event: str, attachment: str) -> Answer:
    return _raw(event_holder(call, user, event), attachment)


@route("DELETE", f"{_OF_EVENT}/{{attachment}}", CALENDARS_WRITE)
def delete_event_attachment(call: Call, user: str, event: str, attachment: str) -> Answer:
    return _deleted(call, event_holder(call, user, event), attachment)
