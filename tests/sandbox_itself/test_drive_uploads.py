"""Upload sessions of the sandbox: fragments, resuming, conflicts, expiry."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import COMPANY, Sandbox

UNIT = 320 * 1024
ROOT = "/me/drive/root"
CONTENT = bytes(range(256)) * (2 * UNIT // 256) + b"the end"
TOTAL = len(CONTENT)


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite")


def start(sandbox: Sandbox, token: str, path: str = "big.bin", **body: Any) -> str:
    answer = sandbox.graph("POST", f"{ROOT}:/{path}:/createUploadSession", token, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["nextExpectedRanges"] == ["0-"]
    url: str = answer.json()["uploadUrl"]
    return url


def send(
    sandbox: Sandbox, url: str, first: int, end: int, total: int = TOTAL, **headers: str
) -> requests.Response:
    headers = {"Content-Range": f"bytes {first}-{end - 1}/{total}"} | headers
    return sandbox.session.put(url, data=CONTENT[first:end], headers=headers)


def send_all(sandbox: Sandbox, url: str) -> requests.Response:
    for first in (0, UNIT, 2 * UNIT):
        answer = send(sandbox, url, first, min(first + UNIT, TOTAL))
    return answer


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and the most precise code."""
    error = answer.json()["error"]
    return answer.status_code, error["innerError"].get("code", error["code"])


def test_fragments_in_order_make_the_file(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token, "Reports/2026/big.bin", item={"fileSize": TOTAL})
    assert url.startswith("http://localhost:")
    for first in (0, UNIT):
        answer = send(sandbox, url, first, first + UNIT)
        assert answer.status_code == 202
        assert answer.json()["nextExpectedRanges"] == [f"{first + UNIT}-"]
    answer = send(sandbox, url, 2 * UNIT, TOTAL)
    item = answer.json()
    assert (answer.status_code, item["name"], item["size"]) == (201, "big.bin", TOTAL)
    assert item["parentReference"]["path"].endswith("/Reports/2026")
    assert item["createdBy"]["user"]["displayName"] == "Mina Okafor"
    assert sandbox.get(f"/me/drive/items/{item['id']}/content", token).content == CONTENT


def test_nothing_is_there_before_the_last_fragment(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token)
    send(sandbox, url, 0, 2 * UNIT)
    assert sandbox.get(f"{ROOT}:/big.bin", token).status_code == 404
    assert send(sandbox, url, 2 * UNIT, TOTAL).status_code == 201
    assert sandbox.get(f"{ROOT}:/big.bin", token).status_code == 200


def test_a_finished_session_is_gone(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token)
    assert send_all(sandbox, url).status_code == 201
    assert send(sandbox, url, 2 * UNIT, TOTAL).status_code == 404
    assert sandbox.session.get(url).status_code == 404


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_the_upload_url_refuses_credentials(sandbox: Sandbox, token: str, header: str) -> None:
    url = start(sandbox, token)
    assert send(sandbox, url, 0, UNIT, **{header: "Bearer secret"}).status_code == 401
    assert sandbox.session.get(url).json()["nextExpectedRanges"] == ["0-"]


@pytest.mark.parametrize(
    ("first", "end", "total", "range_header"),
    [
        (0, UNIT - 1, TOTAL, None), (0, 1000, TOTAL, None), (0, UNIT, TOTAL, "bytes 0-9/100"),
        (0, UNIT, TOTAL, "0-9/100"), (0, UNIT, 10, None), (0, UNIT, TOTAL, "bytes 0-327679/*"),
    ],
)  # fmt: skip
def test_bad_fragments_are_400(
    sandbox: Sandbox, token: str, first: int, end: int, total: int, range_header: str | None
) -> None:
    url = start(sandbox, token)
    headers = {"Content-Range": range_header} if range_header else {}
    assert send(sandbox, url, first, end, total, **headers).status_code == 400


def test_a_fragment_without_range_is_400(sandbox: Sandbox, token: str) -> None:
    assert sandbox.session.put(start(sandbox, token), data=CONTENT).status_code == 400


def test_the_total_must_stay_the_same(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token)
    send(sandbox, url, 0, UNIT)
    assert send(sandbox, url, UNIT, 2 * UNIT, TOTAL + 1).status_code == 400


def test_a_fragment_of_60_mib_is_too_large(sandbox: Sandbox, token: str) -> None:
    url, size = start(sandbox, token), 60 * 1024 * 1024
    headers = {"Content-Range": f"bytes 0-{size - 1}/{size}"}
    assert refusal(sandbox.session.put(url, data=b"x" * size, headers=headers)) == (
        413, "maxFragmentLengthExceeded",
    )  # fmt: skip


def test_received_and_early_fragments_are_416_and_the_status_says_what_is_missing(
    sandbox: Sandbox, token: str
) -> None:
    url = start(sandbox, token)
    send(sandbox, url, 0, UNIT)
    assert refusal(send(sandbox, url, 0, UNIT)) == (416, "fragmentOverlap")
    assert refusal(send(sandbox, url, 2 * UNIT, TOTAL)) == (416, "fragmentOutOfOrder")
    assert send(sandbox, url, 0, UNIT).json()["error"]["code"] == "invalidRange"
    assert sandbox.session.get(url).json()["nextExpectedRanges"] == [f"{UNIT}-"]


def test_a_lost_fragment_is_asked_for_again(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(upload_lost_fragment=1)
    url = start(sandbox, token)
    send(sandbox, url, 0, UNIT)
    lost = send(sandbox, url, UNIT, 2 * UNIT).json()["nextExpectedRanges"]
    assert lost == [f"0-{UNIT - 1}", f"{2 * UNIT}-"]
    assert send(sandbox, url, 2 * UNIT, TOTAL).json()["nextExpectedRanges"] == [f"0-{UNIT - 1}"]
    item = send(sandbox, url, 0, UNIT).json()
    assert sandbox.get(f"/me/drive/items/{item['id']}/content", token).content == CONTENT


def test_a_session_can_be_cancelled(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token)
    assert sandbox.session.delete(url).status_code == 204
    assert send(sandbox, url, 0, UNIT).status_code == 404


def test_a_session_expires(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(upload_session_seconds=600)
    url = start(sandbox, token)
    sandbox.control("POST", "/clock", {"advance_seconds": 599})
    assert send(sandbox, url, 0, UNIT).status_code == 202
    sandbox.control("POST", "/clock", {"advance_seconds": 2})
    assert send(sandbox, url, UNIT, 2 * UNIT).status_code == 404


def test_a_name_conflict_at_the_end_keeps_the_session(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token)
    sandbox.graph("PUT", f"{ROOT}:/big.bin:/content", token, data=b"first")
    assert refusal(send_all(sandbox, url)) == (409, "upload_name_conflict")
    assert sandbox.session.get(url).json()["nextExpectedRanges"] == []
    body = {"name": "other.bin", "@microsoft.graph.sourceUrl": url}
    answer = sandbox.graph("PUT", f"{ROOT}", token, json=body)
    assert (answer.status_code, answer.json()["name"], answer.json()["size"]) == (201, "other.bin", TOTAL)
    assert sandbox.session.get(url).status_code == 404
    assert sandbox.graph("PUT", f"{ROOT}:/again.bin", token, json=body).status_code == 404


def test_a_conflict_can_be_found_at_the_start(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(upload_conflict="at_start")
    answer = sandbox.graph("POST", f"{ROOT}:/Welcome.txt:/createUploadSession", token, json={})
    assert refusal(answer) == (409, "nameAlreadyExists")


@pytest.mark.parametrize(
    ("conflict", "status", "name"), [("replace", 200, "Welcome.txt"), ("rename", 201, "Welcome 1.txt")]
)
def test_conflict_behavior_of_a_session(
    sandbox: Sandbox, token: str, conflict: str, status: int, name: str
) -> None:
    url = start(sandbox, token, "Welcome.txt", item={"@microsoft.graph.conflictBehavior": conflict})
    answer = send_all(sandbox, url)
    assert (answer.status_code, answer.json()["name"]) == (status, name)


def test_a_session_on_an_item_replaces_its_content(sandbox: Sandbox, token: str) -> None:
    item = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    path = f"/me/drive/items/{item['id']}/createUploadSession"
    url = sandbox.graph("POST", path, token).json()["uploadUrl"]
    answer = send_all(sandbox, url)
    assert (answer.status_code, answer.json()["id"], answer.json()["size"]) == (200, item["id"], TOTAL)
    stale = sandbox.graph("POST", path, token, headers={"If-Match": item["eTag"]})
    assert refusal(stale) == (412, "resourceModified")


def test_a_deferred_commit_waits_for_post(sandbox: Sandbox, token: str) -> None:
    url = start(sandbox, token, deferCommit=True)
    assert sandbox.session.post(url).status_code == 400
    answer = send_all(sandbox, url)
    assert (answer.status_code, answer.json()["nextExpectedRanges"]) == (202, [])
    assert sandbox.get(f"{ROOT}:/big.bin", token).status_code == 404
    assert sandbox.session.post(url).status_code == 201


def test_a_full_drive_is_507_at_the_start_or_at_the_first_fragment(sandbox: Sandbox) -> None:
    token, size = sandbox.token("Files.ReadWrite", user=f"priya.nair@{COMPANY}"), 2 * 1024 * 1024
    path = f"{ROOT}:/big.bin:/createUploadSession"
    refused = sandbox.graph("POST", path, token, json={"item": {"fileSize": size}})
    assert refusal(refused) == (507, "quotaLimitReached")
    assert refusal(send(sandbox, start(sandbox, token), 0, UNIT, size)) == (507, "quotaLimitReached")


def test_an_empty_file_and_a_folder_take_no_session(sandbox: Sandbox, token: str) -> None:
    path = f"{ROOT}:/big.bin:/createUploadSession"
    assert sandbox.graph("POST", path, token, json={"item": {"fileSize": 0}}).status_code == 400
    assert sandbox.graph("POST", f"{ROOT}/createUploadSession", token, json={}).status_code == 400


def test_a_session_whose_folder_was_deleted_ends_with_404(sandbox: Sandbox, token: str) -> None:
    folder = sandbox.get(f"{ROOT}:/Reports", token).json()["id"]
    path = f"/me/drive/items/{folder}:/big.bin:/createUploadSession"
    url = sandbox.graph("POST", path, token, json={}).json()["uploadUrl"]
    sandbox.graph("DELETE", f"/me/drive/items/{folder}", token)
    assert refusal(send_all(sandbox, url)) == (404, "itemNotFound")
