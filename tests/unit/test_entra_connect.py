"""Connecting: what comes back from Microsoft is believed only when everything fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.auth.id_token import PERSONAL_ACCOUNTS
from connector.errors import (
    AppMisconfigured,
    ConnectorError,
    ConsentRequired,
    InvalidInput,
    NotConnected,
    SignInRefused,
    Unavailable,
    UsageError,
)
from connector.tenancy import Account, AdminConsent, Connection, Install, Status
from tests.unit.scripted_entra import CALLBACK, GRAPH, OTHER_TENANT, TENANT, USER, Platform, refusal

CODE = "canary-code"


@pytest.fixture
def platform() -> Platform:
    return Platform()


def begin(platform: Platform, *scopes: str, **options: Any) -> Any:
    start = platform.connect.begin("acme", scopes or ("Mail.Read",), **options)
    platform.http.nonce = parse_qs(urlsplit(start.url).query)["nonce"][0]
    return start


def refused(platform: Platform, params: dict[str, str], **options: Any) -> SignInRefused:
    """The refusal of a callback; nothing may have been stored."""
    before = list(platform.store.connections("acme"))
    with pytest.raises(SignInRefused) as caught:
        platform.connect.complete(params, **options)
    assert list(platform.store.connections("acme")) == before
    return caught.value


def events(platform: Platform) -> list[tuple[str, dict[str, str]]]:
    return [(event.kind, dict(event.facts)) for event in platform.store.audit("acme")]


def test_a_sign_in_becomes_a_connection(platform: Platform) -> None:
    connection = platform.sign_in("Mail.Read")
    assert connection == platform.store.connection("acme", connection.id)
    assert connection.status is Status.CONNECTED
    assert (connection.tenant_id, connection.user_id) == (TENANT, USER)
    assert (connection.username, connection.display_name) == ("ann@contoso.com", "Ann")
    assert connection.granted == ("Mail.Read", "User.Read", "openid", "profile")
    assert connection.wanted == ("openid", "profile", "offline_access", "User.Read", "Mail.Read")
    assert connection.missing == ()
    assert platform.grants.token("acme", connection.id) == "access-1"
    assert events(platform) == [("connected", {"status": "connected"})]


def test_the_code_is_redeemed_with_the_verifier_of_its_own_sign_in(platform: Platform) -> None:
    start = begin(platform, redirect_uri="https://other.example.com/back")
    query = {name: value[0] for name, value in parse_qs(urlsplit(start.url).query).items()}
    assert query["redirect_uri"] == "https://other.example.com/back"
    platform.connect.complete({"code": CODE, "state": start.state})
    form = platform.http.forms[0]
    assert form["redirect_uri"] == "https://other.example.com/back"
    assert form["code"] == CODE
    assert 43 <= len(form["code_verifier"]) <= 128
    assert form["code_verifier"] not in start.url


def test_two_sign_ins_share_no_secret(platform: Platform) -> None:
    queries = [parse_qs(urlsplit(begin(platform).url).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert queries[0][name] != queries[1][name]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"code": CODE}, "state_missing"),
        ({"code": CODE, "state": ""}, "state_missing"),
        ({"code": CODE, "state": "random"}, "state_unknown"),
    ],
)
def test_a_callback_without_a_known_state_is_refused_before_any_request(
    platform: Platform, params: dict[str, str], reason: str
) -> None:
    assert refused(platform, params).reason == reason
    assert platform.http.urls == []


def test_a_state_is_good_once(platform: Platform) -> None:
    start = begin(platform)
    platform.connect.complete({"code": CODE, "state": start.state})
    assert refused(platform, {"code": CODE, "state": start.state}).reason == "state_unknown"
    assert len(platform.http.forms) == 1


@pytest.mark.parametrize(("seconds", "accepted"), [(899, True), (900, False), (901, False)])
def test_a_state_is_good_for_a_quarter_of_an_hour(platform: Platform, seconds: int, accepted: bool) -> None:
    start = begin(platform)
    platform.timer.local += seconds
    if accepted:
        platform.connect.complete({"code": CODE, "state": start.state})
    else:
        assert refused(platform, {"code": CODE, "state": start.state}).reason == "state_expired"
        assert platform.http.urls == []
        assert events(platform) == [("sign_in_refused", {"reason": "state_expired"})]


def test_sign_ins_that_never_came_back_leave_no_rows(platform: Platform) -> None:
    old = begin(platform)
    platform.timer.local += 901
    begin(platform)
    assert refused(platform, {"code": CODE, "state": old.state}).reason == "state_unknown"


@pytest.mark.parametrize("browser", [None, "", "another"])
def test_a_sign_in_of_another_browser_is_never_completed(platform: Platform, browser: str | None) -> None:
    start = begin(platform, browser="mine")
    assert refused(platform, {"code": CODE, "state": start.state}, browser=browser).reason == "other_browser"
    assert platform.http.urls == []


def test_a_sign_in_comes_back_to_its_own_browser(platform: Platform) -> None:
    assert platform.sign_in("Mail.Read", browser="mine").status is Status.CONNECTED


def test_a_code_of_another_flow_is_refused_with_an_alarm(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    start = begin(platform)
    platform.http.script = [refusal("invalid_grant", 501481)]
    assert refused(platform, {"code": CODE, "state": start.state}).reason == "proof_key_mismatch"
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "other"}, "nonce"),
        ({"tid": OTHER_TENANT}, "wrong_organisation"),
        ({"tid": PERSONAL_ACCOUNTS}, "personal_account"),
        ({"aud": "another-app"}, "id_token"),
        ({"exp": 1}, "expired"),
    ],
)
def test_a_proof_of_identity_that_does_not_fit_is_refused(
    platform: Platform, claims: dict[str, Any], reason: str
) -> None:
    start = begin(platform)
    platform.http.claims = claims
    assert refused(platform, {"code": CODE, "state": start.state}).reason == reason
    assert events(platform) == [("sign_in_refused", {"reason": reason})]


def test_without_a_refresh_token_there_is_no_connection(platform: Platform) -> None:
    start = begin(platform)
    platform.http.rotates = False
    assert refused(platform, {"code": CODE, "state": start.state}).reason == "offline_access"


def test_without_an_id_token_there_is_no_connection(platform: Platform) -> None:
    start = begin(platform)
    platform.http.script = [lambda form: platform.http.tokens(id_token=None)]
    assert refused(platform, {"code": CODE, "state": start.state}).reason == "id_token"


def test_without_a_code_there_is_no_connection(platform: Platform) -> None:
    assert refused(platform, {"state": begin(platform).state}).reason == "no_answer"


def test_declining_is_no_alarm_and_can_be_tried_again(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    start = begin(platform)
    description = "AADSTS65004: User declined to consent."
    params = {"error": "access_denied", "error_description": description, "state": start.state}
    error = refused(platform, params)
    assert (error.reason, error.aadsts, error.who) == ("declined", 65004, "user")
    assert caplog.records == []
    assert platform.sign_in("Mail.Read").status is Status.CONNECTED


@pytest.mark.parametrize(
    "params",
    [
        {"error": "consent_required", "error_description": "AADSTS65001: no consent."},
        {"error": "consent_required"},
        {"error": "access_denied", "error_description": "AADSTS90094: admin."},
        {"error": "access_denied", "error_description": "AADSTS90095: admin."},
    ],
)
def test_where_consent_is_missing_the_administrators_link_is_offered(
    platform: Platform, params: dict[str, str]
) -> None:
    start = begin(platform, "Mail.Read", "Mail.Send")
    with pytest.raises(ConsentRequired) as caught:
        platform.connect.complete({**params, "state": start.state})
    url = urlsplit(caught.value.connect_url or "")
    assert url.path == f"/{TENANT}/v2.0/adminconsent"
    query = parse_qs(url.query)
    assert {f"{GRAPH}/Mail.Read", f"{GRAPH}/Mail.Send"} <= set(query["scope"][0].split())
    assert "Mail.Send" in caught.value.missing_scopes
    completed = platform.connect.complete({"admin_consent": "True", "state": query["state"][0]})
    assert isinstance(completed, Install)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal("invalid_client", 7000222), AppMisconfigured),
        (refusal("invalid_grant", 54005), AppMisconfigured),
        (refusal("temporarily_unavailable", 90033), Unavailable),
        ((503, {}, "<html>"), Unavailable),
        (refusal("invalid_grant", 53003), SignInRefused),
    ],
)
def test_a_refused_code_stores_nothing(platform: Platform, answer: Any, error: type) -> None:
    start = begin(platform)
    platform.http.script = [answer]
    with pytest.raises(error):
        platform.connect.complete({"code": CODE, "state": start.state})
    assert list(platform.store.connections("acme")) == []
    assert [kind for kind, _ in events(platform)] == ["sign_in_refused"]


def test_more_permissions_than_asked_for_are_recorded(platform: Platform) -> None:
    platform.http.scope = "Mail.ReadWrite User.Read Calendars.Read"
    connection = platform.sign_in("Mail.Read")
    assert connection.status is Status.CONNECTED
    assert "Calendars.Read" in connection.granted


def test_fewer_permissions_than_asked_for_degrade_the_connection(platform: Platform) -> None:
    connection = platform.sign_in("Mail.Read", "Mail.Send")
    assert connection.status is Status.DEGRADED
    assert connection.missing == ("Mail.Send",)
    assert platform.grants.token("acme", connection.id) == "access-1"


def test_a_misprinted_permission_is_not_sent(platform: Platform) -> None:
    with pytest.raises(InvalidInput, match=r"did you mean Files\.Read\?"):
        platform.connect.begin("acme", ["File.Read"])


def test_signing_in_again_is_the_same_connection(platform: Platform) -> None:
    first = platform.sign_in("Mail.Read")
    platform.http.claims = {"preferred_username": "ann.new@contoso.com", "name": "Ann New"}
    again = platform.sign_in("Mail.Read")
    assert again.id == first.id
    assert (again.username, again.display_name) == ("ann.new@contoso.com", "Ann New")
    assert [kind for kind, _ in events(platform)] == ["reconnected", "connected"]
    assert platform.grants.token("acme", first.id) == "access-2"


def test_another_user_with_the_same_name_is_another_connection(platform: Platform) -> None:
    first = platform.sign_in("Mail.Read")
    platform.http.claims = {"oid": "somebody-else", "preferred_username": first.username}
    assert platform.sign_in("Mail.Read").id != first.id


def test_reconnecting_as_another_user_leaves_the_connection_as_it_was(platform: Platform) -> None:
    first = platform.sign_in("Mail.Read")
    platform.http.claims = {"oid": "somebody-else"}
    start = begin(platform, reconnect=first.id)
    assert refused(platform, {"code": CODE, "state": start.state}).reason == "different_account"
    assert platform.grants.token("acme", first.id) == "access-1"


def test_reconnecting_keeps_the_connection_and_mends_it(platform: Platform) -> None:
    first = platform.sign_in("Mail.Read")
    broken = replace(first, status=Status.RECONNECT_REQUIRED, aadsts=50173, claims='{"access_token":{"x":1}}')
    platform.store.mark("acme", broken, grant_version=1)
    start = begin(platform, reconnect=first.id)
    query = parse_qs(urlsplit(start.url).query)
    assert query["login_hint"] == ["ann@contoso.com"]
    assert '"x":1' in query["claims"][0]
    mended = platform.connect.complete({"code": CODE, "state": start.state})
    assert isinstance(mended, Connection)
    assert (mended.id, mended.status, mended.aadsts, mended.claims) == (
        first.id,
        Status.CONNECTED,
        None,
        None,
    )


def test_what_is_not_there_cannot_be_reconnected_or_disconnected(platform: Platform) -> None:
    acts: list[Callable[[], object]] = [
        lambda: platform.connect.begin("acme", [], reconnect="nothing"),
        lambda: platform.connect.disconnect("acme", "nothing"),
        lambda: platform.connect.begin("nowhere", []),
    ]
    for act in acts:
        with pytest.raises(UsageError):
            act()


def test_a_connection_of_another_install_cannot_be_reached(platform: Platform) -> None:
    connection = platform.sign_in("Mail.Read")
    platform.store.save_install(Install("rival", "customer", "app", OTHER_TENANT))
    for act in (
        lambda: platform.connect.disconnect("rival", connection.id),
        lambda: platform.connect.begin("rival", [], reconnect=connection.id),
        lambda: platform.grants.token("rival", connection.id),
    ):
        with pytest.raises(ConnectorError):
            act()
    assert platform.grants.token("acme", connection.id) == "access-1"


def test_where_the_account_is_off_nothing_begins_and_nothing_completes(platform: Platform) -> None:
    start = begin(platform)
    platform.store.save_account(Account("customer", enabled=False))
    with pytest.raises(SignInRefused) as caught:
        platform.connect.begin("acme", [])
    assert caught.value.reason == "account_disabled"
    with pytest.raises(SignInRefused):
        platform.connect.complete({"code": CODE, "state": start.state})
    assert platform.http.urls == []


def test_disconnecting_deletes_the_tokens_at_once(platform: Platform) -> None:
    connection = platform.sign_in("Mail.Read")
    platform.grants.token("acme", connection.id)
    assert platform.connect.disconnect("acme", connection.id).status is Status.DISCONNECTED
    assert platform.store.grant("acme", connection.id) is None
    with pytest.raises(NotConnected, match="disconnected"):
        platform.grants.token("acme", connection.id)
    assert events(platform)[0][0] == "disconnected"


def consent(platform: Platform, **params: str) -> Any:
    start = platform.connect.begin_admin_consent("acme", ["Mail.Read"])
    return platform.connect.complete({**params, "state": start.state})


def test_an_administrators_consent_is_only_a_claim(platform: Platform) -> None:
    install = consent(platform, admin_consent="True", tenant=OTHER_TENANT, scope="x")
    assert install.admin_consent is AdminConsent.CLAIMED
    assert platform.store.install("acme") == replace(install, tenant_id=TENANT)
    assert platform.http.urls == []


def test_a_forged_consent_binds_nothing(platform: Platform) -> None:
    params = {"admin_consent": "True", "tenant": OTHER_TENANT, "state": "forged"}
    assert refused(platform, params).reason == "state_unknown"
    install = platform.store.install("acme")
    assert install is not None
    assert (install.admin_consent, install.tenant_id) == (AdminConsent.NONE, TENANT)


def test_a_sign_in_with_all_permissions_verifies_the_claim(platform: Platform) -> None:
    consent(platform, admin_consent="True", tenant=TENANT)
    platform.sign_in("Mail.Read")
    install = platform.store.install("acme")
    assert install is not None
    assert install.admin_consent is AdminConsent.VERIFIED
    assert consent(platform, admin_consent="True").admin_consent is AdminConsent.VERIFIED


def test_a_sign_in_that_lacks_permissions_verifies_nothing(platform: Platform) -> None:
    consent(platform, admin_consent="True")
    platform.sign_in("Mail.Send")
    install = platform.store.install("acme")
    assert install is not None
    assert install.admin_consent is AdminConsent.CLAIMED


@pytest.mark.parametrize(
    "params",
    [
        {"admin_consent": "True", "error": "consent_required", "error_description": "AADSTS65004: declined."},
        {"error": "permission_denied", "error_description": "The admin canceled the request"},
        {"error": "access_denied"},
        {"tenant": TENANT},
    ],
)
def test_a_failed_consent_changes_nothing(platform: Platform, params: dict[str, str]) -> None:
    with pytest.raises((SignInRefused, ConsentRequired)):
        consent(platform, **params)
    install = platform.store.install("acme")
    assert install is not None
    assert install.admin_consent is AdminConsent.NONE


def test_a_device_sign_in_becomes_a_connection(platform: Platform) -> None:
    answer = {"device_code": "d", "user_code": "ABCD", "verification_uri": "https://x", "interval": 1}
    platform.http.script = [(200, {}, answer), refusal("authorization_pending", 70016)]
    login = platform.connect.start_device("acme", ["Mail.Read"])
    assert login.code.user_code == "ABCD"
    connection = platform.connect.finish_device(login)
    assert (connection.user_id, connection.status) == (USER, Status.CONNECTED)


def test_a_device_sign_in_that_is_blocked_is_told(platform: Platform) -> None:
    answer = {"device_code": "d", "user_code": "ABCD", "verification_uri": "https://x", "interval": 1}
    platform.http.script = [(200, {}, answer), refusal("access_denied", 53003)]
    login = platform.connect.start_device("acme", ["Mail.Read"])
    with pytest.raises(SignInRefused, match="Conditional Access"):
        platform.connect.finish_device(login)


def test_the_app_itself_connects_with_application_permissions() -> None:
    platform = Platform(mode="application")
    connection = platform.connect.connect_app("acme", ["Mail.Read"])
    assert (connection.mode, connection.status) == ("application", Status.CONNECTED)
    assert (connection.user_id, connection.granted) == (None, ("Mail.Read",))
    assert platform.grants.token("acme", connection.id) == "access-1"
    assert platform.connect.connect_app("acme", ["Mail.Send"]).id == connection.id


def test_users_and_apps_connect_each_in_their_own_mode(platform: Platform) -> None:
    with pytest.raises(UsageError, match="sign a user in"):
        platform.connect.connect_app("acme", [])
    with pytest.raises(UsageError, match="connect the app"):
        Platform(mode="application").connect.begin("acme", [])


def test_a_sign_in_needs_an_address_to_come_back_to(platform: Platform) -> None:
    platform.store.save_app(replace(platform.app, redirect_uri=None))
    with pytest.raises(InvalidInput, match="redirect_uri"):
        platform.connect.begin("acme", [])
    assert platform.connect.begin("acme", [], CALLBACK).url


def test_a_tenant_that_is_not_there_is_told_with_what_to_check(platform: Platform) -> None:
    platform.http.discovery = {"jwks_uri": None}
    with pytest.raises(ConnectorError):
        platform.connect.resolve_tenant("global", "contoso.com")
    assert platform.connect.resolve_tenant("global", TENANT) == TENANT


def test_no_secret_is_in_an_audit_event_or_a_repr(platform: Platform) -> None:
    connection = platform.sign_in("Mail.Read")
    text = (
        repr(platform.store.audit("acme"))
        + repr(connection)
        + repr(platform.store.grant("acme", connection.id))
    )
    for secret in ("canary", "access-1", "refresh-1"):
        assert secret not in text
