"""Attachments of messages and events: files, items and links, small ones in JSON, large ones by session.

An attachment's id begins with the id of what it is attached to, in whichever form the caller sees that.
Source: Microsoft: attachment resource type; Attach large files to Outlook messages or events.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .content import content
from .event_items import open_event
from .graph import route
from .mailbox import open_mailbox
from .mime import mime_of
from .outlook import not_found, precise_timestamp, timestamp
from .scopes import CALENDARS_READ, CALENDARS_WRITE, MAIL_READ, MAIL_WRITE
from .state import Ticket, World

SMALL_LIMIT_BYTES = 3 * 1024 * 1024
"""Attachments from this size on need an upload session."""
REQUEST_LIMIT_BYTES = 4 * 1024 * 1024
"""Requests with JSON or MIME that are longer are refused."""
LARGEST_BYTES = 150 * 1024 * 1024
_FRAGMENT_LIMIT_BYTES = 4 * 1024 * 1024
_SESSION_SECONDS = 7200
_OVERHEAD_BYTES = 250
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_TYPES = {"fileattachment": "fileAttachment", "itemattachment": "itemAttachment",
          "referenceattachment": "referenceAttachment"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    """What attachments hang on: a message or an event."""

    item: Item
    """Keeps its attachments under `_attachments`."""
    shown_id: str
    ids: tuple[str, ...]
    """Every id under which it is known."""
    touch: Callable[[], None]


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
        _fill(attachment, data, given)
    elif kind == "itemAttachment":
        if not isinstance(given.get("item"), dict):
            raise GraphError(400, "ErrorInvalidRequest", "Required property 'item' is missing.")
        attachment |= {"_item": given["item"], "size": len(str(given["item"])) + _OVERHEAD_BYTES}
    else:
        attachment |= {"size": _OVERHEAD_BYTES, "_source_url": given.get("sourceUrl")}
    return attachment


def _fill(attachment: Item, data: bytes, given: Item) -> None:
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


def _attachment_id(parent_id: str, attachment: Item) -> str:
    return f"{parent_id.rstrip('=')}BEgAQ{attachment['_code']}="


def _shown(attachment: Item, parent_id: str) -> Item:
    view = attachment | {"id": _attachment_id(parent_id, attachment)}
    if "_content" in attachment:
        view["contentBytes"] = base64.b64encode(attachment["_content"]).decode()
    return view


def _message_holder(call: Call, user: str, message: str, folder: str | None = None) -> Holder:
    mailbox = open_mailbox(call, user)
    found = mailbox.message(message, folder)
    shown_id = mailbox.ids.shown(call, found["id"], found["parentFolderId"])
    return Holder(found, shown_id, (message, shown_id, found["id"]), lambda: mailbox.touch(found, call.now))


def _event_holder(call: Call, user: str, event: str) -> Holder:
    found = open_event(call, user, event)
    return Holder(
        found.item, found.shown_id(call), (event, found.shown_id(call), found.item["id"]),
        lambda: found.touch(call.now),
    )  # fmt: skip


def _find(holder: Holder, key: str) -> Item:
    attachments: list[Item] = holder.item["_attachments"]
    for attachment in attachments:
        if key in (_attachment_id(parent_id, attachment) for parent_id in holder.ids):
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
    holder.item["_attachments"].append(attachment)
    holder.touch()
    return call.entity(_shown(attachment, holder.shown_id), status=201)


def _deleted(holder: Holder, key: str) -> Answer:
    holder.item["_attachments"].remove(_find(holder, key))
    holder.touch()
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
        "sentDateTime": attachment["lastModifiedDateTime"], "internetMessageId": f"<{attachment['_code']}@item>",
        "_headers": [], "_attachments": [],
        "body": {"contentType": "text", "content": (item.get("body") or {}).get("content") or ""},
    })  # fmt: skip


_IN_MAILBOX = "/users/{user}/messages/{message}/attachments"
_IN_FOLDER = "/users/{user}/mailFolders/{folder}/messages/{message}/attachments"
_OF_EVENT = "/users/{user}/events/{event}/attachments"


@route("GET", _IN_MAILBOX, MAIL_READ)
@route("GET", _IN_FOLDER, MAIL_READ)
def list_message_attachments(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    return _listed(call, _message_holder(call, user, message, folder))


@route("POST", _IN_MAILBOX, MAIL_WRITE)
@route("POST", _IN_FOLDER, MAIL_WRITE)
def add_message_attachment(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    return _added(call, _message_holder(call, user, message, folder))


@route("GET", f"{_IN_MAILBOX}/{{attachment}}", MAIL_READ)
def get_message_attachment(call: Call, user: str, message: str, attachment: str) -> Answer:
    return _got(call, _message_holder(call, user, message), attachment)


@route("GET", f"{_IN_MAILBOX}/{{attachment}}/$value", MAIL_READ)
def get_message_attachment_content(call: Call, user: str, message: str, attachment: str) -> Answer:
    return _raw(_message_holder(call, user, message), attachment)


@route("DELETE", f"{_IN_MAILBOX}/{{attachment}}", MAIL_WRITE)
def delete_message_attachment(call: Call, user: str, message: str, attachment: str) -> Answer:
    return _deleted(_message_holder(call, user, message), attachment)


@route("POST", f"{_IN_MAILBOX}/createUploadSession", MAIL_WRITE)
def open_message_session(call: Call, user: str, message: str) -> Answer:
    return _session(call, user, _message_holder(call, user, message), "Messages")


@route("GET", _OF_EVENT, CALENDARS_READ)
def list_event_attachments(call: Call, user: str, event: str) -> Answer:
    return _listed(call, _event_holder(call, user, event))


@route("POST", _OF_EVENT, CALENDARS_WRITE)
def add_event_attachment(call: Call, user: str, event: str) -> Answer:
    return _added(call, _event_holder(call, user, event))


@route("GET", f"{_OF_EVENT}/{{attachment}}", CALENDARS_READ)
def get_event_attachment(call: Call, user: str, event: str, attachment: str) -> Answer:
    return _got(call, _event_holder(call, user, event), attachment)


@route("GET", f"{_OF_EVENT}/{{attachment}}/$value", CALENDARS_READ)
def get_event_attachment_content(call: Call, user: str, event: str, attachment: str) -> Answer:
    return _raw(_event_holder(call, user, event), attachment)


@route("DELETE", f"{_OF_EVENT}/{{attachment}}", CALENDARS_WRITE)
def delete_event_attachment(call: Call, user: str, event: str, attachment: str) -> Answer:
    return _deleted(_event_holder(call, user, event), attachment)


@route("POST", f"{_OF_EVENT}/createUploadSession", CALENDARS_WRITE)
def open_event_session(call: Call, user: str, event: str) -> Answer:
    return _session(call, user, _event_holder(call, user, event), "Events")


# Upload sessions


def _session(call: Call, user: str, holder: Holder, collection: str) -> Answer:
    if call.user is not None and not call.is_own(user):
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    body = {name.casefold(): value for name, value in call.json_body().items()}
    described = body.get("attachmentitem")
    if not isinstance(described, dict) or not described.get("name"):
        raise GraphError(
            400, "ErrorInvalidRequest", "The AttachmentItem needs attachmentType, name and size."
        )
    size = described.get("size")
    if not isinstance(size, int) or size < SMALL_LIMIT_BYTES:
        raise GraphError(
            400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
            "The attachment size should not be less than the minimum size of 3 MB for an upload session.",
        )  # fmt: skip
    if size > LARGEST_BYTES:
        raise GraphError(
            400, "ErrorAttachmentSizeLimitExceeded", "The attachment size exceeds the limit of 150 MB."
        )
    url = call.content_url(
        "attachment", lifetime_seconds=_SESSION_SECONDS, holder=holder, described=described, size=size,
        received=bytearray(), path=f"Users('{quote(user, safe='')}')/{collection}('{quote(holder.shown_id, safe='')}')",
    )  # fmt: skip
    expires_at = call.world.tickets[url.rpartition("/")[2]].expires_at
    assert expires_at is not None
    return Answer(status=201, body={
        "@odata.context": call.context_url("microsoft.graph.uploadSession"), "uploadUrl": url,
        "expirationDateTime": precise_timestamp(expires_at), "nextExpectedRanges": ["0-"],
    })  # fmt: skip


def _progress(ticket: Ticket) -> Answer:
    assert ticket.expires_at is not None
    return Answer(body={
        "ExpirationDateTime": precise_timestamp(ticket.expires_at),
        "NextExpectedRanges": [str(len(ticket.data["received"]))],
    })  # fmt: skip


@content("GET", "attachment")
def session_status(call: Call, ticket: Ticket) -> Answer:
    return _progress(ticket)


@content("DELETE", "attachment")
def cancel_session(call: Call, ticket: Ticket) -> Answer:
    del call.world.tickets[_token(call)]
    return Answer(status=204)


@content("PUT", "attachment")
def put_range(call: Call, ticket: Ticket) -> Answer:
    """The next range; in order, 4 MB at most, of the size that the session was opened for."""
    match = _RANGE.fullmatch(call.headers.get("Content-Range", ""))
    if match is None:
        raise GraphError(400, "ErrorInvalidArgument", "The Content-Range header is missing or not valid.")
    first, last, total = (int(number) for number in match.groups())
    received: bytearray = ticket.data["received"]
    length = last - first + 1
    if total != ticket.data["size"] or last >= total or length != call.stream_bytes:
        raise GraphError(400, "ErrorInvalidArgument", "The Content-Range does not fit the attachment.")
    if length > _FRAGMENT_LIMIT_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "A range must not be larger than 4 MB.")
    if first != len(received):
        raise GraphError(416, "ErrorInvalidRange", f"The next expected range begins at {len(received)}.")
    received += call.stream.read()
    if len(received) < total:
        return _progress(ticket)
    return _completed(call, ticket)


def _completed(call: Call, ticket: Ticket) -> Answer:
    holder: Holder = ticket.data["holder"]
    described = ticket.data["described"]
    attachment = new_attachment(call.world, {
        "name": described["name"], "isInline": described.get("isInline"),
    })  # fmt: skip
    _fill(attachment, bytes(ticket.data["received"]), described)
    holder.item["_attachments"].append(attachment)
    holder.touch()
    del call.world.tickets[_token(call)]
    key = quote(_attachment_id(holder.shown_id, attachment), safe="")
    location = f"{call.origin}/api/v2.0/{ticket.data['path']}/Attachments('{key}')"
    return Answer(status=201, content=b"", headers={"Location": location})


def _token(call: Call) -> str:
    return call.url.rpartition("/")[2]
