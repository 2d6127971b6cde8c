"""The store: the same promises in memory, in SQLite and in PostgreSQL."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConnectorError, InvalidInput, SettingsError
from connector.settings import new_key
from connector.store import Store
from connector.store.crypto import SealBroken, Sealer
from connector.store.memory import MemoryStore
from connector.store.sql import SqlStore
from connector.store.tables import REVISION, metadata
from connector.tenancy import (
    AccessRequest,
    Account,
    AdminConsent,
    App,
    AuditEvent,
    Connection,
    Credential,
    Grant,
    Install,
    PendingLogin,
    Status,
)
from tests.postgres import postgres_server, postgres_url  # noqa: F401

NOW = datetime(2026, 5, 4, 12, 30, 15, 250_000, tzinfo=UTC)
KEY = new_key()
APP = App(
    "app",
    "client-id",
    "us_gov",
    label="Ours",
    redirect_uri="https://example.com/callback",
    credentials=(
        Credential("old", secret="canary-secret", expires_at=NOW + timedelta(days=3)),
        Credential("new", certificate="canary-pem", algorithm="RS256"),
    ),
)
CONNECTION = Connection(
    "con-a",
    "acme",
    NOW,
    status=Status.DEGRADED,
    tenant_id="tid",
    user_id="oid",
    username="ann@contoso.com",
    display_name="Ann",
    wanted=("Mail.Read", "Mail.Send"),
    granted=("Mail.Read",),
    missing=("Mail.Send",),
    last_refresh_at=NOW,
    aadsts=50173,
    claims="{}",
)
GRANT = Grant(
    "canary-access", NOW + timedelta(hours=1), NOW + timedelta(minutes=55), "canary-refresh", ("Mail.Read",)
)
LOGIN = PendingLogin(
    "hash",
    "acme",
    "sign_in",
    "https://example.com/callback",
    NOW + timedelta(minutes=15),
    ("User.Read",),
    code_verifier="canary-verifier",
    nonce="canary-nonce",
    browser_hash="b",
    connection_id="con-a",
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        made: Any = MemoryStore()
    else:
        url = (
            f"sqlite:///{tmp_path / 'store.sqlite3'}"
            if request.param == "sqlite"
            else request.getfixturevalue("postgres_url")
        )
        made = SqlStore.open(url, Sealer([KEY]))
    fill(made)
    yield made
    if isinstance(made, SqlStore):
        made.close()


def fill(store: Store) -> None:
    store.save_app(APP)
    store.save_account(Account("customer"))
    store.save_account(Account("rival"))
    store.save_install(Install("acme", "customer", "app", "tid", ("users", "emails"), "Acme"))
    store.save_install(Install("globex", "rival", "app", "tid-2"))
    store.save_connection("acme", CONNECTION, GRANT)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", Sealer([KEY]))) as made:
        fill(made)
        yield made


def test_apps_come_back_as_they_were_saved(store: Store) -> None:
    assert store.app("app") == APP
    store.save_app(replace(APP, credentials=APP.credentials[1:]))
    assert [app.credentials for app in store.apps()] == [APP.credentials[1:]]
    assert store.app("other") is None


def test_an_app_in_use_is_not_deleted(store: Store) -> None:
    with pytest.raises(InvalidInput, match="used by installs"):
        store.delete_app("app")
    for install in store.installs():
        store.delete_install(install.id)
    store.delete_app("app")
    assert list(store.apps()) == []


def test_accounts_come_back_with_their_requests(store: Store) -> None:
    account = Account(
        "customer",
        "Customer",
        True,
        (
            AccessRequest("ann", NOW, "for the CRM", "approved", "bob", NOW + timedelta(hours=1)),
            AccessRequest("cid", NOW),
        ),
    )
    store.save_account(account)
    assert store.account("customer") == account
    assert [each.id for each in store.accounts()] == ["customer", "rival"]


def test_installs_come_back_and_are_listed_by_account(store: Store) -> None:
    acme = store.install("acme")
    assert acme == Install("acme", "customer", "app", "tid", ("users", "emails"), "Acme")
    store.save_install(replace(acme, admin_consent=AdminConsent.CLAIMED))
    assert [each.admin_consent for each in store.installs("customer")] == [AdminConsent.CLAIMED]
    assert [each.id for each in store.installs()] == ["acme", "globex"]


def test_an_install_needs_its_app_and_account(store: Store) -> None:
    with pytest.raises(InvalidInput, match="app or an account"):
        store.save_install(Install("x", "nobody", "app", "tid"))
    with pytest.raises(InvalidInput, match="app or an account"):
        store.save_install(Install("x", "customer", "no-app", "tid"))


def test_connections_and_grants_come_back_as_they_were_saved(store: Store) -> None:
    assert store.connection("acme", "con-a") == CONNECTION
    assert store.grant("acme", "con-a") == GRANT


def test_connections_are_listed_oldest_first(store: Store) -> None:
    store.save_connection("acme", replace(CONNECTION, id="older", created_at=NOW - timedelta(1)), GRANT)
    store.save_connection("acme", replace(CONNECTION, id="newer", created_at=NOW + timedelta(1)), GRANT)
    assert [each.id for each in store.connections("acme")] == ["older", "con-a", "newer"]


def test_one_install_cannot_reach_what_belongs_to_another(store: Store) -> None:
    assert list(store.connections("globex")) == []
    assert store.connection("globex", "con-a") is None
    assert store.grant("globex", "con-a") is None
    assert not store.mark("globex", replace(CONNECTION, install_id="globex"), grant_version=1)
    assert not store.replace_grant("globex", CONNECTION, replace(GRANT, version=2), expected_version=1)
    assert not store.disconnect("globex", CONNECTION)
    assert not store.delete_connection("globex", "con-a")
    for connection in (CONNECTION, replace(CONNECTION, install_id="globex")):
        with pytest.raises(InvalidInput):
            store.save_connection("globex", connection, GRANT)
    with pytest.raises(InvalidInput):
        store.save_login("globex", LOGIN)
    assert store.connection("acme", "con-a") == CONNECTION
    assert store.grant("acme", "con-a") == GRANT


def test_of_two_renewals_from_one_version_the_first_wins(store: Store) -> None:
    first = replace(GRANT, access_token="first", version=2)
    renewed = replace(CONNECTION, status=Status.CONNECTED)
    assert store.replace_grant("acme", renewed, first, expected_version=1)
    second = replace(GRANT, access_token="second", version=2)
    assert not store.replace_grant("acme", CONNECTION, second, expected_version=1)
    assert store.grant("acme", "con-a") == first
    assert store.connection("acme", "con-a") == renewed


def test_a_mark_is_only_written_over_the_grant_it_is_about(store: Store) -> None:
    marked = replace(CONNECTION, status=Status.RECONNECT_REQUIRED)
    assert not store.mark("acme", marked, grant_version=7)
    assert store.connection("acme", "con-a") == CONNECTION
    assert store.mark("acme", marked, grant_version=1)
    assert store.connection("acme", "con-a") == marked


def test_signing_in_again_is_a_newer_version(store: Store) -> None:
    store.save_connection("acme", CONNECTION, replace(GRANT, access_token="again"))
    grant = store.grant("acme", "con-a")
    assert grant == replace(GRANT, access_token="again", version=2)
    assert not store.replace_grant("acme", CONNECTION, replace(GRANT, version=2), expected_version=1)


def test_disconnecting_deletes_the_tokens_and_keeps_the_record(store: Store) -> None:
    ended = replace(CONNECTION, status=Status.DISCONNECTED)
    assert store.disconnect("acme", ended)
    assert store.grant("acme", "con-a") is None
    assert store.connection("acme", "con-a") == ended


@pytest.mark.parametrize("end", ["disconnect", "delete"])
def test_a_renewal_that_was_running_does_not_bring_a_connection_back(store: Store, end: str) -> None:
    if end == "disconnect":
        store.disconnect("acme", replace(CONNECTION, status=Status.DISCONNECTED))
    else:
        assert store.delete_connection("acme", "con-a")
    after = store.connection("acme", "con-a")
    assert not store.replace_grant("acme", CONNECTION, replace(GRANT, version=2), expected_version=1)
    assert not store.mark("acme", CONNECTION, grant_version=1)
    assert store.grant("acme", "con-a") is None
    assert store.connection("acme", "con-a") == after


def test_deleting_an_account_deletes_all_that_is_below_it(store: Store) -> None:
    store.save_login("acme", LOGIN)
    store.record(AuditEvent(NOW, "connected", "acme"))
    store.delete_account("customer")
    assert store.install("acme") is None
    assert store.grant("acme", "con-a") is None
    assert store.take_login("hash") is None
    assert list(store.audit("acme")) == []
    assert store.install("globex") is not None


def test_a_pending_login_is_given_out_once(store: Store) -> None:
    store.save_login("acme", LOGIN)
    assert store.take_login("hash") == LOGIN
    assert store.take_login("hash") is None


def test_expired_logins_are_deleted(store: Store) -> None:
    store.save_login("acme", LOGIN)
    store.save_login("acme", replace(LOGIN, state_hash="later", expires_at=NOW + timedelta(hours=1)))
    assert store.delete_expired_logins(NOW + timedelta(minutes=16)) == 1
    assert store.take_login("hash") is None
    assert store.take_login("later") is not None


def test_idle_grants_are_found(store: Store) -> None:
    app_only = replace(CONNECTION, id="app-only", mode="application")
    store.save_connection("acme", app_only, GRANT)
    store.save_connection("acme", replace(CONNECTION, id="ended"), GRANT)
    store.disconnect("acme", replace(CONNECTION, id="ended", status=Status.DISCONNECTED))
    assert list(store.idle(NOW)) == []
    assert list(store.idle(NOW + timedelta(seconds=1))) == [("acme", "con-a")]


def test_audit_events_come_newest_first(store: Store) -> None:
    for kind in ("connected", "sign_in_refused", "disconnected"):
        store.record(AuditEvent(NOW, kind, "acme", "con-a", {"reason": "why"}))
    store.record(AuditEvent(NOW, "sign_in_refused"))
    store.record(AuditEvent(NOW, "connected", "an install that has gone"))
    events = store.audit("acme", 2)
    assert [event.kind for event in events] == ["disconnected", "sign_in_refused"]
    assert events[0] == AuditEvent(NOW, "disconnected", "acme", "con-a", {"reason": "why"})


def test_the_refresh_lock_lets_one_thread_in_at_a_time(store: Store) -> None:
    inside, most = 0, 0

    def renew() -> None:
        nonlocal inside, most
        with store.refresh_lock("con-a"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=renew) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_different_connections_are_renewed_side_by_side_and_stored_meanwhile(store: Store) -> None:
    with store.refresh_lock("con-a"), store.refresh_lock("con-b"):
        assert store.replace_grant("acme", CONNECTION, replace(GRANT, version=2), expected_version=1)


def _take_turns(url: str, log: str, times: int) -> None:
    store = SqlStore.open(url, Sealer([KEY]))
    for _ in range(times):
        with store.refresh_lock("con-a"):
            for word in ("in", "out"):
                with open(log, "a") as file:
                    file.write(f"{word}\n")
                time.sleep(0.01)
    store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_refresh_lock_holds_between_processes(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = (
        f"sqlite:///{tmp_path / 'store.sqlite3'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    log = tmp_path / "log"
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_take_turns, args=(url, str(log), 5)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert log.read_text().split() == ["in", "out"] * 10


def test_a_lease_that_a_dead_process_left_behind_runs_out(sqlite: SqlStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as database:
        database.execute("INSERT INTO refresh_leases VALUES ('con-a', 'dead', '2026-01-01 00:00:00.000000')")
        database.commit()
    with sqlite.refresh_lock("con-a"):
        pass


def test_no_secret_is_readable_in_the_database(sqlite: SqlStore, tmp_path: Path) -> None:
    sqlite.save_login("acme", LOGIN)
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as database:
        everything = "\n".join(database.iterdump())
    assert "con-a" in everything
    assert "canary" not in everything


def test_tokens_copied_to_another_row_do_not_open(sqlite: SqlStore, tmp_path: Path) -> None:
    sqlite.save_connection("globex", replace(CONNECTION, id="con-b", install_id="globex"), GRANT)
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as database:
        database.execute(
            "UPDATE grants SET sealed = (SELECT sealed FROM grants WHERE connection_id = 'con-a') "
            "WHERE connection_id = 'con-b'"
        )
        database.commit()
    with pytest.raises(SealBroken):
        sqlite.grant("globex", "con-b")
    assert sqlite.grant("acme", "con-a") == GRANT


def test_without_its_key_nothing_is_read_and_nothing_changed(sqlite: SqlStore, tmp_path: Path) -> None:
    other = SqlStore.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", Sealer([new_key()]))
    for read in (lambda: other.grant("acme", "con-a"), lambda: other.app("app"), other.rotate):
        with pytest.raises(SealBroken, match="M365_SECRET_KEYS"):
            read()
    other.close()
    assert sqlite.grant("acme", "con-a") == GRANT


def test_rotation_moves_every_secret_to_the_first_key(sqlite: SqlStore, tmp_path: Path) -> None:
    sqlite.save_login("acme", LOGIN)
    url, new = f"sqlite:///{tmp_path / 'store.sqlite3'}", new_key()
    with closing(SqlStore.open(url, Sealer([new, KEY]))) as both:
        assert both.rotate() == 4
    with closing(SqlStore.open(url, Sealer([new]))) as after:
        assert after.app("app") == APP
        assert after.grant("acme", "con-a") == GRANT
        assert after.take_login("hash") == LOGIN


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_make_exactly_the_tables(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    url = (
        f"sqlite:///{tmp_path / 'store.sqlite3'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    with closing(SqlStore.open(url, Sealer([KEY]))) as store, store._engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, metadata) == []


def test_a_database_of_a_newer_version_is_refused(sqlite: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with pytest.raises(SettingsError, match="newer version"):
        SqlStore.open(f"sqlite:///{path}", Sealer([KEY]))


def test_two_threads_that_open_a_new_database_both_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    failures: list[Exception] = []

    def open_it() -> None:
        try:
            SqlStore.open(url, Sealer([KEY])).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db", "SQLite or PostgreSQL"),
        ("sqlite://", "name a file"),
        ("not a url", "no database URL"),
        ("postgresql://user:canary-password@127.0.0.1:1/db?connect_timeout=1", "cannot be opened"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        SqlStore.open(url, Sealer([KEY]))
    assert "canary" not in str(refused.value)
    assert "M365_DATABASE_URL" in str(refused.value)


def test_the_file_of_a_new_database_is_closed_to_others(sqlite: SqlStore, tmp_path: Path) -> None:
    assert (tmp_path / "store.sqlite3").stat().st_mode & 0o077 == 0


def test_errors_of_the_store_are_errors_of_the_connector(store: Store) -> None:
    failing: list[Callable[[], object]] = [
        lambda: store.delete_app("app"),
        lambda: store.save_install(Install("x", "nobody", "app", "tid")),
        lambda: store.save_login("nobody", replace(LOGIN, install_id="nobody")),
    ]
    for act in failing:
        with pytest.raises(ConnectorError):
            act()
