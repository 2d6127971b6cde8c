"""The checks of `doctor`: from the settings to a mailbox, each with the value at fault and who can fix it.

A check that cannot be made because an earlier one failed is skipped. Nothing is changed, except that the
connection's token is renewed, which is the only proof that it can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from connector.cli.apps import GUID
from connector.cli.choice import methods_of
from connector.cli.connect import redirect_uri_of
from connector.cli.session import Session
from connector.errors import ConnectorError, SettingsError

if TYPE_CHECKING:
    from connector.auth.aadsts import Refusal
    from connector.facade import Identity
    from connector.tenancy import App, Connection, Install

State = Literal["ok", "wrong", "skipped"]
Who = Literal["user", "customer_admin", "operator", "nobody"]

PEOPLE = {
    "user": "the user",
    "customer_admin": "an administrator of the customer",
    "operator": "whoever runs this platform",
    "us": "the makers of the connector",
    "nobody": "nobody: wait",
}
_SOON_DAYS = 30
_URI_CHARACTERS = re.compile(r"[!$'(),;]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `value` is what was looked at; `remedy` and `who` are for what is wrong."""

    check: str
    state: State
    value: str
    remedy: str = ""
    who: str = ""
    exit_code: int = 0


class Wrong(Exception):
    """A check found something; the rest that builds on it is skipped."""

    def __init__(self, value: str, remedy: str, who: Who, exit_code: int = SettingsError.exit_code) -> None:
        super().__init__(remedy)
        self.value, self.remedy, self.who, self.exit_code = value, remedy, who, exit_code


class Skipped(Exception):
    """A check does not apply; the text says why."""


class Doctor:
    """The checks of one install, or of the platform alone where there is none."""

    def __init__(
        self, session: Session, named: str | None, as_: str | None, now: datetime | None = None
    ) -> None:
        self._session = session
        self._named = named
        self._as = as_
        self._now = now or datetime.now(UTC)
        self._failed: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        """Every check, as it is made."""
        checks: tuple[tuple[str, tuple[str, ...], Callable[[], str]], ...] = (
            ("settings", (), self._settings),
            ("key", ("settings",), self._key),
            ("bundle", (), self._bundle),
            ("database", ("key", "bundle"), self._database),
            ("install", ("database",), self._install),
            ("account", ("install",), self._account),
            ("cloud and tenant", ("install",), self._tenant),
            ("credential", ("install",), self._credential),
            ("credential's end", ("credential",), self._credential_end),
            ("app in the tenant", ("cloud and tenant", "credential"), self._app),
            ("redirect URI", ("cloud and tenant",), self._redirect_uri),
            ("connection", ("install",), self._connection),
            ("sign-in", ("connection", "cloud and tenant"), self._sign_in),
            ("permissions", ("connection",), self._permissions),
            ("Microsoft Graph", ("sign-in",), self._graph),
            ("mailbox", ("Microsoft Graph",), self._mailbox),
        )
        for name, needs, check in checks:
            finding = self._made(name, needs, check)
            if finding.state == "wrong" or (finding.state == "skipped" and finding.value == _AFTER):
                self._failed.add(name)
            yield finding

    def _made(self, name: str, needs: tuple[str, ...], check: Callable[[], str]) -> Finding:
        from connector.auth.aadsts import RefusedByEntra

        if self._failed.intersection(needs):
            return Finding(name, "skipped", _AFTER)
        try:
            return Finding(name, "ok", check())
        except Skipped as reason:
            return Finding(name, "skipped", str(reason))
        except Wrong as wrong:
            return Finding(name, "wrong", wrong.value, wrong.remedy, wrong.who, wrong.exit_code)
        except RefusedByEntra as refused:
            return _refused(name, refused.refusal)
        except ConnectorError as error:
            who = getattr(error, "who", None) or ("nobody" if error.retryable else "operator")
            return Finding(name, "wrong", "", error.message, who, error.exit_code)

    def _settings(self) -> str:
        return f"home {self._session.settings.home}"

    def _key(self) -> str:
        count = len(self._session.settings.keys())
        return f"{count} key{'s' if count > 1 else ''}"

    def _bundle(self) -> str:
        return f"{len(self._session.catalogue)} methods"

    def _database(self) -> str:
        count = len(self._session.store.apps())
        return f"opens; {count} app{'s' if count != 1 else ''}"

    def _install(self) -> str:
        install_id = self._session.install(self._named)
        if self._session.store.install(install_id) is None:
            raise Wrong(
                install_id, "There is no such install; see `m365-connector installs list`.", "operator"
            )
        return f"{install_id}, tenant {self._registered[0].tenant_id}"

    @property
    def _registered(self) -> tuple[Install, App]:
        from connector.cli.choice import registration

        return registration(self._session, self._session.install(self._named))

    def _account(self) -> str:
        install, _ = self._registered
        account = self._session.store.account(install.account_id)
        if account is None or not account.enabled:
            remedy = f"The connector is off there. Run `m365-connector accounts enable {install.account_id}`."
            raise Wrong(install.account_id, remedy, "operator")
        return f"{account.id} is on"

    def _tenant(self) -> str:
        install, app = self._registered
        issuer = self._session.platform.entra.discover(app.cloud, install.tenant_id).issuer
        return f"{app.cloud}: {issuer}"

    def _credential(self) -> str:
        _, app = self._registered
        if not app.credentials:
            if app.mode == "application":
                raise Wrong(
                    app.id, "An app of the mode application needs a secret or a certificate.", "operator"
                )
            raise Skipped("the app is a public client: it has none")
        for credential in app.credentials:
            if credential.secret and GUID.fullmatch(credential.secret):
                remedy = (
                    "This looks like the ID of a secret, not its value. Entra ID shows the value once, when "
                    f"the secret is made: make a new one and run `m365-connector apps rotate {app.id}`."
                )
                raise Wrong(f"secret {credential.id}", remedy, "operator")
        return ", ".join(credential.kind for credential in app.credentials)

    def _credential_end(self) -> str:
        _, app = self._registered
        ends = [credential.expires_at for credential in app.credentials if credential.expires_at]
        if not ends:
            raise Skipped("not known; give it with `apps rotate --expires`")
        days = (max(ends) - self._now).days
        date = f"{max(ends):%Y-%m-%d}"
        remedy = f"Make a new one in Entra ID and run `m365-connector apps rotate {app.id}`."
        if days < 0:
            raise Wrong(date, f"It has ended. {remedy}", "operator")
        return f"{date}, in {days} days{f'. {remedy}' if days < _SOON_DAYS else ''}"

    def _app(self) -> str:
        """A token for the app itself: Entra ID gives one whatever was consented to, to a known app."""
        install, app = self._registered
        if not app.credentials:
            raise Skipped("cannot be told without a credential")
        self._session.platform.entra.app_tokens(app, install.tenant_id)
        return f"{app.client_id} is known, and its credential is good"

    def _redirect_uri(self) -> str:
        install, app = self._registered
        if app.mode == "application":
            raise Skipped("an app of the mode application signs nobody in")
        uri = app.redirect_uri or redirect_uri_of(app)
        if _URI_CHARACTERS.search(uri) or len(uri) > 256:
            raise Wrong(
                uri, "Entra ID takes no `! $ ' ( ) , ;` in it, and 256 characters at most.", "operator"
            )
        if not uri.startswith(("https://", "http://localhost", "http://127.0.0.1")):
            raise Wrong(uri, "Entra ID takes https, or http on this machine only.", "operator")
        verdict = redirect_verdict(self._session, install, app, uri)
        if verdict == "unregistered":
            raise Wrong(uri, "Add it to the app registration, under Authentication, exactly so.", "operator")
        if verdict == "unknown":
            raise Skipped(f"{uri} could not be tested: Entra ID answered with a page")
        return uri

    def _identity(self) -> Identity:
        connector = self._session.connector
        return connector.identify(self._session.install(self._named), self._as)

    @property
    def _connected(self) -> Connection:
        identity = self._identity()
        found = self._session.store.connection(identity.install_id, identity.connection_id)
        assert found is not None, "identify has just found it"
        return found

    def _connection(self) -> str:
        connection = self._connected
        return f"{connection.username or connection.display_name or connection.id}: {connection.status.value}"

    def _sign_in(self) -> str:
        identity = self._identity()
        self._session.platform.grants.token(identity.install_id, identity.connection_id, renew=True)
        return "the token was renewed"

    def _permissions(self) -> str:
        from connector.auth import scopes

        install, app = self._registered
        table = self._session.catalogue.manifest.permissions
        needed = scopes.needed(methods_of(self._session, (), install, app.mode), app.mode, table)
        lacking = scopes.missing(self._connected.granted, needed, table)
        if lacking:
            admin = scopes.of_admin(lacking, app.mode, table)
            flag = " --admin-consent" if admin else ""
            remedy = f"Ask for them with `m365-connector connect {install.id}{flag}`."
            raise Wrong(
                ", ".join(lacking), f"Not granted. {remedy}", "customer_admin" if admin else "user", 3
            )
        return f"{len(needed)} needed, all granted"

    def _ask_graph(self, path: str) -> Any:
        from connector.wire import Request

        identity = self._identity()

        def token(*, renew: bool = False, claims: str | None = None) -> str:
            source = self._session.platform.grants
            return source.token(identity.install_id, identity.connection_id, renew=renew, claims=claims)

        return self._session.platform.sender(identity.cloud, token).send(Request("GET", path)).json

    def _graph(self) -> str:
        identity = self._identity()
        if identity.mode == "application":
            self._ask_graph("/organization?$select=id")
            return identity.cloud.graph
        me = self._ask_graph("/me?$select=userPrincipalName")
        return f"{identity.cloud.graph} answers as {me.get('userPrincipalName')}"

    def _mailbox(self) -> str:
        connection = self._connected
        if connection.mode == "application":
            raise Skipped("an app without a user has none")
        if not any(scope.startswith("Mail.Read") for scope in connection.granted):
            raise Skipped("no permission to read mail was granted")
        try:
            self._ask_graph("/me/mailFolders/inbox?$select=id")
        except ConnectorError as error:
            code = getattr(error, "graph_code", None)
            if code not in ("MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI"):
                raise
            remedy = (
                "There is no mailbox in Exchange Online: give the user a licence with one, and wait a while. "
                "A mailbox on the customer's own Exchange server cannot be reached."
            )
            raise Wrong(
                connection.username or connection.id, remedy, "customer_admin", error.exit_code
            ) from None
        return "there is one"


_AFTER = "after the above"


def _refused(name: str, refusal: Refusal) -> Finding:
    value = f"AADSTS{refusal.aadsts}" if refusal.aadsts else refusal.error
    return Finding(name, "wrong", value, f"{refusal.text} {refusal.remedy}", refusal.who, 3)


def redirect_verdict(
    session: Session, install: Install, app: App, uri: str
) -> Literal["registered", "unregistered", "unknown"]:
    """Whether Entra ID sends a browser back there: it does not, to an address that is not registered.

    Asked without a page (`prompt=none`, Microsoft: OpenID Connect), it answers with a redirect at once.
    """
    from connector.auth.authority import new_session

    settings, entra = session.settings, session.platform.entra
    url = entra.authorize_url(
        app, install.tenant_id, redirect_uri=uri, scopes=("openid",),
        state="doctor", code_verifier="d" * 43, nonce="doctor",
    )  # fmt: skip
    http = new_session(str(settings.ca_bundle) if settings.ca_bundle else None, settings.proxy)
    timeout = (settings.connect_timeout_seconds, settings.read_timeout_seconds)
    import requests

    try:
        with http.get(f"{url}&prompt=none", allow_redirects=False, timeout=timeout, stream=True) as answer:
            if answer.is_redirect and answer.headers["Location"].startswith(uri):
                return "registered"
            page = answer.raw.read(200_000, decode_content=True)
    except requests.RequestException:
        return "unknown"
    return "unregistered" if b"AADSTS50011" in page else "unknown"
