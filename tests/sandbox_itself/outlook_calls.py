"""Calls that several tests of mail and calendars make."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from requests import Response

from .conftest import COMPANY, Sandbox

LUIS = f"luis.brandt@{COMPANY}"
PRIYA = f"priya.nair@{COMPANY}"
OFFICE = f"office@{COMPANY}"
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
MARK = "String {3b0f1c52-6a7d-4e0e-9d54-0a8a3c5d7f21} Name Mark"


def key(item: Any) -> str:
    """The id of an item as a path segment."""
    return quote(item["id"] if isinstance(item, dict) else item, safe="")


def code(answer: Response) -> tuple[int, str]:
    """Status and error code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


def to(*addresses: str) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address}} for address in addresses]


def mail_token(sandbox: Sandbox, **who: Any) -> str:
    return sandbox.token("Mail.ReadWrite", "Mail.Send", "Calendars.ReadWrite", **who)


def draft(sandbox: Sandbox, token: str, **properties: Any) -> Any:
    answer = sandbox.graph("POST", "/me/messages", token, json={"subject": "Plan", **properties})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(sandbox: Sandbox, token: str, subject: str, *addresses: str, **properties: Any) -> None:
    message = {"subject": subject, "toRecipients": to(*addresses), **properties}
    answer = sandbox.graph("POST", "/me/sendMail", token, json={"message": message})
    assert (answer.status_code, answer.content) == (202, b""), answer.text


def subjects(sandbox: Sandbox, token: str, folder: str = "inbox") -> list[str]:
    answer = sandbox.graph("GET", f"/me/mailFolders/{folder}/messages", token, params={"$top": "100"})
    return [message["subject"] for message in answer.json()["value"]]


def event_body(day: str = "2027-03-01", zone: str = "UTC", **properties: Any) -> dict[str, Any]:
    return {
        "subject": "Talk", "start": {"dateTime": f"{day}T09:00:00", "timeZone": zone},
        "end": {"dateTime": f"{day}T10:00:00", "timeZone": zone}, **properties,
    }  # fmt: skip


def event(sandbox: Sandbox, token: str, *, path: str = "/me/events", **properties: Any) -> Any:
    answer = sandbox.graph("POST", path, token, json=event_body(**properties))
    assert answer.status_code == 201, answer.text
    return answer.json()


def view(sandbox: Sandbox, token: str, first: str, last: str, path: str = "/me/calendarView") -> list[Any]:
    window = {"startDateTime": f"{first}T00:00:00Z", "endDateTime": f"{last}T00:00:00Z", "$top": "500"}
    answer = sandbox.graph("GET", path, token, params=window)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["value"]
    return found
