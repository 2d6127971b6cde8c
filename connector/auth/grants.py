"""Access tokens for connections: from memory where possible, else renewed, once, and kept.

A token is looked up in a dictionary, checked against the store every second, and renewed some time
before it ends. Threads of one process renew one after another, processes by the store's lock; what
was renewed is stored before it is used, and only over the version that it came from. A refusal is
looked at twice (another worker may have renewed), then decides where the connection stands.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from connector.auth import aadsts
from connector.auth.aadsts import Refusal, RefusedByEntra
from connector.auth.cooldown import Cooldowns
from connector.auth.entra import Entra
from connector.auth.scopes import Permissions, granted, missing
from connector.auth.tokens import Tokens
from connector.errors import AuthError, ConnectorError, NoAnswer, NotConnected, SignInRefused
from connector.store import Store
from connector.tenancy import App, Connection, Grant, Install, Status

log = logging.getLogger(__name__)

_TRUST_SECONDS = 1.0
_REPEAT_SECONDS = 60.0
_LOOP_SECONDS = 300.0
_DEFAULT_RETRY_SECONDS = 5.0
_SIGN_IN_AGAIN = (Status.NOT_CONNECTED, Status.RECONNECT_REQUIRED, Status.WRONG_ACCOUNT, Status.DISCONNECTED)

_Key = tuple[str, str]


@dataclass(slots=True)
class _Held:
    """A token in memory: good without looking until `until`, a time of `Grants._monotonic`."""

    access_token: str
    version: int
    until: float


@dataclass(frozen=True, slots=True)
class KeptAlive:
    """What `refresh_idle` did: how many grants it renewed, and which failed, by connection ID."""

    renewed: int
    failed: dict[str, ConnectorError]


class Grants:
    """The token source of the connector. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        entra: Entra,
        permissions: Permissions,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._entra = entra
        self._permissions = permissions
        self._clock = entra.clock
        self._monotonic = monotonic
        self._cooldowns = Cooldowns(monotonic)
        self._held: dict[_Key, _Held] = {}
        self._flights: dict[_Key, threading.Lock] = {}
        self._given = threading.local()

    def token(
        self, install_id: str, connection_id: str, *, renew: bool = False, claims: str | None = None
    ) -> str:
        """A valid access token of the connection.

        `renew`: Graph refused the token that this thread got last; `claims` is the JSON text of its
        challenge. Raises NotConnected, ConsentRequired or AppMisconfigured by who must act, Unavailable
        or NoAnswer when Entra ID cannot be asked.
        """
        key = (install_id, connection_id)
        held = self._held.get(key)
        if held is None or renew or claims or self._monotonic() >= held.until:
            held = self._look(key, renew=renew or claims is not None, claims=claims)
        self._versions[key] = held.version
        return held.access_token

    def forget(self, install_id: str, connection_id: str) -> None:
        """Drop what is in memory: the connection was disconnected, or signed in again."""
        self._held.pop((install_id, connection_id), None)
        self._cooldowns.clear(connection_id)

    def refresh_idle(self, older_than: timedelta) -> KeptAlive:
        """Renew every grant that was idle for so long: Entra ID lets them die after 90 days."""
        renewed, failed = 0, {}
        for install_id, connection_id in self._store.idle(self._clock.now() - older_than):
            try:
                self.token(install_id, connection_id, renew=True)
                renewed += 1
            except ConnectorError as error:
                failed[connection_id] = error
        return KeptAlive(renewed, failed)

    @property
    def _versions(self) -> dict[_Key, int]:
        """Which version of each grant this thread was given last."""
        versions: dict[_Key, int] | None = getattr(self._given, "versions", None)
        if versions is None:
            versions = self._given.versions = {}
        return versions

    def _look(self, key: _Key, *, renew: bool, claims: str | None) -> _Held:
        """The token as the store has it, or a new one; one thread at a time per connection."""
        refused_version = self._versions.get(key) if renew else None
        with self._flight(key):
            connection, grant = self._read(key)
            if not self._is_due(grant, renew, refused_version):
                return self._hold(key, grant)
            with self._store.refresh_lock(key[1]):
                connection, grant = self._read(key)
                if not self._is_due(grant, renew, refused_version):
                    return self._hold(key, grant)
                return self._hold(key, self._renewed(key, connection, grant, forced=renew, claims=claims))

    def _is_due(self, grant: Grant, renew: bool, refused_version: int | None) -> bool:
        """Whether to renew: asked to and nobody did since, or its time has come."""
        if renew and (refused_version is None or refused_version == grant.version):
            return True
        return self._clock.now() >= grant.refresh_at

    def _flight(self, key: _Key) -> AbstractContextManager[bool]:
        return self._flights.setdefault(key, threading.Lock())

    def _hold(self, key: _Key, grant: Grant) -> _Held:
        now = self._clock.now()
        end = grant.refresh_at if now < grant.refresh_at else grant.expires_at
        left = (end - now).total_seconds()
        held = _Held(grant.access_token, grant.version, self._monotonic() + min(left, _TRUST_SECONDS))
        self._held[key] = held
        return held

    def _read(self, key: _Key) -> tuple[Connection, Grant]:
        connection = self._store.connection(*key)
        grant = self._store.grant(*key)
        if connection is None or grant is None or connection.status in _SIGN_IN_AGAIN:
            self._held.pop(key, None)
            raise _not_connected(connection)
        return connection, grant

    def _renewed(
        self, key: _Key, connection: Connection, grant: Grant, *, forced: bool, claims: str | None
    ) -> Grant:
        """The grant after a renewal by us or, when it was faster, by another worker."""
        install, app = self._registration(key[0])
        try:
            tokens = self._ask(app, install, connection, grant, claims)
        except RefusedByEntra as refused:
            newer = self._store.grant(*key)
            if refused.refusal.error == "invalid_grant" and newer and newer.version != grant.version:
                return newer
            return self._after_refusal(app, install, connection, grant, refused.refusal, forced, claims)
        except NoAnswer:
            self._cooldowns.hold(connection.id, _DEFAULT_RETRY_SECONDS, aadsts.of_answer(504, {}, b""))
            if forced or self._clock.now() >= grant.expires_at:
                raise
            return grant
        return self._keep(key, app, connection, grant, tokens)

    def _registration(self, install_id: str) -> tuple[Install, App]:
        install = self._store.install(install_id)
        app = self._store.app(install.app_id) if install else None
        if install is None or app is None:
            raise NotConnected("The install of this connection has gone. Install the connector again.")
        return install, app

    def _ask(
        self, app: App, install: Install, connection: Connection, grant: Grant, claims: str | None
    ) -> Tokens:
        paused = self._cooldowns.find(*_keys(app, install, connection, grant, claims))
        if paused is not None:
            raise RefusedByEntra(paused)
        if connection.mode == "application":
            return self._entra.app_tokens(app, install.tenant_id, claims=claims)
        if grant.refresh_token is None:
            raise NotConnected("No refresh token is kept for this connection. Sign in again.", who="user")
        return self._entra.refresh(app, install.tenant_id, grant.refresh_token, claims=claims)

    def _keep(self, key: _Key, app: App, connection: Connection, grant: Grant, tokens: Tokens) -> Grant:
        """Store the new tokens before anyone uses them; a loser takes what the winner stored."""
        try:
            self._entra.same_user(str(connection.tenant_id), connection.user_id, tokens)
        except SignInRefused as refused:
            if refused.state:
                wrong = replace(connection, status=Status(refused.state))
                self._store.mark(key[0], wrong, grant_version=grant.version)
            raise
        scopes = granted(tokens.scope, self._entra.graph(app), self._permissions) or grant.scopes
        lacking = missing(scopes, connection.wanted, self._permissions)
        fresh = tokens.grant(scopes, version=grant.version + 1)
        renewed = replace(
            connection,
            status=Status.DEGRADED if lacking else Status.CONNECTED,
            granted=scopes,
            missing=lacking,
            last_refresh_at=tokens.issued_at,
            aadsts=None,
            claims=None,
        )
        if self._store.replace_grant(key[0], renewed, fresh, expected_version=grant.version):
            self._cooldowns.clear(connection.id, _app_key(app))
            return fresh
        return self._read(key)[1]

    def _after_refusal(
        self,
        app: App,
        install: Install,
        connection: Connection,
        grant: Grant,
        refusal: Refusal,
        forced: bool,
        claims: str | None,
    ) -> Grant:
        """Pause, mark the connection, and raise; a token that is still good outlasts faults of others."""
        is_news = self._pause(app, install, connection, grant, refusal, claims)
        if is_news and (refusal.kind == "operator" or refusal.aadsts == aadsts.LOOP_DETECTED):
            log.critical("The app %s is refused by Entra ID: %s", app.id, refusal.message)
        if refusal.state is not None:
            marked = replace(
                connection, status=refusal.state, aadsts=refusal.aadsts, claims=refusal.claims or claims
            )
            if marked != connection:
                self._store.mark(install.id, marked, grant_version=grant.version)
                log.warning("Connection %s is now %s: %s", connection.id, refusal.state, refusal.message)
        is_theirs = refusal.kind in ("retry", "operator", "defect")
        if is_theirs and not forced and self._clock.now() < grant.expires_at:
            return grant
        raise aadsts.as_error(refusal)

    def _pause(
        self,
        app: App,
        install: Install,
        connection: Connection,
        grant: Grant,
        refusal: Refusal,
        claims: str | None,
    ) -> bool:
        """No second attempt for a while; False when it was paused already."""
        keys = _keys(app, install, connection, grant, claims)
        if self._cooldowns.find(*keys):
            return False
        if refusal.aadsts == aadsts.LOOP_DETECTED:
            return self._cooldowns.hold(_tenant_key(app, install), _LOOP_SECONDS, refusal)
        if refusal.kind == "operator":
            return self._cooldowns.hold(_app_key(app), _REPEAT_SECONDS, refusal)
        if refusal.kind == "retry":
            seconds = refusal.retry_after_seconds or _DEFAULT_RETRY_SECONDS
            return self._cooldowns.hold(connection.id, seconds, refusal)
        return self._cooldowns.hold(keys[0], _REPEAT_SECONDS, refusal)


def _keys(
    app: App, install: Install, connection: Connection, grant: Grant, claims: str | None
) -> tuple[Hashable, ...]:
    """What can be paused: this very request, the connection, the app at this tenant, the app."""
    return (
        (connection.id, grant.version, claims),
        connection.id,
        _tenant_key(app, install),
        _app_key(app),
    )


def _tenant_key(app: App, install: Install) -> Hashable:
    return ("tenant", app.id, install.tenant_id)


def _app_key(app: App) -> Hashable:
    """An app as it proves itself now: a new credential makes it another one."""
    return ("app", app.client_id, tuple((each.id, each.secret, each.certificate) for each in app.credentials))


def _not_connected(connection: Connection | None) -> AuthError:
    if connection is None or connection.status is Status.DISCONNECTED:
        return NotConnected("This connection was disconnected. Connect again.", who="user")
    number = f" (AADSTS{connection.aadsts})" if connection.aadsts else ""
    return NotConnected(
        f"This connection needs a new sign-in{number}. Sign in again to go on where it stopped.",
        aadsts=connection.aadsts,
        who="user",
    )
