"""The drives of a fresh sandbox: what people, the group and the sites have in them. All invented and fixed.

Unlicensed accounts (the contractor, the shared mailbox) have no drive; that of the finance lead is small.
"""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from xml.sax.saxutils import escape

from .changelog import Item
from .drive_tree import Drive, Edit
from .drives import ONE_TERABYTE, Drives, add_drive, add_user_drive, drives_of, identity
from .file_store import FileStore, files_of
from .pdf import pdf_of
from .seed import seeder
from .state import Tenant, World

SMALL_DRIVE_BYTES = 1 << 20
SMALL_DRIVE_OWNER = "priya.nair"

_FILLED_AT = datetime(2025, 3, 10, 8, 30, tzinfo=UTC)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_WORD_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_MAIN_TYPE}"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_DOCUMENT}" Target="word/document.xml"/></Relationships>',
}


@seeder
def seed_drives(world: World, tenant: Tenant) -> None:
    """Give everybody with a licence a OneDrive, and the group and the sites their libraries."""
    files = files_of(world)
    for user in tenant.users:
        if user["assignedLicenses"]:
            small = user["mailNickname"] == SMALL_DRIVE_OWNER
            edit = Edit({"user": identity(user)}, _FILLED_AT)
            drive = add_user_drive(world, tenant, user, SMALL_DRIVE_BYTES if small else ONE_TERABYTE, edit)
            _fill_personal(drive, user, files, edit)
    _add_libraries(world, tenant, files)


def _fill_personal(drive: Drive, user: Item, files: FileStore, edit: Edit) -> None:
    documents = drive.add_folder(drive.root, "Documents", edit)
    _text(
        drive,
        documents,
        "Notes.txt",
        "Call the supplier about the May delivery.\nBook the room.\n",
        files,
        edit,
    )
    minutes = f"{user['displayName']}: minutes of the planning meeting"
    drive.add_file(documents, "Minutes.docx", files.keep_bytes(_word_document(minutes)), edit)
    _text(drive, documents, "O'Hara & Söhne, 100% #1.csv", "item;price\nchair;120\ntable;340\n", files, edit)
    reports = drive.add_folder(drive.root, "Reports", edit)
    year = drive.add_folder(reports, "2025", edit)
    budget = pdf_of("Budget 2025", "January  1,200\nFebruary 1,350\n")
    drive.add_file(year, "Budget.pdf", files.keep_bytes(budget), edit)
    _text(drive, year, "march.txt", "Revenue grew in March; the budget holds.\n", files, edit)
    drive.add_folder(drive.root, "Pictures", edit)
    _text(
        drive, drive.root, "Welcome.txt", f"Hello {user['givenName']}, this is your OneDrive.\n", files, edit
    )


def _add_libraries(world: World, tenant: Tenant, files: FileStore) -> None:
    group = next(iter(tenant.groups))
    team_site = next(iter(tenant.sites))
    owner = {"group": {"id": group["id"], "displayName": group["displayName"], "email": group["mail"]}}
    first_member = tenant.users.items[tenant.members[group["id"]][0]]
    edit = Edit({"user": identity(first_member)}, _FILLED_AT)
    drives: Drives = drives_of(tenant)
    library = add_drive(
        world, tenant, ("group", group["id"]), "documentLibrary", "Documents",
        f"{team_site['webUrl']}/Shared%20Documents", owner, ONE_TERABYTE, edit,
    )  # fmt: skip
    library.group_id = group["id"]
    drives.held["site", team_site["id"]] = [library]
    plan = library.add_folder(library.root, "Launch plan", edit)
    _text(library, plan, "Timeline.md", "# Timeline\n\n- June: teaser\n- July: launch\n", files, edit)
    _text(library, library.root, "Contacts.csv", "name;mail\nPress desk;press@news.example\n", files, edit)

    host = team_site["siteCollection"]["hostname"]
    prefix = group["id"].partition("-")[0]
    root_site = {
        "id": f"{host},{prefix}-0000-4000-a000-000000000003,{prefix}-0000-4000-a000-000000000004",
        "name": "", "displayName": f"{tenant.name} Intranet", "webUrl": f"https://{host}", "root": {},
        "createdDateTime": team_site["createdDateTime"], "siteCollection": {"hostname": host},
    }  # fmt: skip
    tenant.sites.add(root_site, _FILLED_AT)
    intranet = add_drive(
        world, tenant, ("site", root_site["id"]), "documentLibrary", "Documents",
        f"{root_site['webUrl']}/Shared%20Documents", edit.by, ONE_TERABYTE, edit,
    )  # fmt: skip
    _text(intranet, intranet.root, "House rules.txt", "Last one out turns off the lights.\n", files, edit)
    subsite = {
        "id": f"{host},{prefix}-0000-4000-a000-000000000003,{prefix}-0000-4000-a000-000000000005",
        "name": "people", "displayName": "People and Culture", "webUrl": f"https://{host}/people",
        "createdDateTime": team_site["createdDateTime"], "siteCollection": {"hostname": host},
        "_parent": root_site["id"],
    }  # fmt: skip
    tenant.sites.add(subsite, _FILLED_AT)
    add_drive(
        world, tenant, ("site", subsite["id"]), "documentLibrary", "Documents",
        f"{subsite['webUrl']}/Shared%20Documents", edit.by, ONE_TERABYTE, edit,
    )  # fmt: skip


def _text(drive: Drive, folder: Item, name: str, text: str, files: FileStore, edit: Edit) -> None:
    drive.add_file(folder, name, files.keep_bytes(text.encode()), edit)


def _word_document(text: str) -> bytes:
    """A document of one paragraph that Word opens; the same bytes every time."""
    body = f"<w:body><w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p></w:body>"
    parts = _WORD_PARTS | {"word/document.xml": f'<w:document xmlns:w="{_WORD}">{body}</w:document>'}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, xml in parts.items():
            package.writestr(zipfile.ZipInfo(name, (2025, 3, 10, 8, 30, 0)), xml)
    return buffer.getvalue()
