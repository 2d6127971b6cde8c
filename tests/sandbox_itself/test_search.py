"""The search over sites, lists and files in the sandbox, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox

NOT_A_MEMBER = "onprem.weber@fabrikoast.example"


def found(sandbox: Sandbox, token: str, text: str, *kinds: str, **more: Any) -> Any:
    asked = {"entityTypes": list(kinds), "query": {"queryString": text}, **more}
    answer = sandbox.graph("POST", "/search/query", token, json={"requests": [asked]})
    assert answer.ok, answer.text
    return answer.json()["value"][0]["hitsContainers"][0]


def names(container: Any, name: str = "displayName") -> list[str]:
    return [hit["resource"][name] for hit in container.get("hits", ())]


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Sites.Read.All")


def test_sites_lists_and_libraries_are_found_by_their_words(sandbox: Sandbox, token: str) -> None:
    assert names(found(sandbox, token, "people", "site")) == ["People and Culture"]
    assert names(found(sandbox, token, "suppl*", "list")) == ["Suppliers"] * 3
    assert names(found(sandbox, token, "people documents", "drive"), "name") == ["Documents"]


def test_items_of_lists_are_found_by_their_values(sandbox: Sandbox, token: str) -> None:
    path = "/sites/root/lists/Suppliers/items"
    writing = sandbox.token("Sites.ReadWrite.All")
    sandbox.graph("POST", path, writing, json={"fields": {"Title": "Quartz works", "City": "Oslo"}})
    hits = found(sandbox, token, "quartz oslo", "listItem", fields=["title"])
    [hit] = hits["hits"]
    assert hit["resource"]["fields"] == {"Title": "Quartz works"}
    assert hits["total"] == 1


def test_kinds_are_found_together_and_in_pages(sandbox: Sandbox, token: str) -> None:
    kinds = ("site", "list", "driveItem")
    everything = found(sandbox, token, "*", *kinds, size=500)
    page = found(sandbox, token, "*", *kinds, size=2, **{"from": 1})
    assert page["moreResultsAvailable"]
    assert [hit["hitId"] for hit in page["hits"]] == [hit["hitId"] for hit in everything["hits"][1:3]]
    kinds_found = {hit["resource"]["@odata.type"] for hit in everything["hits"]}
    assert kinds_found == {f"#microsoft.graph.{kind}" for kind in kinds}


def test_what_cannot_be_seen_is_not_found(sandbox: Sandbox) -> None:
    outside = sandbox.token("Sites.Read.All", user=NOT_A_MEMBER)
    assert names(found(sandbox, outside, "launch", "site")) == []
    assert len(found(sandbox, outside, "suppliers", "list")["hits"]) == 2


def test_each_kind_needs_its_permission(sandbox: Sandbox) -> None:
    asked = {"requests": [{"entityTypes": ["site"], "query": {"queryString": "a"}}]}
    files = sandbox.token("Files.Read.All")
    assert sandbox.graph("POST", "/search/query", files, json=asked).status_code == 403
    assert found(sandbox, files, "*", "driveItem")["hits"]


@pytest.mark.parametrize(
    "asked",
    [
        {"entityTypes": ["site"]}, {"entityTypes": ["message"], "query": {"queryString": "a"}},
        {"entityTypes": [], "query": {"queryString": "a"}},
        {"entityTypes": ["site"], "query": {"queryString": "a"}, "size": 501},
        {"entityTypes": ["site"], "query": {"queryString": "colour:red"}},
    ],
)  # fmt: skip
def test_what_is_no_search_is_refused(sandbox: Sandbox, token: str, asked: Any) -> None:
    assert sandbox.graph("POST", "/search/query", token, json={"requests": [asked]}).status_code == 400
