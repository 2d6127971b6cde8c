"""Changes of mail folders: rounds, removals, tokens."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import IMMUTABLE, code, draft, key, mail_token

DRAFTS = "/me/mailFolders/drafts/messages/delta"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


def rounds(sandbox: Sandbox, token: str, path: str, **headers: str) -> tuple[list[Any], str]:
    """All entries of a round, and the link to the next."""
    entries: list[Any] = []
    while True:
        page = sandbox.get(path, token, **headers).json()
        entries += page["value"]
        if "@odata.deltaLink" in page:
            return entries, page["@odata.deltaLink"]
        path = page["@odata.nextLink"]


def test_the_first_round_brings_all_and_the_next_only_changes(sandbox: Sandbox, token: str) -> None:
    draft(sandbox, token, subject="One")
    entries, link = rounds(sandbox, token, f"{DRAFTS}?$select=subject", Prefer="odata.maxpagesize=1")
    assert "One" in [entry["subject"] for entry in entries]
    assert rounds(sandbox, token, link)[0] == []
    made = draft(sandbox, token, subject="Two")
    entries, _ = rounds(sandbox, token, link)
    assert [(entry["id"], entry["subject"]) for entry in entries] == [(made["id"], "Two")]
    assert "body" not in entries[0]


def test_a_message_that_leaves_the_folder_is_reported_under_the_id_it_had_there(
    sandbox: Sandbox, token: str
) -> None:
    moved, gone = draft(sandbox, token), draft(sandbox, token)
    _, link = rounds(sandbox, token, DRAFTS)
    sandbox.graph("POST", f"/me/messages/{key(moved)}/move", token, json={"destinationId": "archive"})
    sandbox.graph("POST", f"/me/messages/{key(gone)}/permanentDelete", token)
    entries, _ = rounds(sandbox, token, link)
    assert {entry["id"]: entry["@removed"]["reason"] for entry in entries} == {
        moved["id"]: "changed", gone["id"]: "deleted",
    }  # fmt: skip


def test_immutable_ids_are_the_same_on_both_sides_of_a_move(sandbox: Sandbox, token: str) -> None:
    made = sandbox.graph("POST", "/me/messages", token, json={"subject": "x"}, headers=IMMUTABLE).json()
    _, here = rounds(sandbox, token, DRAFTS, **IMMUTABLE)
    _, there = rounds(sandbox, token, DRAFTS.replace("drafts", "archive"), **IMMUTABLE)
    sandbox.graph("POST", f"/me/messages/{key(made)}/move", token, json={"destinationId": "archive"})
    left, came = rounds(sandbox, token, here, **IMMUTABLE)[0], rounds(sandbox, token, there, **IMMUTABLE)[0]
    assert [entry["id"] for entry in left] == [entry["id"] for entry in came] == [made["id"]]
    assert "@removed" in left[0]


@pytest.mark.parametrize("wanted", ["created", "updated", "deleted"])
def test_the_kind_of_change_can_be_chosen(sandbox: Sandbox, token: str, wanted: str) -> None:
    old, gone = draft(sandbox, token, subject="Old"), draft(sandbox, token, subject="Gone")
    _, link = rounds(sandbox, token, f"{DRAFTS}?changeType={wanted}")
    sandbox.control("POST", "/clock", {"advance_seconds": 5})
    new = draft(sandbox, token, subject="New")
    sandbox.graph("PATCH", f"/me/messages/{key(old)}", token, json={"subject": "Older"})
    sandbox.graph("DELETE", f"/me/messages/{key(gone)}", token)
    expected = {"created": new, "updated": old, "deleted": gone}[wanted]
    assert [entry["id"] for entry in rounds(sandbox, token, link)[0]] == [expected["id"]]


def test_only_a_filter_by_the_date_of_receipt_is_taken(sandbox: Sandbox, token: str) -> None:
    refused = sandbox.get(f"{DRAFTS}?$filter=isRead eq true", token)
    assert refused.status_code == 400
    later = sandbox.get(f"{DRAFTS}?$filter=receivedDateTime ge 2090-01-01T00:00:00Z", token).json()
    assert later["value"] == []


@pytest.mark.parametrize("with_location", [True, False])
def test_a_forgotten_token_is_gone(sandbox: Sandbox, token: str, with_location: bool) -> None:
    _, link = rounds(sandbox, token, DRAFTS)
    sandbox.switch(delta_410_location=with_location)
    sandbox.control("POST", "/delta-reset")
    answer = sandbox.get(link, token)
    assert code(answer) == (410, "SyncStateNotFound")
    assert ("Location" in answer.headers) is with_location


def test_a_token_of_one_folder_does_not_work_for_another(sandbox: Sandbox, token: str) -> None:
    _, link = rounds(sandbox, token, DRAFTS)
    assert sandbox.get(link.replace("drafts", "inbox"), token).status_code == 400


def test_new_folders_show_in_the_changes_of_folders(sandbox: Sandbox, token: str) -> None:
    _, link = rounds(sandbox, token, "/me/mailFolders/delta")
    sandbox.graph("POST", "/me/mailFolders", token, json={"displayName": "Fresh"})
    assert [entry["displayName"] for entry in rounds(sandbox, token, link)[0]] == ["Fresh"]
