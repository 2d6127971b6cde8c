"""What mail has beside messages: rules, categories, Focused Inbox, search folders, tips, extensions, sending later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .conftest import COMPANY, Sandbox
from .outlook_calls import LUIS, OFFICE, PRIYA, code, draft, key, mail_token, send, subjects, to

RULES = "/me/mailFolders/inbox/messageRules"
CATEGORIES = "/me/outlook/masterCategories"
OVERRIDES = "/me/inferenceClassification/overrides"
EXTENSION = {
    "@odata.type": "microsoft.graph.openTypeExtension",
    "extensionName": "Com.Contoso.Referral",
    "by": "Ann",
}


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


@pytest.fixture
def settings(sandbox: Sandbox) -> str:
    return sandbox.token("MailboxSettings.ReadWrite")


@pytest.fixture
def luis(sandbox: Sandbox) -> str:
    return mail_token(sandbox, user=LUIS)


def rule(sandbox: Sandbox, settings: str, actions: Any, sequence: int = 1, **more: Any) -> Any:
    body = {"displayName": "A rule", "sequence": sequence, "actions": actions, **more}
    answer = sandbox.graph("POST", RULES, settings, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def me(sandbox: Sandbox, token: str) -> str:
    person = sandbox.get("/me", sandbox.token("User.Read")).json()
    address: str = person["mail"]
    return address


def folder_named(sandbox: Sandbox, token: str, name: str) -> Any:
    folders = sandbox.get("/me/mailFolders?$top=100", token).json()["value"]
    return next(folder for folder in folders if folder["displayName"] == name)


def newest(sandbox: Sandbox, token: str, folder: str = "inbox") -> Any:
    return sandbox.get(f"/me/mailFolders/{folder}/messages?$top=1", token).json()["value"][0]


# Rules


def test_a_rule_moves_what_it_is_about_and_leaves_the_rest(
    sandbox: Sandbox, token: str, luis: str, settings: str
) -> None:
    projects = folder_named(sandbox, token, "Projects")
    made = rule(
        sandbox, settings, {"moveToFolder": projects["id"], "markAsRead": True, "assignCategories": ["Launch"]},
        conditions={"subjectContains": ["launch"]}, exceptions={"importance": "low"},
    )  # fmt: skip
    assert made["isEnabled"]
    assert not made["hasError"]
    mine = me(sandbox, token)
    send(sandbox, luis, "The launch", mine)
    send(sandbox, luis, "The launch, later", mine, importance="low")
    send(sandbox, luis, "Lunch", mine)
    assert subjects(sandbox, token, key(projects)) == ["The launch"]
    assert subjects(sandbox, token)[:2] == ["Lunch", "The launch, later"]
    moved = newest(sandbox, token, key(projects))
    assert (moved["isRead"], moved["categories"]) == (True, ["Launch"])


def test_rules_run_in_their_order_until_one_stops(
    sandbox: Sandbox, token: str, luis: str, settings: str
) -> None:
    rule(sandbox, settings, {"markImportance": "low"}, sequence=2)
    rule(
        sandbox,
        settings,
        {"markImportance": "high", "stopProcessingRules": True},
        conditions={"senderContains": ["luis"]},
    )
    assert [entry["sequence"] for entry in sandbox.get(RULES, settings).json()["value"]] == [1, 2]
    send(sandbox, luis, "From Luis", me(sandbox, token))
    assert newest(sandbox, token)["importance"] == "high"
    send(sandbox, mail_token(sandbox, user=PRIYA), "From Priya", me(sandbox, token))
    assert newest(sandbox, token)["importance"] == "low"


def test_a_rule_is_changed_switched_off_and_deleted(
    sandbox: Sandbox, token: str, luis: str, settings: str
) -> None:
    made = rule(sandbox, settings, {"delete": True}, conditions={"sentToMe": True})
    path = f"{RULES}/{key(made)}"
    changed = sandbox.graph("PATCH", path, settings, json={"actions": {"permanentDelete": True}}).json()
    assert (changed["actions"], changed["conditions"]) == ({"permanentDelete": True}, {"sentToMe": True})
    send(sandbox, luis, "Gone", me(sandbox, token))
    assert "Gone" not in subjects(sandbox, token) + subjects(sandbox, token, "deleteditems")
    assert sandbox.graph("PATCH", path, settings, json={"isEnabled": False}).json()["isEnabled"] is False
    send(sandbox, luis, "Kept", me(sandbox, token))
    assert subjects(sandbox, token)[0] == "Kept"
    assert sandbox.graph("DELETE", path, settings).status_code == 204
    assert code(sandbox.get(path, settings)) == (404, "ErrorItemNotFound")


@pytest.mark.parametrize(
    ("action", "sender", "subject"),
    [
        ("redirectTo", LUIS, "News"),
        ("forwardTo", "me", "FW: News"),
        ("forwardAsAttachmentTo", "me", "FW: News"),
    ],
)
def test_a_rule_sends_on(
    sandbox: Sandbox, token: str, luis: str, settings: str, action: str, sender: str, subject: str
) -> None:
    rule(sandbox, settings, {action: to(PRIYA)})
    send(sandbox, luis, "News", me(sandbox, token))
    got = newest(sandbox, mail_token(sandbox, user=PRIYA))
    expected = me(sandbox, token) if sender == "me" else sender
    assert (got["subject"], got["from"]["emailAddress"]["address"]) == (subject, expected)
    assert got["hasAttachments"] is (action == "forwardAsAttachmentTo")


def test_two_rules_that_redirect_to_each_other_come_to_an_end(
    sandbox: Sandbox, token: str, luis: str, settings: str
) -> None:
    rule(sandbox, settings, {"redirectTo": to(LUIS)})
    back = {"displayName": "Back", "sequence": 1, "actions": {"redirectTo": to(me(sandbox, token))}}
    of_luis = sandbox.token("MailboxSettings.ReadWrite", user=LUIS)
    assert sandbox.graph("POST", RULES, of_luis, json=back).status_code == 201
    send(sandbox, mail_token(sandbox, user=PRIYA), "Ping", me(sandbox, token))
    assert subjects(sandbox, luis).count("Ping") == 1
    assert subjects(sandbox, token).count("Ping") == 1


@pytest.mark.parametrize(
    "body",
    [
        {"sequence": 1, "actions": {"delete": True}},
        {"displayName": "x", "actions": {"delete": True}},
        {"displayName": "x", "sequence": 1},
        {"displayName": "x", "sequence": 1, "actions": {"misspelt": True}},
        {"displayName": "x", "sequence": 1, "actions": {"delete": True}, "conditions": {"misspelt": True}},
    ],
)
def test_a_rule_without_name_place_or_action_is_refused(sandbox: Sandbox, settings: str, body: Any) -> None:
    assert sandbox.graph("POST", RULES, settings, json=body).status_code == 400


def test_only_the_inbox_has_rules(sandbox: Sandbox, settings: str) -> None:
    assert sandbox.get("/me/mailFolders/drafts/messageRules", settings).status_code == 400


@pytest.mark.parametrize("path", ["mailFolders/inbox/messageRules", "outlook/masterCategories"])
def test_rules_and_categories_open_with_the_permission_for_settings(sandbox: Sandbox, path: str) -> None:
    of_office = f"/users/{OFFICE}/{path}"
    delegate = sandbox.token("MailboxSettings.Read")
    assert sandbox.get(of_office, delegate).status_code == 200
    assert sandbox.get(of_office, sandbox.token("MailboxSettings.Read", user=None)).status_code == 200
    assert code(sandbox.get(f"/users/{LUIS}/{path}", delegate)) == (403, "ErrorAccessDenied")
    assert sandbox.get(f"/me/{path}", sandbox.token("Mail.ReadWrite")).status_code == 403
    assert sandbox.graph("POST", f"/me/{path}", delegate, json={}).status_code == 403
    sandbox.switch(delegates_reach_settings_and_tasks=False)
    assert code(sandbox.get(of_office, delegate)) == (403, "ErrorAccessDenied")


# Categories


def test_a_category_is_made_recoloured_and_deleted(sandbox: Sandbox, settings: str) -> None:
    body = {"displayName": "Expenses", "color": "preset9"}
    made = sandbox.graph("POST", CATEGORIES, settings, json=body).json()
    path = f"{CATEGORIES}/{made['id']}"
    assert sandbox.graph("PATCH", path, settings, json={"color": "preset15"}).json()["color"] == "preset15"
    assert sandbox.get(path, settings).json()["displayName"] == "Expenses"
    assert "Expenses" in [entry["displayName"] for entry in sandbox.get(CATEGORIES, settings).json()["value"]]
    assert sandbox.graph("DELETE", path, settings).status_code == 204
    assert sandbox.get(path, settings).status_code == 404


def test_a_category_keeps_its_name_and_has_it_alone(sandbox: Sandbox, settings: str) -> None:
    first = sandbox.get(CATEGORIES, settings).json()["value"][0]
    again = sandbox.graph("POST", CATEGORIES, settings, json={"displayName": first["displayName"].upper()})
    assert again.status_code == 409
    renamed = sandbox.graph("PATCH", f"{CATEGORIES}/{first['id']}", settings, json={"displayName": "Other"})
    assert renamed.status_code == 400
    wrong = sandbox.graph("POST", CATEGORIES, settings, json={"displayName": "x", "color": "preset25"})
    assert wrong.status_code == 400


# Focused Inbox


def test_messages_of_a_listed_sender_go_to_the_chosen_part(sandbox: Sandbox, token: str, luis: str) -> None:
    body = {"classifyAs": "other", "senderEmailAddress": {"address": LUIS}}
    made = sandbox.graph("POST", OVERRIDES, token, json=body).json()
    send(sandbox, luis, "One", me(sandbox, token))
    assert newest(sandbox, token)["inferenceClassification"] == "other"
    path = f"{OVERRIDES}/{made['id']}"
    assert (
        sandbox.graph("PATCH", path, token, json={"classifyAs": "focused"}).json()["classifyAs"] == "focused"
    )
    send(sandbox, luis, "Two", me(sandbox, token))
    assert newest(sandbox, token)["inferenceClassification"] == "focused"
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(OVERRIDES, token).json()["value"] == []


def test_a_sender_is_listed_once_and_can_only_be_classified_anew(sandbox: Sandbox, token: str) -> None:
    sender = {"address": LUIS, "name": "Luis"}
    body = {"classifyAs": "other", "senderEmailAddress": sender}
    made = sandbox.graph("POST", OVERRIDES, token, json=body).json()
    body = {"classifyAs": "focused", "senderEmailAddress": {"address": LUIS.upper(), "name": "L. Brandt"}}
    again = sandbox.graph("POST", OVERRIDES, token, json=body).json()
    assert (again["id"], again["classifyAs"], again["senderEmailAddress"]["name"]) == (
        made["id"], "focused", "L. Brandt",
    )  # fmt: skip
    changed = sandbox.graph("PATCH", f"{OVERRIDES}/{made['id']}", token, json={"senderEmailAddress": sender})
    assert changed.status_code == 400


def test_overrides_of_a_shared_mailbox_open_with_the_shared_permission(sandbox: Sandbox) -> None:
    path = f"/users/{OFFICE}/inferenceClassification/overrides"
    assert sandbox.get(path, sandbox.token("Mail.Read.Shared")).status_code == 200
    assert sandbox.get(path, sandbox.token("Mail.Read")).status_code == 403


# Folders


def search_folder(sandbox: Sandbox, token: str, **more: Any) -> Any:
    inbox = sandbox.get("/me/mailFolders/inbox", token).json()["id"]
    body = {
        "@odata.type": "microsoft.graph.mailSearchFolder", "displayName": "Digests",
        "includeNestedFolders": False, "sourceFolderIds": [inbox], "filterQuery": "contains(subject, 'digest')",
        **more,
    }  # fmt: skip
    answer = sandbox.graph("POST", "/me/mailFolders/searchfolders/childFolders", token, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_search_folder_shows_what_meets_its_filter(sandbox: Sandbox, token: str, luis: str) -> None:
    made = search_folder(sandbox, token)
    assert (made["@odata.type"], made["isSupported"]) == ("#microsoft.graph.mailSearchFolder", True)
    send(sandbox, luis, "Weekly digest", me(sandbox, token))
    send(sandbox, luis, "Lunch", me(sandbox, token))
    path = f"/me/mailFolders/{key(made)}"
    assert subjects(sandbox, token, key(made)) == ["Weekly digest"]
    assert sandbox.get(path, token).json()["totalItemCount"] == 1
    changed = sandbox.graph("PATCH", path, token, json={"filterQuery": "subject eq 'Lunch'"})
    assert changed.json()["filterQuery"] == "subject eq 'Lunch'"
    assert subjects(sandbox, token, key(made)) == ["Lunch"]


def test_a_search_folder_looks_into_nested_folders_when_told_to(sandbox: Sandbox, token: str) -> None:
    projects = folder_named(sandbox, token, "Projects")["id"]
    launch = sandbox.get(f"/me/mailFolders/{key(projects)}/childFolders", token).json()["value"][0]["id"]
    made = draft(sandbox, token, subject="digest within")
    sandbox.graph("POST", f"/me/messages/{key(made)}/move", token, json={"destinationId": launch})
    flat = search_folder(sandbox, token, sourceFolderIds=[projects])
    assert subjects(sandbox, token, key(flat)) == []
    deep = search_folder(
        sandbox, token, sourceFolderIds=[projects], includeNestedFolders=True, displayName="Deep"
    )
    assert subjects(sandbox, token, key(deep)) == ["digest within"]


def test_a_search_folder_without_sources_or_with_a_bad_filter_is_refused(
    sandbox: Sandbox, token: str
) -> None:
    body = {
        "@odata.type": "microsoft.graph.mailSearchFolder",
        "displayName": "Bad",
        "filterQuery": "isRead eq true",
    }
    path = "/me/mailFolders/searchfolders/childFolders"
    assert sandbox.graph("POST", path, token, json=body).status_code == 400
    body |= {"sourceFolderIds": ["inbox"], "filterQuery": "isRead is true"}  # type: ignore[dict-item]
    assert sandbox.graph("POST", path, token, json=body).status_code == 400


def test_a_folder_is_copied_with_what_is_in_it_and_deleted_for_good(sandbox: Sandbox, token: str) -> None:
    projects = folder_named(sandbox, token, "Projects")
    path = f"/me/mailFolders/{key(projects)}"
    twin = sandbox.graph("POST", f"{path}/copy", token, json={"destinationId": "archive"}).json()
    assert (twin["displayName"], twin["childFolderCount"]) == ("Projects", 1)
    inside = f"/me/mailFolders/archive/childFolders/{key(twin)}"
    assert sandbox.get(inside, token).json()["id"] == twin["id"]
    assert sandbox.graph("POST", f"{path}/permanentDelete", token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "ErrorItemNotFound")
    assert sandbox.get("/me/mailFolders/deleteditems", token).json()["childFolderCount"] == 0
    assert sandbox.get(inside.replace("archive", "inbox"), token).status_code == 404


def test_a_copied_message_is_younger_than_its_receipt(sandbox: Sandbox, token: str) -> None:
    original = newest(sandbox, token)
    body = {"destinationId": "archive"}
    twin = sandbox.graph("POST", f"/me/messages/{key(original)}/copy", token, json=body).json()
    assert twin["receivedDateTime"] == original["receivedDateTime"]
    assert twin["createdDateTime"] > twin["receivedDateTime"]


# Mail tips


def test_mail_tips_tell_who_is_away_who_is_outside_and_who_is_nobody(sandbox: Sandbox, token: str) -> None:
    away = {"automaticRepliesSetting": {"status": "alwaysEnabled", "internalReplyMessage": "Back on Monday."}}
    of_luis = sandbox.token("MailboxSettings.ReadWrite", user=LUIS)
    assert sandbox.graph("PATCH", "/me/mailboxSettings", of_luis, json=away).status_code == 200
    addresses = [LUIS, PRIYA, "ann@contoso.com", f"nobody@{COMPANY}"]
    answer = sandbox.graph("POST", "/me/getMailTips", token, json={"EmailAddresses": addresses})
    at_work, outside, nobody = answer.json()["value"][1:]
    assert "Back on Monday." in answer.json()["value"][0]["automaticReplies"]["message"]
    assert (at_work["automaticReplies"]["message"], at_work["recipientScope"]) == ("", "internal")
    assert outside["recipientScope"] == "external"
    assert "mailboxFull" not in nobody
    assert nobody["error"]["code"]


def test_mail_tips_are_those_that_the_options_name(sandbox: Sandbox) -> None:
    body = {"EmailAddresses": [LUIS], "MailTipsOptions": "mailboxFullStatus, recipientScope"}
    answer = sandbox.graph("POST", "/me/getMailTips", sandbox.token("Mail.Read"), json=body)
    assert set(answer.json()["value"][0]) == {"emailAddress", "mailboxFull", "recipientScope"}
    wrong = {"EmailAddresses": [LUIS], "MailTipsOptions": "misspelt"}
    assert sandbox.graph("POST", "/me/getMailTips", sandbox.token("Mail.Read"), json=wrong).status_code == 400
    assert sandbox.graph("POST", "/me/getMailTips", sandbox.token("Mail.Send"), json=body).status_code == 403


# Extensions


def test_an_extension_is_added_read_changed_and_taken_off(sandbox: Sandbox, token: str) -> None:
    message = f"/me/messages/{key(draft(sandbox, token))}"
    made = sandbox.graph("POST", f"{message}/extensions", token, json=EXTENSION)
    assert made.status_code == 201
    assert made.json()["id"] == "microsoft.graph.openTypeExtension.Com.Contoso.Referral"
    again = sandbox.graph("POST", f"{message}/extensions", token, json=EXTENSION)
    assert again.status_code == 409
    path = f"{message}/extensions/Com.Contoso.Referral"
    assert sandbox.graph("PATCH", path, token, json={"by": "Lee"}).json()["by"] == "Lee"
    assert sandbox.get(path, token).json()["by"] == "Lee"
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(f"{message}/extensions", token).json()["value"] == []


def test_extensions_come_with_a_new_message_and_show_when_expanded(
    sandbox: Sandbox, token: str, luis: str
) -> None:
    path = f"/me/messages/{key(draft(sandbox, token, extensions=[EXTENSION]))}"
    assert "extensions" not in sandbox.get(path, token).json()
    shown = sandbox.get(f"{path}?$expand=extensions($filter=id eq 'Com.Contoso.Referral')", token).json()
    assert [extension["by"] for extension in shown["extensions"]] == ["Ann"]
    send(sandbox, luis, "Bare", me(sandbox, token), extensions=[EXTENSION])
    got = f"/me/messages/{key(newest(sandbox, token))}?$expand=extensions"
    assert sandbox.get(got, token).json()["extensions"] == []


# Sending later


def deferred(sandbox: Sandbox, luis: str, address: str) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    held_back = [{"id": "SystemTime 0x3FEF", "value": later}]
    send(sandbox, luis, "Later", address, singleValueExtendedProperties=held_back)


def test_a_deferred_message_waits_among_the_drafts(sandbox: Sandbox, token: str, luis: str) -> None:
    deferred(sandbox, luis, me(sandbox, token))
    assert "Later" not in subjects(sandbox, token)
    assert "Later" in subjects(sandbox, luis, "drafts")
    sandbox.control("POST", "/clock", {"advance_seconds": 3700})
    token, luis = mail_token(sandbox), mail_token(sandbox, user=LUIS)
    assert "Later" in subjects(sandbox, token)
    assert "Later" in subjects(sandbox, luis, "sentitems")
    assert "Later" not in subjects(sandbox, luis, "drafts")


def test_a_deferred_message_that_is_deleted_is_not_sent(sandbox: Sandbox, token: str, luis: str) -> None:
    deferred(sandbox, luis, me(sandbox, token))
    waiting = newest(sandbox, luis, "drafts")
    assert waiting["subject"] == "Later"
    assert sandbox.graph("DELETE", f"/me/messages/{key(waiting)}", luis).status_code == 204
    sandbox.control("POST", "/clock", {"advance_seconds": 3700})
    assert "Later" not in subjects(sandbox, mail_token(sandbox))
