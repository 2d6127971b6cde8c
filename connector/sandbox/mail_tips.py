"""Mail tips: what is known of recipients before anything is sent to them.

Source: Microsoft: user: getMailTips; mailTips resource type.
"""

from __future__ import annotations

from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .mailbox import open_mailbox
from .mailbox_settings import kept_settings
from .outlook import mailbox_user
from .scopes import MAIL_TIPS

_LARGEST_MESSAGE_BYTES = 35 * 1024 * 1024
_PROPERTIES = {
    "automaticreplies": "automaticReplies", "mailboxfullstatus": "mailboxFull",
    "custommailtip": "customMailTip", "externalmembercount": "externalMemberCount",
    "totalmembercount": "totalMemberCount", "maxmessagesize": "maxMessageSize",
    "deliveryrestriction": "deliveryRestricted", "moderationstatus": "isModerated",
    "recipientscope": "recipientScope", "recipientsuggestions": "recipientSuggestions",
}  # fmt: skip
"""The property of a mail tip by the option that asks for it."""


@route("POST", "/users/{user}/getMailTips", MAIL_TIPS)
def get_mail_tips(call: Call, user: str) -> Answer:
    """The tips of each address, those that the options name."""
    open_mailbox(call, user)
    body = {name.casefold(): value for name, value in call.json_body().items()}
    addresses = body.get("emailaddresses")
    if not isinstance(addresses, list) or not addresses:
        raise GraphError(400, "ErrorInvalidRequest", "The parameter 'EmailAddresses' is required.")
    wanted = _wanted(body.get("mailtipsoptions"))
    return Answer(body={
        "@odata.context": call.context_url("Collection(microsoft.graph.mailTips)"),
        "value": [_tips(call, str(address), wanted) for address in addresses],
    })  # fmt: skip


def _wanted(options: Any) -> list[str]:
    if options is None:
        return sorted(set(_PROPERTIES.values()))
    names = [name.strip().casefold() for name in str(options).split(",")]
    for name in names:
        if name not in _PROPERTIES:
            raise GraphError(400, "RequestBodyRead", f"Requested value '{name}' was not found.")
    return [_PROPERTIES[name] for name in names]


def _tips(call: Call, address: str, wanted: list[str]) -> Item:
    recipient = mailbox_user(call.tenant, address)
    shown: Item = {"emailAddress": {"name": "", "address": address}}
    inside = address.rpartition("@")[2].casefold() in call.tenant.domains
    if recipient is None and inside:
        error = {"code": "ErrorInvalidRecipients", "message": f"There is no mailbox for {address}."}
        return shown | {"error": error}
    known: Item = {
        "automaticReplies": _automatic_reply(call, recipient) if recipient else {"message": ""},
        "mailboxFull": False, "customMailTip": "", "externalMemberCount": 0, "totalMemberCount": 1,
        "maxMessageSize": _LARGEST_MESSAGE_BYTES, "deliveryRestricted": False, "isModerated": False,
        "recipientScope": "internal" if inside else "external", "recipientSuggestions": [],
    }  # fmt: skip
    return shown | {name: known[name] for name in wanted}


def _automatic_reply(call: Call, recipient: Item) -> Item:
    settings = kept_settings(call, recipient)
    replies = settings["automaticRepliesSetting"]
    start, end = replies["scheduledStartDateTime"], replies["scheduledEndDateTime"]
    now = call.now.replace(tzinfo=None).isoformat()
    is_scheduled = replies["status"] == "scheduled" and start["dateTime"] <= now < end["dateTime"]
    if replies["status"] != "alwaysEnabled" and not is_scheduled:
        return {"message": ""}
    period = {"scheduledStartTime": start, "scheduledEndTime": end} if is_scheduled else {}
    return {"message": replies["internalReplyMessage"], "messageLanguage": settings["language"]} | period
