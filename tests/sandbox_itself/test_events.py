"""Events of the sandbox: times, series, views, changes."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import COMPANY, Sandbox
from .outlook_calls import IMMUTABLE, MARK, OFFICE, code, event, event_body, key, mail_token, view


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


def recurring(kind: str, limits: dict[str, Any], **pattern: Any) -> dict[str, Any]:
    return {"pattern": {"type": kind, "interval": 1, **pattern}, "range": limits}


def days(events: list[Any]) -> list[str]:
    return [entry["start"]["dateTime"][:10] for entry in events]


# One event


def test_a_new_event_has_the_documented_defaults(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token)
    expected = {
        "responseRequested": True, "allowNewTimeProposals": True, "hideAttendees": False, "isReminderOn": True,
        "reminderMinutesBeforeStart": 15, "showAs": "busy", "sensitivity": "normal", "type": "singleInstance",
        "isOrganizer": True, "seriesMasterId": None, "isOnlineMeeting": False, "recurrence": None,
        "originalStartTimeZone": "UTC",
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected
    assert made["start"] == {"dateTime": "2027-03-01T09:00:00.0000000", "timeZone": "UTC"}
    assert made["@odata.etag"] == f'W/"{made["changeKey"]}"'
    assert "transactionId" not in made


def test_an_event_is_listed_changed_and_deleted(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token)
    path = f"/me/events/{key(made)}"
    assert made["id"] in [entry["id"] for entry in sandbox.get("/me/events", token).json()["value"]]
    changed = sandbox.graph(
        "PATCH", path, token, json={"subject": "Later", "location": {"displayName": "Room 1"}}
    )
    assert (changed.status_code, changed.json()["subject"]) == (200, "Later")
    assert changed.json()["locations"][0]["displayName"] == "Room 1"
    stale = {"If-Match": made["@odata.etag"]}
    assert sandbox.graph("PATCH", path, token, json={"subject": "x"}, headers=stale).status_code == 412
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "ErrorItemNotFound")
    assert sandbox.graph("DELETE", path, token).status_code == 404


def test_start_and_end_are_needed(sandbox: Sandbox, token: str) -> None:
    answer = sandbox.graph("POST", "/me/events", token, json={"subject": "x"})
    assert answer.status_code == 400
    assert "start" in answer.json()["error"]["message"]


def test_the_end_cannot_be_before_the_start(sandbox: Sandbox, token: str) -> None:
    body = event_body() | {"end": {"dateTime": "2027-02-01T09:00:00", "timeZone": "UTC"}}
    answer = sandbox.graph("POST", "/me/events", token, json=body)
    assert code(answer) == (400, "ErrorCalendarEndDateIsEarlierThanStartDate")


def test_events_have_both_kinds_of_ids(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token)
    lasting = sandbox.graph("GET", f"/me/events/{key(made)}", token, headers=IMMUTABLE).json()["id"]
    assert lasting != made["id"]
    assert sandbox.get(f"/me/events/{key(lasting)}", token).json()["id"] == made["id"]


def test_an_online_meeting_gets_a_link_that_lives_in_the_body(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, isOnlineMeeting=True, onlineMeetingProvider="teamsForBusiness")
    link = made["onlineMeeting"]["joinUrl"]
    assert link in made["body"]["content"]
    path = f"/me/events/{key(made)}"
    kept = made["body"]["content"].replace("<body>", "<body>New text")
    same = sandbox.graph("PATCH", path, token, json={"body": {"contentType": "html", "content": kept}}).json()
    assert same["onlineMeeting"]["joinUrl"] == link
    lost = sandbox.graph(
        "PATCH", path, token, json={"body": {"contentType": "html", "content": "New"}}
    ).json()
    assert (lost["isOnlineMeeting"], lost["onlineMeeting"]) == (False, None)


@pytest.mark.parametrize(("behaviour", "status"), [("created_again", 201), ("found", 200), ("conflict", 409)])
def test_a_repeated_transaction_creates_nothing(
    sandbox: Sandbox, token: str, behaviour: str, status: int
) -> None:
    sandbox.switch(duplicate_transaction=behaviour)
    made = event(sandbox, token, transactionId="t-1", subject="First")
    assert made["transactionId"] == "t-1"
    body = event_body(transactionId="t-1", subject="Second")
    again = sandbox.graph("POST", "/me/events", token, json=body)
    assert again.status_code == status
    if status != 409:
        assert (again.json()["id"], again.json()["subject"]) == (made["id"], "First")
    path = "/me/events?$orderby=createdDateTime desc&$top=25"
    listed = sandbox.get(path, token).json()["value"]
    assert [entry["subject"] for entry in listed if entry.get("transactionId") == "t-1"] == ["First"]
    calendars = sandbox.get("/me/calendars?$filter=name eq 'Launch plan'", token).json()["value"]
    elsewhere = sandbox.graph("POST", f"/me/calendars/{key(calendars[0])}/events", token, json=body)
    assert (elsewhere.status_code, elsewhere.json()["subject"]) == (201, "Second")


def test_extended_properties_find_an_event(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, singleValueExtendedProperties=[{"id": MARK, "value": "e-1"}])
    condition = f"singleValueExtendedProperties/any(p:p/id eq '{MARK}' and p/value eq 'e-1')"
    found = sandbox.graph("GET", "/me/events", token, params={"$filter": condition}).json()["value"]
    assert [entry["id"] for entry in found] == [made["id"]]


# Time zones


@pytest.mark.parametrize("zone", ["Pacific Standard Time", "America/Los_Angeles", "pacific standard time"])
def test_windows_and_iana_zones_mean_the_same(sandbox: Sandbox, token: str, zone: str) -> None:
    made = event(sandbox, token, zone=zone)
    assert made["start"] == {"dateTime": "2027-03-01T17:00:00.0000000", "timeZone": "UTC"}
    assert made["originalStartTimeZone"] == zone


def test_the_preferred_zone_is_applied_and_confirmed(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, zone="Pacific Standard Time")
    prefer = 'outlook.timezone="Tokyo Standard Time"'
    answer = sandbox.get(f"/me/events/{key(made)}", token, Prefer=prefer)
    assert answer.json()["start"] == {
        "dateTime": "2027-03-02T02:00:00.0000000",
        "timeZone": "Tokyo Standard Time",
    }
    assert prefer in answer.headers["Preference-Applied"]


@pytest.mark.parametrize("zone", ["Mars/Base", "tzone://Microsoft/Custom", "Customized Time Zone"])
def test_an_unknown_zone_is_refused(sandbox: Sandbox, token: str, zone: str) -> None:
    answer = sandbox.graph("POST", "/me/events", token, json=event_body(zone=zone))
    assert code(answer) == (400, "TimeZoneNotSupportedException")
    asked = sandbox.get("/me/events", token, Prefer=f'outlook.timezone="{zone}"')
    assert code(asked) == (400, "TimeZoneNotSupportedException")


def test_an_all_day_event_stays_at_midnight_in_every_zone(sandbox: Sandbox, token: str) -> None:
    start, end = ({"dateTime": f"2027-03-0{day}T00:00:00", "timeZone": "Europe/Berlin"} for day in (1, 2))
    made = event(sandbox, token, isAllDay=True, start=start, end=end)
    shown = sandbox.get(
        f"/me/events/{key(made)}", token, Prefer='outlook.timezone="Tokyo Standard Time"'
    ).json()
    assert shown["start"]["dateTime"] == made["start"]["dateTime"] == "2027-03-01T00:00:00.0000000"


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2027-03-01T01:00:00", "2027-03-02T00:00:00", "midnight"),
        ("2027-03-01T00:00:00", "2027-03-01T00:00:00", "24 hours"),
    ],
)
def test_an_all_day_event_lasts_whole_days(
    sandbox: Sandbox, token: str, start: str, end: str, words: str
) -> None:
    body = event_body() | {
        "isAllDay": True, "start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": "UTC"},
    }  # fmt: skip
    answer = sandbox.graph("POST", "/me/events", token, json=body)
    assert code(answer) == (400, "ErrorPropertyValidationFailure")
    assert words in answer.json()["error"]["message"]


# Series

COUNTED = {"type": "numbered", "startDate": "2027-03-01", "numberOfOccurrences": 3}
ENDING = {"type": "endDate", "startDate": "2027-03-01", "endDate": "2027-03-09"}
ENDLESS = {"type": "noEnd", "startDate": "2027-03-01"}


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (recurring("daily", COUNTED, interval=2), ["2027-03-01", "2027-03-03", "2027-03-05"]),
        (recurring("weekly", ENDING, daysOfWeek=["Monday", "Thursday"]), ["2027-03-01", "2027-03-04", "2027-03-08"]),
        (recurring("weekly", COUNTED, daysOfWeek=["monday"], interval=2), ["2027-03-01", "2027-03-15", "2027-03-29"]),
        (recurring("absoluteMonthly", COUNTED, dayOfMonth=31), ["2027-03-31", "2027-04-30", "2027-05-31"]),
        (
            recurring("relativeMonthly", COUNTED, daysOfWeek=["friday"], index="last"),
            ["2027-03-26", "2027-04-30", "2027-05-28"],
        ),
        (recurring("absoluteYearly", COUNTED, month=3, dayOfMonth=1), ["2027-03-01", "2028-03-01", "2029-03-01"]),
        (
            recurring("relativeYearly", COUNTED, month=11, daysOfWeek=["thursday"], index="fourth"),
            ["2027-11-25", "2028-11-23", "2029-11-22"],
        ),
    ],
)  # fmt: skip
def test_a_series_shows_its_occurrences(
    sandbox: Sandbox, token: str, recurrence: Any, expected: list[str]
) -> None:
    made = event(sandbox, token, recurrence=recurrence)
    assert made["type"] == "seriesMaster"
    found = view(sandbox, token, "2027-03-01", "2030-01-01", f"/me/events/{key(made)}/instances")
    assert days(found) == expected
    assert {entry["type"] for entry in found} == {"occurrence"}
    assert {entry["seriesMasterId"] for entry in found} == {made["id"]}
    assert len({entry["id"] for entry in found}) == len(expected)


def test_no_occurrence_is_before_the_start(sandbox: Sandbox, token: str) -> None:
    weekly = recurring("weekly", {**COUNTED, "startDate": "2027-03-03"}, daysOfWeek=["monday", "wednesday"])
    made = event(sandbox, token, day="2027-03-03", recurrence=weekly)
    found = view(sandbox, token, "2027-03-01", "2027-04-01", f"/me/events/{key(made)}/instances")
    assert days(found) == ["2027-03-03", "2027-03-08", "2027-03-10"]


@pytest.mark.parametrize(
    "kind", ["daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"]
)
def test_a_series_without_end_fills_every_window(sandbox: Sandbox, token: str, kind: str) -> None:
    pattern = {"daysOfWeek": ["monday"], "dayOfMonth": 1, "month": 3, "index": "first"}
    event(sandbox, token, subject="Endless", recurrence=recurring(kind, ENDLESS, **pattern))
    found = view(sandbox, token, "2031-01-01", "2033-01-01")
    assert len([entry for entry in found if entry["subject"] == "Endless"]) >= 2


def test_occurrences_keep_their_wall_clock_over_daylight_saving(sandbox: Sandbox, token: str) -> None:
    weekly = recurring("weekly", {**ENDLESS, "startDate": "2027-03-22"}, daysOfWeek=["monday"])
    made = event(sandbox, token, day="2027-03-22", zone="Europe/Berlin", recurrence=weekly)
    found = view(sandbox, token, "2027-03-20", "2027-04-01", f"/me/events/{key(made)}/instances")
    assert [entry["start"]["dateTime"][11:16] for entry in found] == ["08:00", "07:00"]


def test_lists_show_the_series_and_views_its_occurrences(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, recurrence=recurring("daily", COUNTED))
    listed = [entry["id"] for entry in sandbox.get("/me/events?$top=100", token).json()["value"]]
    assert made["id"] in listed
    shown = view(sandbox, token, "2027-03-02", "2027-03-03")
    assert [entry["type"] for entry in shown if entry["subject"] == "Talk"] == ["occurrence"]
    assert made["id"] not in [entry["id"] for entry in shown]


def test_one_occurrence_changes_and_another_is_deleted(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, recurrence=recurring("weekly", COUNTED, daysOfWeek=["monday"]))
    path = f"/me/events/{key(made)}"
    first, second, _ = view(sandbox, token, "2027-03-01", "2027-04-01", f"{path}/instances")
    changed = sandbox.graph("PATCH", f"/me/events/{key(first)}", token, json={"subject": "Special"}).json()
    assert (changed["type"], changed["subject"], changed["id"]) == ("exception", "Special", first["id"])
    assert changed["changeKey"] != first["changeKey"]
    assert sandbox.graph("DELETE", f"/me/events/{key(second)}", token).status_code == 204
    found = view(sandbox, token, "2027-03-01", "2027-04-01", f"{path}/instances")
    assert [(entry["subject"], entry["type"]) for entry in found] == [
        ("Special", "exception"),
        ("Talk", "occurrence"),
    ]
    assert code(sandbox.get(f"/me/events/{key(second)}", token)) == (404, "ErrorItemNotFound")
    master = sandbox.get(
        f"{path}?$select=subject,cancelledOccurrences&$expand=exceptionOccurrences", token
    ).json()
    assert (master["subject"], len(master["cancelledOccurrences"])) == ("Talk", 1)
    assert [entry["subject"] for entry in master["exceptionOccurrences"]] == ["Special"]
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert sandbox.get(f"/me/events/{key(first)}", token).status_code == 404


def test_an_occurrence_cannot_pass_its_neighbour(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, recurrence=recurring("daily", COUNTED, interval=3))
    path = f"/me/events/{key(made)}/instances"
    first = view(sandbox, token, "2027-03-01", "2027-03-20", path)[0]
    for day, status in (("2027-03-03", 200), ("2027-03-04", 400)):
        body = event_body(day)
        moved = sandbox.graph(
            "PATCH", f"/me/events/{key(first)}", token, json={"start": body["start"], "end": body["end"]}
        )
        assert moved.status_code == status
    assert code(moved) == (400, "ErrorOccurrenceCrossingBoundary")
    assert days(view(sandbox, token, "2027-03-01", "2027-03-20", path))[0] == "2027-03-03"


@pytest.mark.parametrize(
    "recurrence",
    [
        recurring("weekly", COUNTED), recurring("daily", {**COUNTED, "startDate": "2027-03-02"}),
        recurring("daily", {"type": "endDate", "startDate": "2027-03-01", "endDate": "2027-02-01"}),
        recurring("daily", {"type": "numbered", "startDate": "2027-03-01"}), recurring("hourly", COUNTED),
        {"pattern": {"type": "daily"}, "range": COUNTED}, recurring("absoluteMonthly", COUNTED), {"pattern": {}},
    ],
)  # fmt: skip
def test_a_recurrence_that_does_not_hold_together_is_refused(
    sandbox: Sandbox, token: str, recurrence: Any
) -> None:
    answer = sandbox.graph("POST", "/me/events", token, json=event_body(recurrence=recurrence))
    assert answer.status_code == 400


# Views


def test_a_view_needs_a_window(sandbox: Sandbox, token: str) -> None:
    assert code(sandbox.get("/me/calendarView", token)) == (400, "ErrorInvalidParameter")
    wide = {"startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2030-01-01T00:00:00Z"}
    answer = sandbox.graph("GET", "/me/calendarView", token, params=wide)
    assert code(answer) == (400, "ErrorCalendarViewRangeTooBig")


def test_a_view_orders_by_start_and_pages(sandbox: Sandbox, token: str) -> None:
    event(
        sandbox,
        token,
        subject="Every day",
        recurrence=recurring("daily", {**COUNTED, "numberOfOccurrences": 12}),
    )
    window = {"startdatetime": "2027-03-01T00:00:00+01:00", "enddatetime": "2027-03-20T00:00:00"}
    page = sandbox.graph(
        "GET", "/me/calendarView", token, params={**window, "$select": "subject,start"}
    ).json()
    rest = sandbox.get(page["@odata.nextLink"], token).json()["value"]
    found = days([entry for entry in page["value"] + rest if entry["subject"] == "Every day"])
    assert len(found) == 12
    assert found == sorted(found)


def test_the_changes_of_a_window(sandbox: Sandbox, token: str) -> None:
    series = event(sandbox, token, recurrence=recurring("weekly", COUNTED, daysOfWeek=["monday"]))
    path = "/me/calendarView/delta?startDateTime=2027-03-01T00:00:00Z&endDateTime=2027-04-01T00:00:00Z"
    page = sandbox.get(path, token).json()
    types = [entry["type"] for entry in page["value"] if entry["subject"] == "Talk"]
    assert types == ["seriesMaster", "occurrence", "occurrence", "occurrence"]
    link = page["@odata.deltaLink"]
    assert sandbox.get(link, token).json()["value"] == []
    instances = view(sandbox, token, "2027-03-01", "2027-04-01", f"/me/events/{key(series)}/instances")
    sandbox.graph("DELETE", f"/me/events/{key(instances[1])}", token)
    inside, outside = event(sandbox, token), event(sandbox, token, day="2028-03-01")
    page = sandbox.get(link, token).json()
    removed = [entry["id"] for entry in page["value"] if "@removed" in entry]
    assert removed[0] == instances[1]["id"]
    shown = [entry["id"] for entry in page["value"] if "@removed" not in entry]
    assert inside["id"] in shown
    assert outside["id"] not in shown
    sandbox.graph("DELETE", f"/me/events/{key(inside)}", token)
    last = sandbox.get(page["@odata.deltaLink"], token).json()["value"]
    assert [(entry["id"], entry["@removed"]["reason"]) for entry in last] == [(inside["id"], "deleted")]
    assert sandbox.get(f"{path}&$select=subject", token).status_code == 400


# Whose events


def test_private_events_hide_their_details_from_delegates(sandbox: Sandbox) -> None:
    app = sandbox.token("Calendars.ReadWrite", user=None)
    made = event(sandbox, app, path=f"/users/{OFFICE}/events", subject="Secret", sensitivity="private")
    shown = sandbox.get(f"/users/{OFFICE}/events/{key(made)}", sandbox.token("Calendars.Read.Shared")).json()
    assert shown["subject"] == "Private Appointment"
    assert shown["body"]["content"] == ""
    assert sandbox.get(f"/users/{OFFICE}/events/{key(made)}", app).json()["subject"] == "Secret"


def test_the_basic_permission_withholds_the_body(sandbox: Sandbox) -> None:
    token = sandbox.token("Calendars.ReadBasic")
    shown = sandbox.get("/me/events", token).json()["value"][0]
    assert not {"body", "bodyPreview"} & set(shown)
    assert "start" in shown


def test_a_group_has_a_calendar_for_its_members(sandbox: Sandbox) -> None:
    group = "00000001-0000-4000-9000-000000000001"
    token = sandbox.token("Group.ReadWrite.All")
    made = event(sandbox, token, path=f"/groups/{group}/events")
    assert made["organizer"]["emailAddress"]["name"] == "Launch Team"
    assert [entry["id"] for entry in sandbox.get(f"/groups/{group}/events", token).json()["value"]] == [
        made["id"]
    ]
    assert len(view(sandbox, token, "2027-03-01", "2027-03-02", f"/groups/{group}/calendarView")) == 1
    assert sandbox.get(f"/groups/{group}/calendar", token).json()["name"] == "Calendar"
    stranger = sandbox.token("Group.ReadWrite.All", user=f"jonas.o'hara@{COMPANY}")
    assert sandbox.get(f"/groups/{group}/events", stranger).status_code == 403
    assert (
        sandbox.get(f"/groups/{group}/events", sandbox.token("Group.Read.All", user=None)).status_code == 403
    )
    assert sandbox.graph("DELETE", f"/groups/{group}/events/{key(made)}", token).status_code == 204


def test_the_body_comes_in_the_preferred_type(sandbox: Sandbox, token: str) -> None:
    made = event(sandbox, token, body={"contentType": "html", "content": "<b>Bring</b> cake"})
    answer = sandbox.get(f"/me/events/{key(made)}", token, Prefer='outlook.body-content-type="text"')
    assert answer.json()["body"] == {"contentType": "text", "content": "Bring cake"}
