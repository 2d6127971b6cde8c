"""What is kept of apps, accounts, installs, connections and tokens: the protocol of a store.

`connector.store.memory` and `connector.store.sql` implement it, and a host may. This module imports
neither, and no database library.

Two rules hold for every implementation. What belongs to a customer is reached with the install's ID
first, and another install's rows are as if they were not there. And a write that follows from a
grant which has changed or gone meanwhile does not happen, so that a renewal which was running
neither overwrites a newer one nor brings back a connection that was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from connector.tenancy import Account, App, AuditEvent, Connection, Grant, Install, PendingLogin


class Store(Protocol):
    """Reading gives None, or nothing, for what is not there. Saving makes or replaces the whole row."""

    def apps(self) -> Sequence[App]: ...
    def app(self, app_id: str) -> App | None: ...
    def save_app(self, app: App) -> None: ...
    def delete_app(self, app_id: str) -> None:
        """Raises InvalidInput while installs use the app."""

    def accounts(self) -> Sequence[Account]: ...
    def account(self, account_id: str) -> Account | None: ...
    def save_account(self, account: Account) -> None: ...
    def delete_account(self, account_id: str) -> None:
        """Deletes its installs too, with all that belongs to them."""

    def installs(self, account_id: str | None = None) -> Sequence[Install]: ...
    def install(self, install_id: str) -> Install | None: ...
    def save_install(self, install: Install) -> None:
        """Raises InvalidInput when its app or account is not there."""

    def delete_install(self, install_id: str) -> None:
        """Deletes its connections, tokens, pending logins and audit events too."""

    def connections(self, install_id: str) -> Sequence[Connection]:
        """Oldest first; the first is the one that a call uses when it names none."""

    def connection(self, install_id: str, connection_id: str) -> Connection | None: ...
    def save_connection(self, install_id: str, connection: Connection, grant: Grant) -> None:
        """Keep the outcome of a sign-in: the connection and its tokens, together, replacing older ones.

        The grant is given the version after the one it replaces. Raises InvalidInput for an install that is
        not there, or a connection of another install.
        """

    def mark(self, install_id: str, connection: Connection, *, grant_version: int) -> bool:
        """Replace the connection if its grant still is at `grant_version`; False: nothing was written."""

    def disconnect(self, install_id: str, connection: Connection) -> bool:
        """Replace the connection and delete its tokens, together; False: it was not there."""

    def delete_connection(self, install_id: str, connection_id: str) -> bool:
        """Delete the connection and its tokens; False: it was not there."""

    def grant(self, install_id: str, connection_id: str) -> Grant | None: ...
    def replace_grant(
        self, install_id: str, connection: Connection, grant: Grant, *, expected_version: int
    ) -> bool:
        """Replace connection and tokens, together, if the tokens still are at `expected_version`.

        False: nothing was written, because another writer was first or the connection has gone.
        """

    def idle(self, before: datetime) -> Sequence[tuple[str, str]]:
        """Install and connection IDs of delegated grants that were last renewed before this time."""

    def refresh_lock(self, connection_id: str) -> AbstractContextManager[None]:
        """Hold off every other thread and process that would renew the same connection.

        Raises NoAnswer when another holds it for longer than a renewal can take.
        """

    def save_login(self, install_id: str, login: PendingLogin) -> None: ...
    def take_login(self, state_hash: str) -> PendingLogin | None:
        """Give out the pending login of this state and delete it: of two callers one gets it.

        The state is a secret that the platform made, so it needs no install to be found by.
        """

    def delete_expired_logins(self, now: datetime) -> int:
        """Delete the pending logins that expired before `now`; gives how many."""

    def record(self, event: AuditEvent) -> None:
        """Keep an event, unless its install has gone meanwhile."""

    def audit(self, install_id: str, limit: int = 100) -> Sequence[AuditEvent]:
        """The latest events of an install, newest first."""
