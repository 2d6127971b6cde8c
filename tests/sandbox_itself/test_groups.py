"""Groups of the sandbox: kinds, members, owners, conversations, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import ADMIN, COMPANY, USER, Sandbox

GROUP = "00000001-0000-4000-9000-000000000001"
STRANGER = f"jonas.o'hara@{COMPANY}"
STRANGER_ID = "00000001-0000-4000-8000-000000000005"
ADMIN_ID = "00000001-0000-4000-8000-000000000001"
WRITE = "Group.ReadWrite.All"
UNIFIED = {
    "displayName": "Sales", "mailNickname": "sales", "groupTypes": ["Unified"], "mailEnabled": True,
    "securityEnabled": False,
}  # fmt: skip
SECURITY = {"displayName": "Doors", "mailNickname": "doors", "mailEnabled": False, "securityEnabled": True}


def create(sandbox: Sandbox, group: dict[str, Any], status: int = 201, **who: Any) -> dict[str, Any]:
    answer = sandbox.graph("POST", "/groups", sandbox.token(WRITE, **who), json=group)
    assert answer.status_code == status, answer.text
    made: dict[str, Any] = answer.json()
    return made


def refer(sandbox: Sandbox, path: str, object_id: str) -> tuple[int, str]:
    body = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"}
    answer = sandbox.graph("POST", f"{path}/$ref", sandbox.token(WRITE), json=body)
    return answer.status_code, answer.text


def ids(sandbox: Sandbox, path: str) -> list[str]:
    return [one["id"] for one in sandbox.get(path, sandbox.token(WRITE)).json()["value"]]


def test_who_creates_a_group_owns_it_and_is_in_it(sandbox: Sandbox) -> None:
    made = create(sandbox, UNIFIED, user=USER)
    assert (made["mail"], made["visibility"]) == (f"sales@{COMPANY}", "Public")
    assert ids(sandbox, f"/groups/{made['id']}/owners") == ids(sandbox, f"/groups/{made['id']}/members")


def test_members_and_owners_can_be_there_from_the_start(sandbox: Sandbox) -> None:
    bound = {
        "owners@odata.bind": [f"https://graph.microsoft.com/v1.0/users/{ADMIN_ID}"],
        "members@odata.bind": [f"https://graph.microsoft.com/v1.0/users/{STRANGER_ID}"],
    }
    made = create(sandbox, SECURITY | bound, user=None)
    assert ids(sandbox, f"/groups/{made['id']}/owners") == [ADMIN_ID]
    assert ids(sandbox, f"/groups/{made['id']}/members") == [STRANGER_ID]


@pytest.mark.parametrize(
    "change",
    [
        {"mailNickname": ""}, {"mailNickname": "two words"}, {"mailEnabled": False}, {"mailEnabled": "yes"},
        {"groupTypes": ["Other"]}, {"groupTypes": ["Unified", "DynamicMembership"]}, {"visibility": "Secret"},
        {"mail": "x@y.example"}, {"owners@odata.bind": ["nobody"]}, {"mailNickname": "launch"},
    ],
    ids=str,
)  # fmt: skip
def test_a_group_that_cannot_be_is_refused(sandbox: Sandbox, change: dict[str, Any]) -> None:
    create(sandbox, UNIFIED | change, 400)


def test_what_exchange_keeps_is_changed_apart_and_shown_when_selected(sandbox: Sandbox) -> None:
    token = sandbox.token(WRITE)
    both = {"allowExternalSenders": True, "description": "New"}
    assert sandbox.graph("PATCH", f"/groups/{GROUP}", token, json=both).status_code == 400
    for part in ({"allowExternalSenders": True}, {"description": "New"}):
        assert sandbox.graph("PATCH", f"/groups/{GROUP}", token, json=part).status_code == 204
    group = sandbox.get(f"/groups/{GROUP}", token).json()
    assert (group["description"], "allowExternalSenders" in group) == ("New", False)
    selected = sandbox.get(f"/groups/{GROUP}?$select=allowExternalSenders", token).json()
    assert selected["allowExternalSenders"] is True


def test_a_group_stays_of_its_kind(sandbox: Sandbox) -> None:
    token = sandbox.token(WRITE)
    for change in ({"groupTypes": []}, {"isAssignableToRole": True}):
        assert sandbox.graph("PATCH", f"/groups/{GROUP}", token, json=change).status_code == 400


def test_a_member_comes_once_and_goes_once(sandbox: Sandbox) -> None:
    path = f"/groups/{GROUP}/members"
    assert refer(sandbox, path, STRANGER_ID)[0] == 204
    status, text = refer(sandbox, path, STRANGER_ID)
    assert (status, "already exist" in text) == (400, True)
    token = sandbox.token("GroupMember.ReadWrite.All")
    assert sandbox.graph("DELETE", f"{path}/{STRANGER_ID}/$ref", token).status_code == 204
    assert sandbox.graph("DELETE", f"{path}/{STRANGER_ID}/$ref", token).status_code == 404


def test_a_group_can_be_in_a_security_group_only(sandbox: Sandbox) -> None:
    inner = create(sandbox, SECURITY)["id"]
    assert refer(sandbox, f"/groups/{GROUP}/members", inner)[0] == 400
    outer = create(sandbox, SECURITY | {"displayName": "Gates"})["id"]
    assert refer(sandbox, f"/groups/{outer}/members", inner)[0] == 204
    members = sandbox.get(f"/groups/{outer}/members", sandbox.token("GroupMember.Read.All")).json()["value"]
    assert [one["@odata.type"] for one in members] == ["#microsoft.graph.group"]


def test_the_members_of_a_dynamic_group_are_not_set(sandbox: Sandbox) -> None:
    rule = {"groupTypes": ["DynamicMembership"], "membershipRule": 'user.department -eq "Sales"'}
    made = create(sandbox, SECURITY | rule)["id"]
    assert refer(sandbox, f"/groups/{made}/members", STRANGER_ID)[0] == 400


def test_the_last_owner_stays(sandbox: Sandbox) -> None:
    token, path = sandbox.token(WRITE), f"/groups/{GROUP}/owners"
    assert sandbox.graph("DELETE", f"{path}/{ADMIN_ID}/$ref", token).status_code == 400
    assert refer(sandbox, path, STRANGER_ID)[0] == 204
    assert sandbox.graph("DELETE", f"{path}/{ADMIN_ID}/$ref", token).status_code == 204
    assert ids(sandbox, path) == [STRANGER_ID]


def test_a_deleted_group_can_be_restored(sandbox: Sandbox) -> None:
    token = sandbox.token(WRITE)
    assert sandbox.graph("DELETE", f"/groups/{GROUP}", token).status_code == 204
    assert ids(sandbox, "/directory/deletedItems/microsoft.graph.group") == [GROUP]
    assert sandbox.graph("POST", f"/directory/deletedItems/{GROUP}/restore", token).status_code == 200
    assert len(ids(sandbox, f"/groups/{GROUP}/members")) == 4


def test_reading_groups_does_not_open_writing_them(sandbox: Sandbox) -> None:
    token = sandbox.token("Group.Read.All", "GroupMember.ReadWrite.All")
    assert sandbox.graph("POST", "/groups", token, json=UNIFIED).status_code == 403
    assert sandbox.graph("DELETE", f"/groups/{GROUP}", token).status_code == 403
    basic = sandbox.token("GroupMember.ReadBasic.All")
    assert sandbox.get(f"/groups/{GROUP}/members", basic).status_code == 200
    assert sandbox.get("/groups", basic).status_code == 403


# Conversations


def test_a_reply_shows_in_posts_thread_and_conversation(sandbox: Sandbox) -> None:
    token = sandbox.token("Group-Conversation.ReadWrite.All")
    thread = sandbox.get(f"/groups/{GROUP}/threads", token).json()["value"][0]
    path = f"/groups/{GROUP}/threads/{thread['id'].replace('/', '%2F')}"
    marked = {"id": "String {3b0f1c52-6a7d-4e0e-9d54-0a8a3c5d7f21} Name Mark", "value": "one"}
    post = {"body": {"contentType": "text", "content": "I agree."}, "singleValueExtendedProperties": [marked]}
    assert sandbox.graph("POST", f"{path}/reply", token, json={"post": post}).status_code == 202
    expand = f"$expand=singleValueExtendedProperties($filter=id eq '{marked['id']}')"
    posts = sandbox.get(f"{path}/posts?{expand}", token).json()["value"]
    assert [one["singleValueExtendedProperties"] for one in posts] == [[], [marked]]
    assert posts[1]["from"]["emailAddress"]["address"] == USER
    assert sandbox.get(path, token).json()["preview"] == "I agree."
    [conversation] = sandbox.get(f"/groups/{GROUP}/conversations", token).json()["value"]
    assert conversation["uniqueSenders"] == ["Launch Team", "Mina Okafor"]


def test_a_private_group_talks_to_its_members_only(sandbox: Sandbox) -> None:
    token = sandbox.token("Group-Conversation.Read.All", user=STRANGER)
    assert sandbox.get(f"/groups/{GROUP}/threads", token).status_code == 403
    app = sandbox.token("Group-Conversation.Read.All", user=None)
    assert sandbox.get(f"/groups/{GROUP}/threads", app).status_code == 200


def test_an_app_without_user_does_not_reply(sandbox: Sandbox) -> None:
    app = sandbox.token("Group-Conversation.ReadWrite.All", user=None)
    body = {"post": {"body": {"content": "x"}}}
    thread = sandbox.get(f"/groups/{GROUP}/threads", app).json()["value"][0]["id"].replace("/", "%2F")
    assert sandbox.graph("POST", f"/groups/{GROUP}/threads/{thread}/reply", app, json=body).status_code == 403


def test_a_security_group_has_no_conversations(sandbox: Sandbox) -> None:
    made = create(sandbox, SECURITY, user=ADMIN)["id"]
    token = sandbox.token("Group-Conversation.Read.All", user=ADMIN)
    assert sandbox.get(f"/groups/{made}/conversations", token).status_code == 404
