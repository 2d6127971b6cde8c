"""What Entra remembers of sign-ins: codes, refresh tokens, device logins, sessions, errors armed by tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .aadsts import EntraError
from .state import World

Place = Literal["authorize", "token", "devicecode", "adminconsent"]


@dataclass(slots=True)
class AuthorizationCode:
    """An authorization code and all that its redemption has to repeat."""

    segment: str
    tenant_id: str
    user_id: str
    app_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    challenge_method: str
    nonce: str | None
    wants_client_info: bool
    declares_cp1: bool
    expires_at: datetime
    redeemed: bool = False


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; bound to a user and an app, not to a company."""

    tenant_id: str
    user_id: str
    app_id: str
    scopes: tuple[str, ...]
    signed_in_at: datetime
    expires_at: datetime
    revoked: bool = False


@dataclass(slots=True)
class DeviceLogin:
    """A device login; `user_id` is set once somebody approved it."""

    device_code: str
    user_code: str
    segment: str
    app_id: str
    scopes: tuple[str, ...]
    expires_at: datetime
    interval_seconds: int
    polled_at: datetime | None = None
    state: Literal["pending", "approved", "declined", "used"] = "pending"
    tenant_id: str = ""
    user_id: str = ""


@dataclass(slots=True)
class ArmedError:
    """An error that a test ordered for the next requests that fit."""

    place: Place
    code: int
    times: int = 1
    text: str = "Ordered through the control endpoint."
    error: str = ""
    status: int = 0
    suberror: str = ""
    claims: str = ""
    grant_type: str = ""
    app: str = ""
    tenant: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    as_page: bool = False
    """At authorize: show a page instead of calling back."""
    raw_body: str | None = None
    """Answer this text instead of JSON, e.g. a proxy's HTML page."""


@dataclass(slots=True)
class Entra:
    """All of it, for one world."""

    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    devices: dict[str, DeviceLogin] = field(default_factory=dict)
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Signed-in browsers: session cookie to company and user."""
    sign_ins: dict[str, Any] = field(default_factory=dict)
    """Sign-ins under way, by id."""
    armed: list[ArmedError] = field(default_factory=list)

    def strike(
        self, place: Place, *, app: str = "", tenant: str = "", grant_type: str = ""
    ) -> ArmedError | None:
        """The armed error that fits this request, counted down; None when there is none."""
        for error in self.armed:
            wanted = ((error.app, app), (error.tenant, tenant), (error.grant_type, grant_type))
            if error.place == place and all(not asked or asked == given for asked, given in wanted):
                error.times -= 1
                if error.times <= 0:
                    self.armed.remove(error)
                return error
        return None


def entra_of(world: World) -> Entra:
    """What Entra remembers in this world."""
    return world.part("entra", Entra)


def as_error(armed: ArmedError) -> EntraError:
    """The error that was ordered."""
    return EntraError(
        armed.code, armed.text, armed.error, armed.status, armed.suberror, armed.claims, dict(armed.headers)
    )
