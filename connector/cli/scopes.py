"""`scopes`: the least permissions that suffice, what is missing, and what to register."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.choice import methods_of, registration, target_option
from connector.cli.options import complete_methods, json_option
from connector.cli.output import write
from connector.cli.session import Session

if TYPE_CHECKING:
    from connector.spec.model import Mode
    from connector.tenancy import App, Install


@click.command()
@click.argument("named", nargs=-1, metavar="[METHOD|SERVICE]...", shell_complete=complete_methods)
@click.option("--install", metavar="ID", help="An install: what its connections lack, and the consent URL.")
@click.option(
    "--mode", type=click.Choice(["delegated", "application"]), help="Delegated, or as the install's app."
)
@target_option
@click.option(
    "--registration", "only_access", is_flag=True, help="Print only the requiredResourceAccess JSON."
)
@json_option
@click.pass_obj
def scopes(
    session: Session,
    named: tuple[str, ...],
    install: str | None,
    mode: Mode | None,
    targets: tuple[str, ...],
    only_access: bool,
    as_json: bool,
) -> None:
    """The least permissions for given methods.

    Of an install it also tells what its connections lack, and prints the address at which an administrator
    approves for the whole tenant.

    \b
    m365-connector scopes users.list messages.send
    m365-connector scopes emails --target me --target user --registration
    m365-connector scopes --install acme
    """
    from connector.auth import scopes as permissions

    found = registration(session, install) if install is not None else None
    chosen: Mode = mode or (found[1].mode if found else "delegated")
    table = session.catalogue.manifest.permissions
    methods = methods_of(session, named, found[0] if found else None, chosen)
    needed = permissions.needed(methods, chosen, table, targets)
    document: dict[str, Any] = {
        "mode": chosen,
        "scopes": list(needed),
        "admin": list(permissions.of_admin(needed, chosen, table)),
        "requiredResourceAccess": permissions.required_resource_access(needed, chosen, table),
    }
    if found is not None:
        document |= _of_install(session, *found, needed)
    if only_access:
        write(document["requiredResourceAccess"], "json")
    elif as_json:
        write(document, "json")
    else:
        _tell(session, document)


def _of_install(session: Session, install: Install, app: App, needed: tuple[str, ...]) -> dict[str, Any]:
    from connector.auth import scopes as permissions
    from connector.cli.connect import redirect_uri_of
    from connector.tenancy import Status

    table = session.catalogue.manifest.permissions
    return {
        "missing": {
            connection.username or connection.id: list(permissions.missing(connection.granted, needed, table))
            for connection in session.store.connections(install.id)
            if connection.status is not Status.DISCONNECTED
        },
        "admin_consent_url": session.platform.connect.admin_consent_url(
            install.id, needed, app.redirect_uri or redirect_uri_of(app)
        ),
    }


def _tell(session: Session, document: dict[str, Any]) -> None:
    table = session.catalogue.manifest.permissions
    rows = [
        {"scope": scope, "title": table[scope].title, "admin": "yes" if scope in document["admin"] else "no"}
        for scope in document["scopes"]
    ]
    write(rows, "table")
    for who, missing in document.get("missing", {}).items():
        click.echo(f"{who}: {'lacks ' + ', '.join(missing) if missing else 'lacks nothing'}", err=True)
    if "admin_consent_url" in document:
        click.echo(f"An administrator approves for the tenant at: {document['admin_consent_url']}", err=True)
