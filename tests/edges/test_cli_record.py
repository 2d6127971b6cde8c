"""`call --record` and `--replay`, and what a recording may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.cli.scrub import CONTENT, FILE, Scrubber
from connector.sandbox import Server
from connector.sandbox.browser import Browser
from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_PASSWORD
from tests.edges.cli_runner import Shell

USER, COLLEAGUE = "avery.stone@fabrikoast.example", "mina.okafor@fabrikoast.example"
PERSONAL = ("Avery", "Stone", "Okafor", "fabrikoast", "canary")
SECRETS = ("Bearer", "uthorization", "127.0.0.1", "localhost")
MAIL = {
    "message": {
        "subject": "canary subject",
        "body": {"contentType": "html", "content": "<p>canary body</p>"},
        "toRecipients": [{"emailAddress": {"address": COLLEAGUE, "name": "Mina Okafor"}}],
    }
}


@pytest.fixture
def connected(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A user of the sandbox, signed in."""
    from urllib.request import urlopen

    def visit(url: str) -> bool:
        urlopen(Browser().visit(url, account=USER, password=DEMO_PASSWORD), timeout=30).close()
        return True

    monkeypatch.setattr("webbrowser.open", visit)
    with Server() as server:
        shell.environment({"M365_SANDBOX_URL": server.base_url})
        app = ("--cloud", "sandbox", "--client-id", DEMO_CLIENT_ID, "--secret-stdin")
        assert shell("apps", "add", "demo", *app, stdin=DEMO_CLIENT_SECRET).code == 0
        assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example").code == 0
        assert shell("connect", "acme", "--timeout", "30").code == 0
        yield shell


def both(shell: Shell, *call: str) -> tuple[Any, Any, str]:
    """What a call gives while it is recorded, what its replay gives, and the recording."""
    made = shell("call", *call, "--record", "tape.yaml", "-o", "json")
    assert made.code == 0, made.err
    again = shell("call", *call, "--replay", "tape.yaml", "-o", "json")
    assert again.code == 0, again.err
    parsed = [json.loads(result.out) if result.out else None for result in (made, again)]
    return parsed[0], parsed[1], Path("tape.yaml").read_text(encoding="utf-8")


def shape(value: Any) -> Any:
    """What is left of a document without its texts."""
    if isinstance(value, dict):
        return {name: shape(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return type(value).__name__


@pytest.mark.parametrize(
    "call",
    [
        ("users.list", "-p", "filter=startswith(displayName,'Avery')"),
        ("users.get", "-p", f"user_id={COLLEAGUE}"),
        ("users.search", "-p", "text=Okafor"),
        ("messages.list", "--limit", "3"),
        ("messages.send", "--input", json.dumps(MAIL)),
        ("drafts.create", "--input", json.dumps(MAIL)),
        ("drive_items.list_children",),
        ("drive_items.search", "-p", "text=canary"),
        ("drive_items.create_folder", "-p", "name=canary plans"),
    ],
    ids=lambda call: call[0],
)
def test_a_recording_replays_and_tells_nothing_of_anybody(call: tuple[str, ...], connected: Shell) -> None:
    made, again, tape = both(connected, *call)
    assert shape(made) == shape(again)
    assert not [word for word in (*PERSONAL, *SECRETS) if word in tape]
    assert tape.startswith("# Personal data: replaced.")
    assert not [word for word in PERSONAL if word in json.dumps(again)]


def test_a_replay_needs_no_install_and_no_server(connected: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected("call", "users.get_me", "--record", "tape.yaml").code == 0
    connected.environment({"M365_HOME": "elsewhere", "M365_SANDBOX_URL": "http://127.0.0.1:9"})
    result = connected("call", "users.get_me", "--replay", "tape.yaml")
    assert result.json["userPrincipalName"].endswith("@contoso.com")


def test_a_large_upload_and_a_download_replay_without_their_bytes(connected: Shell) -> None:
    Path("canary.bin").write_bytes(b"canary" * 1_000_000)
    made, again, tape = both(
        connected, "drive_items.upload", "-p", "path=a/canary.bin", "-p", "content=@canary.bin"
    )
    assert (made["id"], made["size"]) == (again["id"], again["size"])
    assert "canary" not in tape
    assert f"uri: {CONTENT}" in tape
    Path("tape.yaml").unlink()
    given = ("call", "drive_items.download", "-p", f"item_id={made['id']}", "--save")
    assert connected(*given, "one", "--record", "tape.yaml").code == 0
    assert connected(*given, "two", "--replay", "tape.yaml").code == 0
    assert Path("one").stat().st_size == made["size"]
    assert Path("two").read_bytes() == FILE


def test_kept_personal_data_is_still_without_secrets(connected: Shell) -> None:
    given = ("call", "messages.send", "--input", json.dumps(MAIL))
    assert connected(*given, "--record", "tape.yaml", "--keep-personal-data").code == 0
    tape = Path("tape.yaml").read_text(encoding="utf-8")
    assert "canary subject" in tape
    assert not [word for word in SECRETS if word in tape]
    assert connected(*given, "--replay", "tape.yaml").code == 0


def test_another_call_than_the_recorded_one_is_refused(connected: Shell) -> None:
    assert connected("call", "users.get", "-p", f"user_id={COLLEAGUE}", "--record", "tape.yaml").code == 0
    result = connected("call", "users.list", "--replay", "tape.yaml")
    assert result.code == 2
    assert "has no such request" in result.err


def test_a_recording_is_never_overwritten(connected: Shell) -> None:
    Path("tape.yaml").write_text("mine")
    result = connected("call", "users.get_me", "--record", "tape.yaml")
    assert result.code == 2
    assert Path("tape.yaml").read_text() == "mine"


def test_what_is_no_recording_is_refused(shell: Shell) -> None:
    Path("tape.yaml").write_text("interactions: []\n")
    assert "is no recording" in shell("call", "users.get_me", "--replay", "tape.yaml").err
    assert "cannot be read" in shell("call", "users.get_me", "--replay", "none.yaml").err


def scrubbed(document: Any, **options: Any) -> Any:
    data = json.dumps(document).encode()
    return json.loads(Scrubber("https://graph.microsoft.com/v1.0", **options).body(data, in_request=True))


def test_the_same_text_has_one_stand_in_and_another_text_another() -> None:
    found = scrubbed(
        {"subject": "A", "displayName": "A", "bodyPreview": "B", "mail": "a@b.test", "from": "A@B.test"}
    )
    assert found["subject"] == found["displayName"] != found["bodyPreview"]
    assert found["mail"] == found["from"] == "person3@contoso.com"


def test_what_a_recording_needs_to_fit_together_stays() -> None:
    kept = {
        "id": "AAMk/x+=", "@odata.etag": 'W/"1"', "receivedDateTime": "2026-05-04T08:00:00Z", "isRead": True,
        "importance": "high", "body": {"contentType": "html"}, "size": 12, "parentFolderId": "AQMk", "tenant": None,
    }  # fmt: skip
    assert scrubbed(kept) == kept


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "name", ["password", "newPassword", "clientState", "access_token", "refreshToken", "client_secret"]
)
def test_a_secret_goes_whatever_else_is_kept(name: str, keep: bool) -> None:
    assert scrubbed({name: "canary"}, keep_personal_data=keep) == {name: "secret"}


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "name", ["uploadUrl", "@microsoft.graph.downloadUrl", "joinUrl", "joinWebUrl", "webUrl"]
)
def test_an_address_that_is_a_permission_goes_whatever_else_is_kept(name: str, keep: bool) -> None:
    found = scrubbed({name: "https://contoso-my.sharepoint.com/x?tempauth=canary"}, keep_personal_data=keep)
    assert "canary" not in json.dumps(found)


def test_scrubbing_what_is_scrubbed_changes_nothing() -> None:
    document = {
        "subject": "A",
        "mail": "a@b.test",
        "name": "a.pdf",
        "webUrl": "https://x.test/a",
        "content": "text",
    }
    once = scrubbed(document)
    assert scrubbed(once) == once


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/users/ann@b.test/messages?$top=3", "/users/person1@contoso.com/messages?$top=3"),
        ("/users?$filter=startswith(displayName,'Ann')", "/users?$filter=startswith(displayName,'text%20no.%201')"),
        ("/users?$filter=id eq 'O''Brien'", "/users?$filter=id%20eq%20'text%20no.%201'"),
        ('/users?$search="displayName:ann"', '/users?$search="displayName:text%20no.%201"'),
        ("/me/drive/root:/Plans/may.pdf:/content", "/me/drive/root:/name%20no.%201/name%20no.%202.pdf:/content"),
        ("/me/drive/root/search(q='secret plan')", "/me/drive/root/search(q='text%20no.%201')"),
        ("/me/messages/AAMk%2Fx%2B%3D", "/me/messages/AAMk%2Fx%2B%3D"),
        ("/me/messages?$filter=receivedDateTime ge 2026-05-04T00:00:00Z",
         "/me/messages?$filter=receivedDateTime%20ge%202026-05-04T00:00:00Z"),
    ],
)  # fmt: skip
def test_addresses_are_scrubbed_where_somebodys_words_stand(url: str, expected: str) -> None:
    root = "https://graph.microsoft.com/v1.0"
    assert Scrubber(root).request_url(root + url) == root + expected


def test_a_name_in_an_address_is_that_of_the_body() -> None:
    scrubber = Scrubber("https://graph.microsoft.com/v1.0")
    url = scrubber.request_url("https://graph.microsoft.com/v1.0/users/ann@b.test")
    body = json.loads(scrubber.body(b'{"mail": "Ann@b.test"}', in_request=False))
    assert url.endswith(body["mail"])


def test_the_sandbox_becomes_graph() -> None:
    scrubber = Scrubber("http://127.0.0.1:8365/v1.0", keep_personal_data=True)
    link = {"@odata.nextLink": "http://127.0.0.1:8365/v1.0/users?$skiptoken=x"}
    found = json.loads(scrubber.body(json.dumps(link).encode(), in_request=False))
    assert found == {"@odata.nextLink": "https://graph.microsoft.com/v1.0/users?$skiptoken=x"}
