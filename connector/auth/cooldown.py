"""Pauses after refusals: the same request that failed is not sent again and again.

Entra ID blocks apps that repeat themselves (AADSTS50196). A pause belongs to what the refusal was
about: one connection, one tenant of an app, or the app with its credentials; a new sign-in or a new
credential is another key, and so starts without one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import replace

from connector.auth.aadsts import Refusal

_TIDY_ABOVE = 1000


class Cooldowns:
    """What is paused, until when, and because of which refusal. Kept in memory, per process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: dict[Hashable, tuple[float, Refusal]] = {}

    def hold(self, key: Hashable, seconds: float, refusal: Refusal) -> bool:
        """Pause `key`; False when it was paused before, even if that is over: nothing new to tell."""
        now = self._monotonic()
        with self._lock:
            known = key in self._held
            if len(self._held) > _TIDY_ABOVE:
                self._held = {key: entry for key, entry in self._held.items() if entry[0] > now}
            self._held[key] = now + seconds, refusal
            return not known

    def find(self, *keys: Hashable) -> Refusal | None:
        """The refusal that pauses one of these keys now, with the seconds that are left."""
        now = self._monotonic()
        for key in keys:
            until, refusal = self._held.get(key, (now, None))
            if refusal is not None and until > now:
                return replace(refusal, retry_after_seconds=until - now)
        return None

    def clear(self, *keys: Hashable) -> None:
        """These work again."""
        with self._lock:
            for key in keys:
                self._held.pop(key, None)
