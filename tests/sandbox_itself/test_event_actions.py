"""What is done with events of the sandbox: forwarded, put off, extended; and their changes without a period."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, PRIYA, code, event, key, mail_token, subjects, to, view

EXTENSION = {
    "@odata.type": "microsoft.graph.openTypeExtension",
    "extensionName": "Com.Contoso.Deal",
    "value": 7,
}
PERIOD = "StartDateTime='2027-03-01T00:00:00Z',EndDateTime='2027-03-06T00:00:00Z'"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


def reminders(sandbox: Sandbox, token: str) -> dict[str, Any]:
    answer = sandbox.get(f"/me/reminderView({PERIOD})", token)
    assert answer.status_code == 200, answer.text
    return {entry["eventSubject"]: entry for entry in answer.json()["value"]}


# Forwarding


def test_a_forwarded_meeting_reaches_the_new_attendee(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, day="2027-03-02", attendees=to(LUIS))
    answer = sandbox.graph(
        "POST",
        f"/me/events/{key(made)}/forward",
        token,
        json={"toRecipients": to(PRIYA), "comment": "Join us"},
    )
    assert (answer.status_code, answer.content) == (202, b"")
    priya = mail_token(sandbox, user=PRIYA)
    assert "FW: Talk" in subjects(sandbox, priya)
    assert "Talk" in [entry["subject"] for entry in view(sandbox, priya, "2027-03-02", "2027-03-03")]
    attendees = sandbox.get(f"/me/events/{key(made)}", token).json()["attendees"]
    assert [entry["emailAddress"]["address"] for entry in attendees] == [LUIS, PRIYA]


def test_the_organizer_hears_that_an_attendee_forwarded(sandbox: Sandbox, token: str) -> None:
    event(sandbox, token, day="2027-03-02", attendees=to(LUIS))
    luis = mail_token(sandbox, user=LUIS)
    [copy] = view(sandbox, luis, "2027-03-02", "2027-03-03")
    sandbox.graph("POST", f"/me/events/{key(copy)}/forward", luis, json={"toRecipients": to(PRIYA)})
    assert "Meeting Forward Notification: Talk" in subjects(sandbox, token)


def test_the_forwarded_invitation_is_found_by_its_event(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, day="2027-03-02")
    sandbox.graph("POST", f"/me/events/{key(made)}/forward", token, json={"toRecipients": to(PRIYA)})
    found = sandbox.get(
        "/me/mailFolders/sentitems/messages?$expand=microsoft.graph.eventMessage/event&$top=50", token
    ).json()["value"]
    assert made["id"] in [(entry.get("event") or {}).get("id") for entry in found]


def test_forwarding_needs_somebody_and_only_reads(sandbox: Sandbox, token: str) -> None:
    path = f"/me/events/{key(event(sandbox, token))}/forward"
    assert code(sandbox.graph("POST", path, token, json={})) == (400, "ErrorInvalidRecipients")
    reader = sandbox.token("Calendars.Read")
    assert sandbox.graph("POST", path, reader, json={"toRecipients": to(PRIYA)}).status_code == 202
    basic = sandbox.token("Calendars.ReadBasic")
    assert sandbox.graph("POST", path, basic, json={"toRecipients": to(PRIYA)}).status_code == 403


# Reminders


def test_a_reminder_goes_off_before_the_start(sandbox: Sandbox, token: str) -> None:
    event(sandbox, token, day="2027-03-02", reminderMinutesBeforeStart=20)
    event(sandbox, token, day="2027-03-03", subject="Silent", isReminderOn=False)
    found = reminders(sandbox, token)
    assert found["Talk"]["reminderFireTime"]["dateTime"].startswith("2027-03-02T08:40:00")
    assert "Silent" not in found


def test_a_reminder_is_put_off_and_dismissed(sandbox: Sandbox, token: str) -> None:
    path = f"/me/events/{key(event(sandbox, token, day='2027-03-02'))}"
    later = {"newReminderTime": {"dateTime": "2027-03-02T08:55:00", "timeZone": "UTC"}}
    assert sandbox.graph("POST", f"{path}/snoozeReminder", token, json=later).status_code == 200
    assert reminders(sandbox, token)["Talk"]["reminderFireTime"]["dateTime"].startswith("2027-03-02T08:55")
    for _ in range(2):
        assert sandbox.graph("POST", f"{path}/dismissReminder", token).status_code == 200
    assert "Talk" not in reminders(sandbox, token)
    assert sandbox.graph("POST", f"{path}/snoozeReminder", token, json=later).status_code == 400


def test_one_occurrence_is_dismissed_on_its_own(sandbox: Sandbox, token: str) -> None:
    weekly = {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "numbered", "startDate": "2027-03-02",
              "numberOfOccurrences": 3}}  # fmt: skip
    event(sandbox, token, day="2027-03-02", subject="Daily", recurrence=weekly)
    first = next(e for e in view(sandbox, token, "2027-03-02", "2027-03-06") if e["subject"] == "Daily")
    sandbox.graph("POST", f"/me/events/{key(first)}/dismissReminder", token)
    answer = sandbox.get(f"/me/reminderView({PERIOD})", token).json()["value"]
    left = [entry["eventStartTime"]["dateTime"][:10] for entry in answer if entry["eventSubject"] == "Daily"]
    assert left == ["2027-03-03", "2027-03-04"]


def test_a_reminder_view_needs_a_period(sandbox: Sandbox, token: str) -> None:
    wrong = "/me/reminderView(StartDateTime='soon',EndDateTime='2027-03-06')"
    assert code(sandbox.get(wrong, token)) == (400, "ErrorInvalidParameter")


# Extensions


def test_an_extension_is_added_read_and_removed(sandbox: Sandbox, token: str) -> None:
    path = f"/me/events/{key(event(sandbox, token))}"
    made = sandbox.graph("POST", f"{path}/extensions", token, json=EXTENSION)
    assert (made.status_code, made.json()["value"]) == (201, 7)
    assert sandbox.graph("POST", f"{path}/extensions", token, json=EXTENSION).status_code == 409
    one = f"{path}/extensions/Com.Contoso.Deal"
    assert sandbox.get(one, token).json()["value"] == 7
    [expanded] = sandbox.get(f"{path}?$expand=extensions", token).json()["extensions"]
    assert expanded["extensionName"] == "Com.Contoso.Deal"
    assert len(sandbox.get(f"{path}/extensions", token).json()["value"]) == 1
    assert sandbox.graph("DELETE", one, token).status_code == 204
    assert sandbox.get(one, token).status_code == 404


def test_an_event_can_be_created_with_an_extension(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, extensions=[EXTENSION])
    assert sandbox.get(f"/me/events/{key(made)}/extensions/Com.Contoso.Deal", token).status_code == 200


# Changes without a period


def test_changes_of_events_and_series_are_told(sandbox: Sandbox, token: str) -> None:
    headers = {"Prefer": "odata.maxpagesize=500"}
    first = sandbox.get("/me/events/delta", token, **headers).json()
    assert "Weekly review" in [entry["subject"] for entry in first["value"]]
    made = event(sandbox, token)
    second = sandbox.get(first["@odata.deltaLink"], token, **headers).json()
    assert [entry["id"] for entry in second["value"]] == [made["id"]]
    sandbox.graph("DELETE", f"/me/events/{key(made)}", token)
    third = sandbox.get(second["@odata.deltaLink"], token, **headers).json()
    assert third["value"][0]["@removed"] == {"reason": "deleted"}


def test_a_group_has_changes_too(sandbox: Sandbox) -> None:
    token = sandbox.token("Group.ReadWrite.All", "Group.Read.All")
    [group] = sandbox.get("/groups", token).json()["value"]
    event(sandbox, token, path=f"/groups/{group['id']}/events")
    window = "startDateTime=2027-03-01T00:00:00Z&endDateTime=2027-03-02T00:00:00Z"
    for path in ("events/delta", f"calendarView/delta?{window}"):
        answer = sandbox.get(f"/groups/{group['id']}/{path}", token)
        assert [entry["subject"] for entry in answer.json()["value"]] == ["Talk"], answer.text
