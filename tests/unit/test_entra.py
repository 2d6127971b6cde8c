"""The conversation with Entra ID: addresses, credentials, faults, tenants, and hosts never contacted."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from connector.auth.aadsts import RefusedByEntra
from connector.auth.authority import Authority, new_session
from connector.auth.claims import with_capabilities
from connector.auth.clock import ServerClock
from connector.auth.entra import DeviceCode, Entra
from connector.auth.id_token import PERSONAL_ACCOUNTS
from connector.errors import InvalidInput, NoAnswer, ProtocolError, SettingsError, SignInRefused
from connector.spec.model import Cloud
from connector.tenancy import Credential
from tests.unit.scripted_entra import (
    CALLBACK,
    CLIENT,
    CLOUDS,
    ENDPOINTS,
    GRAPH,
    LOGIN,
    TENANT,
    Platform,
    ScriptedEntra,
    Timer,
    refusal,
    signing_key,
)

TOKEN_URL = f"{LOGIN}/{TENANT}/oauth2/v2.0/token"
VERIFIER = "v" * 64


@pytest.fixture
def platform() -> Platform:
    return Platform()


def refresh(platform: Platform, **options: Any) -> Any:
    return platform.entra.refresh(platform.app, TENANT, "refresh-0", **options)


@cache
def certificate() -> tuple[str, bytes]:
    """A self-signed certificate with its key as PEM, and its DER."""
    key, now = signing_key("app"), datetime(2026, 1, 1, tzinfo=UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    return (public + private).decode(), made.public_bytes(serialization.Encoding.DER)


def authorize(platform: Platform, **options: Any) -> dict[str, str]:
    url = platform.entra.authorize_url(
        platform.app,
        TENANT,
        redirect_uri=CALLBACK,
        scopes=("openid", "offline_access", "Mail.Read"),
        state="the-state",
        code_verifier=VERIFIER,
        nonce="the-nonce",
        **options,
    )
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{LOGIN}/{TENANT}/oauth2/v2.0/authorize"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_the_authorize_url_has_all_that_entra_asks_for(platform: Platform) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
    assert authorize(platform) == {
        "response_type": "code",
        "response_mode": "query",
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "scope": f"openid offline_access {GRAPH}/Mail.Read",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
        "claims": '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
    }


def test_the_account_picker_only_comes_when_asked_for(platform: Platform) -> None:
    assert "prompt" not in authorize(platform, login_hint="ann@contoso.com")
    assert authorize(platform, login_hint="ann@contoso.com")["login_hint"] == "ann@contoso.com"
    picker = authorize(platform, select_account=True, login_hint="ann@contoso.com")
    assert picker["prompt"] == "select_account"
    assert "login_hint" not in picker


def test_the_claims_of_a_challenge_go_with_the_next_sign_in(platform: Platform) -> None:
    asked = authorize(platform, claims='{"access_token":{"nbf":{"essential":true,"value":"1"}}}')
    assert json.loads(asked["claims"])["access_token"]["nbf"]["value"] == "1"


def test_the_admin_consent_url_names_what_is_to_be_approved(platform: Platform) -> None:
    def consent(**app: Any) -> dict[str, list[str]]:
        url = platform.entra.admin_consent_url(
            replace(platform.app, **app), TENANT, redirect_uri=CALLBACK, state="s", scopes=("Mail.Read",)
        )
        assert url.startswith(f"{LOGIN}/{TENANT}/v2.0/adminconsent?")
        return parse_qs(urlsplit(url).query)

    assert consent() == {
        "client_id": [CLIENT],
        "redirect_uri": [CALLBACK],
        "state": ["s"],
        "scope": [f"{GRAPH}/Mail.Read"],
    }
    assert consent(mode="application")["scope"] == [f"{GRAPH}/.default"]


def test_a_refresh_names_no_scope_and_declares_what_we_can_do(platform: Platform) -> None:
    tokens = refresh(platform)
    assert platform.http.urls == [TOKEN_URL]
    assert platform.http.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "refresh-0",
            "client_id": CLIENT,
            "client_secret": "canary-secret",
            "claims": '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
        }
    ]
    assert (tokens.access_token, tokens.refresh_token) == ("access-1", "refresh-1")


def test_scopes_that_differ_from_what_was_asked_are_no_error(platform: Platform) -> None:
    platform.http.scope = "Calendars.Read Mail.ReadWrite"
    platform.http.nonce = "n"
    _, tokens = platform.entra.redeem(
        platform.app, TENANT, code="c", redirect_uri=CALLBACK, code_verifier=VERIFIER, nonce="n"
    )
    assert tokens.scope.split() == ["Calendars.Read", "Mail.ReadWrite"]


def test_a_secret_with_special_characters_arrives_as_it_is() -> None:
    secret = "a~b+c/d&e=f g%h"
    platform = Platform(Credential("1", secret=secret))
    refresh(platform)
    assert platform.http.forms[0]["client_secret"] == secret


@pytest.mark.parametrize(
    ("expires_in", "seconds", "margin"),
    [(3600, 3600, 360), ("4183", 4183, 418.3), (86400.0, 86400, 8640), (600, 600, 300), (60, 60, 30),
     (None, 600, 300), ("soon", 600, 300), (-5, 600, 300)],
)  # fmt: skip
def test_a_lifetime_is_read_leniently_and_leaves_a_margin(
    platform: Platform, expires_in: Any, seconds: float, margin: float
) -> None:
    platform.http.lifetime = expires_in
    grant = refresh(platform).grant(())
    now = platform.entra.clock.now()
    assert (grant.expires_at - now).total_seconds() == seconds
    assert (grant.expires_at - grant.refresh_at).total_seconds() == pytest.approx(margin)


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_a_certificate_proves_the_app_by_an_assertion(algorithm: Any) -> None:
    pem, der = certificate()
    platform = Platform(Credential("1", certificate=pem, algorithm=algorithm))
    refresh(platform)
    form = platform.http.forms[0]
    assert "client_secret" not in form
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    header = jwt.get_unverified_header(form["client_assertion"])
    assert header["alg"] == algorithm
    assert header["x5t#S256"] == base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    claims = jwt.decode(
        form["client_assertion"],
        signing_key("app").public_key(),
        algorithms=[algorithm],
        audience=TOKEN_URL,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["iss"] == claims["sub"] == CLIENT
    assert claims["exp"] - claims["nbf"] == 600
    assert claims["nbf"] == int(platform.timer.local)


def test_every_assertion_is_used_once() -> None:
    platform = Platform(Credential("1", certificate=certificate()[0]))
    refresh(platform)
    refresh(platform)
    first, second = (form["client_assertion"] for form in platform.http.forms)
    assert first != second


@pytest.mark.parametrize("pem", ["nonsense", certificate()[0].split("-----BEGIN PRIVATE")[0]])
def test_a_certificate_that_cannot_be_used_is_named(pem: str) -> None:
    platform = Platform(Credential("the-one", certificate=pem))
    with pytest.raises(SettingsError, match="the-one"):
        refresh(platform)
    assert platform.http.forms == []


def test_the_key_of_another_certificate_is_refused() -> None:
    other = signing_key("stranger").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = certificate()[0].split("-----BEGIN PRIVATE")[0] + other.decode()
    with pytest.raises(SettingsError, match="not its own"):
        refresh(Platform(Credential("1", certificate=pem)))


def test_a_refused_credential_gives_way_to_the_other_which_is_remembered() -> None:
    soon = datetime(2026, 6, 10, tzinfo=UTC)
    platform = Platform(
        Credential("old", secret="old", expires_at=soon),
        Credential("new", secret="new", expires_at=soon + timedelta(days=180)),
    )
    platform.http.script = [refusal("invalid_client", 7000215)]
    refresh(platform)
    refresh(platform)
    assert [form["client_secret"] for form in platform.http.forms] == ["new", "old", "old"]


def test_when_both_credentials_are_refused_each_was_tried_once() -> None:
    platform = Platform(Credential("old", secret="old"), Credential("new", secret="new"))
    platform.http.script = [refusal("invalid_client", 7000222)] * 2
    with pytest.raises(RefusedByEntra) as refused:
        refresh(platform)
    assert refused.value.refusal.aadsts == 7000222
    assert len(platform.http.forms) == 2


def test_another_refusal_does_not_cost_the_second_credential() -> None:
    platform = Platform(Credential("old", secret="old"), Credential("new", secret="new"))
    platform.http.script = [refusal("invalid_grant", 50173)]
    with pytest.raises(RefusedByEntra):
        refresh(platform)
    assert len(platform.http.forms) == 1


def test_a_public_client_sends_no_credential(platform: Platform) -> None:
    platform.entra.refresh(replace(platform.app, credentials=()), TENANT, "r")
    assert not {"client_secret", "client_assertion"} & set(platform.http.forms[0])


def test_an_assertion_is_made_again_with_the_servers_time() -> None:
    platform = Platform(Credential("1", certificate=certificate()[0]))
    platform.timer.server_ahead = 600
    platform.http.script = [refusal("invalid_client", 700024)]
    refresh(platform)
    times = [
        jwt.decode(form["client_assertion"], options={"verify_signature": False})["nbf"]
        for form in platform.http.forms
    ]
    assert times[1] - times[0] == pytest.approx(600, abs=1)


def test_an_assertion_out_of_time_is_not_repeated_when_the_clock_is_right() -> None:
    platform = Platform(Credential("1", certificate=certificate()[0]))
    platform.http.script = [refusal("invalid_client", 700024)]
    with pytest.raises(RefusedByEntra):
        refresh(platform)
    assert len(platform.http.forms) == 1


@pytest.mark.parametrize(
    "fault",
    [
        (503, {}, "<html>busy</html>"),
        (200, {}, "<html>proxy</html>"),
        (200, {}, ""),
        (500, {}, "{}"),
        (429, {"Retry-After": "3"}, "{}"),
        refusal("temporarily_unavailable", 90033),
    ],
)
def test_a_passing_fault_is_waited_out(platform: Platform, fault: Any) -> None:
    platform.http.script = [fault, fault]
    assert refresh(platform).access_token == "access-3"
    assert platform.timer.slept == ([3, 3] if isinstance(fault, tuple) and fault[0] == 429 else [1, 2])


def test_a_fault_that_stays_is_told_after_three_attempts(platform: Platform) -> None:
    platform.http.script = [(200, {}, "<html>")] * 5
    with pytest.raises(RefusedByEntra):
        refresh(platform)
    assert len(platform.http.forms) == 3


def test_a_long_wait_is_left_to_the_caller(platform: Platform) -> None:
    platform.http.script = [(429, {"Retry-After": "120"}, "{}")]
    with pytest.raises(RefusedByEntra) as refused:
        refresh(platform)
    assert refused.value.refusal.retry_after_seconds == 120
    assert platform.timer.slept == []


def test_a_code_is_redeemed_once_whatever_the_answer(platform: Platform) -> None:
    platform.http.script = [(503, {}, "busy")]
    with pytest.raises(RefusedByEntra):
        platform.entra.redeem(
            platform.app, TENANT, code="c", redirect_uri=CALLBACK, code_verifier=VERIFIER, nonce="n"
        )
    assert len(platform.http.forms) == 1


@pytest.mark.parametrize("failure", [requests.ConnectionError("canary"), requests.ReadTimeout("canary")])
def test_a_lost_connection_is_no_answer(platform: Platform, failure: Exception) -> None:
    platform.http.script = [failure]
    with pytest.raises(NoAnswer) as lost:
        refresh(platform)
    assert "login.example.com" in str(lost.value)
    assert "canary" not in str(lost.value)
    assert lost.value.__cause__ is None


def test_a_redirect_is_not_followed(platform: Platform) -> None:
    platform.http.script = [(307, {"Location": "https://evil.example.com/token"}, "")]
    with pytest.raises(ProtocolError, match="redirect"):
        refresh(platform)
    assert platform.http.urls == [TOKEN_URL]


def test_an_answer_without_end_is_cut_off(platform: Platform) -> None:
    platform.http.script = [(200, {}, b" " * (1024 * 1024 + 1))]
    with pytest.raises(ProtocolError, match="without end"):
        refresh(platform)


def test_a_token_for_the_app_itself_needs_no_user(platform: Platform) -> None:
    tokens = platform.entra.app_tokens(platform.app, TENANT)
    assert platform.http.forms[0]["grant_type"] == "client_credentials"
    assert platform.http.forms[0]["scope"] == f"{GRAPH}/.default"
    assert tokens.refresh_token is None


DEVICE = {
    "device_code": "canary-device",
    "user_code": "ABCD-1234",
    "verification_uri": "https://microsoft.example.com/devicelogin",
    "message": "Type the code.",
    "expires_in": 900,
    "interval": 5,
}


def started(platform: Platform) -> DeviceCode:
    platform.http.script = [(200, {}, DEVICE)]
    return platform.entra.start_device(platform.app, TENANT, ("openid", "Mail.Read"))


def test_a_device_sign_in_polls_at_the_pace_that_it_is_told(platform: Platform) -> None:
    device = started(platform)
    assert "canary" not in repr(device)
    assert platform.http.forms[0] == {"client_id": CLIENT, "scope": f"openid {GRAPH}/Mail.Read"}
    platform.http.script = [refusal("authorization_pending", 70016), refusal("slow_down")]
    who, tokens = platform.entra.finish_device(platform.app, TENANT, device)
    assert platform.timer.slept == [5, 5, 10]
    assert platform.http.forms[-1]["device_code"] == "canary-device"
    assert (who.username, tokens.refresh_token) == ("ann@contoso.com", "refresh-4")


@pytest.mark.parametrize("error", ["authorization_declined", "expired_token", "bad_verification_code"])
def test_a_device_sign_in_ends_when_it_is_refused(platform: Platform, error: str) -> None:
    device = started(platform)
    platform.http.script = [refusal(error)]
    with pytest.raises(RefusedByEntra):
        platform.entra.finish_device(platform.app, TENANT, device)
    assert len(platform.http.forms) == 2


def test_a_device_sign_in_is_given_up_when_its_time_is_over(platform: Platform) -> None:
    device = replace(started(platform), expires_in_seconds=20)
    platform.http.script = [refusal("authorization_pending")] * 50
    with pytest.raises(RefusedByEntra):
        platform.entra.finish_device(platform.app, TENANT, device)
    assert sum(platform.timer.slept) == 25


def test_a_device_answer_of_another_shape_is_a_passing_fault(platform: Platform) -> None:
    platform.http.script = [(200, {}, {"user_code": "x"})]
    with pytest.raises(RefusedByEntra) as refused:
        platform.entra.start_device(platform.app, TENANT, ())
    assert refused.value.refusal.kind == "retry"


def test_a_tenant_id_is_taken_as_it_is(platform: Platform) -> None:
    assert platform.entra.resolve_tenant("global", f" {TENANT.upper()} ") == TENANT
    assert platform.http.urls == []


def test_a_domain_is_resolved_to_the_tenant_id(platform: Platform) -> None:
    assert platform.entra.resolve_tenant("global", "Contoso.com") == TENANT
    assert platform.http.urls == [f"{LOGIN}/contoso.com/v2.0/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "name",
    ["common", "Organizations", "consumers", PERSONAL_ACCOUNTS, "", "contoso", "a b.com", "../evil.com",
     "contoso.com/x", "contoso.com?x", "http://contoso.com", "-a.com", "1.2.3.4", f"{TENANT}0", "x" * 300 + ".com"],
)  # fmt: skip
def test_what_is_no_single_tenant_is_refused_before_any_request(platform: Platform, name: str) -> None:
    with pytest.raises(InvalidInput, match="tenant_id"):
        platform.entra.resolve_tenant("global", name)
    assert platform.http.urls == []


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": f"https://evil.example.com/{TENANT}/v2.0"},
        {"issuer": f"{LOGIN}/{{tenantid}}/v2.0"},
        {"issuer": None},
        {"jwks_uri": "https://evil.example.com/keys"},
        {"jwks_uri": "http://login.example.com/keys"},
        {"jwks_uri": 7},
    ],
)
def test_a_discovery_document_that_leads_elsewhere_is_not_used(
    platform: Platform, changes: dict[str, Any]
) -> None:
    platform.http.discovery = changes
    with pytest.raises(ProtocolError, match="discovery document"):
        platform.entra.resolve_tenant("global", "contoso.com")


def test_a_domain_of_personal_accounts_is_refused(platform: Platform) -> None:
    platform.http.discovery = {"issuer": f"{LOGIN}/{PERSONAL_ACCOUNTS}/v2.0"}
    with pytest.raises(InvalidInput, match="no organisation"):
        platform.entra.resolve_tenant("global", "outlook.com")


def test_the_documents_of_another_tenant_are_refused(platform: Platform) -> None:
    platform.http.discovery = {"issuer": f"{LOGIN}/{TENANT}/v2.0"}
    with pytest.raises(ProtocolError, match="not this tenant"):
        platform.entra.discover("global", "33333333-3333-3333-3333-333333333333")


def test_discovery_is_asked_once_a_day(platform: Platform) -> None:
    for _ in range(3):
        platform.entra.discover("global", TENANT)
    assert len(platform.http.urls) == 1
    platform.timer.local += 24 * 3600 + 1
    platform.entra.discover("global", TENANT)
    assert len(platform.http.urls) == 2


def test_an_unknown_cloud_is_named(platform: Platform) -> None:
    with pytest.raises(SettingsError, match=r"'mars'.*global"):
        platform.entra.discover("mars", TENANT)


def test_each_cloud_contacts_only_its_own_authority() -> None:
    clouds = {
        **CLOUDS,
        "gov": Cloud("gov", "Gov", "https://login.gov.example", "https://graph.gov.example", ()),
    }
    http = ScriptedEntra(Timer())
    entra = Entra(http, clouds, ENDPOINTS)
    app = replace(Platform().app, cloud="gov")
    entra.refresh(app, TENANT, "r")
    entra.app_tokens(app, TENANT)
    assert {urlsplit(url).netloc for url in http.urls} == {"login.gov.example"}
    assert http.forms[1]["scope"] == "https://graph.gov.example/.default"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://login.example.com", True),
        ("http://127.0.0.1:8365", True),
        ("http://localhost:8365", True),
        ("http://[::1]:8365", True),
        ("http://login.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("ftp://login.example.com", False),
    ],
)
def test_plain_http_is_for_this_machine_alone(address: str, allowed: bool) -> None:
    def make() -> Authority:
        return Authority(address, ScriptedEntra(Timer()), ServerClock(), (1, 1))

    if allowed:
        assert make().owns(f"{address}/x")
    else:
        with pytest.raises(SettingsError, match="https"):
            make()


@pytest.mark.parametrize(
    "url",
    ["https://login.example.com.evil.com/x", "https://login.example.com@evil.com/", "http://login.example.com/",
     "https://login.example.com:444/", "//evil.com", "/x"],
)  # fmt: skip
def test_nothing_is_sent_to_another_server(url: str) -> None:
    http = ScriptedEntra(Timer())
    with pytest.raises(ProtocolError, match="another server"):
        Authority(LOGIN, http, ServerClock(), (1, 1)).send("GET", url)
    assert http.urls == []


def test_oauthlib_may_use_plain_http_for_a_loopback_authority_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    refresh(Platform())
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ
    local = {"global": Cloud("global", "Local", "http://127.0.0.1:8365", "http://127.0.0.1:8365", ())}
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "")
    Entra(ScriptedEntra(Timer()), local, ENDPOINTS).refresh(Platform().app, TENANT, "r")
    assert os.environ["OAUTHLIB_INSECURE_TRANSPORT"] == "1"


def test_the_session_takes_nothing_from_its_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://evil.example.com")
    session = new_session()
    assert session.trust_env is False
    settings = session.merge_environment_settings(LOGIN, {}, None, None, None)
    assert settings["proxies"] == {}
    assert settings["verify"] is True
    chosen = new_session("/ca.pem", "http://proxy:1")
    assert chosen.verify == "/ca.pem"
    assert chosen.proxies == {"http": "http://proxy:1", "https": "http://proxy:1"}


@pytest.mark.parametrize("challenge", [None, "", "nonsense", "[]", '{"access_token": 7}'])
def test_claims_always_declare_what_we_can_do(challenge: str | None) -> None:
    claims = json.loads(with_capabilities(challenge))
    assert claims["access_token"]["xms_cc"] == {"values": ["cp1"]}


def test_a_challenge_is_merged_with_what_we_can_do(platform: Platform) -> None:
    refresh(platform, claims='{"access_token":{"nbf":{"value":"1"}},"id_token":{"x":null}}')
    assert json.loads(platform.http.forms[0]["claims"]) == {
        "access_token": {"nbf": {"value": "1"}, "xms_cc": {"values": ["cp1"]}},
        "id_token": {"x": None},
    }


@pytest.mark.parametrize("ahead", [600.0, -600.0])
def test_the_clock_is_corrected_by_the_servers_date(platform: Platform, ahead: float) -> None:
    platform.timer.server_ahead = ahead
    refresh(platform)
    assert platform.entra.clock.offset_seconds == pytest.approx(ahead, abs=1)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_a_date_that_cannot_be_read_changes_nothing(date: str | None) -> None:
    clock = ServerClock(lambda: 1000.0)
    clock.observe(date)
    assert clock.timestamp() == 1000.0


def test_a_second_of_difference_is_none(platform: Platform) -> None:
    platform.timer.server_ahead = 1.4
    refresh(platform)
    assert platform.entra.clock.offset_seconds == 0.0


def test_a_renewal_for_another_user_or_tenant_is_refused(platform: Platform) -> None:
    def renewed(**claims: Any) -> Callable[[], None]:
        platform.http.claims = claims
        tokens = refresh(platform)
        return lambda: platform.entra.same_user(TENANT, "the-user", tokens)

    renewed(oid="the-user")()
    for claims in ({"oid": "another"}, {"oid": "the-user", "tid": "other-tenant"}):
        with pytest.raises(SignInRefused) as refused:
            renewed(**claims)()
        assert refused.value.state == "wrong_account"
