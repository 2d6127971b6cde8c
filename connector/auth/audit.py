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
        """Something happened now."""
        self._store.record(AuditEvent(self._clock.now(), kind, install_id, connection_id, facts))

    def refused(self, error: ConnectorError, install_id: str, connection_id: str | None) -> None:
        """A sign-in was refused: why, and Entra's number where it gave one."""
        number = getattr(error, "aadsts", None)
        facts = {"reason": str(getattr(error, "reason", error.code)), "aadsts": str(number or "")}
        self.note(
            "sign_in_refused",
            install_id,
            connection_id,
            **{name: text for name, text in facts.items() if text},
        )
