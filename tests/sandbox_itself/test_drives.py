"""Drives and sites of the sandbox: whose they are, who may use them, how full they are."""

from __future__ import annotations

import pytest

from .conftest import COMPANY, USER, Sandbox

GROUP = "00000001-0000-4000-9000-000000000001"
OUTSIDER = f"onprem.weber@{COMPANY}"


@pytest.mark.parametrize("permission", ["Files.Read", "Files.ReadWrite", "Files.Read.All", "Sites.Read.All"])
def test_the_own_drive_opens_with_any_permission_for_files(sandbox: Sandbox, permission: str) -> None:
    drive = sandbox.get("/me/drive", sandbox.token(permission)).json()
    assert drive["driveType"] == "business"
    assert drive["owner"]["user"]["displayName"] == "Mina Okafor"
    assert drive["quota"]["state"] == "normal"
    assert drive["quota"]["total"] - drive["quota"]["used"] == drive["quota"]["remaining"]


def test_a_permission_for_mail_does_not_open_a_drive(sandbox: Sandbox) -> None:
    answer = sandbox.get("/me/drive", sandbox.token("Mail.Read"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "accessDenied")


def test_reading_does_not_allow_writing(sandbox: Sandbox) -> None:
    answer = sandbox.graph("DELETE", "/me/drive/root:/Welcome.txt", sandbox.token("Files.Read"))
    assert answer.status_code == 403


def test_a_user_without_licence_has_no_drive(sandbox: Sandbox) -> None:
    path = f"/users/nomail.kim@{COMPANY}/drive"
    token = sandbox.token("Files.Read.All", user=None)
    answer = sandbox.get(path, token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
    sandbox.switch(unprovisioned_drive_status=401)
    assert sandbox.get(path, token).status_code == 401


def test_an_app_opens_every_drive_of_its_company_only(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.Read.All", user=None)
    drive = sandbox.get(f"/users/{USER}/drive", token).json()
    assert sandbox.get(f"/drives/{drive['id']}", token).json()["id"] == drive["id"]
    foreign = sandbox.token("Files.Read.All", user=None, company="northleaf.example")
    assert sandbox.get(f"/drives/{drive['id']}", foreign).status_code == 404


def test_a_drive_by_id_asks_for_the_permission_of_its_owner(sandbox: Sandbox) -> None:
    drive_id = sandbox.get("/me/drive", sandbox.token("Files.Read")).json()["id"]
    assert sandbox.get(f"/drives/{drive_id}", sandbox.token("Files.Read")).status_code == 200
    other = sandbox.token("Files.Read.All", user=OUTSIDER)
    assert sandbox.get(f"/drives/{drive_id}", other).status_code == 403


def test_a_member_of_a_group_needs_the_permission_for_all_files(sandbox: Sandbox) -> None:
    path = f"/groups/{GROUP}/drive"
    assert sandbox.get(path, sandbox.token("Files.Read")).status_code == 403
    assert sandbox.get(path, sandbox.token("Files.Read.All")).status_code == 200


def test_group_and_team_site_have_the_same_library_and_only_members_see_it(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.Read.All", "Sites.Read.All")
    library = sandbox.get(f"/groups/{GROUP}/drive", token).json()
    assert library["driveType"] == "documentLibrary"
    site = sandbox.get(f"/groups/{GROUP}/sites/root", token).json()
    assert sandbox.get(f"/sites/{site['id']}/drive", token).json()["id"] == library["id"]
    outsider = sandbox.token("Files.Read.All", "Sites.Read.All", user=OUTSIDER)
    assert sandbox.get(f"/groups/{GROUP}/drive", outsider).status_code == 403
    assert sandbox.get(f"/sites/{site['id']}", outsider).status_code == 403


@pytest.mark.parametrize("owner", ["me", f"users/{USER}", f"groups/{GROUP}", "sites/root"])
def test_drives_are_listed_per_owner(sandbox: Sandbox, owner: str) -> None:
    token = sandbox.token("Files.Read.All")
    listed = sandbox.get(f"/{owner}/drives", token).json()["value"]
    assert [drive["id"] for drive in listed] == [sandbox.get(f"/{owner}/drive", token).json()["id"]]


def test_sites_are_found_by_word_root_host_and_path(sandbox: Sandbox) -> None:
    token = sandbox.token("Sites.Read.All")
    found = sandbox.get("/sites?search=launch", token).json()["value"]
    assert [site["displayName"] for site in found] == ["Launch Team"]
    assert len(sandbox.get("/sites?search=*", token).json()["value"]) == 3
    root = sandbox.get("/sites/root", token).json()
    assert sandbox.get("/sites/fabrikoast.sharepoint.example", token).json()["id"] == root["id"]
    by_path = sandbox.get("/sites/fabrikoast.sharepoint.example:/sites/launch", token).json()
    assert by_path["id"] == found[0]["id"]
    drive = sandbox.get("/sites/fabrikoast.sharepoint.example:/sites/launch:/drive", token).json()
    assert drive["webUrl"].startswith(found[0]["webUrl"])
    assert sandbox.get("/sites/fabrikoast.sharepoint.example:/sites/none", token).status_code == 404


def test_search_shows_only_the_sites_that_the_user_may_see(sandbox: Sandbox) -> None:
    found = sandbox.get("/sites?search=*", sandbox.token("Sites.Read.All", user=OUTSIDER)).json()["value"]
    assert [site["displayName"] for site in found] == ["Fabrikoast Intranet", "People and Culture"]


def test_a_small_drive_shows_its_quota_and_refuses_more(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.ReadWrite", user=f"priya.nair@{COMPANY}")
    quota = sandbox.get("/me/drive", token).json()["quota"]
    full = b"x" * (quota["remaining"] + 1)
    answer = sandbox.graph("PUT", "/me/drive/root:/full.bin:/content", token, data=full)
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "quotaLimitReached")
    assert sandbox.graph("PUT", "/me/drive/root:/full.bin:/content", token, data=full[:-1]).status_code == 201
    quota = sandbox.get("/me/drive", token).json()["quota"]
    assert (quota["remaining"], quota["state"]) == (0, "critical")


def test_a_new_licensed_user_gets_a_drive_at_the_first_request(sandbox: Sandbox) -> None:
    world = sandbox.server.world
    tenant = world.tenant(COMPANY)
    assert tenant is not None
    colleague = tenant.find_user(f"nomail.kim@{COMPANY}")
    assert colleague is not None
    colleague["assignedLicenses"] = [{"skuId": "c7df2760-2c81-4ef7-b578-5b5392b571df", "disabledPlans": []}]
    token = sandbox.token("Files.Read", user=colleague["userPrincipalName"])
    assert sandbox.get("/me/drive/root", token).json()["folder"] == {"childCount": 0}


def test_a_guest_sees_no_site(sandbox: Sandbox) -> None:
    world = sandbox.server.world
    tenant = world.tenant(COMPANY)
    assert tenant is not None
    guest = next(user for user in tenant.users if user["userType"] == "Guest")
    token = sandbox.token("Sites.Read.All", "Files.Read.All", user=guest["userPrincipalName"])
    assert sandbox.get("/sites?search=*", token).json()["value"] == []
    assert sandbox.get("/sites/root/drive", token).status_code == 403
