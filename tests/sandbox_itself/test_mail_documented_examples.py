"""The sandbox answers the mail and calendar requests of Microsoft's documentation in the documented shapes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.reference import documented_examples, needs_reference

from .conftest import USER, Sandbox
from .outlook_calls import LUIS, draft, event, key, mail_token, to

GROUP = "00000001-0000-4000-9000-000000000001"
SERVED = {
    "attachment-delete", "attachment-get", "delta-query-messages", "event-accept", "event-cancel", "event-delete",
    "event-delta", "event-post-attachments", "event-tentativelyaccept", "event-update", "eventmessage-delete",
    "eventmessage-list-attachments", "eventmessage-update", "group-delete-event", "group-get-event",
    "group-post-events", "calendar-list-events", "calendar-post-events", "mailfolder-delete",
    "mailfolder-post-childfolders", "mailfolder-post-messages", "mailfolder-update", "message-createforward",
    "message-delta", "message-get", "message-replyall", "message-update", "user-list-mailfolders",
    "user-post-calendargroups", "user-post-events", "user-post-messages", "user-sendmail",
}  # fmt: skip
CUT_SHORT = {
    "message-createforward#2", "message-replyall#2", "message-replyall#3", "user-post-messages#3", "user-sendmail#4", "event-post-attachments#1",
}  # fmt: skip
"""Examples whose base64 the documentation shows only the beginning of."""
STATUS = {"mailfolder-post-childfolders#1": 201, "mailfolder-post-messages#1": 201, "message-replyall#1": 202}
"""Where the examples show 200 although the text of the same pages says otherwise."""
ABSENT = {
    "@odata.context", "@odata.id", "@odata.nextLink", "item@odata.context", "transactionId", "meetingMessageType",
}  # fmt: skip
"""What depends on the example: further pages, kinds of messages, repeated types, links."""

EXAMPLES = [
    example
    for example in documented_examples()
    if example["area"] in ("mail", "calendar")
    and example["page"] in SERVED
    and example["id"] not in CUT_SHORT
    and "/beta/" not in example["request"]["url"]
    and "token=" not in example["request"]["url"]
]


@pytest.fixture
def places(sandbox: Sandbox) -> dict[str, str]:
    """The id that stands for those of each kind in the documents."""
    token = mail_token(sandbox)
    groups = sandbox.token("Group.ReadWrite.All")
    hello = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentBytes": "SGk="}
    message = draft(sandbox, token, toRecipients=to(LUIS), body={"contentType": "text", "content": "x"})
    invitation = event(sandbox, mail_token(sandbox, user=LUIS), subject="Invited", attendees=to(USER))
    copies = sandbox.get("/me/events?$filter=subject eq 'Invited'", token).json()["value"]
    own = event(sandbox, token)
    assert invitation["iCalUId"] == copies[0]["iCalUId"]
    found = {"message": key(message), "event": key(own), "invitation": key(copies[0])}
    for kind in ("message", "event"):
        path = f"/me/{kind}s/{found[kind]}/attachments"
        found[f"{kind}_attachment"] = key(sandbox.graph("POST", path, token, json=hello).json())
    found["group_event"] = key(event(sandbox, groups, path=f"/groups/{GROUP}/events"))
    found["folder"] = key(sandbox.graph("POST", "/me/mailFolders", token, json={"displayName": "F"}).json())
    found["calendar"] = key(sandbox.get("/me/calendar", token).json())
    return found


def addressed(url: str, places: dict[str, str]) -> str:
    """The path of a documented URL with ids that exist here."""
    path, mark, query = re.sub(r"https://graph.microsoft.com/v1.0", "", url).partition("?")
    about = "event" if "/events" in path else "message"
    is_answer = re.search(r"/(accept|tentativelyAccept)$", path) is not None
    event_key = "group_event" if "/groups" in path else "invitation" if is_answer else "event"
    for collection, place in (
        ("attachments", f"{about}_attachment"), ("messages", "message"), ("events", event_key),
        ("mailfolders", "folder"), ("calendars", "calendar"),
    ):  # fmt: skip
        path = re.sub(rf"(?i)(/{collection})/(?!delta|inbox)[^/]+", rf"\1/{places[place]}", path)
    path = re.sub(r"/groups/[^/]+", f"/groups/{GROUP}", path)
    query = query.replace("{start_datetime}", "2027-01-01T00:00:00Z").replace(
        "{end_datetime}", "2027-12-01T00:00:00Z"
    )
    return path + mark + query


@needs_reference
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_a_documented_request_gets_the_documented_shape(
    sandbox: Sandbox, places: dict[str, str], example: dict[str, Any]
) -> None:
    request, expected = example["request"], example["response"]
    token = sandbox.token("Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite", "Group.ReadWrite.All")
    headers = {name: value for name, value in request["headers"].items() if name != "Content-length"}
    content: dict[str, Any] = {"json": request["body"]} if request["body"] else {}
    if request.get("body_raw"):
        content = {"data": request["body_raw"].encode()}

    answer = sandbox.graph(
        request["method"], addressed(request["url"], places), token, headers=headers, **content
    )

    assert answer.status_code == STATUS.get(example["id"], expected["status"]), answer.text
    documented = expected["body"] or {}
    if "error" in documented:
        assert answer.json()["error"]["code"] == documented["error"]["code"]
        return
    found = answer.json() if documented else {}
    if documented.get("value") and found.get("value"):
        documented, found = documented["value"][0], found["value"][0]
    assert {name for name in documented if name not in found} <= ABSENT
