"""Subscriptions in the sandbox, over HTTP, with an address on this machine that answers for its token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.http_host import Host, reply, serving

from .conftest import Sandbox
from .outlook_calls import LUIS, code

INBOX = "me/mailFolders('inbox')/messages"


def echo(handler: BaseHTTPRequestHandler, number: int) -> None:
    """Gives the token back, as the documentation asks."""
    token = parse_qs(urlsplit(handler.path).query)["validationToken"][0]
    reply(200, token.encode(), Content_Type="text/plain; charset=utf-8")(handler, number)


@pytest.fixture
def address() -> Iterator[Host]:
    with serving(echo) as found:
        yield found


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Mail.Read")


def after(**more: float) -> str:
    return (datetime.now(UTC) + timedelta(**more)).strftime("%Y-%m-%dT%H:%M:%SZ")


def wanted(url: str, **more: Any) -> dict[str, Any]:
    body = {"resource": INBOX, "changeType": "created,updated", "expirationDateTime": after(days=2)}
    return body | {"notificationUrl": f"{url}/hook?a=1", "clientState": "secret"} | more


def create(sandbox: Sandbox, token: str, url: str, **more: Any) -> Any:
    answer = sandbox.graph("POST", "/subscriptions", token, json=wanted(url, **more))
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_each_address_is_asked_for_its_token_first(sandbox: Sandbox, token: str, address: Host) -> None:
    made = create(sandbox, token, address.url, lifecycleNotificationUrl=f"{address.url}/life")
    assert [(seen.method, seen.path.partition("?")[0]) for seen in address.seen] == [
        ("POST", "/hook"),
        ("POST", "/life"),
    ]
    assert address.seen[0].path.startswith("/hook?a=1&validationToken=Validation%3A%20Testing")
    assert made["resource"] == INBOX
    assert made["clientState"] == "secret"
    path = f"/subscriptions/{made['id']}"
    assert sandbox.get(path, token).json()["notificationUrl"] == f"{address.url}/hook?a=1"
    assert [each["id"] for each in sandbox.get("/subscriptions", token).json()["value"]] == [made["id"]]
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(path, token)) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    "answer", [reply(200, b"no", Content_Type="text/plain"), reply(202, b""), reply(401, b"Sign in")]
)
def test_an_address_that_does_not_give_its_token_back_is_refused(
    sandbox: Sandbox, token: str, answer: Any
) -> None:
    with serving(answer) as other:
        refused = sandbox.graph("POST", "/subscriptions", token, json=wanted(other.url))
    assert code(refused) == (400, "ValidationError")
    assert sandbox.get("/subscriptions", token).json()["value"] == []


def test_nobody_outside_this_machine_is_asked(sandbox: Sandbox, token: str) -> None:
    refused = sandbox.graph("POST", "/subscriptions", token, json=wanted("https://example.com"))
    assert code(refused) == (400, "ValidationError")


def test_the_sandbox_answers_others_while_it_asks(sandbox: Sandbox, token: str) -> None:
    def ask_first(handler: BaseHTTPRequestHandler, number: int) -> None:
        assert sandbox.get("/subscriptions", token).ok
        echo(handler, number)

    with serving(ask_first) as slow:
        create(sandbox, token, slow.url)


@pytest.mark.parametrize(
    "more",
    [
        {"resource": "me/nothing"}, {"changeType": "made"}, {"notificationUrl": ""}, {"clientState": "x" * 129},
        {"expirationDateTime": "tomorrow"}, {"expirationDateTime": "2020-01-01T00:00:00Z"}, {"colour": "red"},
        {"includeResourceData": True}, {"resource": "users", "changeType": "created"},
    ],
)  # fmt: skip
def test_what_is_no_subscription_is_refused(sandbox: Sandbox, address: Host, more: dict[str, Any]) -> None:
    token = sandbox.token("Mail.Read", "User.Read.All")
    refused = sandbox.graph("POST", "/subscriptions", token, json=wanted(address.url, **more))
    assert refused.status_code == 400
    assert address.seen == []


@pytest.mark.parametrize(
    ("resource", "changes", "permission", "minutes"),
    [
        (INBOX, "created", "Mail.ReadBasic", 10_080), ("me/events", "created", "Calendars.Read", 10_080),
        ("me/contacts", "created", "Contacts.Read", 10_080), ("users", "updated", "User.Read.All", 41_760),
        ("me/drive/root", "updated", "Files.Read.All", 42_300),
        ("sites/root/lists/Suppliers", "updated", "Sites.Read.All", 42_300),
        ("groups", "updated", "Group.Read.All", 41_760),
    ],
)  # fmt: skip
def test_a_resource_needs_the_permission_to_read_it_and_has_a_longest_life(
    sandbox: Sandbox, address: Host, resource: str, changes: str, permission: str, minutes: int
) -> None:
    body = {"resource": resource, "changeType": changes}
    without = sandbox.token("Tasks.Read")
    refused = sandbox.graph("POST", "/subscriptions", without, json=wanted(address.url, **body))
    assert refused.status_code == 403
    token = sandbox.token(permission)
    late = wanted(address.url, **body, expirationDateTime=after(minutes=minutes + 5))
    assert code(sandbox.graph("POST", "/subscriptions", token, json=late)) == (400, "ExtensionError")
    create(sandbox, token, address.url, **body, expirationDateTime=after(minutes=minutes - 5))


def test_how_long_mailboxes_are_watched_is_a_switch(sandbox: Sandbox, token: str, address: Host) -> None:
    sandbox.switch(subscription_mailbox_minutes=4_230)
    late = wanted(address.url, expirationDateTime=after(minutes=4_300))
    answer = sandbox.graph("POST", "/subscriptions", token, json=late)
    assert code(answer) == (400, "ExtensionError")
    assert "4230 minutes" in answer.json()["error"]["message"]


def test_a_short_life_is_made_longer(sandbox: Sandbox, token: str, address: Host) -> None:
    made = create(sandbox, token, address.url, expirationDateTime=after(minutes=5))
    assert made["expirationDateTime"] > after(minutes=43)


def test_a_subscription_is_renewed_and_ends(sandbox: Sandbox, token: str, address: Host) -> None:
    made = create(sandbox, token, address.url)
    path = f"/subscriptions/{made['id']}"
    renewed = sandbox.graph("PATCH", path, token, json={"expirationDateTime": after(days=6)}).json()
    assert renewed["expirationDateTime"] > made["expirationDateTime"]
    assert len(address.seen) == 1
    sandbox.graph("PATCH", path, token, json={"notificationUrl": f"{address.url}/other"})
    assert address.seen[1].path.startswith("/other?validationToken=")
    assert sandbox.graph("POST", f"{path}/reauthorize", token).status_code == 204
    too_late = sandbox.graph("PATCH", path, token, json={"expirationDateTime": after(days=8)})
    assert code(too_late) == (400, "ExtensionError")
    sandbox.control("POST", "/clock", {"advance_seconds": 7 * 86_400})
    fresh = sandbox.token("Mail.Read")
    assert sandbox.get("/subscriptions", fresh).json()["value"] == []
    assert sandbox.graph("PATCH", path, fresh, json={"expirationDateTime": after(days=9)}).status_code == 404


def test_others_do_not_see_it_nor_watch_a_mailbox_that_is_not_theirs(
    sandbox: Sandbox, token: str, address: Host
) -> None:
    made = create(sandbox, token, address.url)
    other = sandbox.token("Mail.Read", user=LUIS)
    assert sandbox.get("/subscriptions", other).json()["value"] == []
    assert sandbox.get(f"/subscriptions/{made['id']}", other).status_code == 404
    foreign = wanted(address.url, resource=f"users/{LUIS}/messages")
    assert sandbox.graph("POST", "/subscriptions", token, json=foreign).status_code == 403
    app = sandbox.token("Mail.Read", user=None)
    assert create(sandbox, app, address.url, resource=f"users/{LUIS}/messages")["creatorId"]
    assert sandbox.graph("POST", "/subscriptions", app, json=wanted(address.url)).status_code == 400
