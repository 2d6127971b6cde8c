"""Apps, accounts, installs, keys and scopes, with a database in a home of its own."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path

import pytest

from connector.auth.connect import Connect
from connector.settings import Settings
from connector.spec.load import load_catalogue
from connector.store.crypto import Sealer
from connector.store.sql import SqlStore
from tests.edges.cli_runner import Shell
from tests.reference import GRAPH_DATA, needs_reference

CLIENT_ID = "5d1c3f0e-7a52-4c3e-9b1a-2f64d0c9e001"
TENANT_ID = "7b9d2a64-31c5-4e0f-8a77-0c5e1f3ab001"
SECRET = "canary~secret/value"


@pytest.fixture(autouse=True)
def tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tenant is found, without a network."""
    monkeypatch.setattr(Connect, "resolve_tenant", lambda self, cloud, text: TENANT_ID)


def app(shell: Shell, app_id: str = "main", *options: str) -> None:
    result = shell("apps", "add", app_id, "--client-id", CLIENT_ID, "--secret-stdin", *options, stdin=SECRET)
    assert result.code == 0, result.err


def installed(shell: Shell, *options: str) -> None:
    app(shell)
    result = shell("installs", "add", "acme", "--tenant", "contoso.com", *options)
    assert result.code == 0, result.err


def pem() -> bytes:
    """A certificate with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, *form
    )


def test_an_app_is_kept_and_its_secret_never_shown(shell: Shell) -> None:
    app(shell, "main", "--expires", "2027-05-31", "--label", "Main")
    shown = shell("apps", "show", "main", "-o", "json")
    assert shown.json["client_id"] == CLIENT_ID
    assert [entry["kind"] for entry in shown.json["credentials"]] == ["secret"]
    assert shown.json["credential_expires_at"] == "2027-05-31T00:00:00+00:00"
    assert [entry["app"] for entry in shell("apps", "list").json] == ["main"]
    assert SECRET not in shown.out + shown.err


def test_no_option_takes_a_secret(shell: Shell) -> None:
    for command in ("add", "rotate"):
        text = shell("apps", command, "--help").out
        assert "--secret-stdin" in text
        assert "--secret " not in text
        assert "--client-secret" not in text


@pytest.mark.parametrize("source", ["file", "variable", "stdin"])
def test_a_secret_comes_from_a_file_a_variable_or_standard_input(
    source: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text(f"{SECRET}\n")
    options = {"file": ("--secret-file", "secret.txt"), "stdin": ("--secret-stdin",), "variable": ()}[source]
    if source == "variable":
        shell.environment({"M365_CLIENT_SECRET": SECRET})
    result = shell("apps", "add", "main", "--client-id", CLIENT_ID, *options, stdin=f"{SECRET}\n")
    assert result.code == 0, result.err
    settings = Settings.from_environment()
    store = SqlStore.open(settings.database_url, Sealer(settings.keys()))
    kept = store.app("main")
    store.close()
    assert kept is not None
    assert kept.credentials[0].secret == SECRET


def test_without_a_credential_the_ways_to_give_one_are_named(shell: Shell) -> None:
    result = shell("apps", "add", "main", "--client-id", CLIENT_ID)
    assert result.code == 2
    assert "--secret-stdin" in result.err


def test_a_public_app_needs_no_secret_but_an_app_alone_does(shell: Shell) -> None:
    assert shell("apps", "add", "public", "--client-id", CLIENT_ID, "--public").code == 0
    result = shell("apps", "add", "x", "--client-id", CLIENT_ID, "--public", "--mode", "application")
    assert result.code == 2


def test_the_id_of_a_secret_is_warned_of(shell: Shell) -> None:
    result = shell("apps", "add", "main", "--client-id", CLIENT_ID, "--secret-stdin", stdin=TENANT_ID)
    assert result.code == 0
    assert "ID of a secret" in result.err


def test_a_certificate_brings_its_end(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_bytes(pem())
    assert shell("apps", "add", "main", "--client-id", CLIENT_ID, "--certificate", "app.pem").code == 0
    shown = shell("apps", "show", "main").json
    assert shown["credential_expires_at"] == "2027-01-01T00:00:00+00:00"


def test_a_certificate_without_its_key_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_bytes(pem().partition(b"-----BEGIN PRIVATE")[0])
    result = shell("apps", "add", "main", "--client-id", CLIENT_ID, "--certificate", "app.pem")
    assert result.code == 2
    assert "private key" in result.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--client-id", "main"), "--client-id is no GUID"),
        (("--client-id", CLIENT_ID, "--cloud", "moon"), "global"),
        (("--client-id", CLIENT_ID, "--expires", "soon"), "2027-05-31"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(options: tuple[str, ...], named: str, shell: Shell) -> None:
    result = shell("apps", "add", "main", "--secret-stdin", *options, stdin=SECRET)
    assert result.code == 2
    assert named in result.err


def test_rotation_keeps_two_credentials_until_it_is_finished(shell: Shell) -> None:
    app(shell)
    old = shell("apps", "show", "main").json["credentials"][0]["id"]
    assert shell("apps", "rotate", "main", "--secret-stdin", stdin="new~secret").code == 0
    both = [entry["id"] for entry in shell("apps", "show", "main").json["credentials"]]
    assert both[1] == old
    assert shell("apps", "rotate", "main", "--secret-stdin", stdin="third").code == 2
    assert shell("apps", "rotate", "main", "--finish").code == 0
    assert [entry["id"] for entry in shell("apps", "show", "main").json["credentials"]] == both[:1]


def test_an_app_in_use_cannot_be_removed(shell: Shell) -> None:
    installed(shell)
    result = shell("apps", "remove", "main", "--yes")
    assert result.code == 2
    assert "used by installs" in result.err
    assert shell("installs", "remove", "acme", "--yes").code == 0
    assert shell("apps", "remove", "main", "--yes").code == 0
    assert shell("apps", "list").json == []


def test_removing_asks_on_a_terminal(shell: Shell) -> None:
    app(shell)
    shell.on_terminal(answer=False)
    assert shell("apps", "remove", "main").code == 1
    assert len(shell("apps", "list").json) == 1


def test_an_account_is_off_until_it_is_turned_on(shell: Shell) -> None:
    assert shell("accounts", "add", "acme", "--label", "Acme").code == 0
    assert [entry["enabled"] for entry in shell("accounts", "list").json] == [False]
    assert shell("accounts", "enable", "acme").code == 0
    assert [entry["enabled"] for entry in shell("accounts", "list").json] == [True]
    assert shell("accounts", "disable", "acme").code == 0
    assert [entry["enabled"] for entry in shell("accounts", "list").json] == [False]
    assert shell("accounts", "enable", "nobody").code == 2
    assert shell("accounts", "remove", "acme", "--yes").code == 0
    assert shell("accounts", "list").json == []


def test_an_install_keeps_the_tenants_id_and_the_usual_services(shell: Shell) -> None:
    installed(shell)
    shown = shell("installs", "show", "acme").json
    assert shown["tenant_id"] == TENANT_ID
    assert "users" in shown["services"]
    assert "graph" not in shown["services"]
    assert shown["connections"] == []
    assert shell("accounts", "list").json[0]["enabled"] is True


def test_an_install_with_several_apps_or_accounts_wants_one_named(shell: Shell) -> None:
    assert "apps add" in shell("installs", "add", "acme", "--tenant", "contoso.com").err
    app(shell, "one")
    app(shell, "two")
    result = shell("installs", "add", "acme", "--tenant", "contoso.com")
    assert result.code == 2
    assert "--app" in result.err
    assert shell("installs", "add", "acme", "--tenant", "contoso.com", "--app", "two").code == 0
    assert shell("installs", "add", "acme", "--tenant", "contoso.com", "--app", "two").code == 2


@pytest.mark.parametrize(
    ("options", "named"),
    [(("--services", "users,mails"), "mails"), (("--account", "x"), "'x'"), (("--app", "x"), "'x'")],
)
def test_what_an_install_refers_to_must_be_there(options: tuple[str, ...], named: str, shell: Shell) -> None:
    app(shell)
    assert shell("accounts", "add", "a", "--enabled").code == 0
    result = shell("installs", "add", "acme", "--tenant", "contoso.com", *options)
    assert result.code == 2
    assert named in result.err


@pytest.mark.parametrize("command", ["apps", "accounts", "installs"])
def test_an_id_is_plain_text(command: str, shell: Shell) -> None:
    options = {"apps": ("--client-id", CLIENT_ID), "accounts": (), "installs": ("--tenant", "contoso.com")}
    result = shell(command, "add", "../x", *options[command])
    assert result.code == 2
    assert "letters, digits" in result.err


def test_one_install_needs_no_name_and_several_do(shell: Shell) -> None:
    assert "installs add" in shell("call", "users.list").err
    installed(shell)
    assert "Nobody is connected" in shell("call", "users.list").err
    assert shell("installs", "add", "other", "--tenant", "contoso.com").code == 0
    result = shell("call", "users.list")
    assert result.code == 2
    assert "--install" in result.err
    shell.environment({"M365_INSTALL": "other"})
    assert "'other'" in shell("call", "users.list").err


def test_a_plan_for_an_install_is_in_its_cloud_and_mode_before_anybody_is_connected(shell: Shell) -> None:
    app(shell, "alone", "--mode", "application", "--cloud", "us_gov")
    assert shell("installs", "add", "acme", "--tenant", "contoso.com").code == 0
    given = (
        "messages.list",
        "--target",
        "user=ann@contoso.com",
        "--install",
        "acme",
        "--dry-run",
        "-o",
        "json",
    )
    document = shell("call", *given).json
    assert document["mode"] == "application"
    assert document["requests"][0]["url"].startswith("https://graph.microsoft.us/v1.0/users/")
    assert shell("call", "messages.list", "--install", "acme", "--dry-run").code == 2


def test_scopes_are_the_least_for_the_methods(shell: Shell) -> None:
    document = shell("scopes", "messages.list", "messages.update", "users.get_me", "--json").json
    assert document["scopes"] == ["Mail.ReadWrite", "User.Read"]
    (graph,) = document["requiredResourceAccess"]
    assert graph["resourceAppId"] == "00000003-0000-0000-c000-000000000000"
    assert {"id": "024d486e-b451-40bb-833d-3e66d98c5c73", "type": "Scope"} in graph["resourceAccess"]


def test_scopes_for_other_targets_and_for_an_app_alone_differ(shell: Shell) -> None:
    shared = shell("scopes", "messages.list", "--target", "user", "--json").json
    assert shared["scopes"] == ["Mail.Read.Shared"]
    alone = shell("scopes", "messages.list", "--mode", "application", "--json").json
    assert alone["admin"] == ["Mail.Read"]
    assert alone["requiredResourceAccess"][0]["resourceAccess"][0]["type"] == "Role"


def test_scopes_of_a_service_and_the_registration_alone(shell: Shell) -> None:
    access = shell("scopes", "emails", "--registration").json
    assert access == shell("scopes", "emails", "--json").json["requiredResourceAccess"]


def test_scopes_of_an_install_come_with_the_consent_url(shell: Shell) -> None:
    installed(shell, "--services", "emails")
    document = shell("scopes", "--install", "acme", "--json").json
    assert document["missing"] == {}
    assert document["admin_consent_url"].startswith(
        f"https://login.microsoftonline.com/{TENANT_ID}/v2.0/adminconsent?client_id={CLIENT_ID}"
    )
    assert document["scopes"] == ["Mail.ReadWrite", "Mail.Send"]


def test_scopes_of_nothing_say_what_to_name(shell: Shell) -> None:
    assert "Name methods" in shell("scopes").err


def test_a_misprinted_permission_gets_a_hint_and_is_not_sent(shell: Shell) -> None:
    installed(shell)
    result = shell("connect", "acme", "--scope", "File.Read", "--no-browser")
    assert result.code == 2
    assert "did you mean Files.Read?" in result.err


def test_an_admin_consent_url_is_data(shell: Shell) -> None:
    installed(shell)
    result = shell("connect", "acme", "--admin-consent")
    assert result.out.startswith("https://login.microsoftonline.com/")
    assert "redirect_uri=http%3A%2F%2Flocalhost%2Fconnector%2Fcallback" in result.out


def test_a_new_key_is_a_key(shell: Shell) -> None:
    assert len(base64.urlsafe_b64decode(shell("keys", "new").out)) == 32


def test_where_the_keys_are_is_told_but_not_what_they_are(shell: Shell, tmp_path: Path) -> None:
    assert "made on first use" in shell("keys", "where").out
    app(shell)
    assert shell("keys", "where").out.strip() == str(tmp_path / "home" / "secret.key")
    key = shell("keys", "new").out.strip()
    shell.environment({"M365_SECRET_KEYS": key})
    told = shell("keys", "where").out
    assert "1 key" in told
    assert key not in told


def test_after_a_rotation_the_old_key_is_not_needed(shell: Shell) -> None:
    old, new = shell("keys", "new").out.strip(), shell("keys", "new").out.strip()
    shell.environment({"M365_SECRET_KEYS": old})
    app(shell)
    assert shell("keys", "rotate").code == 7
    shell.environment({"M365_SECRET_KEYS": f"{new},{old}"})
    assert shell("keys", "rotate").code == 0
    shell.environment({"M365_SECRET_KEYS": new})
    assert shell("apps", "show", "main").code == 0
    shell.environment({"M365_SECRET_KEYS": old})
    assert shell("apps", "show", "main").code == 7


def test_lint_finds_nothing_in_our_own_bundle(shell: Shell) -> None:
    assert shell("lint", "--json").json == {"problems": []}


def test_lint_tells_file_and_line_of_a_problem(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bundle" / "methods" / "things").mkdir(parents=True)
    (tmp_path / "bundle" / "methods" / "things" / "list.yaml").write_text("name: things.list\ncolour: red\n")
    result = shell("lint", "bundle")
    assert result.code == 7
    assert "methods/things/list.yaml:2: " in result.out


def test_prove_wants_to_know_what_to_hold_the_methods_against(shell: Shell) -> None:
    result = shell("prove")
    assert result.code == 2
    assert "--metadata" in result.err


@needs_reference
def test_prove_holds_every_method_against_the_reference(shell: Shell) -> None:
    parts = (
        "--metadata",
        "metadata.csdl.xml",
        "--permissions",
        "permissions.json",
        "--scopes",
        "scopes.json",
    )
    given = [part if part.startswith("--") else str(GRAPH_DATA / part) for part in parts]
    result = shell("prove", *given, "--examples", str(GRAPH_DATA / "examples"), "--json")
    assert (result.code, list(result.json)) == (0, ["methods"])
    assert len(result.json["methods"]) == len(load_catalogue())
    assert list(result.json["methods"][0]) == [
        "name", "path", "verb", "scopes", "schema", "examples_matched", "examples_total", "problems",
    ]  # fmt: skip
    table = shell("prove", "--reference", str(GRAPH_DATA))
    assert (table.code, len(table.out.splitlines())) == (0, len(load_catalogue()) + 1)
    assert shell("prove", "--reference", str(GRAPH_DATA), *given).code == 2


def test_the_sandbox_stays_on_this_machine(shell: Shell) -> None:
    result = shell("sandbox", "--host", "0.0.0.0")
    assert result.code == 2
    assert "127.0.0.1" in result.err


def test_doctor_names_a_wrong_setting_and_skips_the_rest(shell: Shell) -> None:
    shell.environment({"M365_SECRET_KEYS": "no key"})
    result = shell("doctor", "--json")
    assert result.code == 7
    checks = {check["check"]: check for check in result.json["checks"]}
    assert checks["settings"]["state"] == "wrong"
    assert "M365_SECRET_KEYS" in checks["settings"]["remedy"]
    assert checks["settings"]["who"] == "operator"
    assert checks["database"]["state"] == "skipped"
    assert checks["bundle"]["state"] == "ok"


def test_doctor_without_an_install_says_how_to_make_one(shell: Shell) -> None:
    result = shell("doctor")
    assert result.code == 2
    assert "installs add" in result.out
    assert "Who can fix it: whoever runs this platform" in result.out
