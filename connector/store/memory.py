"""A store in memory: for tests, and for a process that keeps nothing when it ends."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

from connector.errors import InvalidInput
from connector.tenancy import Account, App, AuditEvent, Connection, Grant, Install, PendingLogin

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class MemoryStore:
    """`connector.store.Store` in dictionaries, behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._refresh_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._apps: dict[str, App] = {}
        self._accounts: dict[str, Account] = {}
        self._installs: dict[str, Install] = {}
        self._connections: dict[str, Connection] = {}
        self._grants: dict[str, Grant] = {}
        self._logins: dict[str, PendingLogin] = {}
        self._events: list[AuditEvent] = []

    def apps(self) -> Sequence[App]:
        with self._lock:
            return sorted(self._apps.values(), key=lambda app: app.id)

    def app(self, app_id: str) -> App | None:
        return self._apps.get(app_id)

    def save_app(self, app: App) -> None:
        with self._lock:
            self._apps[app.id] = app

    def delete_app(self, app_id: str) -> None:
        with self._lock:
            if any(install.app_id == app_id for install in self._installs.values()):
                raise InvalidInput("the app", [("id", "is used by installs; remove those first")])
            self._apps.pop(app_id, None)

    def accounts(self) -> Sequence[Account]:
        with self._lock:
            return sorted(self._accounts.values(), key=lambda account: account.id)

    def account(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)

    def save_account(self, account: Account) -> None:
        with self._lock:
            self._accounts[account.id] = account

    def delete_account(self, account_id: str) -> None:
        with self._lock:
            for install in self.installs(account_id):
                self.delete_install(install.id)
            self._accounts.pop(account_id, None)

    def installs(self, account_id: str | None = None) -> Sequence[Install]:
        with self._lock:
            found = [each for each in self._installs.values() if account_id in (None, each.account_id)]
        return sorted(found, key=lambda install: install.id)

    def install(self, install_id: str) -> Install | None:
        return self._installs.get(install_id)

    def save_install(self, install: Install) -> None:
        with self._lock:
            if install.app_id not in self._apps or install.account_id not in self._accounts:
                raise InvalidInput("the install", [("", "names an app or an account that is not there")])
            self._installs[install.id] = install

    def delete_install(self, install_id: str) -> None:
        with self._lock:
            for connection in self.connections(install_id):
                self.delete_connection(install_id, connection.id)
            for login in [each for each in self._logins.values() if each.install_id == install_id]:
                del self._logins[login.state_hash]
            self._events = [event for event in self._events if event.install_id != install_id]
            self._installs.pop(install_id, None)

    def connections(self, install_id: str) -> Sequence[Connection]:
        with self._lock:
            found = [each for each in self._connections.values() if each.install_id == install_id]
        return sorted(found, key=lambda connection: (connection.created_at, connection.id))

    def connection(self, install_id: str, connection_id: str) -> Connection | None:
        found = self._connections.get(connection_id)
        return found if found is not None and found.install_id == install_id else None

    def save_connection(self, install_id: str, connection: Connection, grant: Grant) -> None:
        with self._lock:
            held = self._connections.get(connection.id)
            owners = {install_id, connection.install_id, held.install_id if held else install_id}
            if len(owners) > 1 or install_id not in self._installs:
                raise InvalidInput("the connection", [("install_id", "is not the install it belongs to")])
            older = self._grants.get(connection.id)
            self._connections[connection.id] = connection
            self._grants[connection.id] = replace(grant, version=older.version + 1) if older else grant

    def mark(self, install_id: str, connection: Connection, *, grant_version: int) -> bool:
        with self._lock:
            grant = self.grant(install_id, connection.id)
            if grant is None or grant.version != grant_version:
                return False
            self._connections[connection.id] = connection
            return True

    def disconnect(self, install_id: str, connection: Connection) -> bool:
        with self._lock:
            if self.connection(install_id, connection.id) is None:
                return False
            self._connections[connection.id] = connection
            self._grants.pop(connection.id, None)
            return True

    def delete_connection(self, install_id: str, connection_id: str) -> bool:
        with self._lock:
            if self.connection(install_id, connection_id) is None:
                return False
            self._grants.pop(connection_id, None)
            del self._connections[connection_id]
            return True

    def grant(self, install_id: str, connection_id: str) -> Grant | None:
        with self._lock:
            if self.connection(install_id, connection_id) is None:
                return None
            return self._grants.get(connection_id)

    def replace_grant(
        self, install_id: str, connection: Connection, grant: Grant, *, expected_version: int
    ) -> bool:
        with self._lock:
            if not self.mark(install_id, connection, grant_version=expected_version):
                return False
            self._grants[connection.id] = grant
            return True

    def idle(self, before: datetime) -> Sequence[tuple[str, str]]:
        with self._lock:
            return [
                (each.install_id, each.id)
                for each in self._connections.values()
                if each.mode == "delegated"
                and each.id in self._grants
                and (each.last_refresh_at or _LONG_AGO) < before
            ]

    def refresh_lock(self, connection_id: str) -> AbstractContextManager[None]:
        with self._lock:
            return _Held(self._refresh_locks[connection_id])

    def save_login(self, install_id: str, login: PendingLogin) -> None:
        with self._lock:
            if login.install_id != install_id or install_id not in self._installs:
                raise InvalidInput("the login", [("install_id", "is not the install it belongs to")])
            self._logins[login.state_hash] = login

    def take_login(self, state_hash: str) -> PendingLogin | None:
        with self._lock:
            return self._logins.pop(state_hash, None)

    def delete_expired_logins(self, now: datetime) -> int:
        with self._lock:
            expired = [each.state_hash for each in self._logins.values() if each.expires_at < now]
            for state_hash in expired:
                del self._logins[state_hash]
            return len(expired)

    def record(self, event: AuditEvent) -> None:
        with self._lock:
            if event.install_id is None or event.install_id in self._installs:
                self._events.append(event)

    def audit(self, install_id: str, limit: int = 100) -> Sequence[AuditEvent]:
        with self._lock:
            return [event for event in reversed(self._events) if event.install_id == install_id][:limit]


class _Held(AbstractContextManager[None]):
    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *failure: object) -> None:
        self._lock.release()
