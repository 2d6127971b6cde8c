"""Mail of the sandbox: folders, messages, queries, ids, permissions."""

from __future__ import annotations

from email import message_from_bytes

import pytest

from .conftest import COMPANY, Sandbox
from .outlook_calls import IMMUTABLE, LUIS, MARK, OFFICE, code, draft, key, mail_token, send, subjects, to

INBOX = "/me/mailFolders/inbox/messages"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


# Folders


def test_folders_list_those_at_the_top_and_hide_the_hidden(sandbox: Sandbox, token: str) -> None:
    path = "/me/mailFolders"
    names = [folder["displayName"] for folder in sandbox.get(f"{path}?$top=100", token).json()["value"]]
    assert {"Inbox", "Drafts", "Sent Items", "Deleted Items", "Projects"} <= set(names)
    assert "Clutter" not in names
    assert "Launch" not in names
    shown = sandbox.get(f"{path}?includeHiddenFolders=true&$top=100", token).json()["value"]
    assert "Clutter" in [folder["displayName"] for folder in shown]


def test_a_well_known_name_opens_the_folder_that_its_id_opens(sandbox: Sandbox, token: str) -> None:
    by_name = sandbox.get("/me/mailFolders/inbox", token).json()
    by_id = sandbox.get(f"/me/mailFolders/{key(by_name)}", token).json()
    assert by_id["displayName"] == "Inbox"
    assert by_id["id"] == by_name["id"]
    assert by_id["totalItemCount"] == len(subjects(sandbox, token))


def test_the_unread_count_follows_the_messages(sandbox: Sandbox, token: str) -> None:
    before = sandbox.get("/me/mailFolders/inbox", token).json()["unreadItemCount"]
    unread = sandbox.get(f"{INBOX}?$filter=isRead eq false&$top=1", token).json()["value"][0]
    sandbox.graph("PATCH", f"/me/messages/{key(unread)}", token, json={"isRead": True})
    assert sandbox.get("/me/mailFolders/inbox", token).json()["unreadItemCount"] == before - 1


def test_a_folder_is_created_renamed_and_deleted(sandbox: Sandbox, token: str) -> None:
    made = sandbox.graph("POST", "/me/mailFolders/inbox/childFolders", token, json={"displayName": "A"})
    assert made.status_code == 201
    path = f"/me/mailFolders/{key(made.json())}"
    assert sandbox.graph("PATCH", path, token, json={"displayName": "B"}).json()["displayName"] == "B"
    assert sandbox.get("/me/mailFolders/inbox", token).json()["childFolderCount"] == 1
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get("/me/mailFolders/deleteditems", token).json()["childFolderCount"] == 1
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "ErrorItemNotFound")


def test_a_second_folder_of_the_same_name_is_a_conflict(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("POST", "/me/mailFolders", token, json={"displayName": "projects"})
    assert code(answer) == (409, "ErrorFolderExists")


def test_the_inbox_cannot_be_deleted(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("DELETE", "/me/mailFolders/inbox", token)
    assert code(answer) == (403, "ErrorDeleteDistinguishedFolder")


def test_child_folders_expand(sandbox: Sandbox, token: str) -> None:
    folders = sandbox.get("/me/mailFolders?$expand=childFolders&$top=100", token).json()["value"]
    projects = next(folder for folder in folders if folder["displayName"] == "Projects")
    assert [child["displayName"] for child in projects["childFolders"]] == ["Launch"]


# Lists


def test_messages_come_newest_first_ten_at_a_time(sandbox: Sandbox, token: str) -> None:
    for number in range(12):
        draft(sandbox, token, subject=f"Draft {number}")
    page = sandbox.get("/me/mailFolders/drafts/messages", token).json()
    assert len(page["value"]) == 10
    assert page["value"][0]["subject"] == "Draft 11"
    assert "%24skip=10" in page["@odata.nextLink"] or "$skip=10" in page["@odata.nextLink"]
    rest = sandbox.get(page["@odata.nextLink"], token).json()["value"]
    assert {entry["subject"] for entry in rest} >= {"Draft 0", "Draft 1"}


def test_a_page_of_more_than_1000_messages_is_refused(sandbox: Sandbox, token: str) -> None:
    assert sandbox.get(f"{INBOX}?$top=1001", token).status_code == 400


def test_select_leaves_id_and_etag(sandbox: Sandbox, token: str) -> None:
    message = sandbox.get(f"{INBOX}?$select=subject&$top=1", token).json()["value"][0]
    assert set(message) == {"@odata.etag", "id", "subject"}


def test_an_order_that_the_filter_does_not_begin_with_is_inefficient(sandbox: Sandbox, token: str) -> None:
    order = "$orderby=receivedDateTime desc"
    bad = sandbox.get(f"{INBOX}?$filter=isRead eq false&{order}", token)
    assert code(bad) == (400, "InefficientFilter")
    good = sandbox.get(
        f"{INBOX}?$filter=receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false&{order}", token
    )
    assert good.status_code == 200


def test_messages_are_filtered_by_sender_and_internet_message_id(sandbox: Sandbox, token: str) -> None:
    first = sandbox.get(f"{INBOX}?$top=1", token).json()["value"][0]
    sender = first["from"]["emailAddress"]["address"].replace("'", "''")
    for condition in (
        f"from/emailAddress/address eq '{sender}'", f"internetMessageId eq '{first['internetMessageId']}'",
    ):  # fmt: skip
        answer = sandbox.graph("GET", INBOX, token, params={"$filter": condition})
        assert [entry["id"] for entry in answer.json()["value"]] == [first["id"]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ('"brook"', ["Brook walk", "Notes"]),
        ('"from:mina subject:brook"', ["Brook walk"]),
        ('"subject:brook OR subject:hill"', ["Brook walk", "Hill view"]),
        ('"subject:brook AND subject:hill"', []),
        ('"\\"by the brook\\""', ["Notes"]),
        ('"bro*"', ["Brook walk", "Notes"]),
        ('"bro"', []),
        ('"rook"', []),
        ('"subject:hill NOT importance:low"', ["Hill view"]),
        ('"hasAttachments:true subject:hill"', []),
        ('"received>=2020-01-01 subject:hill"', ["Hill view"]),
        ('"hill\\" OR subject:brook"', []),
    ],
)
def test_search_reads_the_query_language(sandbox: Sandbox, token: str, search: str, found: list[str]) -> None:
    draft(sandbox, token, subject="Brook walk")
    draft(sandbox, token, subject="Hill view")
    draft(
        sandbox,
        token,
        subject="Notes",
        body={"contentType": "html", "content": "<p>A house by the brook</p>"},
    )
    answer = sandbox.graph("GET", "/me/mailFolders/drafts/messages", token, params={"$search": search})
    assert sorted(entry["subject"] for entry in answer.json()["value"]) == found


def test_search_goes_with_neither_filter_nor_order(sandbox: Sandbox, token: str) -> None:
    by_filter = sandbox.get('/me/messages?$search="a"&$filter=isRead eq true', token)
    assert code(by_filter) == (400, "SearchWithFilter")
    by_order = sandbox.get('/me/messages?$search="a"&$orderby=receivedDateTime', token)
    assert code(by_order) == (400, "SearchWithOrderBy")


def test_a_new_message_shows_in_lists_after_the_switched_delay(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(read_after_write_delay_seconds=30)
    made = draft(sandbox, token, subject="Late")
    assert "Late" not in subjects(sandbox, token, "drafts")
    assert sandbox.get(f"/me/messages/{key(made)}", token).status_code == 200
    sandbox.control("POST", "/clock", {"advance_seconds": 31})
    assert "Late" in subjects(sandbox, mail_token(sandbox), "drafts")


# Bodies


def test_the_preferred_body_type_is_applied_and_confirmed(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, body={"contentType": "HTML", "content": "They were <b>great</b> &amp; loud"})
    assert made["body"]["contentType"] == "html"
    assert made["bodyPreview"] == "They were great & loud"
    prefer = 'outlook.body-content-type="text"'
    answer = sandbox.get(f"/me/messages/{key(made)}", token, Prefer=prefer)
    assert answer.json()["body"] == {"contentType": "text", "content": "They were great & loud"}
    assert answer.headers["Preference-Applied"] == prefer


def test_the_preferred_body_type_can_be_ignored(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, body={"contentType": "html", "content": "<b>x</b>"})
    sandbox.switch(body_type_preference_ignored=True)
    answer = sandbox.get(f"/me/messages/{key(made)}", token, Prefer='outlook.body-content-type="text"')
    assert answer.json()["body"]["contentType"] == "html"
    assert "Preference-Applied" not in answer.headers


# One message


def test_a_draft_is_created_with_what_it_needs(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, importance="Low", toRecipients=to(LUIS))
    assert made["isDraft"]
    assert made["importance"] == "low"
    assert made["toRecipients"][0]["emailAddress"] == {"name": "Luis Brandt", "address": LUIS}
    assert made["internetMessageId"].startswith("<")
    assert made["@odata.etag"] == f'W/"{made["changeKey"]}"'
    drafts = sandbox.get("/me/mailFolders/drafts", token).json()
    assert made["parentFolderId"] == drafts["id"]


def test_an_unknown_property_is_refused(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("POST", "/me/messages", token, json={"subjekt": "x"})
    assert code(answer) == (400, "RequestBodyRead")
    assert "subjekt" in answer.json()["error"]["message"]


def test_of_a_received_message_only_marks_can_be_changed(sandbox: Sandbox, token: str) -> None:
    message = sandbox.get(f"{INBOX}?$top=1", token).json()["value"][0]
    path = f"/me/messages/{key(message)}"
    changed = sandbox.graph(
        "PATCH", path, token, json={"categories": ["Red"], "flag": {"flagStatus": "flagged"}, "isRead": True}
    ).json()
    assert (changed["categories"], changed["flag"]["flagStatus"]) == (["Red"], "flagged")
    assert changed["changeKey"] != message["changeKey"]
    answer = sandbox.graph("PATCH", path, token, json={"subject": "Other"})
    assert code(answer) == (400, "ErrorInvalidPropertySet")


def test_another_version_named_in_if_match_is_refused(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token)
    path = f"/me/messages/{key(made)}"
    stale = {"If-Match": made["@odata.etag"]}
    assert sandbox.graph("PATCH", path, token, json={"subject": "B"}, headers=stale).status_code == 200
    assert sandbox.graph("PATCH", path, token, json={"subject": "C"}, headers=stale).status_code == 412
    several = {"If-Match": f'"a,b", {sandbox.get(path, token).json()["@odata.etag"]}'}
    assert sandbox.graph("PATCH", path, token, json={"subject": "D"}, headers=several).status_code == 200


def test_delete_moves_to_deleted_items_and_then_removes(sandbox: Sandbox, token: str) -> None:
    made = sandbox.graph("POST", "/me/messages", token, json={"subject": "Old"}, headers=IMMUTABLE).json()
    path = f"/me/messages/{key(made)}"
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert "Old" in subjects(sandbox, token, "deleteditems")
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "ErrorItemNotFound")


def test_a_move_changes_the_id_unless_immutable_ids_are_preferred(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token)
    lasting = sandbox.graph("GET", f"/me/messages/{key(made)}", token, headers=IMMUTABLE).json()["id"]
    moved = sandbox.graph("POST", f"/me/messages/{key(made)}/move", token, json={"destinationId": "archive"})
    assert moved.status_code == 201
    assert moved.json()["id"] not in (made["id"], lasting)
    assert code(sandbox.get(f"/me/messages/{key(made)}", token)) == (404, "ErrorItemNotFound")
    again = sandbox.graph("GET", f"/me/mailFolders/archive/messages/{key(lasting)}", token, headers=IMMUTABLE)
    assert again.json()["id"] == lasting
    assert sandbox.get(f"/me/mailFolders/drafts/messages/{key(lasting)}", token).status_code == 404


def test_a_copy_is_a_message_of_its_own(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token)
    twin = sandbox.graph(
        "POST", f"/me/messages/{key(made)}/copy", token, json={"destinationId": "archive"}
    ).json()
    assert twin["id"] != made["id"]
    assert sandbox.get(f"/me/messages/{key(made)}", token).status_code == 200


def test_ids_need_escaping_and_wrong_ones_are_told_apart(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token)
    assert {"/", "+", "="} <= set(made["id"])
    assert code(sandbox.get("/me/messages/nonsense", token)) == (400, "ErrorInvalidIdMalformed")
    other = made["id"][:-2] + "x="
    assert code(sandbox.get(f"/me/messages/{key(other)}", token)) == (404, "ErrorItemNotFound")


def test_extended_properties_are_set_expanded_and_filtered(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token, singleValueExtendedProperties=[{"id": MARK, "value": "call-1"}])
    assert "singleValueExtendedProperties" not in made
    condition = f"singleValueExtendedProperties/any(p:p/id eq '{MARK}' and p/value eq 'call-1')"
    found = sandbox.graph("GET", "/me/messages", token, params={"$filter": condition}).json()["value"]
    assert [entry["id"] for entry in found] == [made["id"]]
    assert "singleValueExtendedProperties" not in found[0]
    expand = f"singleValueExtendedProperties($filter=id eq '{MARK}')"
    shown = sandbox.graph("GET", f"/me/messages/{key(made)}", token, params={"$expand": expand}).json()
    assert shown["singleValueExtendedProperties"] == [{"id": MARK, "value": "call-1"}]
    other = condition.replace("call-1", "call-2")
    assert sandbox.graph("GET", "/me/messages", token, params={"$filter": other}).json()["value"] == []


def test_custom_headers_begin_with_x_and_show_when_selected(sandbox: Sandbox, token: str) -> None:
    headers = [{"name": "x-order", "value": "77"}]
    made = draft(sandbox, token, internetMessageHeaders=headers)
    assert "internetMessageHeaders" not in made
    shown = sandbox.get(f"/me/messages/{key(made)}?$select=internetMessageHeaders", token).json()
    assert shown["internetMessageHeaders"] == headers
    wrong = {"internetMessageHeaders": [{"name": "order", "value": "77"}]}
    answer = sandbox.graph("POST", "/me/messages", token, json=wrong)
    assert code(answer) == (400, "InvalidInternetMessageHeader")


def test_value_is_the_message_as_mime(sandbox: Sandbox, token: str) -> None:
    made = draft(
        sandbox,
        token,
        subject="Grüße",
        body={"contentType": "text", "content": "Hello"},
        toRecipients=to(LUIS),
    )
    answer = sandbox.get(f"/me/messages/{key(made)}/$value", token)
    mime = message_from_bytes(answer.content)
    assert mime["To"] == f"Luis Brandt <{LUIS}>"
    assert mime["Message-ID"] == made["internetMessageId"]
    assert mime.get_payload(decode=True).strip() == b"Hello"  # type: ignore[union-attr]


# Whose mail


def test_a_shared_mailbox_opens_for_its_delegate_with_the_shared_permission(sandbox: Sandbox) -> None:
    path = f"/users/{OFFICE}/messages?$top=1"
    assert sandbox.get(path, sandbox.token("Mail.Read.Shared")).status_code == 200
    assert code(sandbox.get(path, sandbox.token("Mail.Read"))) == (403, "ErrorAccessDenied")
    stranger = sandbox.token("Mail.Read.Shared", user=LUIS)
    assert code(sandbox.get(path, stranger)) == (403, "ErrorAccessDenied")


def test_an_application_opens_every_mailbox(sandbox: Sandbox) -> None:
    token = sandbox.token("Mail.Read", user=None)
    assert sandbox.get(f"/users/{LUIS}/messages", token).status_code == 200


@pytest.mark.parametrize("alias", ["nomail.kim", "onprem.weber"])
def test_people_without_a_mailbox_in_the_cloud_have_no_mail(sandbox: Sandbox, alias: str) -> None:
    token = sandbox.token("Mail.Read", user=None)
    answer = sandbox.get(f"/users/{alias}@{COMPANY}/messages", token)
    assert code(answer) == (404, "MailboxNotEnabledForRESTAPI")


def test_the_basic_permission_withholds_the_body(sandbox: Sandbox) -> None:
    token = sandbox.token("Mail.ReadBasic")
    message = sandbox.get(f"{INBOX}?$top=1", token).json()["value"][0]
    assert "subject" in message
    assert not {"body", "bodyPreview"} & set(message)
    assert code(sandbox.get(f"{INBOX}?$select=body", token)) == (403, "ErrorAccessDenied")


def test_reading_does_not_allow_writing(sandbox: Sandbox) -> None:
    answer = sandbox.graph("POST", "/me/messages", sandbox.token("Mail.Read"), json={"subject": "x"})
    assert code(answer) == (403, "ErrorAccessDenied")


def test_a_message_of_another_mailbox_is_not_found(sandbox: Sandbox, token: str) -> None:
    made = draft(sandbox, token)
    other = mail_token(sandbox, user=LUIS)
    assert code(sandbox.get(f"/me/messages/{key(made)}", other)) == (404, "ErrorItemNotFound")
    send(sandbox, token, "For Luis", LUIS)
    assert "For Luis" in subjects(sandbox, other)
