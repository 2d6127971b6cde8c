"""The store in SQLite or PostgreSQL, by SQLAlchemy. Secrets are sealed before they reach a statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import Engine, Executable, Table, and_, delete, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from connector.errors import InvalidInput
from connector.store import rows, tables
from connector.store.crypto import Sealer
from connector.store.database import RefreshLocks, open_engine, writing
from connector.tenancy import Account, App, AuditEvent, Connection, Grant, Install, PendingLogin


class SqlStore:
    """`connector.store.Store` in a database. `SqlStore.open` makes one."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._writing = writing(engine)
        self._sealer = sealer
        self._locks = RefreshLocks(engine)

    @classmethod
    def open(cls, url: str, sealer: Sealer) -> SqlStore:
        """Open the database and bring its tables up to date. Raises SettingsError."""
        return cls(open_engine(url), sealer)

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def apps(self) -> Sequence[App]:
        with self._engine.begin() as database:
            return [self._app(database, row) for row in _all(database, select(tables.apps).order_by("id"))]

    def app(self, app_id: str) -> App | None:
        with self._engine.begin() as database:
            row = _row(database, tables.apps, id=app_id)
            return self._app(database, row) if row else None

    def save_app(self, app: App) -> None:
        with self._writing.begin() as database:
            _put(database, tables.apps, rows.app_row(app), "id")
            database.execute(delete(tables.credentials).where(tables.credentials.c.app_id == app.id))
            if app.credentials:
                database.execute(insert(tables.credentials), rows.credential_rows(app, self._sealer))

    def delete_app(self, app_id: str) -> None:
        try:
            with self._writing.begin() as database:
                database.execute(delete(tables.apps).where(tables.apps.c.id == app_id))
        except IntegrityError:
            raise InvalidInput("the app", [("id", "is used by installs; remove those first")]) from None

    def accounts(self) -> Sequence[Account]:
        with self._engine.begin() as database:
            found = _all(database, select(tables.accounts).order_by("id"))
        return [rows.account_of(row) for row in found]

    def account(self, account_id: str) -> Account | None:
        with self._engine.begin() as database:
            row = _row(database, tables.accounts, id=account_id)
        return rows.account_of(row) if row else None

    def save_account(self, account: Account) -> None:
        with self._writing.begin() as database:
            _put(database, tables.accounts, rows.account_row(account), "id")

    def delete_account(self, account_id: str) -> None:
        with self._writing.begin() as database:
            database.execute(delete(tables.accounts).where(tables.accounts.c.id == account_id))

    def installs(self, account_id: str | None = None) -> Sequence[Install]:
        query = select(tables.installs).order_by(tables.installs.c.id)
        if account_id is not None:
            query = query.where(tables.installs.c.account_id == account_id)
        with self._engine.begin() as database:
            return [rows.install_of(row) for row in _all(database, query)]

    def install(self, install_id: str) -> Install | None:
        with self._engine.begin() as database:
            row = _row(database, tables.installs, id=install_id)
        return rows.install_of(row) if row else None

    def save_install(self, install: Install) -> None:
        try:
            with self._writing.begin() as database:
                _put(database, tables.installs, rows.install_row(install), "id")
        except IntegrityError:
            problem = [("", "names an app or an account that is not there")]
            raise InvalidInput("the install", problem) from None

    def delete_install(self, install_id: str) -> None:
        with self._writing.begin() as database:
            database.execute(delete(tables.installs).where(tables.installs.c.id == install_id))

    def connections(self, install_id: str) -> Sequence[Connection]:
        table = tables.connections
        query = select(table).where(table.c.install_id == install_id).order_by(table.c.created_at, table.c.id)
        with self._engine.begin() as database:
            return [rows.connection_of(row) for row in _all(database, query)]

    def connection(self, install_id: str, connection_id: str) -> Connection | None:
        with self._engine.begin() as database:
            row = _row(database, tables.connections, install_id=install_id, id=connection_id)
        return rows.connection_of(row) if row else None

    def save_connection(self, install_id: str, connection: Connection, grant: Grant) -> None:
        if connection.install_id != install_id:
            raise _foreign("the connection")
        version = tables.grants.c.version
        sealed = rows.grant_row(install_id, connection.id, grant, self._sealer)
        try:
            with self._writing.begin() as database:
                _put(database, tables.connections, rows.connection_row(connection), "install_id", "id")
                newer = (
                    update(tables.grants)
                    .where(tables.grants.c.connection_id == connection.id)
                    .values(**{**sealed, "version": version + 1})
                )
                if not database.execute(newer).rowcount:
                    database.execute(insert(tables.grants).values(**sealed))
        except IntegrityError:
            raise _foreign("the connection") from None

    def mark(self, install_id: str, connection: Connection, *, grant_version: int) -> bool:
        grants = tables.grants.c
        unchanged = (
            select(literal(1))
            .where(grants.connection_id == connection.id, grants.version == grant_version)
            .exists()
        )
        with self._writing.begin() as database:
            return self._update_connection(database, install_id, connection, unchanged)

    def disconnect(self, install_id: str, connection: Connection) -> bool:
        with self._writing.begin() as database:
            if not self._update_connection(database, install_id, connection):
                return False
            database.execute(delete(tables.grants).where(tables.grants.c.connection_id == connection.id))
            return True

    def delete_connection(self, install_id: str, connection_id: str) -> bool:
        table = tables.connections
        statement = delete(table).where(table.c.install_id == install_id, table.c.id == connection_id)
        with self._writing.begin() as database:
            return database.execute(statement).rowcount == 1

    def grant(self, install_id: str, connection_id: str) -> Grant | None:
        query = (
            select(tables.grants)
            .join(tables.connections)
            .where(tables.connections.c.install_id == install_id, tables.connections.c.id == connection_id)
        )
        with self._engine.begin() as database:
            row = _first(database, query)
        return rows.grant_of(install_id, row, self._sealer) if row else None

    def replace_grant(
        self, install_id: str, connection: Connection, grant: Grant, *, expected_version: int
    ) -> bool:
        table = tables.grants
        mine = table.c.connection_id.in_(
            select(tables.connections.c.id).where(
                tables.connections.c.install_id == install_id, tables.connections.c.id == connection.id
            )
        )
        swap = update(table).where(mine, table.c.version == expected_version)
        row = rows.grant_row(install_id, connection.id, grant, self._sealer)
        with self._writing.begin() as database:
            if not database.execute(swap.values(**row)).rowcount:
                return False
            return self._update_connection(database, install_id, connection)

    def idle(self, before: datetime) -> Sequence[tuple[str, str]]:
        table = tables.connections
        query = (
            select(table.c.install_id, table.c.id)
            .join(tables.grants)
            .where(
                table.c.mode == "delegated",
                or_(table.c.last_refresh_at.is_(None), table.c.last_refresh_at < before),
            )
        )
        with self._engine.begin() as database:
            return [(install_id, connection_id) for install_id, connection_id in database.execute(query)]

    def refresh_lock(self, connection_id: str) -> AbstractContextManager[None]:
        return self._locks.hold(connection_id)

    def save_login(self, install_id: str, login: PendingLogin) -> None:
        if login.install_id != install_id:
            raise _foreign("the login")
        try:
            with self._writing.begin() as database:
                database.execute(insert(tables.logins).values(**rows.login_row(login, self._sealer)))
        except IntegrityError:
            raise _foreign("the login") from None

    def take_login(self, state_hash: str) -> PendingLogin | None:
        statement = delete(tables.logins).where(tables.logins.c.state_hash == state_hash)
        with self._writing.begin() as database:
            row = _first(database, statement.returning(*tables.logins.c))
        return rows.login_of(row, self._sealer) if row else None

    def delete_expired_logins(self, now: datetime) -> int:
        with self._writing.begin() as database:
            return database.execute(delete(tables.logins).where(tables.logins.c.expires_at < now)).rowcount

    def record(self, event: AuditEvent) -> None:
        with suppress(IntegrityError), self._writing.begin() as database:
            database.execute(insert(tables.audit_events).values(**rows.event_row(event)))

    def audit(self, install_id: str, limit: int = 100) -> Sequence[AuditEvent]:
        table = tables.audit_events
        query = select(table).where(table.c.install_id == install_id).order_by(table.c.id.desc()).limit(limit)
        with self._engine.begin() as database:
            return [rows.event_of(row) for row in _all(database, query)]

    def rotate(self) -> int:
        """Seal everything again with the first key; gives how many values.

        Safe beside running workers: a value that changes meanwhile was written with the first key
        already. Raises SealBroken at a value that does not open; what was done stays done.
        """
        grants, credentials, logins = tables.grants, tables.credentials, tables.logins
        with self._engine.begin() as database:
            tokens = _all(database, select(grants, tables.connections.c.install_id).join(tables.connections))
            proofs, pending = _all(database, select(credentials)), _all(database, select(logins))
        done = 0
        for row in tokens:
            done += self._reseal(grants, row, rows.grant_binding(row["install_id"], row["connection_id"]))
        for row in proofs:
            done += self._reseal(credentials, row, rows.credential_binding(row["app_id"], row["id"]))
        for row in pending:
            done += self._reseal(logins, row, rows.login_binding(row["install_id"], row["state_hash"]))
        return done

    def _reseal(self, table: Table, row: Mapping[str, Any], binding: str) -> int:
        same = [column == row[column.name] for column in table.primary_key]
        statement = update(table).where(and_(*same), table.c.sealed == row["sealed"])
        with self._writing.begin() as database:
            fresh = self._sealer.reseal(binding, row["sealed"])
            return database.execute(statement.values(sealed=fresh)).rowcount

    def _app(self, database: Database, row: Mapping[str, Any]) -> App:
        table = tables.credentials
        query = select(table).where(table.c.app_id == row["id"]).order_by(table.c.position)
        return rows.app_of(row, _all(database, query), self._sealer)

    def _update_connection(
        self, database: Database, install_id: str, connection: Connection, *conditions: Any
    ) -> bool:
        table = tables.connections
        mine = (table.c.install_id == install_id, table.c.id == connection.id)
        values = {**rows.connection_row(connection), "install_id": install_id}
        return database.execute(update(table).where(*mine, *conditions).values(**values)).rowcount == 1


def _all(database: Database, query: Executable) -> list[dict[str, Any]]:
    return [row._asdict() for row in database.execute(query)]


def _first(database: Database, query: Executable) -> dict[str, Any] | None:
    row = database.execute(query).first()
    return None if row is None else row._asdict()


def _row(database: Database, table: Table, **key: str) -> dict[str, Any] | None:
    return _first(database, select(table).where(*(table.c[name] == value for name, value in key.items())))


def _put(database: Database, table: Table, row: Mapping[str, Any], *key: str) -> None:
    """Update the row with this key, or insert it. Raises IntegrityError when its ID is taken elsewhere."""
    conditions = [table.c[name] == row[name] for name in key]
    if not database.execute(update(table).where(*conditions).values(**row)).rowcount:
        database.execute(insert(table).values(**row))


def _foreign(subject: str) -> InvalidInput:
    return InvalidInput(subject, [("install_id", "is not the install it belongs to, or is not there")])
