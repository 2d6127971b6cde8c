"""Sending: sendMail, drafts, replies and forwards; delivery to the company's own mailboxes.

What leaves the company is accepted and goes nowhere. Source: Microsoft: user: sendMail; message: send.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .answers import Answer, GraphError
from .attachments import new_attachment
from .call import Call
from .changelog import Item
from .composing import Kind, composed, mail_from, response_draft
from .focused_inbox import classify
from .graph import route
from .mail_rules import SendOn, apply_rules
from .mailbox import Mailbox, is_own_address, mailbox_of, open_mailbox
from .mime import brings_mime, message_from_mime
from .outlook import (
    boolean,
    confirmed,
    email_address,
    mailbox_user,
    new_immutable_id,
    plain_text,
    stamp,
    timestamp,
)  # fmt: skip
from .scopes import MAIL_SEND, MAIL_WRITE

_ADDRESSED = ("toRecipients", "ccRecipients", "bccRecipients")
_DEFERRED_SEND_TIME = "systemtime 0x3fef"
"""The extended property PidTagDeferredSendTime: until then Outlook keeps a message among the drafts."""
_MESSAGE_LIMIT_BYTES = 35 * 1024 * 1024
_POSTMASTER = {"emailAddress": {"name": "Microsoft Outlook", "address": "postmaster@outlook.invalid"}}


@route("POST", "/users/{user}/sendMail", MAIL_SEND)
def send_mail(call: Call, user: str) -> Answer:
    mailbox = open_mailbox(call, user)
    if brings_mime(call):
        message, keep = composed(call, mailbox, message_from_mime(call)), True
    else:
        body = {name.casefold(): value for name, value in call.json_body().items()}
        if not isinstance(body.get("message"), dict):
            raise GraphError(400, "ErrorInvalidRequest", "The parameter 'Message' is required.")
        message = composed(call, mailbox, body["message"])
        keep = _kept(body.get("savetosentitems"))
    _send(call, mailbox, message, keep=keep)
    return Answer(status=202)


def _kept(value: Any) -> bool:
    return True if value is None else boolean("saveToSentItems", value)


@route("POST", "/users/{user}/messages/{message}/send", MAIL_SEND)
def send_draft(call: Call, user: str, message: str) -> Answer:
    mailbox = open_mailbox(call, user)
    draft = mailbox.message(message)
    if not draft["isDraft"] or draft["parentFolderId"] == mailbox.folder_id("outbox"):
        raise GraphError(400, "ErrorInvalidRequest", "The message was sent already; only drafts can be sent.")
    _send(call, mailbox, draft, keep=True)
    return Answer(status=202)


@route("POST", "/users/{user}/messages/{message}/reply", MAIL_SEND)
def reply(call: Call, user: str, message: str) -> Answer:
    return _respond(call, user, message, "reply")


@route("POST", "/users/{user}/messages/{message}/replyAll", MAIL_SEND)
def reply_all(call: Call, user: str, message: str) -> Answer:
    return _respond(call, user, message, "replyAll")


@route("POST", "/users/{user}/messages/{message}/forward", MAIL_SEND)
def forward(call: Call, user: str, message: str) -> Answer:
    return _respond(call, user, message, "forward")


def _respond(call: Call, user: str, key: str, kind: Kind) -> Answer:
    mailbox = open_mailbox(call, user)
    _send(call, mailbox, response_draft(call, mailbox, mailbox.message(key), kind), keep=True)
    return Answer(status=202)


@route("POST", "/users/{user}/messages/{message}/createReply", MAIL_WRITE)
def create_reply(call: Call, user: str, message: str) -> Answer:
    return _draft(call, user, message, "reply")


@route("POST", "/users/{user}/messages/{message}/createReplyAll", MAIL_WRITE)
def create_reply_all(call: Call, user: str, message: str) -> Answer:
    return _draft(call, user, message, "replyAll")


@route("POST", "/users/{user}/messages/{message}/createForward", MAIL_WRITE)
def create_forward(call: Call, user: str, message: str) -> Answer:
    return _draft(call, user, message, "forward")


def _draft(call: Call, user: str, key: str, kind: Kind) -> Answer:
    mailbox = open_mailbox(call, user)
    draft = mailbox.put(response_draft(call, mailbox, mailbox.message(key), kind), "drafts", call.now)
    answer = call.entity(mailbox.shown(call, draft), status=201, context=f"users('{user}')/messages/$entity")
    return confirmed(call, answer)


def _send(call: Call, mailbox: Mailbox, message: Item, *, keep: bool) -> None:
    """Check; then deliver, at once or when the message says, and keep a copy in Sent Items."""
    _check(call, mailbox, message)
    due = _deferred_until(message)
    if due is None or due <= call.now:
        _hand_over(call, mailbox, message, keep=keep)
        return
    if not message["parentFolderId"]:
        mailbox.put(message, "drafts", call.now)
    waiting_in = mailbox.messages[message["parentFolderId"]]

    def leave(now: datetime) -> None:
        if message["id"] in waiting_in:
            _hand_over(replace(call, now=now), mailbox, message, keep=keep)

    mailbox.later(due, leave)
    for address in _addresses(message):
        user = mailbox_user(call.tenant, address)
        if user is not None:
            mailbox_of(call.world, call.tenant, user).later(due, mailbox.catch_up)


def _deferred_until(message: Item) -> datetime | None:
    """The moment in the property PidTagDeferredSendTime; raises 400 when it is none."""
    for entry in message["_extended"]:
        if entry["id"].casefold() == _DEFERRED_SEND_TIME:
            try:
                moment = datetime.fromisoformat(entry["value"])
            except ValueError:
                raise GraphError(400, "ErrorInvalidProperty", "The value is no SystemTime.") from None
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _hand_over(call: Call, mailbox: Mailbox, message: Item, *, keep: bool) -> None:
    """Deliver, and keep a copy in Sent Items, at once or after the switched delay."""
    message |= {"sentDateTime": timestamp(call.now), "receivedDateTime": timestamp(call.now), "isRead": True}
    deliver(call, mailbox, message)
    is_draft = bool(message["parentFolderId"])
    delay = timedelta(seconds=call.world.switches.sent_items_delay_seconds)
    if not keep:
        if is_draft:
            mailbox.take_out(message, call.now)
        return

    def arrive(now: datetime) -> None:
        message["isDraft"] = False
        if is_draft:
            mailbox.move(message, "sentitems", now)
        else:
            mailbox.put(message, "sentitems", now)

    if not delay:
        arrive(call.now)
        return
    if is_draft:
        mailbox.move(message, "outbox", call.now)
    mailbox.later(call.now + delay, arrive)


def _check(call: Call, mailbox: Mailbox, message: Item) -> None:
    addresses = _addresses(message)
    if not addresses or not all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in addresses):
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
    size = sum(attachment["size"] for attachment in message["_attachments"])
    if size > _MESSAGE_LIMIT_BYTES:
        raise GraphError(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
    sender = message["from"]["emailAddress"]["address"]
    if is_own_address(mailbox, sender):
        return
    other = mailbox_user(call.tenant, sender)
    delegates = call.tenant.accounts[other["id"]].delegates if other is not None else set()
    may_send_for_others = "Mail.Send.Shared" in call.scopes
    if call.user is None or call.user["id"] not in delegates or not may_send_for_others:
        raise GraphError(
            403, "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to send mail on "
            "behalf of the specified sending account.",
        )  # fmt: skip


def _addresses(message: Item) -> list[str]:
    people = [person for name in _ADDRESSED for person in message[name]]
    return list(dict.fromkeys(person["emailAddress"]["address"] for person in people))


def deliver(call: Call, mailbox: Mailbox, message: Item) -> None:
    """Put a copy of a message into the inbox of everybody in the company whom it is for.

    For an address of the company that has no mailbox the sender gets a report.
    """
    reached: set[str] = set()
    for address in _addresses(message):
        user = mailbox_user(call.tenant, address)
        if user is not None and user["id"] not in reached:
            reached.add(user["id"])
            _arrive(call, mailbox_of(call.world, call.tenant, user), message)
        elif user is None and address.rpartition("@")[2].casefold() in call.tenant.domains:
            report = mail_from(
                mailbox, call, _POSTMASTER, message["from"], f"Undeliverable: {message['subject']}",
                f"Your message to {address} could not be delivered. {address} was not found.",
                message["_conversation"],
            )  # fmt: skip
            mailbox.put(report, "inbox", call.now)


def _arrive(call: Call, target: Mailbox, message: Item) -> None:
    copy = dict(message) | {
        "id": new_immutable_id(call.world), "isRead": False, "isDraft": False, "categories": [],
        "flag": {"flagStatus": "notFlagged"}, "bccRecipients": [], "_extended": [], "_extensions": [],
        "conversationId": target.conversation_id(message["_conversation"]),
        "createdDateTime": timestamp(call.now),
        "_attachments": [dict(attachment) for attachment in message["_attachments"]],
    }  # fmt: skip
    stamp(call.world, copy, timestamp(call.now))
    classify(call, target, copy)
    target.put(copy, "inbox", call.now)
    for order in apply_rules(call, target, copy).send_on:
        if not message.get("_by_rule"):
            deliver(call, target, _sent_on(call, target, copy, order) | {"_by_rule": True})


def _sent_on(call: Call, mailbox: Mailbox, message: Item, order: SendOn) -> Item:
    """What a rule sends to others; what came from a rule is not sent on again."""
    if order.action == "redirectTo":
        return dict(message) | {"toRecipients": order.to, "ccRecipients": []}
    owner = {"emailAddress": email_address(mailbox.owner)}
    text, subject = plain_text(message["body"]), f"FW: {message['subject']}"
    forwarded = mail_from(mailbox, call, owner, order.to[0], subject, text, message["_conversation"])
    forwarded["toRecipients"] = order.to
    if order.action == "forwardAsAttachmentTo":
        inside = {"@odata.type": "#microsoft.graph.message", "subject": message["subject"],
                  "body": message["body"], "from": message["from"]}  # fmt: skip
        given = {"@odata.type": "#microsoft.graph.itemAttachment", "name": message["subject"], "item": inside}
        forwarded["_attachments"] = [new_attachment(call.world, given)]
    else:
        forwarded["_attachments"] = [dict(attachment) for attachment in message["_attachments"]]
    forwarded["hasAttachments"] = bool(forwarded["_attachments"])
    return forwarded
