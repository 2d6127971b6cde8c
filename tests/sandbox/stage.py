"""What must be there before the example of a method can run: a table of preparations, and who prepares.

An example names things by IDs of Microsoft's documentation. `INPUTS` says by which new thing each of them
is replaced: by method and input, or by noun and input. All else of an example is taken as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from connector.auth.scopes import at_target, needed
from connector.runtime.build import choose_path
from connector.sandbox.permissions import TITLES
from connector.spec.model import Method
from tests.http_host import reply, serving
from tests.live_sandbox import DOMAINS, Live, catalogue

EVERYTHING = (
    "User.ReadWrite.All", "Group.ReadWrite.All", "Mail.ReadWrite", "Mail.ReadWrite.Shared", "Mail.Send",
    "Calendars.ReadWrite", "Calendars.ReadWrite.Shared", "Contacts.ReadWrite", "Contacts.ReadWrite.Shared",
    "MailboxSettings.ReadWrite",
    "Files.ReadWrite.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Tasks.ReadWrite", "People.Read.All",
    "Place.Read.All", "OnlineMeetings.ReadWrite", "OnlineMeetingTranscript.Read.All",
    "OnlineMeetingRecording.Read.All", "OnlineMeetingArtifact.Read.All",
)  # fmt: skip
OWNER = "avery.stone"
COLLEAGUE = "luis.brandt"
SENDER = "mina.okafor"

_numbers = count(1)
_servers = ExitStack()


class Scene:
    """One company, and one target in it: `target` are the inputs that name it, none for oneself."""

    def __init__(
        self,
        live: Live,
        install: str,
        method: Method,
        target: Mapping[str, str],
        numbers: Iterator[int] = _numbers,
    ) -> None:
        self.live, self.install, self.method, self.target = live, install, method, target
        self._numbers = numbers

    @property
    def domain(self) -> str:
        return DOMAINS[self.install]

    @property
    def root(self) -> str:
        """The path of the target, as the method's own paths begin."""
        for name, value in self.target.items():
            family = {"drive": "/drives/", "user": "/users/", "group": "/groups/", "site": "/sites/"}[name]
            path = family + quote(value, safe="")
            return path if name == "drive" or not self.is_drive else f"{path}/drive"
        return "/me/drive" if self.is_drive else "/me"

    @property
    def is_drive(self) -> bool:
        return self.method.name.startswith("drive")

    @property
    def address(self) -> str:
        """Whose mailbox it is."""
        return self.target.get("user", f"{OWNER}@{self.domain}")

    def ask(self, verb: str, path: str, body: Any = None, user: str = OWNER, **headers: str) -> Any:
        """Graph's own answer to a request of somebody who may do everything."""
        prefer = {"Prefer": 'IdType="ImmutableId"', **headers}
        return self.live.graph(
            verb, path, body, user=user, install=self.install, permissions=EVERYTHING, headers=prefer
        )

    def name(self, text: str) -> str:
        """A name that nothing else has."""
        return f"{text} {next(self._numbers)}"


Maker = Callable[[Scene, Mapping[str, Any]], Any]


def letter(scene: Scene, params: Mapping[str, Any]) -> str:
    """A message that somebody sent to the mailbox."""
    return _sent(scene, {})


def letter_with_file(scene: Scene, params: Mapping[str, Any]) -> str:
    file = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "minutes.txt",
        "contentBytes": base64.b64encode(b"On time.").decode(),
    }
    return _sent(scene, {"attachments": [file]})


def _sent(scene: Scene, more: Mapping[str, Any]) -> str:
    subject = scene.name("Letter")
    message = {
        "subject": subject,
        "body": {"contentType": "text", "content": "x"},
        "toRecipients": [{"emailAddress": {"address": scene.address}}],
        **more,
    }
    scene.ask("POST", "/me/sendMail", {"message": message}, SENDER)
    [found] = scene.ask("GET", f"{scene.root}/mailFolders/inbox/messages?$filter=subject eq '{subject}'")[
        "value"
    ]
    return str(found["id"])


def attachment(scene: Scene, params: Mapping[str, Any]) -> str:
    [found] = scene.ask("GET", f"{scene.root}/messages/{quote(params['message_id'], safe='')}/attachments")[
        "value"
    ]
    return str(found["id"])


def draft(scene: Scene, params: Mapping[str, Any]) -> str:
    message = {"subject": scene.name("Draft"), "toRecipients": [{"emailAddress": {"address": scene.address}}]}
    return str(scene.ask("POST", f"{scene.root}/messages", message)["id"])


def conversation(scene: Scene, params: Mapping[str, Any]) -> str:
    found = quote(letter(scene, params), safe="")
    return str(scene.ask("GET", f"{scene.root}/messages/{found}")["conversationId"])


def mail_folder(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/mailFolders", {"displayName": scene.name("Folder")})["id"])


def mail_folders(scene: Scene, params: Mapping[str, Any]) -> list[str]:
    return [mail_folder(scene, params)]


def message_rule(scene: Scene, params: Mapping[str, Any]) -> str:
    rule = {
        "displayName": scene.name("Rule"),
        "sequence": 1,
        "conditions": {"subjectContains": ["spam"]},
        "actions": {"markAsRead": True},
    }
    return str(scene.ask("POST", f"{scene.root}/mailFolders/inbox/messageRules", rule)["id"])


def category(scene: Scene, params: Mapping[str, Any]) -> str:
    body = {"displayName": scene.name("Category"), "color": "preset1"}
    return str(scene.ask("POST", f"{scene.root}/outlook/masterCategories", body)["id"])


def focused_inbox_override(scene: Scene, params: Mapping[str, Any]) -> str:
    sender = {"address": f"sender{next(_numbers)}@contoso.com"}
    body = {"classifyAs": "focused", "senderEmailAddress": sender}
    return str(scene.ask("POST", f"{scene.root}/inferenceClassification/overrides", body)["id"])


def event(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/events", _meeting(scene.name("Event")))["id"])


def invitation(scene: Scene, params: Mapping[str, Any]) -> str:
    """An event to which somebody invited the mailbox."""
    subject = scene.name("Invitation")
    attendee = {"type": "required", "emailAddress": {"address": scene.address}}
    scene.ask("POST", "/me/events", {**_meeting(subject), "attendees": [attendee]}, SENDER)
    found = scene.ask("GET", f"{scene.root}/events?$filter=subject eq '{subject}'")["value"]
    return str(found[0]["id"])


def _meeting(subject: str) -> dict[str, Any]:
    return {
        "subject": subject,
        "start": {"dateTime": "2027-05-05T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2027-05-05T10:00:00", "timeZone": "UTC"},
    }


def series(scene: Scene, params: Mapping[str, Any]) -> str:
    daily = {
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2027-05-05", "numberOfOccurrences": 3},
    }
    body = {**_meeting(scene.name("Series")), "recurrence": daily}
    return str(scene.ask("POST", f"{scene.root}/events", body)["id"])


def event_with_file(scene: Scene, params: Mapping[str, Any]) -> str:
    made = event(scene, params)
    file = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "agenda.txt",
        "contentBytes": "T24gdGltZS4=",
    }
    scene.ask("POST", f"{scene.root}/events/{quote(made, safe='')}/attachments", file)
    return made


def event_attachment(scene: Scene, params: Mapping[str, Any]) -> str:
    [found] = scene.ask("GET", f"{scene.root}/events/{quote(params['event_id'], safe='')}/attachments")[
        "value"
    ]
    return str(found["id"])


def room(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("GET", "/places/microsoft.graph.room")["value"][0]["emailAddress"])


def room_list(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("GET", "/places/microsoft.graph.roomList")["value"][0]["id"])


def online_meeting(scene: Scene, params: Mapping[str, Any]) -> str:
    """One that is over and was recorded."""
    return str(_online_meeting(scene)["id"])


def join_url(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(_online_meeting(scene)["joinWebUrl"])


def _online_meeting(scene: Scene) -> Any:
    times = {"startDateTime": "2026-01-05T09:00:00Z", "endDateTime": "2026-01-05T10:00:00Z"}
    body = {"subject": scene.name("Meeting"), "recordAutomatically": True, **times}
    return scene.ask("POST", f"{scene.root}/onlineMeetings", body)


def _remains(kind: str) -> Maker:
    """The first of what remains of an online meeting."""

    def made(scene: Scene, params: Mapping[str, Any]) -> str:
        path = f"{scene.root}/onlineMeetings/{quote(params['meeting_id'], safe='')}/{kind}"
        return str(scene.ask("GET", path)["value"][0]["id"])

    return made


def calendar(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/calendars", {"name": scene.name("Calendar")})["id"])


def calendar_group(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/calendarGroups", {"name": scene.name("Group")})["id"])


def calendar_permission(scene: Scene, params: Mapping[str, Any]) -> str:
    """What somebody, who had nothing yet, may do with the calendar."""
    address = f"{person(scene, params).partition('@')[0]}@elsewhere.example"
    permission = {"emailAddress": {"address": address}, "role": "read"}
    return str(scene.ask("POST", f"{scene.root}/calendar/calendarPermissions", permission)["id"])


def folder(scene: Scene, params: Mapping[str, Any]) -> str:
    body = {"name": scene.name("Folder"), "folder": {}}
    return str(scene.ask("POST", f"{scene.root}/root/children", body)["id"])


def file(scene: Scene, params: Mapping[str, Any]) -> str:
    """A file in a folder of its own."""
    place = f"{scene.root}/items/{folder(scene, params)}:/{quote(scene.name('File'))}.txt:/content"
    return str(scene.ask("PUT", place, {"any": "JSON is a file too"})["id"])


def office_file(scene: Scene, params: Mapping[str, Any]) -> str:
    """One that has a picture, bears labels and can be converted."""
    place = f"{scene.root}/items/{folder(scene, params)}:/{quote(scene.name('Minutes'))}.docx:/content"
    return str(scene.ask("PUT", place, {"text": "On time."})["id"])


def reserved_file(scene: Scene, params: Mapping[str, Any]) -> str:
    item = file(scene, params)
    scene.ask("POST", f"{scene.root}/items/{item}/checkout")
    return item


def path_of_file(scene: Scene, params: Mapping[str, Any]) -> str:
    path = f"{scene.name('Folder')}/File.txt"
    scene.ask("PUT", f"{scene.root}/root:/{quote(path)}:/content", {"any": "JSON is a file too"})
    return path


def earlier_version(scene: Scene, params: Mapping[str, Any]) -> str:
    scene.ask("PUT", f"{scene.root}/items/{params['item_id']}/content", {"a": "second version"})
    return "1.0"


def permission(scene: Scene, params: Mapping[str, Any]) -> str:
    """That of a colleague on the item."""
    invitation = {
        "recipients": [{"email": f"{SENDER}@{scene.domain}"}],
        "roles": ["read"],
        "requireSignIn": True,
    }
    [made] = scene.ask("POST", f"{scene.root}/items/{params['item_id']}/invite", invitation)["value"]
    return str(made["id"])


def share(scene: Scene, params: Mapping[str, Any]) -> str:
    """The ID of a link to a file."""
    link = {"type": "view", "scope": "organization"}
    return str(scene.ask("POST", f"{scene.root}/items/{file(scene, params)}/createLink", link)["shareId"])


def person(scene: Scene, params: Mapping[str, Any]) -> str:
    """A user of the company."""
    nickname = f"ann.{next(_numbers)}"
    user = {
        "accountEnabled": True,
        "displayName": "Ann Lee",
        "mailNickname": nickname,
        "userPrincipalName": f"{nickname}@{scene.domain}",
        "passwordProfile": {"password": "a long first password"},
    }
    return str(scene.ask("POST", "/users", user)["userPrincipalName"])


def person_id(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("GET", f"/users/{person(scene, params)}")["id"])


def licensable_person(scene: Scene, params: Mapping[str, Any]) -> str:
    """One whose country is known."""
    found = person(scene, params)
    scene.ask("PATCH", f"/users/{found}", {"usageLocation": "US"})
    return found


def deleted_person(scene: Scene, params: Mapping[str, Any]) -> str:
    found = person_id(scene, params)
    scene.ask("DELETE", f"/users/{found}")
    return found


def group(scene: Scene, params: Mapping[str, Any]) -> str:
    """A new Microsoft 365 group of the one who asks."""
    kind = {"groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False}
    names = {"displayName": "Team", "mailNickname": f"team.{next(_numbers)}"}
    return str(scene.ask("POST", "/groups", {**kind, **names})["id"])


def thread(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("GET", f"/groups/{params['group_id']}/threads")["value"][0]["id"])


def group_member(scene: Scene, params: Mapping[str, Any]) -> str:
    return _referred(scene, params, "members")


def group_owner(scene: Scene, params: Mapping[str, Any]) -> str:
    return _referred(scene, params, "owners")


def _referred(scene: Scene, params: Mapping[str, Any], relation: str) -> str:
    """Somebody who has just come into the group."""
    found = person_id(scene, params)
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/users/{found}"}
    scene.ask("POST", f"/groups/{params['group_id']}/{relation}/$ref", reference)
    return found


def contact(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/contacts", {"givenName": scene.name("Ann")})["id"])


def contact_folder(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/contactFolders", {"displayName": scene.name("Folder")})["id"])


def pictured_contact(scene: Scene, params: Mapping[str, Any]) -> str:
    """A contact with a photo."""
    found = contact(scene, params)
    picture = scene.live.m365.method("contacts.update_photo").example["content"]
    photo = {**scene.target, "contact_id": found, "content": picture, "content_type": "image/png"}
    scene.live.m365.execute(scene.install, "contacts.update_photo", photo)
    return found


def acquaintance(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("GET", f"{scene.root}/people?$top=1")["value"][0]["id"])


def task_list(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("POST", f"{scene.root}/todo/lists", {"displayName": scene.name("List")})["id"])


def task(scene: Scene, params: Mapping[str, Any]) -> str:
    path = f"{scene.root}/todo/lists/{quote(params['list_id'], safe='')}/tasks"
    return str(scene.ask("POST", path, {"title": scene.name("Task")})["id"])


def part_of_task(collection: str, body: Mapping[str, Any]) -> Maker:
    """What makes something that belongs to the task."""

    def made(scene: Scene, params: Mapping[str, Any]) -> str:
        path = f"{scene.root}/todo/lists/{quote(params['list_id'], safe='')}/tasks/{quote(params['task_id'], safe='')}"
        return str(scene.ask("POST", f"{path}/{collection}", dict(body))["id"])

    return made


def library(scene: Scene, params: Mapping[str, Any]) -> str:
    """The document library of the site that an example names."""
    return str(scene.ask("GET", f"/sites/{params['site_id']}/drive")["id"])


def host_of_sites(scene: Scene, params: Mapping[str, Any]) -> str:
    return str(scene.ask("GET", "/sites/root")["siteCollection"]["hostname"])


def sharepoint_list(scene: Scene, params: Mapping[str, Any]) -> str:
    """A list with the columns that examples name, and one item."""
    columns = [{"name": "City", "text": {}}, {"name": "Rating", "number": {}}]
    made = scene.ask("POST", "/sites/root/lists", {"displayName": scene.name("List"), "columns": columns})
    scene.ask("POST", f"/sites/root/lists/{made['id']}/items", {"fields": {"Title": "First"}})
    return str(made["id"])


def site_column(scene: Scene, params: Mapping[str, Any]) -> str:
    body = {"name": scene.name("Column").replace(" ", ""), "text": {}}
    return str(scene.ask("POST", "/sites/root/columns", body)["id"])


def content_type(scene: Scene, params: Mapping[str, Any]) -> str:
    body = {"name": scene.name("Type"), "base": {"id": "0x0101"}}
    return str(scene.ask("POST", "/sites/root/contentTypes", body)["id"])


@cache
def listener() -> str:
    """The address of a server that answers for the token of a subscription, as long as tests run."""

    def echo(handler: BaseHTTPRequestHandler, number: int) -> None:
        token = parse_qs(urlsplit(handler.path).query)["validationToken"][0]
        reply(200, token.encode(), Content_Type="text/plain")(handler, number)

    return _servers.enter_context(serving(echo)).url


def in_days(scene: Scene, days: int) -> str:
    return (scene.live.server.world.clock.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def later(scene: Scene, params: Mapping[str, Any]) -> str:
    return in_days(scene, 3)


def watch(scene: Scene, params: Mapping[str, Any]) -> dict[str, Any]:
    """A subscription that can be created now, to an address that answers."""
    wanted = scene.live.m365.method("subscriptions.create").example["subscription"]
    return {**wanted, "notificationUrl": listener(), "expirationDateTime": in_days(scene, 2)}


def subscription(scene: Scene, params: Mapping[str, Any]) -> str:
    """A subscription of the connected user: it shows to nobody else."""
    [made] = scene.live.items("subscriptions.create", scene.install, subscription=watch(scene, params))
    return str(made["id"])


INPUTS: dict[str, Maker] = {
    "sites.get_by_path.hostname": host_of_sites,
    "sites.drive_id": library,
    "lists.list_id": sharepoint_list,
    "list_items.list_id": sharepoint_list,
    "list_columns.list_id": sharepoint_list,
    "site_columns.column_id": site_column,
    "content_types.delete.content_type_id": content_type,
    "subscriptions.subscription_id": subscription,
    "subscriptions.create.subscription": watch,
    "subscriptions.renew.expires_at": later,
    "messages.message_id": letter,
    "messages.list_thread.conversation_id": conversation,
    "messages.create_upload_session.message_id": draft,
    "attachments.message_id": letter_with_file,
    "attachments.add.message_id": draft,
    "attachments.add_item.message_id": draft,
    "attachments.attachment_id": attachment,
    "drafts.message_id": draft,
    "drafts.create_reply.message_id": letter,
    "drafts.create_reply_all.message_id": letter,
    "drafts.create_forward.message_id": letter,
    "mail_folders.folder_id": mail_folder,
    "mail_folders.source_folder_ids": mail_folders,
    "message_rules.rule_id": message_rule,
    "categories.category_id": category,
    "focused_inbox.override_id": focused_inbox_override,
    "calendars.calendar_id": calendar,
    "calendars.permission_id": calendar_permission,
    "calendar_groups.group_id": calendar_group,
    "events.event_id": event,
    "events.respond.event_id": invitation,
    "events.list_instances.event_id": series,
    "events.get_attachment.event_id": event_with_file,
    "events.download_attachment.event_id": event_with_file,
    "events.delete_attachment.event_id": event_with_file,
    "events.attachment_id": event_attachment,
    "rooms.room_id": room,
    "rooms.room_list_id": room_list,
    "online_meetings.meeting_id": online_meeting,
    "online_meetings.join_url": join_url,
    "online_meetings.transcript_id": _remains("transcripts"),
    "online_meetings.recording_id": _remains("recordings"),
    "online_meetings.report_id": _remains("attendanceReports"),
    "drive_items.item_id": file,
    "drive_items.folder_id": folder,
    "drive_items.get_by_path.path": path_of_file,
    "drive_items.download_by_path.path": path_of_file,
    "drive_items.download_as.item_id": office_file,
    "drive_items.get_thumbnail.item_id": office_file,
    "drive_items.extract_labels.item_id": office_file,
    "drive_items.assign_label.item_id": office_file,
    "drive_items.checkin.item_id": reserved_file,
    "drive_items.discard_checkout.item_id": reserved_file,
    "drive_items.version_id": earlier_version,
    "drive_items.permission_id": permission,
    "drive_items.share_id": share,
    "users.user_id": person,
    "users.set_manager.manager_id": person_id,
    "users.assign_license.user_id": licensable_person,
    "users.restore_deleted.user_id": deleted_person,
    "users.purge_deleted.user_id": deleted_person,
    "groups.group_id": group,
    "groups.thread_id": thread,
    "groups.add_member.member_id": person_id,
    "groups.remove_member.member_id": group_member,
    "groups.add_owner.owner_id": person_id,
    "groups.remove_owner.owner_id": group_owner,
    "contacts.contact_id": contact,
    "contacts.get_photo.contact_id": pictured_contact,
    "contact_folders.update.folder_id": contact_folder,
    "contact_folders.delete.folder_id": contact_folder,
    "contact_folders.permanent_delete.folder_id": contact_folder,
    "people.person_id": acquaintance,
    "todo_lists.list_id": task_list,
    "todo_tasks.list_id": task_list,
    "todo_tasks.task_id": task,
    "todo_checklist.list_id": task_list,
    "todo_checklist.task_id": task,
    "todo_checklist.step_id": part_of_task("checklistItems", {"displayName": "Ask"}),
    "todo_links.list_id": task_list,
    "todo_links.task_id": task,
    "todo_links.link_id": part_of_task("linkedResources", {"displayName": "Order"}),
    "todo_attachments.list_id": task_list,
    "todo_attachments.task_id": task,
    "todo_attachments.attachment_id": part_of_task("attachments", {"name": "a.txt", "contentBytes": "YQ=="}),
}
"""What an input of an example is replaced by."""

MORE_INPUTS: dict[str, tuple[str, ...]] = {"drive_items.create_folder": ("folder_id",)}
"""Inputs that an example leaves out, and that keep it from meeting what the sandbox was seeded with."""


def prepared(scene: Scene) -> dict[str, Any]:
    """The input of the method's example, with everything there that it names."""
    method = scene.method
    noun = method.name.partition(".")[0]
    params: dict[str, Any] = dict(scene.target)
    for name in (*method.example, *MORE_INPUTS.get(method.name, ())):
        maker = INPUTS.get(f"{method.name}.{name}") or INPUTS.get(f"{noun}.{name}")
        is_id = method.example.get(name) not in ("archive", "inbox")
        params[name] = maker(scene, params) if maker and is_id else method.example[name]
    return _at_home(params, scene.domain) if noun == "users" else params


def _at_home(value: Any, domain: str) -> Any:
    """The example's company is the one that there is."""
    if isinstance(value, Mapping):
        return {key: _at_home(inner, domain) for key, inner in value.items()}
    return value.replace("contoso.com", domain) if isinstance(value, str) else value


class Stage:
    """Both companies of the sandbox, with the app connected in each."""

    def __init__(self, live: Live) -> None:
        self.live = live
        live.control("PUT", "/switches", {"drive_units_per_minute": 0})  # many files in little time
        methods = [each for each in live.m365.methods() if "delegated" in each.scopes]
        permissions = catalogue().manifest.permissions
        scopes = needed(methods, "delegated", permissions, ("me", "user", "group", "site", "drive"))
        scopes = tuple(scope for scope in scopes if scope in TITLES)  # what lacks another one fails by itself
        self.connections = {install: live.sign_in(scopes, install) for install in DOMAINS}
        for domain in DOMAINS.values():
            shared = {"delegates": [f"{OWNER}@{domain}", f"{SENDER}@{domain}"]}
            live.control("PATCH", f"/companies/{domain}/users/{COLLEAGUE}@{domain}", shared)

    def scene(self, method: str, install: str, target: str | None = None) -> Scene:
        """The company with a target of this kind."""
        found = self.live.m365.method(method)
        return Scene(
            self.live, install, found, {} if target is None else {target: self._target(target, install)}
        )

    def _target(self, kind: str, install: str) -> str:
        domain, scene = DOMAINS[install], Scene(self.live, install, self.live.m365.method("users.get_me"), {})
        if kind == "user":
            return f"{COLLEAGUE}@{domain}"
        if kind == "group":
            [group] = scene.ask("GET", "/groups?$filter=mailNickname eq 'launch'")["value"]
            return str(group["id"])
        if kind == "site":
            return str(scene.ask("GET", "/sites/root")["id"])
        return str(scene.ask("GET", "/me/drive")["id"])

    def declared_scopes(self, scene: Scene, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The permissions that the method declares for this call, and no other."""
        method = scene.method
        prefix = choose_path(method.request, method, {**method.defaults, **params}).prefix
        return at_target(method, prefix, "delegated", catalogue().manifest.permissions)


class OneToken:
    """A host's token source with one token for all calls."""

    def __init__(self, access_token: str) -> None:
        self._access_token = access_token

    def token(
        self, install_id: str, connection_id: str, *, renew: bool = False, claims: str | None = None
    ) -> str:
        return self._access_token
