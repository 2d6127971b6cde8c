"""Files and folders of the sandbox: addresses, names, folders, moves, versions, search."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
import requests

from .conftest import USER, Sandbox

ROOT = "/me/drive/root"
FAIL = "@microsoft.graph.conflictBehavior=fail"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite")


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def new_folder(
    sandbox: Sandbox, token: str, name: str, parent: str = ROOT, conflict: str | None = None
) -> requests.Response:
    body: dict[str, Any] = {"name": name, "folder": {}}
    if conflict:
        body["@microsoft.graph.conflictBehavior"] = conflict
    return sandbox.graph("POST", f"{parent}/children", token, json=body)


def new_file(sandbox: Sandbox, token: str, path: str, content: bytes = b"text") -> Any:
    answer = sandbox.graph("PUT", f"{ROOT}:/{quote(path)}:/content", token, data=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_item_is_the_same_under_all_its_addresses(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.Read.All")
    item = sandbox.get(f"{ROOT}:/Reports/2025/march.txt", token).json()
    drive_id, folder_id = item["parentReference"]["driveId"], item["parentReference"]["id"]
    for path in (
        f"/me/drive/items/{item['id']}", f"/users/{USER}/drive/items/{item['id']}",
        f"/drives/{drive_id}/items/{item['id']}", f"/drives/{drive_id}/items/{folder_id}:/march.txt",
        f"/drives/{drive_id}/items/{folder_id}:/march.txt:", f"/drives/{drive_id}/items/root:/Reports/2025/march.txt",
        f"/me/drive/items('{item['id']}')", f"{ROOT}:/reports/2025/MARCH.TXT:",
    ):  # fmt: skip
        found = sandbox.get(path, token).json()
        assert found["id"] == item["id"], path


def test_an_item_shows_place_author_version_and_hash(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Documents/Notes.txt", token).json()
    assert item["parentReference"]["path"] == f"/drives/{item['parentReference']['driveId']}/root:/Documents"
    assert item["createdBy"]["user"]["displayName"] == "Mina Okafor"
    assert item["webUrl"].endswith("/Documents/Documents/Notes.txt")
    assert item["file"]["mimeType"] == "text/plain"
    assert set(item["file"]["hashes"]) == {"quickXorHash"}
    assert item["eTag"] == item["@odata.etag"]
    assert not [name for name in item if name.startswith("_")]


def test_hashes_follow_the_switch(sandbox: Sandbox, token: str) -> None:
    new_file(sandbox, token, "abc.txt", b"abc")
    sandbox.switch(file_hashes=["sha256Hash"])
    hashes = sandbox.get(f"{ROOT}:/abc.txt", token).json()["file"]["hashes"]
    assert hashes == {"sha256Hash": "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"}
    sandbox.switch(file_hashes=[])
    assert "hashes" not in sandbox.get(f"{ROOT}:/abc.txt", token).json()["file"]


@pytest.mark.parametrize("path", ["/items/01UNKNOWN", "/root:/nothing.txt", "/root:/Welcome.txt/below.txt"])
def test_what_is_not_there_is_404(sandbox: Sandbox, token: str, path: str) -> None:
    assert refusal(sandbox.get(f"/me/drive{path}", token)) == (404, "itemNotFound")


def test_ids_are_case_sensitive(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    assert sandbox.get(f"/me/drive/items/{item['id'].lower()}", token).status_code == 404


def test_children_come_by_name_in_pages_that_follow_on(sandbox: Sandbox, token: str) -> None:
    names, url, pages = [], f"{ROOT}/children?$top=3&$select=name", 0
    while url:
        page = sandbox.get(url, token).json()
        names += [item["name"] for item in page["value"]]
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert names == ["Documents", "Pictures", "Reports", "Welcome.txt"]
    assert pages == 2


def test_children_of_200_items_are_one_page_by_default(sandbox: Sandbox, token: str) -> None:
    parent = new_folder(sandbox, token, "Many").json()["id"]
    for number in range(201):
        new_folder(sandbox, token, f"{number:03}", f"/me/drive/items/{parent}")
    page = sandbox.get(f"/me/drive/items/{parent}/children", token).json()
    assert len(page["value"]) == 200
    assert len(sandbox.get(page["@odata.nextLink"], token).json()["value"]) == 1


def test_children_can_be_sorted_by_some_properties_only(sandbox: Sandbox, token: str) -> None:
    page = sandbox.get(f"{ROOT}/children?$orderby=name desc", token).json()
    assert page["value"][0]["name"] == "Welcome.txt"
    assert refusal(sandbox.get(f"{ROOT}/children?$orderby=createdBy", token)) == (400, "invalidRequest")


def test_a_file_has_no_children(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{ROOT}:/Welcome.txt:/children", token).status_code == 400


def test_children_can_be_expanded_on_one_item(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Reports?$expand=children($select=name)", token).json()
    assert [child["name"] for child in item["children"]] == ["2025"]


def test_a_folder_is_created_with_201(sandbox: Sandbox, token: str) -> None:
    answer = new_folder(sandbox, token, "Plans", f"{ROOT}:/Documents:")
    assert answer.status_code == 201
    assert answer.json()["folder"] == {"childCount": 0}
    assert sandbox.get(f"{ROOT}:/Documents", token).json()["folder"] == {"childCount": 4}


@pytest.mark.parametrize("name", ["REPORTS", "reports"])
def test_a_folder_name_is_taken_in_any_case(sandbox: Sandbox, token: str, name: str) -> None:
    assert refusal(new_folder(sandbox, token, name)) == (409, "nameAlreadyExists")


def test_a_folder_is_renamed_or_kept_by_conflict_behavior(sandbox: Sandbox, token: str) -> None:
    renamed = new_folder(sandbox, token, "Reports", conflict="rename")
    assert (renamed.status_code, renamed.json()["name"]) == (201, "Reports 1")
    kept = new_folder(sandbox, token, "Reports", conflict="replace")
    assert (kept.status_code, kept.json()["folder"]["childCount"]) == (200, 1)
    assert refusal(new_folder(sandbox, token, "Welcome.txt", conflict="replace"))[0] == 409
    assert refusal(new_folder(sandbox, token, "Reports", conflict="merge")) == (400, "invalidRequest")


@pytest.mark.parametrize(
    "name",
    ['a"b', "a*b", "a:b", "a<b", "a>b", "a?b", "a/b", "a\\b", "a|b", " a", "a ", "a.", "~a", "CON", "_vti_x", "..", "",
     "x" * 256],
)  # fmt: skip
def test_forbidden_names_are_refused(sandbox: Sandbox, token: str, name: str) -> None:
    assert refusal(new_folder(sandbox, token, name)) == (400, "invalidRequest")


@pytest.mark.parametrize(
    "name", ["50% & more #1", "a+b", "it's", "ñandú", "新しい", "🎉", "a=b;c,d@e", "x" * 255]
)
def test_unusual_names_are_kept_and_found_by_path(sandbox: Sandbox, token: str, name: str) -> None:
    created = new_folder(sandbox, token, name).json()
    assert created["name"] == name
    assert sandbox.get(f"{ROOT}:/{quote(name, safe='')}", token).json()["id"] == created["id"]


def test_composed_and_decomposed_names_are_the_same(sandbox: Sandbox, token: str) -> None:
    composed = new_folder(sandbox, token, unicodedata.normalize("NFC", "Café")).json()
    decomposed = unicodedata.normalize("NFD", "Café")
    assert sandbox.get(f"{ROOT}:/{quote(decomposed)}", token).json()["id"] == composed["id"]
    assert refusal(new_folder(sandbox, token, decomposed))[0] == 409


def test_a_path_of_more_than_400_characters_is_refused(sandbox: Sandbox, token: str) -> None:
    path = "/".join(["x" * 200, "y" * 200])
    answer = sandbox.graph("PUT", f"{ROOT}:/{path}:/content", token, data=b"x")
    assert refusal(answer) == (400, "invalidRequest")


def test_a_rename_keeps_id_and_content_version(sandbox: Sandbox, token: str) -> None:
    before = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    answer = sandbox.graph("PATCH", f"/me/drive/items/{before['id']}", token, json={"name": "welcome.TXT"})
    after = answer.json()
    assert (answer.status_code, after["name"], after["id"]) == (200, "welcome.TXT", before["id"])
    assert after["cTag"] == before["cTag"]
    assert after["eTag"] != before["eTag"]


def test_a_move_by_id_and_by_path(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    target = sandbox.get(f"{ROOT}:/Documents", token).json()
    url = f"/me/drive/items/{item['id']}"
    moved = sandbox.graph("PATCH", url, token, json={"parentReference": {"id": target["id"]}}).json()
    assert moved["parentReference"]["id"] == target["id"]
    assert sandbox.get(f"{ROOT}:/Documents", token).json()["size"] == target["size"] + item["size"]
    body = {"parentReference": {"path": "/drive/root:/Reports/2025"}, "name": "hello.txt"}
    moved = sandbox.graph("PATCH", url, token, json=body).json()
    assert (moved["name"], moved["parentReference"]["name"]) == ("hello.txt", "2025")
    back = {"parentReference": {"path": "/drive/root:"}}
    assert sandbox.graph("PATCH", url, token, json=back).json()["parentReference"]["path"].endswith("/root:")


def test_a_move_to_another_drive_or_into_itself_is_refused(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.ReadWrite.All")
    library = sandbox.get("/sites/root/drive", token).json()["id"]
    reports = sandbox.get(f"{ROOT}:/Reports", token).json()["id"]
    inner = sandbox.get(f"{ROOT}:/Reports/2025", token).json()["id"]
    for reference in ({"driveId": library, "id": "root"}, {"id": inner}, {"id": reports}, {}):
        answer = sandbox.graph(
            "PATCH", f"/me/drive/items/{reports}", token, json={"parentReference": reference}
        )
        assert refusal(answer) == (400, "invalidRequest"), reference


def test_a_move_onto_a_taken_name_is_409_unless_it_renames(sandbox: Sandbox, token: str) -> None:
    new_file(sandbox, token, "Documents/Welcome.txt")
    body: dict[str, Any] = {"parentReference": {"path": "/drive/root:/Documents"}}
    url = f"{ROOT}:/Welcome.txt"
    assert refusal(sandbox.graph("PATCH", url, token, json=body)) == (409, "nameAlreadyExists")
    body["@microsoft.graph.conflictBehavior"] = "rename"
    assert sandbox.graph("PATCH", url, token, json=body).json()["name"] == "Welcome 1.txt"


def test_dates_of_the_device_can_be_set(sandbox: Sandbox, token: str) -> None:
    stamp = "2020-01-02T03:04:05Z"
    body = {"fileSystemInfo": {"lastModifiedDateTime": stamp}}
    assert sandbox.graph("PATCH", f"{ROOT}:/Welcome.txt", token, json=body).status_code == 200
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    assert item["fileSystemInfo"]["lastModifiedDateTime"] == stamp
    assert item["lastModifiedDateTime"] != stamp


@pytest.mark.parametrize("tag", ["eTag", "cTag"])
def test_if_match_accepts_the_tags_of_the_present_version(sandbox: Sandbox, token: str, tag: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    url, headers = f"/me/drive/items/{item['id']}", {"If-Match": item[tag]}
    assert sandbox.graph("PATCH", url, token, json={"name": "a.txt"}, headers=headers).status_code == 200
    new_file(sandbox, token, "b.txt")
    answer = sandbox.graph("DELETE", f"{ROOT}:/b.txt", token, headers=headers)
    assert refusal(answer) == (412, "resourceModified")


def test_a_deleted_folder_is_gone_with_all_below_it_and_fills_the_recycle_bin(
    sandbox: Sandbox, token: str
) -> None:
    folder = sandbox.get(f"{ROOT}:/Reports", token).json()
    inner = sandbox.get(f"{ROOT}:/Reports/2025/march.txt", token).json()
    answer = sandbox.graph("DELETE", f"/me/drive/items/{folder['id']}", token)
    assert (answer.status_code, answer.content) == (204, b"")
    for item in (folder, inner):
        assert sandbox.get(f"/me/drive/items/{item['id']}", token).status_code == 404
    assert sandbox.graph("DELETE", f"/me/drive/items/{folder['id']}", token).status_code == 404
    assert sandbox.get("/me/drive", token).json()["quota"]["deleted"] == folder["size"]
    assert new_folder(sandbox, token, "Reports").status_code == 201


def test_the_root_can_neither_go_nor_be_renamed(sandbox: Sandbox, token: str) -> None:
    assert sandbox.graph("DELETE", ROOT, token).status_code == 400
    assert sandbox.graph("PATCH", ROOT, token, json={"name": "Mine"}).status_code == 400


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("budget", ["Budget.pdf", "march.txt"]), ("MARCH.TXT", ["march.txt"]), ("revenue holds", ["march.txt"]),
        ("o''hara", ["O'Hara & Söhne, 100% #1.csv"]), ("nowhere", []),
    ],
)  # fmt: skip
def test_search_finds_names_and_texts(sandbox: Sandbox, token: str, words: str, names: list[str]) -> None:
    for path in (f"{ROOT}/search(q='{quote(words)}')", f"/me/drive/search(q='{quote(words)}')"):
        found = sandbox.get(path, token).json()["value"]
        assert sorted(item["name"] for item in found) == sorted(names)
        assert all("path" not in item["parentReference"] for item in found)


def test_search_keeps_to_its_folder_and_to_the_index(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{ROOT}:/Documents:/search(q='budget')", token).json()["value"] == []
    sandbox.switch(drive_search_delay_seconds=60)
    new_file(sandbox, token, "budget-new.txt")
    assert len(sandbox.get(f"{ROOT}/search(q='budget')", token).json()["value"]) == 2
    sandbox.control("POST", "/clock", {"advance_seconds": 61})
    assert len(sandbox.get(f"{ROOT}/search(q='budget')", token).json()["value"]) == 3


def test_lists_can_lag_behind_writes(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(read_after_write_delay_seconds=30)
    created = new_file(sandbox, token, "late.txt")
    assert sandbox.get(f"/me/drive/items/{created['id']}", token).status_code == 200
    names = [item["name"] for item in sandbox.get(f"{ROOT}/children", token).json()["value"]]
    assert "late.txt" not in names
    sandbox.control("POST", "/clock", {"advance_seconds": 31})
    names = [item["name"] for item in sandbox.get(f"{ROOT}/children", token).json()["value"]]
    assert "late.txt" in names


def test_a_request_without_folder_or_file_is_refused(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("POST", f"{ROOT}/children", token, json={"name": "x"})
    assert refusal(answer) == (400, "invalidRequest")
    empty = sandbox.graph("POST", f"{ROOT}/children", token, json={"name": "x.txt", "file": {}})
    assert (empty.status_code, empty.json()["size"]) == (201, 0)


def test_no_item_has_thumbnails(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{ROOT}:/Welcome.txt:/thumbnails", token).json()["value"] == []
    page = sandbox.get(f"{ROOT}/children?$expand=thumbnails", token).json()
    assert {len(item["thumbnails"]) for item in page["value"]} == {0}
