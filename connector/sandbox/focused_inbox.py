"""Senders of whom a person said to which part of the Focused Inbox their messages go.

Source: Microsoft: inferenceClassificationOverride resource type; Create override.
"""

from __future__ import annotations

from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .mailbox import Mailbox, open_mailbox
from .outlook import check_properties, not_found, one_of
from .scopes import MAIL_READ, MAIL_WRITE

_ALL = "/users/{user}/inferenceClassification/overrides"
_ONE = f"{_ALL}/{{override}}"
_KNOWN = ("classifyAs", "senderEmailAddress")
_MOST_OVERRIDES = 1000


def _overrides(call: Call, mailbox: Mailbox) -> Collection:
    return call.tenant.part(("overrides", mailbox.owner["id"]), Collection)


def classify(call: Call, mailbox: Mailbox, message: Item) -> None:
    """Put a message that arrives into the part of the inbox that was chosen for its sender."""
    override = _of_sender(_overrides(call, mailbox), message["from"]["emailAddress"]["address"])
    if override is not None:
        message["inferenceClassification"] = override["classifyAs"]


def _of_sender(overrides: Collection, address: str) -> Item | None:
    wanted = address.casefold()
    return next(
        (entry for entry in overrides if entry["senderEmailAddress"]["address"].casefold() == wanted), None
    )


def _found(overrides: Collection, key: str) -> Item:
    found = overrides.get(key)
    if found is None:
        raise not_found()
    return found


def _entity(call: Call, user: str, override: Item, status: int = 200) -> Answer:
    context = f"users('{user}')/inferenceClassification/overrides/$entity"
    return call.entity(override, status=status, context=context, always=("id",))


@route("GET", _ALL, MAIL_READ)
def list_overrides(call: Call, user: str) -> Answer:
    """All senders of whom this was said."""
    return call.collection(_overrides(call, open_mailbox(call, user)), default_page=1000, always=("id",))


@route("POST", _ALL, MAIL_WRITE)
def create_override(call: Call, user: str) -> Answer:
    """A further sender, or another word on one who is listed already."""
    overrides, body = _overrides(call, open_mailbox(call, user)), call.json_body()
    check_properties(body, _KNOWN, "inferenceClassificationOverride")
    sender, part = _sender(body.get("senderEmailAddress")), _part(body.get("classifyAs"))
    listed = _of_sender(overrides, sender["address"])
    if listed is not None:
        listed |= {"classifyAs": part, "senderEmailAddress": sender}
        return _entity(call, user, overrides.touch(listed["id"], call.now), status=201)
    if len(overrides) >= _MOST_OVERRIDES:
        raise GraphError(400, "ErrorInvalidRequest", "The mailbox has as many overrides as are supported.")
    override = {"id": call.world.new_guid(), "classifyAs": part, "senderEmailAddress": sender}
    return _entity(call, user, overrides.add(override, call.now), status=201)


def _part(value: Any) -> str:
    return one_of(value, ("focused", "other"))


def _sender(value: Any) -> Item:
    address = value.get("address") if isinstance(value, dict) else None
    if not isinstance(address, str) or "@" not in address:
        raise GraphError(400, "ErrorInvalidRequest", "The senderEmailAddress needs an SMTP address.")
    return {"name": value.get("name") or address, "address": address}


@route("PATCH", _ONE, MAIL_WRITE)
def update_override(call: Call, user: str, override: str) -> Answer:
    """The other part of the inbox; the sender stays."""
    overrides, body = _overrides(call, open_mailbox(call, user)), call.json_body()
    check_properties(body, _KNOWN, "inferenceClassificationOverride")
    found = _found(overrides, override)
    if "senderEmailAddress" in body:
        raise GraphError(400, "ErrorInvalidRequest", "Only classifyAs can be changed.")
    found["classifyAs"] = _part(body.get("classifyAs"))
    return _entity(call, user, overrides.touch(found["id"], call.now))


@route("DELETE", _ONE, MAIL_WRITE)
def delete_override(call: Call, user: str, override: str) -> Answer:
    """Off the list."""
    overrides = _overrides(call, open_mailbox(call, user))
    overrides.remove(_found(overrides, override)["id"], call.now)
    return Answer(status=204)
