"""Noting what happens to sign-ins, in plain words and without secrets."""

from __future__ import annotations

from connector.auth.clock import ServerClock
from connector.errors import ConnectorError
from connector.store import Store
from connector.tenancy import AuditEvent


class Audit:
    """Writes audit events to the store."""

    def __init__(self, store: Store, clock: ServerClock) -> None:
        self._store = store
        self._clock = clock

    def note(
        self,
        kind: str,
        install_id: str | None = None,
        connection_id: str | None = None,
        **facts: str,
    ) -> None:
        """Something happened now; facts without a text are left out."""
        told = {name: text for name, text in facts.items() if text}
        self._store.record(AuditEvent(self._clock.now(), kind, install_id, connection_id, told))

    def refused(self, error: ConnectorError, install_id: str, connection_id: str | None) -> None:
        """A sign-in was refused: why, and Entra's number where it gave one."""
        reason, number = getattr(error, "reason", error.code), getattr(error, "aadsts", None)
        self.note("sign_in_refused", install_id, connection_id, reason=reason, aadsts=str(number or ""))
