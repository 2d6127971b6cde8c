"""OneDrive in the sandbox beyond files and folders: versions, check-outs, previews, search, labels and the like."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import COMPANY, USER, Sandbox

DRIVE = "/me/drive"
NOTES = f"{DRIVE}/root:/Documents/Notes.txt:"
MINUTES = f"{DRIVE}/root:/Documents/Minutes.docx:"
COLLEAGUE = f"luis.brandt@{COMPANY}"
LABEL = "5feba255-812e-446a-ac59-a7044ef827b5"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite")


@pytest.fixture
def colleague(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite.All", user=COLLEAGUE)


def put(sandbox: Sandbox, token: str, content: bytes, path: str = NOTES) -> requests.Response:
    return sandbox.graph("PUT", f"{path}/content", token, data=content)


def post(
    sandbox: Sandbox, token: str, path: str, body: Any = None, status: int | None = None
) -> requests.Response:
    answer = sandbox.graph("POST", path, token, json=body)
    assert status is None or answer.status_code == status, answer.text
    return answer


def in_drive(sandbox: Sandbox, token: str, path: str) -> str:
    """The address of an item by drive and ID, for others than its owner."""
    item = sandbox.get(path, token).json()
    return f"/drives/{item['parentReference']['driveId']}/items/{item['id']}"


def share_with_colleague(sandbox: Sandbox, token: str, path: str, role: str = "write") -> str:
    body = {"recipients": [{"email": COLLEAGUE}], "roles": [role], "requireSignIn": True}
    post(sandbox, token, f"{path}/invite", body, 200)
    return in_drive(sandbox, token, path)


# Versions


def test_every_content_is_a_version_and_the_newest_comes_first(sandbox: Sandbox, token: str) -> None:
    first = sandbox.get(f"{NOTES}/content", token).content
    put(sandbox, token, b"second")
    put(sandbox, token, b"third")
    versions = sandbox.get(f"{NOTES}/versions", token).json()["value"]
    assert [version["id"] for version in versions] == ["3.0", "2.0", "1.0"]
    assert [version["size"] for version in versions] == [5, 6, len(first)]
    assert sandbox.get(f"{NOTES}/versions/2.0/content", token).content == b"second"
    assert sandbox.get(f"{NOTES}/versions/1.0/content", token).content == first
    assert sandbox.get(f"{NOTES}/versions/current", token).json()["id"] == "3.0"


def test_a_restored_version_becomes_a_new_one(sandbox: Sandbox, token: str) -> None:
    first = sandbox.get(f"{NOTES}/content", token).content
    put(sandbox, token, b"second")
    assert post(sandbox, token, f"{NOTES}/versions/1.0/restoreVersion").status_code == 204
    assert sandbox.get(f"{NOTES}/content", token).content == first
    assert sandbox.get(f"{NOTES}/versions", token).json()["value"][0]["id"] == "3.0"
    assert sandbox.get(f"{NOTES}/versions/2.0/content", token).content == b"second"


def test_a_rename_makes_no_version(sandbox: Sandbox, token: str) -> None:
    sandbox.graph("PATCH", NOTES, token, json={"description": "x"})
    assert len(sandbox.get(f"{NOTES}/versions", token).json()["value"]) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"{NOTES}/versions/9.0", 404), (f"{NOTES}/versions/1.0/content", 400), (f"{DRIVE}/root/versions", 400)],
    ids=["unknown", "content of the current one", "folder"],
)
def test_versions_that_there_are_not_are_refused(
    sandbox: Sandbox, token: str, path: str, status: int
) -> None:
    assert sandbox.get(path, token).status_code == status


def test_restoring_needs_the_permission_to_write(sandbox: Sandbox, token: str) -> None:
    put(sandbox, token, b"second")
    reader = sandbox.token("Files.Read")
    assert post(sandbox, reader, f"{NOTES}/versions/1.0/restoreVersion").status_code == 403


# Check-outs


def test_a_checked_out_file_is_locked_for_others_until_it_is_checked_in(
    sandbox: Sandbox, token: str, colleague: str
) -> None:
    shared = share_with_colleague(sandbox, token, NOTES)
    assert post(sandbox, token, f"{NOTES}/checkout").status_code == 204
    locked = [
        sandbox.graph("PUT", f"{shared}/content", colleague, data=b"x"),
        sandbox.graph("PATCH", shared, colleague, json={"name": "x.txt"}),
        sandbox.graph("DELETE", shared, colleague),
        post(sandbox, colleague, f"{shared}/checkout"),
        post(sandbox, colleague, f"{shared}/checkin", {}),
    ]
    assert {answer.status_code for answer in locked} == {423}
    assert locked[0].json()["error"]["code"] == "resourceLocked"
    assert put(sandbox, token, b"mine").status_code == 200
    body = {"comment": "Done.", "checkInAs": "published"}
    assert post(sandbox, token, f"{NOTES}/checkin", body).status_code == 204
    assert sandbox.graph("PUT", f"{shared}/content", colleague, data=b"x").status_code == 200


def test_who_selects_it_sees_whether_a_file_is_checked_out(sandbox: Sandbox, token: str) -> None:
    def publication() -> Any:
        return sandbox.get(f"{NOTES[:-1]}?$select=id,publication", token).json()["publication"]

    assert "publication" not in sandbox.get(NOTES[:-1], token).json()
    assert publication() == {"level": "published", "versionId": "1.0"}
    post(sandbox, token, f"{NOTES}/checkout")
    assert publication()["level"] == "checkout"
    assert publication()["checkedOutBy"]["user"]["displayName"] == "Mina Okafor"
    assert post(sandbox, token, f"{NOTES}/checkout").status_code == 204


def test_discarding_takes_back_what_was_changed(sandbox: Sandbox, token: str) -> None:
    before = sandbox.get(f"{NOTES}/content", token).content
    post(sandbox, token, f"{NOTES}/checkout")
    put(sandbox, token, b"draft")
    assert post(sandbox, token, f"{NOTES}/discardCheckout").status_code == 204
    assert sandbox.get(f"{NOTES}/content", token).content == before
    assert post(sandbox, token, f"{NOTES}/discardCheckout").status_code == 400


def test_bad_check_ins_and_folders_are_refused(sandbox: Sandbox, token: str) -> None:
    assert post(sandbox, token, f"{NOTES}/checkin", {}).status_code == 400
    assert post(sandbox, token, f"{DRIVE}/root:/Reports:/checkout").status_code == 400
    post(sandbox, token, f"{NOTES}/checkout")
    assert post(sandbox, token, f"{NOTES}/checkin", {"checkInAs": "draft"}).status_code == 400


# Following


def test_what_is_followed_is_listed_wherever_it_is(sandbox: Sandbox, token: str) -> None:
    everywhere = sandbox.token("Files.Read.All")
    followed = [
        post(sandbox, everywhere, f"{path}/follow", status=200)
        for path in (NOTES[:-1] + ":", "/sites/root/drive/root:/House rules.txt:")
    ]
    names = [item["name"] for item in sandbox.get(f"{DRIVE}/following", token).json()["value"]]
    assert names == [answer.json()["name"] for answer in followed] == ["Notes.txt", "House rules.txt"]
    post(sandbox, everywhere, f"{NOTES}/follow")
    assert post(sandbox, everywhere, "/sites/root/drive/root:/House rules.txt:/unfollow").status_code == 204
    assert [item["name"] for item in sandbox.get(f"{DRIVE}/following", token).json()["value"]] == [
        "Notes.txt"
    ]


def test_what_was_deleted_is_followed_no_more(sandbox: Sandbox, token: str) -> None:
    post(sandbox, token, f"{NOTES}/follow")
    sandbox.graph("DELETE", NOTES[:-1], token)
    assert sandbox.get(f"{DRIVE}/following", token).json()["value"] == []


def test_a_site_follows_nothing(sandbox: Sandbox) -> None:
    assert sandbox.get("/sites/root/drive/following", sandbox.token("Files.Read.All")).status_code == 400


# Thumbnails, previews and conversions


def test_thumbnails_are_pictures_of_the_size_that_they_say(sandbox: Sandbox, token: str) -> None:
    [sizes] = sandbox.get(f"{MINUTES}/thumbnails", token).json()["value"]
    assert set(sizes) == {"id", "small", "medium", "large"}
    assert (sizes["small"]["width"], sizes["large"]["width"]) == (96, 800)
    picture = sandbox.session.get(sizes["small"]["url"])
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture.content[16:20], "big") == 96
    content = sandbox.get(f"{MINUTES}/thumbnails/0/small/content", token)
    assert content.content == picture.content
    assert sandbox.get(f"{MINUTES}/thumbnails/0/large", token).json()["height"] == sizes["large"]["height"]


def test_a_custom_size_is_given_when_selected(sandbox: Sandbox, token: str) -> None:
    [sizes] = sandbox.get(f"{MINUTES}/thumbnails?$select=c300x400_crop", token).json()["value"]
    assert set(sizes) == {"id", "c300x400_crop"}
    assert (sizes["c300x400_crop"]["width"], sizes["c300x400_crop"]["height"]) == (300, 400)


def test_thumbnails_can_be_expanded_in_a_folder(sandbox: Sandbox, token: str) -> None:
    listed = sandbox.get(f"{DRIVE}/root:/Documents:/children?$expand=thumbnails", token).json()["value"]
    assert {item["name"]: len(item["thumbnails"]) for item in listed}["Minutes.docx"] == 1
    assert {item["name"]: len(item["thumbnails"]) for item in listed}["Notes.txt"] == 0


@pytest.mark.parametrize(
    "path",
    [
        f"{NOTES}/thumbnails/0/small",
        f"{MINUTES}/thumbnails/1/small",
        f"{MINUTES}/thumbnails/0/huge",
        f"{MINUTES}/thumbnails/1",
    ],
)
def test_thumbnails_that_there_are_not_are_404(sandbox: Sandbox, token: str, path: str) -> None:
    assert sandbox.get(path, token).status_code == 404


def test_a_preview_opens_without_a_sign_in(sandbox: Sandbox, token: str) -> None:
    url = post(sandbox, token, f"{NOTES}/preview", {"page": "1", "zoom": 1.5}, 200).json()["getUrl"]
    page = sandbox.session.get(url)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Call the supplier" in page.text
    assert post(sandbox, token, f"{NOTES}/preview").status_code == 200
    assert post(sandbox, token, f"{NOTES}/preview", {"zoom": "wide"}).status_code == 400
    assert post(sandbox, token, f"{DRIVE}/root/preview").status_code == 400


# Special folders


def test_a_special_folder_is_found_by_what_it_is_for(sandbox: Sandbox, token: str) -> None:
    documents = sandbox.get(f"{DRIVE}/special/documents", token).json()
    assert (documents["name"], documents["specialFolder"]) == ("Documents", {"name": "documents"})
    listed = sandbox.get(f"{DRIVE}/special/documents/children", token).json()["value"]
    assert "Notes.txt" in [item["name"] for item in listed]


def test_a_missing_special_folder_is_made_for_those_who_may_write(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{DRIVE}/special/approot", sandbox.token("Files.Read")).status_code == 403
    made = sandbox.get(f"{DRIVE}/special/approot", token).json()
    assert made["parentReference"]["name"] == "Apps"
    assert sandbox.get(f"{DRIVE}/special/approot", sandbox.token("Files.Read")).json()["id"] == made["id"]


def test_other_special_folders_are_refused(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{DRIVE}/special/attic", token).status_code == 400
    everywhere = sandbox.token("Files.ReadWrite.All")
    assert sandbox.get("/sites/root/drive/special/documents", everywhere).status_code == 400


# Deleting for good


def test_what_is_deleted_for_good_is_in_no_recycle_bin(sandbox: Sandbox, token: str) -> None:
    def in_bin() -> int:
        deleted: int = sandbox.get(DRIVE, token).json()["quota"]["deleted"]
        return deleted

    assert post(sandbox, token, f"{NOTES}/permanentDelete").status_code == 204
    assert (sandbox.get(NOTES[:-1], token).status_code, in_bin()) == (404, 0)
    sandbox.graph("DELETE", MINUTES[:-1], token)
    assert in_bin() > 0
    assert post(sandbox, token, f"{NOTES}/permanentDelete").status_code == 404


# Activity, labels, columns


def test_activity_counts_changes_and_downloads(sandbox: Sandbox, token: str) -> None:
    sandbox.control("POST", "/clock", {"freeze_at": "2026-06-01T08:00:00Z"})
    token = sandbox.token("Files.ReadWrite")
    put(sandbox, token, b"second")
    for _ in range(2):
        sandbox.get(f"{NOTES}/content", token)
    found = sandbox.get(f"{NOTES}/analytics?$expand=allTime,lastSevenDays", token).json()
    assert found["lastSevenDays"]["access"] == {"actionCount": 2, "actorCount": 1}
    assert found["lastSevenDays"]["edit"] == {"actionCount": 1, "actorCount": 1}
    assert "create" not in found["lastSevenDays"]
    assert found["allTime"]["create"]["actionCount"] == 1
    call = "getActivitiesByInterval(startDateTime='2026-05-30',endDateTime='2026-06-03',interval='day')"
    [day] = sandbox.get(f"{NOTES}/{call}", token).json()["value"]
    assert (day["startDateTime"], day["access"]["actionCount"]) == ("2026-06-01T00:00:00Z", 2)


@pytest.mark.parametrize(
    "arguments",
    ["startDateTime='2026-05-01',endDateTime='2026-06-01',interval='hour'",
     "startDateTime='2026-06-01',endDateTime='2026-05-01',interval='day'",
     "startDateTime='May',endDateTime='2026-06-01',interval='day'"],
    ids=["interval", "order", "date"],
)  # fmt: skip
def test_bad_intervals_are_400(sandbox: Sandbox, token: str, arguments: str) -> None:
    assert sandbox.get(f"{NOTES}/getActivitiesByInterval({arguments})", token).status_code == 400


def test_a_label_is_assigned_in_the_background_and_stands_in_the_file(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.ReadWrite.All")
    body = {"sensitivityLabelId": LABEL, "assignmentMethod": "standard"}
    monitor = post(sandbox, token, f"{MINUTES}/assignSensitivityLabel", body, 202).headers["Location"]
    assert sandbox.session.get(monitor).json()["status"] == "inProgress"
    assert sandbox.session.get(monitor).json()["status"] == "completed"
    [label] = post(sandbox, token, f"{MINUTES}/extractSensitivityLabels").json()["labels"]
    assert (label["sensitivityLabelId"], label["assignmentMethod"]) == (LABEL, "standard")
    post(sandbox, token, f"{MINUTES}/assignSensitivityLabel", {"sensitivityLabelId": ""}, 202)
    assert post(sandbox, token, f"{MINUTES}/extractSensitivityLabels").json()["labels"] == []


def test_labels_need_permissions_for_all_files_and_a_file_that_bears_them(
    sandbox: Sandbox, token: str
) -> None:
    assert post(sandbox, token, f"{MINUTES}/extractSensitivityLabels").status_code == 403
    everywhere = sandbox.token("Files.ReadWrite.All")
    assert post(sandbox, everywhere, f"{NOTES}/extractSensitivityLabels").status_code == 400
    for body in ({}, {"sensitivityLabelId": LABEL, "assignmentMethod": "magic"}):
        assert post(sandbox, everywhere, f"{MINUTES}/assignSensitivityLabel", body).status_code == 400


def test_a_file_has_a_row_in_its_library(sandbox: Sandbox, token: str) -> None:
    row = sandbox.get(f"{NOTES}/listItem?$expand=fields", token).json()
    assert (row["contentType"]["name"], row["fields"]["FileLeafRef"]) == ("Document", "Notes.txt")
    assert row["fields"]["id"] == row["id"]
    assert "fields" not in sandbox.get(f"{NOTES}/listItem", token).json()
    assert sandbox.get(f"{DRIVE}/root/listItem", token).status_code == 404


# Sharing


def test_a_link_can_be_opened_to_more_people(sandbox: Sandbox, token: str, colleague: str) -> None:
    made = post(sandbox, token, f"{NOTES}/createLink", {"type": "view", "scope": "users"}, 201).json()
    direct = in_drive(sandbox, token, NOTES[:-1])
    assert sandbox.get(direct, colleague).status_code == 403
    grant = f"/shares/{made['shareId']}/permission/grant"
    body = {"recipients": [{"email": COLLEAGUE}, {"email": "pat@elsewhere.example"}], "roles": ["read"]}
    [granted] = post(sandbox, token, grant, body, 200).json()["value"]
    assert granted["id"] == made["id"]
    assert len(granted["grantedToIdentitiesV2"]) == 2
    assert sandbox.get(direct, colleague).status_code == 200
    assert sandbox.get(f"/shares/{made['shareId']}/driveItem", colleague).status_code == 200
    post(sandbox, token, grant, body)
    listed = sandbox.get(f"{NOTES}/permissions/{made['id']}", token).json()
    assert len(listed["grantedToIdentitiesV2"]) == 2


def test_granting_needs_the_right_to_write_and_people(sandbox: Sandbox, token: str, colleague: str) -> None:
    made = post(sandbox, token, f"{NOTES}/createLink", {"type": "view", "scope": "organization"}).json()
    grant = f"/shares/{made['shareId']}/permission/grant"
    body = {"recipients": [{"email": COLLEAGUE}], "roles": ["read"]}
    assert post(sandbox, colleague, grant, body).status_code == 403
    assert post(sandbox, sandbox.token("Files.Read"), grant, body).status_code == 403
    assert post(sandbox, token, grant, {"recipients": [], "roles": ["read"]}).status_code == 400
    assert post(sandbox, token, grant, {**body, "roles": ["rule"]}).status_code == 400


def test_a_permission_gets_an_end_and_loses_it(sandbox: Sandbox, token: str) -> None:
    share_with_colleague(sandbox, token, NOTES)
    path = next(
        f"{NOTES}/permissions/{entry['id']}"
        for entry in sandbox.get(f"{NOTES}/permissions", token).json()["value"]
        if "owner" not in entry["roles"]
    )
    ending = {"expirationDateTime": "2099-01-01T00:00:00Z"}
    changed = sandbox.graph("PATCH", path, token, json=ending).json()
    assert (changed["expirationDateTime"], changed["roles"]) == ("2099-01-01T00:00:00Z", ["write"])
    assert (
        "expirationDateTime"
        not in sandbox.graph("PATCH", path, token, json={"expirationDateTime": None}).json()
    )
    assert sandbox.graph("PATCH", path, token, json={"id": "x"}).status_code == 400


# Search everywhere


def search(sandbox: Sandbox, text: str, token: str | None = None, **more: Any) -> requests.Response:
    asked = {"entityTypes": ["driveItem"], "query": {"queryString": text}, **more}
    return post(sandbox, token or sandbox.token("Files.Read.All"), "/search/query", {"requests": [asked]})


def names(answer: requests.Response) -> list[str]:
    [result] = answer.json()["value"]
    return [hit["resource"]["name"] for hit in result["hitsContainers"][0].get("hits", [])]


@pytest.mark.parametrize(
    ("text", "found"),
    [("budget", {"Budget.pdf", "march.txt"}), ("filetype:pdf", {"Budget.pdf"}), ('"Launch plan"', {"Launch plan"}),
     ("budget AND filetype:txt", {"march.txt"}), ("press filetype:csv", {"Contacts.csv"}),
     ("isDocument:false launch", {"Launch plan"}), ("LastModifiedTime>=2030-01-01", set())],
)  # fmt: skip
def test_a_query_finds_what_meets_all_its_conditions(sandbox: Sandbox, text: str, found: set[str]) -> None:
    assert set(names(search(sandbox, text))) == found


def test_a_search_reaches_only_what_its_user_can_open(sandbox: Sandbox, token: str) -> None:
    mine = search(sandbox, "Welcome").json()["value"][0]["hitsContainers"][0]
    assert mine["total"] == 1
    body = {
        "requests": [{"entityTypes": ["driveItem"], "query": {"queryString": "Welcome"}, "region": "EUR"}]
    }
    app = sandbox.token("Files.Read.All", user=None)
    everything = post(sandbox, app, "/search/query", body).json()["value"][0]["hitsContainers"][0]
    assert everything["total"] > 1
    assert search(sandbox, "Welcome", app).status_code == 400
    assert search(sandbox, "Welcome", token).status_code == 403


def test_the_last_changed_come_first_page_by_page(sandbox: Sandbox, token: str) -> None:
    put(sandbox, token, b"new")
    order = [{"name": "lastModifiedDateTime", "isDescending": True}]
    first = search(sandbox, "isDocument:true", sortProperties=order, size=2)
    assert names(first)[0] == "Notes.txt"
    assert first.json()["value"][0]["hitsContainers"][0]["moreResultsAvailable"]
    second = search(sandbox, "isDocument:true", sortProperties=order, size=2, **{"from": 2})
    assert len(names(second)) == 2
    assert not set(names(first)) & set(names(second))


def test_what_others_shared_with_a_person_can_be_searched_for(sandbox: Sandbox, token: str) -> None:
    share_with_colleague(sandbox, token, f"{DRIVE}/root:/Reports/2025:", "read")
    theirs = sandbox.token("Files.Read.All", user=COLLEAGUE)
    found = names(search(sandbox, f'SharedWithUsersOWSUSER:"{COLLEAGUE}"', theirs))
    assert set(found) == {"2025", "Budget.pdf", "march.txt"}
    assert names(search(sandbox, f'SharedWithUsersOWSUSER:"{USER}"')) == []


@pytest.mark.parametrize(
    "more",
    [{"entityTypes": ["message"]}, {"query": {}}, {"size": 0}, {"size": 501}, {"from": -1},
     {"sortProperties": [{"name": "colour"}]}, {"query": {"queryString": "colour:red"}},
     {"query": {"queryString": "LastModifiedTime>soon"}}],
)  # fmt: skip
def test_bad_searches_are_400(sandbox: Sandbox, more: dict[str, Any]) -> None:
    assert search(sandbox, "x", **more).status_code == 400
