"""The mail of one mailbox: its folders, the messages in them, and what a message is made of.

Folders and messages are Graph-shaped; each folder has a collection of its own, which is its delta stream.
Routes are left to `mail_folders`, `mail`, `sending` and `attachments`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .answers import GraphError
from .call import Call
from .changelog import Collection, Item
from .odata_filter import parse_filter
from .outlook import (
    EXTENDED,
    WITHHELD_FROM_BASIC,
    Ids,
    addresses_of,
    boolean,
    check_properties,
    email_address,
    filters_extended,
    merged_properties,
    new_immutable_id,
    not_found,
    one_of,
    preview,
    recipients,
    sees_basics_only,
    selected,
    shown_body,
    stamp,
    stored_body,
    timestamp,
    web_link,
)  # fmt: skip
from .state import Tenant, World

ROOT = "msgfolderroot"
WELL_KNOWN: dict[str, tuple[str, bool]] = {
    "archive": ("Archive", False),
    "conversationhistory": ("Conversation History", False),
    "deleteditems": ("Deleted Items", False),
    "drafts": ("Drafts", False),
    "inbox": ("Inbox", False),
    "junkemail": ("Junk Email", False),
    "outbox": ("Outbox", False),
    "sentitems": ("Sent Items", False),
    "clutter": ("Clutter", True),
    "scheduled": ("Scheduled", True),
    "syncissues": ("Sync Issues", True),
    "searchfolders": ("Search Folders", True),
    "recoverableitemsdeletions": ("Deletions", True),
}
"""Folders of every mailbox by the name that serves as an id: display name, and whether hidden."""

RECIPIENTS = ("toRecipients", "ccRecipients", "bccRecipients", "replyTo")
CHANGEABLE_ALWAYS = {"categories", "flag", "importance", "isRead", "inferenceClassification", EXTENDED}
CHANGEABLE_IN_DRAFTS = {
    "subject", "body", "from", "sender", "internetMessageId", "isDeliveryReceiptRequested",
    "isReadReceiptRequested", *RECIPIENTS,
}  # fmt: skip
_READ_ONLY = {
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "receivedDateTime", "sentDateTime",
    "hasAttachments", "bodyPreview", "parentFolderId", "conversationId", "conversationIndex", "isDraft",
    "webLink", "uniqueBody",
}  # fmt: skip
KNOWN_PROPERTIES = CHANGEABLE_ALWAYS | CHANGEABLE_IN_DRAFTS | _READ_ONLY | {
    "internetMessageHeaders", "attachments", "extensions", "multiValueExtendedProperties",
}  # fmt: skip
_MOST_HEADERS = 5


@dataclass(slots=True)
class Mailbox:
    """The folders and messages of one owner."""

    world: World
    owner: Item
    folders: Collection = field(default_factory=Collection)
    messages: dict[str, Collection] = field(default_factory=dict)
    """The messages of each folder, by folder id."""
    ids: Ids = field(default_factory=Ids)
    _well_known: dict[str, str] = field(default_factory=dict)
    _due: list[tuple[datetime, Callable[[datetime], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = self.world.clock.now()
        self._well_known[ROOT] = self.world.new_id("AQMk")
        for name, (display_name, hidden) in WELL_KNOWN.items():
            folder = self.add_folder(display_name, self._well_known[ROOT], now, hidden=hidden)
            self._well_known[name] = folder["id"]

    # Time

    def later(self, due: datetime, action: Callable[[datetime], None]) -> None:
        """Do something when the clock has reached a moment."""
        self._due.append((due, action))

    def catch_up(self, now: datetime) -> None:
        """Do what has become due."""
        ready = [entry for entry in self._due if entry[0] <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for due, action in ready:
            action(due)

    # Folders

    def add_folder(self, name: str, parent_id: str, now: datetime, *, hidden: bool = False) -> Item:
        """A new, empty folder."""
        folder: Item = {
            "id": self.world.new_id("AQMk"), "displayName": name, "parentFolderId": parent_id,
            "isHidden": hidden,
        }  # fmt: skip
        self.messages[folder["id"]] = Collection()
        return self.folders.add(folder, now)

    def folder_id(self, key: str) -> str:
        """The id of a folder given by id or well-known name; raises 404."""
        known = self._well_known.get(key.casefold(), key)
        if known not in self.messages and known != self._well_known[ROOT]:
            raise not_found()
        return known

    def folder(self, key: str) -> Item:
        """A folder by id or well-known name, also the root; raises 404."""
        found = self.folders.get(self.folder_id(key))
        return found or {
            "id": self._well_known[ROOT], "displayName": "Top of Information Store",
            "parentFolderId": self._well_known[ROOT], "isHidden": False,
        }  # fmt: skip

    def is_well_known(self, folder_id: str) -> bool:
        """Whether this is one of the folders that every mailbox has."""
        return folder_id in self._well_known.values()

    def children(self, folder_id: str) -> list[Item]:
        """The folders directly inside another."""
        return [folder for folder in self.folders if folder["parentFolderId"] == folder_id]

    def messages_in(self, folder: Item) -> list[Item]:
        """The messages of a folder; those that a search folder finds, if it is one."""
        if "_search" not in folder:
            return list(self.messages.get(folder["id"], ()))
        search = folder["_search"]
        matches = parse_filter(search["filterQuery"]).matches
        return [
            message
            for key in self._searched(search["sourceFolderIds"], search["includeNestedFolders"])
            for message in self.messages.get(key, ())
            if matches(message)
        ]

    def _searched(self, folder_ids: list[str], nested: bool) -> list[str]:
        found = list(dict.fromkeys(folder_ids))
        for folder_id in found:
            inside = self.children(folder_id) if nested else []
            found += [child["id"] for child in inside if child["id"] not in found]
        return found

    def shown_folder(self, folder: Item) -> Item:
        """A folder with its counts."""
        messages = self.messages_in(folder)
        shown: Item = {"@odata.type": "#microsoft.graph.mailSearchFolder"} if "_search" in folder else {}
        shown |= {
            "id": folder["id"], "displayName": folder["displayName"],
            "parentFolderId": folder["parentFolderId"],
            "childFolderCount": len(self.children(folder["id"])),
            "unreadItemCount": sum(not message["isRead"] for message in messages),
            "totalItemCount": len(messages),
            "sizeInBytes": sum(len(message["body"]["content"]) + 1024 for message in messages),
            "isHidden": folder["isHidden"],
        }  # fmt: skip
        shown |= folder.get("_search", {})
        return shown

    # Messages

    def message(self, key: str, folder: str | None = None) -> Item:
        """A message by either form of its id, in one folder if given; raises 400 or 404."""
        lasting = self.ids.lasting(key)
        places = self.messages.values() if folder is None else [self.messages[self.folder_id(folder)]]
        for messages in places:
            if lasting in messages:
                return messages.items[lasting]
        raise not_found()

    def put(self, message: Item, folder: str, now: datetime) -> Item:
        """Let a message come into a folder."""
        folder_id = self.folder_id(folder)
        message |= {"parentFolderId": folder_id, "_arrived": now}
        self.ids.enter(self.world, message["id"], folder_id)
        return self.messages[folder_id].add(message, now)

    def move(self, message: Item, folder: str, now: datetime) -> Item:
        """Take a message from its folder to another; its changing id becomes another."""
        self.folder_id(folder)
        self.take_out(message, now, "changed")
        stamp(self.world, message, timestamp(now))
        return self.put(message, folder, now)

    def take_out(self, message: Item, now: datetime, reason: str = "deleted") -> None:
        """Remove a message from its folder; delta queries report the reason."""
        self.messages[message["parentFolderId"]].remove(message["id"], now, reason)
        self.ids.leave(message["id"], message["parentFolderId"])

    def copy(self, message: Item, folder: str, now: datetime) -> Item:
        """A copy of a message in a folder."""
        twin = dict(message) | {"id": new_immutable_id(self.world), "createdDateTime": timestamp(now)}
        twin["_attachments"] = [dict(attachment) for attachment in message["_attachments"]]
        twin["_extended"] = list(message["_extended"])
        twin["_extensions"] = [dict(extension) for extension in message["_extensions"]]
        stamp(self.world, twin, timestamp(now))
        return self.put(twin, folder, now)

    def touch(self, message: Item, now: datetime) -> None:
        """Note that a message was altered."""
        message["bodyPreview"] = preview(message["body"])
        message["hasAttachments"] = any(not entry["isInline"] for entry in message["_attachments"])
        stamp(self.world, message, timestamp(now))
        self.messages[message["parentFolderId"]].touch(message["id"], now)

    def conversation_id(self, conversation: str) -> str:
        """The id that a conversation has in this mailbox."""
        code = hashlib.sha256(f"{self.owner['id']} {conversation}".encode()).digest()
        return f"AAQk{base64.b64encode(code).decode()}"

    def shown(self, call: Call, message: Item) -> Item:
        """A message as the caller may and wants to see it."""
        shown_id = self.ids.shown(call, message["id"], message["parentFolderId"])
        view = message | {
            "id": shown_id, "body": shown_body(call, message["body"]),
            "webLink": web_link(shown_id, "ReadMessageItem"),
        }  # fmt: skip
        wanted = selected(call)
        if "uniquebody" in wanted:
            view["uniqueBody"] = view["body"]
        if "internetmessageheaders" in wanted:
            view["internetMessageHeaders"] = message["_headers"]
        if filters_extended(call):
            view[EXTENDED] = message["_extended"]
        if sees_basics_only(call, "Mail"):
            view = {name: value for name, value in view.items() if name not in WITHHELD_FROM_BASIC}
        return view


def mailbox_of(world: World, tenant: Tenant, owner: Item) -> Mailbox:
    """The mailbox of a user, made on first use, with everything that became due by now."""
    mailbox = tenant.part(("mailbox", owner["id"]), lambda: Mailbox(world, owner))
    mailbox.catch_up(world.clock.now())
    return mailbox


def open_mailbox(call: Call, user: str) -> Mailbox:
    """The mailbox that a request is about; raises 403 and 404 as `Call.mailbox_owner` does."""
    return mailbox_of(call.world, call.tenant, call.mailbox_owner(user))


def new_message(mailbox: Mailbox, tenant: Tenant, now: datetime) -> Item:
    """An empty draft that lies in no folder yet."""
    world, sender = mailbox.world, {"emailAddress": email_address(mailbox.owner)}
    conversation = world.new_guid()
    message: Item = {
        "@odata.etag": "", "id": new_immutable_id(world), "createdDateTime": timestamp(now),
        "lastModifiedDateTime": "", "changeKey": "", "categories": [], "receivedDateTime": timestamp(now),
        "sentDateTime": timestamp(now), "hasAttachments": False,
        "internetMessageId": f"<{world.new_guid()}@{tenant.domains[0]}>", "subject": "", "bodyPreview": "",
        "importance": "normal", "parentFolderId": "",
        "conversationId": mailbox.conversation_id(conversation),
        "conversationIndex": base64.b64encode(conversation.encode()[:22]).decode(),
        "isDeliveryReceiptRequested": False, "isReadReceiptRequested": False, "isRead": True,
        "isDraft": True, "webLink": "", "inferenceClassification": "focused",
        "body": {"contentType": "text", "content": ""}, "sender": sender, "from": sender,
        "toRecipients": [], "ccRecipients": [], "bccRecipients": [], "replyTo": [],
        "flag": {"flagStatus": "notFlagged"},
        "_conversation": conversation, "_headers": [], "_extended": [], "_extensions": [], "_attachments": [],
    }  # fmt: skip
    stamp(world, message, timestamp(now))
    return message


def write_properties(tenant: Tenant, message: Item, body: Item) -> None:
    """Set what a body says of a message; read-only properties are passed over, as Graph does. Raises 400."""
    check_properties(body, KNOWN_PROPERTIES, "message")
    for name, value in body.items():
        if name in RECIPIENTS:
            message[name] = recipients(tenant, value)
        elif name in ("from", "sender"):
            message[name] = recipients(tenant, [value])[0] if value else message[name]
        elif name == "body":
            message["body"] = stored_body(value)
        elif name == "importance":
            message[name] = one_of(value or "normal", ("low", "normal", "high"))
        elif name == "inferenceClassification":
            message[name] = one_of(value or "focused", ("focused", "other"))
        elif name == "flag":
            message[name] = _flag(value)
        elif name in ("isRead", "isReadReceiptRequested", "isDeliveryReceiptRequested"):
            message[name] = boolean(name, value)
        elif name == "categories":
            message[name] = list(value or [])
        elif name == "internetMessageHeaders":
            message["_headers"] = _headers(value)
        elif name == EXTENDED:
            message["_extended"] = merged_properties(message["_extended"], value)
        elif name in ("subject", "internetMessageId"):
            message[name] = str(value or "")
    message["bodyPreview"] = preview(message["body"])


def _flag(value: Any) -> Item:
    if not isinstance(value, dict):
        raise GraphError(400, "RequestBodyRead", "The value of 'flag' is not a valid followupFlag.")
    status = one_of(value.get("flagStatus", "notFlagged"), ("notFlagged", "complete", "flagged"))
    if "dueDateTime" in value and "startDateTime" not in value:
        raise GraphError(400, "ErrorInvalidRequest", "A flag with a dueDateTime needs a startDateTime.")
    return value | {"flagStatus": status}


def _headers(value: Any) -> list[Item]:
    headers = [{"name": str(entry.get("name")), "value": str(entry.get("value"))} for entry in value or []]
    for header in headers:
        if not header["name"].casefold().startswith("x-"):
            raise GraphError(
                400, "InvalidInternetMessageHeader",
                f"The internet message header name '{header['name']}' should start with 'x-' or 'X-'.",
            )  # fmt: skip
    if len(headers) > _MOST_HEADERS:
        raise GraphError(
            400, "InvalidInternetMessageHeaderCollection",
            f"Maximum number of headers in one message should be less than or equal to {_MOST_HEADERS}.",
        )  # fmt: skip
    return headers


def is_own_address(mailbox: Mailbox, address: str) -> bool:
    """Whether mail to this address reaches this mailbox."""
    return address.casefold() in addresses_of(mailbox.owner)
