"""Cases 2.2: the life of tokens, from renewal to the end of a connection."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from connector.errors import AppMisconfigured, AuthError, NotConnected, SettingsError, Unavailable
from connector.sandbox.grants import entra_of
from connector.settings import new_key
from connector.store.sql import SqlStore
from connector.tenancy import App, Connection, Credential, Status
from tests.http_host import reply, serving
from tests.live_sandbox import APP, Live, LivePlatform

READ = ("User.ReadBasic.All",)


def me(live: Live, platform: LivePlatform | None = None, install: str = "fabrikoast") -> Any:
    """A call; gives the signed-in user."""
    m365 = live.m365 if platform is None else platform.connector()
    return m365.execute(install, "users.get_me").items[0]


def before_token_request(platform: LivePlatform, act: Callable[[], Any]) -> None:
    """Does something right before the first request that this platform sends to the token endpoint."""
    send, waiting = platform.session.request, [act]

    def hooked(method: str, url: str, **more: Any) -> Any:
        if url.endswith("/token") and waiting:
            waiting.pop()()
        return send(method, url, **more)

    platform.session.request = hooked


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]


@pytest.fixture
def expiring(live: Live) -> Connection:
    """A connection whose access token is due for renewal, and nothing in the journal."""
    connection = live.sign_in(READ)
    live.expire_token(connection)
    live.forget_journal()
    return connection


@pytest.fixture
def expired(live: Live, expiring: Connection) -> Connection:
    """The same, with a token that Graph no longer takes."""
    live.timeline.travel(86_400)
    return expiring


@pytest.fixture
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock between workers fails to hold, as after a lost database connection."""
    monkeypatch.setattr(SqlStore, "refresh_lock", lambda store, connection_id: nullcontext())


def test_t_01_fifty_calls_at_once_renew_the_token_once(live, expiring):
    live.most_calls = 50
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda _: me(live)["id"], range(50)))
    assert found == [expiring.user_id] * 50
    assert len(live.token_calls) == 1


def test_t_02_two_workers_that_renew_at_once_end_with_one_valid_token(live, expiring, no_lock):
    other, barrier = live.worker(), Barrier(2, timeout=10)
    for platform in (live.platform, other):
        before_token_request(platform, barrier.wait)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda platform: me(live, platform)["id"], (live.platform, other)))
    assert found == [expiring.user_id] * 2
    assert len(live.token_calls) == 2
    assert live.connection(expiring).status is Status.CONNECTED
    kept = live.grant(expiring)
    assert kept.version == 2
    assert not entra_of(live.server.world).refresh_tokens[kept.refresh_token].revoked
    bearers = {call["headers"]["Authorization"] for call in live.graph_calls}
    assert bearers == {f"Bearer {kept.access_token}"}, "the loser takes what the winner stored"


CALL = """
import sys
import connector
print(connector.load().execute("fabrikoast", "users.get_me").items[0]["id"])
"""


def test_t_02_two_processes_renew_one_after_another(live):
    connection = live.sign_in(READ)
    due = live.grant(connection)
    due = replace(
        due,
        version=due.version + 1,
        refresh_at=due.refresh_at - timedelta(days=9),
        expires_at=due.expires_at - timedelta(days=9),
    )
    assert live.platform.store.replace_grant("fabrikoast", connection, due, expected_version=due.version - 1)
    live.forget_journal()
    environment = {
        name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ
    } | live.environment
    workers = [
        subprocess.Popen([sys.executable, "-c", CALL], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [worker.communicate(timeout=30)[0].strip() for worker in workers]
    assert told == [connection.user_id] * 2
    assert len(live.token_calls) == 1
    assert live.connection(connection).status is Status.CONNECTED


def test_t_03_a_worker_whose_token_was_used_up_by_another_goes_on_with_the_new_one(live, expiring, no_lock):
    live.switch(refresh_rotation="old_revoked")
    other = live.worker()
    before_token_request(live.platform, lambda: me(live, other))
    assert me(live)["id"] == expiring.user_id
    assert [call["status"] for call in live.token_calls] == [200, 400]
    assert live.connection(expiring).status is Status.CONNECTED
    live.expire_token(expiring)
    assert me(live)["id"] == expiring.user_id


def test_t_07_an_expired_secret_alarms_the_operator_once_and_costs_no_customer_anything(live, caplog):
    now = live.server.world.clock.now()
    secret = live.control(
        "POST", f"/apps/{APP.client_id}/secrets", {"expires_at": (now + timedelta(days=2)).isoformat()}
    )
    app = replace(APP, credentials=(Credential("old", secret=secret["value"]),))
    for install in ("fabrikoast", "northleaf"):
        live.install(install, app)
    connections = [live.sign_in(READ, install) for install in ("fabrikoast", "northleaf")]
    live.timeline.travel(3 * 86_400)
    live.forget_journal()
    for connection in connections:
        for _ in range(3):
            with pytest.raises(AppMisconfigured) as caught:
                me(live, install=connection.install_id)
            assert (caught.value.aadsts, caught.value.who) == (7000222, "operator")
    assert len(alarms(caplog)) == 1
    assert len(live.token_calls) == 1, "one refusal is enough for all of them"
    assert {live.connection(each).status for each in connections} <= {Status.BLOCKED, Status.CONNECTED}
    assert all(live.grant(each).refresh_token for each in connections)
    fresh = live.control("POST", f"/apps/{APP.client_id}/secrets", {})
    live.platform.store.save_app(
        replace(app, credentials=(*app.credentials, Credential("new", secret=fresh["value"])))
    )
    for connection in connections:
        assert me(live, install=connection.install_id)["id"] == connection.user_id
        assert live.connection(connection).status is Status.CONNECTED


def test_t_09_an_app_that_one_tenant_removed_is_that_tenants_matter(live, caplog):
    here, there = (live.sign_in(READ, install) for install in ("fabrikoast", "northleaf"))
    live.entra_error(700016, tenant=here.tenant_id, times=9)
    live.timeline.travel(90_000)
    with pytest.raises(AuthError):
        me(live)
    assert live.connection(here).status is Status.ADMIN_ACTION
    assert me(live, install="northleaf")["id"] == there.user_id
    assert live.connection(there).status is Status.CONNECTED
    assert alarms(caplog) == []


def test_t_10_a_tenant_that_is_not_there_means_a_look_at_tenant_and_cloud(live, expired):
    live.entra_error(90002)
    with pytest.raises(NotConnected, match="cloud"):
        me(live)
    assert live.connection(expired).status is Status.WRONG_ACCOUNT


def test_t_10_a_domain_of_no_tenant_cannot_be_installed_in(live):
    with pytest.raises(NotConnected, match="cloud") as caught:
        live.platform.connect.resolve_tenant("sandbox", "nobody.example")
    assert caught.value.aadsts == 90002


def test_t_11_a_detected_loop_stops_token_requests_for_five_minutes(live, expired, caplog):
    live.entra_error(50196)
    for _ in range(3):
        with pytest.raises(AuthError):
            me(live)
    assert len(live.token_calls) == 1
    live.timeline.travel(290)
    with pytest.raises(AuthError):
        me(live)
    assert len(live.token_calls) == 1
    live.timeline.travel(15)
    assert me(live)["id"] == expired.user_id
    assert len(alarms(caplog)) == 1


def test_t_12_an_unknown_number_is_treated_by_its_class(live, expired):
    live.entra_error(999999, error="invalid_grant", times=9)
    with pytest.raises(NotConnected):
        me(live)
    found = live.connection(expired)
    assert (found.status, found.aadsts) == (Status.RECONNECT_REQUIRED, 999999)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Welcome to the hotel</html>"),
        (502, "<html>Bad gateway</html>"),
        (400, ""),
        (200, ""),
        (200, "[]"),
    ],
)
def test_t_13_an_answer_that_is_no_token_answer_passes(live, expired, status, body):
    live.entra_error(0, raw_body=body, status=status, times=9)
    with pytest.raises(Unavailable):
        me(live)
    assert len(live.token_calls) == 3
    assert live.connection(expired).status is Status.CONNECTED
    live.control("DELETE", "/entra-errors")
    live.timeline.travel(60)
    assert me(live)["id"] == expired.user_id


def test_t_13_a_token_that_is_still_good_outlasts_a_fault(live, expiring):
    live.entra_error(0, raw_body="", status=503, times=9)
    assert me(live)["id"] == expiring.user_id
    assert me(live)["id"] == expiring.user_id
    assert len(live.token_calls) == 3


@pytest.mark.parametrize("form", ["padded", "unpadded", "urlsafe", "several"])
def test_t_15_a_claims_challenge_is_met_with_a_token_for_it(live, form):
    connection = live.sign_in(READ)
    live.forget_journal()
    live.fault("challenge", challenge=form)
    assert me(live)["id"] == connection.user_id
    assert [call["status"] for call in live.graph_calls] == [401, 200]
    [renewal] = live.token_calls
    claims = json.loads(renewal["form"]["claims"])["access_token"]
    assert claims["nbf"]["essential"] is True
    assert "x?>" in claims, "the whole challenge goes along, not only what is known"
    assert claims["xms_cc"] == {"values": ["cp1"]}


def test_t_15_a_second_challenge_ends_the_call(live):
    connection = live.sign_in(READ)
    live.forget_journal()
    live.fault("challenge", times=0)
    with pytest.raises(NotConnected):
        me(live)
    assert len(live.graph_calls) == 2
    assert len(live.token_calls) == 1
    assert live.connection(connection).status is Status.CONNECTED


def test_t_15_a_challenge_that_only_the_user_can_meet_goes_into_the_next_sign_in(live):
    connection = live.sign_in(READ)
    live.control("POST", f"/companies/fabrikoast.example/users/{connection.user_id}/challenge")
    live.timeline.travel(1)
    live.entra_error(50076, error="interaction_required")
    with pytest.raises(NotConnected):
        me(live)
    assert live.connection(connection).status is Status.RECONNECT_REQUIRED
    start = live.begin(READ, reconnect=connection.id)
    assert "nbf" in start.url
    live.platform.connect.complete(live.called_back(start))
    assert me(live)["id"] == connection.user_id


def test_t_18_a_challenge_of_another_host_is_ignored_over_http(live):
    """A download is redirected to a host that asks for a token with claims: it gets none."""
    challenge = 'Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'
    live.sign_in(("Files.ReadWrite",))
    live.forget_journal()
    with serving(reply(401, WWW_Authenticate=challenge)) as host:
        live.fault("redirect", path="/content$", url=host.url.replace("127.0.0.1", "localhost") + "/file")
        with pytest.raises(NotConnected):
            live.execute("drive_items.download", item_id="01ABC")
        assert len(host.seen) == 1
        assert "authorization" not in host.seen[0].headers
    assert live.token_calls == []


@pytest.mark.parametrize("minutes", [10, -10])
def test_t_21_a_clock_that_is_off_causes_no_storm(live, minutes):
    live.timeline.skew_seconds = minutes * 60
    connection = live.sign_in(READ)
    live.forget_journal()
    for _ in range(5):
        assert me(live)["id"] == connection.user_id
        live.timeline.travel(60)
    assert live.token_calls == []


@pytest.mark.parametrize("minutes", [10, -10])
def test_t_21_an_assertion_is_made_by_the_time_of_entra(live, minutes):
    certificate, public = a_certificate()
    live.control("POST", f"/apps/{APP.client_id}/certificates", {"pem": public})
    live.timeline.skew_seconds = minutes * 60
    live.install(
        app=App(
            "demo", APP.client_id, cloud="sandbox", credentials=(Credential("c", certificate=certificate),)
        )
    )
    assert live.sign_in(READ).status is Status.CONNECTED
    assert len(live.token_calls) <= 2


def a_certificate() -> tuple[str, str]:
    """A certificate with its private key, and the certificate alone, in PEM."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "connector")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return private + public, public


def test_t_23_an_idle_connection_is_kept_alive(live):
    connection = live.sign_in(READ)
    live.timeline.travel(80 * 86_400)
    done = live.platform.grants.refresh_idle(timedelta(days=30))
    assert (done.renewed, done.failed) == (1, {})
    live.timeline.travel(80 * 86_400)
    assert me(live)["id"] == connection.user_id


def test_t_23_without_it_the_connection_dies_and_says_so(live):
    connection = live.sign_in(READ)
    live.timeline.travel(91 * 86_400)
    with pytest.raises(NotConnected) as caught:
        me(live)
    assert caught.value.aadsts == 700082
    assert live.connection(connection).status is Status.RECONNECT_REQUIRED


def test_t_24_a_disconnected_connection_has_no_tokens_and_runs_nothing(live):
    connection = live.sign_in(READ)
    me(live)
    live.platform.connect.disconnect("fabrikoast", connection.id)
    live.forget_journal()
    assert live.platform.store.grant("fabrikoast", connection.id) is None
    for platform in (live.platform, live.worker()):
        with pytest.raises(NotConnected):
            me(live, platform)
    assert live.journal == []
    assert live.connection(connection).status is Status.DISCONNECTED
    assert live.platform.store.audit("fabrikoast")[0].kind == "disconnected"


def test_t_25_a_renewal_that_was_running_does_not_bring_the_connection_back(live, expiring):
    other = live.worker()
    before_token_request(live.platform, lambda: other.connect.disconnect("fabrikoast", expiring.id))
    with pytest.raises(NotConnected):
        me(live)
    assert len(live.token_calls) == 1
    assert live.graph_calls == []
    assert live.platform.store.grant("fabrikoast", expiring.id) is None
    assert live.connection(expiring).status is Status.DISCONNECTED


def test_t_26_tokens_copied_to_another_installs_row_do_not_open(live):
    here, there = (live.sign_in(READ, install) for install in ("fabrikoast", "northleaf"))
    with sqlite3.connect(live.home / "connector.sqlite3") as database:
        [(sealed,)] = database.execute("SELECT sealed FROM grants WHERE connection_id = ?", [here.id])
        database.execute("UPDATE grants SET sealed = ? WHERE connection_id = ?", [sealed, there.id])
    database.close()
    live.forget_journal()
    with pytest.raises(SettingsError, match="does not open"):
        me(live, live.worker(), install="northleaf")
    assert live.journal == []
    with sqlite3.connect(live.home / "connector.sqlite3") as database:
        database.execute("DELETE FROM grants WHERE connection_id = ?", [there.id])
    database.close()


def test_t_27_without_the_key_calls_fail_closed(live):
    live.sign_in(READ)
    live.forget_journal()
    with_another_key = LivePlatform(replace(live.settings, secret_keys=(new_key(),)), live.timeline)
    try:
        with pytest.raises(SettingsError, match="M365_SECRET_KEYS"):
            me(live, with_another_key)
    finally:
        with_another_key.close()
    (live.home / "secret.key").write_text("the vault does not answer")
    with pytest.raises(SettingsError, match="holds no Fernet key"):
        me(live, live.worker())
    assert live.journal == []
