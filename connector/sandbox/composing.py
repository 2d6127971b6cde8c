"""How messages come about: from JSON or MIME, and as answers to others. Sending is left to `sending`."""

from __future__ import annotations

import html
import re
from typing import Literal

from .answers import GraphError
from .attachments import check_request_size, new_attachment
from .call import Call
from .changelog import Item
from .extensions import add_extension
from .mailbox import Mailbox, is_own_address, new_message, write_properties
from .mime import brings_mime, message_from_mime
from .outlook import document, html_text, preview, recipients

Kind = Literal["reply", "replyAll", "forward"]
_PREFIXES: dict[Kind, str] = {"reply": "RE: ", "replyAll": "RE: ", "forward": "FW: "}


def composed(call: Call, mailbox: Mailbox, body: Item) -> Item:
    """A new draft as a body describes it, in no folder yet; raises 400 and 413."""
    check_request_size(call)
    message = new_message(mailbox, call.tenant, call.now)
    _write(call, message, body)
    return message


def composed_from_request(call: Call, mailbox: Mailbox) -> Item:
    """A new draft from the body of the request, JSON or MIME, in no folder yet; raises 400 and 413."""
    body = message_from_mime(call) if brings_mime(call) else call.json_body()
    return composed(call, mailbox, body)


def _write(call: Call, message: Item, body: Item) -> None:
    write_properties(call.tenant, message, body)
    message["_attachments"] += [new_attachment(call.world, given) for given in body.get("attachments") or []]
    message["hasAttachments"] = any(not entry["isInline"] for entry in message["_attachments"])
    for given in body.get("extensions") or []:
        add_extension(message, given)


def response_draft(call: Call, mailbox: Mailbox, original: Item, kind: Kind) -> Item:
    """A draft that answers or forwards a message, with the quoted original, in no folder yet.

    The body of the request is `{comment}` or `{message}` or MIME; raises 400 for comment and message.body
    together.
    """
    check_request_size(call)
    if brings_mime(call):
        given, comment = message_from_mime(call), None
    else:
        body = {name.casefold(): value for name, value in (call.body or {}).items()}
        given, comment = dict(body.get("message") or {}), body.get("comment")
        if body.get("torecipients") is not None:
            given.setdefault("toRecipients", body["torecipients"])
    if comment and given.get("body"):
        raise GraphError(
            400,
            "ErrorInvalidRequest",
            "The parameters 'comment' and 'message.body' cannot be specified together.",
        )
    draft = new_message(mailbox, call.tenant, call.now)
    draft |= {
        "subject": _prefixed(_PREFIXES[kind], original["subject"]), "importance": original["importance"],
        "conversationId": original["conversationId"], "_conversation": original["_conversation"],
        "conversationIndex": original["conversationIndex"].rstrip("=") + "ABCD",
        "body": {"contentType": "html", "content": _quoting(comment or "", original)},
    }  # fmt: skip
    if kind == "forward":
        draft["_attachments"] = [dict(attachment) for attachment in original["_attachments"]]
    else:
        draft["toRecipients"] = list(original["replyTo"] or [original["from"]])
    if kind == "replyAll":
        _address_everyone(mailbox, draft, original)
    _write(call, draft, given)
    draft["bodyPreview"] = preview(draft["body"])
    return draft


def _prefixed(prefix: str, subject: str) -> str:
    return subject if subject.upper().startswith(prefix) else prefix + subject


def _address_everyone(mailbox: Mailbox, draft: Item, original: Item) -> None:
    seen = {person["emailAddress"]["address"].casefold() for person in draft["toRecipients"]}
    for name in ("toRecipients", "ccRecipients"):
        for person in original[name]:
            address = person["emailAddress"]["address"]
            if address.casefold() not in seen and not is_own_address(mailbox, address):
                seen.add(address.casefold())
                draft[name] = [*draft[name], person]


def _quoting(comment: str, original: Item) -> str:
    inner = re.search(r"<body[^>]*>(.*)</body>", html_text(original["body"]), re.DOTALL | re.IGNORECASE)
    sender = original["from"]["emailAddress"]
    to = "; ".join(person["emailAddress"]["name"] for person in original["toRecipients"])
    heading = "".join(
        f"<b>{label}:</b> {html.escape(value)}<br>\r\n"
        for label, value in (
            ("From", f"{sender['name']} <{sender['address']}>"), ("Sent", original["sentDateTime"]),
            ("To", to), ("Subject", original["subject"]),
        )
    )  # fmt: skip
    quoted = inner[1].strip() if inner else ""
    return document(
        f"<div>{html.escape(comment, quote=False)}</div>\r\n<hr>\r\n"
        f'<div id="divRplyFwdMsg">{heading}</div>\r\n<div>{quoted}</div>'
    )


def mail_from(
    mailbox: Mailbox, call: Call, sender: Item, to: Item, subject: str, text: str, conversation: str
) -> Item:
    """A message that the service itself writes to somebody, as it arrives; in no folder yet."""
    message = new_message(mailbox, call.tenant, call.now)
    message |= {
        "sender": sender, "from": sender, "toRecipients": recipients(call.tenant, [to]), "subject": subject,
        "body": {"contentType": "html", "content": document(html.escape(text, quote=False))},
        "bodyPreview": text[:255], "isRead": False, "isDraft": False, "_conversation": conversation,
        "conversationId": mailbox.conversation_id(conversation),
    }  # fmt: skip
    return message
