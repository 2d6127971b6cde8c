"""Logs: no secret, one line, whatever library wrote it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.log import Redaction, configure, one_line, protect, redact

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIwMDAwIn0.c2lnbmF0dXJl-_x"
REFRESH = "0.AXkAcanary" + "x" * 300
CODE = "1.AXkAcanary" + "y" * 300


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test sets up on the root logger is taken down, also from handlers that were there."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    filters = {handler: list(handler.filters) for handler in handlers}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for handler, before in filters.items():
        handler.filters[:] = before


@pytest.fixture
def logged() -> io.StringIO:
    stream = io.StringIO()
    configure("DEBUG", stream)
    return stream


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {JWT}",
        "Authorization: Bearer canary.opaque-token",
        "{'Authorization': 'Bearer canary-opaque'}",
        "Authorization: Basic Y2FuYXJ5OmNhbmFyeQ== canary".replace(" canary", ""),
        f"a token {JWT} in the middle",
        f"refresh {REFRESH} and code {CODE}",
        "M.C507_BAY.0.U.-canary*canary!canary",
        f"grant_type=authorization_code&code={CODE}&code_verifier=canary-verifier&client_secret=canary~secret",
        "https://p.example.com/connector/callback?code=canary&state=canary",
        '{"refresh_token": "canary", "access_token":"canary", "expires_in": 3599}',
        "{'client_secret': 'canary', 'client_assertion': b'canary'}",
        r"body={\"refresh_token\":\"canary\"}",
        "client_secret=canary%7Esecret",
        "client_secret%3Dcanary",
        "password: canary; user: ann",
        "clientState='canary'",
        "https://contoso.sharepoint.com/_api/v2.0/drives/b!x/items/1/uploadSession?guid='canary'&tempauth=canary",
        "https://contoso-my.sharepoint.com/personal/canary/_layouts/15/download.aspx?UniqueId=canary",
        "https://outlook.office.com/api/v2.0/Users('canary')/AttachmentSessions('canary')?authtoken=canary",
        "http://localhost:8365/content/canary",
        "GET https://graph.microsoft.com/v1.0/me/messages?$skiptoken=canary HTTP/1.1",
        "https://user:canary@proxy.example.com:8080",
        "postgresql://x password=canary",
        "-----BEGIN RSA PRIVATE KEY-----\ncanary\ncanary\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\ncanary",
        "Set-Cookie: canary=1",
        "'uploadUrl': 'canary'",
        '"@microsoft.graph.downloadUrl": "canary"',
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    hidden = redact(text)
    assert "canary" not in hidden.lower()
    assert "***" in hidden
    for secret in (JWT, "Y2FuYXJ5"):
        assert secret not in hidden


@pytest.mark.parametrize(
    "text",
    [
        "schema_drift method=users.list call=1b2c: /displayName: None is not of type 'string'",
        "Graph said ErrorItemNotFound, request-id 6b1c2a4e-0000-0000-0000-000000000000",
        '{"error": {"code": "InvalidAuthenticationToken", "message": "expired"}}',
        "GET https://graph.microsoft.com/v1.0/me/messages",
        "POST https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "The tokens of connection 7 were renewed; 3 secrets rotated.",
        "expires_in=3599 scope=Mail.Read token_type=Bearer",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_the_name_of_a_secret_stays_and_what_follows_it() -> None:
    assert redact("grant_type=refresh_token&refresh_token=canary&client_id=abc") == (
        "grant_type=refresh_token&refresh_token=***&client_id=abc"
    )


@given(st.text())
@example("client_secret=")
@example("https://[")
def test_redaction_takes_any_text(text: str) -> None:
    assert redact(redact(text)) is not None


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_a_mail_subject_cannot_forge_a_line_or_a_colour(logged: io.StringIO) -> None:
    logging.getLogger("x").warning("subject %s", "hi\r\n2026-01-01 CRITICAL forged \x1b[31m ${jndi:ldap://x}")
    text = logged.getvalue()
    assert text.count("\n") == 1
    assert "\\r\\n" in text
    assert "\\x1b[31m" in text


def test_arguments_are_redacted(logged: io.StringIO) -> None:
    logging.getLogger("x").debug("posted %s to %s", {"client_secret": "canary"}, "https://h/v1.0/me?x=canary")
    assert "canary" not in logged.getvalue()
    assert "client_secret" in logged.getvalue()


def test_a_traceback_is_redacted_and_on_the_same_line(logged: io.StringIO) -> None:
    headers = {"Authorization": "Bearer canary"}
    try:
        try:
            raise ValueError(f"first {headers}")
        except ValueError as error:
            raise RuntimeError("refresh_token=canary\nsecond") from error
    except RuntimeError:
        logging.getLogger("x").exception("failed")
    text = logged.getvalue()
    assert text.count("\n") == 1
    assert "RuntimeError" in text
    assert "ValueError" in text
    assert "canary" not in text


def test_a_record_whose_arguments_do_not_fit_is_still_written(logged: io.StringIO) -> None:
    logging.getLogger("x").warning("%d things, client_secret=canary", "many")
    assert "do not fit" in logged.getvalue()
    assert "canary" not in logged.getvalue()


def test_libraries_that_log_tokens_stay_above_debug(logged: io.StringIO) -> None:
    for name in ("requests_oauthlib.oauth2_session", "oauthlib.oauth2", "urllib3.connectionpool"):
        logging.getLogger(name).debug("a token")
    assert logged.getvalue() == ""


def test_handlers_of_the_host_are_protected_too() -> None:
    stream = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(stream))
    configure("DEBUG", io.StringIO())
    logging.getLogger("x").warning("password=canary")
    assert stream.getvalue() == "password=***\n"


def test_configuring_twice_writes_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("INFO", first)
    configure("INFO", second)
    logging.getLogger("x").warning("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_a_host_can_protect_a_handler_of_its_own() -> None:
    handler = logging.StreamHandler(io.StringIO())
    protect(handler)
    protect(handler)
    assert [type(each) for each in handler.filters] == [Redaction]
