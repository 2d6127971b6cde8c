"""Pending logins: what is remembered between sending a browser away and its coming back.

The state in the address is a secret that is good once; only its hash is stored, beside the proof
key (PKCE) and the nonce that the answer must fit. The browser may be another process's guest when
it comes back, so all of it is in the store.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from datetime import timedelta

from connector.auth.audit import Audit
from connector.auth.clock import ServerClock
from connector.errors import InvalidInput, SignInRefused
from connector.store import Store
from connector.tenancy import App, Connection, Install, PendingLogin, Purpose

log = logging.getLogger(__name__)

_SECRET_BYTES = 32
_VERIFIER_BYTES = 48  # 64 characters; RFC 7636 wants 43 to 128


class Logins:
    """Begins and takes back pending logins."""

    def __init__(self, store: Store, clock: ServerClock, audit: Audit, lifetime: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._lifetime = lifetime

    def begin(
        self,
        purpose: Purpose,
        install: Install,
        app: App,
        redirect_uri: str | None,
        scopes: tuple[str, ...],
        *,
        browser: str | None,
        connection: Connection | None = None,
    ) -> tuple[str, PendingLogin]:
        """A new state and what is stored of it; those that expired are deleted. Raises InvalidInput."""
        address = redirect_uri or app.redirect_uri
        if address is None:
            raise InvalidInput("the sign-in", [("redirect_uri", "is required: the app has none of its own")])
        now = self._clock.now()
        self._store.delete_expired_logins(now)
        state = secrets.token_urlsafe(_SECRET_BYTES)
        login = PendingLogin(
            state_hash=_hash(state),
            install_id=install.id,
            purpose=purpose,
            redirect_uri=address,
            expires_at=now + self._lifetime,
            scopes=scopes,
            code_verifier=secrets.token_urlsafe(_VERIFIER_BYTES),
            nonce=secrets.token_urlsafe(_SECRET_BYTES),
            browser_hash=_hash(browser) if browser else None,
            connection_id=connection.id if connection else None,
        )
        self._store.save_login(install.id, login)
        return state, login

    def take(self, state: str | None, browser: str | None) -> PendingLogin:
        """The pending login of a callback, used up whatever comes of it. Raises SignInRefused."""
        login = self._store.take_login(_hash(state)) if state else None
        if login is None:
            reason = "state_unknown" if state else "state_missing"
            why = "It is not known here, or was used already." if state else "It does not say which it is."
        elif self._clock.now() >= login.expires_at:
            reason, why = "state_expired", "It took too long."
        elif login.browser_hash and not hmac.compare_digest(login.browser_hash, _hash(browser or "")):
            reason, why = "other_browser", "It was begun in another browser."
            log.warning("A sign-in of the install %s came back in another browser.", login.install_id)
        else:
            return login
        error = SignInRefused(
            f"This sign-in cannot be completed. {why} Start it again.", reason=reason, who="user"
        )
        if login is None:
            self._audit.note("sign_in_refused", reason=reason)
        else:
            self._audit.refused(error, login.install_id, login.connection_id)
        raise error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
