"""Changes of drives in the sandbox: rounds, tokens, deletions, resync."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import USER, Sandbox

DELTA = "/me/drive/root/delta"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite")


def round_of(sandbox: Sandbox, token: str, url: str = DELTA) -> tuple[list[dict[str, Any]], str]:
    """All entries of a round and its delta link."""
    entries = []
    while True:
        page = sandbox.get(url, token).json()
        entries += page["value"]
        if "@odata.deltaLink" in page:
            return entries, page["@odata.deltaLink"]
        url = page["@odata.nextLink"]


def put(sandbox: Sandbox, token: str, path: str, content: bytes = b"text") -> Any:
    return sandbox.graph("PUT", f"/me/drive/root:/{path}:/content", token, data=content).json()


def test_the_first_round_has_every_item_once_and_no_path(sandbox: Sandbox, token: str) -> None:
    entries, _ = round_of(sandbox, token, f"{DELTA}?$top=3")
    names = [entry["name"] for entry in entries]
    assert sorted(names) == sorted({*names})
    assert {"root", "Reports", "2025", "march.txt"} <= set(names)
    assert all("path" not in entry["parentReference"] for entry in entries)


def test_a_child_can_come_before_its_folder(sandbox: Sandbox, token: str) -> None:
    names = [entry["name"] for entry in round_of(sandbox, token)[0]]
    assert names.index("march.txt") < names.index("Reports")


def test_the_next_round_has_the_latest_state_and_the_folders_above(sandbox: Sandbox, token: str) -> None:
    _, link = round_of(sandbox, token)
    put(sandbox, token, "Reports/2025/june.txt")
    put(sandbox, token, "Reports/2025/june.txt", b"longer text")
    entries, link = round_of(sandbox, token, link)
    assert [entry["name"] for entry in entries] == ["june.txt", "2025", "Reports", "root"]
    assert entries[0]["size"] == len(b"longer text")
    assert round_of(sandbox, token, link)[0] == []


def test_links_carry_their_token_as_token(sandbox: Sandbox, token: str) -> None:
    page = sandbox.get(f"{DELTA}?$top=2", token).json()
    assert "/delta?token=" in page["@odata.nextLink"]
    assert len(page["value"]) == 2
    _, link = round_of(sandbox, token)
    value = link.partition("?token=")[2]
    put(sandbox, token, "new.txt")
    entries, _ = round_of(sandbox, token, f"{DELTA}(token='{value}')")
    assert "new.txt" in [entry["name"] for entry in entries]


def test_latest_starts_without_the_present_items(sandbox: Sandbox, token: str) -> None:
    entries, link = round_of(sandbox, token, f"{DELTA}?token=latest")
    assert entries == []
    put(sandbox, token, "new.txt")
    assert "new.txt" in [entry["name"] for entry in round_of(sandbox, token, link)[0]]


def test_deleted_items_have_the_deleted_facet_and_no_name(sandbox: Sandbox, token: str) -> None:
    _, link = round_of(sandbox, token)
    folder = sandbox.get("/me/drive/root:/Reports", token).json()["id"]
    inner = sandbox.get("/me/drive/root:/Reports/2025", token).json()["id"]
    sandbox.graph("DELETE", f"/me/drive/items/{folder}", token)
    entries, _ = round_of(sandbox, token, link)
    deleted = {entry["id"]: entry for entry in entries if "deleted" in entry}
    assert {folder, inner} <= set(deleted)
    assert deleted[folder]["deleted"] == {"state": "deleted"}
    assert "name" not in deleted[folder]


def test_sharing_does_not_show_as_a_change(sandbox: Sandbox, token: str) -> None:
    _, link = round_of(sandbox, token)
    sandbox.graph("POST", "/me/drive/root:/Welcome.txt:/createLink", token, json={"type": "view"})
    assert round_of(sandbox, token, link)[0] == []


@pytest.mark.parametrize("code", ["resyncRequired", "resyncChangesApplyDifferences"])
def test_old_tokens_are_410_with_a_fresh_start(sandbox: Sandbox, token: str, code: str) -> None:
    _, link = round_of(sandbox, token)
    sandbox.switch(drive_resync_code=code)
    sandbox.control("POST", "/delta-reset")
    answer = sandbox.get(link, token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, code)
    entries, _ = round_of(sandbox, token, answer.headers["Location"])
    assert "root" in [entry["name"] for entry in entries]


def test_a_410_can_come_without_a_location(sandbox: Sandbox, token: str) -> None:
    _, link = round_of(sandbox, token)
    sandbox.switch(delta_410_location=False)
    sandbox.control("POST", "/clock", {"advance_seconds": 8 * 86_400})
    answer = sandbox.get(link, sandbox.token("Files.Read"))
    assert answer.status_code == 410
    assert "Location" not in answer.headers


def test_tokens_of_another_user_and_no_tokens_are_refused(sandbox: Sandbox, token: str) -> None:
    _, link = round_of(sandbox, token)
    other = sandbox.token("Files.ReadWrite", user="avery.stone@fabrikoast.example")
    assert sandbox.get(link, other).status_code == 400
    assert sandbox.get(f"{DELTA}?token=rubbish", token).status_code == 400


def test_changes_are_tracked_from_the_root_only(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get("/me/drive/root:/Reports:/delta", token).status_code == 400
    everywhere = sandbox.token("Files.Read.All", user=None)
    assert sandbox.get(f"/users/{USER}/drive/root/delta", everywhere).status_code == 200
