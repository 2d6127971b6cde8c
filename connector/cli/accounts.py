"""`accounts`: customers of the platform. The connector is off in an account until it is turned on there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from connector.cli.options import confirm, identifier, output_option, yes_option
from connector.cli.output import Form, default_form, write
from connector.cli.session import Session
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.tenancy import Account


@click.group()
def accounts() -> None:
    """Customers of the platform.

    \b
    m365-connector accounts add acme --label "Acme Ltd"
    m365-connector accounts enable acme
    """


@accounts.command("add")
@click.argument("account_id", metavar="ID", callback=identifier)
@click.option("--label", default="", help="A name for people.")
@click.option("--enabled", is_flag=True, help="Turn the connector on at once.")
@click.pass_obj
def add(session: Session, account_id: str, label: str, enabled: bool) -> None:
    """Add an account; the connector is off in it."""
    from connector.tenancy import Account

    if session.store.account(account_id) is not None:
        raise UsageError(f"There is an account {account_id!r} already.")
    session.store.save_account(Account(account_id, label, enabled))
    state = "on" if enabled else f"off; `m365-connector accounts enable {account_id}` turns it on"
    click.echo(f"Added the account {account_id}. The connector is {state}.", err=True)


@accounts.command("list")
@output_option
@click.pass_obj
def list_(session: Session, form: Form | None) -> None:
    """List the accounts."""
    write([_row(account) for account in session.store.accounts()], form or default_form())


@accounts.command("enable")
@click.argument("account_id", metavar="ID")
@click.pass_obj
def enable(session: Session, account_id: str) -> None:
    """Turn the connector on in an account."""
    _switch(session, account_id, enabled=True)


@accounts.command("disable")
@click.argument("account_id", metavar="ID")
@click.pass_obj
def disable(session: Session, account_id: str) -> None:
    """Turn the connector off in an account; its installs stay."""
    _switch(session, account_id, enabled=False)


@accounts.command("remove")
@click.argument("account_id", metavar="ID")
@yes_option
@click.pass_obj
def remove(session: Session, account_id: str, yes: bool) -> None:
    """Delete an account with its installs, connections and tokens."""
    _account(session, account_id)
    confirm(f"Delete the account {account_id} with all its installs and tokens?", yes=yes)
    session.store.delete_account(account_id)
    click.echo(f"Deleted the account {account_id}.", err=True)


def _switch(session: Session, account_id: str, *, enabled: bool) -> None:
    session.store.save_account(replace(_account(session, account_id), enabled=enabled))
    click.echo(f"The connector is {'on' if enabled else 'off'} in the account {account_id}.", err=True)


def _account(session: Session, account_id: str) -> Account:
    found = session.store.account(account_id)
    if found is None:
        raise UsageError(f"There is no account {account_id!r}; see `m365-connector accounts list`.")
    return found


def _row(account: Account) -> dict[str, Any]:
    return {
        "account": account.id,
        "label": account.label,
        "enabled": account.enabled,
        "open_requests": sum(request.decision is None for request in account.requests),
    }
