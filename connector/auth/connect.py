"""Connecting: sign-in in a browser, on another device, as the app itself, and an administrator's consent.

One service for the command line and the web. A sign-in that was begun is a row with a short life;
the browser carries only its state, which is good once. What comes back is believed after the
id_token has been validated: who it is (tenant and user ID), never by address or name. A sign-in
that is refused stores nothing and leaves an older connection as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from connector.auth import aadsts
from connector.auth.aadsts import Refusal, RefusedByEntra
from connector.auth.audit import Audit
from connector.auth.entra import DeviceCode, Entra
from connector.auth.grants import Grants
from connector.auth.id_token import Identity
from connector.auth.logins import Logins
from connector.auth.scopes import Permissions, asked, granted, missing
from connector.auth.tokens import Tokens
from connector.errors import ConnectorError, SignInRefused, UsageError
from connector.store import Store
from connector.tenancy import (
    AdminConsent,
    App,
    Connection,
    Install,
    Mode,
    PendingLogin,
    Status,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoginStart:
    """Where to send the browser. `state` comes back with it, until `expires_at`."""

    url: str
    state: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """A sign-in on another device: what to show the user, and what `finish_device` needs."""

    install_id: str
    code: DeviceCode
    scopes: tuple[str, ...]
    connection_id: str | None = None


class Connect:
    """Makes, renews and ends connections."""

    def __init__(
        self,
        store: Store,
        entra: Entra,
        grants: Grants,
        permissions: Permissions,
        *,
        base_scopes: Iterable[str],
        lifetime: timedelta = timedelta(minutes=15),
    ) -> None:
        """`base_scopes` go with every sign-in of a user; `lifetime` is how long a sign-in may take."""
        self._store = store
        self._entra = entra
        self._grants = grants
        self._permissions = permissions
        self._base_scopes = tuple(base_scopes)
        self._audit = Audit(store, entra.clock)
        self._logins = Logins(store, entra.clock, self._audit, lifetime)

    def resolve_tenant(self, cloud: str, text: str) -> str:
        """The tenant GUID of a GUID or a verified domain. Raises InvalidInput, or NotConnected for none."""
        try:
            return self._entra.resolve_tenant(cloud, text)
        except RefusedByEntra as refused:
            raise aadsts.as_error(refused.refusal) from None

    def begin(
        self,
        install_id: str,
        scopes: Iterable[str],
        redirect_uri: str | None = None,
        *,
        browser: str | None = None,
        reconnect: str | None = None,
        login_hint: str | None = None,
        select_account: bool = False,
    ) -> LoginStart:
        """Start a user's sign-in.

        `redirect_uri` is the app's own when left out. `browser` is a secret that only this browser holds,
        such as a cookie's value; `complete` then wants the same. `reconnect` is the ID of the connection
        that signs in again. Raises UsageError or InvalidInput for what cannot be, SignInRefused where the
        account is off.
        """
        install, app = self._registration(install_id, "delegated")
        older = self._older(install_id, reconnect)
        state, login = self._logins.begin(
            "sign_in", install, app, redirect_uri, self._wanted(scopes), browser=browser, connection=older
        )
        url = self._entra.authorize_url(
            app,
            install.tenant_id,
            redirect_uri=login.redirect_uri,
            scopes=login.scopes,
            state=state,
            code_verifier=login.code_verifier,
            nonce=login.nonce,
            login_hint=login_hint or (older.username if older and not select_account else None),
            select_account=select_account,
            claims=older.claims if older else None,
        )
        return LoginStart(url, state, login.expires_at)

    def begin_admin_consent(
        self,
        install_id: str,
        scopes: Iterable[str],
        redirect_uri: str | None = None,
        *,
        browser: str | None = None,
    ) -> LoginStart:
        """Start an administrator's consent for the whole tenant; its page also needs `complete`."""
        install, app = self._registration(install_id, None)
        names = () if app.mode == "application" else self._wanted(scopes)
        state, login = self._logins.begin("admin_consent", install, app, redirect_uri, names, browser=browser)
        url = self._entra.admin_consent_url(
            app, install.tenant_id, redirect_uri=login.redirect_uri, state=state, scopes=names
        )
        return LoginStart(url, state, login.expires_at)

    def admin_consent_url(
        self, install_id: str, scopes: Iterable[str], redirect_uri: str | None = None
    ) -> str:
        """The address of `begin_admin_consent` alone: what to send to an administrator."""
        return self.begin_admin_consent(install_id, scopes, redirect_uri).url

    def complete(self, params: Mapping[str, str], *, browser: str | None = None) -> Connection | Install:
        """What came back to the redirect URI: the connection of a sign-in, the install of an admin's consent.

        `params` are the query's. Raises SignInRefused with a short `reason`, ConsentRequired with a link
        for the administrator, AppMisconfigured, or Unavailable and NoAnswer when Entra ID cannot be asked.
        """
        login = self._logins.take(params.get("state"), browser)
        install, app = self._registration(login.install_id, None)
        try:
            if login.purpose == "admin_consent":
                return self._consented(install, params)
            return self._signed_in(install, app, login, params)
        except RefusedByEntra as refused:
            error = self._refused(install, login, refused.refusal)
        except ConnectorError as failure:
            error = failure
        self._audit.refused(error, install.id, login.connection_id)
        raise error from None

    def start_device(
        self, install_id: str, scopes: Iterable[str], *, reconnect: str | None = None
    ) -> DeviceLogin:
        """Start a sign-in on another device: show `code.user_code` and `code.verification_uri`.

        Not the way to offer first: strangers send such codes to trick people, and many tenants block it.
        """
        install, app = self._registration(install_id, "delegated")
        older, wanted = self._older(install_id, reconnect), self._wanted(scopes)
        try:
            code = self._entra.start_device(app, install.tenant_id, wanted)
        except RefusedByEntra as refused:
            raise aadsts.as_sign_in_error(refused.refusal) from None
        return DeviceLogin(install_id, code, wanted, older.id if older else None)

    def finish_device(self, login: DeviceLogin) -> Connection:
        """Wait for the user, minutes perhaps; then as `complete`."""
        install, app = self._registration(login.install_id, "delegated")
        try:
            identity, tokens = self._entra.finish_device(app, install.tenant_id, login.code)
            return self._connected(install, app, identity, tokens, login.scopes, login.connection_id)
        except RefusedByEntra as refused:
            error: ConnectorError = aadsts.as_sign_in_error(refused.refusal)
        except ConnectorError as failure:
            error = failure
        self._audit.refused(error, install.id, login.connection_id)
        raise error from None

    def connect_app(self, install_id: str, scopes: Iterable[str]) -> Connection:
        """Connect the app itself, with application permissions; needs an administrator's consent before.

        Entra ID issues the token whatever was consented to, and only Graph tells what it is good for:
        `scopes` are taken as granted.
        """
        install, app = self._registration(install_id, "application")
        wanted = asked(scopes, self._permissions)
        try:
            tokens = self._entra.app_tokens(app, install.tenant_id)
        except RefusedByEntra as refused:
            raise aadsts.as_error(refused.refusal) from None
        found = [each for each in self._store.connections(install_id) if each.mode == "application"]
        connection = replace(
            found[0] if found else self._new(install_id, "application"),
            status=Status.CONNECTED,
            tenant_id=install.tenant_id,
            display_name=app.label or app.client_id,
            wanted=wanted,
            granted=wanted,
            missing=(),
            last_refresh_at=tokens.issued_at,
            aadsts=None,
        )
        return self._keep(install, connection, tokens, reconnected=bool(found))

    def disconnect(self, install_id: str, connection_id: str) -> Connection:
        """Delete the tokens; the connection stays as a record, and nothing runs as it any more.

        Entra ID has no way to take tokens back: the organisation removes the app under Enterprise
        applications. Raises UsageError for a connection that is not there.
        """
        connection = self._store.connection(install_id, connection_id)
        if connection is None:
            raise _unknown_connection(connection_id)
        ended = replace(connection, status=Status.DISCONNECTED, granted=(), missing=(), claims=None)
        self._store.disconnect(install_id, ended)
        self._grants.forget(install_id, connection_id)
        self._audit.note("disconnected", install_id, connection_id)
        return ended

    def _registration(self, install_id: str, mode: Mode | None) -> tuple[Install, App]:
        install = self._store.install(install_id)
        app = self._store.app(install.app_id) if install else None
        if install is None or app is None:
            raise UsageError(
                f"There is no install {install_id!r} with an app; see `m365-connector installs list`."
            )
        account = self._store.account(install.account_id)
        if account is None or not account.enabled:
            raise SignInRefused(
                "The connector is off for this account. Ask an administrator of the account to turn it on.",
                reason="account_disabled",
                who="customer_admin",
            )
        if mode is not None and app.mode != mode:
            remedy = "connect the app instead" if app.mode == "application" else "sign a user in instead"
            raise UsageError(f"The app {app.id!r} has {app.mode} permissions: {remedy}.")
        return install, app

    def _older(self, install_id: str, connection_id: str | None) -> Connection | None:
        if connection_id is None:
            return None
        found = self._store.connection(install_id, connection_id)
        if found is None:
            raise _unknown_connection(connection_id)
        return found

    def _wanted(self, scopes: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._base_scopes, *asked(scopes, self._permissions))))

    def _consented(self, install: Install, params: Mapping[str, str]) -> Install:
        """An administrator's consent came back. `tenant` in it is anyone's word, so nothing is bound to it.

        Failures carry `admin_consent=True` as well: the error is looked at first.
        """
        if params.get("error"):
            raise RefusedByEntra(aadsts.of_fields(params))
        if params.get("admin_consent", "").casefold() != "true":
            raise SignInRefused(
                "The administrator's approval came back without an answer. Open the link again.",
                reason="no_answer",
                who="customer_admin",
            )
        if install.admin_consent is AdminConsent.NONE:
            install = replace(install, admin_consent=AdminConsent.CLAIMED)
            self._store.save_install(install)
        self._audit.note("admin_consent_claimed", install.id)
        return install

    def _signed_in(
        self, install: Install, app: App, login: PendingLogin, params: Mapping[str, str]
    ) -> Connection:
        if params.get("error"):
            raise RefusedByEntra(aadsts.of_fields(params))
        if not params.get("code"):
            raise SignInRefused(
                "Microsoft sent no code. Start the sign-in again.", reason="no_answer", who="user"
            )
        identity, tokens = self._entra.redeem(
            app,
            install.tenant_id,
            code=params["code"],
            redirect_uri=login.redirect_uri,
            code_verifier=login.code_verifier,
            nonce=login.nonce,
        )
        return self._connected(install, app, identity, tokens, login.scopes, login.connection_id)

    def _refused(self, install: Install, login: PendingLogin, refusal: Refusal) -> ConnectorError:
        """The error to show; where an administrator must approve, with the link that they need."""
        if refusal.aadsts == aadsts.PROOF_KEY_MISMATCH:
            log.critical("A foreign code may have been injected at the install %s.", install.id)
        link = None
        if refusal.kind in ("user_consent", "admin_consent") and refusal.aadsts != aadsts.DECLINED:
            link = self.admin_consent_url(install.id, login.scopes, login.redirect_uri)
        return aadsts.as_sign_in_error(refusal, connect_url=link, missing_scopes=login.scopes)

    def _connected(
        self,
        install: Install,
        app: App,
        identity: Identity,
        tokens: Tokens,
        wanted: tuple[str, ...],
        connection_id: str | None,
    ) -> Connection:
        """Keep a proven sign-in: over the connection of the same user, or as a new one."""
        if tokens.refresh_token is None:
            raise SignInRefused(
                "Microsoft did not allow offline access, so the sign-in would end within the hour. "
                "Sign in again and accept it.",
                reason="offline_access",
                who="user",
            )
        older = self._of_user(install.id, identity, connection_id)
        scopes = granted(tokens.scope, self._entra.graph(app), self._permissions)
        lacking = missing(scopes, wanted, self._permissions)
        connection = replace(
            older or self._new(install.id, "delegated"),
            status=Status.DEGRADED if lacking else Status.CONNECTED,
            tenant_id=identity.tenant_id,
            user_id=identity.user_id,
            username=identity.username,
            display_name=identity.display_name,
            wanted=wanted,
            granted=scopes,
            missing=lacking,
            last_refresh_at=tokens.issued_at,
            aadsts=None,
            claims=None,
        )
        if install.admin_consent is AdminConsent.CLAIMED and not lacking:
            self._store.save_install(replace(install, admin_consent=AdminConsent.VERIFIED))
        return self._keep(install, connection, tokens, reconnected=older is not None)

    def _of_user(self, install_id: str, identity: Identity, connection_id: str | None) -> Connection | None:
        """The user's connection, by tenant and user ID. Raises SignInRefused if another is to reconnect."""
        who = (identity.tenant_id, identity.user_id)
        known = {(each.tenant_id, each.user_id): each for each in self._store.connections(install_id)}
        found = known.get(who)
        if connection_id is not None and (found is None or found.id != connection_id):
            raise SignInRefused(
                "Another account signed in than the one to reconnect, which stays as it was. "
                "Sign in with the same account, or make a new connection.",
                reason="different_account",
                who="user",
                state=Status.WRONG_ACCOUNT.value,
            )
        return found

    def _new(self, install_id: str, mode: Mode) -> Connection:
        return Connection(
            id=str(uuid4()), install_id=install_id, created_at=self._entra.clock.now(), mode=mode
        )

    def _keep(
        self, install: Install, connection: Connection, tokens: Tokens, *, reconnected: bool
    ) -> Connection:
        self._store.save_connection(install.id, connection, tokens.grant(connection.granted))
        self._grants.forget(install.id, connection.id)
        self._audit.note(
            "reconnected" if reconnected else "connected",
            install.id,
            connection.id,
            status=connection.status.value,
            missing=" ".join(connection.missing),
        )
        return connection


def _unknown_connection(connection_id: str) -> UsageError:
    return UsageError(
        f"There is no connection {connection_id!r} in this install. See `m365-connector installs show`."
    )
