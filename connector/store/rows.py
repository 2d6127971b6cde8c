"""Between the values of `connector.tenancy` and the rows of `connector.store.tables`.

The only place that knows which columns are sealed, and to what: a binding is the purpose and the
identity of the row, install first where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from connector.store.crypto import Sealer
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

Row = Mapping[str, Any]


def grant_binding(install_id: str, connection_id: str) -> str:
    """What the tokens of a connection are sealed to."""
    return _binding("grant", install_id, connection_id)


def credential_binding(app_id: str, credential_id: str) -> str:
    """What a credential of an app is sealed to."""
    return _binding("credential", app_id, credential_id)


def login_binding(install_id: str, state_hash: str) -> str:
    """What the secrets of a pending login are sealed to."""
    return _binding("login", install_id, state_hash)


def _binding(purpose: str, *identity: str) -> str:
    """Unambiguous whatever the IDs contain."""
    return f"{purpose}/{json.dumps(identity)}"


def app_row(app: App) -> dict[str, Any]:
    """The columns of an app, its credentials apart."""
    return {
        "id": app.id,
        "client_id": app.client_id,
        "cloud": app.cloud,
        "mode": app.mode,
        "label": app.label,
        "redirect_uri": app.redirect_uri,
    }


def credential_rows(app: App, sealer: Sealer) -> list[dict[str, Any]]:
    """One row per credential, in order."""
    return [
        {
            "app_id": app.id,
            "id": credential.id,
            "position": position,
            "kind": credential.kind,
            "algorithm": credential.algorithm,
            "expires_at": credential.expires_at,
            "sealed": sealer.seal(
                credential_binding(app.id, credential.id),
                (credential.secret or credential.certificate or "").encode(),
            ),
        }
        for position, credential in enumerate(app.credentials)
    ]


def app_of(row: Row, credentials: Sequence[Row], sealer: Sealer) -> App:
    """The app of a row and the rows of its credentials."""
    return App(**row, credentials=tuple(_credential(each, sealer) for each in credentials))


def _credential(row: Row, sealer: Sealer) -> Credential:
    value = sealer.open(credential_binding(row["app_id"], row["id"]), row["sealed"]).decode()
    return Credential(
        id=row["id"],
        secret=value if row["kind"] == "secret" else None,
        certificate=value if row["kind"] == "certificate" else None,
        algorithm=row["algorithm"],
        expires_at=row["expires_at"],
    )


def account_row(account: Account) -> dict[str, Any]:
    """The columns of an account."""
    requests = [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(each).items()
        }
        for each in account.requests
    ]
    return {"id": account.id, "label": account.label, "enabled": account.enabled, "requests": requests}


def account_of(row: Row) -> Account:
    """The account of a row."""
    requests = tuple(
        AccessRequest(
            **{
                **each,
                "requested_at": datetime.fromisoformat(each["requested_at"]),
                "decided_at": datetime.fromisoformat(each["decided_at"]) if each["decided_at"] else None,
            }
        )
        for each in row["requests"]
    )
    return Account(**{**row, "requests": requests})


def install_row(install: Install) -> dict[str, Any]:
    """The columns of an install."""
    return {
        **asdict(install),
        "services": list(install.services),
        "admin_consent": install.admin_consent.value,
    }


def install_of(row: Row) -> Install:
    """The install of a row."""
    return Install(
        **{**row, "services": tuple(row["services"]), "admin_consent": AdminConsent(row["admin_consent"])}
    )


_SCOPE_COLUMNS = ("wanted", "granted", "missing")


def connection_row(connection: Connection) -> dict[str, Any]:
    """The columns of a connection."""
    lists = {name: list(getattr(connection, name)) for name in _SCOPE_COLUMNS}
    return {**asdict(connection), **lists, "status": connection.status.value}


def connection_of(row: Row) -> Connection:
    """The connection of a row."""
    lists = {name: tuple(row[name]) for name in _SCOPE_COLUMNS}
    return Connection(**{**row, **lists, "status": Status(row["status"])})


def grant_row(install_id: str, connection_id: str, grant: Grant, sealer: Sealer) -> dict[str, Any]:
    """The columns of the tokens."""
    tokens = json.dumps([grant.access_token, grant.refresh_token]).encode()
    return {
        "connection_id": connection_id,
        "version": grant.version,
        "expires_at": grant.expires_at,
        "refresh_at": grant.refresh_at,
        "scopes": list(grant.scopes),
        "sealed": sealer.seal(grant_binding(install_id, connection_id), tokens),
    }


def grant_of(install_id: str, row: Row, sealer: Sealer) -> Grant:
    """The tokens of a row."""
    access, refresh = json.loads(sealer.open(grant_binding(install_id, row["connection_id"]), row["sealed"]))
    return Grant(
        access_token=access,
        refresh_token=refresh,
        expires_at=row["expires_at"],
        refresh_at=row["refresh_at"],
        scopes=tuple(row["scopes"]),
        version=row["version"],
    )


def login_row(login: PendingLogin, sealer: Sealer) -> dict[str, Any]:
    """The columns of a pending login."""
    secrets = json.dumps([login.code_verifier, login.nonce, login.browser_hash]).encode()
    return {
        "state_hash": login.state_hash,
        "install_id": login.install_id,
        "purpose": login.purpose,
        "redirect_uri": login.redirect_uri,
        "scopes": list(login.scopes),
        "expires_at": login.expires_at,
        "connection_id": login.connection_id,
        "sealed": sealer.seal(login_binding(login.install_id, login.state_hash), secrets),
    }


def login_of(row: Row, sealer: Sealer) -> PendingLogin:
    """The pending login of a row."""
    binding = login_binding(row["install_id"], row["state_hash"])
    verifier, nonce, browser = json.loads(sealer.open(binding, row["sealed"]))
    plain = {name: value for name, value in row.items() if name != "sealed"}
    login = PendingLogin(**{**plain, "scopes": tuple(row["scopes"])})
    return replace(login, code_verifier=verifier, nonce=nonce, browser_hash=browser)


def event_row(event: AuditEvent) -> dict[str, Any]:
    """The columns of an audit event."""
    return {**asdict(event), "facts": dict(event.facts)}


def event_of(row: Row) -> AuditEvent:
    """The audit event of a row."""
    return AuditEvent(**{name: value for name, value in row.items() if name != "id"})
