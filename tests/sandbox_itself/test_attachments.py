"""Attachments of messages and events: small ones, sessions, other kinds."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, OFFICE, code, draft, event, key, mail_token

MIB = 1024 * 1024
HELLO: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.fileAttachment", "name": "hello.txt",
    "contentBytes": base64.b64encode(b"hello").decode(),
}  # fmt: skip


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


@pytest.fixture(params=["messages", "events"])
def holder(sandbox: Sandbox, token: str, request: pytest.FixtureRequest) -> str:
    """The path of a draft, then of an event."""
    made = draft(sandbox, token) if request.param == "messages" else event(sandbox, token)
    return f"/me/{request.param}/{key(made)}"


def opened(sandbox: Sandbox, token: str, holder: str, size: int, **more: Any) -> Any:
    described = {"attachmentType": "file", "name": "film.mp4", "size": size, **more}
    path = f"{holder}/attachments/createUploadSession"
    return sandbox.graph("POST", path, token, json={"AttachmentItem": described})


def put(sandbox: Sandbox, url: str, data: bytes, first: int, total: int, **headers: str) -> Any:
    span = f"bytes {first}-{first + len(data) - 1}/{total}"
    return sandbox.session.put(url, data=data, headers={"Content-Range": span, **headers})


def test_a_small_file_is_added_listed_read_and_deleted(sandbox: Sandbox, token: str, holder: str) -> None:
    made = sandbox.graph("POST", f"{holder}/attachments", token, json=HELLO)
    assert made.status_code == 201
    assert made.json()["contentType"] == "text/plain"
    assert sandbox.get(holder, token).json()["hasAttachments"]
    path = f"{holder}/attachments/{key(made.json())}"
    listed = sandbox.get(f"{holder}/attachments?$select=name,size", token).json()["value"]
    assert listed[0]["name"] == "hello.txt"
    assert listed[0]["size"] > 5
    assert "contentBytes" not in listed[0]
    assert sandbox.get(path, token).json()["contentBytes"] == HELLO["contentBytes"]
    raw = sandbox.get(f"{path}/$value", token)
    assert (raw.content, raw.headers["Content-Type"]) == (b"hello", "text/plain")
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(f"{holder}/attachments", token).json()["value"] == []
    assert not sandbox.get(holder, token).json()["hasAttachments"]


def test_attachments_expand_with_their_message(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, attachments=[HELLO])
    shown = sandbox.get(f"/me/messages/{key(made)}?$expand=attachments($select=name)", token).json()
    assert [entry["name"] for entry in shown["attachments"]] == ["hello.txt"]


def test_an_inline_picture_does_not_count_as_attachment(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, attachments=[HELLO | {"isInline": True, "contentId": "logo"}])
    assert made["hasAttachments"] is False


def test_a_file_of_3_mb_needs_a_session(sandbox: Sandbox, token: str, holder: str) -> None:
    large = HELLO | {"contentBytes": base64.b64encode(bytes(3 * MIB)).decode()}
    assert sandbox.graph("POST", f"{holder}/attachments", token, json=large).status_code == 413
    below = opened(sandbox, token, holder, 3 * MIB - 1)
    assert code(below) == (400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
    above = opened(sandbox, token, holder, 150 * MIB + 1)
    assert above.status_code == 400


def test_a_session_takes_ranges_in_order_and_ends_with_a_location(
    sandbox: Sandbox, token: str, holder: str
) -> None:
    data = bytes(range(256)) * (3 * MIB // 256 + 10)
    session = opened(sandbox, token, holder, len(data), contentType="video/mp4").json()
    assert session["nextExpectedRanges"] == ["0-"]
    url, half = session["uploadUrl"], 2 * MIB
    first = put(sandbox, url, data[:half], 0, len(data))
    assert first.status_code == 200
    assert first.json()["NextExpectedRanges"] == [str(half)]
    assert put(sandbox, url, data[:half], 0, len(data)).status_code == 416
    assert sandbox.session.get(url).json()["NextExpectedRanges"] == [str(half)]
    last = put(sandbox, url, data[half:], half, len(data))
    assert (last.status_code, last.content) == (201, b"")
    made = unquote(last.headers["Location"].rpartition("('")[2].removesuffix("')"))
    raw = sandbox.get(f"{holder}/attachments/{key(made)}/$value", token)
    assert raw.content == data
    assert raw.headers["Content-Type"] == "video/mp4"
    assert put(sandbox, url, data[half:], half, len(data)).status_code == 404
    assert len(sandbox.get(f"{holder}/attachments?$select=name", token).json()["value"]) == 1


def test_the_session_refuses_a_token(sandbox: Sandbox, token: str, holder: str) -> None:
    url = opened(sandbox, token, holder, 4 * MIB).json()["uploadUrl"]
    answer = put(sandbox, url, b"x", 0, 4 * MIB, Authorization=f"Bearer {token}")
    assert answer.status_code == 401
    assert url.startswith(sandbox.url.replace("127.0.0.1", "localhost"))


@pytest.mark.parametrize(
    ("span", "status"),
    [("bytes 0-0/5000000", 400), ("0-0", 400), ("bytes 5-5/4194304", 416), ("bytes 0-9/4194304", 400)],
)
def test_a_range_that_does_not_fit_is_refused(sandbox: Sandbox, token: str, span: str, status: int) -> None:
    url = opened(sandbox, token, f"/me/messages/{key(draft(sandbox, token))}", 4 * MIB).json()["uploadUrl"]
    assert sandbox.session.put(url, data=b"x", headers={"Content-Range": span}).status_code == status


def test_a_session_is_cancelled_or_expires(sandbox: Sandbox, token: str, holder: str) -> None:
    url = opened(sandbox, token, holder, 4 * MIB).json()["uploadUrl"]
    assert sandbox.session.delete(url).status_code == 204
    assert sandbox.session.get(url).status_code == 404
    url = opened(sandbox, token, holder, 4 * MIB).json()["uploadUrl"]
    sandbox.control("POST", "/clock", {"advance_seconds": 7201})
    assert put(sandbox, url, b"x", 0, 4 * MIB).status_code == 404


def test_sessions_work_in_the_own_mailbox_only(sandbox: Sandbox) -> None:
    token = sandbox.token("Mail.ReadWrite.Shared")
    made = sandbox.graph("POST", f"/users/{OFFICE}/messages", token, json={"subject": "x"}).json()
    answer = opened(sandbox, token, f"/users/{OFFICE}/messages/{key(made)}", 4 * MIB)
    assert code(answer) == (403, "ErrorAccessDenied")


def test_an_item_is_attached_and_expanded(sandbox: Sandbox, token: str, holder: str) -> None:
    item = {
        "@odata.type": "microsoft.graph.message",
        "subject": "Inner",
        "body": {"contentType": "text", "content": "deep"},
    }
    body = {"@odata.type": "#microsoft.graph.itemAttachment", "name": "Inner", "item": item}
    made = sandbox.graph("POST", f"{holder}/attachments", token, json=body).json()
    path = f"{holder}/attachments/{key(made)}"
    assert "item" not in sandbox.get(path, token).json()
    shown = sandbox.get(f"{path}?$expand=microsoft.graph.itemattachment/item", token).json()
    assert shown["item"]["subject"] == "Inner"
    assert b"deep" in sandbox.get(f"{path}/$value", token).content


def test_a_reference_has_no_content(sandbox: Sandbox, token: str, holder: str) -> None:
    body = {
        "@odata.type": "#microsoft.graph.referenceAttachment",
        "name": "Plan",
        "sourceUrl": "https://x.example",
    }
    made = sandbox.graph("POST", f"{holder}/attachments", token, json=body).json()
    assert made["@odata.type"] == "#microsoft.graph.referenceAttachment"
    assert sandbox.get(f"{holder}/attachments/{key(made)}/$value", token).status_code == 400


def test_broken_base64_and_unknown_attachments_are_told(sandbox: Sandbox, token: str, holder: str) -> None:
    broken = sandbox.graph("POST", f"{holder}/attachments", token, json=HELLO | {"contentBytes": "%%%"})
    assert code(broken) == (400, "UnableToDeserializePostBody")
    assert code(sandbox.get(f"{holder}/attachments/{key('AAMk' + 'x' * 60)}", token)) == (
        404,
        "ErrorItemNotFound",
    )


def test_attachments_follow_a_message_that_moves(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, attachments=[HELLO])
    before = sandbox.get(f"/me/messages/{key(made)}/attachments", token).json()["value"][0]["id"]
    path = f"/me/messages/{key(made)}/move"
    moved = sandbox.graph("POST", path, token, json={"destinationId": "archive"}).json()
    after = sandbox.get(f"/me/messages/{key(moved)}/attachments", token).json()["value"][0]["id"]
    assert before != after
    assert (
        sandbox.get(f"/me/messages/{key(moved)}/attachments/{key(after)}/$value", token).content == b"hello"
    )


def test_reading_does_not_allow_adding(sandbox: Sandbox) -> None:
    token = mail_token(sandbox, user=LUIS)
    made = draft(sandbox, token)
    reader = sandbox.token("Mail.Read", user=LUIS)
    answer = sandbox.graph("POST", f"/me/messages/{key(made)}/attachments", reader, json=HELLO)
    assert answer.status_code == 403


def test_a_lost_range_is_asked_for_again(sandbox: Sandbox, token: str, holder: str) -> None:
    sandbox.switch(upload_lost_fragment=1)
    total = 3 * MIB
    url = opened(sandbox, token, holder, total).json()["uploadUrl"]
    put(sandbox, url, bytes(MIB), 0, total)
    assert put(sandbox, url, bytes(MIB), MIB, total).json()["NextExpectedRanges"] == ["0"]
    assert put(sandbox, url, bytes(MIB), 0, total).json()["NextExpectedRanges"] == [str(MIB)]


def test_a_session_ends_with_404_when_what_it_is_for_is_gone(
    sandbox: Sandbox, token: str, holder: str
) -> None:
    total = 3 * MIB
    url = opened(sandbox, token, holder, total).json()["uploadUrl"]
    sandbox.graph("POST", f"{holder}/permanentDelete", token)
    assert put(sandbox, url, bytes(total), 0, total).status_code == 404
