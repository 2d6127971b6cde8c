"""The people around a user in the sandbox, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, code, key


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("People.Read")


def people(sandbox: Sandbox, token: str, path: str = "/me/people", **query: str) -> list[Any]:
    answer = sandbox.graph("GET", path, token, params={"$top": "1000", **query})
    assert answer.ok, answer.text
    found: list[Any] = answer.json()["value"]
    return found


def test_colleagues_come_before_contacts_and_oneself_is_not_there(sandbox: Sandbox, token: str) -> None:
    found = people(sandbox, token)
    kinds = [person["personType"]["subclass"] for person in found]
    assert kinds == sorted(kinds)
    assert set(kinds) == {"OrganizationUser", "PersonalContact"}
    scores = [person["scoredEmailAddresses"][0]["relevanceScore"] for person in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0]["department"] == "Sales"
    assert "Mina Okafor" not in [person["displayName"] for person in found]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lu", "Luis Brandt"),
        ('"brandt"', "Luis Brandt"),
        ("rosa@", "Rosa Vidal"),
        ('"luis br"', "Luis Brandt"),
    ],
)
def test_people_are_found_by_the_start_of_a_name_or_an_address(
    sandbox: Sandbox, token: str, text: str, name: str
) -> None:
    assert [person["displayName"] for person in people(sandbox, token, **{"$search": text})] == [name]


def test_people_are_filtered_selected_and_paged(sandbox: Sandbox, token: str) -> None:
    kind = {"$filter": "personType/class eq 'Person' and personType/subclass eq 'PersonalContact'"}
    chosen = people(sandbox, token, **kind, **{"$select": "displayName"})
    assert chosen[0].keys() == {"id", "displayName"}
    first = sandbox.get("/me/people?$top=2", token).json()
    second = sandbox.get(first["@odata.nextLink"], token).json()
    listed = [person["id"] for person in people(sandbox, token)]
    assert [person["id"] for person in first["value"] + second["value"]] == listed[:4]
    assert sandbox.get("/me/people?$top=1001", token).status_code == 400


def test_one_person_is_read_by_id(sandbox: Sandbox, token: str) -> None:
    for person in people(sandbox, token):
        assert sandbox.get(f"/me/people/{key(person)}", token).json()["id"] == person["id"]
    assert code(sandbox.get("/me/people/nobody", token)) == (404, "ErrorItemNotFound")


def test_a_new_contact_is_among_the_people(sandbox: Sandbox, token: str) -> None:
    contact = {"displayName": "Ann Lee", "emailAddresses": [{"address": "ann@contoso.com"}]}
    sandbox.graph("POST", "/me/contacts", sandbox.token("Contacts.ReadWrite"), json=contact)
    assert people(sandbox, token, **{"$search": "ann"})[0]["personType"]["subclass"] == "PersonalContact"


def test_the_people_of_others_need_the_wider_permission(sandbox: Sandbox, token: str) -> None:
    path = f"/users/{LUIS}/people"
    assert code(sandbox.get(path, token)) == (403, "ErrorAccessDenied")
    for wider in (sandbox.token("People.Read.All"), sandbox.token("People.Read.All", user=None)):
        assert "Mina Okafor" in [person["displayName"] for person in people(sandbox, wider, path)]
    assert sandbox.get("/me/people", sandbox.token("User.Read")).status_code == 403
