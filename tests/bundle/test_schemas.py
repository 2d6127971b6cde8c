"""The schemas of entities against Microsoft's metadata: nothing forgotten, every type and null as there.

That what a method sends and gives out exists at all is the business of `connector.proof`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connector import bundle
from connector.proof.csdl import Metadata, Property, TypeRef
from connector.spec import schemas
from tests.reference import GRAPH_DATA, needs_reference

FILES = {name: document.data for name, document in bundle.read_all(bundle.root()).items()}
ENTITIES = {
    "group": "group", "invitation": "invitation", "post": "post",
    "site": "site", "list": "list", "list_item": "listItem", "column": "columnDefinition",
    "content_type": "contentType", "subscription": "subscription",
    "user": "user", "event": "event", "message": "message", "calendar": "calendar",
    "calendar_permission": "calendarPermission", "calendar_group": "calendarGroup",
    "room": "room", "room_list": "roomList", "online_meeting": "onlineMeeting", "reminder": "reminder",
    "attendance_record": "attendanceRecord", "attendance_report": "meetingAttendanceReport",
    "mail_folder": "mailFolder", "drive": "drive",
    "drive_item": "driveItem", "permission": "permission", "attachment": "fileAttachment",
    "contact": "contact", "contact_folder": "contactFolder",
    "todo_list": "todoTaskList", "todo_task": "todoTask", "checklist_item": "checklistItem",
    "linked_resource": "linkedResource", "task_attachment": "taskFileAttachment",
    "upload_session": "uploadSession", "person": "person", "mailbox_settings": "mailboxSettings",
    "automatic_replies": "automaticRepliesSetting", "time_zone": "timeZoneInformation",
}  # fmt: skip
NEVER_WRITTEN = {
    "reminder", "attendance_record", "attendance_report", "drive", "task_attachment", "upload_session",
    "person", "time_zone", "list_item", "site",
}  # fmt: skip
LEFT_OUT = {
    "user": {
        # Written at a path of its own, or read with permissions that few tenants give.
        "mailboxSettings", "signInActivity", "print", "identityParentId", "isManagementRestricted",
        # States of licences and of synchronisation, for the tools of administrators.
        "licenseAssignmentStates", "onPremisesProvisioningErrors", "provisionedPlans",
        "serviceProvisioningErrors",
    },
    "group": {
        # States of licences and of synchronisation, for the tools of administrators.
        "licenseProcessingState", "onPremisesProvisioningErrors", "serviceProvisioningErrors",
    },
    # A stream, replaced by the attendance reports.
    "online_meeting": {"attendeeReport"},
    "drive_item": {"content"},
    # Deprecated: the forms with V2 say the same.
    "permission": {"grantedTo", "grantedToIdentities"},
}  # fmt: skip
OF_OTHER_KINDS = {
    "attachment": "fileAttachment",
    "extension": "openTypeExtension",
    "timeZoneBase": "customTimeZone",
    "fileAttachment": "itemAttachment",
}
"""Types whose schemas also name what a derived, or a sibling, type has."""

JSON_TYPES = {
    "Edm.String": ("string", None), "Edm.Boolean": ("boolean", None), "Edm.Int16": ("integer", None),
    "Edm.Int32": ("integer", None), "Edm.Int64": ("integer", None), "Edm.Double": ("number", None),
    "Edm.DateTimeOffset": ("string", "date-time"), "Edm.Date": ("string", "date"),
    "Edm.Guid": ("string", "uuid"), "Edm.Binary": ("string", None),
    "Edm.TimeOfDay": ("string", None),
}  # fmt: skip
"""The JSON type and the format of OData's own types (OASIS: OData JSON Format 4.01)."""

every_entity = pytest.mark.parametrize("entity", ENTITIES)


@pytest.fixture(scope="module")
def metadata() -> Metadata:
    return Metadata.open(GRAPH_DATA / "metadata.csdl.xml")


def resolved(entity: str) -> Any:
    file = f"schemas/{entity}.json"
    return schemas.resolve(FILES[file], file, FILES)


@every_entity
def test_what_can_be_written_is_closed(entity: str):
    if entity not in NEVER_WRITTEN:
        writable = FILES[f"schemas/{entity}.json"]["$defs"]["writable"]
        assert writable == {"$ref": "#/$defs/fields", "unevaluatedProperties": False}


@every_entity
def test_what_is_read_is_open_and_may_lack_anything(entity: str):
    check = schemas.compile_check(resolved(entity), formats=False)
    assert check({}) == []
    assert check({"aPropertyOfTomorrow": 1}) == []


@needs_reference
@every_entity
def test_no_property_is_forgotten(entity: str, metadata: Metadata):
    named = set(schemas.property_names(resolved(entity)))
    declared = {
        name
        for name, found in metadata.properties(f"microsoft.graph.{ENTITIES[entity]}").items()
        if not found.navigation
    }
    assert declared - named == LEFT_OUT.get(entity, set())


@needs_reference
@every_entity
def test_every_type_is_as_in_the_metadata(entity: str, metadata: Metadata):
    kind = TypeRef(f"microsoft.graph.{ENTITIES[entity]}")
    assert list(_disagreements(resolved(entity), kind, metadata, ())) == []


def _disagreements(
    schema: Any, kind: TypeRef, metadata: Metadata, above: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    known = _properties(kind, metadata)
    for part in (schema, *schema.get("allOf", ())):
        for name, inner in part.get("properties", {}).items():
            if "@" in name or (kind.name.endswith("ttachment") and name == "item"):
                continue
            at = ".".join((*above, name))
            if name not in known:
                yield at, "is not in the metadata"
            else:
                yield from _differs(inner, known[name], metadata, (*above, name))


def _differs(
    schema: Any, found: Property, metadata: Metadata, path: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    at, kind = ".".join(path), found.type
    types = schema.get("type", ())
    is_null_right = "null" in types or None in schema.get("enum", ()) or not kind.nullable
    if not is_null_right and path[-1] != "id":
        yield at, "can be null"
    if kind.collection:
        if "array" not in types:
            yield at, "is a collection"
            return
        schema, types = schema["items"], schema["items"].get("type", ())
    if kind.primitive:
        json_type, form = JSON_TYPES[kind.name]
        if json_type not in types or schema.get("format") != form:
            yield at, f"is {kind}"
    elif kind.name in metadata.enumerations:
        members = [member for member in metadata.enumerations[kind.name] if member != "unknownFutureValue"]
        if (schema.get("x-menu") or [one for one in schema["enum"] if one is not None]) != members:
            yield at, f"offers other values than {members}"
    elif "object" not in types:
        yield at, "is an object"
    elif len(path) < 6:
        yield from _disagreements(schema, kind.one, metadata, path)


def _properties(kind: TypeRef, metadata: Metadata) -> Mapping[str, Property]:
    other = OF_OTHER_KINDS.get(kind.name.removeprefix("microsoft.graph."))
    found = dict(metadata.properties(kind.name))
    return {**metadata.properties(f"microsoft.graph.{other}"), **found} if other else found
