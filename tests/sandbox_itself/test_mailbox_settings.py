"""The settings of a mailbox in the sandbox, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, OFFICE, code

SETTINGS = "/me/mailboxSettings"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("MailboxSettings.ReadWrite")


def change(sandbox: Sandbox, token: str, **settings: Any) -> Any:
    answer = sandbox.graph("PATCH", SETTINGS, token, json=settings)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_settings_are_read_together_selected_and_one_by_one(sandbox: Sandbox, token: str) -> None:
    settings = sandbox.get(SETTINGS, token).json()
    assert (settings["timeZone"], settings["userPurpose"]) == ("UTC", "user")
    chosen = sandbox.get(f"{SETTINGS}?$select=language", token).json()
    assert chosen.keys() == {"@odata.context", "language"}
    assert sandbox.get(f"{SETTINGS}/timeZone", token).json()["value"] == "UTC"
    assert sandbox.get(f"{SETTINGS}/workingHours", token).json()["startTime"] == "08:00:00.0000000"
    assert sandbox.get(f"{SETTINGS}/misspelt", token).status_code == 404


def test_a_change_leaves_the_other_settings(sandbox: Sandbox, token: str) -> None:
    changed = change(
        sandbox, token, timeZone="Europe/Berlin", language={"locale": "de-DE"}, dateFormat="dd.MM.yyyy"
    )
    assert changed["language"] == {"locale": "de-DE", "displayName": "German (Germany)"}
    settings = sandbox.get(SETTINGS, token).json()
    assert (settings["timeZone"], settings["dateFormat"]) == ("Europe/Berlin", "dd.MM.yyyy")
    assert settings["timeFormat"] == "HH:mm"


def test_working_hours_change_one_by_one(sandbox: Sandbox, token: str) -> None:
    changed = change(sandbox, token, workingHours={"daysOfWeek": ["Monday"], "timeZone": {"name": "UTC"}})
    assert changed["workingHours"]["daysOfWeek"] == ["monday"]
    assert changed["workingHours"]["endTime"] == "17:00:00.0000000"
    custom = {"@odata.type": "#microsoft.graph.customTimeZone", "name": "Ours", "bias": -200}
    assert change(sandbox, token, workingHours={"timeZone": custom})["workingHours"]["timeZone"] == custom


def test_automatic_replies_are_scheduled_and_stopped(sandbox: Sandbox, token: str) -> None:
    replies = {
        "status": "Scheduled", "internalReplyMessage": "Back on Monday.", "externalAudience": "none",
        "scheduledStartDateTime": {"dateTime": "2026-05-04T00:00:00", "timeZone": "Europe/Berlin"},
        "scheduledEndDateTime": {"dateTime": "2026-05-11T00:00:00", "timeZone": "Europe/Berlin"},
    }  # fmt: skip
    changed = change(sandbox, token, automaticRepliesSetting=replies)["automaticRepliesSetting"]
    assert changed["status"] == "scheduled"
    start = {"dateTime": "2026-05-03T22:00:00.0000000", "timeZone": "UTC"}
    assert changed["scheduledStartDateTime"] == start
    message = changed["internalReplyMessage"]
    assert "<html>" in message
    assert "Back on Monday." in message
    stopped = change(sandbox, token, automaticRepliesSetting={"status": "disabled"})
    assert stopped["automaticRepliesSetting"]["internalReplyMessage"] == message
    read = sandbox.get(f"{SETTINGS}/automaticRepliesSetting", token).json()
    assert (read["status"], read["externalAudience"]) == ("disabled", "none")


@pytest.mark.parametrize(
    "settings",
    [
        {"timeZone": "Moon"}, {"language": {"locale": "xx"}}, {"userPurpose": "room"}, {"misspelt": 1},
        {"workingHours": {"startTime": "19:00:00.0000000"}}, {"workingHours": {"misspelt": 1}},
        {"workingHours": 8}, {"delegateMeetingMessageDeliveryOptions": "nobody"},
        {"automaticRepliesSetting": {"status": "sometimes"}},
        {"automaticRepliesSetting": {"status": "scheduled"}},
        {"automaticRepliesSetting": {"scheduledEndDateTime": "tomorrow"}},
    ],
)  # fmt: skip
def test_what_is_no_setting_is_refused_and_changes_nothing(
    sandbox: Sandbox, token: str, settings: Any
) -> None:
    before = sandbox.get(SETTINGS, token).json()
    assert sandbox.graph("PATCH", SETTINGS, token, json=settings).status_code == 400
    assert sandbox.get(SETTINGS, token).json() == before


def test_reading_does_not_open_writing(sandbox: Sandbox) -> None:
    reader = sandbox.token("MailboxSettings.Read")
    assert sandbox.get(SETTINGS, reader).status_code == 200
    refused = sandbox.graph("PATCH", SETTINGS, reader, json={"timeZone": "UTC"})
    assert code(refused) == (403, "ErrorAccessDenied")
    assert sandbox.get(SETTINGS, sandbox.token("Mail.Read")).status_code == 403


def test_the_settings_of_others_need_their_trust(sandbox: Sandbox, token: str) -> None:
    office, luis = f"/users/{OFFICE}/mailboxSettings", f"/users/{LUIS}/mailboxSettings"
    assert sandbox.get(office, token).json()["userPurpose"] == "shared"
    assert code(sandbox.get(luis, token)) == (403, "ErrorAccessDenied")
    sandbox.switch(delegates_reach_settings_and_tasks=False)
    assert code(sandbox.get(office, token)) == (403, "ErrorAccessDenied")
    assert sandbox.get(SETTINGS, token).status_code == 200


def test_an_app_without_user_reaches_all_settings(sandbox: Sandbox) -> None:
    app = sandbox.token("MailboxSettings.ReadWrite", user=None)
    purpose = sandbox.get(f"/users/{OFFICE}/mailboxSettings/userPurpose", app).json()
    assert purpose["value"] == "shared"
    changed = sandbox.graph("PATCH", f"/users/{LUIS}/mailboxSettings", app, json={"timeFormat": "h:mm tt"})
    assert changed.json()["timeFormat"] == "h:mm tt"


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("", "W. Europe Standard Time"), ("(TimeZoneStandard='windows')", "W. Europe Standard Time"),
        ("(TimeZoneStandard='Iana')", "Europe/Berlin"),
        ("(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')", "Europe/Berlin"),
    ],
)  # fmt: skip
def test_time_zones_are_listed_by_either_names(sandbox: Sandbox, argument: str, name: str) -> None:
    zones = sandbox.get(f"/me/outlook/supportedTimeZones{argument}").json()["value"]
    assert len(zones) > 100
    zone = next(zone for zone in zones if zone["alias"] == name)
    assert zone["displayName"].startswith("(UTC+0")


def test_languages_are_listed_for_oneself_and_by_apps(sandbox: Sandbox) -> None:
    languages = sandbox.get("/me/outlook/supportedLanguages").json()["value"]
    assert {"locale": "en-US", "displayName": "English (United States)"} in languages
    app = sandbox.token("User.Read.All", user=None)
    assert sandbox.get(f"/users/{LUIS}/outlook/supportedLanguages()", app).json()["value"] == languages
    unknown = sandbox.get("/me/outlook/supportedTimeZones(TimeZoneStandard='lunar')")
    assert unknown.status_code == 400
