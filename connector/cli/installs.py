"""`installs`: the connector in an account, bound to one tenant."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.choice import registration
from connector.cli.connect import row_of
from connector.cli.options import confirm, identifier, output_option, yes_option
from connector.cli.output import Form, default_form, write
from connector.cli.session import Session
from connector.errors import UsageError
from connector.tenancy import Account, Install

_DEFAULT_ACCOUNT = "default"


@click.group()
def installs() -> None:
    """The connector in an account, bound to one tenant.

    \b
    m365-connector installs add acme --tenant contoso.com
    m365-connector installs show acme
    """


@installs.command("add")
@click.argument("install_id", metavar="ID", callback=identifier)
@click.option(
    "--tenant", required=True, metavar="GUID|DOMAIN", help="Directory (tenant) ID, or a verified domain."
)
@click.option("--app", "app_id", help="The app; the only one when left out.")
@click.option("--account", "account_id", help="The account; the only one when left out.")
@click.option(
    "--services", metavar="NAME,NAME", help="What it is for, such as users,emails; else everything usual."
)
@click.option("--label", default="", help="A name for people.")
@click.pass_obj
def add(
    session: Session,
    install_id: str,
    tenant: str,
    app_id: str | None,
    account_id: str | None,
    services: str | None,
    label: str,
) -> None:
    """Install the connector for a tenant.

    A domain is looked up once; only the tenant's ID is kept. Where there is no account yet, one named
    `default` is made and turned on.
    """
    store = session.store
    if store.install(install_id) is not None:
        raise UsageError(f"There is an install {install_id!r} already.")
    app = store.app(_only("app", app_id, [app.id for app in store.apps()]))
    if app is None:
        raise UsageError(f"There is no app {app_id!r}; see `m365-connector apps list`.")
    account = _account(session, account_id)
    install = Install(
        id=install_id,
        account_id=account,
        app_id=app.id,
        tenant_id=session.platform.connect.resolve_tenant(app.cloud, tenant),
        services=_services(session, services),
        label=label,
    )
    store.save_install(install)
    click.echo(f"Installed {install_id} for the tenant {install.tenant_id}.", err=True)
    click.echo(f"Next: m365-connector connect {install_id}", err=True)


@installs.command("list")
@click.option("--account", "account_id", help="Only those of one account.")
@output_option
@click.pass_obj
def list_(session: Session, account_id: str | None, form: Form | None) -> None:
    """List the installs."""
    write([_row(install) for install in session.store.installs(account_id)], form or default_form())


@installs.command("show")
@click.argument("install_id", metavar="ID")
@output_option
@click.pass_obj
def show(session: Session, install_id: str, form: Form | None) -> None:
    """Show an install and its connections."""
    install, _ = registration(session, install_id)
    connections = [row_of(connection) for connection in session.store.connections(install_id)]
    write({**_row(install), "connections": connections}, form or default_form())


@installs.command("remove")
@click.argument("install_id", metavar="ID")
@yes_option
@click.pass_obj
def remove(session: Session, install_id: str, yes: bool) -> None:
    """Delete an install with its connections and tokens."""
    registration(session, install_id)
    confirm(f"Delete the install {install_id} with its connections and tokens?", yes=yes)
    session.store.delete_install(install_id)
    click.echo(f"Deleted the install {install_id}.", err=True)


def _only(what: str, named: str | None, known: list[str]) -> str:
    """The one that is named, or the only one there is. Raises UsageError."""
    if named is not None:
        return named
    if len(known) == 1:
        return known[0]
    if not known:
        raise UsageError(f"There is no {what} yet. Add one with `m365-connector {what}s add`.")
    raise UsageError(f"There are several {what}s: {', '.join(known)}. Choose one with --{what}.")


def _account(session: Session, named: str | None) -> str:
    known = [account.id for account in session.store.accounts()]
    if named is None and not known:
        session.store.save_account(Account(_DEFAULT_ACCOUNT, enabled=True))
        click.echo(f"Made the account {_DEFAULT_ACCOUNT}.", err=True)
        return _DEFAULT_ACCOUNT
    chosen = _only("account", named, known)
    if chosen not in known:
        raise UsageError(f"There is no account {chosen!r}; see `m365-connector accounts list`.")
    return chosen


def _services(session: Session, given: str | None) -> tuple[str, ...]:
    """Those given, checked; else those that the manifest proposes."""
    manifest = session.catalogue.manifest
    if given is None:
        default = manifest.install.get("properties", {}).get("services", {}).get("default", ())
        return tuple(default) or tuple(manifest.services)
    chosen = tuple(name.strip() for name in given.split(",") if name.strip())
    if unknown := [name for name in chosen if name not in manifest.services]:
        raise UsageError(f"There is no service {unknown[0]!r}; there are {', '.join(manifest.services)}.")
    return chosen


def _row(install: Install) -> dict[str, Any]:
    return {
        "install": install.id,
        "label": install.label,
        "account": install.account_id,
        "app": install.app_id,
        "tenant_id": install.tenant_id,
        "services": list(install.services),
        "admin_consent": install.admin_consent.value,
    }
