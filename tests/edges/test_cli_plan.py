"""`methods`, `show` and `call --dry-run`: what can be said without a token and without a network."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from connector.plan import plan
from connector.spec.load import load_catalogue
from tests.edges.cli_runner import Shell

CATALOGUE = load_catalogue()
ENTRY_KEYS = [
    "name", "category", "title", "description", "kind", "verb", "paths", "target", "scopes", "flow",
    "input_schema", "output_schema", "example", "docs",
]  # fmt: skip
MAIL = {
    "message": {
        "subject": "Hello",
        "body": {"contentType": "text", "content": "Hi"},
        "toRecipients": [{"emailAddress": {"address": "ann@contoso.com"}}],
    }
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("nothing may be sent")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def dry(shell: Shell, name: str, *arguments: str, **options: Any) -> dict[str, Any]:
    result = shell("call", name, *arguments, "--dry-run", "--output", "json", **options)
    assert result.code == 0, result.err
    document: dict[str, Any] = result.json
    return document


def test_methods_as_json_have_their_fixed_shape(shell: Shell) -> None:
    entries = shell("methods", "--json").json
    assert [entry["name"] for entry in entries] == [
        method.name for method in CATALOGUE.values() if method.visibility != "internal"
    ]
    for entry in entries:
        assert list(entry) == ENTRY_KEYS
        assert '"$ref":' not in json.dumps(entry)
        assert set(entry["scopes"]) == {"delegated", "application"}


def test_methods_are_narrowed_by_service_or_text(shell: Shell) -> None:
    by_service = shell("methods", "emails", "--json").json
    assert {entry["category"] for entry in by_service} == {CATALOGUE.manifest.services["emails"].title}
    by_text = [entry["name"] for entry in shell("methods", "upload", "--json").json]
    assert "drive_items.upload" in by_text
    assert "users.list" not in by_text


def test_an_unknown_service_names_the_known_ones(shell: Shell) -> None:
    result = shell("methods", "nonsense")
    assert result.code == 2
    assert "users" in result.err


def test_methods_as_text_are_one_line_each(shell: Shell) -> None:
    lines = shell("methods").out.splitlines()
    assert len(lines) == 1 + sum(method.visibility != "internal" for method in CATALOGUE.values())


def test_show_tells_inputs_scopes_and_an_example(shell: Shell) -> None:
    text = shell("show", "messages.send").out
    for part in ("POST /me/sendMail", "delegated Mail.Send", "message* (object)", "--input"):
        assert part in text


def test_show_as_json_is_the_entry_of_the_method(shell: Shell) -> None:
    assert shell("show", "users.list", "--json").json in shell("methods", "--json").json


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_example_has_a_plan(shell: Shell, name: str) -> None:
    document = dry(shell, name, "--input", json.dumps(CATALOGUE[name].example))
    (request,) = document["requests"]
    assert list(request) == ["method", "url", "headers", "body"]
    assert request["url"].startswith("https://graph.microsoft.com/v1.0/")
    assert document["scopes"]


def test_a_plan_is_the_exact_request(shell: Shell) -> None:
    document = dry(shell, "messages.send", "--input", json.dumps(MAIL))
    assert document["requests"] == [
        {
            "method": "POST",
            "url": "https://graph.microsoft.com/v1.0/me/sendMail",
            "headers": {
                "Prefer": 'IdType="ImmutableId"',
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            "body": {**MAIL, "saveToSentItems": True},
        }
    ]
    assert document["scopes"] == ["Mail.Send"]
    assert document["retries"]["repeatable"] is False
    assert "Authorization" in document["added_when_sent"]


def test_another_users_mailbox_needs_another_permission(shell: Shell) -> None:
    document = dry(shell, "messages.list", "--target", "user=ann@contoso.com")
    assert document["requests"][0]["url"].startswith(
        "https://graph.microsoft.com/v1.0/users/ann@contoso.com/"
    )
    assert document["scopes"] == ["Mail.Read.Shared"]


def test_a_small_upload_goes_in_one_request_a_large_one_opens_a_session(shell: Shell, tmp_path: Path) -> None:
    small, large = tmp_path / "small.txt", tmp_path / "large.bin"
    small.write_bytes(b"text")
    with large.open("wb") as file:
        file.truncate(5_000_000)
    document = dry(shell, "drive_items.upload", "-p", "path=a.txt", "-p", f"content=@{small}")
    assert document["requests"][0]["method"] == "PUT"
    assert document["requests"][0]["body"] == "text"
    document = dry(shell, "drive_items.upload", "-p", "path=a.bin", "-p", f"content=@{large}")
    assert document["requests"][0]["url"].endswith(":/createUploadSession")


def test_the_bytes_of_a_plan_that_are_no_text_are_described(tmp_path: Path) -> None:
    from connector.content import Content

    binary = Content.from_bytes(b"\x00\xff" * 10, name="a.bin")
    made = plan(CATALOGUE, "drive_items.upload", {"path": "a.bin", "content": binary})
    assert made.requests[0]["body"] == {"file": "a.bin", "size_bytes": 20}


def test_a_plan_for_an_app_alone_refuses_me() -> None:
    from connector.errors import InvalidInput

    with pytest.raises(InvalidInput, match="no 'me'"):
        plan(CATALOGUE, "messages.list", {}, mode="application")
    made = plan(CATALOGUE, "messages.list", {"user": "ann@contoso.com"}, mode="application")
    assert made.scopes == ("Mail.Read",)


def test_a_plan_in_another_cloud_goes_to_its_host() -> None:
    made = plan(CATALOGUE, "users.list", {}, CATALOGUE.manifest.clouds["china"])
    assert made.requests[0]["url"].startswith("https://microsoftgraph.chinacloudapi.cn/v1.0/users")


def test_a_plan_on_a_terminal_is_for_reading(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.cli.call.on_terminal", lambda: True)
    text = shell("call", "users.list", "--dry-run").out
    assert text.startswith("GET https://graph.microsoft.com/v1.0/users?")
    assert "Scopes (delegated): User.ReadBasic.All" in text


def test_an_unknown_method_names_the_nearest(shell: Shell) -> None:
    result = shell("call", "users.lst", "--dry-run")
    assert result.code == 2
    assert "users.list" in result.err


def test_a_batch_is_planned_call_by_call(shell: Shell) -> None:
    calls = [{"method": "users.get_me"}, {"method": "users.list", "input": {"page_size": 3}}]
    plans = shell("batch", json.dumps(calls), "--dry-run").json
    assert [entry["requests"][0]["method"] for entry in plans] == ["GET", "GET"]
    assert "$top=3" in plans[1]["requests"][0]["url"]
