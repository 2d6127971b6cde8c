"""Opening the database of the SQL store: engine, SQLite's manners, migrations, and the refresh lock."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection as Database
from sqlalchemy import Engine, create_engine, delete, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from connector.errors import NoAnswer, SettingsError
from connector.store.tables import REVISION, refresh_leases

LEASE_SECONDS = 120
"""Longer than a renewal can take, with its timeouts and attempts."""
_POLL_SECONDS = 0.02
_BUSY_SECONDS = 30
_MIGRATION_LOCK = 0x6D333635  # any number that no other user of this database takes


def open_engine(url: str) -> Engine:
    """An engine whose database has the tables of `connector.store.tables`.

    Raises SettingsError when the address is wrong, the database cannot be reached, or a newer version
    of the connector has changed it.
    """
    address = _address(url)
    try:
        if address.get_backend_name() == "sqlite":
            engine = _sqlite(address)
        else:
            engine = create_engine(address, hide_parameters=True, pool_pre_ping=True)
        _migrate(engine)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"M365_DATABASE_URL needs the Python module {error.name}, which is not installed. "
            "Install m365-connector[postgresql]."
        ) from None
    except OperationalError as error:
        raise SettingsError(
            f"The database {address.render_as_string(hide_password=True)} cannot be opened "
            f"({type(error.orig).__name__}). Check M365_DATABASE_URL, and that it is running and writable."
        ) from None
    return engine


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise SettingsError("M365_DATABASE_URL is no database URL; see the settings.") from None
    if address.drivername in ("postgres", "postgresql"):
        return address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError("M365_DATABASE_URL must name SQLite or PostgreSQL.")
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        raise SettingsError("M365_DATABASE_URL must name a file for SQLite.")
    return address


def _sqlite(address: URL) -> Engine:
    """SQLite with write-ahead log and foreign keys; a writing transaction takes its lock at the start.

    Otherwise two that read first and write later could not both finish, and one would fail at once.
    """
    path = Path(str(address.database))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    engine = create_engine(address, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Database) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_write_ahead_log(connection: Any) -> None:
    """Switch the file over, once. SQLite does not wait for its lock there as it does elsewhere, so of two
    processes that open a new file at the same moment one is told that it is busy."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)


def writing(engine: Engine) -> Engine:
    """The same engine, for transactions that write."""
    return engine.execution_options(writes=True)


def _migrate(engine: Engine) -> None:
    """Bring the tables up to date. Alembic is imported only where there is something to do."""
    with engine.connect() as connection:
        if _revision(connection) == REVISION:
            return
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if _revision(connection) != REVISION:
            _upgrade(connection)


def _revision(connection: Database) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Database) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise SettingsError(
            "The database was changed by a newer version of the connector. "
            "Run that version, or restore a backup from before."
        ) from None


class RefreshLocks:
    """One renewal per connection at a time, over threads and processes.

    PostgreSQL: an advisory lock, held by a database connection of its own, so that it ends with its
    process and waiting takes nothing from the pool. SQLite: a row with a lease, because a transaction
    that stayed open during the renewal would hold off every other writer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        if engine.dialect.name == "postgresql":
            self._own = create_engine(engine.url, hide_parameters=True, poolclass=NullPool)

    def hold(self, connection_id: str) -> AbstractContextManager[None]:
        """As `Store.refresh_lock`."""
        postgresql = self._engine.dialect.name == "postgresql"
        return self._advisory(connection_id) if postgresql else self._lease(connection_id)

    @contextmanager
    def _advisory(self, connection_id: str) -> Iterator[None]:
        with self._own.begin() as connection:
            try:
                connection.execute(text(f"SET LOCAL lock_timeout = '{LEASE_SECONDS}s'"))
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": connection_id}
                )
            except SQLAlchemyError:
                raise _too_long() from None
            yield

    @contextmanager
    def _lease(self, connection_id: str) -> Iterator[None]:
        holder = uuid4().hex
        give_up = time.monotonic() + LEASE_SECONDS
        while not self._acquire(connection_id, holder):
            if time.monotonic() > give_up:
                raise _too_long()
            time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            mine = (refresh_leases.c.connection_id == connection_id) & (refresh_leases.c.holder == holder)
            with writing(self._engine).begin() as connection:
                connection.execute(delete(refresh_leases).where(mine))

    def _acquire(self, connection_id: str, holder: str) -> bool:
        from sqlalchemy.dialects.sqlite import insert

        now = datetime.now(UTC)
        lease = {"holder": holder, "expires_at": now + timedelta(seconds=LEASE_SECONDS)}
        statement = insert(refresh_leases).values(connection_id=connection_id, **lease)
        statement = statement.on_conflict_do_update(
            index_elements=["connection_id"], set_=lease, where=refresh_leases.c.expires_at < now
        )
        with writing(self._engine).begin() as connection:
            return connection.execute(statement).rowcount == 1


def _too_long() -> NoAnswer:
    return NoAnswer(
        f"Another worker has been renewing this sign-in for over {LEASE_SECONDS} s. Try again in a minute."
    )
