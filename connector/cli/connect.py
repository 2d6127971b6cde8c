"""`connect` and `disconnect`: sign-in in the browser, on another device, as the app itself, and consent."""

from __future__ import annotations

import threading
import webbrowser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from connector.cli.choice import methods_of, registration, target_option
from connector.cli.options import confirm, output_option, yes_option
from connector.cli.output import Form, default_form, write
from connector.cli.session import Session
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.tenancy import App, Connection, Install

DEFAULT_PATH = "/connector/callback"
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1")


@click.command()
@click.argument("install_id", metavar="INSTALL", required=False)
@click.option(
    "--for", "named", multiple=True, metavar="METHOD|SERVICE", help="What it is for; may be repeated."
)
@click.option("--scope", "extra", multiple=True, help="A further permission; may be repeated.")
@target_option
@click.option("--as", "as_", metavar="WHO", help="Sign this connection in again.")
@click.option("--login-hint", metavar="USER", help="The user name to start with.")
@click.option("--device", is_flag=True, help="Sign in on another device, with a code.")
@click.option(
    "--admin-consent", is_flag=True, help="Print the address where an administrator approves; no sign-in."
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the callback; 0 picks a free one."
)
@click.option(
    "--timeout", "timeout_seconds", type=click.FloatRange(min=1), default=900.0, help="Seconds to wait."
)
@output_option
@click.pass_obj
def connect(
    session: Session,
    install_id: str | None,
    named: tuple[str, ...],
    extra: tuple[str, ...],
    targets: tuple[str, ...],
    as_: str | None,
    login_hint: str | None,
    device: bool,
    admin_consent: bool,
    no_browser: bool,
    port: int,
    timeout_seconds: float,
    form: Form | None,
) -> None:
    """Sign a user in, or approve for a whole tenant.

    Asks for the least that the install's services need and a user can grant, or
    what --for names. The browser comes back to
    http://localhost/connector/callback, which must be registered as a redirect URI of the app; any port is
    good. An app of the mode application connects itself, without a browser.

    \b
    m365-connector connect acme
    m365-connector connect acme --for emails --for events.create --no-browser
    m365-connector connect acme --admin-consent
    """
    from connector.auth import scopes as permissions

    install, app = registration(session, session.install(install_id))
    table = session.catalogue.manifest.permissions
    methods = methods_of(session, named, install, app.mode)
    wanted = (*permissions.needed(methods, app.mode, table, targets), *extra)
    service = session.platform.connect
    if admin_consent:
        click.echo(service.admin_consent_url(install.id, wanted, app.redirect_uri or redirect_uri_of(app)))
        return
    older = _connection(session, install, as_).id if as_ else None
    if app.mode == "application":
        connection = service.connect_app(install.id, wanted)
    elif device:
        login = service.start_device(install.id, wanted, reconnect=older)
        click.echo(f"Open {login.code.verification_uri} and type the code {login.code.user_code}", err=True)
        connection = service.finish_device(login)
    else:
        connection = _in_browser(
            session, install, app, wanted, older, login_hint, port, timeout_seconds, show_only=no_browser
        )
    write(row_of(connection), form or default_form())
    if connection.missing:
        lacking = ", ".join(connection.missing)
        click.echo(f"Not granted: {lacking}. What needs it does not work; the rest does.", err=True)


def _in_browser(
    session: Session,
    install: Install,
    app: App,
    scopes: tuple[str, ...],
    reconnect: str | None,
    login_hint: str | None,
    port: int,
    timeout_seconds: float,
    *,
    show_only: bool,
) -> Connection:
    from connector.cli.loopback import Loopback
    from connector.tenancy import Connection

    service = session.platform.connect
    path = urlsplit(redirect_uri_of(app)).path
    try:
        loopback = Loopback(path, port, service.complete)
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be used ({error.strerror}). Choose another with --port."
        ) from None
    try:
        start = service.begin(
            install.id, scopes, loopback.redirect_uri, reconnect=reconnect, login_hint=login_hint
        )
        click.echo(f"Sign in at: {start.url}", err=True)
        if not show_only:
            threading.Thread(target=webbrowser.open, args=(start.url,), daemon=True).start()
        connected = loopback.wait(timeout_seconds)
    finally:
        loopback.close()
    assert isinstance(connected, Connection), "a sign-in was begun, so a connection comes back"
    return connected


def redirect_uri_of(app: App) -> str:
    """Where a sign-in at this machine comes back: as registered with the app, if that is this machine."""
    known = urlsplit(app.redirect_uri or "")
    path = known.path if known.hostname in _LOOPBACK_HOSTS and known.scheme == "http" else ""
    return f"http://localhost{path or DEFAULT_PATH}"


@click.command()
@click.argument("install_id", metavar="INSTALL")
@click.option("--as", "as_", metavar="WHO", help="The connection; needed where there are several.")
@yes_option
@click.pass_obj
def disconnect(session: Session, install_id: str, as_: str | None, yes: bool) -> None:
    """Delete the tokens of a connection.

    Nothing runs as it any more. Entra ID cannot take tokens back: to be sure, an administrator removes the
    app under Enterprise applications.
    """
    install, _ = registration(session, install_id)
    connection = _connection(session, install, as_)
    confirm(f"Delete the tokens of {connection.username or connection.id}?", yes=yes)
    session.platform.connect.disconnect(install.id, connection.id)
    click.echo(f"Disconnected {connection.username or connection.id}.", err=True)


def _connection(session: Session, install: Install, who: str | None) -> Connection:
    """The connection that `who` names, or the only one that lives. Raises UsageError."""
    from connector.tenancy import Status

    alive = [
        entry for entry in session.store.connections(install.id) if entry.status is not Status.DISCONNECTED
    ]
    if who is not None:
        wanted = who.casefold()
        alive = [
            each for each in alive if wanted in (each.id, (each.username or "").casefold(), each.user_id)
        ]
    if not alive:
        raise UsageError(
            f"There is no connection {who or ''} in the install {install.id!r}.".replace("  ", " ")
        )
    if len(alive) > 1:
        known = ", ".join(entry.username or entry.id for entry in alive)
        raise UsageError(f"There are several connections: {known}. Choose one with --as.")
    return alive[0]


def row_of(connection: Connection) -> dict[str, Any]:
    """A connection as a document, without its tokens."""
    refreshed = connection.last_refresh_at
    return {
        "connection": connection.id,
        "user": connection.username or connection.display_name,
        "status": connection.status.value,
        "mode": connection.mode,
        "granted": list(connection.granted),
        "missing": list(connection.missing),
        "last_refresh_at": refreshed.isoformat() if refreshed else None,
    }
