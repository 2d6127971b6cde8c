"""A service, tables, examples and a catalogue small enough to read, and all in agreement.

Each test changes one thing and looks for what the proof says of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.proof.overlay import Overlay
from connector.proof.prove import prove
from connector.proof.reference import Reference
from connector.proof.report import MethodReport, Report
from connector.spec.load import Catalogue, method_file

GUID = "11111111-1111-4111-8111-111111111111"
APP_GUID = "22222222-2222-4222-8222-222222222222"

METADATA = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="microsoft.graph" Alias="graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="importance"><Member Name="low"/><Member Name="high"/></EnumType>
  <ComplexType Name="itemBody">
    <Property Name="content" Type="Edm.String"/>
    <Property Name="contentType" Type="Edm.String"/>
  </ComplexType>
  <EntityType Name="entity" Abstract="true"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/>
  </EntityType>
  <EntityType Name="message" BaseType="graph.entity" HasStream="true" OpenType="true">
    <Property Name="subject" Type="Edm.String"/>
    <Property Name="body" Type="graph.itemBody"/>
    <Property Name="importance" Type="graph.importance"/>
    <Property Name="isRead" Type="Edm.Boolean" Nullable="false"/>
    <Property Name="size" Type="Edm.Int32"/>
    <Property Name="tags" Type="Collection(Edm.String)"/>
    <Property Name="sentDateTime" Type="Edm.DateTimeOffset"/>
    <Property Name="webLink" Type="Edm.String"/>
    <Property Name="oldFlag" Type="Edm.String"/>
    <NavigationProperty Name="attachments" Type="Collection(graph.attachment)" ContainsTarget="true"/>
    <NavigationProperty Name="author" Type="graph.user"/>
  </EntityType>
  <EntityType Name="attachment" BaseType="graph.entity" Abstract="true">
    <Property Name="name" Type="Edm.String"/>
  </EntityType>
  <EntityType Name="fileAttachment" BaseType="graph.attachment" HasStream="true">
    <Property Name="contentBytes" Type="Edm.Binary"/>
  </EntityType>
  <EntityType Name="mailFolder" BaseType="graph.entity">
    <Property Name="displayName" Type="Edm.String"/>
    <NavigationProperty Name="messages" Type="Collection(graph.message)" ContainsTarget="true"/>
  </EntityType>
  <EntityType Name="user" BaseType="graph.entity">
    <Property Name="displayName" Type="Edm.String"/>
    <NavigationProperty Name="messages" Type="Collection(graph.message)" ContainsTarget="true"/>
    <NavigationProperty Name="mailFolders" Type="Collection(graph.mailFolder)" ContainsTarget="true"/>
    <NavigationProperty Name="view" Type="Collection(graph.message)" ContainsTarget="true"/>
    <NavigationProperty Name="manager" Type="graph.user"/>
    <NavigationProperty Name="reports" Type="Collection(graph.user)"/>
    <NavigationProperty Name="root" Type="graph.driveItem"/>
  </EntityType>
  <EntityType Name="driveItem" BaseType="graph.entity">
    <Property Name="name" Type="Edm.String"/>
    <Property Name="content" Type="Edm.Stream"/>
  </EntityType>
  <ComplexType Name="session"><Property Name="uploadUrl" Type="Edm.String"/></ComplexType>
  <ComplexType Name="uploadable"><Property Name="name" Type="Edm.String"/></ComplexType>
  <Action Name="reply" IsBound="true">
    <Parameter Name="bindingParameter" Type="graph.message"/>
    <Parameter Name="Comment" Type="Edm.String"/>
    <Parameter Name="Message" Type="graph.message"/>
  </Action>
  <Action Name="forward" IsBound="true">
    <Parameter Name="bindingParameter" Type="graph.message"/>
    <Parameter Name="Comment" Type="Edm.String"/>
  </Action>
  <Action Name="createUploadSession" IsBound="true">
    <Parameter Name="bindingParameter" Type="graph.driveItem"/>
    <Parameter Name="item" Type="graph.uploadable"/>
    <ReturnType Type="graph.session"/>
  </Action>
  <Function Name="delta" IsBound="true">
    <Parameter Name="bindingParameter" Type="Collection(graph.message)"/>
    <ReturnType Type="Collection(graph.message)"/>
  </Function>
  <Function Name="search" IsBound="true">
    <Parameter Name="bindingParameter" Type="graph.user"/>
    <Parameter Name="q" Type="Edm.String"/>
    <ReturnType Type="Collection(graph.message)"/>
  </Function>
  <Function Name="recent" IsBound="true">
    <Parameter Name="bindingParameter" Type="graph.user"/>
    <ReturnType Type="Collection(graph.message)"/>
  </Function>
  <EntityContainer Name="GraphService">
    <EntitySet Name="users" EntityType="graph.user"/>
    <Singleton Name="me" Type="graph.user"/>
  </EntityContainer>
  <Annotations Target="microsoft.graph.message/webLink">
    <Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>
  </Annotations>
  <Annotations Target="microsoft.graph.message/oldFlag"><Annotation Term="Org.OData.Core.V1.Revisions">
    <Collection><Record>
      <PropertyValue Property="Date" Date="2025-01-31"/>
      <PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Deprecated</EnumMember></PropertyValue>
      <PropertyValue Property="RemovalDate" Date="2027-01-31"/>
    </Record></Collection>
  </Annotation></Annotations>
  <Annotations Target="microsoft.graph.recent(microsoft.graph.user)"><Annotation Term="Org.OData.Core.V1.Revisions">
    <Collection><Record>
      <PropertyValue Property="Date" Date="2025-11-13"/>
      <PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Deprecated</EnumMember></PropertyValue>
    </Record></Collection>
  </Annotation></Annotations>
  <Annotations Target="microsoft.graph.user/view">
    <Annotation Term="Org.OData.Capabilities.V1.InsertRestrictions">
      <Record><PropertyValue Property="Insertable" Bool="false"/></Record>
    </Annotation>
    <Annotation Term="Org.OData.Capabilities.V1.ReadRestrictions"><Record>
      <PropertyValue Property="CustomQueryOptions"><Collection><Record>
        <PropertyValue Property="Name" String="startDateTime"/>
        <PropertyValue Property="Required" Bool="true"/>
      </Record></Collection></PropertyValue>
    </Record></Annotation>
  </Annotations>
</Schema></edmx:DataServices></edmx:Edmx>
"""


def row(verb: str, path: str, delegated: str = "", application: str = "", **more: Any) -> dict[str, Any]:
    """One entry of the table of requests; scopes by blanks, the least first."""
    work, app = delegated.split(), application.split()
    return {
        "method": verb,
        "path": path,
        "delegated_work": work,
        "delegated_work_least": work[:1],
        "application": app,
        "application_least": app[:1],
        **more,
    }


ROWS = [
    row("GET", "/me/messages", "Mail.Read Mail.ReadWrite"),
    row("GET", "/users/{id}/messages", "Mail.Read Mail.ReadWrite", "Mail.Read Mail.ReadWrite"),
    row("GET", "/me/mailfolders/{id}/messages", "Mail.Read Mail.ReadWrite", "Mail.Read"),
    row("PATCH", "/me/messages/{id}", "Mail.ReadWrite"),
    row("POST", "/me/messages", "Mail.ReadWrite"),
    row("POST", "/me/messages/{id}/reply", "Mail.Send"),
    row("POST", "/me/messages/{id}/forward", "Mail.Send"),
]


def scope(name: str, mode: str = "delegated", guid: str | None = GUID, admin: bool = False) -> dict[str, Any]:
    """One entry of the list of scopes."""
    return {"value": name, "type": mode, "id": guid, "requires_admin_consent": admin}


SCOPES = [
    scope(name, mode, guid)
    for name in ("Mail.Read", "Mail.ReadWrite", "Mail.Send", "Mail.ReadBasic")
    for mode, guid in (("delegated", GUID), ("application", APP_GUID))
] + [scope("Mail.Read.Shared")]


def permission(**more: Any) -> dict[str, Any]:
    """One entry of the manifest's table."""
    return {"id": GUID, "application_id": APP_GUID, "title": "A permission", "admin": False, **more}


MANIFEST: dict[str, Any] = {
    "name": "small", "title": "Small", "version": "0.1.0", "description": "Small.", "api": "v1.0",
    "clouds": {}, "auth": {}, "app": {}, "install": {},
    "retry": {
        "attempts": 1, "max_wait_seconds": 1, "budget_seconds": 1, "statuses": [], "statuses_of_unrepeatable": [],
    },
    "permissions": {
        "Mail.Read": permission(variants={"shared": "Mail.Read.Shared"}, covered_by=["Mail.ReadWrite"]),
        "Mail.Read.Shared": {"id": GUID, "title": "Shared", "admin": False},
        "Mail.ReadWrite": permission(),
        "Mail.Send": permission(),
    },
    "targets": {
        "mailbox": {
            "title": "Mailbox",
            "prefixes": [
                {"name": "user", "path": "/users/{user}", "variant": "shared"},
                {"name": "me", "path": "/me", "signed_in": True},
            ],
            "input": {"user": {"type": "string", "title": "User"}},
        }
    },
}  # fmt: skip

MESSAGE = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "subject": {"type": ["string", "null"]}},
}
WRITABLE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "subject": {"type": "string"},
        "importance": {"enum": ["low", "high"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "body": {
            "type": "object",
            "properties": {"content": {"type": "string"}, "contentType": {"type": "string"}},
        },
    },
}


def listing(**more: Any) -> dict[str, Any]:
    """A method that lists messages; `more` replaces what it says."""
    return _method(
        {
            "docs": "https://learn.microsoft.com/graph/api/message-list",
            "kind": "read",
            "scopes": {"delegated": ["Mail.Read"], "application": ["Mail.Read"]},
            "target": "mailbox",
            "input": _input(
                folder={"type": "string"},
                select={"type": "array", "items": {"type": "string"}, "default": ["id", "subject"]},
                filter={"type": "string"},
                search={"type": "string"},
                page_size={"type": "integer", "minimum": 1},
                time_zone={"type": "string", "default": "UTC"},
            ),
            "request": {
                "path": ["{mailbox}/mailFolders/{folder}/messages", "{mailbox}/messages"],
                "query": {
                    "$select": "{select}",
                    "$filter": "{filter}",
                    "$search": '"{search}"',
                    "$top": "{page_size}",
                    "$count": "true",
                },
                "headers": {"Prefer": 'zone="{time_zone}"'},
            },
            "flow": {"type": "paged"},
            "output": MESSAGE,
        },
        more,
    )


def updating(**more: Any) -> dict[str, Any]:
    """A method that writes to a message."""
    return _method(
        {
            "docs": "https://learn.microsoft.com/graph/api/message-update",
            "kind": "write",
            "scopes": {"delegated": ["Mail.ReadWrite"]},
            "input": _input(["id", "message"], id={"type": "string"}, message=WRITABLE),
            "request": {"verb": "PATCH", "path": "/me/messages/{id}", "body": "{message}"},
            "flow": {"type": "single"},
            "output": MESSAGE,
        },
        more,
    )


def answering(**more: Any) -> dict[str, Any]:
    """A method that calls one of two actions."""
    return _method(
        {
            "docs": "https://learn.microsoft.com/graph/api/message-reply",
            "kind": "send",
            "scopes": {"delegated": ["Mail.Send"]},
            "input": _input(
                ["id", "how"],
                id={"type": "string"},
                how={"enum": ["reply", "forward"]},
                comment={"type": "string", "default": "Dear all"},
            ),
            "request": {"verb": "POST", "path": "/me/messages/{id}/{how}", "body": {"comment": "{comment}"}},
            "flow": {"type": "single"},
        },
        more,
    )


def uploading(**more: Any) -> dict[str, Any]:
    """A method that sends a file: in one request, or in a session."""
    return _method(
        {
            "docs": "https://learn.microsoft.com/graph/api/item-upload",
            "kind": "write",
            "scopes": {"delegated": ["Mail.ReadWrite"]},
            "input": _input(
                ["path", "content"],
                path={"type": "string"},
                content={"type": "string", "contentEncoding": "base64"},
            ),
            "request": {
                "verb": "POST",
                "path": "/me/root:/{+path}:/createUploadSession",
                "body": {"item": {"@microsoft.graph.conflictBehavior": "replace"}},
            },
            "flow": {
                "type": "upload",
                "content": "content",
                "fragment_bytes": 327680,
                "small": {
                    "up_to_bytes": 100,
                    "request": {"verb": "PUT", "path": "/me/root:/{+path}:/content"},
                },
            },
            "output": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
        more,
    )


def _input(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required or [],
        "properties": properties,
    }


def _method(said: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": "Title", "description": "Description.", "example": {}, **said, **more}


def example(verb: str, url: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """One documented request; `answer`, `status`, `headers` and what else a line of the data has."""
    answer, status, headers = more.pop("answer", None), more.pop("status", 200), more.pop("headers", {})
    request = {"method": verb, "url": url, "headers": headers, "body": body}
    if "raw" in more:
        request["body_raw"] = more.pop("raw")
    return {
        "id": "page#1",
        "request": request,
        "response": {"status": status, "headers": {}, "body": answer},
        "csdl_problems": [],
        **more,
    }


def catalogue(methods: Mapping[str, Any], manifest: Mapping[str, Any] = MANIFEST) -> Catalogue:
    """A catalogue of these methods, in a service whose requests bear one header."""
    service = {"title": "Mail", "headers": {"Prefer": 'IdType="Immutable"'}, "methods": list(methods)}
    files: dict[str, Any] = {"manifest.yaml": {**manifest, "services": {"mail": service}}}
    files |= {method_file(name): {**data, "name": name} for name, data in methods.items()}
    return Catalogue(files)


class World:
    """The reference data in a folder, each part to be changed before it is read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.metadata = METADATA
        self.rows = ROWS
        self.scopes = SCOPES
        self.manifest = MANIFEST

    def report(
        self, methods: Mapping[str, Any], examples: list[dict[str, Any]] | None = None, overlay: str = "[]"
    ) -> Report:
        """What the proof says of these methods."""
        (self._folder / "metadata.csdl.xml").write_text(self.metadata, encoding="utf-8")
        (self._folder / "permissions.json").write_text(json.dumps(self.rows), encoding="utf-8")
        (self._folder / "scopes.json").write_text(json.dumps(self.scopes), encoding="utf-8")
        (self._folder / "examples").mkdir(exist_ok=True)
        lines = "\n".join(json.dumps(line) for line in examples or [])
        (self._folder / "examples" / "mail.jsonl").write_text(lines, encoding="utf-8")
        (self._folder / "overlay.yaml").write_text(overlay, encoding="utf-8")
        return prove(
            catalogue(methods, self.manifest),
            Reference.in_folder(self._folder),
            Overlay.open(self._folder / "overlay.yaml"),
        )

    def prove(
        self, method: dict[str, Any], examples: list[dict[str, Any]] | None = None, overlay: str = "[]"
    ) -> MethodReport:
        """What the proof says of one method."""
        (found,) = self.report({"messages.one": method}, examples, overlay).methods
        return found
