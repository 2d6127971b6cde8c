"""Messages: list, search, read, draft, change, delete, move, copy, changes, MIME.

Sending is left to `sending`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from . import odata
from .answers import Answer, GraphError
from .attachments import shown_attachments
from .call import Call
from .changelog import Item
from .composing import composed_from_request
from .extensions import expanded_extensions
from .graph import route
from .mail_search import message_search
from .mailbox import CHANGEABLE_IN_DRAFTS, Mailbox, open_mailbox, write_properties
from .mime import mime_of
from .odata_filter import BadFilter, Filter, parse_filter
from .outlook import (
    EXTENDED,
    case_insensitive_query,
    check_basics,
    confirmed,
    expanded_properties,
    filters_extended,
)  # fmt: skip
from .scopes import MAIL_READ, MAIL_READ_BASIC, MAIL_WRITE

_ALL = "/users/{user}/messages"
_FOLDER = "/users/{user}/mailFolders/{folder}/messages"


def _event_of(call: Call) -> Callable[[Item], Item | None]:
    """What `$expand=microsoft.graph.eventMessage/event` shows of a forwarded invitation."""
    return lambda message: message["_event"].shown(call) if "_event" in message else None


@route("GET", _ALL, MAIL_READ_BASIC)
def list_messages(call: Call, user: str) -> Answer:
    mailbox = open_mailbox(call, user)
    return _listed(call, mailbox, _visible(call, mailbox, mailbox.messages))


@route("GET", _FOLDER, MAIL_READ_BASIC)
def list_folder_messages(call: Call, user: str, folder: str) -> Answer:
    mailbox = open_mailbox(call, user)
    opened = mailbox.folder(folder)
    if "_search" in opened:
        return _listed(call, mailbox, mailbox.messages_in(opened))
    inside = [opened["id"]] if opened["id"] in mailbox.messages else []
    return _listed(call, mailbox, _visible(call, mailbox, inside))


def _visible(call: Call, mailbox: Mailbox, folder_ids: Iterable[str]) -> list[Item]:
    delay = call.world.switches.read_after_write_delay_seconds
    return [message for key in folder_ids for message in mailbox.messages[key].visible(call.now, delay)]


def _listed(call: Call, mailbox: Mailbox, found: list[Item]) -> Answer:
    _check_query(call)
    matches = message_search(call.query["$search"]) if "$search" in call.query else None
    order = "sentDateTime" if matches else "receivedDateTime"
    found.reverse()
    found.sort(key=lambda message: str(message[order]), reverse=True)
    shown = [mailbox.shown(call, message) for message in found]
    default_select = _usual_properties(shown) if filters_extended(call) else ()
    return confirmed(call, call.collection(
        shown, paging="$skip", default_select=default_select, always=("id", "@odata.etag", "@odata.type"),
        search=lambda message, _: matches is not None and matches(message),
        expand={
            "attachments": lambda message: shown_attachments(message["id"])(message),
            EXTENDED: expanded_properties(call),
            "extensions": expanded_extensions(call), "event": _event_of(call),
        },
    ))  # fmt: skip


def _usual_properties(messages: list[Item]) -> tuple[str, ...]:
    first = messages[0] if messages else {}
    return tuple(name for name in first if not name.startswith(("_", "@")) and name != EXTENDED)


def _check_query(call: Call) -> None:
    """The rules of Outlook about query options. Source: Microsoft: List messages; $search."""
    check_basics(call, "Mail")
    query = call.query
    if "$search" in query and "$filter" in query:
        raise GraphError(
            400, "SearchWithFilter", "The query parameter '$filter' is not supported with '$search'."
        )
    if "$search" in query and "$orderby" in query:
        raise GraphError(
            400, "SearchWithOrderBy", "The query parameter '$orderBy' is not supported with '$search'."
        )
    if "$filter" in query and "$orderby" in query:
        ordered = [clause.split()[0] for clause in query["$orderby"].split(",") if clause.strip()]
        filtered = list(dict.fromkeys(_parsed(query["$filter"]).properties))
        if filtered[: len(ordered)] != ordered:
            raise GraphError(
                400, "InefficientFilter", "The restriction or sort order is too complex for this operation."
            )


def _parsed(text: str) -> Filter:
    try:
        return parse_filter(text)
    except BadFilter as error:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: {error}") from None


@route("GET", f"{_ALL}/{{message}}", MAIL_READ_BASIC)
@route("GET", f"{_FOLDER}/{{message}}", MAIL_READ_BASIC)
def get_message(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    mailbox = open_mailbox(call, user)
    check_basics(call, "Mail")
    return _entity(call, user, mailbox, mailbox.message(message, folder))


def _entity(call: Call, user: str, mailbox: Mailbox, message: Item, status: int = 200) -> Answer:
    shown = mailbox.shown(call, message)
    answer = call.entity(
        shown, status=status, context=f"users('{user}')/messages/$entity",
        always=("id", "@odata.etag", "@odata.type"),
        expand={
            "attachments": shown_attachments(shown["id"]), EXTENDED: expanded_properties(call),
            "extensions": expanded_extensions(call), "event": _event_of(call),
        },
    )  # fmt: skip
    return confirmed(call, answer)


@route("GET", f"{_ALL}/{{message}}/$value", MAIL_READ)
def get_mime(call: Call, user: str, message: str) -> Answer:
    found = open_mailbox(call, user).message(message)
    return Answer(content=mime_of(found), headers={"Content-Type": "text/plain"})


@route("POST", _ALL, MAIL_WRITE)
@route("POST", _FOLDER, MAIL_WRITE)
def create_draft(call: Call, user: str, folder: str = "drafts") -> Answer:
    mailbox = open_mailbox(call, user)
    draft = mailbox.put(composed_from_request(call, mailbox), folder, call.now)
    return _entity(call, user, mailbox, draft, status=201)


@route("PATCH", f"{_ALL}/{{message}}", MAIL_WRITE)
@route("PATCH", f"{_FOLDER}/{{message}}", MAIL_WRITE)
def update_message(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    """Everything of a draft; of other messages only what does not change what was said."""
    mailbox, body = open_mailbox(call, user), call.json_body()
    found = mailbox.message(message, folder)
    call.check_if_match(found["@odata.etag"])
    refused = set(body) & CHANGEABLE_IN_DRAFTS
    if refused and not found["isDraft"]:
        raise GraphError(
            400, "ErrorInvalidPropertySet",
            f"Property '{min(refused)}' cannot be changed on a message that is no draft.",
        )  # fmt: skip
    set_at_creation_only = ("internetMessageHeaders", "attachments")
    changes = {name: value for name, value in body.items() if name not in set_at_creation_only}
    write_properties(call.tenant, found, changes)
    mailbox.touch(found, call.now)
    return _entity(call, user, mailbox, found)


@route("DELETE", f"{_ALL}/{{message}}", MAIL_WRITE)
@route("DELETE", f"{_FOLDER}/{{message}}", MAIL_WRITE)
def delete_message(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    """To Deleted Items; from there for good."""
    mailbox = open_mailbox(call, user)
    found = mailbox.message(message, folder)
    call.check_if_match(found["@odata.etag"])
    if found["parentFolderId"] == mailbox.folder_id("deleteditems"):
        mailbox.take_out(found, call.now)
    else:
        mailbox.move(found, "deleteditems", call.now)
    return Answer(status=204)


@route("POST", f"{_ALL}/{{message}}/permanentDelete", MAIL_WRITE)
def delete_permanently(call: Call, user: str, message: str) -> Answer:
    mailbox = open_mailbox(call, user)
    mailbox.take_out(mailbox.message(message), call.now)
    return Answer(status=204)


@route("POST", f"{_ALL}/{{message}}/move", MAIL_WRITE)
@route("POST", f"{_FOLDER}/{{message}}/move", MAIL_WRITE)
def move_message(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    mailbox = open_mailbox(call, user)
    moved = mailbox.move(mailbox.message(message, folder), _destination(call), call.now)
    return _entity(call, user, mailbox, moved, status=201)


@route("POST", f"{_ALL}/{{message}}/copy", MAIL_WRITE)
@route("POST", f"{_FOLDER}/{{message}}/copy", MAIL_WRITE)
def copy_message(call: Call, user: str, message: str, folder: str | None = None) -> Answer:
    mailbox = open_mailbox(call, user)
    twin = mailbox.copy(mailbox.message(message, folder), _destination(call), call.now)
    return _entity(call, user, mailbox, twin, status=201)


def _destination(call: Call) -> str:
    body = {name.casefold(): value for name, value in call.json_body().items()}
    destination = body.get("destinationid")
    if not isinstance(destination, str) or not destination:
        raise GraphError(400, "ErrorInvalidRequest", "The parameter 'destinationId' is required.")
    return destination


# Changes


@route("GET", f"{_FOLDER}/delta", MAIL_READ_BASIC)
def message_changes(call: Call, user: str, folder: str) -> Answer:
    """The changes of one folder; a message that left it is reported as removed."""
    mailbox = open_mailbox(call, user)
    case_insensitive_query(call, "changeType")
    check_basics(call, "Mail")
    _check_delta_query(call)
    folder_id = mailbox.folder_id(folder)
    answer = call.changes(
        mailbox.messages[folder_id], stream=f"messages/{mailbox.owner['id']}/{folder_id}",
        shape=lambda message: mailbox.shown(call, message),
        removed=lambda key, reason: {
            "@odata.type": "#microsoft.graph.message",
            "id": mailbox.ids.shown(call, key, folder_id), "@removed": {"reason": reason},
        },
        baked=("$select", "$top", "$filter", "$orderby", "changeType"),
    )  # fmt: skip
    answer.body["value"] = [entry for entry in answer.body["value"] if _concerns(call, mailbox, entry)]
    return confirmed(call, answer)


def _check_delta_query(call: Call) -> None:
    if "$search" in call.query:
        raise GraphError(400, "ErrorInvalidUrlQuery", "'$search' is not supported with change tracking.")
    if call.query.get("$orderby", "receivedDateTime desc").split() != ["receivedDateTime", "desc"]:
        raise GraphError(
            400,
            "ErrorInvalidUrlQuery",
            "Only '$orderby=receivedDateTime desc' is supported with change tracking.",
        )
    if "$filter" in call.query:
        parsed = _parsed(call.query["$filter"])
        if set(parsed.properties) != {"receivedDateTime"} or not parsed.operators <= {"ge", "gt"}:
            raise GraphError(
                400, "ErrorInvalidUrlQueryFilter",
                "Only '$filter=receivedDateTime ge' and 'gt' are supported with change tracking.",
            )  # fmt: skip
    if call.query.get("changeType", "created") not in ("created", "updated", "deleted"):
        raise GraphError(400, "ErrorInvalidUrlQuery", "changeType is one of created, updated, deleted.")


def _concerns(call: Call, mailbox: Mailbox, entry: Item) -> bool:
    """Whether an entry passes the filter and the kind of change that the query began with."""
    wanted, condition = call.delta_option("changeType"), call.delta_option("$filter")
    if "@removed" in entry:
        return wanted in (None, "deleted")
    message = mailbox.message(entry["id"])
    if condition and not _parsed(condition).matches(message):
        return False
    since = _last_round(call)
    is_new = since is None or message["_arrived"] >= since
    return wanted is None or wanted == ("created" if is_new else "updated")


def _last_round(call: Call) -> datetime | None:
    """When the round ended to which this one is the next; None in the first."""
    token = call.query.get("$skiptoken") or call.query.get("$deltatoken")
    began = odata.unpacked(token).get("at") if token and token != "latest" else None
    return datetime.fromisoformat(began) if began else None
