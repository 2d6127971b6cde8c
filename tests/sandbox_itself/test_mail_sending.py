"""Sending in the sandbox: delivery, Sent Items, drafts, replies, refusals."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from .conftest import COMPANY, USER, Sandbox
from .outlook_calls import (
    IMMUTABLE,
    LUIS,
    MARK,
    OFFICE,
    PRIYA,
    code,
    draft,
    key,
    mail_token,
    send,
    subjects,
    to,
)  # fmt: skip

MIME = (
    f"From: Mina Okafor <{USER}>\r\nTo: Luis Brandt <{LUIS}>\r\nSubject: By MIME\r\nX-Order: 7\r\n"
    "Content-Type: text/plain\r\n\r\nHello\r\n"
).encode()


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


def newest(sandbox: Sandbox, token: str, folder: str = "inbox") -> Any:
    return sandbox.get(f"/me/mailFolders/{folder}/messages?$top=1", token).json()["value"][0]


def test_a_sent_message_reaches_the_recipients_and_stays_in_sent_items(sandbox: Sandbox, token: str) -> None:
    send(
        sandbox,
        token,
        "News",
        LUIS,
        bccRecipients=to(PRIYA),
        internetMessageHeaders=[{"name": "x-a", "value": "1"}],
    )
    kept = newest(sandbox, token, "sentitems")
    assert (kept["subject"], kept["isDraft"], kept["isRead"]) == ("News", False, True)
    got = newest(sandbox, mail_token(sandbox, user=LUIS))
    assert (got["subject"], got["isRead"], got["bccRecipients"]) == ("News", False, [])
    assert got["from"]["emailAddress"] == {"name": "Mina Okafor", "address": USER}
    assert got["internetMessageId"] == kept["internetMessageId"]
    assert got["id"] != kept["id"]
    assert "News" in subjects(sandbox, mail_token(sandbox, user=PRIYA))


@pytest.mark.parametrize("unwanted", [False, "false"])
def test_no_copy_is_kept_when_it_is_unwanted(sandbox: Sandbox, token: str, unwanted: object) -> None:
    body = {"message": {"subject": "Once", "toRecipients": to(LUIS)}, "saveToSentItems": unwanted}
    assert sandbox.graph("POST", "/me/sendMail", token, json=body).status_code == 202
    assert "Once" not in subjects(sandbox, token, "sentitems")
    assert "Once" in subjects(sandbox, mail_token(sandbox, user=LUIS))


def test_the_copy_arrives_after_the_switched_delay(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(sent_items_delay_seconds=90)
    send(sandbox, token, "Slow", LUIS)
    assert "Slow" not in subjects(sandbox, token, "sentitems")
    assert "Slow" in subjects(sandbox, mail_token(sandbox, user=LUIS))
    sandbox.control("POST", "/clock", {"advance_seconds": 91})
    assert "Slow" in subjects(sandbox, mail_token(sandbox), "sentitems")


def test_a_mark_on_a_sent_message_finds_it_in_sent_items(sandbox: Sandbox, token: str) -> None:
    send(sandbox, token, "Marked", LUIS, singleValueExtendedProperties=[{"id": MARK, "value": "c-9"}])
    condition = f"singleValueExtendedProperties/any(p:p/id eq '{MARK}' and p/value eq 'c-9')"
    path = "/me/mailFolders/sentitems/messages"
    found = sandbox.graph("GET", path, token, params={"$filter": condition}).json()["value"]
    assert [entry["subject"] for entry in found] == ["Marked"]


def test_mime_is_sent_as_it_is(sandbox: Sandbox, token: str) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = sandbox.graph("POST", "/me/sendMail", token, data=base64.b64encode(MIME), headers=headers)
    assert (answer.status_code, answer.content) == (202, b"")
    got = newest(sandbox, mail_token(sandbox, user=LUIS))
    assert (got["subject"], got["body"]["content"].strip()) == ("By MIME", "Hello")


@pytest.mark.parametrize("path", ["/me/sendMail", "/me/messages"])
def test_mime_that_is_not_base64_is_refused(sandbox: Sandbox, token: str, path: str) -> None:
    answer = sandbox.graph("POST", path, token, data=b"From: x!", headers={"Content-Type": "text/plain"})
    assert code(answer) == (400, "ErrorMimeContentInvalidBase64String")


@pytest.mark.parametrize("recipients", [[], to("nobody"), [{"name": "x"}]])
def test_a_message_needs_valid_recipients(sandbox: Sandbox, token: str, recipients: object) -> None:
    body = {"message": {"subject": "x", "toRecipients": recipients}}
    answer = sandbox.graph("POST", "/me/sendMail", token, json=body)
    assert code(answer) == (400, "ErrorInvalidRecipients")


def test_an_address_of_the_company_without_a_mailbox_is_reported_by_mail(
    sandbox: Sandbox, token: str
) -> None:
    send(sandbox, token, "Lost", f"nobody@{COMPANY}")
    assert "Undeliverable: Lost" in subjects(sandbox, token)


def test_nobody_sends_as_somebody_else_without_being_allowed(sandbox: Sandbox, token: str) -> None:
    body = {"message": {"subject": "x", "toRecipients": to(PRIYA), "from": to(LUIS)[0]}}
    assert code(sandbox.graph("POST", "/me/sendMail", token, json=body)) == (403, "ErrorSendAsDenied")
    body["message"]["from"] = to(OFFICE)[0]
    assert code(sandbox.graph("POST", "/me/sendMail", token, json=body)) == (403, "ErrorSendAsDenied")
    for_others = sandbox.token("Mail.Send.Shared")
    assert sandbox.graph("POST", "/me/sendMail", for_others, json=body).status_code == 202
    got = newest(sandbox, mail_token(sandbox, user=PRIYA))
    assert got["from"]["emailAddress"]["address"] == OFFICE


def test_a_shared_mailbox_sends_with_the_shared_permission(sandbox: Sandbox) -> None:
    body = {"message": {"subject": "From the office", "toRecipients": to(LUIS)}}
    path = f"/users/{OFFICE}/sendMail"
    assert sandbox.graph("POST", path, sandbox.token("Mail.Send"), json=body).status_code == 403
    assert sandbox.graph("POST", path, sandbox.token("Mail.Send.Shared"), json=body).status_code == 202


def test_a_large_request_is_refused(sandbox: Sandbox, token: str) -> None:
    body = {"message": {"subject": "x" * (5 * 1024 * 1024), "toRecipients": to(LUIS)}}
    assert sandbox.graph("POST", "/me/sendMail", token, json=body).status_code == 413


# Drafts


def test_a_sent_draft_keeps_its_immutable_id_and_is_sent_once(sandbox: Sandbox, token: str) -> None:
    body = {"subject": "Ready", "toRecipients": to(LUIS)}
    made = sandbox.graph("POST", "/me/messages", token, json=body, headers=IMMUTABLE).json()
    path = f"/me/messages/{key(made)}"
    assert sandbox.graph("POST", f"{path}/send", token).status_code == 202
    sent = sandbox.get(path, token).json()
    assert not sent["isDraft"]
    assert sent["parentFolderId"] == sandbox.get("/me/mailFolders/sentitems", token).json()["id"]
    assert sandbox.graph("POST", f"{path}/send", token).status_code == 400
    assert subjects(sandbox, mail_token(sandbox, user=LUIS)).count("Ready") == 1


def test_a_sent_draft_loses_its_changing_id(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, toRecipients=to(LUIS))
    sandbox.graph("POST", f"/me/messages/{key(made)}/send", token)
    assert code(sandbox.graph("POST", f"/me/messages/{key(made)}/send", token)) == (404, "ErrorItemNotFound")


def test_a_draft_waits_in_the_outbox_while_it_is_sent(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(sent_items_delay_seconds=60)
    body = {"subject": "Waiting", "toRecipients": to(LUIS)}
    made = sandbox.graph("POST", "/me/messages", token, json=body, headers=IMMUTABLE).json()
    path = f"/me/messages/{key(made)}"
    assert sandbox.graph("POST", f"{path}/send", token).status_code == 202
    assert "Waiting" in subjects(sandbox, token, "outbox")
    assert sandbox.get(path, token).json()["isDraft"]
    assert sandbox.graph("POST", f"{path}/send", token).status_code == 400
    sandbox.control("POST", "/clock", {"advance_seconds": 61})
    assert not sandbox.get(path, mail_token(sandbox)).json()["isDraft"]


# Answers


def conversation(sandbox: Sandbox, token: str) -> Any:
    """A letter from Luis to the user and Priya, as the user got it."""
    send(
        sandbox, mail_token(sandbox, user=LUIS), "Where?", USER, PRIYA,
        body={"contentType": "text", "content": "Where do we meet?"},
    )  # fmt: skip
    return newest(sandbox, token)


def test_a_reply_goes_to_the_sender_and_quotes_the_letter(sandbox: Sandbox, token: str) -> None:
    letter = conversation(sandbox, token)
    answer = sandbox.graph(
        "POST", f"/me/messages/{key(letter)}/reply", token, json={"comment": "By the <brook>"}
    )
    assert (answer.status_code, answer.content) == (202, b"")
    sent = newest(sandbox, token, "sentitems")
    assert sent["subject"] == "RE: Where?"
    assert sent["conversationId"] == letter["conversationId"]
    assert "By the &lt;brook&gt;" in sent["body"]["content"]
    assert "Where do we meet?" in sent["body"]["content"]
    assert [person["emailAddress"]["address"] for person in sent["toRecipients"]] == [LUIS]
    assert "RE: Where?" in subjects(sandbox, mail_token(sandbox, user=LUIS))
    assert "RE: Where?" not in subjects(sandbox, mail_token(sandbox, user=PRIYA))


def test_a_reply_to_all_leaves_oneself_out(sandbox: Sandbox, token: str) -> None:
    letter = conversation(sandbox, token)
    made = sandbox.graph("POST", f"/me/messages/{key(letter)}/createReplyAll", token, json={}).json()
    assert made["isDraft"]
    assert [person["emailAddress"]["address"] for person in made["toRecipients"]] == [LUIS, PRIYA]
    assert made["subject"] == "RE: Where?"
    assert "RE: Where?" in subjects(sandbox, token, "drafts")


def test_a_forward_carries_the_attachments(sandbox: Sandbox, token: str) -> None:
    attachment = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentBytes": "SGk="}
    send(sandbox, mail_token(sandbox, user=LUIS), "Plan", USER, attachments=[attachment])
    letter = newest(sandbox, token)
    body = {"comment": "See below", "toRecipients": to(PRIYA)}
    assert sandbox.graph("POST", f"/me/messages/{key(letter)}/forward", token, json=body).status_code == 202
    other = mail_token(sandbox, user=PRIYA)
    got = newest(sandbox, other)
    assert (got["subject"], got["hasAttachments"]) == ("FW: Plan", True)
    names = sandbox.get(f"/me/messages/{key(got)}/attachments", other).json()["value"]
    assert [entry["name"] for entry in names] == ["a.txt"]


def test_a_forward_without_recipients_is_refused(sandbox: Sandbox, token: str) -> None:
    letter = conversation(sandbox, token)
    answer = sandbox.graph("POST", f"/me/messages/{key(letter)}/forward", token, json={"comment": "x"})
    assert code(answer) == (400, "ErrorInvalidRecipients")


def test_a_comment_and_a_body_together_are_refused(sandbox: Sandbox, token: str) -> None:
    letter = conversation(sandbox, token)
    body = {"comment": "x", "message": {"body": {"contentType": "text", "content": "y"}}}
    answer = sandbox.graph("POST", f"/me/messages/{key(letter)}/createReply", token, json=body)
    assert answer.status_code == 400


def test_a_reply_can_carry_a_mark(sandbox: Sandbox, token: str) -> None:
    letter = conversation(sandbox, token)
    body = {"comment": "x", "message": {"singleValueExtendedProperties": [{"id": MARK, "value": "r-1"}]}}
    assert sandbox.graph("POST", f"/me/messages/{key(letter)}/reply", token, json=body).status_code == 202
    condition = f"singleValueExtendedProperties/any(p:p/id eq '{MARK}' and p/value eq 'r-1')"
    path = "/me/mailFolders/sentitems/messages"
    assert len(sandbox.graph("GET", path, token, params={"$filter": condition}).json()["value"]) == 1
