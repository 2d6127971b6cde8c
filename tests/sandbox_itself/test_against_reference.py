"""The sandbox against Microsoft's data: its routes, the permissions that open them, the shapes of its answers.

The sandbox is an island, so that it can contradict the connector; this test is what keeps both from being
wrong together. The documented requests about files are in `test_drive_documented_examples`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from connector.proof.csdl import TypeRef
from connector.proof.documented import Example, read_examples
from connector.proof.paths import PathError, Resolved, resolve, verb_problem
from connector.proof.permissions import Requests, Scopes, includes
from connector.proof.reference import Reference
from connector.sandbox import create_app
from connector.sandbox.graph import load_routes, router
from connector.sandbox.permissions import ADMIN_ONLY, OPENID_SCOPES, TITLES
from connector.sandbox.router import NoRoute, Route, parse_path
from tests.reference import GRAPH_DATA, documented_examples, needs_reference

from . import test_drive_documented_examples as about_files
from .conftest import ADMIN, COMPANY, USER

pytestmark = needs_reference

GROUP = "00000001-0000-4000-9000-000000000001"
EVERYTHING = sorted(set(TITLES) - OPENID_SCOPES)

load_routes()


@lru_cache
def reference() -> Reference:
    return Reference.in_folder(GRAPH_DATA)


def table() -> Requests:
    found = reference().requests
    assert found is not None
    return found


def known_scopes() -> Scopes:
    found = reference().scopes
    assert found is not None
    return found


@lru_cache
def resolved(path: str) -> Resolved:
    return resolve(reference().metadata, path)


CAST = (
    r"/(deletedItems|memberOf|transitiveMemberOf|places|places/\{place\})/(user|group|room|roomList)(?=/|$)"
)
PROPERTIES_AS_PARAMETERS = {"{size}": "large", "{setting}": "timeZone"}


def path_of(route: Route[Any]) -> str:
    """The pattern in the spelling of URLs: `root/{:path}/content` is `root:/{path}:/content`."""
    pattern = route.pattern
    for parameter, name in PROPERTIES_AS_PARAMETERS.items():
        pattern = pattern.replace(parameter, name)
    text = re.sub(r"/\{:(\w+)\}(/|$)", r":/{\1}:\2", pattern).removesuffix(":")
    text = re.sub(CAST, r"/\1/microsoft.graph.\2", text)
    return re.sub(r"\(\{.*\}\)", lambda call: re.sub(r"\{(\w+)\}", r"\1='{\1}'", call[0]), text)


def shown(route: Route[Any]) -> str:
    return f"{route.method} {route.pattern}"


def request_of(route: Route[Any]) -> str:
    """The method and pattern, with one form for the sixteen addresses of an item in a drive."""
    drive = r"/(users/\{user\}/drive|groups/\{group\}/drive|sites/\{site\}/drive|drives/\{drive\})"
    item = rf"{drive}/(root|items/\{{item\}})(/\{{:path\}})?(?=/|$)"
    return re.sub(item, "/drives/{drive}/items/{item}", shown(route))


def path_problem(route: Route[Any]) -> str | None:
    try:
        return verb_problem(reference().metadata, resolved(path_of(route)), route.method)
    except PathError as error:
        return str(error)


# Routes

OTHER_VERBS = {
    r"DELETE /users/\{user\}/calendar": "Microsoft: Delete calendar shows it for the default calendar",
    r"PATCH .*/photo/\$value": "Microsoft: Update profilePhoto takes PUT and PATCH",
    r"DELETE /directory/deletedItems/\{item\}": "Microsoft: Permanently delete item",
    r"DELETE .*/root": "the root is an item, but cannot be deleted; the sandbox says so with 400",
    r"PUT .*/(root|items/\{item\}|\{:path\})": "Microsoft: createUploadSession, when the name was taken",
}
"""Requests that the metadata does not offer, and why the sandbox takes them."""


def test_every_route_exists_at_microsoft_with_its_verb() -> None:
    problems = [
        f"{shown(route)}: {problem}"
        for route in router.routes
        if (problem := path_problem(route))
        and not any(re.fullmatch(pattern, shown(route)) for pattern in OTHER_VERBS)
    ]
    assert problems == []


# Permissions

GUARDED = [route for route in router.routes if route.needs is not None]
DECIDED_LATER = r".* /(directory/deletedItems/.*|subscriptions.*|search/query)"
"""What opens these depends on what was deleted, what is watched, and what is searched for."""
NOT_OFFERED = {
    "AgentIdUser.": "users that are agents",
    "Application.": "apps as members of groups",
    "Device.": "devices as members of groups",
    "DeviceManagement": "permissions of Intune, which imply others",
    "Files.ReadWrite.AppFolder": "access to one folder",
    "Files.ReadWrite.Selected": "access to chosen files",
    "User-": "write access to single properties of users",
    "User.EnableDisableAccount.All": "write access to single properties of users",
    "User.ManageIdentities.All": "write access to single properties of users",
    "User.ReadWrite.CrossCloud": "users of other clouds",
    "Acronym.": "what the search of other products finds",
    "Bookmark.": "what the search of other products finds",
    "ExternalItem.": "what the search of other products finds",
    "QnA.": "what the search of other products finds",
    "OnlineMeetingArtifact.Read.Chat": "consent for one chat",
    "OnlineMeetingRecording.Read.Chat": "consent for one chat",
    "OnlineMeetingTranscript.Read.Chat": "consent for one chat",
}
"""Permissions, by the beginning of their names, of which the sandbox does not know what they stand for."""

_ITEM = r"/drives/\{drive\}/items/\{item\}"
NOT_IN_THE_TABLE = {
    r"GET /places/\{place\}/(microsoft\.graph\.)?(room|roomList)": "a place as the type that it is",
    r"(GET|POST) /groups": "Microsoft: List groups, Create group",
    r"(GET|PATCH|DELETE) /groups/\{group\}": "Microsoft: Get, Update, Delete group",
    r"(PUT|DELETE) /users/\{user\}/manager/\$ref": "Microsoft: Assign manager, Remove manager",
    r"(GET|PATCH) /(users/\{user\}|groups/\{group\})/calendar": "note 3 of the data: the default calendar",
    r"(GET|PATCH) /users/\{user\}/(calendarGroups/.*/)?calendars/\{calendar\}": "Microsoft: Get, Update calendar",
    r"DELETE .*/attachments/\{attachment\}": "note 3 of the data: one attachment",
    rf"PUT {_ITEM}": "Microsoft: createUploadSession, when the name was taken",
    rf"GET {_ITEM}/delta.*": "Microsoft: driveItem: delta, of a folder",
    rf"GET {_ITEM}/(analytics|listItem|thumbnails/.*)": "Microsoft: the properties of a driveItem",
    rf"POST {_ITEM}/permanentDelete": "Microsoft: driveItem: permanentDelete",
    r"(GET|POST|DELETE) /groups/\{group\}/(members|owners)(/.*)?": "Microsoft: List, Add, Remove members, owners",
    r"(GET|POST) /groups/\{group\}/(conversations|threads).*": "Microsoft: conversation, conversationThread, post",
    r"GET /directory/deletedItems/(user|group)": "Microsoft: List deleted items",
    r"GET /users/\{user\}/(transitiveMemberOf/group|insights/trending|people/\{person\})": "their own pages",
    r"GET /users/\{user\}/memberOf/group": "Microsoft: List a user's direct memberships",
    r".* /sites/\{site\}/(lists|contentTypes|columns).*": "Microsoft: list, listItem, contentType",
    r".*/(calendarPermissions.*|allowedCalendarSharingRoles.*)": "note 3 of the data: calendar permissions",
    r"GET .*/childFolders/\{child\}": "Microsoft: Get mailFolder",
    r".* /users/\{user\}/(messages|events)/\{\w+\}/extensions.*": "Microsoft: openTypeExtension",
    r"POST /invitations": "Microsoft: Create invitation",
    r"GET /sites/\{site\}/drives/\{drive\}": "Microsoft: Get drive",
    r"GET /shares/\{share\}/(root|driveItem/children)": "Microsoft: Access shared items",
    r".* /users/\{user\}/todo/.*/attachmentSessions/.*": "Microsoft: Attach files to a To Do task",
}
"""Routes on which the table of permissions is silent, and where they are documented."""

_GROUP_EVENTS = r".* /groups/\{group\}/(calendar/)?(events.*|calendarView)"
_OF_USERS = ("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite")
_OF_GROUPS = ("Group.Read.All", "Group.ReadWrite.All")
DEVIATIONS = (
    (r"POST /users/\{user\}/checkMemberGroups", ("User.Read", "User.ReadWrite"),
     "Microsoft: directoryObject: checkMemberGroups gives User.Read for the signed-in user"),
    (_GROUP_EVENTS, (*_OF_USERS, *_OF_GROUPS),
     "the table mixes the pages on events of users in; Get event of a group has neither Calendars nor apps"),
    (r"GET .*/messages/\{message\}/\$value", ("Mail.ReadBasic", "Mail.ReadBasic.All"),
     "the table has the message itself only, and Mail.ReadBasic withholds bodies"),
    (r"POST .*/attachments/createUploadSession", ("Mail.ReadWrite", "Calendars.ReadWrite"),
     "one page for messages and events lists the permissions of both"),
    (r"DELETE /users/\{user\}/todo/lists/\{todo_list\}", ("Tasks.Read",), "who only reads cannot delete"),
    (r"GET /users/\{user\}/todo/lists/delta", ("Tasks.Read",), "it opens the lists themselves"),
    (r".* (/groups/\{group\})?/sites(/.*)?", ("Sites.FullControl.All", "Sites.Manage.All"),
     "by their descriptions they include reading and writing, though only what needs them lists them"),
    (r"GET /shares/\{share\}(/driveItem)?", ("Files.Read", "Files.Read.All", "Sites.Read.All"),
     "they open the content of the same item; note 1 of the data: what is not listed need not be refused"),
)  # fmt: skip
"""Where the sandbox keeps to a page rather than to the table: routes, permissions that differ, reason."""


def rows(route: Route[Any], mode: Any) -> list[frozenset[str]]:
    """What the table has for a route; one for a user is that of `/me` as well, an item has many addresses."""
    path = re.sub(r"(drive\}?)/(root|items/\{item\})(:/\{path\}:?|$)", r"\1/items/{item}", path_of(route))
    paths = [path] if mode == "application" else [path, path.replace("/users/{user}", "/me", 1)]
    found = [table().find(route.method, resolved(one), mode) for one in paths]
    return [row.enough[mode] for row in found if row is not None]


def permission_problems(route: Route[Any], mode: Any) -> Iterator[str]:
    enough = frozenset[str]().union(*rows(route, mode))
    opening = set(route.needs.accepted(app_only=mode == "application", own=True))
    listed = {
        name
        for name in enough
        if known_scopes().is_grantable(mode, name) and not name.startswith(tuple(NOT_OFFERED))
    }
    wider = {name for name in opening if any(includes(name, one) for one in enough)}
    accepted = {
        name for pattern, names, _ in DEVIATIONS if re.fullmatch(pattern, shown(route)) for name in names
    }
    if missing := sorted(listed - opening - accepted):
        yield f"{shown(route)}: {mode} {', '.join(missing)} should be enough"
    if extra := sorted(opening - wider - listed - accepted):
        yield f"{shown(route)}: {mode} {', '.join(extra)} should not be enough"


@pytest.mark.parametrize("mode", ["delegated", "application"])
def test_the_permissions_that_microsoft_lists_open_a_route_and_no_others(mode: str) -> None:
    silent = [route for route in GUARDED if not rows(route, mode)]
    undocumented = {
        request_of(route)
        for route in silent
        if not any(re.fullmatch(pattern, request_of(route)) for pattern in NOT_IN_THE_TABLE)
    }
    assert undocumented == set()
    problems = [
        problem for route in GUARDED if route not in silent for problem in permission_problems(route, mode)
    ]
    assert problems == []


def test_only_few_routes_are_not_guarded_by_a_permission_of_their_own() -> None:
    unguarded = [shown(route) for route in router.routes if route.needs is None]
    assert [one for one in unguarded if not re.fullmatch(DECIDED_LATER, one)] == []


def test_every_permission_that_opens_a_route_can_be_consented_to() -> None:
    opening = {
        name
        for route in GUARDED
        for scopes in (route.needs.delegated, route.needs.application, route.needs.shared or ())
        for name in scopes
    }
    assert opening - set(TITLES) == set()


def test_microsoft_knows_every_permission_and_says_whether_it_needs_an_admin() -> None:
    known = known_scopes().known
    unknown = [name for name in TITLES if not {("delegated", name), ("application", name)} & set(known)]
    assert unknown == []
    delegated = {name for mode, name in known if mode == "delegated"} & set(TITLES)
    admin_only = {name for name in delegated if known["delegated", name].admin}
    assert admin_only == set(ADMIN_ONLY)


# A sandbox in this process, with one of everything in it

LUIS = f"luis.brandt@{COMPANY}"
PERSON = {"emailAddress": {"address": LUIS, "name": "Luis Brandt"}}
EVENT = {
    "subject": "Talk", "body": {"contentType": "html", "content": "<p>Hello</p>"},
    "start": {"dateTime": "2031-03-04T09:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2031-03-04T10:00:00", "timeZone": "UTC"},
    "attendees": [PERSON | {"type": "required"}], "location": {"displayName": "Room 4"},
}  # fmt: skip
SERIES = EVENT | {
    "recurrence": {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]},
        "range": {"type": "endDate", "startDate": "2031-03-04", "endDate": "2031-04-04"},
    },
}
FILE_ATTACHMENT = {
    "@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentBytes": "YQ==",
}  # fmt: skip
ITEM_ATTACHMENT = {
    "@odata.type": "#microsoft.graph.itemAttachment", "name": "Talk",
    "item": {"@odata.type": "#microsoft.graph.message", "subject": "Within"},
}  # fmt: skip
DRAFT = {
    "subject": "Draft", "body": {"contentType": "html", "content": "<p>Hi</p>"}, "toRecipients": [PERSON],
    "importance": "high", "categories": ["Projects"], "flag": {"flagStatus": "flagged"},
    "internetMessageHeaders": [{"name": "x-order", "value": "7"}],
}  # fmt: skip
CONTACT = {
    "givenName": "Ada", "surname": "King", "emailAddresses": [{"name": "Ada", "address": "ada@king.example"}],
    "businessAddress": {"city": "London"}, "birthday": "1990-12-10T00:00:00Z", "businessPhones": ["+44 1"],
}  # fmt: skip
WINDOW = {"startDateTime": "2031-03-01T00:00:00Z", "endDateTime": "2031-05-01T00:00:00Z"}
LARGE = {"name": "a.bin", "attachmentType": "file", "size": 5_000_000}


UNKNOWN = "unknown"


def segment(text: str) -> str:
    return quote(text, safe="")


PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTg7RAAAAABJRU5ErkJggg=="
)
RULE = {
    "displayName": "Remove spam", "sequence": 1, "conditions": {"subjectContains": ["enter to win"]},
    "actions": {"delete": True, "stopProcessingRules": True},
}  # fmt: skip
FORWARDING = {
    "conditions": {"senderContains": ["luis"]}, "actions": {"forwardTo": [PERSON], "stopProcessingRules": True},
}  # fmt: skip
OVERRIDE = {"classifyAs": "other", "senderEmailAddress": PERSON["emailAddress"]}
UNTHROTTLED = {"mailbox_requests_per_10_minutes": 0, "drive_units_per_minute": 0}


class Graph:
    """A fresh sandbox without a socket."""

    def __init__(self) -> None:
        self.client = create_app().test_client()
        self.client.put("/_sandbox/switches", json=UNTHROTTLED)
        self.everything = self.token(EVERYTHING)

    def token(self, permissions: list[str], user: str | None = USER) -> str:
        body = {"company": COMPANY, "permissions": permissions, "user": user}
        answer = self.client.post("/_sandbox/tokens", json=body).get_json()
        return str(answer["access_token"])

    def call(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        headers = {"authorization": f"Bearer {token or self.everything}", "consistencylevel": "eventual"}
        headers |= more.pop("headers", {})
        return self.client.open(f"/v1.0{path}", method=method, headers=headers, **more)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def made(self, path: str, body: Any) -> Any:
        answer = self.call("POST", path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()

    def filled(self) -> dict[str, list[str]]:
        """Values for every parameter of the routes."""
        message = self.made("/me/messages", DRAFT)["id"]
        talk, series = self.made("/me/events", EVENT)["id"], self.made("/me/events", SERIES)["id"]
        group_events = [self.made(f"/groups/{GROUP}/events", body)["id"] for body in (EVENT, SERIES)]
        attachments = [
            self.made(f"/me/{kind}/{segment(key)}/attachments", body)["id"]
            for kind, key in (("messages", message), ("events", talk))
            for body in (FILE_ATTACHMENT, ITEM_ATTACHMENT)
        ]
        occurrence = self.get(f"/me/events/{segment(series)}/instances?{urlencode(WINDOW)}")["value"][0]["id"]
        group = self.get("/me/calendarGroups")["value"][0]["id"]
        calendar = self.get("/me/calendar")["id"]
        contact_folder = self.made("/me/contactFolders", {"displayName": "Referees"})["id"]
        contacts = [
            self.made(path, CONTACT)["id"]
            for path in ("/me/contacts", f"/me/contactFolders/{segment(contact_folder)}/contacts")
        ]
        photo = f"/me/contacts/{segment(contacts[0])}/photo/$value"
        self.call("PUT", photo, data=PIXEL, headers={"content-type": "image/png"})
        team_site = self.get(f"/groups/{GROUP}/sites/root")
        host = team_site["siteCollection"]["hostname"]
        drives = ["/me/drive", f"/groups/{GROUP}/drive", "/sites/root/drive"]
        roots = [f"{drive}/root" for drive in drives]
        items = [self.get(root) for root in roots]
        for root in roots:
            children = self.get(f"{root}/children")["value"]
            items += children[:1] + [child for child in children if "file" in child][:1]
        file = next(item["id"] for item in items if "file" in item)
        for body in ({"type": "view", "scope": "anonymous"}, {"type": "edit", "scope": "organization"}):
            link = self.made(f"/me/drive/items/{file}/createLink", body)
        self.made(
            f"/me/drive/items/{file}/invite",
            {"recipients": [{"email": LUIS}], "roles": ["read"], "requireSignIn": True},
        )
        permissions = self.get(f"/me/drive/items/{file}/permissions")["value"]
        permissions += [self.get(f"{root}/permissions")["value"][0] for root in roots]
        mail_folder = self.made("/me/mailFolders", {"displayName": "Mine"})["id"]
        rules = [
            self.made("/me/mailFolders/inbox/messageRules", RULE | more)["id"] for more in ({}, FORWARDING)
        ]
        override = self.made("/me/inferenceClassification/overrides", OVERRIDE)["id"]
        category = self.get("/me/outlook/masterCategories")["value"][0]["id"]
        return {
            "user": [USER], "group": [GROUP], "site": [team_site["id"], host],
            "folder": ["drafts", contact_folder, mail_folder, "inbox"], "contact": contacts, "message": [message], "event": [talk, series, occurrence, *group_events],
            "attachment": attachments, "calendar": [calendar], "calendar_group": [group],
            "drive": [self.get("/me/drive")["id"]], "item": [item["id"] for item in items], "root": [item["id"] for item in items if "root" in item],
            "path": ["Documents", "Documents/Notes.txt", "Launch plan", "House rules.txt", "Contacts.csv",
                     "sites/launch"],
            "permission": sorted({permission["id"] for permission in permissions}), "share": [link["shareId"]],
            "token": ["latest"], "q": ["a"], "rule": [rules[1], rules[0]], "override": [override],
            "category": [category],
        }  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Graph()


@pytest.fixture(scope="module")
def values(graph: Graph) -> dict[str, list[str]]:
    return graph.filled()


@lru_cache
def known_parameters() -> frozenset[str]:
    return frozenset(Graph().filled())


def has_values(route: Route[Any]) -> bool:
    return set(re.findall(r"\{:?(\w+)\}", route.pattern)) <= known_parameters()


def urls(route: Route[Any], values: dict[str, list[str]]) -> Iterator[str]:
    """The path of a route with every combination of values."""
    path = path_of(route)
    names = re.findall(r"\{(\w+)\}", path)
    if "path" in names:
        values = values | {"item": values["root"]}
    for chosen in product(*(values.get(name, [UNKNOWN]) for name in names)):
        keys = {
            name: quote(value) if name == "path" else segment(value)
            for name, value in zip(names, chosen, strict=True)
        }
        yield f"{path.format(**keys)}?{urlencode(WINDOW)}"


UNANSWERED = {
    r"GET /users/\{user\}/onlineMeetings": "needs a filter by the address of the meeting",
    r"GET .*\{:path\}/delta(\(\{token\}\))?": "folders other than the root track no changes",
    r"GET .*/root/(content|versions|listItem)": "the root has none",
    r"GET /(groups|sites)/.*/drive/following": "only people follow",
    r"GET /groups/\{group\}/photo(/\$value)?": "the group has none",
    r"GET /directory/deletedItems/\{item\}": "nobody is deleted",
    r"GET .*/calendarPermissions/\{permission\}": "its ids are none of the permissions of files",
    r"GET /sites/\{site\}/drives/\{drive\}": "the drive is the user's",
}
"""Reads that have no answer with these values, and why."""
MINE = ("Files.Read", "Files.ReadWrite")
"""By Microsoft's description they are for the signed-in user's own files, whatever the table says."""
READS = [route for route in router.routes if route.method == "GET"]


def test_a_token_without_the_right_permission_opens_no_route(graph: Graph, values: Any) -> None:
    """All permissions but those of the route, on what belongs to the caller."""
    opened = []
    for route in GUARDED:
        others = [name for name in EVERYTHING if name not in route.needs.delegated]
        answer = graph.call(route.method, next(urls(route, values)), graph.token(others), json={})
        if answer.status_code != 403:
            opened.append(f"{shown(route)}: {answer.status_code}")
    assert opened == []


def test_each_permission_alone_opens_its_routes(graph: Graph, values: Any) -> None:
    tokens = {name: graph.token([name]) for name in EVERYTHING}
    closed = [
        f"{shown(route)}: {name}"
        for route in READS
        if route in GUARDED
        for name in set(route.needs.delegated) & set(tokens)
        if not (name in MINE and route.pattern.startswith(("/groups/", "/sites/")))
        and all(graph.call("GET", url, tokens[name]).status_code == 403 for url in urls(route, values))
    ]
    assert closed == []


# Shapes

_TIME = r"\d\d:\d\d(:\d\d(\.\d{1,7})?)?"
LITERALS = {
    "Edm.DateTimeOffset": re.compile(rf"\d{{4}}-\d\d-\d\dT{_TIME}(Z|[+-]\d\d:\d\d)"),
    "Edm.Date": re.compile(r"\d{4}-\d\d-\d\d"),
    "Edm.TimeOfDay": re.compile(_TIME),
    "Edm.Duration": re.compile(r"-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"),
    "Edm.Guid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "Edm.Binary": re.compile(r"[A-Za-z0-9+/_-]*={0,2}"),
}
"""OASIS: OData ABNF; Microsoft writes at most seven digits of a second."""
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "Edm.Decimal": (int, float), "Edm.Double": (int, float), "Edm.Single": (int, float),
    **dict.fromkeys(("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"), (int,)),
}  # fmt: skip
DATE_TIME_WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}")
"""Microsoft: dateTimeTimeZone resource type; how Outlook writes its `dateTime`."""


UNDECLARED = {
    ("microsoft.graph.identity", "email"): "SharePoint writes it in createdBy, owner and grantedTo",
    ("microsoft.graph.identitySet", "group"): "an open type; the owner of a group's drive is its group",
    ("microsoft.graph.mailFolder", "sizeInBytes"): "Outlook answers it in v1.0, though only beta declares it",
}
"""What Graph answers although the metadata does not have it."""


def misfits(value: Any, kind: TypeRef, where: str) -> Iterator[str]:
    """Where a value of an answer is none of its type in the metadata."""
    metadata = reference().metadata
    if kind.collection:
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for one in value:
            yield from misfits(one, kind.one, where)
    elif value is None:
        if not kind.nullable:
            yield f"{where} is null"
    elif kind.name in metadata.structures:
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        yield from misfit_properties(value, kind.name, where)
    elif kind.name in metadata.enumerations:
        if value not in metadata.enumerations[kind.name]:
            yield f"{where} = {value!r} is no member of {kind}"
    elif not is_primitive(value, kind.name):
        yield f"{where} = {value!r} is no {kind}"


def is_primitive(value: Any, name: str) -> bool:
    if isinstance(value, bool) or name == "Edm.Boolean":
        return isinstance(value, bool) and name == "Edm.Boolean"
    if not isinstance(value, JSON_TYPES.get(name, (str,))):
        return False
    return name not in LITERALS or LITERALS[name].fullmatch(str(value)) is not None


def misfit_properties(item: dict[str, Any], declared: str, where: str) -> Iterator[str]:
    metadata = reference().metadata
    name = item.get("@odata.type", declared).removeprefix("#")
    if name != declared and name not in set(metadata.derived(declared)):
        yield f"{where} is a {name}, no {declared}"
        return
    known = metadata.properties(name)
    for key, value in item.items():
        own, at, _ = key.partition("@")
        if (name, own) in UNDECLARED:
            continue
        if own and own not in known:
            yield f"{where}.{key} is not in {name.removeprefix('microsoft.graph.')}"
        elif not at:
            yield from misfits(value, known[own].type, f"{where}.{key}")
    if name == "microsoft.graph.dateTimeTimeZone" and not DATE_TIME_WITH_ZONE.fullmatch(item["dateTime"]):
        yield f"{where}.dateTime = {item['dateTime']!r}"


def type_of_answer(path: Resolved) -> TypeRef | None:
    """What the metadata says that a path gives; the changes of users are users, not directory objects."""
    if path.last.name == "delta" and path.holder is not None:
        return TypeRef(path.holder.name, collection=True)
    return path.type


def misfits_of_answer(body: Any, kind: TypeRef | None) -> Iterator[str]:
    assert isinstance(body, dict)
    if kind is None:
        yield f"the metadata has no answer, but {body}"
    elif kind.collection or kind.primitive:
        yield from misfits(body["value"], kind, str(kind.one))
        unknown = [key for key in body if key != "value" and not key.startswith("@odata.")]
        yield from (f"{key} beside value" for key in unknown)
    else:
        yield from misfits(body, kind, str(kind))


def test_every_read_answers_in_the_shape_of_its_type(graph: Graph, values: Any) -> None:
    """Every read for whose parameters `Graph.filled` has values."""
    problems: dict[str, str] = {}
    unanswered = []
    for route in READS:
        if not has_values(route):
            continue
        is_answered = False
        for url in urls(route, values):
            answer = graph.call("GET", url)
            is_answered |= answer.status_code < 400
            if answer.status_code == 200 and "json" in answer.content_type:
                for problem in misfits_of_answer(answer.get_json(), type_of_answer(resolved(path_of(route)))):
                    problems.setdefault(problem, shown(route))
        if not is_answered:
            unanswered.append(shown(route))
    assert problems == {}
    assert [one for one in unanswered if not any(re.fullmatch(pattern, one) for pattern in UNANSWERED)] == []


WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/me/messages", DRAFT),
    ("PATCH", "/me/messages/{message}", {"isRead": True}),
    ("POST", "/me/messages/{message}/copy", {"destinationId": "archive"}),
    ("POST", "/me/messages/{message}/createReply", {"comment": "Yes"}),
    ("POST", "/me/messages/{message}/createForward", {"toRecipients": [PERSON]}),
    ("POST", "/me/messages/{message}/attachments", FILE_ATTACHMENT),
    ("POST", "/me/messages/{message}/attachments", ITEM_ATTACHMENT),
    ("POST", "/me/messages/{message}/attachments/createUploadSession", {"AttachmentItem": LARGE}),
    ("POST", "/me/mailFolders", {"displayName": "New"}),
    ("POST", "/me/mailFolders/{folder}/childFolders", {"displayName": "Newer"}),
    ("POST", "/me/mailFolders/{folder}/messages", DRAFT),
    ("POST", "/me/mailFolders/inbox/messageRules", RULE),
    ("POST", "/me/outlook/masterCategories", {"displayName": "Expenses", "color": "preset9"}),
    ("POST", "/me/inferenceClassification/overrides", OVERRIDE),
    ("POST", "/me/getMailTips", {"EmailAddresses": [LUIS]}),
    ("POST", "/me/events", EVENT),
    ("POST", "/me/events", SERIES),
    ("PATCH", "/me/events/{event}", {"subject": "Longer talk"}),
    ("POST", "/me/events/{event}/attachments/createUploadSession", {"AttachmentItem": LARGE}),
    ("POST", "/groups/{group}/events", EVENT),
    ("POST", "/me/calendars", {"name": "Second", "color": "lightBlue"}),
    ("PATCH", "/me/calendars/{calendar}", {"color": "lightRed"}),
    ("POST", "/me/calendarGroups", {"name": "Third"}),
    ("POST", "/me/contacts", CONTACT),
    ("POST", "/users", {
        "accountEnabled": True, "displayName": "Zoe Zimmer", "mailNickname": "zoe",
        "userPrincipalName": f"zoe@{COMPANY}", "passwordProfile": {"password": "Sandbox-2026!"},
    }),
    ("POST", "/me/revokeSignInSessions", {}),
    ("POST", "/me/drive/root/children", {"name": "Folder", "folder": {}}),
    ("POST", "/me/drive/root:/Reports:/createLink", {"type": "view", "scope": "anonymous"}),
    ("POST", "/me/drive/root:/Reports:/invite",
     {"recipients": [{"email": "someone@outside.example"}], "roles": ["write"], "requireSignIn": True}),
    ("PATCH", "/me/drive/root:/Reports", {"description": "All of them"}),
    ("POST", "/me/drive/root:/large.bin:/createUploadSession", {"item": {}}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body"), WRITES, ids=[f"{method} {path}" for method, path, _ in WRITES]
)
def test_a_write_answers_in_the_shape_of_its_type(
    graph: Graph, values: Any, method: str, path: str, body: Any
) -> None:
    url = path.format(**{name: segment(known[0]) for name, known in values.items()})
    answer = graph.call(method, url, json=body)
    assert answer.status_code in (200, 201), answer.text
    where = resolved(path)
    is_addition = where.last.kind == "property" and where.type is not None and method == "POST"
    kind = where.type.one if is_addition and where.type else type_of_answer(where)
    assert list(misfits_of_answer(answer.get_json(), kind)) == []


def test_a_file_put_into_a_folder_answers_in_the_shape_of_an_item(graph: Graph) -> None:
    answer = graph.call("PUT", "/me/drive/root:/Reports/new.txt:/content", data=b"new")
    assert answer.status_code == 201
    assert list(misfits_of_answer(answer.get_json(), TypeRef("microsoft.graph.driveItem"))) == []


# Documented requests

_CUT_OFF, _MADE_UP = "its sample of MIME is cut off", "its contentBytes are no base64"
_TOKEN, _SEARCH_FOLDER = "its token is made up", "its source folder, or the search folder itself, is made up"
LEFT_OUT = {
    "place-list#2": "the page writes geocoordinates, the metadata geoCoordinates",
    "calendarpermission-get#1": "no calendar permission has that id",
    "delta-query-messages#2": _TOKEN, "delta-query-messages#3": _TOKEN,
    "event-post-attachments#1": _MADE_UP, "eventmessage-post-attachments#1": _MADE_UP,
    "event-snoozereminder#1": "its dateTime is a placeholder",
    "mailsearchfolder-post#1": _SEARCH_FOLDER, "mailsearchfolder-update#1": _SEARCH_FOLDER,
    "message-createforward#2": _CUT_OFF, "user-post-messages#3": _CUT_OFF, "user-sendmail#4": _CUT_OFF,
    "user-post-contactfolders#1": "its parentFolderId is made up",
    "user-post-users#2": "it makes a customer of Azure AD B2C, without any of the required properties",
}  # fmt: skip
STATUS = {
    "calendar-delete#1": (403, "Outlook keeps the default calendar, which is the one the page deletes"),
    "contactfolder-post-childfolders#1": (201, "the text of the page says 201"),
    "mailfolder-move#1": (201, "the text of the page says 201"),
    "mailfolder-post-childfolders#1": (201, "the text of the page says 201"),
    "message-replyall#1": (202, "the text of the page says 202"),
}
"""Where the sandbox answers with another status than the example, and why."""
ABSENT = {
    "messagerule-update#1": ("conditions.senderContains", "it is another rule"),
    "user-getmailtips#1": ("value", "nobody is away and no mailbox is full"),
    "attachment-get#3": ("item", "an attached item has what it was given"),
    "attachment-get#4": ("item", "an attached item has what it was given"),
    "findmeetingtimes-example#2": ("meetingTimeSuggestions", "the times that it proposes are over"),
    "inferenceclassification-list-overrides#1": ("value", "there are none"),
    "contact-delta#1": ("value", "it selects one property and prints all"),
    "contactfolder-list-childfolders#1": ("value", "the folder has none"),
    "user-list#4": ("value", "the default properties are fewer than in 2021"),
    "user-list#6": ("value", "nobody's name begins so"),
    "user-list#1": ("value", "the default properties are fewer than in 2021"),
    "user-list#2": ("value", "nobody has that identity"),
    "user-list#5": ("value", "nobody has such an address"),
    "user-list-mailfolders#1": ("value", "the page shows a search folder"),
    "user-list-directreports#1": ("value", "she has none"),
    "user-list-memberof#4": ("value", "she is in no group of that name"),
    "user-list-memberof#5": ("value", "she is in no group of that name"),
    "user-list-manager#2": ("manager.manager", "the sandbox expands one level of managers"),
}
"""Below which property the sandbox has less than the example, and why."""
AREAS = ("users", "calendar", "mail", "contacts")
IDS = {example["id"] for example in documented_examples() if example["area"] in AREAS}
EXAMPLES = [example for example in read_examples(GRAPH_DATA / "examples") if example.id in IDS] if IDS else []


def route_of(example: Example) -> Route[Any] | None:
    """The route that serves a documented request, if there are values for its parameters."""
    segments = parse_path(example.path)
    if segments[:1] == ["me"]:
        segments[:1] = ["users", "me"]
    try:
        found = router.find(example.verb, segments)[0]
    except NoRoute:
        return None
    return found if has_values(found) else None


def filled_path(graph: Graph, route: Route[Any]) -> str:
    """The path of a route about something that can be done with: received mail, an invitation."""
    values = graph.filled()
    chosen = {name: known[0] for name, known in values.items()}
    if "/events/{event}/attachments" in route.pattern:
        chosen["attachment"] = values["attachment"][2]
    if route.pattern.startswith("/groups/"):
        chosen["event"] = values["event"][4]
    if "/contactFolders/" in route.pattern:
        chosen["folder"] = values["folder"][1]
    elif "/messages" in route.pattern or "/messageRules" in route.pattern:
        chosen["folder"] = "inbox"
    elif "/mailFolders/" in route.pattern:
        chosen["folder"] = values["folder"][2]
    if re.search("reply|forward|createForward", route.pattern):
        chosen["message"] = graph.get("/me/mailFolders/inbox/messages")["value"][0]["id"]
    if re.search("accept|tentativelyAccept", route.pattern):
        graph.everything = graph.token(EVERYTHING, LUIS)
        invitations = graph.get("/me/events?$filter=isOrganizer eq false")["value"]
        chosen |= {"user": LUIS, "event": invitations[0]["id"]}
    return path_of(route).format(**{name: segment(value) for name, value in chosen.items()})


def filled_text(text: str) -> str:
    for printed, existing in ON_THE_PAGES.items():
        text = re.sub(printed, existing, text)
    return text


ON_THE_PAGES = {
    r"@(tenant-value|contoso)\.(onmicrosoft\.)?com": f"@{COMPANY}",
    "https://graph.microsoft.com/v1.0/users/{id}": f"https://graph.microsoft.com/v1.0/users/{ADMIN}",
    "destinationId-value": "archive",
    "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46": "c7df2760-2c81-4ef7-b578-5b5392b571df",
}
"""What examples print, as a pattern, and what stands in the sandbox for it."""


@pytest.mark.parametrize(
    "example",
    [one for one in EXAMPLES if not one.unusable() and route_of(one) and one.id not in LEFT_OUT],
    ids=lambda example: example.id,
)
def test_a_documented_request_gets_the_documented_answer(example: Example) -> None:
    graph, route = Graph(), route_of(example)
    assert route is not None
    path = filled_path(graph, route)
    query = urlencode([(name, filled_text(value or "")) for name, value in example.query])
    more: dict[str, Any] = {"headers": dict(example.headers)}
    if example.raw is not None:
        more["data"] = example.raw.encode()
    elif example.body is not None:
        more["json"] = json.loads(filled_text(json.dumps(example.body)))
    answer = graph.call(example.verb, f"{path}?{query}", **more)
    assert answer.status_code == STATUS.get(example.id, (example.status,))[0], answer.text
    if isinstance(example.answer, dict):
        missing = about_files.shape(example.answer) - about_files.shape(answer.get_json())
        less_below = ABSENT.get(example.id, ("@", ""))[0]
        assert [name for name in sorted(missing) if "@" not in name and not name.startswith(less_below)] == []
