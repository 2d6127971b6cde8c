"""Licences of users: what they have, assigning and taking away.

A licence brings the mailbox. Source: Microsoft Graph reference: List licenseDetails; user: assignLicense.
"""

from __future__ import annotations

from typing import Any

from .answers import Answer
from .call import Call
from .changelog import Item
from .directory import USER_DEFAULTS
from .directory_references import bad_request
from .graph import route
from .scopes import LICENCES_READ, LICENCES_WRITE


@route("GET", "/users/{user}/licenseDetails", LICENCES_READ)
def list_licences(call: Call, user: str) -> Answer:
    """The licences assigned to a user, with their service plans."""
    assigned = {licence["skuId"]: licence for licence in call.user_of(user).get("assignedLicenses", [])}
    return call.collection(
        [_shown(sku, assigned[sku["skuId"]]) for sku in call.tenant.licensed_skus if sku["skuId"] in assigned]
    )


def _shown(sku: Item, licence: Item) -> Item:
    plans = [
        plan
        | ({"provisioningStatus": "Disabled"} if plan["servicePlanId"] in licence["disabledPlans"] else {})
        for plan in sku["servicePlans"]
    ]
    return sku | {"servicePlans": plans}


@route("POST", "/users/{user}/assignLicense", LICENCES_WRITE)
def assign_licences(call: Call, user: str) -> Answer:
    """Give licences and take others away; all of it or nothing."""
    found, body = call.user_of(user), call.json_body()
    added, removed = body.get("addLicenses"), body.get("removeLicenses")
    if not isinstance(added, list) or not isinstance(removed, list):
        raise bad_request("The parameters 'addLicenses' and 'removeLicenses' are both required.")
    if not found.get("usageLocation"):
        raise bad_request("License assignment cannot be done for user with invalid usage location.")
    held = {licence["skuId"]: licence for licence in found.get("assignedLicenses", [])}
    for sku_id in removed:
        if held.pop(str(sku_id).casefold(), None) is None:
            raise bad_request("User does not have a corresponding license.")
    for licence in added:
        sku = _sku(call, licence)
        disabled = [str(plan).casefold() for plan in licence.get("disabledPlans") or []]
        if {*disabled} - {plan["servicePlanId"] for plan in sku["servicePlans"]}:
            raise bad_request(f"License {sku['skuId']} does not have all of the given service plans.")
        held[sku["skuId"]] = {"skuId": sku["skuId"], "disabledPlans": disabled}
    found["assignedLicenses"] = list(held.values())
    _provision(call, found)
    call.tenant.users.touch(found["id"], call.now)
    shown = (*USER_DEFAULTS, "assignedLicenses", "usageLocation", "accountEnabled")
    return call.entity(found, default_select=shown, always=(), context="users/$entity")


def _sku(call: Call, licence: Any) -> Item:
    wanted = str(licence.get("skuId")).casefold() if isinstance(licence, dict) else ""
    for sku in call.tenant.licensed_skus:
        if sku["skuId"] == wanted:
            return sku
    raise bad_request(f"License {wanted} does not correspond to a valid company License.")


def _provision(call: Call, user: Item) -> None:
    """The mailbox of a user comes and goes with the licence, unless it is shared or on-premises."""
    account = call.tenant.accounts[user["id"]]
    if account.mailbox == "none" and user["assignedLicenses"]:
        account.mailbox = "cloud"
        user["mail"] = user["mail"] or user["userPrincipalName"]
    elif account.mailbox == "cloud" and not user["assignedLicenses"]:
        account.mailbox = "none"
