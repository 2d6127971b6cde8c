"""The command line from registration to a call, over HTTP, against the sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from connector.auth.entra import DeviceCode, Entra
from connector.auth.id_token import Identity
from connector.auth.tokens import Tokens
from connector.sandbox import Server
from connector.sandbox.browser import Browser, Stopped
from connector.sandbox.seed import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_PASSWORD
from connector.tenancy import App
from tests.edges.cli_runner import Shell

ROOT = Path(__file__).parents[2]
ANN = "avery.stone@fabrikoast.example"
BOB = "mina.okafor@fabrikoast.example"


@pytest.fixture
def sandbox() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Queue[str]]:
    """Puts a person in front of the browser; gives what the last page showed them."""

    def sit(account: str, *, accept: bool = True) -> Queue[str]:
        pages: Queue[str] = Queue()

        def visit(url: str) -> bool:
            try:
                arrived = Browser().visit(url, account=account, password=DEMO_PASSWORD, accept=accept)
                with urlopen(arrived, timeout=30) as answer:
                    pages.put(answer.read().decode())
            except HTTPError as answer:
                with answer:
                    pages.put(answer.read().decode())
            except Stopped as stopped:
                pages.put(stopped.text)
            return True

        monkeypatch.setattr("webbrowser.open", visit)
        return pages

    return sit


@pytest.fixture
def install(shell: Shell, sandbox: Server) -> Shell:
    """The demo app, installed in a company of the sandbox."""
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell)
    assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example").code == 0
    return shell


def add_app(shell: Shell, app_id: str = "demo", *options: str, secret: str = DEMO_CLIENT_SECRET) -> None:
    given = ("--cloud", "sandbox", "--client-id", DEMO_CLIENT_ID, "--secret-stdin", *options)
    result = shell("apps", "add", app_id, *given, stdin=secret)
    assert result.code == 0, result.err


def test_sign_in_call_and_disconnect(install: Shell, people: Callable[..., Queue[str]]) -> None:
    pages = people(ANN)
    connected = install("connect", "acme", "--timeout", "30")
    assert connected.code == 0, connected.err
    assert connected.json["user"] == ANN
    assert connected.json["missing"] == []
    assert "You are signed in" in pages.get(timeout=10)
    assert "token" not in connected.out
    assert install("call", "users.get_me").json["userPrincipalName"] == ANN
    shown = install("installs", "show", "acme").json["connections"]
    assert [entry["status"] for entry in shown] == ["connected"]
    assert install("disconnect", "acme", "--yes").code == 0
    assert install("call", "users.get_me").code == 3


def test_no_secret_is_written_even_when_everything_is_logged(
    install: Shell, sandbox: Server, people: Callable[..., Queue[str]], caplog: pytest.LogCaptureFixture
) -> None:
    pages = people(ANN)
    runs = [
        install("--verbose", "connect", "acme", "--timeout", "30"),
        install("--verbose", "call", "users.list", "--limit", "1"),
        install(
            "--verbose", "call", "drive_items.upload", "-p", "path=a.txt", "-p", "content=@-", stdin=b"x"
        ),
        install("--verbose", "doctor"),
        install("--verbose", "call", "messages.get", "-p", "message_id=none"),
    ]
    secrets = [*sandbox.world.access_tokens, DEMO_CLIENT_SECRET, DEMO_PASSWORD]
    assert len(secrets) > 3
    for written in (*(run.out + run.err for run in runs), pages.get(timeout=10)):
        assert not [secret for secret in secrets if secret in written]
    assert [run.code for run in runs] == [0, 0, 0, 0, 5]
    assert "DEBUG connector.graph.transport: GET /v1.0/users -> 200" in runs[1].err


def test_two_users_are_told_apart_by_as(install: Shell, people: Callable[..., Queue[str]]) -> None:
    for user in (ANN, BOB):
        people(user)
        assert install("connect", "acme", "--for", "users.get_me", "--timeout", "30").code == 0
    assert install("call", "users.get_me").json["userPrincipalName"] == ANN
    assert install("call", "users.get_me", "--as", BOB).json["userPrincipalName"] == BOB
    result = install("disconnect", "acme", "--yes")
    assert result.code == 2
    assert "--as" in result.err
    assert install("disconnect", "acme", "--as", ANN, "--yes").code == 0
    assert install("call", "users.get_me").json["userPrincipalName"] == BOB


def test_who_declines_is_not_connected_and_is_told_so(
    install: Shell, people: Callable[..., Queue[str]]
) -> None:
    pages = people(BOB, accept=False)
    result = install("connect", "acme", "--for", "users.get_me", "--timeout", "30")
    assert result.code == 3
    assert "AADSTS65004" in result.err
    assert "You are signed in" not in pages.get(timeout=10)
    assert install("installs", "show", "acme").json["connections"] == []


def test_a_callback_of_somebody_else_does_not_end_the_wait(
    install: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[int] = []

    def visit(url: str) -> bool:
        arrived = Browser().visit(url, account=ANN, password=DEMO_PASSWORD)
        origin = arrived.partition("?")[0]
        for forged in (f"{origin}?code=x&state=forged", origin, origin.replace("callback", "other")):
            with pytest.raises(HTTPError) as caught:
                urlopen(forged, timeout=30)
            refused.append(caught.value.code)
            caught.value.close()
        urlopen(arrived, timeout=30).close()
        return True

    monkeypatch.setattr("webbrowser.open", visit)
    assert install("connect", "acme", "--for", "users.get_me", "--timeout", "30").code == 0
    assert refused == [400, 400, 404]


def test_nobody_in_front_of_the_browser_ends_with_advice(install: Shell) -> None:
    result = install("connect", "acme", "--no-browser", "--timeout", "1")
    assert result.code == 3
    assert "--admin-consent" in result.err
    assert "http://localhost/connector/callback" in result.err


def test_the_device_shows_a_code(install: Shell, sandbox: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Entra.finish_device

    def approve(self: Entra, app: App, tenant_id: str, device: DeviceCode) -> tuple[Identity, Tokens]:
        with pytest.raises(Stopped):
            Browser().visit(
                device.verification_uri, account=ANN, password=DEMO_PASSWORD, code=device.user_code
            )
        return finish(self, app, tenant_id, replace(device, interval_seconds=0.01))

    monkeypatch.setattr(Entra, "finish_device", approve)
    result = install("connect", "acme", "--device", "--for", "users.get_me")
    assert result.code == 0, result.err
    assert "type the code" in result.err
    assert result.json["user"] == ANN


def test_doctor_finds_nothing_wrong_where_nothing_is(
    install: Shell, people: Callable[..., Queue[str]]
) -> None:
    people(ANN)
    assert install("connect", "acme", "--timeout", "30").code == 0
    result = install("doctor", "--json")
    checks = {check["check"]: check for check in result.json["checks"]}
    wrong = {name: check for name, check in checks.items() if check["state"] == "wrong"}
    assert (result.code, wrong) == (0, {})
    assert checks["redirect URI"]["state"] == "ok"
    assert checks["mailbox"]["value"] == "there is one"
    assert ANN in checks["Microsoft Graph"]["value"]


def fault(shell: Shell, check: str) -> dict[str, str]:
    """The check of `doctor` by this name, which must be what is wrong first."""
    result = shell("doctor", "--json")
    assert result.code != 0
    first = next(entry for entry in result.json["checks"] if entry["state"] == "wrong")
    assert first["check"] == check, first
    found: dict[str, str] = first
    return found


def test_doctor_names_a_wrong_secret(shell: Shell, sandbox: Server) -> None:
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell, secret="another~secret")
    assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example").code == 0
    found = fault(shell, "app in the tenant")
    assert (found["value"], found["who"]) == ("AADSTS7000215", "operator")


def test_doctor_names_the_id_of_a_secret_given_for_its_value(shell: Shell, sandbox: Server) -> None:
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell, secret="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example").code == 0
    found = fault(shell, "credential")
    assert "ID of a secret" in found["remedy"]


def test_doctor_names_a_secret_that_has_ended(shell: Shell, sandbox: Server) -> None:
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell, "demo", "--expires", "2020-01-01")
    assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example").code == 0
    found = fault(shell, "credential's end")
    assert (found["value"], found["who"]) == ("2020-01-01", "operator")


def test_doctor_names_a_tenant_that_does_not_exist(shell: Shell, sandbox: Server) -> None:
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell)
    unknown = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert shell("installs", "add", "acme", "--tenant", unknown).code == 0
    found = fault(shell, "cloud and tenant")
    assert found["value"] == "AADSTS90002"


def test_doctor_names_a_cloud_that_does_not_answer(install: Shell, sandbox: Server) -> None:
    sandbox.stop()
    found = fault(install, "cloud and tenant")
    assert "no answer" in found["remedy"]


def test_doctor_names_a_redirect_uri_that_is_not_registered(shell: Shell, sandbox: Server) -> None:
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell, "demo", "--redirect-uri", "https://platform.example/other")
    assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example").code == 0
    found = fault(shell, "redirect URI")
    assert found["value"] == "https://platform.example/other"
    assert "Authentication" in found["remedy"]


def test_doctor_names_an_account_that_is_off(install: Shell) -> None:
    assert install("accounts", "disable", "default").code == 0
    assert fault(install, "account")["value"] == "default"


def test_doctor_names_permissions_that_were_not_granted(
    install: Shell, people: Callable[..., Queue[str]]
) -> None:
    people(BOB)
    assert install("connect", "acme", "--for", "users.get_me", "--timeout", "30").code == 0
    found = fault(install, "permissions")
    assert "Mail.ReadWrite" in found["value"]
    assert "connect acme" in found["remedy"]


def test_doctor_names_a_user_without_a_mailbox(install: Shell, people: Callable[..., Queue[str]]) -> None:
    assert install("installs", "remove", "acme", "--yes").code == 0
    given = ("--tenant", "fabrikoast.example", "--services", "emails")
    assert install("installs", "add", "acme", *given).code == 0
    people("nomail.kim@fabrikoast.example")
    assert install("connect", "acme", "--timeout", "30").code == 0
    found = fault(install, "mailbox")
    assert "licence" in found["remedy"]
    assert found["who"] == "customer_admin"


def test_an_app_alone_connects_without_a_browser(shell: Shell, sandbox: Server) -> None:
    shell.environment({"M365_SANDBOX_URL": sandbox.base_url})
    add_app(shell, "demo", "--mode", "application")
    assert shell("installs", "add", "acme", "--tenant", "fabrikoast.example", "--services", "users").code == 0
    result = shell("connect", "acme")
    assert result.code == 0, result.err
    assert result.json["mode"] == "application"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_prints_its_address_and_leaves_nothing_behind_when_it_ends(
    tmp_path: Path, ending: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "sandbox", "--port", "0"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "M365_HOME": str(tmp_path), "TMPDIR": str(scratch)},
    )  # fmt: skip
    timer = threading.Timer(30, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urlopen(f"{address}/_sandbox/switches", timeout=10) as answer:
            assert answer.status == 200
        assert list(scratch.iterdir())
        process.send_signal(ending)
        _, told = process.communicate(timeout=20)
    finally:
        timer.cancel()
    assert process.returncode == 0
    assert address.startswith("http://127.0.0.1:")
    assert f"M365_SANDBOX_URL={address}" in told
    assert list(scratch.iterdir()) == []
