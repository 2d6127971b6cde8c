"""The state of the sandbox: companies, accounts, app registrations, consents, tokens, clock and journal.

Items that Graph returns are kept as Graph-shaped dictionaries; what Graph never shows is kept in the
dataclasses here. Workloads keep their own state in `Tenant.part`. How requests read and change the state is
left to the route modules; what a fresh world contains is left to `seed`.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import threading
import time
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar, cast

from .changelog import Collection, Item
from .switches import Switches

Part = TypeVar("Part")
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_URL_SAFE = str.maketrans("/+", "-_")


class Clock:
    """The time of the sandbox: the machine's, moved by an offset or standing still."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        """Now, aware UTC."""
        return (self._frozen_at or datetime.now(UTC)) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the time; negative seconds go back."""
        self._offset += timedelta(seconds=seconds)

    def freeze(self, at: datetime) -> None:
        """Stand still at a moment; `advance` still moves it."""
        self._frozen_at, self._offset = at, timedelta()

    def run(self) -> None:
        """Follow the machine's time again."""
        self._frozen_at, self._offset = None, timedelta()

    @staticmethod
    def sleep(seconds: float) -> None:
        """Real waiting, for slow answers."""
        time.sleep(seconds)


@dataclass(slots=True)
class Account:
    """What a directory knows of a user and Graph does not show."""

    password: str
    mailbox: Literal["cloud", "shared", "on_premises", "none"] = "cloud"
    delegates: set[str] = field(default_factory=set)
    """Object ids of the users who may open this mailbox and drive."""
    sessions_valid_from: datetime = _ALWAYS
    """Refresh tokens issued earlier are revoked (AADSTS50173)."""
    is_admin: bool = False
    challenged_since: datetime | None = None
    """Since then, access tokens of clients that declared `cp1` meet a claims challenge."""
    home: tuple[str, str] | None = None
    """Company and user id of a guest at home, if home is in the sandbox too."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret of an app registration."""

    id: str
    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of an app registration; thumbprints are base64url without padding."""

    id: str
    pem: str
    sha256: str
    sha1: str
    expires_at: datetime


@dataclass(slots=True)
class App:
    """An app registration."""

    id: str
    name: str
    redirect_uris: list[str] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    delegated: list[str] = field(default_factory=list)
    """Delegated permissions of the registration; what `.default` means."""
    application: list[str] = field(default_factory=list)
    """Application permissions of the registration; become roles by admin consent."""
    multi_tenant: bool = True
    home_tenant: str = ""
    public: bool = False
    """A public client: it has no secret and may not send one."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Granted:
    """One permission granted to an app, and since when it counts."""

    permission: str
    since: datetime


@dataclass(slots=True)
class Consent:
    """What one company granted to one app."""

    everyone: dict[str, datetime] = field(default_factory=dict)
    """Delegated permissions granted for all users by an admin, with the moment they take effect."""
    users: dict[str, set[str]] = field(default_factory=dict)
    """Delegated permissions granted by single users, by object id."""
    roles: dict[str, datetime] = field(default_factory=dict)
    """Application permissions granted by an admin, with the moment they take effect."""

    def scopes_of(self, user_id: str, now: datetime) -> set[str]:
        """Delegated permissions that count for this user now."""
        shared = {scope for scope, since in self.everyone.items() if since <= now}
        return shared | self.users.get(user_id, set())

    def roles_at(self, now: datetime) -> set[str]:
        """Application permissions that count now."""
        return {role for role, since in self.roles.items() if since <= now}


@dataclass(slots=True)
class Tenant:
    """One company: its directory and everything its users own."""

    id: str
    name: str
    domains: list[str]
    consent_policy: Literal["legacy", "restrictive"] = "legacy"
    users: Collection = field(default_factory=Collection)
    groups: Collection = field(default_factory=Collection)
    members: dict[str, list[str]] = field(default_factory=dict)
    """Object ids of the members, by group id."""
    managers: dict[str, str] = field(default_factory=dict)
    """Object id of the manager, by user id."""
    sites: Collection = field(default_factory=Collection)
    deleted_users: dict[str, tuple[Item, Account]] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    """By client id; an app without an entry is not installed in this company."""
    licensed_skus: list[Item] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    """Object ids of users assigned to the apps that require it."""
    assignment_required: set[str] = field(default_factory=set)
    """Client ids of apps that only assigned users may use (AADSTS50105)."""
    _parts: dict[Hashable, Any] = field(default_factory=dict)

    def part(self, key: Hashable, make: Callable[[], Part]) -> Part:
        """State of a workload under a key of its own choice, e.g. `("mailbox", user_id)`; made if absent."""
        if key not in self._parts:
            self._parts[key] = make()
        return cast(Part, self._parts[key])

    def find_user(self, key: str) -> Item | None:
        """A user by object id or user principal name (case-insensitive)."""
        by_id = self.users.get(key.casefold())
        if by_id is not None:
            return by_id
        wanted = key.casefold()
        return next((user for user in self.users if user["userPrincipalName"].casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an opaque access token stands for."""

    tenant_id: str
    app_id: str
    user_id: str | None
    permissions: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    declares_cp1: bool = False
    answers_challenge: bool = False
    """Asked for with the claims of a challenge, so it passes where older tokens are challenged."""


@dataclass(slots=True)
class Ticket:
    """A pre-authorised URL of the content host: an upload session, a download, a monitor."""

    kind: str
    tenant_id: str
    user_id: str | None
    app_id: str
    data: dict[str, Any]
    expires_at: datetime | None = None


class World:
    """Everything the sandbox knows. One request at a time holds `lock` and may change it."""

    def __init__(self, switches: Switches | None = None, clock: Clock | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock or Clock()
        self._first_switches = switches or Switches()
        self.clear()

    def clear(self) -> None:
        """Forget everything; the clock follows the machine again and the switches are as at the start."""
        self.switches = self._first_switches
        self.clock.run()
        self.tenants: dict[str, Tenant] = {}
        self.apps: dict[str, App] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.tickets: dict[str, Ticket] = {}
        self._ticket_ends: list[tuple[datetime, str]] = []
        self._parts: dict[Hashable, Any] = {}
        self.delta_epoch = 0
        """Raised to invalidate every delta token."""
        self._ids_given = 0

    def part(self, key: Hashable, make: Callable[[], Part]) -> Part:
        """State of a module that belongs to no company (sign-ins under way, armed faults, the journal)."""
        if key not in self._parts:
            self._parts[key] = make()
        return cast(Part, self._parts[key])

    def tenant(self, key: str) -> Tenant | None:
        """A company by GUID or by any of its domains."""
        wanted = key.casefold()
        if wanted in self.tenants:
            return self.tenants[wanted]
        return next((tenant for tenant in self.tenants.values() if wanted in tenant.domains), None)

    def new_guid(self) -> str:
        """A GUID; the same sequence in every fresh world."""
        return str(uuid.UUID(bytes=self._digest("guid")[:16], version=4))

    def new_id(self, prefix: str = "AAMk") -> str:
        """An id as Outlook makes them: long, case-sensitive, with signs as the switch `outlook_ids` says."""
        code = base64.b64encode(self._digest(prefix) + self._digest(prefix)[:24]).decode()
        made = f"{prefix}{code[:20]}/{code[20:44]}+{code[44:72]}="
        return made.translate(_URL_SAFE) if self.switches.outlook_ids == "url_safe" else made

    def new_secret(self, prefix: str = "") -> str:
        """An unguessable text for tokens and codes."""
        return prefix + base64.urlsafe_b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode().rstrip("=")

    def add_ticket(self, ticket: Ticket) -> str:
        """The token of a new pre-authorised URL. Those that have expired by now are forgotten."""
        now = self.clock.now()
        while self._ticket_ends and self._ticket_ends[0][0] <= now:
            self.tickets.pop(heapq.heappop(self._ticket_ends)[1], None)
        token = self.new_secret()
        self.tickets[token] = ticket
        if ticket.expires_at is not None:
            heapq.heappush(self._ticket_ends, (ticket.expires_at, token))
        return token

    def _digest(self, prefix: str) -> bytes:
        self._ids_given += 1
        return hashlib.sha256(f"{prefix} {self._ids_given}".encode()).digest()

    def issue_access_token(
        self,
        tenant: Tenant,
        app_id: str,
        user_id: str | None,
        permissions: frozenset[str],
        *,
        lifetime_seconds: float | None = None,
        declares_cp1: bool = False,
        answers_challenge: bool = False,
    ) -> str:
        """A new access token. It is opaque: no client may look inside."""
        now = self.clock.now()
        if lifetime_seconds is None:
            lifetime_seconds = self.switches.access_token_seconds
        token = self.new_secret("EwB4A8l6BAAU")
        expires_at = now + timedelta(seconds=lifetime_seconds)
        self.access_tokens[token] = AccessToken(
            tenant.id, app_id, user_id, permissions, now, expires_at, declares_cp1, answers_challenge
        )
        return token
