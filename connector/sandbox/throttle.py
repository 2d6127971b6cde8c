"""Throttling: four requests at a time per app and mailbox; budgets per mailbox, company and drive.

Source: Microsoft Graph service-specific throttling limits; Avoid getting throttled in SharePoint Online.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from .answers import GraphError
from .state import World

_OUTLOOK = {
    "messages", "mailfolders", "sendmail", "events", "calendar", "calendars", "calendargroups",
    "calendarview", "contacts", "contactfolders", "mailboxsettings",
}  # fmt: skip
_DRIVE = {"drive", "drives", "sites", "shares"}
_WARNING_SHARE = 0.8
_MAILBOX_WINDOW_SECONDS = 600
_TENANT_WINDOW_SECONDS = 10
_DRIVE_WINDOW_SECONDS = 60


@dataclass(slots=True)
class Window:
    """Units spent in a sliding window."""

    spent: deque[tuple[datetime, int]] = field(default_factory=deque)
    total: int = 0

    def spend(self, now: datetime, units: int, limit: int, seconds: float) -> float | None:
        """Spend units; when they are over the limit, the seconds until there is room again."""
        while self.spent and (now - self.spent[0][0]).total_seconds() >= seconds:
            self.total -= self.spent.popleft()[1]
        if self.total + units > limit:
            oldest = self.spent[0][0] if self.spent else now
            return max(1.0, seconds - (now - oldest).total_seconds())
        self.spent.append((now, units))
        self.total += units
        return None


@dataclass(slots=True)
class Throttle:
    """Requests under way and units spent."""

    running: defaultdict[Hashable, int] = field(default_factory=lambda: defaultdict(int))
    windows: defaultdict[Hashable, Window] = field(default_factory=lambda: defaultdict(Window))
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for what, as the limits count it."""

    tenant_id: str
    app_id: str
    pattern: str
    mailbox: str
    has_token: bool

    @property
    def _names(self) -> set[str]:
        return {part.casefold() for part in self.pattern.strip("/").split("/")}

    @property
    def is_outlook(self) -> bool:
        """Whether the request runs in a mailbox."""
        return bool(self.mailbox and self._names & _OUTLOOK)

    @property
    def is_drive(self) -> bool:
        """Whether the request is served by SharePoint."""
        return bool(self._names & _DRIVE)

    def drive_units(self, method: str) -> int:
        """Resource units: reading one item 1, permissions 5, everything else 2."""
        names = self._names
        if names & {"permissions", "createlink", "invite"}:
            return 5
        many = names & {"children", "search({q})"} or ("delta" in names and not self.has_token)
        return 1 if method == "GET" and not many else 2


@contextmanager
def admitted(world: World, caller: Caller, method: str) -> Iterator[dict[str, str]]:
    """Let a request run, or raise GraphError 429; gives the rate limit headers of the answer."""
    throttle = world.part("throttle", Throttle)
    headers = _charge(world, throttle, caller, method)
    slot = ("mailbox", caller.app_id, caller.mailbox)
    limit = world.switches.mailbox_concurrency if caller.is_outlook else 0
    with throttle.lock:
        if limit and throttle.running[slot] >= limit:
            waits = {"Retry-After": "1"} if world.switches.mailbox_concurrency_retry_after else {}
            message = "Application is over its MailboxConcurrency limit."
            raise GraphError(429, "ApplicationThrottled", message, waits)
        throttle.running[slot] += 1
    try:
        yield headers
    finally:
        with throttle.lock:
            throttle.running[slot] -= 1


def _charge(world: World, throttle: Throttle, caller: Caller, method: str) -> dict[str, str]:
    switches, now = world.switches, world.clock.now()
    key: Hashable
    budgets: list[tuple[Hashable, int, int, float, str]] = [
        (("tenant", caller.app_id, caller.tenant_id), 1, switches.tenant_requests_per_10_seconds,
         _TENANT_WINDOW_SECONDS, "TooManyRequests"),
    ]  # fmt: skip
    if caller.is_outlook:
        key = ("requests", caller.app_id, caller.mailbox)
        limit = switches.mailbox_requests_per_10_minutes
        budgets.append((key, 1, limit, _MAILBOX_WINDOW_SECONDS, "ApplicationThrottled"))
    if caller.is_drive:
        key = ("drive", caller.app_id, caller.tenant_id)
        limit, units = switches.drive_units_per_minute, caller.drive_units(method)
        budgets.append((key, units, limit, _DRIVE_WINDOW_SECONDS, "activityLimitReached"))
    headers: dict[str, str] = {}
    with throttle.lock:
        for key, units, limit, seconds, code in budgets:
            if not limit:
                continue
            window = throttle.windows[key]
            wait_seconds = window.spend(now, units, limit, seconds)
            if wait_seconds is not None:
                waits = {"Retry-After": str(int(wait_seconds + 0.999))}
                raise GraphError(429, code, "The app has exceeded its limit. Wait and try again.", waits)
            if code == "activityLimitReached" and window.total >= limit * _WARNING_SHARE:
                headers = {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(limit - window.total),
                           "RateLimit-Reset": str(int(seconds))}  # fmt: skip
    return headers
