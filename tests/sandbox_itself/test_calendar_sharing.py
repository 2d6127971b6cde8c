"""Calendars of the sandbox: who may use them, who is free, and when a meeting fits."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import COMPANY, Sandbox
from .outlook_calls import LUIS, OFFICE, PRIYA, code, event, event_body, key, mail_token

ONE_DAY = {
    "startTime": {"dateTime": "2027-03-02T08:00:00", "timeZone": "UTC"},
    "endTime": {"dateTime": "2027-03-02T12:00:00", "timeZone": "UTC"},
}
SLOTS = {
    "start": {"dateTime": "2027-03-02T08:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2027-03-02T12:00:00", "timeZone": "UTC"},
}


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


def grant(address: str, role: str) -> dict[str, Any]:
    return {"emailAddress": {"address": address}, "role": role}


# Permissions


def test_a_calendar_starts_with_the_permission_of_the_organization(sandbox: Sandbox, token: str) -> None:
    [everybody] = sandbox.get("/me/calendar/calendarPermissions", token).json()["value"]
    assert (everybody["role"], everybody["isRemovable"]) == ("freeBusyRead", False)
    path = f"/me/calendar/calendarPermissions/{key(everybody)}"
    assert sandbox.graph("DELETE", path, token).status_code == 403


def test_a_permission_is_granted_changed_and_taken_back(sandbox: Sandbox, token: str) -> None:
    path = "/me/calendar/calendarPermissions"
    made = sandbox.graph("POST", path, token, json=grant(LUIS, "read"))
    assert made.status_code == 201, made.text
    assert made.json()["isInsideOrganization"] is True
    assert sandbox.graph("POST", path, token, json=grant(LUIS, "write")).status_code == 409
    one = f"{path}/{key(made.json())}"
    assert sandbox.graph("PATCH", one, token, json={"role": "write"}).json()["role"] == "write"
    assert sandbox.get(one, token).json()["role"] == "write"
    assert sandbox.graph("DELETE", one, token).status_code == 204
    assert code(sandbox.get(one, token)) == (404, "ErrorItemNotFound")


def test_people_outside_can_be_granted_less(sandbox: Sandbox, token: str) -> None:
    roles = "/me/calendar/allowedCalendarSharingRoles(User='{}')"
    outside = sandbox.get(roles.format("ann@elsewhere.example"), token).json()["value"]
    assert set(outside) < set(sandbox.get(roles.format(LUIS), token).json()["value"])
    refused = sandbox.graph(
        "POST", "/me/calendar/calendarPermissions", token, json=grant("ann@elsewhere.example", "write")
    )
    assert refused.status_code == 400


def test_permissions_belong_to_one_calendar(sandbox: Sandbox, token: str) -> None:
    other = sandbox.graph("POST", "/me/calendars", token, json={"name": "Volunteers"}).json()
    path = f"/me/calendars/{key(other)}/calendarPermissions"
    assert sandbox.graph("POST", path, token, json=grant(PRIYA, "read")).status_code == 201
    assert len(sandbox.get(path, token).json()["value"]) == 2
    assert len(sandbox.get("/me/calendar/calendarPermissions", token).json()["value"]) == 1


def test_reading_does_not_suffice_to_share(sandbox: Sandbox) -> None:
    reader = sandbox.token("Calendars.Read")
    path = "/me/calendar/calendarPermissions"
    assert sandbox.get(path, reader).status_code == 200
    assert code(sandbox.graph("POST", path, reader, json=grant(LUIS, "read"))) == (403, "ErrorAccessDenied")


def test_a_calendar_can_be_deleted_for_good(sandbox: Sandbox, token: str) -> None:
    other = sandbox.graph("POST", "/me/calendars", token, json={"name": "Volunteers"}).json()
    path = f"/me/calendars/{key(other)}"
    assert sandbox.graph("POST", f"{path}/permanentDelete", token).status_code == 204
    assert sandbox.get(path, token).status_code == 404


# Free or busy


def test_a_schedule_shows_what_fills_the_time(sandbox: Sandbox, token: str) -> None:
    event(sandbox, token, day="2027-03-02", showAs="tentative")
    asked = {"schedules": [f"mina.okafor@{COMPANY}", "nobody@fabrikoast.example"], **ONE_DAY}
    answer = sandbox.graph(
        "POST", "/me/calendar/getSchedule", token, json=asked | {"availabilityViewInterval": 60}
    )
    assert answer.status_code == 200, answer.text
    found = {entry["scheduleId"]: entry for entry in answer.json()["value"]}
    nobody = found["nobody@fabrikoast.example"]
    assert nobody["error"]["responseCode"] == "ErrorMailRecipientNotFound"
    me = sandbox.get("/me", sandbox.token("User.Read")).json()["userPrincipalName"]
    mine = sandbox.graph(
        "POST", "/me/calendar/getSchedule", token, json={"schedules": [me], **ONE_DAY}
    ).json()
    assert mine["value"][0]["availabilityView"] == "00110000"
    assert mine["value"][0]["scheduleItems"][0]["subject"] == "Talk"


def test_of_others_only_the_times_are_shown(sandbox: Sandbox, token: str) -> None:
    luis = sandbox.token("Calendars.ReadWrite", user=LUIS)
    event(sandbox, luis, day="2027-03-02")
    asked = {"schedules": [LUIS], **ONE_DAY}
    found = sandbox.graph("POST", "/me/calendar/getSchedule", token, json=asked).json()["value"][0]
    assert [entry["status"] for entry in found["scheduleItems"]] == ["busy"]
    assert "subject" not in found["scheduleItems"][0]


@pytest.mark.parametrize(
    "wrong", [{"availabilityViewInterval": 2}, {"schedules": []}, {"endTime": ONE_DAY["startTime"]}]
)
def test_a_schedule_needs_a_period_and_people(sandbox: Sandbox, token: str, wrong: dict[str, Any]) -> None:
    asked = {"schedules": [LUIS], **ONE_DAY, **wrong}
    assert sandbox.graph("POST", "/me/calendar/getSchedule", token, json=asked).status_code == 400


# Meeting times


def find(sandbox: Sandbox, **more: Any) -> Any:
    body = {
        "attendees": [{"emailAddress": {"address": LUIS}}], "timeConstraint": {"timeSlots": [SLOTS]},
        "meetingDuration": "PT1H", "minimumAttendeePercentage": 100, **more,
    }  # fmt: skip
    token = sandbox.token("Calendars.Read.Shared")
    answer = sandbox.graph("POST", "/me/findMeetingTimes", token, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def starts(found: Any) -> list[str]:
    slots = [entry["meetingTimeSlot"] for entry in found["meetingTimeSuggestions"]]
    return [slot["start"]["dateTime"][11:16] for slot in slots]


def test_times_are_suggested_at_which_all_are_free(sandbox: Sandbox) -> None:
    event(sandbox, sandbox.token("Calendars.ReadWrite", user=LUIS), day="2027-03-02")
    found = find(sandbox)
    assert starts(found) == ["08:00", "10:00", "10:30", "11:00"]
    assert found["emptySuggestionsReason"] == ""
    assert starts(find(sandbox, maxCandidates=1)) == ["08:00"]
    assert "09:00" in starts(find(sandbox, minimumAttendeePercentage=0))


def test_without_a_time_there_is_a_reason(sandbox: Sandbox, token: str) -> None:
    night = {"start": {"dateTime": "2027-03-02T20:00:00", "timeZone": "UTC"},
             "end": {"dateTime": "2027-03-02T23:00:00", "timeZone": "UTC"}}  # fmt: skip
    assert find(sandbox, timeConstraint={"timeSlots": [night]})["emptySuggestionsReason"] == "unknown"
    assert find(sandbox, timeConstraint={"timeSlots": [night], "activityDomain": "unrestricted"})[
        "meetingTimeSuggestions"
    ]
    body = event_body(start={"dateTime": "2027-03-02T08:00:00", "timeZone": "UTC"},
                      end={"dateTime": "2027-03-02T12:00:00", "timeZone": "UTC"})  # fmt: skip
    sandbox.graph("POST", "/me/events", token, json=body)
    busy = find(sandbox)
    assert (busy["emptySuggestionsReason"], busy["meetingTimeSuggestions"]) == ("organizerUnavailable", [])


def test_only_the_scope_for_shared_calendars_finds_times(sandbox: Sandbox, token: str) -> None:
    assert code(sandbox.graph("POST", "/me/findMeetingTimes", token, json={})) == (403, "ErrorAccessDenied")
    app = sandbox.token("Calendars.Read", user=None)
    assert sandbox.graph("POST", f"/users/{OFFICE}/findMeetingTimes", app, json={}).status_code == 403
