"""How often the token endpoint is asked, and with which of the app's credentials."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from connector.auth.aadsts import ASSERTION_OUT_OF_TIME, RefusedByEntra
from connector.auth.clock import ServerClock
from connector.auth.credentials import proof
from connector.tenancy import App, Credential

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_FIRST_WAIT_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0
_CLOCK_JUMP_SECONDS = 30.0

Result = TypeVar("Result")


class Attempts:
    """Remembers, per app, which credential was accepted last."""

    def __init__(self, clock: ServerClock, sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._accepted: dict[str, str] = {}

    def proven(
        self, app: App, audience: str, send: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """What `send` gives, called with the form fields that prove the app to `audience`.

        A credential that is refused gives way to the app's other one, once. An assertion whose time was
        wrong is made once more when the refusal has corrected our clock. Raises RefusedByEntra.
        """
        left = self._in_order(app)
        mended = False
        while True:
            credential = left.pop(0)
            offset = self._clock.offset_seconds
            try:
                answer = send(proof(credential, app.client_id, audience, self._clock))
            except RefusedByEntra as refused:
                moved = abs(self._clock.offset_seconds - offset) > _CLOCK_JUMP_SECONDS
                if refused.refusal.aadsts == ASSERTION_OUT_OF_TIME and moved and not mended:
                    mended = True
                    left.insert(0, credential)
                elif not refused.refusal.about_credential or not left:
                    raise
                continue
            if credential is not None and self._accepted.get(app.id) != credential.id:
                self._accepted[app.id] = credential.id
                log.info("Entra ID accepts the credential %s of the app %s.", credential.id, app.id)
            return answer

    def patiently(self, act: Callable[[], Result]) -> Result:
        """What `act` gives; passing faults are waited out, three attempts and a few seconds long.

        Only for what may be asked twice. Raises RefusedByEntra.
        """
        wait = _FIRST_WAIT_SECONDS
        for _ in range(_ATTEMPTS - 1):
            try:
                return act()
            except RefusedByEntra as refused:
                if refused.refusal.kind != "retry":
                    raise
                asked = refused.refusal.retry_after_seconds
                if (asked or 0) > _PATIENCE_SECONDS:
                    raise
                self._sleep(wait if asked is None else asked)
                wait *= 2
        return act()

    def _in_order(self, app: App) -> list[Credential | None]:
        """The one that worked last, then the one that has longest to live; a public client has none."""
        accepted = self._accepted.get(app.id)
        by_life = sorted(
            app.credentials,
            key=lambda each: (
                each.id == accepted,
                each.expires_at is None,
                each.expires_at or self._clock.now(),
            ),
            reverse=True,
        )
        return [*by_life] or [None]
