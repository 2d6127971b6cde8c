"""Contents of files: small uploads, downloads through pre-authorised URLs, conversions to PDF and HTML.

Large uploads are left to `drive_uploads`. Source: Microsoft: Download driveItem content; Download a file in
another format; Upload or replace the contents of a driveItem.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from html import escape
from pathlib import PurePosixPath
from urllib.parse import quote

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .content import content
from .drive_answers import download_url, item_answer
from .drive_names import check_name
from .drive_tree import Drive
from .drives import Address, check_changeable, conflict_of, drives_of, edit_of, on_item
from .file_store import StoredFile, files_of
from .pdf import pdf_of
from .scopes import FILES_READ, FILES_WRITE
from .state import Ticket

CONVERTIBLE = {
    "pdf": frozenset({
        "csv", "doc", "docx", "odp", "ods", "odt", "pot", "potm", "potx", "pps", "ppsx", "ppsxm", "ppt",
        "pptm", "pptx", "rtf", "xls", "xlsx",
    }),
    "html": frozenset({"eml", "md", "msg"}),
}  # fmt: skip
"""What can become what. Pictures (`jpg`) and models (`glb`) are not made here."""

OFFICE_SUFFIXES = (".docx", ".xlsx", ".pptx")

_PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")
_CONVERTED_BYTES = 1 << 20


@on_item("PUT", "/content", FILES_WRITE)
def upload_content(call: Call, address: Address) -> Answer:
    """Create or replace a file in one request."""
    drive, edit, present = address.drive, edit_of(call), address.present
    limit_bytes = call.world.switches.drive_put_limit_bytes
    if call.stream_bytes > limit_bytes:
        raise GraphError(413, "maxFileSizeExceeded", f"The content is larger than {limit_bytes} bytes.")
    if present is not None:
        check_changeable(call, present)
    if address.names:
        check_name(address.names[-1], is_folder=False)
    conflict = conflict_of(call, "replace")
    if not address.names and conflict != "replace":
        raise GraphError(
            400, "invalidRequest", "The content of an item named by its id can only be replaced."
        )
    drive.make_room(call.stream_bytes - (present["size"] if present else 0))
    parent, name = address.place(edit)
    stored = files_of(call.world).keep(call.stream)
    stored = with_library_properties(call, drive, name, stored)
    item, is_new = drive.put_file(parent, name, stored, conflict, edit)
    return item_answer(call, drive, item, status=201 if is_new else 200)


def with_library_properties(call: Call, drive: Drive, name: str, stored: StoredFile) -> StoredFile:
    """What a document library makes of an Office file: it writes its columns into it, if the switch says so.

    Size and hash then differ from what was uploaded.
    """
    is_office = PurePosixPath(name).suffix.casefold() in OFFICE_SUFFIXES and zipfile.is_zipfile(stored.path)
    promotes = call.world.switches.office_files_change and drive.kind == "documentLibrary"
    if not (is_office and promotes):
        return stored
    path = files_of(call.world).new_path()
    shutil.copyfile(stored.path, path)
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("docProps/custom.xml", f'<Properties xmlns="{_PROPERTIES}"/>')
    return StoredFile(path, path.stat().st_size)


@on_item("GET", "/content", FILES_READ)
def download_content(call: Call, address: Address) -> Answer:
    """302 to the bytes, or to those of the file as PDF; 304 when the caller has them."""
    return redirect_to_content(call, address.drive, address.item)


def redirect_to_content(call: Call, drive: Drive, item: Item) -> Answer:
    """The answer to a request for the bytes of an item; raises GraphError (400, 406)."""
    if "file" not in item:
        raise GraphError(400, "invalidRequest", "A folder has no content.")
    known = re.findall(r'"[^"]*"', call.headers.get("If-None-Match", ""))
    if item["cTag"] in known or item["eTag"] in known:
        return Answer(status=304)
    wanted = call.query.get("format")
    suffix = PurePosixPath(item["name"]).suffix.removeprefix(".").casefold()
    wanted = wanted and wanted.casefold()
    if wanted is not None and suffix not in CONVERTIBLE.get(wanted, ()):
        raise GraphError(406, "notSupported", f"'{suffix}' cannot be converted to '{wanted}'.")
    return Answer(status=302, headers={"Location": download_url(call, drive, item, converted_to=wanted)})


@content("GET", "download")
@content("HEAD", "download")
def send_content(call: Call, ticket: Ticket) -> Answer:
    """The bytes, or the range of them that was asked for."""
    drive = drives_of(call.tenant).by_id[ticket.data["drive"]]
    item = drive.get(ticket.data["item"])
    stored, name, media_type = item["_file"], item["name"], item["file"]["mimeType"]
    if ticket.data["converted_to"] is not None:
        stored, media_type = _converted(call, name, stored, ticket.data["converted_to"])
        name = f"{PurePosixPath(name).stem}.{ticket.data['converted_to']}"
    item.setdefault("_reads", []).append((call.now, ticket.user_id or ticket.app_id))
    return file_answer(call, stored, name, media_type, item["cTag"])


def _converted(call: Call, name: str, stored: StoredFile, wanted: str) -> tuple[StoredFile, str]:
    """A file in another format, with the media type of that."""
    text = stored.text(_CONVERTED_BYTES)
    if wanted == "html":
        page = f"<!doctype html><title>{escape(name)}</title><pre>{escape(text)}</pre>"
        return files_of(call.world).keep_bytes(page.encode()), "text/html"
    return files_of(call.world).keep_bytes(pdf_of(name, text)), "application/pdf"


def file_answer(call: Call, stored: StoredFile, name: str, media_type: str, etag: str) -> Answer:
    """The bytes of a file, or the range of them that was asked for; raises GraphError (416)."""
    headers = {
        "Content-Type": media_type, "ETag": etag, "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
    }  # fmt: skip
    first, last = 0, stored.size - 1
    found = _RANGE.fullmatch(call.headers.get("Range", ""))
    is_partial = (
        found is not None
        and call.headers.get("If-Range", etag) == etag
        and not call.world.switches.download_ignores_ranges
    )
    if found is not None and is_partial:
        first, last = _span(found, stored.size)
        headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
    headers["Content-Length"] = str(last - first + 1)
    return Answer(206 if is_partial else 200, content=stored.chunks(first, last), headers=headers)


def _span(found: re.Match[str], size: int) -> tuple[int, int]:
    """First and last byte of a Range; raises GraphError (416)."""
    if found["first"]:
        first, last = int(found["first"]), min(int(found["last"] or size - 1), size - 1)
    else:
        first, last = max(0, size - int(found["last"] or 0)), size - 1
    if first > last:
        raise GraphError(
            416, "invalidRange", "The range is not within the file.", {"Content-Range": f"bytes */{size}"}
        )
    return first, last
