"""Meetings: copies in the attendees' calendars, answers, cancellations."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, PRIYA, code, event, key, mail_token, subjects, to

WEEKLY = {
    "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
    "range": {"type": "numbered", "startDate": "2027-03-01", "numberOfOccurrences": 3},
}


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


@pytest.fixture
def luis(sandbox: Sandbox) -> str:
    return mail_token(sandbox, user=LUIS)


def copies(sandbox: Sandbox, token: str, subject: str = "Talk") -> list[Any]:
    answer = sandbox.get("/me/events?$top=100", token).json()["value"]
    return [entry for entry in answer if entry["subject"].endswith(subject)]


def responses(sandbox: Sandbox, token: str, meeting: Any) -> dict[str, str]:
    shown = sandbox.get(f"/me/events/{key(meeting)}", token).json()
    return {entry["emailAddress"]["address"]: entry["status"]["response"] for entry in shown["attendees"]}


def test_an_invitation_reaches_calendar_and_inbox(sandbox: Sandbox, token: str, luis: str) -> None:
    made = event(sandbox, token, attendees=to(LUIS), transactionId="t")
    assert made["attendees"][0]["type"] == "required"
    assert made["responseStatus"]["response"] == "organizer"
    (copy,) = copies(sandbox, luis)
    assert copy["iCalUId"] == made["iCalUId"]
    assert copy["id"] != made["id"]
    assert (copy["isOrganizer"], copy["responseStatus"]["response"]) == (False, "notResponded")
    assert copy["organizer"] == made["organizer"]
    letter = sandbox.get("/me/mailFolders/inbox/messages?$top=1", luis).json()["value"][0]
    assert letter["@odata.type"] == "#microsoft.graph.eventMessageRequest"
    assert (letter["subject"], letter["meetingMessageType"]) == ("Talk", "meetingRequest")


@pytest.mark.parametrize(
    ("action", "response", "title"),
    [
        ("accept", "accepted", "Accepted"), ("tentativelyAccept", "tentativelyAccepted", "Tentative"),
        ("decline", "declined", "Declined"),
    ],
)  # fmt: skip
def test_an_answer_reaches_the_organizer(
    sandbox: Sandbox, token: str, luis: str, action: str, response: str, title: str
) -> None:
    made = event(sandbox, token, attendees=to(LUIS, PRIYA))
    (copy,) = copies(sandbox, luis)
    path = f"/me/events/{key(copy)}"
    answer = sandbox.graph("POST", f"{path}/{action}", luis, json={"comment": "Fine", "sendResponse": True})
    assert (answer.status_code, answer.content) == (202, b"")
    assert responses(sandbox, token, made) == {LUIS: response, PRIYA: "none"}
    assert f"{title}: Talk" in subjects(sandbox, token)
    if action == "decline":
        assert copies(sandbox, luis) == []
    else:
        assert sandbox.get(path, luis).json()["responseStatus"]["response"] == response


def test_an_answer_can_be_kept_to_oneself(sandbox: Sandbox, token: str, luis: str) -> None:
    made = event(sandbox, token, attendees=to(LUIS))
    (copy,) = copies(sandbox, luis)
    sandbox.graph("POST", f"/me/events/{key(copy)}/accept", luis, json={"sendResponse": False})
    assert responses(sandbox, token, made) == {LUIS: "none"}
    assert "Accepted: Talk" not in subjects(sandbox, token)


def test_declined_events_can_be_kept(sandbox: Sandbox, token: str, luis: str) -> None:
    sandbox.switch(declined_events_kept=True)
    event(sandbox, token, attendees=to(LUIS))
    (copy,) = copies(sandbox, luis)
    sandbox.graph("POST", f"/me/events/{key(copy)}/decline", luis, json={})
    assert copies(sandbox, luis)[0]["responseStatus"]["response"] == "declined"


def test_the_organizer_cannot_answer_and_the_attendee_cannot_cancel(
    sandbox: Sandbox, token: str, luis: str
) -> None:
    made = event(sandbox, token, attendees=to(LUIS))
    assert code(sandbox.graph("POST", f"/me/events/{key(made)}/accept", token)) == (
        400,
        "ErrorInvalidRequest",
    )
    (copy,) = copies(sandbox, luis)
    assert code(sandbox.graph("POST", f"/me/events/{key(copy)}/cancel", luis)) == (400, "ErrorInvalidRequest")


def test_another_time_is_proposed_where_the_organizer_allows_it(
    sandbox: Sandbox, token: str, luis: str
) -> None:
    slot = {name: {"dateTime": "2027-03-02T09:00:00", "timeZone": "UTC"} for name in ("start", "end")}
    made = event(sandbox, token, attendees=to(LUIS))
    (copy,) = copies(sandbox, luis)
    path = f"/me/events/{key(copy)}"
    assert sandbox.graph("POST", f"{path}/accept", luis, json={"proposedNewTime": slot}).status_code == 400
    answer = sandbox.graph("POST", f"{path}/tentativelyAccept", luis, json={"proposedNewTime": slot})
    assert answer.status_code == 202
    shown = sandbox.get(f"/me/events/{key(made)}", token).json()
    assert shown["attendees"][0]["proposedNewTime"] == slot
    event(sandbox, token, subject="Fixed", attendees=to(LUIS), allowNewTimeProposals=False)
    (fixed,) = copies(sandbox, luis, "Fixed")
    refused = sandbox.graph("POST", f"/me/events/{key(fixed)}/decline", luis, json={"proposedNewTime": slot})
    assert refused.status_code == 400


def test_changes_reach_the_copies_and_people_come_and_go(sandbox: Sandbox, token: str, luis: str) -> None:
    made = event(sandbox, token, attendees=to(LUIS))
    path = f"/me/events/{key(made)}"
    sandbox.graph("PATCH", path, token, json={"subject": "New Talk"})
    assert [copy["subject"] for copy in copies(sandbox, luis)] == ["New Talk"]
    sandbox.graph("PATCH", path, token, json={"attendees": to(PRIYA)})
    (left,) = copies(sandbox, luis)
    assert (left["isCancelled"], left["subject"]) == (True, "Canceled: New Talk")
    assert len(copies(sandbox, mail_token(sandbox, user=PRIYA))) == 1


def test_private_marks_of_the_organizer_tell_nobody(sandbox: Sandbox, token: str, luis: str) -> None:
    made = event(sandbox, token, attendees=to(LUIS))
    before = subjects(sandbox, luis)
    sandbox.graph("PATCH", f"/me/events/{key(made)}", token, json={"categories": ["Red"], "showAs": "free"})
    assert subjects(sandbox, luis) == before
    assert copies(sandbox, luis)[0]["categories"] == []


def test_attendees_change_their_own_copy_only(sandbox: Sandbox, token: str, luis: str) -> None:
    made = event(sandbox, token, attendees=to(LUIS))
    (copy,) = copies(sandbox, luis)
    sandbox.graph("PATCH", f"/me/events/{key(copy)}", luis, json={"subject": "My Talk"})
    assert sandbox.get(f"/me/events/{key(made)}", token).json()["subject"] == "Talk"


@pytest.mark.parametrize("by", ["cancel", "delete"])
def test_a_cancelled_meeting_is_gone_here_and_marked_there(
    sandbox: Sandbox, token: str, luis: str, by: str
) -> None:
    made = event(sandbox, token, attendees=to(LUIS))
    path = f"/me/events/{key(made)}"
    if by == "cancel":
        assert sandbox.graph("POST", f"{path}/cancel", token, json={"comment": "Sorry"}).status_code == 202
    else:
        assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(path, token).status_code == 404
    assert copies(sandbox, luis)[0]["isCancelled"]
    assert "Canceled: Talk" in subjects(sandbox, luis)


def test_one_occurrence_is_answered_and_cancelled_alone(sandbox: Sandbox, token: str, luis: str) -> None:
    made = event(sandbox, token, attendees=to(LUIS), recurrence=WEEKLY)
    window = "startDateTime=2027-03-01T00:00:00Z&endDateTime=2027-04-01T00:00:00Z"
    (copy,) = copies(sandbox, luis)
    theirs = sandbox.get(f"/me/events/{key(copy)}/instances?{window}", luis).json()["value"]
    assert sandbox.graph("POST", f"/me/events/{key(theirs[0])}/accept", luis, json={}).status_code == 202
    ours = sandbox.get(f"/me/events/{key(made)}/instances?{window}", token).json()["value"]
    assert [entry["attendees"][0]["status"]["response"] for entry in ours] == ["accepted", "none", "none"]
    assert sandbox.graph("POST", f"/me/events/{key(ours[1])}/cancel", token, json={}).status_code == 202
    ours = sandbox.get(f"/me/events/{key(made)}/instances?{window}", token).json()["value"]
    assert len(ours) == 2
    theirs = sandbox.get(f"/me/events/{key(copy)}/instances?{window}", luis).json()["value"]
    assert [entry["isCancelled"] for entry in theirs] == [False, True, False]


def test_hidden_attendees_see_only_themselves(sandbox: Sandbox, token: str, luis: str) -> None:
    event(sandbox, token, attendees=to(LUIS, PRIYA), hideAttendees=True)
    (copy,) = copies(sandbox, luis)
    assert [entry["emailAddress"]["address"] for entry in copy["attendees"]] == [LUIS]
