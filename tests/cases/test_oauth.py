"""Cases 2.1: connecting a tenant."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from connector.cli.loopback import Loopback
from connector.errors import AuthError, ConsentRequired, SignInRefused, UsageError
from connector.sandbox.browser import Stopped
from connector.sandbox.grants import entra_of
from connector.sandbox.seed import DEMO_REDIRECT_URIS
from connector.tenancy import AdminConsent, Install, Status
from tests.live_sandbox import SCOPES, Live, query_of, with_query

MINA = "mina.okafor@fabrikoast.example"
CONNECT_MINUTES = 15


def refused(live: Live, params: dict[str, str], **options: Any) -> SignInRefused:
    with pytest.raises(SignInRefused) as caught:
        live.platform.connect.complete(params, **options)
    return caught.value


def events(live: Live, install: str = "fabrikoast") -> list[tuple[str, str]]:
    found = live.platform.store.audit(install)
    return [(event.kind, event.facts.get("reason", "")) for event in reversed(found)]


def assert_nothing_stored(live: Live, install: str = "fabrikoast") -> None:
    assert live.platform.store.connections(install) == []


@pytest.mark.parametrize(("query", "reason"), [({"code": "1.AXsomething"}, "state_missing")])
def test_o_02_a_callback_without_state_stores_nothing(live, query, reason):
    live.begin()
    assert refused(live, query).reason == reason
    assert_nothing_stored(live)
    assert live.token_calls == []


def test_o_02_the_browser_gets_a_page_with_status_400_and_the_wait_goes_on(live):
    live.install()
    loopback = Loopback("/connector/callback", 0, live.platform.connect.complete)
    start = live.platform.connect.begin("fabrikoast", SCOPES, loopback.redirect_uri)
    heard: list[Any] = []
    waiting = threading.Thread(target=lambda: heard.append(loopback.wait(20)))
    waiting.start()
    try:
        with requests.Session() as browser:
            browser.trust_env = False
            here = loopback.redirect_uri
            assert browser.get(here, params={"code": "1.AXsomething"}).status_code == 400
            assert browser.get(here, params={"code": "1.AXsomething", "state": "<b>no"}).status_code == 400
            assert not heard
            assert browser.get(live.visit(start)).status_code == 200
    finally:
        waiting.join()
        loopback.close()
    assert heard[0].status is Status.CONNECTED


def test_o_03_an_unknown_state_costs_no_token_call(live):
    live.begin()
    assert refused(live, {"code": "1.AXsomething", "state": "made-up"}).reason == "state_unknown"
    assert_nothing_stored(live)
    assert live.token_calls == []


def test_o_04_a_callback_in_another_browser_completes_nothing(live):
    start = live.begin(browser="cookie-of-the-victim")
    query = live.called_back(start)
    assert refused(live, query, browser="cookie-of-the-attacker").reason == "other_browser"
    assert refused(live, query, browser="cookie-of-the-victim").reason == "state_unknown"
    assert_nothing_stored(live)
    assert live.token_calls == []
    assert ("sign_in_refused", "other_browser") in events(live)


def test_o_07_a_sign_in_that_took_too_long_is_refused(live):
    start = live.begin()
    query = live.called_back(start)
    live.timeline.travel(CONNECT_MINUTES * 60 + 1)
    error = refused(live, query)
    assert error.reason == "state_expired"
    assert "Start it again" in error.message
    assert_nothing_stored(live)
    assert live.token_calls == []


def test_o_07_a_sign_in_in_time_is_good(live):
    start = live.begin()
    live.timeline.travel(CONNECT_MINUTES * 60 - 60)
    assert live.platform.connect.complete(live.called_back(start)).status is Status.CONNECTED


def test_o_08_a_code_of_another_sign_in_is_refused_and_raises_the_alarm(live, caplog):
    of_attacker = live.called_back(live.begin(), "luis.brandt@fabrikoast.example")
    of_victim = live.called_back(live.begin())
    error = refused(live, {**of_victim, "code": of_attacker["code"]})
    assert (error.reason, error.aadsts) == ("proof_key_mismatch", 501481)
    assert_nothing_stored(live)
    assert [record.levelname for record in caplog.records if "injected" in record.message] == ["CRITICAL"]


FORGERIES = {
    "nonce": "nonce",
    "aud": "id_token",
    "tid": "wrong_organisation",
    "iss": "id_token",
    "none": "id_token",
    "kid": "id_token",
    "version": "id_token",
    "oid": "id_token",
    "expired": "expired",
}


def forged(live: Live, forgery: str) -> SignInRefused:
    """What a sign-in with this forged proof of identity comes to; nothing may be kept of it."""
    query = live.called_back(live.begin())
    live.switch(id_token_forgery=forgery)
    error = refused(live, query)
    assert_nothing_stored(live)
    issued = set(entra_of(live.server.world).refresh_tokens)
    assert issued, "the sandbox did issue tokens, and they were thrown away"
    return error


def test_o_10_a_proof_of_identity_with_another_nonce_is_refused(live):
    assert forged(live, "nonce").reason == "nonce"


def test_o_11_a_user_of_another_tenant_is_refused(live):
    error = forged(live, "tid")
    assert error.reason == "wrong_organisation"
    assert "wrong organisation" in error.message


def test_o_11_a_user_who_signs_in_elsewhere_gets_no_connection_here(live):
    """A code of the other tenant's authority, brought back to this install's callback."""
    live.install("northleaf")
    start = live.begin()
    elsewhere = start.url.replace(
        live.platform.store.install("fabrikoast").tenant_id,
        live.platform.store.install("northleaf").tenant_id,
    )
    query = live.called_back(with_query(elsewhere), "avery.stone@northleaf.example")
    with pytest.raises(AuthError, match="another organisation") as caught:
        live.platform.connect.complete(query)
    assert caught.value.aadsts == 700005
    assert_nothing_stored(live)


def test_o_14_a_proof_of_identity_for_another_app_is_refused(live):
    assert forged(live, "aud").reason == "id_token"


@pytest.mark.parametrize("forgery", ["iss", "none", "kid", "version", "oid"])
def test_o_14_any_other_forged_proof_of_identity_is_refused(live, forgery):
    assert forged(live, forgery).reason == FORGERIES[forgery]


def test_o_15_an_expired_proof_of_identity_is_refused(live):
    assert forged(live, "expired").reason == "expired"


@pytest.mark.parametrize("minutes", [4, -4])
def test_o_15_a_clock_that_is_minutes_off_is_no_reason_to_refuse(live, minutes):
    live.timeline.skew_seconds = minutes * 60
    assert live.sign_in().status is Status.CONNECTED


def test_o_17_a_personal_account_is_refused_in_plain_words(live, monkeypatch):
    """The sandbox has no personal accounts: the tenant of all of them is put into what it signs."""
    personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
    monkeypatch.setattr("connector.sandbox.keys._FOREIGN_GUID", personal)
    error = forged(live, "tid")
    assert error.reason == "personal_account"
    assert "personal Microsoft account" in error.message


def test_o_17_the_tenant_of_personal_accounts_is_no_tenant_to_install_in(live):
    with pytest.raises(UsageError, match="no organisation"):
        live.platform.connect.resolve_tenant("sandbox", "9188040d-6c67-4c5b-b112-36a304b66dad")


def test_o_19_declining_is_told_as_such_and_can_be_tried_again(live, caplog):
    error = refused(live, live.called_back(live.begin(), MINA, accept=False))
    assert (error.reason, error.aadsts) == ("declined", 65004)
    assert_nothing_stored(live)
    assert not [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert live.platform.connect.complete(live.called_back(live.begin(), MINA)).status is Status.CONNECTED


def test_o_20_a_consent_that_only_an_administrator_can_give_comes_with_their_link(live):
    live.entra_error(65001, "authorize", error="consent_required")
    with pytest.raises(ConsentRequired) as caught:
        live.platform.connect.complete(live.called_back(live.begin(), MINA))
    link = caught.value.connect_url
    assert link is not None
    assert "/v2.0/adminconsent?" in link
    installed = live.platform.connect.complete(query_of(live.visit(link)))
    assert isinstance(installed, Install)
    assert live.platform.connect.complete(live.called_back(live.begin(), MINA)).status is Status.CONNECTED


def test_o_21_a_sign_in_that_ends_at_the_approval_page_leaves_nothing_behind(live):
    """Northleaf lets nobody but its administrators consent: the page says so, and nobody comes back."""
    start = live.begin(install="northleaf")
    with pytest.raises(Stopped, match="approval"):
        live.visit(start, "mina.okafor@northleaf.example")
    live.timeline.travel(CONNECT_MINUTES * 60 + 1)
    live.begin(install="northleaf")
    assert live.platform.store.delete_expired_logins(live.platform.entra.clock.now()) == 0
    error = refused(live, {"state": start.state, "code": "1.AXlate"})
    assert error.reason == "state_unknown"
    assert_nothing_stored(live, "northleaf")


def test_o_22_an_administrators_consent_proves_nothing_until_a_token_shows_it(live):
    live.install()
    start = live.platform.connect.begin_admin_consent("fabrikoast", SCOPES, DEMO_REDIRECT_URIS[0])
    installed = live.platform.connect.complete(query_of(live.visit(start.url)))
    assert installed.admin_consent is AdminConsent.CLAIMED
    assert live.platform.store.install("fabrikoast") == installed
    assert_nothing_stored(live)
    live.sign_in(user="mina.okafor")
    assert live.platform.store.install("fabrikoast").admin_consent is AdminConsent.VERIFIED


def test_o_22_a_refused_consent_is_no_consent_although_it_says_true(live):
    live.install()
    start = live.platform.connect.begin_admin_consent("fabrikoast", SCOPES, DEMO_REDIRECT_URIS[0])
    query = query_of(live.visit(start.url, accept=False))
    assert query["admin_consent"] == "True"
    with pytest.raises((SignInRefused, ConsentRequired)):
        live.platform.connect.complete(query)
    assert live.platform.store.install("fabrikoast").admin_consent is AdminConsent.NONE


@pytest.mark.parametrize(
    "tenant", ["c2f81b90-64ad-4d7b-b3e2-9d40a8c7f002", "00000000-dead-4000-8000-000000000000"]
)
def test_o_23_a_forged_consent_binds_no_tenant_and_tells_nothing(live, tenant):
    before = live.install()
    start = live.platform.connect.begin_admin_consent("fabrikoast", SCOPES, DEMO_REDIRECT_URIS[0])
    query = {"admin_consent": "True", "tenant": tenant, "state": start.state}
    live.forget_journal()
    after = live.platform.connect.complete(query)
    assert after.tenant_id == before.tenant_id
    assert after.admin_consent is AdminConsent.CLAIMED
    assert live.journal == []
    assert refused(live, {"admin_consent": "True", "tenant": tenant, "state": "x"}).reason == "state_unknown"


def test_o_25_the_older_form_of_a_refused_consent_is_recognised(live):
    live.install()
    start = live.platform.connect.begin_admin_consent("fabrikoast", SCOPES, DEMO_REDIRECT_URIS[0])
    older = start.url.replace("/v2.0/adminconsent", "/adminconsent")
    query = query_of(live.visit(older, accept=False))
    assert query["error"] == "permission_denied"
    with pytest.raises((SignInRefused, ConsentRequired)) as caught:
        live.platform.connect.complete(query)
    assert "permission_denied" in str(caught.value)
    assert live.platform.store.install("fabrikoast").admin_consent is AdminConsent.NONE


def test_o_26_more_permissions_than_asked_for_are_noted_and_not_used(live):
    live.sign_in()
    connection = live.sign_in(("User.ReadBasic.All",))
    assert connection.status is Status.CONNECTED
    assert "Mail.ReadWrite" in connection.granted
    assert "Mail.ReadWrite" not in connection.wanted
    assert connection.missing == ()


def test_o_27_a_token_with_fewer_scopes_degrades_the_connection(live):
    live.switch(token_scopes_dropped=["Mail.Send"])
    connection = live.sign_in()
    assert (connection.status, connection.missing) == (Status.DEGRADED, ("Mail.Send",))
    live.forget_journal()
    with pytest.raises(ConsentRequired, match=r"Mail\.Send"):
        live.execute("messages.send", **SOME_MAIL)
    assert live.graph_calls == []
    assert live.items("users.get_me")[0]["userPrincipalName"] == connection.username


SOME_MAIL = {
    "message": {
        "subject": "Hello",
        "body": {"contentType": "text", "content": "A first message."},
        "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
    }
}


@pytest.mark.parametrize("form", ["short", "uri", "encoded", "shouting"])
@pytest.mark.parametrize("echo", [True, False])
def test_o_28_every_way_of_writing_scopes_comes_to_the_same(live, form, echo):
    live.switch(token_scope_form=form, echo_openid_scopes=echo)
    connection = live.sign_in()
    assert (connection.status, connection.missing) == (Status.CONNECTED, ())
    assert {*SCOPES, "User.Read"} <= set(connection.granted)


def test_o_29_without_a_refresh_token_there_is_no_connection(live):
    live.switch(omit_refresh_token=True)
    error = refused(live, live.called_back(live.begin()))
    assert error.reason == "offline_access"
    assert "offline access" in error.message
    assert_nothing_stored(live)


def test_o_32_reconnecting_with_another_account_leaves_the_old_connection_as_it_was(live):
    older = live.sign_in()
    tokens = live.grant(older)
    start = live.platform.connect.begin(
        "fabrikoast", SCOPES, DEMO_REDIRECT_URIS[0], reconnect=older.id, select_account=True
    )
    error = refused(live, live.called_back(start, MINA))
    assert error.reason == "different_account"
    assert live.connection(older) == older
    assert live.grant(older) == tokens
    assert live.items("users.get_me")[0]["id"] == older.user_id


def test_o_33_the_same_user_with_a_new_name_is_the_same_user(live):
    older = live.sign_in(user="mina.okafor")
    live.graph("PATCH", f"/users/{older.user_id}", {"displayName": "Mina O. Brandt", "userPrincipalName": "mina.brandt@fabrikoast.example"})  # fmt: skip
    start = live.platform.connect.begin(
        "fabrikoast", SCOPES, DEMO_REDIRECT_URIS[0], reconnect=older.id, select_account=True
    )
    newer = live.platform.connect.complete(live.called_back(start, "mina.brandt@fabrikoast.example"))
    assert (newer.id, newer.user_id) == (older.id, older.user_id)
    assert (newer.username, newer.display_name) == ("mina.brandt@fabrikoast.example", "Mina O. Brandt")
    assert len(live.platform.store.connections("fabrikoast")) == 1


def test_o_36_an_address_that_is_not_registered_runs_into_the_time_limit_with_a_hint(live):
    """Entra ID stops at a page (50011) and nobody comes back; the waiting side says what to look for."""
    live.install()
    loopback = Loopback("/not/registered", 0, live.platform.connect.complete)
    try:
        start = live.platform.connect.begin("fabrikoast", SCOPES, loopback.redirect_uri)
        with pytest.raises(Stopped, match="50011"):
            live.visit(start)
        with pytest.raises(SignInRefused) as caught:
            loopback.wait(0.05)
    finally:
        loopback.close()
    assert caught.value.reason == "timeout"
    assert "redirect URI" in caught.value.message
    assert_nothing_stored(live)
