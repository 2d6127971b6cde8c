"""The tables of the SQL store. Times are UTC; what is sealed says so in its name.

`REVISION` is the migration that makes exactly these tables: change both together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

REVISION = "0001"


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept as UTC; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _belongs_to(parent: str, **options: Any) -> Column[str]:
    name = f"{parent.removesuffix('s')}_id"
    return Column(name, String, ForeignKey(f"{parent}.id", ondelete="CASCADE"), nullable=False, **options)


metadata = MetaData()

apps = Table(
    "apps",
    metadata,
    Column("id", String, primary_key=True),
    Column("client_id", String, nullable=False),
    Column("cloud", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("label", Text, nullable=False),
    Column("redirect_uri", Text),
)
credentials = Table(
    "credentials",
    metadata,
    _belongs_to("apps", primary_key=True),
    Column("id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("algorithm", String, nullable=False),
    Column("expires_at", UtcTime),
    Column("sealed", Text, nullable=False),
)
accounts = Table(
    "accounts",
    metadata,
    Column("id", String, primary_key=True),
    Column("label", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("requests", JSON, nullable=False),
)
installs = Table(
    "installs",
    metadata,
    Column("id", String, primary_key=True),
    _belongs_to("accounts", index=True),
    Column("app_id", String, ForeignKey("apps.id"), nullable=False),
    Column("tenant_id", String, nullable=False),
    Column("services", JSON, nullable=False),
    Column("label", Text, nullable=False),
    Column("admin_consent", String, nullable=False),
)
connections = Table(
    "connections",
    metadata,
    Column("id", String, primary_key=True),
    _belongs_to("installs"),
    Column("created_at", UtcTime, nullable=False),
    Column("mode", String, nullable=False),
    Column("status", String, nullable=False),
    Column("tenant_id", String),
    Column("user_id", String),
    Column("username", Text),
    Column("display_name", Text),
    Column("wanted", JSON, nullable=False),
    Column("granted", JSON, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("last_refresh_at", UtcTime),
    Column("aadsts", Integer),
    Column("claims", Text),
    Index("connections_by_install", "install_id", "created_at"),
)
grants = Table(
    "grants",
    metadata,
    _belongs_to("connections", primary_key=True),
    Column("version", Integer, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("refresh_at", UtcTime, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("sealed", Text, nullable=False),
)
refresh_leases = Table(
    "refresh_leases",
    metadata,
    Column("connection_id", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)
logins = Table(
    "logins",
    metadata,
    Column("state_hash", String, primary_key=True),
    _belongs_to("installs", index=True),
    Column("purpose", String, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("connection_id", String),
    Column("sealed", Text, nullable=False),
)
audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("install_id", String, ForeignKey("installs.id", ondelete="CASCADE"), index=True),
    Column("connection_id", String),
    Column("facts", JSON, nullable=False),
)
