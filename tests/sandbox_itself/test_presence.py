"""Presence in the sandbox: sessions, preference, message, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import COMPANY, USER, Sandbox

APP = "22553876-f5ab-4529-bffb-cfe50aa89f87"
OTHER_APP = "5d1c3f0e-7a52-4c3e-9b1a-2f64d0c9e001"
OTHER = f"luis.brandt@{COMPANY}"
PERMISSIONS = ("Presence.ReadWrite", "Presence.Read.All")


def post(sandbox: Sandbox, action: str, user: str = USER, status: int = 200, **body: Any) -> None:
    token = sandbox.token(*PERMISSIONS)
    answer = sandbox.graph("POST", f"/users/{user}/presence/{action}", token, json=body)
    assert answer.status_code == status, answer.text


def session(sandbox: Sandbox, availability: str, activity: str, app: str = APP, **more: Any) -> None:
    post(sandbox, "setPresence", sessionId=app, availability=availability, activity=activity, **more)


def shown(sandbox: Sandbox) -> str:
    state: str = sandbox.get("/me/presence", sandbox.token("Presence.Read")).json()["availability"]
    return state


def test_of_two_sessions_the_busier_one_is_shown(sandbox: Sandbox) -> None:
    session(sandbox, "Available", "Available")
    session(sandbox, "DoNotDisturb", "Presenting", OTHER_APP)
    assert shown(sandbox) == "DoNotDisturb"
    post(sandbox, "clearPresence", sessionId=OTHER_APP)
    assert shown(sandbox) == "Available"


def test_a_session_ends_by_itself(sandbox: Sandbox) -> None:
    session(sandbox, "Available", "Available")
    session(sandbox, "Busy", "InACall", OTHER_APP, expirationDuration="PT1H")
    sandbox.control("POST", "/clock", {"advance_seconds": 301})
    assert shown(sandbox) == "Busy"
    sandbox.control("POST", "/clock", {"advance_seconds": 3600})
    assert shown(sandbox) == "Offline"


def test_a_preference_shows_only_while_a_session_lives(sandbox: Sandbox) -> None:
    post(
        sandbox, "setUserPreferredPresence", availability="Busy", activity="Busy", expirationDuration="PT10M"
    )
    assert shown(sandbox) == "Offline"
    session(sandbox, "Available", "Available", expirationDuration="PT4H")
    assert shown(sandbox) == "Busy"
    sandbox.control("POST", "/clock", {"advance_seconds": 601})
    assert shown(sandbox) == "Available"


def test_a_status_message_disappears_when_its_time_has_come(sandbox: Sandbox) -> None:
    sandbox.control("POST", "/clock", {"freeze_at": "2026-05-05T12:00:00Z"})
    message = {
        "message": {"content": "Back at three.", "contentType": "text"},
        "expiryDateTime": {"dateTime": "2026-05-05T15:00:00", "timeZone": "Europe/Berlin"},
    }
    post(sandbox, "setStatusMessage", statusMessage=message)
    token = sandbox.token("Presence.Read")
    assert sandbox.get("/me/presence", token).json()["statusMessage"]["message"] == message["message"]
    sandbox.control("POST", "/clock", {"advance_seconds": 3601})
    token = sandbox.token("Presence.Read")
    assert sandbox.get("/me/presence", token).json()["statusMessage"] is None


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("setPresence", {"sessionId": APP, "availability": "Busy", "activity": "Away"}),
        ("setPresence", {"sessionId": "mine", "availability": "Away", "activity": "Away"}),
        (
            "setPresence",
            {"sessionId": APP, "availability": "Away", "activity": "Away", "expirationDuration": "PT5H"},
        ),
        (
            "setPresence",
            {"sessionId": APP, "availability": "Away", "activity": "Away", "expirationDuration": "1 hour"},
        ),
        ("setUserPreferredPresence", {"availability": "Offline", "activity": "Offline"}),
        ("setStatusMessage", {"statusMessage": "Back at three."}),
    ],
)
def test_what_is_wrong_is_refused(sandbox: Sandbox, action: str, body: dict[str, Any]) -> None:
    post(sandbox, action, status=400, **body)


def test_a_user_sets_nobody_elses_presence_and_an_app_anybodys(sandbox: Sandbox) -> None:
    body = {"sessionId": APP, "availability": "Away", "activity": "Away"}
    post(sandbox, "setPresence", OTHER, 403, **body)
    path = f"/users/{OTHER}/presence/setPresence"
    app = sandbox.token("Presence.ReadWrite.All", user=None)
    assert sandbox.graph("POST", path, app, json=body).status_code == 200


def test_the_presence_of_others_needs_more(sandbox: Sandbox) -> None:
    path = f"/users/{OTHER}/presence"
    assert sandbox.get(path, sandbox.token("Presence.Read")).status_code == 403
    assert sandbox.get(path, sandbox.token("Presence.Read.All")).json()["activity"] == "Offline"


def test_of_an_unknown_user_the_presence_is_unknown(sandbox: Sandbox) -> None:
    asked = {"ids": ["11111111-1111-4111-8111-111111111111"]}
    token = sandbox.token("Presence.Read.All")
    answer = sandbox.graph("POST", "/communications/getPresencesByUserId", token, json=asked).json()
    assert [one["availability"] for one in answer["value"]] == ["PresenceUnknown"]
    many = {"ids": [APP] * 651}
    assert sandbox.graph("POST", "/communications/getPresencesByUserId", token, json=many).status_code == 400
