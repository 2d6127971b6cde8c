"""Calendar groups and calendars of the sandbox."""

from __future__ import annotations

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, OFFICE, code, event, key, mail_token


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return mail_token(sandbox)


def test_a_mailbox_has_a_default_calendar_and_a_group(sandbox: Sandbox, token: str) -> None:
    default = sandbox.get("/me/calendar", token).json()
    listed = sandbox.get("/me/calendars", token).json()["value"]
    assert (default["name"], default["isDefaultCalendar"], default["canEdit"]) == ("Calendar", True, True)
    assert default["id"] in [calendar["id"] for calendar in listed]
    assert default["owner"]["name"] == "Mina Okafor"
    groups = sandbox.get("/me/calendarGroups", token).json()["value"]
    assert [group["name"] for group in groups] == ["My Calendars", "Projects"]


def test_calendars_are_created_in_groups_renamed_and_deleted(sandbox: Sandbox, token: str) -> None:
    group = sandbox.graph("POST", "/me/calendarGroups", token, json={"name": "Clubs"}).json()
    inside = f"/me/calendarGroups/{key(group)}/calendars"
    body = {"name": "Chess", "color": "LightGreen"}
    made = sandbox.graph("POST", inside, token, json=body)
    assert (made.status_code, made.json()["color"]) == (201, "lightGreen")
    path = f"/me/calendars/{key(made.json())}"
    assert [calendar["name"] for calendar in sandbox.get(inside, token).json()["value"]] == ["Chess"]
    assert sandbox.graph("PATCH", path, token, json={"name": "Go"}).json()["name"] == "Go"
    event(sandbox, token, path=f"{path}/events")
    assert len(sandbox.get(f"{inside}/{key(made.json())}/events", token).json()["value"]) == 1
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "ErrorItemNotFound")
    assert sandbox.graph("DELETE", f"/me/calendarGroups/{key(group)}", token).status_code == 204


def test_names_of_calendars_and_groups_are_taken_once(sandbox: Sandbox, token: str) -> None:
    again = sandbox.graph("POST", "/me/calendars", token, json={"name": "calendar"})
    assert code(again) == (409, "ErrorFolderExists")
    again = sandbox.graph("POST", "/me/calendarGroups", token, json={"name": "Projects"})
    assert code(again) == (409, "ErrorFolderExists")


def test_the_default_calendar_and_full_groups_stay(sandbox: Sandbox, token: str) -> None:
    assert sandbox.graph("DELETE", "/me/calendar", token).status_code == 403
    groups = sandbox.get("/me/calendarGroups", token).json()["value"]
    for group in groups:
        assert sandbox.graph("DELETE", f"/me/calendarGroups/{key(group)}", token).status_code == 400


def test_a_name_is_needed(sandbox: Sandbox, token: str) -> None:
    for path in ("/me/calendars", "/me/calendarGroups"):
        assert sandbox.graph("POST", path, token, json={"name": " "}).status_code == 400


def test_shared_calendars_need_the_shared_permission_and_access(sandbox: Sandbox) -> None:
    path = f"/users/{OFFICE}/calendars"
    assert sandbox.get(path, sandbox.token("Calendars.Read.Shared")).status_code == 200
    assert sandbox.get(path, sandbox.token("Calendars.Read")).status_code == 403
    assert sandbox.get(path, sandbox.token("Calendars.Read.Shared", user=LUIS)).status_code == 403
    assert sandbox.get(path, sandbox.token("Calendars.Read", user=None)).status_code == 200


def test_reading_does_not_allow_creating(sandbox: Sandbox) -> None:
    answer = sandbox.graph("POST", "/me/calendars", sandbox.token("Calendars.Read"), json={"name": "x"})
    assert code(answer) == (403, "ErrorAccessDenied")
