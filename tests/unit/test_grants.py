"""Tokens: renewed once, stored before use, and every refusal leads where it should."""

from __future__ import annotations

import json
import logging
import threading
import timeit
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.auth.grants import Grants
from connector.errors import (
    AppMisconfigured,
    ConnectorError,
    ConsentRequired,
    NoAnswer,
    NotConnected,
    SignInRefused,
    Throttled,
    Unavailable,
)
from connector.settings import new_key
from connector.store.crypto import Sealer
from connector.store.memory import MemoryStore
from connector.store.sql import SqlStore
from connector.tenancy import Connection, Credential, Install, Status
from tests.unit.scripted_entra import CLIENT, OTHER_TENANT, TENANT, Platform, refusal

HOUR = 3600


class Signed(Platform):
    """A platform with one connection, whose token is `access-1` and lasts an hour."""

    def __init__(self, *credentials: Credential, **options: Any) -> None:
        super().__init__(*credentials, **options)
        self.id = self.sign_in("Mail.Read").id
        self.http.forms.clear()
        self.http.urls.clear()
        self.http.forms.append({"sign": "in"})

    @property
    def asked(self) -> int:
        """How often the token endpoint was asked since the sign-in."""
        return len(self.http.forms) - 1

    def token(self, **options: Any) -> str:
        return self.grants.token("acme", self.id, **options)

    def connection(self) -> Connection:
        found = self.store.connection("acme", self.id)
        assert found is not None
        return found

    def expire(self) -> None:
        self.timer.local += HOUR + 1

    def fail(self, *answers: Any, error: type[ConnectorError] = ConnectorError, **options: Any) -> Any:
        self.http.script = list(answers)
        with pytest.raises(error) as caught:
            self.token(**options)
        return caught.value


@pytest.fixture
def platform() -> Signed:
    return Signed()


def in_threads(count: int, act: Callable[[], Any]) -> list[Any]:
    results: list[Any] = []
    gate = threading.Barrier(count)

    def run() -> None:
        gate.wait()
        try:
            results.append(act())
        except ConnectorError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_good_token_is_given_out_without_asking(platform: Signed) -> None:
    assert [platform.token() for _ in range(3)] == ["access-1"] * 3
    assert platform.asked == 0


def test_a_warm_token_costs_next_to_nothing() -> None:
    platform = Signed()
    platform.token()
    best = min(timeit.repeat(platform.token, number=2000, repeat=5)) / 2000
    assert best < 20e-6


@pytest.mark.parametrize(("seconds", "renews"), [(HOUR - 361, False), (HOUR - 359, True)])
def test_a_token_is_renewed_some_time_before_it_ends(platform: Signed, seconds: int, renews: bool) -> None:
    platform.timer.local += seconds
    assert platform.token() == ("access-2" if renews else "access-1")


def test_a_renewal_keeps_the_new_refresh_token(platform: Signed) -> None:
    platform.expire()
    platform.token()
    assert platform.http.forms[-1]["refresh_token"] == "refresh-1"
    platform.expire()
    platform.token()
    assert platform.http.forms[-1]["refresh_token"] == "refresh-2"


def test_a_renewal_keeps_the_old_refresh_token_when_none_comes_back(platform: Signed) -> None:
    platform.http.rotates = False
    platform.expire()
    assert platform.token() == "access-2"
    platform.expire()
    platform.token()
    assert platform.http.forms[-1]["refresh_token"] == "refresh-1"


def test_fifty_threads_renew_once(platform: Signed) -> None:
    platform.expire()
    platform.http.delay_seconds = 0.05
    assert in_threads(50, platform.token) == ["access-2"] * 50
    assert platform.asked == 1


def test_fifty_threads_whose_token_graph_refused_renew_once(platform: Signed) -> None:
    gate = threading.Barrier(50)

    def call() -> str:
        assert platform.token() == "access-1"
        gate.wait()
        return platform.token(renew=True)

    assert in_threads(50, call) == ["access-2"] * 50
    assert platform.asked == 1


def test_a_token_that_graph_refuses_again_is_renewed_again(platform: Signed) -> None:
    assert platform.token() == "access-1"
    assert platform.token(renew=True) == "access-2"
    assert platform.token(renew=True) == "access-3"


def test_a_new_token_is_stored_before_it_is_used(platform: Signed) -> None:
    platform.expire()
    token = platform.token()
    grant = platform.store.grant("acme", platform.id)
    assert grant is not None
    assert (grant.access_token, grant.refresh_token, grant.version) == (token, "refresh-2", 2)


def test_another_workers_renewal_is_taken_over(platform: Signed) -> None:
    _, other, _ = platform.worker()
    platform.token()
    other.token("acme", platform.id)
    assert other.token("acme", platform.id, renew=True) == "access-2"
    platform.timer.local += 1.1
    assert platform.token() == "access-2"
    assert platform.asked == 1


def test_workers_on_one_database_renew_once(tmp_path: Path) -> None:
    with closing(SqlStore.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", Sealer([new_key()]))) as store:
        platform = Signed(store=store)
        platform.expire()
        platform.http.delay_seconds = 0.05
        workers = [platform.grants, *(platform.worker()[1] for _ in range(3))]
        turns = iter(workers * 3)
        tokens = in_threads(12, lambda: next(turns).token("acme", platform.id))
        assert tokens == ["access-2"] * 12
        assert platform.asked == 1


class Unlocked(MemoryStore):
    """A store whose lock holds nobody off, as if a lease had run out."""

    def refresh_lock(self, connection_id: str) -> Any:
        return threading.Lock()


def raced(platform: Signed, other: Grants, *answers: Any) -> None:
    """While we ask Entra ID, another worker renews the same grant."""

    def meanwhile(form: dict[str, str]) -> Any:
        other.token("acme", platform.id)
        return answers[0] if answers else platform.http.tokens()

    platform.expire()
    platform.http.script = [meanwhile]


def test_of_two_workers_that_renew_at_once_the_slower_takes_the_stored_token() -> None:
    platform = Signed(store=Unlocked())
    _, other, _ = platform.worker()
    raced(platform, other)
    token = platform.token()
    grant = platform.store.grant("acme", platform.id)
    assert grant is not None
    assert token == grant.access_token
    assert grant.version == 2
    assert platform.connection().status is Status.CONNECTED


def test_a_refresh_token_that_another_worker_used_up_is_no_lost_connection() -> None:
    platform = Signed(store=Unlocked())
    _, other, _ = platform.worker()
    raced(platform, other, refusal("invalid_grant", 70000))
    grant_token = platform.token()
    grant = platform.store.grant("acme", platform.id)
    assert grant is not None
    assert grant_token == grant.access_token
    assert platform.connection().status is Status.CONNECTED


@pytest.mark.parametrize("answer", [None, refusal("invalid_grant", 50173)])
def test_a_connection_that_is_disconnected_during_a_renewal_stays_so(platform: Signed, answer: Any) -> None:
    def meanwhile(form: dict[str, str]) -> Any:
        platform.connect.disconnect("acme", platform.id)
        return answer or platform.http.tokens()

    platform.expire()
    platform.fail(meanwhile, error=NotConnected)
    assert platform.connection().status is Status.DISCONNECTED
    assert platform.store.grant("acme", platform.id) is None


def test_a_deleted_connection_has_no_token(platform: Signed) -> None:
    platform.token()
    platform.store.delete_connection("acme", platform.id)
    platform.timer.local += 1.1
    with pytest.raises(NotConnected):
        platform.token()


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        (refusal("invalid_grant", 50173), NotConnected, Status.RECONNECT_REQUIRED),
        (refusal("invalid_grant", 999_999), NotConnected, Status.RECONNECT_REQUIRED),
        (refusal("invalid_grant", 700082), NotConnected, Status.RECONNECT_REQUIRED),
        (refusal("interaction_required", 50076), NotConnected, Status.RECONNECT_REQUIRED),
        (refusal("invalid_grant", 65001), ConsentRequired, Status.RECONNECT_REQUIRED),
        (refusal("invalid_grant", 53003), NotConnected, Status.ADMIN_ACTION),
        (refusal("invalid_grant", 50057), NotConnected, Status.ADMIN_ACTION),
        (refusal("unauthorized_client", 700016), ConsentRequired, Status.ADMIN_ACTION),
        (refusal("invalid_request", 90002), NotConnected, Status.WRONG_ACCOUNT),
        (refusal("invalid_client", 7000222), AppMisconfigured, Status.BLOCKED),
        (refusal("invalid_scope", 70011), AppMisconfigured, Status.CONNECTED),
        ((503, {}, "<html>"), Unavailable, Status.CONNECTED),
        ((429, {"Retry-After": "60"}, "{}"), Throttled, Status.CONNECTED),
    ],
)
def test_a_refusal_decides_where_the_connection_stands(
    platform: Signed, answer: Any, error: type[ConnectorError], status: Status
) -> None:
    platform.expire()
    platform.fail(answer, answer, answer, error=error)
    assert platform.connection().status is status
    grant = platform.store.grant("acme", platform.id)
    assert grant is not None
    assert grant.refresh_token == "refresh-1"


def test_a_refusal_is_remembered_with_its_number_and_its_claims(platform: Signed) -> None:
    platform.expire()
    platform.fail(refusal("interaction_required", 50076, claims='{"access_token":{"a":1}}'))
    assert platform.connection().aadsts == 50076
    assert platform.connection().claims == '{"access_token":{"a":1}}'
    assert "AADSTS50076" in str(platform.fail(error=NotConnected))


def test_a_lost_sign_in_is_not_tried_again_until_there_is_a_new_one(platform: Signed) -> None:
    platform.expire()
    platform.fail(refusal("invalid_grant", 50173), error=NotConnected)
    for seconds in (0, 61, 3600):
        platform.timer.local += seconds
        platform.fail(error=NotConnected)
    assert platform.asked == 1
    platform.sign_in("Mail.Read")
    assert platform.token() == "access-3"


@pytest.mark.parametrize(
    "answer",
    [refusal("invalid_grant", 53003), refusal("invalid_scope", 70011), refusal("invalid_grant", 50057)],
)
def test_the_same_refused_request_is_not_repeated_within_a_minute(platform: Signed, answer: Any) -> None:
    platform.expire()
    first = platform.fail(answer)
    for _ in range(10):
        platform.timer.local += 5
        assert type(platform.fail()) is type(first)
    assert platform.asked == 1
    platform.timer.local += 11
    assert platform.token() == "access-3"
    assert platform.connection().status is Status.CONNECTED
    assert platform.connection().aadsts is None


def test_a_wait_that_entra_asks_for_is_kept(platform: Signed) -> None:
    platform.expire()
    error = platform.fail((429, {"Retry-After": "120"}, "{}"), error=Throttled)
    assert error.retry_after_seconds == 120
    platform.timer.local += 100
    assert platform.fail(error=Throttled).retry_after_seconds == pytest.approx(20)
    assert platform.asked == 1
    platform.timer.local += 21
    assert platform.token() == "access-3"


@pytest.mark.parametrize("fault", [(503, {}, "<html>"), (200, {}, "<html>"), refusal("server_error", 90033)])
def test_a_passing_fault_is_tried_three_times_and_marks_nothing(platform: Signed, fault: Any) -> None:
    platform.expire()
    platform.fail(fault, fault, fault, fault, error=Unavailable)
    assert platform.asked == 3
    assert platform.connection().status is Status.CONNECTED


@pytest.mark.parametrize(
    "fault",
    [(503, {}, "busy"), requests.ConnectionError("lost"), refusal("invalid_client", 7000222)],
)
def test_a_token_that_is_still_good_outlasts_faults_that_are_not_the_users(
    platform: Signed, fault: Any
) -> None:
    platform.timer.local += HOUR - 300
    platform.http.script = [fault] * 3
    assert platform.token() == "access-1"
    asked = platform.asked
    assert platform.token() == "access-1"
    assert platform.asked == asked
    platform.timer.local += 301
    platform.http.script = [fault] * 3
    with pytest.raises(ConnectorError):
        platform.token()


def test_no_answer_is_told_as_such(platform: Signed) -> None:
    platform.expire()
    platform.fail(requests.ConnectTimeout("x"), error=NoAnswer)
    assert platform.connection().status is Status.CONNECTED


def second_install(platform: Signed) -> str:
    """Another customer of the same app; gives the connection's ID."""
    platform.store.save_install(Install("globex", "customer", "app", OTHER_TENANT))
    mine = platform.connection()
    grant = platform.store.grant("acme", platform.id)
    assert grant is not None
    theirs = replace(mine, id="theirs", install_id="globex", tenant_id=OTHER_TENANT)
    platform.store.save_connection("globex", theirs, grant)
    return theirs.id


def test_an_expired_secret_blocks_everyone_alarms_once_and_heals_by_itself(
    platform: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = second_install(platform)
    platform.expire()
    expired = refusal("invalid_client", 7000222)
    error = platform.fail(expired, error=AppMisconfigured)
    assert error.who == "operator"
    with pytest.raises(AppMisconfigured):
        platform.grants.token("globex", theirs)
    platform.timer.local += 61
    platform.fail(expired, error=AppMisconfigured)
    assert platform.asked == 2
    alarms = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(alarms) == 1
    assert "canary" not in caplog.text
    for install, connection in (("acme", platform.id), ("globex", theirs)):
        blocked = platform.store.connection(install, connection)
        assert blocked is not None
        assert blocked.status is Status.BLOCKED

    platform.store.save_app(replace(platform.app, credentials=(Credential("fresh", secret="fresh"),)))
    assert platform.token() == "access-4"
    assert platform.connection().status is Status.CONNECTED


def test_an_app_that_one_tenant_removed_concerns_that_tenant_only(platform: Signed) -> None:
    theirs = second_install(platform)
    platform.expire()
    platform.fail(refusal("unauthorized_client", 700016), error=ConsentRequired)
    platform.http.claims = {"tid": OTHER_TENANT}
    assert platform.grants.token("globex", theirs) == "access-3"


def test_a_detected_loop_stops_the_tenant_for_five_minutes(
    platform: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    platform.expire()
    platform.fail(refusal("invalid_request", 50196), error=AppMisconfigured)
    platform.timer.local += 299
    platform.fail(error=AppMisconfigured)
    assert platform.asked == 1
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    platform.timer.local += 2
    assert platform.token() == "access-3"


def test_a_claims_challenge_goes_along_with_the_renewal(platform: Signed) -> None:
    challenge = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
    platform.token()
    assert platform.token(renew=True, claims=challenge) == "access-2"
    assert json.loads(platform.http.forms[-1]["claims"]) == {
        "access_token": {
            "nbf": {"essential": True, "value": "1604106651"},
            "xms_cc": {"values": ["cp1"]},
        }
    }


def test_a_challenge_that_is_refused_waits_for_the_next_sign_in(platform: Signed) -> None:
    challenge = '{"access_token":{"nbf":{"value":"1"}}}'
    platform.fail(refusal("interaction_required", 50076), renew=True, claims=challenge)
    assert platform.connection().status is Status.RECONNECT_REQUIRED
    assert platform.connection().claims == challenge


def test_a_renewal_can_gain_and_lose_permissions(platform: Signed) -> None:
    platform.http.scope = "User.Read"
    platform.expire()
    platform.token()
    assert (platform.connection().status, platform.connection().missing) == (Status.DEGRADED, ("Mail.Read",))
    platform.http.scope = "User.Read Mail.ReadWrite"
    platform.expire()
    platform.token()
    assert (platform.connection().status, platform.connection().missing) == (Status.CONNECTED, ())


@pytest.mark.parametrize("claims", [{"oid": "somebody-else"}, {"tid": OTHER_TENANT}])
def test_a_renewal_for_somebody_else_is_thrown_away(platform: Signed, claims: dict[str, str]) -> None:
    platform.expire()
    platform.http.claims = claims
    platform.fail(error=SignInRefused)
    assert platform.connection().status is Status.WRONG_ACCOUNT
    grant = platform.store.grant("acme", platform.id)
    assert grant is not None
    assert grant.access_token == "access-1"


@pytest.mark.parametrize("off", [600, -600])
def test_a_wrong_clock_causes_no_storm_of_renewals(off: float) -> None:
    platform = Signed()
    platform.timer.local += off
    platform.timer.server_ahead = -off
    for _ in range(100):
        platform.timer.local += 30
        platform.token()
    assert platform.asked <= 2


def test_an_app_renews_its_own_token_without_a_refresh_token() -> None:
    platform = Platform(mode="application")
    connection = platform.connect.connect_app("acme", ["Mail.Read"])
    platform.timer.local += HOUR
    assert platform.grants.token("acme", connection.id) == "access-2"
    assert platform.http.forms[-1]["grant_type"] == "client_credentials"
    renewed = platform.store.connection("acme", connection.id)
    assert renewed is not None
    assert (renewed.granted, renewed.status) == (("Mail.Read",), Status.CONNECTED)


def test_idle_connections_are_kept_alive(platform: Signed) -> None:
    assert platform.grants.refresh_idle(timedelta(days=30)).renewed == 0
    platform.timer.local += 80 * 24 * HOUR
    kept = platform.grants.refresh_idle(timedelta(days=30))
    assert (kept.renewed, kept.failed) == (1, {})
    assert platform.asked == 1
    assert platform.grants.refresh_idle(timedelta(days=30)).renewed == 0


def test_keeping_alive_goes_on_after_a_failure(platform: Signed) -> None:
    theirs = second_install(platform)
    platform.timer.local += 80 * 24 * HOUR
    platform.http.script = [
        refusal("invalid_grant", 700082),
        lambda form: platform.http.tokens(id_token=platform.http.id_token(tid=OTHER_TENANT)),
    ]
    kept = platform.grants.refresh_idle(timedelta(days=30))
    assert kept.renewed == 1
    assert set(kept.failed) == {platform.id}
    assert isinstance(kept.failed[platform.id], NotConnected)
    assert platform.store.grant("globex", theirs) is not None


def test_nothing_secret_reaches_the_log_at_debug(platform: Signed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    platform.expire()
    platform.token()
    platform.expire()
    platform.fail(refusal("invalid_grant", 50173))
    assert caplog.records
    for secret in ("canary-secret", "access-", "refresh-", "ann@contoso.com"):
        assert secret not in caplog.text


def test_only_the_authority_of_the_cloud_is_contacted(platform: Signed) -> None:
    platform.expire()
    platform.token()
    assert {url.split("/oauth2")[0] for url in platform.http.urls} == {f"https://login.example.com/{TENANT}"}
    assert platform.http.forms[-1]["client_id"] == CLIENT
