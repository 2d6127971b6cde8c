"""Sites of the sandbox with their lists, columns, items and content types, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import code

ROOT = "/sites/root"
SUPPLIERS = f"{ROOT}/lists/Suppliers"

UNINDEXED = "HonorNonIndexedQueriesWarningMayFailRandomly"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Sites.Manage.All")


def values(sandbox: Sandbox, token: str, path: str, **more: Any) -> list[Any]:
    answer = sandbox.graph("GET", path, token, **more)
    assert answer.ok, answer.text
    found: list[Any] = answer.json()["value"]
    return found


def create(sandbox: Sandbox, token: str, path: str, body: Any) -> Any:
    answer = sandbox.graph("POST", path, token, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


# Sites


def test_a_site_shows_the_sites_below_it(sandbox: Sandbox, token: str) -> None:
    [below] = values(sandbox, token, f"{ROOT}/sites")
    assert below["displayName"] == "People and Culture"
    assert values(sandbox, token, f"/sites/{below['id']}/sites") == []


def test_people_follow_the_sites_of_their_groups(sandbox: Sandbox, token: str) -> None:
    reading = sandbox.token("Sites.Read.All")
    assert [site["name"] for site in values(sandbox, reading, "/me/followedSites")] == ["launch"]
    assert sandbox.get("/me/followedSites", sandbox.token("Files.Read.All")).status_code == 403


def test_a_library_is_read_through_its_site_only(sandbox: Sandbox) -> None:
    token = sandbox.token("Files.Read.All")
    [library] = values(sandbox, token, f"{ROOT}/drives")
    assert sandbox.get(f"{ROOT}/drives/{library['id']}", token).json()["name"] == library["name"]
    assert code(sandbox.get(f"{ROOT}/drives/none", token)) == (404, "itemNotFound")
    assert sandbox.get(f"{ROOT}/drives/{library['id']}", sandbox.token("Files.Read")).status_code == 403


# Lists


def test_lists_are_created_changed_and_deleted(sandbox: Sandbox, token: str) -> None:
    body = {
        "displayName": "Books",
        "list": {"template": "genericList"},
        "columns": [{"name": "Writer", "text": {}}],
    }
    made = create(sandbox, token, f"{ROOT}/lists", body)
    assert made["list"]["template"] == "genericList"
    path = f"{ROOT}/lists/{made['id']}"
    columns = [column["name"] for column in values(sandbox, token, f"{path}/columns")]
    assert columns[0] == "Title"
    assert "Writer" in columns
    again = sandbox.graph("POST", f"{ROOT}/lists", token, json=body)
    assert code(again) == (409, "nameAlreadyExists")
    changed = sandbox.graph(
        "PATCH", path, token, json={"displayName": "Library", "description": "Ours"}
    ).json()
    assert (changed["displayName"], changed["description"]) == ("Library", "Ours")
    assert changed["eTag"] != made["eTag"]
    assert sandbox.get(f"{ROOT}/lists/Library", token).json()["id"] == made["id"]
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "itemNotFound")


@pytest.mark.parametrize(
    "body", [{}, {"displayName": " "}, {"displayName": "A", "list": {"template": "none"}}, {"color": "red"}]
)
def test_a_list_that_is_none_is_refused(sandbox: Sandbox, token: str, body: Any) -> None:
    assert sandbox.graph("POST", f"{ROOT}/lists", token, json=body).status_code == 400


def test_lists_need_the_permission_for_what_is_done(sandbox: Sandbox) -> None:
    reading, writing = sandbox.token("Sites.Read.All"), sandbox.token("Sites.ReadWrite.All")
    assert sandbox.get(f"{ROOT}/lists", reading).ok
    assert (
        sandbox.graph("POST", f"{SUPPLIERS}/items", reading, json={"fields": {"Title": "A"}}).status_code
        == 403
    )
    assert sandbox.graph("POST", f"{SUPPLIERS}/items", writing, json={"fields": {"Title": "A"}}).ok
    assert sandbox.graph("POST", f"{ROOT}/lists", writing, json={"displayName": "A"}).status_code == 403


def test_a_site_that_cannot_be_seen_keeps_its_lists_to_itself(sandbox: Sandbox, token: str) -> None:
    launch = "/sites/fabrikoast.sharepoint.example:/sites/launch"
    site = sandbox.get(launch, token).json()["id"]
    guest = sandbox.token("Sites.Manage.All", user="onprem.weber@fabrikoast.example")
    assert sandbox.get(f"/sites/{site}/lists", token).ok
    assert sandbox.get(f"/sites/{site}/lists", guest).status_code == 403


# Columns


@pytest.mark.parametrize("place", [ROOT, SUPPLIERS])
def test_columns_are_created_changed_and_deleted(sandbox: Sandbox, token: str, place: str) -> None:
    path = f"{place}/columns"
    kind = {"choices": ["A", "B"], "displayAs": "checkBoxes"}
    made = create(sandbox, token, path, {"name": "Group", "choice": kind})
    assert (made["type"], made["displayName"], made["choice"]) == ("multichoice", "Group", kind)
    again = sandbox.graph("POST", path, token, json={"name": "group", "text": {}})
    assert code(again) == (409, "nameAlreadyExists")
    one = f"{path}/{made['id']}"
    changed = sandbox.graph("PATCH", one, token, json={"displayName": "Groups", "required": True}).json()
    assert (changed["displayName"], changed["required"], changed["type"]) == ("Groups", True, "multichoice")
    assert sandbox.get(f"{path}/Group", token).json() | {"@odata.context": ""} == changed | {
        "@odata.context": ""
    }
    assert sandbox.graph("PATCH", one, token, json={"number": {}}).status_code == 400
    assert sandbox.graph("DELETE", one, token).status_code == 204
    assert sandbox.get(one, token).status_code == 404
    assert sandbox.graph("DELETE", f"{path}/Title", token).status_code == 403


def test_a_column_has_one_type(sandbox: Sandbox, token: str) -> None:
    body = {"name": "Both", "text": {}, "number": {}}
    assert sandbox.graph("POST", f"{SUPPLIERS}/columns", token, json=body).status_code == 400


def test_the_values_go_with_their_column(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{SUPPLIERS}/items/1", token).json()["fields"]["City"] == "Berlin"
    sandbox.graph("DELETE", f"{SUPPLIERS}/columns/City", token)
    assert "City" not in sandbox.get(f"{SUPPLIERS}/items/1", token).json()["fields"]


# Items


def test_an_item_is_created_changed_and_deleted(sandbox: Sandbox, token: str) -> None:
    made = create(
        sandbox, token, f"{SUPPLIERS}/items", {"fields": {"Title": "Delta", "City": "Oslo", "Rating": 3}}
    )
    assert made["contentType"]["name"] == "Item"
    path = f"{SUPPLIERS}/items/{made['id']}"
    fields = sandbox.graph("PATCH", f"{path}/fields", token, json={"Rating": 4, "City": None}).json()
    assert (fields["Title"], fields["Rating"], "City" in fields) == ("Delta", 4, False)
    item = sandbox.get(path, token).json()
    assert item["fields"]["Rating"] == 4
    assert item["eTag"] != made["eTag"]
    stale = sandbox.graph(
        "PATCH", f"{path}/fields", token, json={"Rating": 1}, headers={"If-Match": made["eTag"]}
    )
    assert code(stale) == (412, "resourceModified")
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "itemNotFound")


@pytest.mark.parametrize(
    "fields", [{"Colour": "red"}, {"Rating": "five"}, {"Created": "2026-01-01T00:00:00Z"}, {"Rating": True}]
)
def test_values_must_fit_the_columns(sandbox: Sandbox, token: str, fields: Any) -> None:
    answer = sandbox.graph("POST", f"{SUPPLIERS}/items", token, json={"fields": fields})
    assert code(answer) == (400, "invalidRequest")
    changing = sandbox.graph("PATCH", f"{SUPPLIERS}/items/1/fields", token, json=fields)
    assert code(changing) == (400, "invalidRequest")


def test_a_unique_value_stands_once(sandbox: Sandbox, token: str) -> None:
    create(
        sandbox, token, f"{SUPPLIERS}/columns", {"name": "Number", "text": {}, "enforceUniqueValues": True}
    )
    create(sandbox, token, f"{SUPPLIERS}/items", {"fields": {"Title": "A", "Number": "7"}})
    again = sandbox.graph("POST", f"{SUPPLIERS}/items", token, json={"fields": {"Title": "B", "Number": "7"}})
    assert again.status_code == 400


def test_a_listing_has_values_only_when_they_are_expanded(sandbox: Sandbox, token: str) -> None:
    assert "fields" not in values(sandbox, token, f"{SUPPLIERS}/items")[0]
    [first, *_] = values(sandbox, token, f"{SUPPLIERS}/items?$expand=fields(select=Title,City)&$select=id")
    assert first["fields"]["Title"] == "Adler & Sons"
    assert "Rating" not in first["fields"]
    assert "webUrl" not in first


def test_a_condition_on_a_column_without_index_must_be_accepted(sandbox: Sandbox, token: str) -> None:
    path = f"{SUPPLIERS}/items?$expand=fields&$filter="
    berlin = values(sandbox, token, f"{path}fields/City eq 'Berlin'")
    assert [item["fields"]["Title"] for item in berlin] == ["Adler & Sons", "Cobalt"]
    refused = sandbox.get(f"{path}fields/Rating gt 3", token)
    assert code(refused) == (400, "invalidRequest")
    good = values(sandbox, token, f"{path}fields/Rating gt 3", headers={"Prefer": UNINDEXED})
    assert [item["fields"]["Rating"] for item in good] == [4, 5]


def test_items_come_in_pages(sandbox: Sandbox, token: str) -> None:
    page = sandbox.get(f"{SUPPLIERS}/items?$top=2", token).json()
    rest = sandbox.get(page["@odata.nextLink"], token).json()
    assert [item["id"] for item in page["value"] + rest["value"]] == ["1", "2", "3"]


def test_changes_of_items_are_followed(sandbox: Sandbox, token: str) -> None:
    first = sandbox.get(f"{SUPPLIERS}/items/delta?$expand=fields", token).json()
    assert [item["fields"]["Title"] for item in first["value"]] == ["Adler & Sons", "Blue Harbour", "Cobalt"]
    sandbox.graph("PATCH", f"{SUPPLIERS}/items/1/fields", token, json={"Rating": 1})
    sandbox.graph("DELETE", f"{SUPPLIERS}/items/2", token)
    changed, removed = sandbox.get(first["@odata.deltaLink"], token).json()["value"]
    assert changed["fields"]["Rating"] == 1
    assert removed == {"id": "2", "deleted": {"state": "deleted"}}
    latest = sandbox.get(f"{SUPPLIERS}/items/delta?token=latest", token).json()
    assert latest["value"] == []
    assert code(sandbox.get(f"{SUPPLIERS}/items/delta?$expand=versions", token)) == (400, "invalidRequest")


# Content types


def test_content_types_are_created_given_to_a_list_and_deleted(sandbox: Sandbox, token: str) -> None:
    path = f"{ROOT}/contentTypes"
    body = {"name": "Offer", "description": "What it costs", "base": {"id": "0x01"}}
    made = create(sandbox, token, path, body)
    assert made["id"].startswith("0x0100")
    assert made["parentId"] == "0x01"
    assert code(sandbox.graph("POST", path, token, json=body)) == (409, "nameAlreadyExists")
    copy = sandbox.graph(
        "POST", f"{SUPPLIERS}/contentTypes/addCopy", token, json={"contentType": made["id"]}
    ).json()
    assert (copy["name"], copy["parentId"]) == ("Offer", made["id"])
    assert "Offer" in [each["name"] for each in values(sandbox, token, f"{SUPPLIERS}/contentTypes")]
    item = {"fields": {"Title": "A"}, "contentType": {"id": copy["id"]}}
    assert create(sandbox, token, f"{SUPPLIERS}/items", item)["contentType"]["name"] == "Offer"
    assert code(sandbox.graph("DELETE", f"{path}/{made['id']}", token)) == (409, "resourceInUse")
    unused = create(sandbox, token, path, {"name": "Note", "base": {"name": "Item"}})
    assert sandbox.graph("DELETE", f"{path}/{unused['id']}", token).status_code == 204
    assert sandbox.get(f"{path}/{unused['id']}", token).status_code == 404


@pytest.mark.parametrize(
    "body", [{"base": {"id": "0x01"}}, {"name": "A"}, {"name": "A", "base": {"id": "0x01"}, "x": 1}]
)
def test_a_content_type_that_is_none_is_refused(sandbox: Sandbox, token: str, body: Any) -> None:
    assert sandbox.graph("POST", f"{ROOT}/contentTypes", token, json=body).status_code == 400


def test_content_types_of_sharepoint_stay(sandbox: Sandbox, token: str) -> None:
    assert sandbox.graph("DELETE", f"{ROOT}/contentTypes/0x0101", token).status_code == 403
