"""Sharing in the sandbox: links, invitations, permissions, sharing URLs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import requests

from .conftest import COMPANY, Sandbox

WELCOME = "/me/drive/root:/Welcome.txt:"
COLLEAGUE = f"luis.brandt@{COMPANY}"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite")


@pytest.fixture
def colleague(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite.All", user=COLLEAGUE)


def link(sandbox: Sandbox, token: str, item: str = WELCOME, **body: Any) -> requests.Response:
    return sandbox.graph("POST", f"{item}/createLink", token, json=body)


def share_id(url: str) -> str:
    return "u!" + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


@pytest.mark.parametrize(("kind", "role"), [("view", "read"), ("edit", "write"), ("embed", "read")])
@pytest.mark.parametrize("scope", ["anonymous", "organization", "users"])
def test_a_link_is_created_once_per_type_and_scope(
    sandbox: Sandbox, token: str, kind: str, role: str, scope: str
) -> None:
    first = link(sandbox, token, type=kind, scope=scope)
    second = link(sandbox, token, type=kind, scope=scope)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["roles"] == [role]
    assert (first.json()["link"]["type"], first.json()["link"]["scope"]) == (kind, scope)
    assert ("webHtml" in first.json()["link"]) == (kind == "embed")
    assert "_password" not in first.json()


def test_the_scope_of_a_link_is_the_organization_unless_said(sandbox: Sandbox, token: str) -> None:
    assert link(sandbox, token, type="view").json()["link"]["scope"] == "organization"


def test_a_link_can_have_a_password_and_an_end(sandbox: Sandbox, token: str) -> None:
    open_link = link(sandbox, token, type="view", scope="anonymous").json()
    body = {
        "type": "view",
        "scope": "anonymous",
        "password": "s3cret",
        "expirationDateTime": "2099-01-02T03:04:05Z",
    }
    limited = link(sandbox, token, **body)
    assert limited.status_code == 201
    assert limited.json()["id"] != open_link["id"]
    assert (limited.json()["hasPassword"], limited.json()["expirationDateTime"]) == (
        True,
        "2099-01-02T03:04:05Z",
    )
    assert "s3cret" not in limited.text


@pytest.mark.parametrize(
    "body",
    [{}, {"type": "blog"}, {"type": "view", "scope": "friends"}, {"type": "view", "expirationDateTime": "soon"},
     {"type": "view", "expirationDateTime": "2001-01-01T00:00:00Z"}],
)  # fmt: skip
def test_bad_links_are_400(sandbox: Sandbox, token: str, body: Any) -> None:
    assert link(sandbox, token, **body).status_code == 400


def test_a_company_can_forbid_anonymous_links(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(anonymous_links_allowed=False)
    assert link(sandbox, token, type="view", scope="anonymous").status_code == 403
    assert link(sandbox, token, type="view", scope="organization").status_code == 201


def test_an_invitation_opens_the_item_and_what_is_below_it_only(
    sandbox: Sandbox, token: str, colleague: str
) -> None:
    drive = sandbox.get("/me/drive", token).json()["id"]
    inner = f"/drives/{drive}/root:/Reports/2025/march.txt"
    assert sandbox.get(inner, colleague).status_code == 403
    body = {
        "recipients": [{"email": COLLEAGUE}],
        "roles": ["read"],
        "requireSignIn": True,
        "sendInvitation": False,
    }
    granted = sandbox.graph("POST", "/me/drive/root:/Reports:/invite", token, json=body).json()["value"]
    assert granted[0]["grantedToV2"]["user"]["displayName"] == "Luis Brandt"
    assert sandbox.get(inner, colleague).status_code == 200
    assert sandbox.graph("PATCH", inner, colleague, json={"name": "x.txt"}).status_code == 403
    assert sandbox.get(f"/drives/{drive}/root:/Welcome.txt", colleague).status_code == 403
    assert sandbox.get(inner, sandbox.token("Files.Read", user=COLLEAGUE)).status_code == 403
    permission = f"/me/drive/root:/Reports:/permissions/{granted[0]['id']}"
    assert sandbox.graph("PATCH", permission, token, json={"roles": ["write"]}).json()["roles"] == ["write"]
    assert sandbox.graph("PATCH", inner, colleague, json={"name": "x.txt"}).status_code == 200


def test_an_invitation_can_end(sandbox: Sandbox, token: str, colleague: str) -> None:
    item = sandbox.get("/me/drive/root:/Welcome.txt", token).json()
    direct = f"/drives/{item['parentReference']['driveId']}/items/{item['id']}"
    sandbox.control("POST", "/clock", {"freeze_at": "2027-01-01T00:00:00Z"})
    body = {
        "recipients": [{"email": COLLEAGUE}], "roles": ["read"], "requireSignIn": True,
        "expirationDateTime": "2027-01-01T01:00:00Z",
    }  # fmt: skip
    owner = sandbox.token("Files.ReadWrite")
    assert sandbox.graph("POST", f"{WELCOME}/invite", owner, json=body).status_code == 200
    assert sandbox.get(direct, sandbox.token("Files.Read.All", user=COLLEAGUE)).status_code == 200
    sandbox.control("POST", "/clock", {"advance_seconds": 3600})
    assert sandbox.get(direct, sandbox.token("Files.Read.All", user=COLLEAGUE)).status_code == 403


def test_someone_outside_gets_an_invitation(sandbox: Sandbox, token: str) -> None:
    body = {"recipients": [{"email": "pat@elsewhere.example"}], "roles": ["write"], "requireSignIn": True}
    granted = sandbox.graph("POST", f"{WELCOME}/invite", token, json=body).json()["value"][0]
    assert granted["invitation"] == {"email": "pat@elsewhere.example", "signInRequired": True}
    assert "grantedToV2" not in granted


@pytest.mark.parametrize(
    "change",
    [{"recipients": []}, {"recipients": [{}]}, {"recipients": [{"objectId": "nobody"}]}, {"roles": ["admin"]},
     {"roles": []}, {"requireSignIn": False}],
)  # fmt: skip
def test_bad_invitations_are_400(sandbox: Sandbox, token: str, change: Any) -> None:
    body = {"recipients": [{"email": COLLEAGUE}], "roles": ["read"], "requireSignIn": True} | change
    assert sandbox.graph("POST", f"{WELCOME}/invite", token, json=body).status_code == 400


def test_permissions_are_listed_with_owner_and_inherited_ones(sandbox: Sandbox, token: str) -> None:
    folder, inner = "/me/drive/root:/Reports:", "/me/drive/root:/Reports/2025/march.txt:"
    shared = link(sandbox, token, folder, type="view").json()["id"]
    listed = sandbox.get(f"{inner}/permissions", token).json()["value"]
    assert [entry["roles"] for entry in listed] == [["owner"], ["read"]]
    assert listed[1]["inheritedFrom"]["id"] == sandbox.get("/me/drive/root:/Reports", token).json()["id"]
    assert sandbox.get(f"{folder}/permissions/{shared}", token).json()["link"]["type"] == "view"
    assert sandbox.get("/me/drive/root:/Reports/2025/march.txt", token).json()["shared"] == {
        "scope": "organization"
    }
    for entry in listed:
        assert sandbox.graph("DELETE", f"{inner}/permissions/{entry['id']}", token).status_code == 400
    assert sandbox.graph("DELETE", f"{folder}/permissions/{shared}", token).status_code == 204
    assert sandbox.get(f"{folder}/permissions/{shared}", token).status_code == 404
    assert "shared" not in sandbox.get("/me/drive/root:/Reports", token).json()


def test_a_sharing_url_leads_to_the_item(sandbox: Sandbox, token: str, colleague: str) -> None:
    item = sandbox.get("/me/drive/root:/Welcome.txt", token).json()
    url = link(sandbox, token, type="view").json()["link"]["webUrl"]
    share = f"/shares/{share_id(url)}"
    assert sandbox.get(f"{share}/driveItem", colleague).json()["id"] == item["id"]
    assert sandbox.get(share, colleague).json()["owner"]["user"]["displayName"] == "Mina Okafor"
    assert sandbox.get(f"{share}/driveItem/content", colleague).text.startswith("Hello Mina")
    assert sandbox.get(f"/shares/{share_id(item['webUrl'])}/driveItem", token).json()["id"] == item["id"]


def test_opening_a_link_does_not_widen_access_unless_it_is_redeemed(
    sandbox: Sandbox, token: str, colleague: str
) -> None:
    item = sandbox.get("/me/drive/root:/Welcome.txt", token).json()
    direct = f"/drives/{item['parentReference']['driveId']}/items/{item['id']}"
    url = link(sandbox, token, type="view").json()["link"]["webUrl"]
    share = f"/shares/{share_id(url)}/driveItem"
    sandbox.get(share, colleague)
    assert sandbox.get(direct, colleague).status_code == 403
    sandbox.get(share, colleague, Prefer="redeemSharingLinkIfNecessary")
    assert sandbox.get(direct, colleague).status_code == 200


@pytest.mark.parametrize(
    "limits", [{"scope": "users"}, {"scope": "anonymous", "password": "x"}], ids=["users", "password"]
)
def test_links_with_limits_do_not_open_by_themselves(
    sandbox: Sandbox, token: str, colleague: str, limits: Any
) -> None:
    url = link(sandbox, token, type="view", **limits).json()["link"]["webUrl"]
    assert sandbox.get(f"/shares/{share_id(url)}/driveItem", colleague).status_code == 403


def test_an_expired_link_opens_nothing(sandbox: Sandbox, token: str) -> None:
    sandbox.control("POST", "/clock", {"freeze_at": "2027-01-01T00:00:00Z"})
    owner = sandbox.token("Files.ReadWrite")
    body = {"type": "view", "expirationDateTime": "2027-01-01T01:00:00Z"}
    url = link(sandbox, owner, **body).json()["link"]["webUrl"]
    path = f"/shares/{share_id(url)}/driveItem"
    assert sandbox.get(path, sandbox.token("Files.Read.All", user=COLLEAGUE)).status_code == 200
    sandbox.control("POST", "/clock", {"advance_seconds": 3601})
    assert sandbox.get(path, sandbox.token("Files.Read.All", user=COLLEAGUE)).status_code == 403


@pytest.mark.parametrize(
    ("share", "status"), [("u!not*base64", 400), ("plain", 400), (share_id("https://x.example/y"), 404)]
)
def test_bad_sharing_urls_are_refused(sandbox: Sandbox, token: str, share: str, status: int) -> None:
    assert sandbox.get(f"/shares/{share}/driveItem", sandbox.token("Files.Read.All")).status_code == status
