"""What the token endpoint gives, read leniently: tokens, their permissions, and when to renew them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests

from connector.auth.aadsts import RefusedByEntra, of_answer
from connector.auth.clock import ServerClock
from connector.tenancy import Grant

_MARGIN_SECONDS = 300
_UNKNOWN_LIFETIME_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Tokens:
    """One answer of the token endpoint."""

    access_token: str = field(repr=False)
    scope: str
    issued_at: datetime
    lifetime_seconds: float
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)

    def grant(self, scopes: tuple[str, ...], *, version: int = 1) -> Grant:
        """The tokens as they are kept.

        Renewal is due five minutes, or a tenth of the lifetime, before the end, and never before half of it.
        """
        margin = min(max(_MARGIN_SECONDS, self.lifetime_seconds / 10), self.lifetime_seconds / 2)
        expires_at = self.issued_at + timedelta(seconds=self.lifetime_seconds)
        return Grant(
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            expires_at=expires_at,
            refresh_at=expires_at - timedelta(seconds=margin),
            scopes=scopes,
            version=version,
        )


def checked(response: requests.Response) -> dict[str, Any]:
    """The fields of a token answer, with a lifetime that is a whole number of seconds.

    Raises RefusedByEntra for anything else, an answer with status 200 that is no token included.
    """
    fields = None
    if response.status_code == 200:
        try:
            fields = json.loads(response.content)
        except ValueError:
            fields = None
    if not isinstance(fields, dict) or not isinstance(fields.get("access_token"), str):
        raise RefusedByEntra(of_answer(response.status_code, response.headers, response.content))
    return {**fields, "expires_in": _lifetime(fields.get("expires_in"))}


def tokens_of(fields: Mapping[str, Any], clock: ServerClock) -> Tokens:
    """The tokens in a checked answer that has just come."""
    scope = fields.get("scope")
    return Tokens(
        access_token=fields["access_token"],
        refresh_token=fields.get("refresh_token") or None,
        id_token=fields.get("id_token") or None,
        scope=scope if isinstance(scope, str) else " ".join(scope or ()),
        issued_at=clock.now(),
        lifetime_seconds=float(fields["expires_in"]),
    )


def _lifetime(value: object) -> int:
    """`expires_in` comes as a number, from some proxies as text."""
    try:
        seconds = int(float(str(value)))
    except (ValueError, OverflowError):
        return _UNKNOWN_LIFETIME_SECONDS
    return seconds if seconds > 0 else _UNKNOWN_LIFETIME_SECONDS
