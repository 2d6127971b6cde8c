"""Conversations of Microsoft 365 groups: threads, their posts, and replies.

Source: Microsoft Graph reference, resource types conversation, conversationThread, post.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .groups import find_group, is_unified, owners_of
from .outlook import EXTENDED, expanded_properties, merged_properties, not_found, plain_text, timestamp
from .scopes import POSTS_READ, POSTS_WRITE

_WRITABLE = {"attachments", "body", "categories", "from", "newParticipants", "sender", EXTENDED}


@dataclass(slots=True)
class Conversations:
    """The conversations of one group, their threads, and the posts by thread."""

    conversations: Collection = field(default_factory=Collection)
    threads: Collection = field(default_factory=Collection)
    posts: dict[str, list[Item]] = field(default_factory=dict)

    def add_post(self, thread: Item, post: Item, at: datetime) -> None:
        """Keep a post; thread and conversation show that it came."""
        self.posts[thread["id"]].append(post)
        sender = post["from"]["emailAddress"]["name"]
        for item in (thread, self.conversations.items[thread["_conversation"]]):
            item["preview"] = plain_text(post["body"])[:255]
            item["lastDeliveredDateTime"] = post["receivedDateTime"]
            item["hasAttachments"] = item["hasAttachments"] or post["hasAttachments"]
            if sender not in item["uniqueSenders"]:
                item["uniqueSenders"].append(sender)
        self.threads.touch(thread["id"], at)


def _open(call: Call, group: str) -> Conversations:
    """What a group has; raises 404 when it is no Microsoft 365 group, 403 when it is closed to the user."""
    found = find_group(call, group)
    if not is_unified(found):
        raise GraphError(404, "MailboxNotEnabledForRESTAPI", "Only Microsoft 365 groups have conversations.")
    if call.user is not None and found.get("visibility") != "Public":
        inside = {*call.tenant.members.get(found["id"], ()), *owners_of(call, found)}
        if call.user["id"] not in inside:
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    return call.tenant.part(("conversations", found["id"]), lambda: _with_welcome(call, found))


def _with_welcome(call: Call, group: Item) -> Conversations:
    """A group begins with one conversation, which greets its members."""
    kept = Conversations()
    topic = f"Welcome to {group['displayName']}"
    common: Item = {"topic": topic, "hasAttachments": False, "preview": "", "uniqueSenders": []}
    begun: Item = {"lastDeliveredDateTime": group["createdDateTime"]}
    to = _recipient(group["displayName"], group["mail"])
    conversation: Item = {"id": call.world.new_id("AAQk")} | common | begun
    thread: Item = {
        "id": call.world.new_id("AAQk"), "isLocked": False, "toRecipients": [to], "ccRecipients": [],
        "_conversation": conversation["id"],
    } | common | begun | {"uniqueSenders": []}  # fmt: skip
    kept.conversations.add(conversation, call.now)
    kept.threads.add(thread, call.now)
    kept.posts[thread["id"]] = []
    body = {"contentType": "text", "content": "This is the place to talk with all members."}
    moment = datetime.fromisoformat(group["createdDateTime"])
    kept.add_post(thread, _post(call, thread, to, {"body": body}, moment), moment)
    return kept


def _recipient(name: str, address: str | None) -> Item:
    return {"emailAddress": {"name": name, "address": address}}


def _post(call: Call, thread: Item, sender: Item, given: Item, at: datetime) -> Item:
    body = {"contentType": "text", "content": ""} | given["body"]
    return {
        "id": call.world.new_id("AAMk"), "createdDateTime": timestamp(at), "receivedDateTime": timestamp(at),
        "lastModifiedDateTime": timestamp(at), "hasAttachments": bool(given.get("attachments")),
        "categories": given.get("categories") or [], "body": body, "from": sender, "sender": sender,
        "newParticipants": given.get("newParticipants") or [], "conversationThreadId": thread["id"],
        "conversationId": thread["_conversation"], "_extended": merged_properties([], given.get(EXTENDED)),
    }  # fmt: skip


def _thread(kept: Conversations, thread: str) -> Item:
    found = kept.threads.get(thread)
    if found is None:
        raise not_found()
    return found


@route("GET", "/groups/{group}/conversations", POSTS_READ)
def list_conversations(call: Call, group: str) -> Answer:
    """The conversations of a group."""
    return call.collection(_open(call, group).conversations, default_page=20)


@route("GET", "/groups/{group}/threads", POSTS_READ)
@route("GET", "/groups/{group}/conversations/{conversation}/threads", POSTS_READ)
def list_threads(call: Call, group: str, conversation: str | None = None) -> Answer:
    """The threads of a group, or of one conversation."""
    threads = [
        thread
        for thread in _open(call, group).threads
        if conversation is None or thread["_conversation"] == conversation
    ]
    return call.collection(threads, default_page=20)


@route("GET", "/groups/{group}/threads/{thread}", POSTS_READ)
def get_thread(call: Call, group: str, thread: str) -> Answer:
    """One thread."""
    return call.entity(_thread(_open(call, group), thread))


@route("GET", "/groups/{group}/threads/{thread}/posts", POSTS_READ)
def list_posts(call: Call, group: str, thread: str) -> Answer:
    """The posts of a thread, the oldest first."""
    kept = _open(call, group)
    posts = kept.posts[_thread(kept, thread)["id"]]
    return call.collection(posts, expand={EXTENDED: expanded_properties(call)})


@route("POST", "/groups/{group}/threads/{thread}/reply", POSTS_WRITE)
def reply_to_thread(call: Call, group: str, thread: str) -> Answer:
    """Add a post to a thread."""
    kept = _open(call, group)
    found = _thread(kept, thread)
    given = next((value for name, value in call.json_body().items() if name.casefold() == "post"), None)
    if not isinstance(given, dict) or not isinstance(given.get("body"), dict):
        raise GraphError(400, "ErrorInvalidArgument", "A reply has a post with a body.")
    unknown = given.keys() - _WRITABLE
    if unknown:
        raise GraphError(400, "RequestBodyRead", f"The property '{min(unknown)}' of a post cannot be set.")
    if found["isLocked"]:
        raise GraphError(403, "ErrorAccessDenied", "The thread is locked.")
    assert call.user is not None
    sender = _recipient(call.user["displayName"], call.user["mail"])
    kept.add_post(found, _post(call, found, sender, given, call.now), call.now)
    return Answer(status=202)
