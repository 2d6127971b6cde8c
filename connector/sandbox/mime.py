"""Messages as MIME and back: `$value`, and drafts and sends that bring MIME instead of JSON.

Source: Microsoft: Get MIME content of a message; Send Outlook messages in MIME format.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, formataddr, getaddresses
from typing import Any

from .answers import GraphError
from .call import Call
from .changelog import Item

_RECIPIENT_HEADERS = {
    "To": "toRecipients", "Cc": "ccRecipients", "Bcc": "bccRecipients", "Reply-To": "replyTo",
}  # fmt: skip


def brings_mime(call: Call) -> bool:
    """Whether the body of a request is MIME in base64."""
    return call.headers.get("Content-Type", "").casefold().startswith("text/plain")


def message_from_mime(call: Call) -> Item:
    """The MIME body of a request as a Graph message; raises 400 when it is not base64."""
    raw = b"".join(call.stream.read().split())
    try:
        content = base64.b64decode(raw, validate=True)
    except binascii.Error:
        content = b""
    if not content:
        raise GraphError(
            400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content."
        )
    return _message(BytesParser(policy=policy.default).parsebytes(content))


def _message(parsed: Any) -> Item:
    message: Item = {"subject": str(parsed.get("Subject", ""))}
    for header, name in _RECIPIENT_HEADERS.items():
        people = getaddresses([str(value) for value in parsed.get_all(header, [])])
        found = [_recipient(display_name, address) for display_name, address in people if address]
        if found:
            message[name] = found
    senders = getaddresses([str(parsed.get("From", ""))])
    if senders and senders[0][1]:
        message["from"] = _recipient(*senders[0])
    if parsed.get("Message-ID"):
        message["internetMessageId"] = str(parsed["Message-ID"])
    part = parsed.get_body(("html", "plain"))
    if part is not None:
        kind = "html" if part.get_content_subtype() == "html" else "text"
        message["body"] = {"contentType": kind, "content": part.get_content()}
    message["internetMessageHeaders"] = [
        {"name": name, "value": str(value)}
        for name, value in parsed.items()
        if name.casefold().startswith("x-")
    ][:5]
    message["attachments"] = [_attachment(part) for part in parsed.iter_attachments()]
    return message


def _recipient(name: str, address: str) -> Item:
    return {"emailAddress": {"name": name, "address": address}}


def _attachment(part: Any) -> Item:
    content = part.get_payload(decode=True) or b""
    return {
        "@odata.type": "#microsoft.graph.fileAttachment", "name": part.get_filename() or "attachment",
        "contentType": part.get_content_type(), "isInline": part.get_content_disposition() == "inline",
        "contentBytes": base64.b64encode(content).decode(),
    }  # fmt: skip


def mime_of(message: Item) -> bytes:
    """A kept message as MIME."""
    mime = EmailMessage(policy=policy.SMTP)
    mime["From"] = _address(message["from"])
    for header, name in _RECIPIENT_HEADERS.items():
        if message[name]:
            mime[header] = ", ".join(_address(person) for person in message[name])
    mime["Subject"] = message["subject"]
    mime["Date"] = format_datetime(datetime.fromisoformat(message["sentDateTime"]))
    mime["Message-ID"] = message["internetMessageId"]
    for header in message["_headers"]:
        mime[header["name"]] = header["value"]
    kind = "html" if message["body"]["contentType"] == "html" else "plain"
    mime.set_content(message["body"]["content"], subtype=kind)
    for attachment in message["_attachments"]:
        if "_content" in attachment:
            main, _, sub = (attachment["contentType"] or "application/octet-stream").partition("/")
            mime.add_attachment(
                attachment["_content"], maintype=main, subtype=sub or "octet-stream",
                filename=attachment["name"],
            )  # fmt: skip
    return mime.as_bytes()


def _address(person: Item) -> str:
    email = person["emailAddress"]
    return formataddr((email.get("name") or "", email["address"]))
