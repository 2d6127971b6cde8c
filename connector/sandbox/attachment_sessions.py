"""Upload sessions for large attachments: opened on Graph, filled range by range on the content host.

Source: Microsoft: Attach large files to Outlook messages or events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .answers import Answer, GraphError
from .attachments import (
    SMALL_LIMIT_BYTES,
    Holder,
    attachment_id,
    event_holder,
    fill,
    message_holder,
    new_attachment,
)
from .call import Call
from .changelog import Item
from .content import content
from .graph import route
from .outlook import precise_timestamp
from .scopes import CALENDARS_WRITE, MAIL_WRITE
from .state import Ticket

LARGEST_BYTES = 150 * 1024 * 1024
RANGE_LIMIT_BYTES = 4 * 1024 * 1024
SESSION_SECONDS = 7200
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(slots=True)
class Session:
    """An upload under way."""

    holder: Holder
    described: Item
    """The AttachmentItem with which it was opened."""
    path: str
    """What it is for, as the Location of the finished attachment names it."""
    received: bytearray = field(default_factory=bytearray)
    starts: list[int] = field(default_factory=list)
    """Where each range received begins."""
    has_lost_a_range: bool = False

    @property
    def size(self) -> int:
        """The announced size in bytes."""
        size: int = self.described["size"]
        return size

    def write(self, data: bytes) -> None:
        """Take the next range."""
        self.starts.append(len(self.received))
        self.received += data

    def lose_range(self, number: int) -> None:
        """Forget everything from the range with this number, counted from 1, once the next has come; once."""
        if number and not self.has_lost_a_range and len(self.starts) > number:
            del self.received[self.starts[number - 1] :]
            del self.starts[number - 1 :]
            self.has_lost_a_range = True


@route("POST", "/users/{user}/messages/{message}/attachments/createUploadSession", MAIL_WRITE)
def open_message_session(call: Call, user: str, message: str) -> Answer:
    return _opened(call, user, message_holder(call, user, message), "Messages")


@route("POST", "/users/{user}/events/{event}/attachments/createUploadSession", CALENDARS_WRITE)
def open_event_session(call: Call, user: str, event: str) -> Answer:
    return _opened(call, user, event_holder(call, user, event), "Events")


def _opened(call: Call, user: str, holder: Holder, collection: str) -> Answer:
    if call.user is not None and not call.is_own(user):
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    body = {name.casefold(): value for name, value in call.json_body().items()}
    described = _checked(body.get("attachmentitem"))
    path = f"Users('{quote(user, safe='')}')/{collection}('{quote(holder.shown_id, safe='')}')"
    session = Session(holder, described, path)
    url = call.content_url("attachment", lifetime_seconds=SESSION_SECONDS, session=session)
    expires_at = _expiry(call.world.tickets[url.rpartition("/")[2]])
    return Answer(status=201, body={
        "@odata.context": call.context_url("microsoft.graph.uploadSession"), "uploadUrl": url,
        "expirationDateTime": expires_at, "nextExpectedRanges": ["0-"],
    })  # fmt: skip


def _checked(described: Any) -> Item:
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
    return described


def _expiry(ticket: Ticket) -> str:
    assert ticket.expires_at is not None
    return precise_timestamp(ticket.expires_at)


def _session(ticket: Ticket) -> Session:
    session: Session = ticket.data["session"]
    return session


@content("GET", "attachment")
def show_session(call: Call, ticket: Ticket) -> Answer:
    """How far the upload is, in Outlook's manner: capital initials, and where the next range begins."""
    return Answer(body={
        "ExpirationDateTime": _expiry(ticket), "NextExpectedRanges": [str(len(_session(ticket).received))],
    })  # fmt: skip


@content("DELETE", "attachment")
def cancel_session(call: Call, ticket: Ticket) -> Answer:
    del call.world.tickets[_token(call)]
    return Answer(status=204)


@content("PUT", "attachment")
def put_range(call: Call, ticket: Ticket) -> Answer:
    """The next range; in order, 4 MB at most, of the size that the session was opened for."""
    session = _session(ticket)
    match = _RANGE.fullmatch(call.headers.get("Content-Range", ""))
    if match is None:
        raise GraphError(400, "ErrorInvalidArgument", "The Content-Range header is missing or not valid.")
    first, last, total = (int(number) for number in match.groups())
    length = last - first + 1
    if total != session.size or last >= total or length != call.stream_bytes:
        raise GraphError(400, "ErrorInvalidArgument", "The Content-Range does not fit the attachment.")
    if length > RANGE_LIMIT_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "A range must not be larger than 4 MB.")
    if first != len(session.received):
        raise GraphError(
            416, "ErrorInvalidRange", f"The next expected range begins at {len(session.received)}."
        )
    session.write(call.stream.read())
    session.lose_range(call.world.switches.upload_lost_fragment)
    return show_session(call, ticket) if len(session.received) < total else _completed(call, session)


def _completed(call: Call, session: Session) -> Answer:
    described = session.described
    attachment = new_attachment(
        call.world, {"name": described["name"], "isInline": described.get("isInline")}
    )
    fill(attachment, bytes(session.received), described)
    session.holder.attach(attachment, call.now)
    del call.world.tickets[_token(call)]
    key = quote(attachment_id(session.holder.shown_id, attachment), safe="")
    location = f"{call.origin}/api/v2.0/{session.path}/Attachments('{key}')"
    return Answer(status=201, content=b"", headers={"Location": location})


def _token(call: Call) -> str:
    return call.url.rpartition("/")[2]
