"""`keys`: the keys that encrypt stored secrets."""

from __future__ import annotations

import click

from connector.cli.session import Session
from connector.errors import SettingsError


@click.group()
def keys() -> None:
    """The keys that encrypt stored secrets.

    To replace a key without downtime: put a new one in front of M365_SECRET_KEYS everywhere, run `keys
    rotate`, then take the old one away.
    """


@keys.command("new")
def new() -> None:
    """Print a new key.

    \b
    export M365_SECRET_KEYS="$(m365-connector keys new)"
    """
    from connector.settings import new_key

    click.echo(new_key())


@keys.command("where")
@click.pass_obj
def where(session: Session) -> None:
    """Tell where the keys come from; never what they are."""
    from connector.settings import KEY_FILE

    settings = session.settings
    if settings.secret_keys:
        count = len(settings.secret_keys)
        click.echo(f"M365_SECRET_KEYS ({count} key{'s' if count > 1 else ''}; the first one writes)")
    else:
        path = settings.home / KEY_FILE
        click.echo(f"{path}{'' if path.exists() else ' (made on first use)'}")


@keys.command("rotate")
@click.pass_obj
def rotate(session: Session) -> None:
    """Encrypt everything again with the first key."""
    from connector.store.crypto import Sealer
    from connector.store.sql import SqlStore

    settings = session.settings
    if len(settings.secret_keys) < 2:
        raise SettingsError(
            "There is no second key to rotate from. Set M365_SECRET_KEYS to a new key "
            "(`m365-connector keys new`) and the present one, separated by a comma."
        )
    store = SqlStore.open(settings.database_url, Sealer(settings.keys()))
    try:
        count = store.rotate()
    finally:
        store.close()
    click.echo(f"{count} values are encrypted with the first key. The others can be taken away.", err=True)
