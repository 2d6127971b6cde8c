"""Contacts and contact folders of the sandbox, over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import IMMUTABLE, LUIS, OFFICE, code, key

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ANN = {"givenName": "Ann", "surname": "Lee", "emailAddresses": [{"address": "ann@contoso.com"}]}


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Contacts.ReadWrite")


def create(sandbox: Sandbox, token: str, path: str = "/me/contacts", **properties: Any) -> Any:
    answer = sandbox.graph("POST", path, token, json={**ANN, **properties})
    assert answer.status_code == 201, answer.text
    return answer.json()


def names(sandbox: Sandbox, token: str, path: str = "/me/contacts", **query: str) -> list[str]:
    answer = sandbox.graph("GET", path, token, params={"$top": "100", **query})
    assert answer.ok, answer.text
    return [item["displayName"] for item in answer.json()["value"]]


def supplier_folder(sandbox: Sandbox, token: str) -> str:
    return "/me/contactFolders/" + key(sandbox.get("/me/contactFolders", token).json()["value"][0])


def test_the_default_folder_and_the_others_are_listed_apart(sandbox: Sandbox, token: str) -> None:
    assert names(sandbox, token) == ["Rosa Vidal", "Ken Arai", "Fatou Diop"]
    assert names(sandbox, token, "/me/contactFolders") == ["Suppliers"]
    folder = supplier_folder(sandbox, token)
    assert names(sandbox, token, f"{folder}/contacts") == ["Paper & Ink"]
    assert names(sandbox, token, f"{folder}/childFolders") == ["Former suppliers"]
    assert sandbox.get("/me/contactFolders/contacts", token).json()["displayName"] == "Contacts"


def test_outlook_makes_the_names_that_are_not_given(sandbox: Sandbox, token: str) -> None:
    made = create(sandbox, token)
    assert (made["displayName"], made["fileAs"]) == ("Ann Lee", "Lee, Ann")
    assert made["emailAddresses"] == [{"name": "ann@contoso.com", "address": "ann@contoso.com"}]
    assert made["primaryEmailAddress"]["address"] == "ann@contoso.com"


def test_a_change_replaces_lists_and_leaves_the_rest(sandbox: Sandbox, token: str) -> None:
    path = f"/me/contacts/{key(create(sandbox, token, businessPhones=['1', '2']))}"
    changed = sandbox.graph("PATCH", path, token, json={"businessPhones": ["3"], "jobTitle": "Owner"}).json()
    assert (changed["businessPhones"], changed["givenName"]) == (["3"], "Ann")
    assert sandbox.get(path, token).json()["jobTitle"] == "Owner"


def test_one_address_by_itself_goes_to_its_place_in_the_list(sandbox: Sandbox, token: str) -> None:
    path = f"/me/contacts/{key(create(sandbox, token))}"
    second = {"address": "lee@contoso.com", "name": "Lee"}
    changed = sandbox.graph("PATCH", path, token, json={"secondaryEmailAddress": second}).json()
    assert changed["emailAddresses"][1] == second
    changed = sandbox.graph("PATCH", path, token, json={"primaryEmailAddress": None}).json()
    assert changed["emailAddresses"] == [second]


@pytest.mark.parametrize(
    "body",
    [
        {"misspelt": 1}, {"givenName": 1}, {"businessPhones": "1"}, {"emailAddresses": ["ann@contoso.com"]},
        {"birthday": "yesterday"},
    ],
)  # fmt: skip
def test_what_is_no_contact_is_refused(sandbox: Sandbox, token: str, body: Any) -> None:
    assert code(sandbox.graph("POST", "/me/contacts", token, json=body)) == (400, "RequestBodyRead")


def test_contacts_are_deleted_in_both_ways(sandbox: Sandbox, token: str) -> None:
    for verb, more in (("DELETE", ""), ("POST", "/permanentDelete")):
        path = f"/me/contacts/{key(create(sandbox, token))}"
        assert sandbox.graph(verb, path + more, token).status_code == 204
        assert code(sandbox.get(path, token)) == (404, "ErrorItemNotFound")
    assert "Ann Lee" not in names(sandbox, token)


def test_contacts_are_found_by_the_start_of_a_name_or_an_address(sandbox: Sandbox, token: str) -> None:
    create(sandbox, token)
    by_text = "startswith(displayName,'{0}') or emailAddresses/any(a:a/address eq '{0}')"
    assert names(sandbox, token, **{"$filter": by_text.format("Ann")}) == ["Ann Lee"]
    assert names(sandbox, token, **{"$filter": by_text.format("ann@contoso.com")}) == ["Ann Lee"]
    refused = sandbox.graph("GET", "/me/contacts", token, params={"$filter": "contains(displayName,'nn')"})
    assert code(refused) == (400, "ErrorInvalidUrlQueryFilter")


def test_a_contact_is_found_by_an_extended_property(sandbox: Sandbox, token: str) -> None:
    name = "String {00020329-0000-0000-C000-000000000046} Name Mark"
    create(sandbox, token, singleValueExtendedProperties=[{"id": name, "value": "7"}])
    mark = f"singleValueExtendedProperties/any(p:p/id eq '{name}' and p/value eq '7')"
    assert names(sandbox, token, **{"$filter": mark}) == ["Ann Lee"]


def test_a_photo_comes_back_as_it_was_put(sandbox: Sandbox, token: str) -> None:
    path = f"/me/contacts/{key(create(sandbox, token))}/photo"
    assert code(sandbox.get(f"{path}/$value", token)) == (404, "ImageNotFound")
    headers = {"Content-Type": "image/png"}
    put = sandbox.graph("PUT", f"{path}/$value", token, data=PNG, headers=headers)
    assert (put.status_code, put.content) == (200, b"")
    assert sandbox.get(path, token).json()["@odata.mediaContentType"] == "image/png"
    read = sandbox.get(f"{path}/$value", token)
    assert (read.content, read.headers["Content-Type"]) == (PNG, "image/png")
    no_picture = sandbox.graph("PUT", f"{path}/$value", token, data=b"hello", headers=headers)
    assert code(no_picture) == (400, "ErrorInvalidImage")
    too_large = PNG + bytes(4 * 1024 * 1024)
    assert sandbox.graph("PUT", f"{path}/$value", token, data=too_large, headers=headers).status_code == 413


def test_immutable_ids_survive_a_move_to_another_folder(sandbox: Sandbox, token: str) -> None:
    changing, folder = create(sandbox, token), supplier_folder(sandbox, token)
    lasting = sandbox.get(f"/me/contacts/{key(changing)}", token, **IMMUTABLE).json()
    target = sandbox.get(folder, token).json()["id"]
    moved = sandbox.graph("PATCH", f"/me/contacts/{key(lasting)}", token, json={"parentFolderId": target})
    assert moved.json()["parentFolderId"] == target
    assert names(sandbox, token, f"{folder}/contacts") == ["Paper & Ink", "Ann Lee"]
    assert sandbox.get(f"/me/contacts/{key(lasting)}", token).status_code == 200
    assert sandbox.get(f"/me/contacts/{key(changing)}", token).status_code == 404


@pytest.mark.parametrize("in_folder", [False, True])
def test_delta_tells_what_came_changed_and_went(sandbox: Sandbox, token: str, in_folder: bool) -> None:
    where = f"{supplier_folder(sandbox, token)}/contacts" if in_folder else "/me/contacts"
    first = sandbox.get(f"{where}/delta", token).json()
    assert len(first["value"]) == (1 if in_folder else 3)
    gone, changed, new = first["value"][0], create(sandbox, token, where), create(sandbox, token, where)
    assert sandbox.graph("DELETE", f"/me/contacts/{key(gone)}", token).status_code == 204
    sandbox.graph("PATCH", f"/me/contacts/{key(changed)}", token, json={"title": "Dr"})
    entries = sandbox.get(first["@odata.deltaLink"], token).json()["value"]
    assert [entry["id"] for entry in entries] == [new["id"], gone["id"], changed["id"]]
    assert (entries[1]["@removed"], entries[2]["title"]) == ({"reason": "deleted"}, "Dr")


def test_folders_are_created_renamed_moved_and_deleted(sandbox: Sandbox, token: str) -> None:
    parent = supplier_folder(sandbox, token)
    delta = sandbox.get("/me/contactFolders/delta", token).json()
    made = sandbox.graph("POST", "/me/contactFolders", token, json={"displayName": "Press"})
    assert made.status_code == 201
    again = sandbox.graph("POST", "/me/contactFolders", token, json={"displayName": "press"})
    assert code(again) == (409, "ErrorFolderExists")
    inner = sandbox.graph("POST", f"{parent}/childFolders", token, json={"displayName": "Press"}).json()
    path = f"/me/contactFolders/{key(inner)}"
    assert sandbox.graph("PATCH", path, token, json={"displayName": "Paper"}).json()["displayName"] == "Paper"
    body = {"parentFolderId": made.json()["id"]}
    assert sandbox.graph("PATCH", path, token, json=body).json()["parentFolderId"] == made.json()["id"]
    create(sandbox, token, f"{path}/contacts")
    assert sandbox.graph("DELETE", f"/me/contactFolders/{key(made.json())}", token).status_code == 204
    assert sandbox.get(path, token).status_code == 404
    removed = sandbox.get(delta["@odata.deltaLink"], token).json()["value"]
    assert {entry["id"] for entry in removed if "@removed" in entry} == {inner["id"], made.json()["id"]}
    assert sandbox.graph("POST", f"{parent}/permanentDelete", token).status_code == 204
    assert names(sandbox, token, "/me/contactFolders") == []


def test_the_default_folder_stays_as_it_is(sandbox: Sandbox, token: str) -> None:
    path = "/me/contactFolders/contacts"
    assert code(sandbox.graph("DELETE", path, token)) == (403, "ErrorDeleteDistinguishedFolder")
    assert sandbox.graph("PATCH", path, token, json={"displayName": "People"}).status_code == 403
    assert code(sandbox.graph("POST", "/me/contactFolders", token, json={})) == (400, "ErrorInvalidRequest")


def test_reading_does_not_open_writing(sandbox: Sandbox) -> None:
    reader = sandbox.token("Contacts.Read")
    assert names(sandbox, reader)
    assert code(sandbox.graph("POST", "/me/contacts", reader, json=ANN)) == (403, "ErrorAccessDenied")
    mail = sandbox.token("Mail.ReadWrite")
    assert code(sandbox.get("/me/contacts", mail)) == (403, "ErrorAccessDenied")


def test_the_contacts_of_others_need_the_shared_permission_and_their_trust(sandbox: Sandbox) -> None:
    own, shared = sandbox.token("Contacts.ReadWrite"), sandbox.token("Contacts.ReadWrite.Shared")
    office = f"/users/{OFFICE}/contacts"
    assert code(sandbox.get(office, own)) == (403, "ErrorAccessDenied")
    create(sandbox, shared, office)
    assert names(sandbox, shared)
    assert "Ann Lee" in names(sandbox, shared, office)
    assert code(sandbox.get(f"/users/{LUIS}/contacts", shared)) == (403, "ErrorAccessDenied")


def test_an_app_without_user_reads_every_mailbox(sandbox: Sandbox) -> None:
    app = sandbox.token("Contacts.ReadWrite", user=None)
    create(sandbox, app, f"/users/{LUIS}/contacts")
    assert "Ann Lee" in names(sandbox, app, f"/users/{LUIS}/contacts")
    assert sandbox.get("/me/contacts", app).status_code == 400
