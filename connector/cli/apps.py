"""`apps`: registrations at Entra ID and what they prove themselves with.

A secret is never an argument: arguments stand in process lists and shell histories.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from connector.cli.options import confirm, identifier, output_option, yes_option
from connector.cli.output import Form, default_form, write
from connector.cli.session import Session
from connector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.tenancy import App, Credential

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SECRET_VARIABLE = "M365_CLIENT_SECRET"  # noqa: S105 - the name of a variable


@click.group()
def apps() -> None:
    """App registrations at Entra ID, and their credentials.

    \b
    m365-connector apps add main --client-id 5d1c3f0e-… --secret-file secret.txt
    m365-connector apps rotate main --secret-stdin < new-secret.txt
    m365-connector apps rotate main --finish
    """


def credential_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The ways to give a secret or a certificate."""
    for option in (
        click.option(
            "--expires", metavar="DATE", help="The day the secret ends, as Entra shows it: 2027-05-31."
        ),
        click.option(
            "--certificate", metavar="FILE", help="PEM file with a certificate and its private key."
        ),
        click.option("--secret-file", metavar="FILE", help="Read the client secret from a file."),
        click.option("--secret-stdin", is_flag=True, help="Read the client secret from standard input."),
    ):
        command = option(command)
    return command


@apps.command("add")
@click.argument("app_id", metavar="ID", callback=identifier)
@click.option(
    "--client-id", required=True, metavar="GUID", help="Application (client) ID, as Entra shows it."
)
@click.option("--cloud", default="global", show_default=True, help="The national cloud it is registered in.")
@click.option(
    "--mode",
    type=click.Choice(["delegated", "application"]),
    default="delegated",
    show_default=True,
    help="For signed-in users, or for the app itself.",
)
@click.option("--label", default="", help="A name for people.")
@click.option(
    "--redirect-uri", metavar="URL", help="The callback URL that is registered, for a web platform."
)
@click.option("--public", is_flag=True, help="It has no secret: device code and loopback only.")
@credential_options
@click.pass_obj
def add(
    session: Session,
    app_id: str,
    client_id: str,
    cloud: str,
    mode: str,
    label: str,
    redirect_uri: str | None,
    public: bool,
    secret_stdin: bool,
    secret_file: str | None,
    certificate: str | None,
    expires: str | None,
) -> None:
    """Add an app registration.

    The secret comes from --secret-stdin, --secret-file, the variable M365_CLIENT_SECRET, or a prompt.
    """
    from connector.tenancy import App

    if not GUID.fullmatch(client_id):
        raise UsageError(
            "--client-id is no GUID. Copy the Application (client) ID from the app's overview page."
        )
    if cloud not in session.platform.clouds:
        raise UsageError(f"There is no cloud {cloud!r}; there are {', '.join(session.platform.clouds)}.")
    if public and mode == "application":
        raise UsageError(
            "--public does not suit --mode application: an app alone needs a secret or certificate."
        )
    if session.store.app(app_id) is not None:
        raise UsageError(f"There is an app {app_id!r} already. `apps rotate` gives it a new credential.")
    credentials = () if public else (read_credential(secret_stdin, secret_file, certificate, expires),)
    session.store.save_app(
        App(
            id=app_id,
            client_id=client_id.lower(),
            cloud=cloud,
            mode="application" if mode == "application" else "delegated",
            label=label,
            redirect_uri=redirect_uri,
            credentials=credentials,
        )
    )
    click.echo(f"Added the app {app_id}.", err=True)


@apps.command("list")
@output_option
@click.pass_obj
def list_(session: Session, form: Form | None) -> None:
    """List the apps."""
    write([_row(app) for app in session.store.apps()], form or default_form())


@apps.command("show")
@click.argument("app_id", metavar="ID")
@output_option
@click.pass_obj
def show(session: Session, app_id: str, form: Form | None) -> None:
    """Show an app and its credentials, without their values."""
    app = _app(session, app_id)
    credentials = [
        {"id": entry.id, "kind": entry.kind, "expires_at": _date(entry.expires_at)}
        for entry in app.credentials
    ]
    write({**_row(app), "redirect_uri": app.redirect_uri, "credentials": credentials}, form or default_form())


@apps.command("rotate")
@click.argument("app_id", metavar="ID")
@click.option("--finish", is_flag=True, help="Forget the older credential.")
@credential_options
@click.pass_obj
def rotate(
    session: Session,
    app_id: str,
    finish: bool,
    secret_stdin: bool,
    secret_file: str | None,
    certificate: str | None,
    expires: str | None,
) -> None:
    """Give an app a second credential; both work until --finish.

    Nothing stops meanwhile: whichever of the two Entra accepts is used.
    """
    app = _app(session, app_id)
    if finish:
        session.store.save_app(replace(app, credentials=app.credentials[:1]))
        click.echo(f"The app {app_id} keeps its newest credential only.", err=True)
        return
    if len(app.credentials) > 1:
        raise UsageError(
            f"The app {app_id} has two credentials already. Run `apps rotate {app_id} --finish` first."
        )
    new = read_credential(secret_stdin, secret_file, certificate, expires)
    session.store.save_app(replace(app, credentials=(new, *app.credentials)))
    click.echo(f"The app {app_id} has a new credential, beside the old one.", err=True)


@apps.command("remove")
@click.argument("app_id", metavar="ID")
@yes_option
@click.pass_obj
def remove(session: Session, app_id: str, yes: bool) -> None:
    """Delete an app that no install uses; its registration at Entra stays."""
    _app(session, app_id)
    confirm(f"Delete the app {app_id} with its credentials?", yes=yes)
    session.store.delete_app(app_id)
    click.echo(f"Deleted the app {app_id}.", err=True)


def read_credential(
    secret_stdin: bool, secret_file: str | None, certificate: str | None, expires: str | None
) -> Credential:
    """The credential from whichever source is given. Raises UsageError."""
    from connector.tenancy import Credential

    if sum(map(bool, (secret_stdin, secret_file, certificate))) > 1:
        raise UsageError("Give one of --secret-stdin, --secret-file and --certificate.")
    if certificate is not None:
        pem = _read(certificate, "--certificate")
        return Credential(str(uuid4()), certificate=pem, expires_at=_end_of_certificate(pem))
    secret = _read_secret(secret_stdin, secret_file).strip()
    if not secret:
        raise UsageError("The client secret is empty. Copy its value from the page Certificates & secrets.")
    if GUID.fullmatch(secret):
        click.echo(
            "Warning: this looks like the ID of a secret. Entra ID wants its value, which is shown once, "
            "when the secret is made.",
            err=True,
        )
    return Credential(str(uuid4()), secret=secret, expires_at=_day(expires))


def _read_secret(secret_stdin: bool, secret_file: str | None) -> str:
    if secret_stdin:
        return sys.stdin.read()
    if secret_file is not None:
        return _read(secret_file, "--secret-file")
    if secret := os.environ.get(_SECRET_VARIABLE):
        return secret
    if sys.stdin.isatty():
        typed: str = click.prompt("Client secret", hide_input=True, err=True)
        return typed
    raise UsageError(
        f"There is no credential. Give --secret-stdin, --secret-file, --certificate or {_SECRET_VARIABLE}."
    )


def _read(path: str, option: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}: {path} cannot be read ({type(error).__name__}).") from None


def _end_of_certificate(pem: str) -> datetime:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = pem.encode()
    try:
        certificate = x509.load_pem_x509_certificate(data)
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError):
        raise UsageError(
            "--certificate must be a PEM file with a certificate and its unencrypted private key."
        ) from None
    if key.public_key() != certificate.public_key():
        raise UsageError("--certificate: the private key does not belong to the certificate.")
    return certificate.not_valid_after_utc


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--expires {text!r} is no date. Write it like 2027-05-31.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _app(session: Session, app_id: str) -> App:
    found = session.store.app(app_id)
    if found is None:
        raise UsageError(f"There is no app {app_id!r}; see `m365-connector apps list`.")
    return found


def _row(app: App) -> dict[str, Any]:
    ends = [entry.expires_at for entry in app.credentials if entry.expires_at]
    return {
        "app": app.id,
        "label": app.label,
        "client_id": app.client_id,
        "cloud": app.cloud,
        "mode": app.mode,
        "credential_expires_at": _date(max(ends)) if ends else None,
    }


def _date(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
