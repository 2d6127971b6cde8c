"""The files of a task of Microsoft To Do: small ones in JSON, larger ones by a session on Graph itself.

Unlike the sessions of messages and files, this one is written to with the token.
Source: Microsoft: Attach files to a To Do task.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .outlook import not_found, precise_timestamp, timestamp
from .scopes import TASKS_READ, TASKS_WRITE
from .todo_store import TodoStore, open_todo

SMALL_LIMIT_BYTES = 3 * 1024 * 1024
"""Files from this size on need an upload session."""
LARGEST_BYTES = 25 * 1024 * 1024
RANGE_LIMIT_BYTES = 4 * 1024 * 1024
SESSION_SECONDS = 7200
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_TASK = "/users/{user}/todo/lists/{todo_list}/tasks/{task}"
_ALL = f"{_TASK}/attachments"
_ONE = f"{_ALL}/{{attachment}}"
_SESSION = f"{_TASK}/attachmentSessions/{{session}}"


@dataclass(slots=True)
class _Session:
    """An upload under way."""

    name: str
    content_type: str | None
    size: int
    expires_at: datetime
    received: bytearray = field(default_factory=bytearray)

    def report(self) -> Item:
        """What the session still waits for."""
        return {
            "expirationDateTime": precise_timestamp(self.expires_at),
            "nextExpectedRanges": [f"{len(self.received)}-"],
        }


def _shown(attachment: Item) -> Item:
    return {"@odata.type": "#microsoft.graph.taskFileAttachment"} | attachment


def _find(task: Item, key: str) -> Item:
    found: Item | None = next((entry for entry in task["_attachments"] if entry["id"] == key), None)
    if found is None:
        raise not_found()
    return found


def _attach(
    call: Call, store: TodoStore, task: Item, name: str, content_type: str | None, data: bytes
) -> Item:
    attachment: Item = {
        "id": call.world.new_id("AAMk"), "name": name, "size": len(data),
        "contentType": content_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
        "lastModifiedDateTime": timestamp(call.now), "_content": data,
    }  # fmt: skip
    task["_attachments"].append(attachment)
    store.touch(task, call.now)
    return attachment


@route("GET", _ALL, TASKS_READ)
def list_attachments(call: Call, user: str, todo_list: str, task: str) -> Answer:
    """The files of a task, without their bytes."""
    found = open_todo(call, user).task(todo_list, task)
    return call.collection([_shown(entry) for entry in found["_attachments"]])


@route("POST", _ALL, TASKS_WRITE)
def add_attachment(call: Call, user: str, todo_list: str, task: str) -> Answer:
    """A small file."""
    store, body = open_todo(call, user), call.json_body()
    found = store.task(todo_list, task)
    if not body.get("name"):
        raise GraphError(400, "invalidRequest", "An attachment needs a name.")
    data = _decoded(body.get("contentBytes"))
    if len(data) >= SMALL_LIMIT_BYTES:
        raise GraphError(413, "RequestEntityTooLarge", "The attachment is too large for one request.")
    made = _attach(call, store, found, str(body["name"]), body.get("contentType"), data)
    return call.entity(_shown(made), status=201, context=f"{call.context}/$entity")


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        message = "Cannot convert the value of 'contentBytes' to type 'Edm.Binary'."
        raise GraphError(400, "UnableToDeserializePostBody", message) from None


@route("GET", _ONE, TASKS_READ)
def get_attachment(call: Call, user: str, todo_list: str, task: str, attachment: str) -> Answer:
    """One file with its bytes."""
    found = _find(open_todo(call, user).task(todo_list, task), attachment)
    return call.entity(_shown(found) | {"contentBytes": base64.b64encode(found["_content"]).decode()})


@route("GET", f"{_ONE}/$value", TASKS_READ)
def get_attachment_content(call: Call, user: str, todo_list: str, task: str, attachment: str) -> Answer:
    """The bytes of one file."""
    found = _find(open_todo(call, user).task(todo_list, task), attachment)
    return Answer(content=found["_content"], headers={"Content-Type": found["contentType"]})


@route("DELETE", _ONE, TASKS_WRITE)
def delete_attachment(call: Call, user: str, todo_list: str, task: str, attachment: str) -> Answer:
    """Remove a file."""
    store = open_todo(call, user)
    found = store.task(todo_list, task)
    found["_attachments"].remove(_find(found, attachment))
    store.touch(found, call.now)
    return Answer(status=204)


@route("POST", f"{_ALL}/createUploadSession", TASKS_WRITE)
def open_session(call: Call, user: str, todo_list: str, task: str) -> Answer:
    """A session for one file."""
    store, given = open_todo(call, user), call.json_body().get("attachmentInfo")
    found = store.task(todo_list, task)
    if not isinstance(given, dict) or not given.get("name") or not isinstance(given.get("size"), int):
        raise GraphError(400, "invalidRequest", "The attachmentInfo needs attachmentType, name and size.")
    if not 0 < given["size"] <= LARGEST_BYTES:
        raise GraphError(400, "invalidRequest", "The size of an attachment is at most 25 MB.")
    session = _Session(
        str(given["name"]), given.get("contentType"), given["size"],
        call.now + timedelta(seconds=SESSION_SECONDS),
    )  # fmt: skip
    key = call.world.new_guid()
    found.setdefault("_sessions", {})[key] = session
    owner = call.user_of(user)["id"]
    place = f"users/{owner}/todo/lists/{quote(todo_list, safe='')}/tasks/{quote(task, safe='')}"
    url = f"{call.origin}/v1.0/{place}/attachmentSessions/{key}"
    body = {"@odata.context": call.context_url("microsoft.graph.uploadSession"), "uploadUrl": url}
    return Answer(status=201, body=body | session.report())


def _open_session(call: Call, task: Item, key: str) -> _Session:
    session: _Session | None = task.get("_sessions", {}).get(key)
    if session is None or session.expires_at <= call.now:
        raise not_found()
    return session


@route("GET", _SESSION, TASKS_READ)
def get_session(call: Call, user: str, todo_list: str, task: str, session: str) -> Answer:
    """What a session still waits for."""
    found = open_todo(call, user).task(todo_list, task)
    return Answer(body=_open_session(call, found, session).report())


@route("DELETE", _SESSION, TASKS_WRITE)
def close_session(call: Call, user: str, todo_list: str, task: str, session: str) -> Answer:
    """Give an upload up."""
    found = open_todo(call, user).task(todo_list, task)
    _open_session(call, found, session)
    del found["_sessions"][session]
    return Answer(status=204)


@route("PUT", f"{_SESSION}/content", TASKS_WRITE)
def put_range(call: Call, user: str, todo_list: str, task: str, session: str) -> Answer:
    """The next bytes of the file; the last ones make the attachment, named in the Location."""
    store = open_todo(call, user)
    found = store.task(todo_list, task)
    upload = _open_session(call, found, session)
    match = _RANGE.fullmatch(call.headers.get("Content-Range", ""))
    data = call.stream.read()
    if match is None or len(data) > RANGE_LIMIT_BYTES:
        raise GraphError(400, "invalidRequest", "A range of at most 4 MB needs a Content-Range.")
    start, end, size = map(int, match.groups())
    if (start, end + 1, size) != (len(upload.received), start + len(data), upload.size):
        raise GraphError(416, "invalidRange", "The range is not the one that is expected next.")
    upload.received += data
    if len(upload.received) < upload.size:
        return Answer(body=upload.report())
    made = _attach(call, store, found, upload.name, upload.content_type, bytes(upload.received))
    del found["_sessions"][session]
    place = call.url.partition("/attachmentSessions/")[0]
    return Answer(status=201, headers={"Location": f"{place}/attachments/{quote(made['id'], safe='')}"})
