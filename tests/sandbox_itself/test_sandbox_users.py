"""Users of the sandbox: what Graph shows, refuses and remembers."""

from __future__ import annotations

import pytest

from .conftest import COMPANY, USER, Sandbox

READ_ALL = "User.Read.All"
WRITE_ALL = "User.ReadWrite.All"
NEW_USER = {
    "accountEnabled": True, "displayName": "Nils Berg", "mailNickname": "nils",
    "userPrincipalName": f"nils@{COMPANY}", "passwordProfile": {"password": "Long-enough-1"},
}  # fmt: skip


def test_me_is_the_signed_in_user_with_the_default_properties(sandbox: Sandbox) -> None:
    answer = sandbox.get("/me")
    body = answer.json()
    assert body["userPrincipalName"] == USER
    assert set(body) == {
        "@odata.context", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
        "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
    }  # fmt: skip
    assert body["@odata.context"] == f"{sandbox.graph_url}/$metadata#users/$entity"


def test_me_without_a_user_is_refused(sandbox: Sandbox) -> None:
    answer = sandbox.get("/me", sandbox.token(READ_ALL, user=None))
    assert answer.status_code == 400
    assert "delegated" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/users/jonas.o'hara@fabrikoast.example", "/users/jonas.o%27hara%40fabrikoast.example",
        "/users('jonas.o''hara@fabrikoast.example')", "/Users/JONAS.O'HARA@fabrikoast.example",
        "/users/00000001-0000-4000-8000-000000000005",
    ],
)  # fmt: skip
def test_one_user_has_many_spellings(sandbox: Sandbox, path: str) -> None:
    assert sandbox.get(path, sandbox.token(READ_ALL)).json()["displayName"] == "Jonas O'Hara"


def test_a_guest_is_found_by_its_escaped_principal_name(sandbox: Sandbox) -> None:
    path = "/users/priya.nair_northleaf.example%23EXT%23@fabrikoast.example"
    assert sandbox.get(path, sandbox.token(READ_ALL)).json()["mail"] == "priya.nair@northleaf.example"


def test_an_unknown_user_is_not_found(sandbox: Sandbox) -> None:
    answer = sandbox.get("/users/nobody@fabrikoast.example", sandbox.token(READ_ALL))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "Request_ResourceNotFound")


def test_the_basic_permission_hides_all_but_the_basic_profile(sandbox: Sandbox) -> None:
    path = f"/users/luis.brandt@{COMPANY}"
    assert sandbox.get(path).json()["jobTitle"] is None
    assert sandbox.get(path, sandbox.token(READ_ALL)).json()["jobTitle"] == "Support Engineer"


def test_user_read_does_not_open_other_users(sandbox: Sandbox) -> None:
    answer = sandbox.get(f"/users/luis.brandt@{COMPANY}", sandbox.token("User.Read"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


def test_paging_follows_next_links_to_every_user_once(sandbox: Sandbox) -> None:
    token, seen = sandbox.token(READ_ALL), []
    url = "/users?$top=4&$select=id"
    while url:
        page = sandbox.get(url, token).json()
        seen += [user["id"] for user in page["value"]]
        url = page.get("@odata.nextLink", "")
    assert len(seen) == len(set(seen)) == 10


def test_select_keeps_only_what_was_asked(sandbox: Sandbox) -> None:
    page = sandbox.get("/users?$select=displayName&$top=1", sandbox.token(READ_ALL)).json()
    assert page["value"] == [{"displayName": "Avery Stone"}]


@pytest.mark.parametrize("top", ["0", "1000", "many"])
def test_a_page_size_out_of_range_is_refused(sandbox: Sandbox, top: str) -> None:
    assert sandbox.get(f"/users?$top={top}").status_code == 400


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("$filter=startswith(displayName,'mina')", ["Mina Okafor"]),
        ("$filter=surname eq 'O''Hara'", ["Jonas O'Hara"]),
        ("$filter=department eq 'Sales' and accountEnabled eq true", ["Mina Okafor"]),
        ("$filter=accountEnabled eq false and mail in ('x','office@fabrikoast.example')", ["Office Mailbox"]),
        ("$filter=proxyAddresses/any(p:p eq 'SMTP:luis.brandt@fabrikoast.example')", ["Luis Brandt"]),
        ("$orderby=displayName desc&$top=1", ["Sofia Lind"]),
    ],
)
def test_simple_queries_need_no_header(sandbox: Sandbox, query: str, names: list[str]) -> None:
    page = sandbox.get(f"/users?$select=displayName&{query}", sandbox.token(READ_ALL)).json()
    assert [user["displayName"] for user in page["value"]] == names


@pytest.mark.parametrize(
    "query",
    [
        '$search="displayName:mina"', "$count=true", "$filter=endswith(mail,'example')&$count=true",
        "$filter=displayName ne 'x'", "$filter=startswith(displayName,'m')&$orderby=displayName",
    ],
)  # fmt: skip
def test_advanced_queries_are_refused_without_consistency_level(sandbox: Sandbox, query: str) -> None:
    answer = sandbox.get(f"/users?{query}", sandbox.token(READ_ALL))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


def test_advanced_queries_work_with_the_header_and_count_only_once(sandbox: Sandbox) -> None:
    token = sandbox.token(READ_ALL)
    query = "/users?$filter=endswith(mail,'fabrikoast.example')&$orderby=displayName&$count=true&$top=5"
    first = sandbox.get(query, token, ConsistencyLevel="eventual").json()
    assert first["@odata.count"] == 8
    assert sandbox.get(first["@odata.nextLink"], token).status_code == 400
    second = sandbox.get(first["@odata.nextLink"], token, ConsistencyLevel="eventual").json()
    assert len(second["value"]) == 3
    assert "@odata.count" not in second


def test_search_finds_beginnings_of_words(sandbox: Sandbox) -> None:
    search = '/users?$search="displayName:oka" OR "displayName:brandt"&$select=surname'
    found = sandbox.get(search, sandbox.token(READ_ALL), ConsistencyLevel="eventual").json()["value"]
    assert [user["surname"] for user in found] == ["Okafor", "Brandt"]


def test_a_user_is_created_changed_and_deleted(sandbox: Sandbox) -> None:
    token = sandbox.token(WRITE_ALL)
    created = sandbox.graph("POST", "/users", token, json=NEW_USER)
    assert created.status_code == 201
    assert "passwordProfile" not in created.json()
    path = f"/users/{created.json()['id']}"
    assert sandbox.graph("PATCH", path, token, json={"jobTitle": "Cook"}).status_code == 204
    assert sandbox.get(path, token).json()["jobTitle"] == "Cook"
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(path, token).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"displayName": ""}, {"userPrincipalName": "nils@elsewhere.example"}, {"userPrincipalName": USER},
        {"passwordProfile": {"password": "short"}}, {"id": "mine"}, {"accountEnabled": "yes"},
    ],
)  # fmt: skip
def test_a_bad_user_is_refused(sandbox: Sandbox, change: dict[str, object]) -> None:
    answer = sandbox.graph("POST", "/users", sandbox.token(WRITE_ALL), json=NEW_USER | change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_BadRequest")


def test_delta_reports_new_changed_and_removed_users_once(sandbox: Sandbox) -> None:
    token = sandbox.token(WRITE_ALL)
    url, pages = "/users/delta?$select=displayName&$top=4", 0
    while "@odata.deltaLink" not in (page := sandbox.get(url, token).json()):
        url, pages = page["@odata.nextLink"], pages + 1
    assert pages == 2
    new_id = sandbox.graph("POST", "/users", token, json=NEW_USER).json()["id"]
    sandbox.graph("DELETE", f"/users/luis.brandt@{COMPANY}", token)
    page = sandbox.get(page["@odata.deltaLink"], token).json()
    assert page["value"] == [
        {"displayName": "Nils Berg", "id": new_id},
        {"id": "00000001-0000-4000-8000-000000000003", "@removed": {"reason": "changed"}},
    ]
    assert sandbox.get(page["@odata.deltaLink"], token).json()["value"] == []


def test_a_delta_can_start_with_the_latest_state(sandbox: Sandbox) -> None:
    page = sandbox.get("/users/delta?$deltatoken=latest", sandbox.token(READ_ALL)).json()
    assert page["value"] == []
    assert "@odata.deltaLink" in page


def test_an_invalidated_delta_token_answers_410_with_a_fresh_start(sandbox: Sandbox) -> None:
    token = sandbox.token(READ_ALL)
    link = sandbox.get("/users/delta?$select=mail", token).json()["@odata.deltaLink"]
    sandbox.control("POST", "/delta-reset")
    gone = sandbox.get(link, token)
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "SyncStateNotFound")
    again = sandbox.get(gone.headers["Location"], token).json()
    assert len(again["value"]) == 10
    assert set(again["value"][0]) == {"id", "mail"}
    sandbox.switch(delta_410_location=False)
    assert "Location" not in sandbox.get(link, token).headers


def test_a_delta_token_ages_and_belongs_to_its_owner(sandbox: Sandbox) -> None:
    link = sandbox.get("/users/delta", sandbox.token(READ_ALL)).json()["@odata.deltaLink"]
    stranger = sandbox.token(READ_ALL, user=None)
    assert sandbox.get(link, stranger).status_code == 400
    sandbox.control("POST", "/clock", {"advance_seconds": 8 * 86400})
    assert sandbox.get(link, sandbox.token(READ_ALL)).status_code == 410


def test_a_write_shows_late_in_lists_when_the_switch_says_so(sandbox: Sandbox) -> None:
    sandbox.switch(read_after_write_delay_seconds=60)
    token = sandbox.token(WRITE_ALL)
    delta = sandbox.get("/users/delta?$deltatoken=latest", token).json()["@odata.deltaLink"]
    created = sandbox.graph("POST", "/users", token, json=NEW_USER).json()["id"]
    assert sandbox.get(f"/users/{created}", token).status_code == 200
    assert len(sandbox.get("/users", token).json()["value"]) == 10
    later = sandbox.get(delta, token).json()
    assert later["value"] == []
    sandbox.control("POST", "/clock", {"advance_seconds": 61})
    assert len(sandbox.get("/users", token).json()["value"]) == 11
    assert [user["id"] for user in sandbox.get(later["@odata.deltaLink"], token).json()["value"]] == [created]


def test_the_manager_can_be_read_expanded_and_set(sandbox: Sandbox) -> None:
    token = sandbox.token(WRITE_ALL)
    path = f"/users/luis.brandt@{COMPANY}"
    assert sandbox.get(f"{path}/manager", token).json()["displayName"] == "Avery Stone"
    reference = {"@odata.id": f"{sandbox.graph_url}/users/{USER}"}
    assert sandbox.graph("PUT", f"{path}/manager/$ref", token, json=reference).status_code == 204
    expanded = sandbox.get(f"{path}?$expand=manager($select=displayName)", token).json()
    assert expanded["manager"]["displayName"] == "Mina Okafor"
    assert sandbox.graph("DELETE", f"{path}/manager/$ref", token).status_code == 204
    assert sandbox.get(f"{path}/manager", token).status_code == 404


def test_groups_have_members_and_the_company_its_domains(sandbox: Sandbox) -> None:
    token = sandbox.token("GroupMember.Read.All", "User.Read")
    group = sandbox.get("/groups", token).json()["value"][0]
    assert len(sandbox.get(f"/groups/{group['id']}/members", token).json()["value"]) == 4
    company = sandbox.get("/organization", token).json()["value"][0]
    assert company["verifiedDomains"][0]["name"] == COMPANY
