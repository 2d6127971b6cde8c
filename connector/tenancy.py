"""The nouns of tenancy: App, Account, Install, Connection, Grant, and what surrounds a sign-in.

From the platform down: an App is one registration at Entra ID; an Account is a customer of the
platform; an Install is the connector in an account, bound to one tenant; a Connection is one
signed-in user of an install, or the app itself; a Grant is the tokens of a connection.

Plain values only. Keeping them is `connector.store`, making them `connector.auth`. Times are aware
UTC. A repr never shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from connector.errors import InvalidInput

Mode = Literal["delegated", "application"]
Decision = Literal["approved", "refused"]
Purpose = Literal["sign_in", "admin_consent"]


class Status(StrEnum):
    """How a connection stands, and so whose turn it is."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    DEGRADED = "degraded"
    """Signed in, but permissions are missing."""
    RECONNECT_REQUIRED = "reconnect_required"
    """The user must sign in again."""
    WRONG_ACCOUNT = "wrong_account"
    """The sign-in belongs to another tenant, cloud or user."""
    BLOCKED = "blocked"
    """The platform's operator must act: the app or its credential is wrong."""
    DISCONNECTED = "disconnected"
    ADMIN_ACTION = "admin_action"
    """An administrator of the customer must act."""


class AdminConsent(StrEnum):
    """What is known of a tenant-wide consent."""

    NONE = "none"
    CLAIMED = "claimed"
    """The consent page came back with success. Anyone can forge that address, so it proves nothing."""
    VERIFIED = "verified"
    """A token of that tenant showed it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What an app proves itself with: a secret, or a certificate and its private key in one PEM text.

    `algorithm` signs the assertion of a certificate; RS256 is for authorities that know no PS256.
    Raises InvalidInput unless exactly one of the two is given.
    """

    id: str
    secret: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    algorithm: Literal["PS256", "RS256"] = "PS256"
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if bool(self.secret) == bool(self.certificate):
            raise InvalidInput("the credential", [("", "give either a secret or a certificate, not both")])

    @property
    def kind(self) -> Literal["secret", "certificate"]:
        """What sort of credential it is."""
        return "secret" if self.secret else "certificate"


@dataclass(frozen=True, slots=True)
class App:
    """One app registration at Entra ID; there is one per national cloud.

    Two credentials may live side by side while one replaces the other. None makes a public client,
    which signs users in by device code or on a loopback address.
    """

    id: str
    client_id: str
    cloud: str = "global"
    mode: Mode = "delegated"
    label: str = ""
    redirect_uri: str | None = None
    credentials: tuple[Credential, ...] = ()

    def __post_init__(self) -> None:
        if len(self.credentials) > 2:
            raise InvalidInput("the app", [("credentials", "two can live at once: remove one first")])


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A user of an account asked for the connector to be turned on there."""

    requester: str
    requested_at: datetime
    reason: str = ""
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the platform. The connector is off until an admin of the account turns it on."""

    id: str
    label: str = ""
    enabled: bool = False
    requests: tuple[AccessRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Install:
    """The connector in an account. `tenant_id` is a GUID: the only thing that changes the authority."""

    id: str
    account_id: str
    app_id: str
    tenant_id: str
    services: tuple[str, ...] = ()
    label: str = ""
    admin_consent: AdminConsent = AdminConsent.NONE


@dataclass(frozen=True, slots=True)
class Connection:
    """One signed-in user of an install, or the app itself (`mode` application).

    (`tenant_id`, `user_id`) is who it is: Entra's `tid` and `oid`. User name and display name are
    for people to read and change at any time. `wanted` was asked for, `granted` is what the last
    token carries, `missing` what of `wanted` it does not cover. `aadsts` and `claims` come from the
    last refusal: its number, and what the next sign-in must pass on.
    """

    id: str
    install_id: str
    created_at: datetime
    mode: Mode = "delegated"
    status: Status = Status.NOT_CONNECTED
    tenant_id: str | None = None
    user_id: str | None = None
    username: str | None = None
    display_name: str | None = None
    wanted: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    last_refresh_at: datetime | None = None
    aadsts: int | None = None
    claims: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens of a connection.

    `refresh_at` is when the access token should be renewed, some time before `expires_at`.
    `version` grows by one with every renewal, so that of two writers one wins.
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A sign-in, or an admin consent, that was started and has not come back.

    Only the hash of `state` is kept, so that the rows cannot complete a sign-in by themselves.
    `browser_hash` binds it to one browser; `connection_id` is the connection to reconnect.
    """

    state_hash: str
    install_id: str
    purpose: Purpose
    redirect_uri: str
    expires_at: datetime
    scopes: tuple[str, ...] = ()
    code_verifier: str = field(default="", repr=False)
    nonce: str = field(default="", repr=False)
    browser_hash: str | None = field(default=None, repr=False)
    connection_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened to a sign-in. `facts` holds plain words, never a secret."""

    at: datetime
    kind: str
    install_id: str | None = None
    connection_id: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
