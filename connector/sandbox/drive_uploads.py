"""Upload sessions: files sent in fragments to a pre-authorised URL of the content host.

Bytes go to disk as they come. Source: Microsoft: driveItem: createUploadSession.
"""

from __future__ import annotations

import re
import shutil
import weakref
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .content import content
from .drive_answers import item_answer
from .drive_content import with_library_properties
from .drive_names import check_name
from .drive_tree import Conflict, Drive, name_taken
from .drives import Address, check_changeable, conflict_of, edit_of, on_item
from .file_store import StoredFile, files_of
from .scopes import FILES_UPLOAD
from .state import Ticket

FRAGMENT_UNIT_BYTES = 320 * 1024
FRAGMENT_LIMIT_BYTES = 60 * 1024 * 1024

_CONTENT_RANGE = re.compile(r"bytes (?P<first>\d+)-(?P<last>\d+)/(?P<total>\d+)")
_COPY_BYTES = 1 << 18


@dataclass(eq=False)
class UploadSession:
    """A file under way: where it will be, what to do when the name is taken, which bytes have come."""

    drive: Drive
    address: Address
    conflict: Conflict
    defers_commit: bool
    path: Path
    expires: str
    total_bytes: int | None = None
    received: list[tuple[int, int]] = field(default_factory=list)
    """Ranges in order of arrival, first byte and the one after the last."""
    has_lost_a_fragment: bool = False
    _file: StoredFile | None = None

    def __post_init__(self) -> None:
        self.path.touch()
        self._discard = weakref.finalize(self, self.path.unlink, missing_ok=True)

    @property
    def missing(self) -> list[tuple[int, int | None]]:
        """Ranges still to come, first byte and the one after the last; None: open, as no total is known."""
        missing: list[tuple[int, int | None]] = []
        reached = 0
        for first, end in sorted(self.received):
            if first > reached:
                missing.append((reached, first))
            reached = end
        if self.total_bytes is None or reached < self.total_bytes:
            missing.append((reached, None))
        return missing

    def write(self, call: Call, first: int, end: int) -> None:
        """Put a fragment into its place on disk."""
        with self.path.open("r+b") as file:
            file.seek(first)
            shutil.copyfileobj(call.stream, file, _COPY_BYTES)
        self.received.append((first, end))

    def lose_fragment(self, number: int) -> None:
        """Forget the fragment with this number, counted from 1, once the next one has come; once only."""
        if number and not self.has_lost_a_fragment and len(self.received) > number:
            del self.received[number - 1]
            self.has_lost_a_fragment = True

    def check_room(self, total_bytes: int) -> None:
        """Raise 507 when the drive has no room for a file of this size."""
        present = self.address.present if self.conflict == "replace" else None
        self.drive.make_room(total_bytes - (present["size"] if present else 0))

    def file(self) -> StoredFile:
        """The whole file. The session keeps it too, so that the end can be tried again."""
        if self._file is None:
            self._discard.detach()
            self._file = StoredFile(self.path, self.path.stat().st_size)
        return self._file

    def progress(self) -> Item:
        """The state of the session as Graph shows it."""
        ranges = [f"{first}-{'' if end is None else end - 1}" for first, end in self.missing]
        return {"expirationDateTime": self.expires, "nextExpectedRanges": ranges}


@on_item("POST", "/createUploadSession", FILES_UPLOAD)
def create_session(call: Call, address: Address) -> Answer:
    body = call.json_body() if call.stream_bytes else {}
    wanted = body.get("item", {})
    if not isinstance(wanted, dict):
        raise GraphError(400, "invalidRequest", "The item of the session is not valid.")
    drive, present = address.drive, address.present
    if present is not None:
        check_changeable(call, present)
    if not address.names and (present is None or "folder" in present):
        raise GraphError(400, "invalidRequest", "A session needs the path of a new file or an existing file.")
    if address.names:
        name = check_name(wanted.get("name", address.names[-1]), is_folder=False)
        address = Address(drive, address.start, (*address.names[:-1], name))
    conflict = conflict_of(call, "fail" if address.names else "replace", wanted)
    if (
        address.present is not None
        and conflict == "fail"
        and call.world.switches.upload_conflict == "at_start"
    ):
        raise name_taken()
    lifetime_seconds = call.world.switches.upload_session_seconds
    expires = call.now + timedelta(seconds=lifetime_seconds)
    session = UploadSession(
        drive, address, conflict, bool(body.get("deferCommit")), files_of(call.world).new_path(),
        expires.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )  # fmt: skip
    size = wanted.get("fileSize")
    if size is not None:
        if not isinstance(size, int) or size < 1:
            raise GraphError(
                400, "invalidRequest", "fileSize must be the size of the file, at least one byte."
            )
        session.check_room(size)
    url = call.content_url("upload", lifetime_seconds=lifetime_seconds, session=session)
    shown = {"@odata.context": call.context_url("microsoft.graph.uploadSession"), "uploadUrl": url}
    return Answer(body=shown | session.progress())


@content("GET", "upload")
def session_status(call: Call, ticket: Ticket) -> Answer:
    return Answer(body=ticket.data["session"].progress())


@content("DELETE", "upload")
def cancel_session(call: Call, ticket: Ticket) -> Answer:
    del call.world.tickets[_token(call.url)]
    return Answer(status=204)


@content("PUT", "upload")
def put_fragment(call: Call, ticket: Ticket) -> Answer:
    session: UploadSession = ticket.data["session"]
    first, end, total = _fragment_range(call, session)
    session.check_room(total)
    session.total_bytes = total
    session.write(call, first, end)
    session.lose_fragment(call.world.switches.upload_lost_fragment)
    if session.missing or session.defers_commit:
        return Answer(status=202, body=session.progress())
    return _committed(call, session)


@content("POST", "upload")
def commit_session(call: Call, ticket: Ticket) -> Answer:
    """The end of a session with `deferCommit`."""
    session: UploadSession = ticket.data["session"]
    if session.missing:
        raise _incomplete()
    return _committed(call, session)


def commit_renamed(call: Call, address: Address, url: str, conflict: Conflict) -> tuple[Item, bool]:
    """End the session of this URL under the name of another address; the file, and whether it is new.

    Raises GraphError (404 without such a session of this drive, 400, 409, 507).
    """
    ticket = call.world.tickets.get(_token(url))
    session = ticket.data.get("session") if ticket else None
    if ticket is None or not isinstance(session, UploadSession) or session.drive is not address.drive:
        raise GraphError(
            404, "itemNotFound", "The upload session is not found.", inner_code="uploadSessionNotFound"
        )
    if session.missing:
        raise _incomplete()
    item, is_new = _stored(call, session, address, conflict)
    del call.world.tickets[_token(url)]
    return item, is_new


def _fragment_range(call: Call, session: UploadSession) -> tuple[int, int, int]:
    """First byte, the one after the last, and the total of a fragment; raises GraphError (400, 413, 416)."""
    found = _CONTENT_RANGE.fullmatch(call.headers.get("Content-Range", ""))
    if found is None:
        raise GraphError(400, "invalidRequest", "The Content-Range header is missing or malformed.")
    first, end, total = int(found["first"]), int(found["last"]) + 1, int(found["total"])
    if end <= first or end > total or end - first != call.stream_bytes:
        raise GraphError(
            400,
            "invalidRequest",
            "The fragment has not the length of its Content-Range.",
            inner_code="fragmentLengthMismatch",
        )
    if session.total_bytes not in (None, total):
        raise GraphError(400, "invalidRequest", "The total size differs from that of earlier fragments.")
    if end - first >= FRAGMENT_LIMIT_BYTES:
        raise GraphError(
            413, "invalidRequest", "A fragment must be smaller than 60 MiB.",
            inner_code="maxFragmentLengthExceeded",
        )  # fmt: skip
    if end < total and (end - first) % FRAGMENT_UNIT_BYTES:
        raise GraphError(400, "invalidRequest", "A fragment must be a multiple of 320 KiB.")
    gap = next((gap for gap in session.missing if gap[0] == first), None)
    if gap is None or (gap[1] is not None and end > gap[1]):
        received = any(start < end and first < stop for start, stop in session.received)
        code = "fragmentOverlap" if received else "fragmentOutOfOrder"
        raise GraphError(
            416, "invalidRange", "The fragment is not one that the session expects.", inner_code=code
        )
    return first, end, total


def _committed(call: Call, session: UploadSession) -> Answer:
    if session.address.present is not None and session.conflict == "fail":
        raise GraphError(
            409, "nameAlreadyExists",
            "A file of this name was created meanwhile. PUT another name with @microsoft.graph.sourceUrl to "
            "keep the upload.", inner_code="upload_name_conflict",
        )  # fmt: skip
    item, is_new = _stored(call, session, session.address, session.conflict)
    del call.world.tickets[_token(call.url)]
    return item_answer(call, session.drive, item, status=201 if is_new else 200)


def _stored(call: Call, session: UploadSession, address: Address, conflict: Conflict) -> tuple[Item, bool]:
    edit = edit_of(call)
    parent, name = address.place(edit)
    check_name(name, is_folder=False)
    if conflict != "replace":
        name = session.drive.name_for(parent, name, conflict)
    stored = with_library_properties(call, session.drive, name, session.file())
    return session.drive.put_file(parent, name, stored, conflict, edit)


def _incomplete() -> GraphError:
    message = "The upload session has not received all its bytes."
    return GraphError(400, "invalidRequest", message, inner_code="uploadSessionIncomplete")


def _token(url: str) -> str:
    return url.rpartition("/")[2]
