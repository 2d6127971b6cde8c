"""The time as Entra ID sees it.

Token lifetimes and assertions are judged by Entra's clock, not by ours. The `Date` of its answers
tells how far ours is off; until the first answer ours is taken as right.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class ServerClock:
    """`now()` corrected by the last `Date` header that was seen. `seconds` is the local clock, for tests."""

    def __init__(self, seconds: Callable[[], float] = time.time) -> None:
        self._seconds = seconds
        self.offset_seconds = 0.0

    def timestamp(self) -> float:
        """Seconds since 1970, corrected."""
        return self._seconds() + self.offset_seconds

    def now(self) -> datetime:
        """The corrected time, aware UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def observe(self, date: str | None) -> None:
        """Learn from the `Date` header of an answer that has just come; a wrong one changes nothing.

        The header has whole seconds and is some time under way, so less than two are no difference.
        """
        try:
            served = parsedate_to_datetime(date or "")
        except ValueError:
            return
        if served.tzinfo is None:
            return
        offset = (served - datetime.fromtimestamp(self._seconds(), UTC)) / timedelta(seconds=1)
        self.offset_seconds = offset if abs(offset) > 2 else 0.0
