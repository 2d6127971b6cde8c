"""Invitations of guests. Source: Microsoft Graph reference: Create invitation."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from .answers import Answer
from .call import Call
from .changelog import Item
from .directory_references import bad_request
from .graph import route
from .scopes import INVITE
from .state import Account

_WRITABLE = {
    "invitedUserDisplayName", "invitedUserEmailAddress", "invitedUserMessageInfo", "invitedUserType",
    "inviteRedirectUrl", "resetRedemption", "sendInvitationMessage",
}  # fmt: skip
_TYPES = ("Guest", "Member")


@route("POST", "/invitations", INVITE)
def create_invitation(call: Call) -> Answer:
    """Make a guest of somebody; who is a guest already is only invited again."""
    body = call.json_body()
    unknown = body.keys() - _WRITABLE
    if unknown:
        raise bad_request(f"The property '{min(unknown)}' of an invitation cannot be set.")
    address, target = str(body.get("invitedUserEmailAddress", "")), str(body.get("inviteRedirectUrl", ""))
    _check(call, address, target, body)
    kind = body.get("invitedUserType") or "Guest"
    guest = next((user for user in call.tenant.users if _is_guest(user, address)), None)
    if guest is None:
        guest = _add_guest(
            call, address, body.get("invitedUserDisplayName") or address.partition("@")[0], kind
        )
    where = f"rd={quote(target, safe='')}&tenant={call.tenant.id}&user={guest['id']}"
    invitation: Item = {
        "id": call.world.new_guid(), "invitedUserDisplayName": guest["displayName"],
        "invitedUserEmailAddress": address, "invitedUserType": kind, "inviteRedirectUrl": target,
        "inviteRedeemUrl": f"{call.origin}/redeem?{where}",
        "sendInvitationMessage": bool(body.get("sendInvitationMessage")), "status": "PendingAcceptance",
        "resetRedemption": bool(body.get("resetRedemption")),
        "invitedUserMessageInfo": body.get("invitedUserMessageInfo")
        or {"messageLanguage": None, "customizedMessageBody": None, "ccRecipients": []},
        "invitedUser": {"id": guest["id"]},
    }  # fmt: skip
    return call.entity(invitation, status=201)


def _check(call: Call, address: str, target: str, body: Item) -> None:
    name, at, domain = address.partition("@")
    if not (name and at and domain) or set(name) & set('~!#$%^&*()+={}[]\\/|;:"<>?,'):
        raise bad_request("The invited user email address is invalid.")
    if domain.casefold() in call.tenant.domains:
        raise bad_request(
            "The invited user already exists in the directory as an object that is not a guest."
        )
    if urlsplit(target).scheme not in ("http", "https"):
        raise bad_request("The invite redirect url is invalid.")
    if body.get("invitedUserType") not in (None, *_TYPES):
        raise bad_request("The invited user type must be Guest or Member.")
    if len((body.get("invitedUserMessageInfo") or {}).get("ccRecipients") or []) > 1:
        raise bad_request("An invitation can be copied to one recipient only.")


def _is_guest(user: Item, address: str) -> bool:
    return user.get("creationType") == "Invitation" and str(user["mail"]).casefold() == address.casefold()


def _add_guest(call: Call, address: str, display_name: str, kind: str) -> Item:
    guest: Item = {
        "id": call.world.new_guid(), "displayName": display_name, "givenName": None, "surname": None,
        "userPrincipalName": f"{address.replace('@', '_')}#EXT#@{call.tenant.domains[0]}", "mail": address,
        "mailNickname": f"{address.replace('@', '_')}#EXT#", "businessPhones": [], "mobilePhone": None,
        "officeLocation": None, "jobTitle": None, "preferredLanguage": None, "accountEnabled": True,
        "userType": kind, "creationType": "Invitation", "externalUserState": "PendingAcceptance",
        "externalUserStateChangeDateTime": call.now.strftime("%Y-%m-%dT%H:%M:%SZ"), "otherMails": [address],
        "proxyAddresses": [f"SMTP:{address}"], "assignedLicenses": [],
        "createdDateTime": call.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    call.tenant.accounts[guest["id"]] = Account("", "none")
    return call.tenant.users.add(guest, call.now)
