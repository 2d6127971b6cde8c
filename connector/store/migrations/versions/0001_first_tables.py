"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "apps",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("cloud", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("redirect_uri", sa.Text),
    )
    op.create_table(
        "credentials",
        sa.Column("app_id", sa.String, sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("algorithm", sa.String, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("requests", sa.JSON, nullable=False),
    )
    op.create_table(
        "installs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("account_id", sa.String, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("app_id", sa.String, sa.ForeignKey("apps.id"), nullable=False),
        sa.Column("tenant_id", sa.String, nullable=False),
        sa.Column("services", sa.JSON, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("admin_consent", sa.String, nullable=False),
    )
    op.create_index("ix_installs_account_id", "installs", ["account_id"])
    op.create_table(
        "connections",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("install_id", sa.String, sa.ForeignKey("installs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("tenant_id", sa.String),
        sa.Column("user_id", sa.String),
        sa.Column("username", sa.Text),
        sa.Column("display_name", sa.Text),
        sa.Column("wanted", sa.JSON, nullable=False),
        sa.Column("granted", sa.JSON, nullable=False),
        sa.Column("missing", sa.JSON, nullable=False),
        sa.Column("last_refresh_at", _TIME),
        sa.Column("aadsts", sa.Integer),
        sa.Column("claims", sa.Text),
    )
    op.create_index("connections_by_install", "connections", ["install_id", "created_at"])
    op.create_table(
        "grants",
        sa.Column(
            "connection_id", sa.String, sa.ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("refresh_at", _TIME, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_table(
        "refresh_leases",
        sa.Column("connection_id", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_table(
        "logins",
        sa.Column("state_hash", sa.String, primary_key=True),
        sa.Column("install_id", sa.String, sa.ForeignKey("installs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("connection_id", sa.String),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_index("ix_logins_install_id", "logins", ["install_id"])
    op.create_index("ix_logins_expires_at", "logins", ["expires_at"])
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("install_id", sa.String, sa.ForeignKey("installs.id", ondelete="CASCADE")),
        sa.Column("connection_id", sa.String),
        sa.Column("facts", sa.JSON, nullable=False),
    )
    op.create_index("ix_audit_events_install_id", "audit_events", ["install_id"])


def downgrade() -> None:
    """Drop every table, children first."""
    for table in (
        "audit_events",
        "logins",
        "refresh_leases",
        "grants",
        "connections",
        "installs",
        "accounts",
        "credentials",
        "apps",
    ):
        op.drop_table(table)
