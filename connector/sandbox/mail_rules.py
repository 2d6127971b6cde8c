"""The rules of an inbox, and what they do with a message that arrives.

Forwarding is left to `sending`. Source: Microsoft: messageRule, messageRulePredicates, messageRuleActions
resource types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .mailbox import Mailbox, is_own_address, mailbox_of
from .outlook import check_properties, not_found, plain_text, recipients, settings_owner
from .scopes import MAILBOX_SETTINGS_READ, MAILBOX_SETTINGS_WRITE

_ALL = "/users/{user}/mailFolders/{folder}/messageRules"
_ONE = f"{_ALL}/{{rule}}"
_KNOWN = (
    "id", "displayName", "sequence", "isEnabled", "hasError", "isReadOnly", "conditions", "exceptions",
    "actions",
)  # fmt: skip
_WRITABLE = ("displayName", "sequence", "isEnabled", "conditions", "exceptions", "actions")
_PEOPLE = ("fromAddresses", "sentToAddresses", "forwardTo", "forwardAsAttachmentTo", "redirectTo")
_ACTIONS = {
    "moveToFolder", "copyToFolder", "delete", "permanentDelete", "markAsRead", "markImportance",
    "assignCategories", "forwardTo", "forwardAsAttachmentTo", "redirectTo", "stopProcessingRules",
}  # fmt: skip
_NEVER_MET = {
    "isApprovalRequest", "isAutomaticForward", "isAutomaticReply", "isEncrypted", "isMeetingResponse",
    "isNonDeliveryReport", "isPermissionControlled", "isReadReceipt", "isSigned", "isVoicemail",
}  # fmt: skip
"""Kinds of messages that do not occur in the sandbox."""

Texts = Callable[[Item], str]


@dataclass(frozen=True, slots=True)
class SendOn:
    """What a rule has sent on: the name of the action, and to whom."""

    action: str
    to: list[Item]


@dataclass(slots=True)
class Outcome:
    """What the rules made of a message; None when it was deleted for good."""

    message: Item | None
    send_on: list[SendOn] = field(default_factory=list)


# Conditions


def _person(person: Item) -> str:
    email = person["emailAddress"]
    return f"{email.get('name') or ''} {email['address']}"


_TEXTS: dict[str, Texts] = {
    "subjectContains": lambda message: str(message["subject"]),
    "bodyContains": lambda message: plain_text(message["body"]),
    "bodyOrSubjectContains": lambda message: f"{message['subject']}\n{plain_text(message['body'])}",
    "senderContains": lambda message: _person(message["from"]),
    "recipientContains": lambda message: " ".join(map(_person, _addressed(message))),
    "headerContains": lambda message: "\n".join(
        f"{header['name']}: {header['value']}" for header in message["_headers"]
    ),
}


def _addressed(message: Item) -> list[Item]:
    return [*message["toRecipients"], *message["ccRecipients"]]


def _to_me(mailbox: Mailbox, people: list[Item]) -> bool:
    return any(is_own_address(mailbox, person["emailAddress"]["address"]) for person in people)


def _is_met(mailbox: Mailbox, message: Item, name: str, wanted: Any) -> bool:
    if name in _TEXTS:
        text = _TEXTS[name](message).casefold()
        return any(part.casefold() in text for part in wanted)
    if name in ("fromAddresses", "sentToAddresses"):
        people = [message["from"]] if name == "fromAddresses" else _addressed(message)
        found = {person["emailAddress"]["address"].casefold() for person in people}
        return any(person["emailAddress"]["address"].casefold() in found for person in wanted)
    if name == "categories":
        return bool(set(wanted) & set(message["categories"]))
    if name == "withinSizeRange":
        files_bytes = sum(attachment["size"] for attachment in message["_attachments"])
        size_kilobytes = (len(message["body"]["content"]) + files_bytes) / 1024
        smallest, largest = wanted.get("minimumSize") or 0, wanted.get("maximumSize")
        return bool(smallest <= size_kilobytes and (not largest or size_kilobytes <= largest))
    return bool(_fact(mailbox, message, name) == wanted)


def _fact(mailbox: Mailbox, message: Item, name: str) -> Any:
    to, cc = message["toRecipients"], message["ccRecipients"]
    facts: dict[str, Callable[[], Any]] = {
        "sentToMe": lambda: _to_me(mailbox, to),
        "sentCcMe": lambda: _to_me(mailbox, cc),
        "sentToOrCcMe": lambda: _to_me(mailbox, [*to, *cc]),
        "sentOnlyToMe": lambda: len(to) == 1 and not cc and _to_me(mailbox, to),
        "notSentToMe": lambda: not _to_me(mailbox, to),
        "hasAttachments": lambda: message["hasAttachments"],
        "importance": lambda: message["importance"],
        "isMeetingRequest": lambda: message.get("@odata.type", "").endswith("eventMessageRequest"),
        "sensitivity": lambda: "normal",
        "messageActionFlag": lambda: None,
    }
    return facts.get(name, lambda: False)()


def _holds(mailbox: Mailbox, message: Item, predicates: Item, *, each: bool) -> bool:
    met = (
        _is_met(mailbox, message, name, wanted)
        for name, wanted in predicates.items()
        if wanted is not None and not name.startswith("@")
    )
    return all(met) if each else any(met)


# What rules do


def apply_rules(call: Call, mailbox: Mailbox, message: Item) -> Outcome:
    """Let the rules of an inbox, in their order, act on a message that has come into it."""
    outcome = Outcome(message)
    for rule in _in_order(_rules(call, mailbox.owner)):
        applies = rule["isEnabled"] and _holds(mailbox, message, rule["conditions"], each=True)
        if not applies or _holds(mailbox, message, rule["exceptions"], each=False):
            continue
        _act(call, mailbox, outcome, rule["actions"])
        if outcome.message is None or rule["actions"].get("stopProcessingRules"):
            break
    return outcome


def _act(call: Call, mailbox: Mailbox, outcome: Outcome, actions: Item) -> None:
    message = outcome.message
    assert message is not None
    for name in ("forwardTo", "forwardAsAttachmentTo", "redirectTo"):
        if actions.get(name):
            outcome.send_on.append(SendOn(name, actions[name]))
    if actions.get("markAsRead"):
        message["isRead"] = True
    message["importance"] = actions.get("markImportance") or message["importance"]
    message["categories"] = list(
        dict.fromkeys([*message["categories"], *(actions.get("assignCategories") or ())])
    )
    mailbox.touch(message, call.now)
    if actions.get("copyToFolder"):
        mailbox.copy(message, actions["copyToFolder"], call.now)
    if actions.get("permanentDelete"):
        mailbox.take_out(message, call.now)
        outcome.message = None
    elif actions.get("delete") or actions.get("moveToFolder"):
        target = "deleteditems" if actions.get("delete") else actions["moveToFolder"]
        mailbox.move(message, target, call.now)


# The rules themselves


def _rules(call: Call, owner: Item) -> Collection:
    return call.tenant.part(("messageRules", owner["id"]), Collection)


def _in_order(rules: Collection) -> list[Item]:
    return sorted(rules, key=lambda rule: int(rule["sequence"]))


def _opened(call: Call, user: str, folder: str) -> tuple[Mailbox, Collection]:
    """Only the inbox has rules; raises 400 for another folder."""
    owner = settings_owner(call, user)
    mailbox = mailbox_of(call.world, call.tenant, owner)
    if mailbox.folder_id(folder) != mailbox.folder_id("inbox"):
        raise GraphError(400, "ErrorInvalidRequest", "Only the inbox has message rules.")
    return mailbox, _rules(call, owner)


def _found(rules: Collection, key: str) -> Item:
    found = rules.get(key)
    if found is None:
        raise not_found()
    return found


def _entity(call: Call, user: str, rule: Item, status: int = 200) -> Answer:
    context = f"users('{user}')/mailFolders('inbox')/messageRules/$entity"
    return call.entity(_shown(rule), status=status, context=context, always=("id",))


def _shown(rule: Item) -> Item:
    return {name: value for name, value in rule.items() if value != {} or name == "actions"}


@route("GET", _ALL, MAILBOX_SETTINGS_READ)
def list_rules(call: Call, user: str, folder: str) -> Answer:
    """The rules in the order in which they are applied."""
    _, rules = _opened(call, user, folder)
    return call.collection(map(_shown, _in_order(rules)), default_page=1000, always=("id",))


@route("POST", _ALL, MAILBOX_SETTINGS_WRITE)
def create_rule(call: Call, user: str, folder: str) -> Answer:
    """A new rule: a name, a place in the order, and actions are the least."""
    mailbox, rules = _opened(call, user, folder)
    rule: Item = {
        "id": call.world.new_id("AQAA")[:12] + "=", "displayName": None, "sequence": None, "isEnabled": True,
        "hasError": False, "isReadOnly": False, "conditions": {}, "exceptions": {}, "actions": {},
    }  # fmt: skip
    _write(call, mailbox, rule, call.json_body())
    return _entity(call, user, rules.add(rule, call.now), status=201)


@route("GET", _ONE, MAILBOX_SETTINGS_READ)
def get_rule(call: Call, user: str, folder: str, rule: str) -> Answer:
    """One rule."""
    _, rules = _opened(call, user, folder)
    return _entity(call, user, _found(rules, rule))


@route("PATCH", _ONE, MAILBOX_SETTINGS_WRITE)
def update_rule(call: Call, user: str, folder: str, rule: str) -> Answer:
    """Change some properties; conditions, exceptions and actions are replaced as a whole."""
    mailbox, rules = _opened(call, user, folder)
    found = _found(rules, rule)
    _write(call, mailbox, found, call.json_body())
    return _entity(call, user, rules.touch(found["id"], call.now))


@route("DELETE", _ONE, MAILBOX_SETTINGS_WRITE)
def delete_rule(call: Call, user: str, folder: str, rule: str) -> Answer:
    """Delete a rule."""
    _, rules = _opened(call, user, folder)
    rules.remove(_found(rules, rule)["id"], call.now)
    return Answer(status=204)


def _write(call: Call, mailbox: Mailbox, rule: Item, body: Item) -> None:
    """Set what a body says of a rule; raises 400, and 404 for a folder that is not there."""
    check_properties(body, _KNOWN, "messageRule")
    changed = rule | {name: body[name] for name in _WRITABLE if name in body}
    for name in ("conditions", "exceptions", "actions"):
        changed[name] = _part(call, name, changed[name] or {})
    if not isinstance(changed["displayName"], str) or not changed["displayName"].strip():
        raise GraphError(400, "ErrorInvalidRequest", "The displayName of a rule must not be empty.")
    if type(changed["sequence"]) is not int or changed["sequence"] < 1:
        raise GraphError(400, "ErrorInvalidRequest", "The sequence of a rule is a number from 1 on.")
    if not changed["actions"]:
        raise GraphError(400, "ErrorInvalidRequest", "A rule needs at least one action.")
    for name in ("moveToFolder", "copyToFolder"):
        if changed["actions"].get(name):
            changed["actions"][name] = mailbox.folder_id(changed["actions"][name])
    rule |= changed


def _part(call: Call, name: str, given: Any) -> Item:
    if not isinstance(given, dict):
        raise GraphError(400, "RequestBodyRead", f"The value of '{name}' is not an object.")
    check_properties(
        given,
        _ACTIONS if name == "actions" else _PREDICATES,
        "messageRuleActions" if name == "actions" else "messageRulePredicates",
    )
    return {
        key: recipients(call.tenant, value) if key in _PEOPLE else value
        for key, value in given.items()
        if value is not None
    }


_PREDICATES = {
    *_TEXTS, *_NEVER_MET, "fromAddresses", "sentToAddresses", "categories", "withinSizeRange", "sentToMe",
    "sentCcMe", "sentToOrCcMe", "sentOnlyToMe", "notSentToMe", "hasAttachments", "importance",
    "isMeetingRequest", "sensitivity", "messageActionFlag",
}  # fmt: skip
