"""What surrounds the users of the sandbox: licences, photos, invitations, deleted items, ids."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.jpeg import grey_square, size_of

from .conftest import COMPANY, USER, Sandbox

OTHER = f"luis.brandt@{COMPANY}"
SKU = "c7df2760-2c81-4ef7-b578-5b5392b571df"
PLAN = "efb87545-963c-4e0d-99df-69c6916d9eb0"
INVITATION = {"invitedUserEmailAddress": "guest@fabrikam.example", "inviteRedirectUrl": "https://app.example"}


def test_a_disabled_plan_shows_in_the_licence(sandbox: Sandbox) -> None:
    token = sandbox.token("LicenseAssignment.ReadWrite.All")
    body = {"addLicenses": [{"skuId": SKU, "disabledPlans": [PLAN]}], "removeLicenses": []}
    assert sandbox.graph("POST", f"/users/{OTHER}/assignLicense", token, json=body).status_code == 200
    [licence] = sandbox.get(f"/users/{OTHER}/licenseDetails", token).json()["value"]
    states = {plan["servicePlanId"]: plan["provisioningStatus"] for plan in licence["servicePlans"]}
    assert states[PLAN] == "Disabled"
    assert sorted(states.values()) == ["Disabled", "Success"]


@pytest.mark.parametrize(
    "body",
    [
        {"addLicenses": []}, {"addLicenses": [{"skuId": PLAN}], "removeLicenses": []},
        {"addLicenses": [{"skuId": SKU, "disabledPlans": [SKU]}], "removeLicenses": []},
        {"addLicenses": [], "removeLicenses": [PLAN]},
    ],
)  # fmt: skip
def test_a_wrong_assignment_changes_nothing(sandbox: Sandbox, body: dict[str, Any]) -> None:
    token = sandbox.token("User.ReadWrite.All")
    assert sandbox.graph("POST", f"/users/{OTHER}/assignLicense", token, json=body).status_code == 400
    assert len(sandbox.get(f"/users/{OTHER}/licenseDetails", token).json()["value"]) == 1


def test_a_licence_needs_a_usage_location(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite.All")
    sandbox.graph("PATCH", f"/users/{OTHER}", token, json={"usageLocation": None})
    body = {"addLicenses": [{"skuId": SKU}], "removeLicenses": []}
    assert sandbox.graph("POST", f"/users/{OTHER}/assignLicense", token, json=body).status_code == 400


def test_a_photo_has_sizes_up_to_its_own(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite")
    assert len(sandbox.get("/me/photos", token).json()["value"]) == 9
    assert size_of(sandbox.get("/me/photos/96x96/$value", token).content) == (96, 96)
    headers = {"Content-Type": "image/jpeg"}
    answer = sandbox.graph("PUT", "/me/photo/$value", token, data=grey_square(120, 9), headers=headers)
    assert answer.status_code == 200
    sizes = [photo["id"] for photo in sandbox.get("/me/photos", token).json()["value"]]
    assert sizes == ["48X48", "64X64", "96X96", "120X120"]
    assert sandbox.get("/me/photo", token).json()["width"] == 120
    assert sandbox.get("/me/photos/7x7", token).status_code == 404


def test_a_photo_is_a_jpeg_of_4_mb_at_most(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite")
    headers = {"Content-Type": "image/jpeg"}
    for data, status in ((b"no picture", 400), (bytes(4 * 1024 * 1024 + 1), 413)):
        answer = sandbox.graph("PUT", "/me/photo/$value", token, data=data, headers=headers)
        assert answer.status_code == status


def test_photos_of_others_need_more(sandbox: Sandbox) -> None:
    path = f"/users/{OTHER}/photo/$value"
    assert sandbox.get(path, sandbox.token("User.Read")).status_code == 403
    assert sandbox.get(path, sandbox.token("User.ReadBasic.All")).status_code == 200
    headers = {"Content-Type": "image/jpeg"}
    token = sandbox.token("User.ReadWrite")
    assert sandbox.graph("PUT", path, token, data=grey_square(8, 1), headers=headers).status_code == 403


def test_an_invitation_makes_one_guest(sandbox: Sandbox) -> None:
    token = sandbox.token("User.Invite.All", "User.Read.All")
    first, second = (sandbox.graph("POST", "/invitations", token, json=INVITATION).json() for _ in range(2))
    assert first["invitedUser"]["id"] == second["invitedUser"]["id"]
    guest = sandbox.get(
        f"/users/{first['invitedUser']['id']}?$select=userType,externalUserState", token
    ).json()
    assert (guest["userType"], guest["externalUserState"]) == ("Guest", "PendingAcceptance")


@pytest.mark.parametrize(
    "change",
    [
        {"invitedUserEmailAddress": USER}, {"invitedUserEmailAddress": "no address"},
        {"inviteRedirectUrl": "somewhere"}, {"invitedUserType": "Friend"}, {"status": "Completed"},
        {"invitedUserMessageInfo": {"ccRecipients": [{}, {}]}},
    ],
)  # fmt: skip
def test_a_wrong_invitation_is_refused(sandbox: Sandbox, change: dict[str, Any]) -> None:
    token = sandbox.token("User.Invite.All")
    assert sandbox.graph("POST", "/invitations", token, json=INVITATION | change).status_code == 400


def test_a_deleted_user_leaves_the_name_to_others(sandbox: Sandbox) -> None:
    token = sandbox.token("User.ReadWrite.All")
    user_id = sandbox.get(f"/users/{OTHER}", token).json()["id"]
    sandbox.graph("DELETE", f"/users/{OTHER}", token)
    deleted = sandbox.get("/directory/deletedItems/microsoft.graph.user", token).json()["value"]
    assert [user["userPrincipalName"] for user in deleted] == [user_id.replace("-", "") + OTHER]
    heir = {
        "accountEnabled": True, "displayName": "New Luis", "mailNickname": "luis", "userPrincipalName": OTHER,
        "passwordProfile": {"password": "Long-enough-1"},
    }  # fmt: skip
    assert sandbox.graph("POST", "/users", token, json=heir).status_code == 201
    assert sandbox.graph("POST", f"/directory/deletedItems/{user_id}/restore", token).status_code == 400
    assert sandbox.graph("DELETE", f"/directory/deletedItems/{user_id}", token).status_code == 204
    assert sandbox.get(f"/directory/deletedItems/{user_id}", token).status_code == 404


def test_an_id_of_a_folder_becomes_one_that_lasts(sandbox: Sandbox) -> None:
    token = sandbox.token("Mail.Read", "User.Read")
    changing = sandbox.get("/me/messages?$top=1&$select=id", token).json()["value"][0]["id"]
    body = {"inputIds": [changing], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"}
    translated = sandbox.graph("POST", "/me/translateExchangeIds", token, json=body).json()["value"][0]
    headers = {"Prefer": 'IdType="ImmutableId"'}
    lasting = sandbox.graph("GET", "/me/messages?$top=1&$select=id", token, headers=headers).json()["value"]
    assert translated == {"sourceId": changing, "targetId": lasting[0]["id"]}


@pytest.mark.parametrize("change", [{"inputIds": []}, {"inputIds": ["x"] * 1001}, {"targetIdType": "guid"}])
def test_a_wrong_translation_is_refused(sandbox: Sandbox, change: dict[str, Any]) -> None:
    body = {"inputIds": ["x"], "sourceIdType": "restId", "targetIdType": "ewsId"} | change
    token = sandbox.token("User.Read")
    assert sandbox.graph("POST", "/me/translateExchangeIds", token, json=body).status_code == 400


def test_what_is_read_most_trends(sandbox: Sandbox) -> None:
    token = sandbox.token("Sites.Read.All", "Files.Read.All")
    last = sandbox.get("/me/insights/trending?$top=50", token).json()["value"][-1]
    sandbox.get(f"/{last['resourceReference']['id']}/content", token)
    assert sandbox.get("/me/insights/trending", token).json()["value"][0]["id"] == last["id"]
    assert sandbox.get("/me/insights/trending", sandbox.token("Files.Read")).status_code == 403


def test_only_twenty_groups_are_checked_at_once(sandbox: Sandbox) -> None:
    token = sandbox.token("User.Read")
    for asked, status in ([SKU] * 20, 200), ([SKU] * 21, 400), ([], 400):
        body = {"groupIds": asked}
        assert sandbox.graph("POST", "/me/checkMemberGroups", token, json=body).status_code == status
