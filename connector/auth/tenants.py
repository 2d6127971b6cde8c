"""Which tenant: from what a customer types to the GUID that is kept, and what the tenant publishes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.auth.id_token import PERSONAL_ACCOUNTS
from connector.errors import InvalidInput, ProtocolError

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_SHARED = frozenset({"common", "organizations", "consumers"})
_KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a tenant publishes about itself, checked."""

    tenant_id: str
    issuer: str
    keys_address: str


def tenant_name(text: str) -> str:
    """A tenant ID or a domain in the one form in which it is used. Raises InvalidInput, naming the remedy."""
    name = text.strip().lower()
    if name in _SHARED or name == PERSONAL_ACCOUNTS:
        raise _wrong(f"{name!r} is no organisation; give the tenant ID of one, or one of its domains")
    if _GUID.fullmatch(name) or _DOMAIN.fullmatch(name):
        return name
    raise _wrong("is neither a tenant ID (a GUID) nor a domain such as contoso.com")


def is_tenant_id(name: str) -> bool:
    """Whether it is a GUID, in lower case."""
    return _GUID.fullmatch(name) is not None


def read_discovery(
    document: Mapping[str, Any], tenant: str, authority: str, owns: Callable[[str], bool]
) -> Discovery:
    """The discovery document of `tenant` (GUID or domain), checked: issuer and keys are of this authority.

    Raises ProtocolError for what cannot be, InvalidInput for the tenant of personal accounts.
    """
    issuer, keys = document.get("issuer"), document.get("jwks_uri")
    if not isinstance(issuer, str) or not isinstance(keys, str) or not owns(keys):
        raise _odd("lacks an issuer, or names keys on another server")
    found = re.fullmatch(rf"(.+)/({_GUID.pattern})/v2\.0", issuer.lower())
    if found is None or found[1] != authority.lower() or (is_tenant_id(tenant) and found[2] != tenant):
        raise _odd("has an issuer that is not this tenant at this authority")
    return Discovery(tenant_name(found[2]), issuer, keys)


class Discoveries:
    """The discovery documents of tenants, kept for a day."""

    def __init__(self, fetch: Callable[[str, str], Discovery], clock: Callable[[], float]) -> None:
        """`fetch` takes cloud and tenant; `clock` gives seconds that only grow."""
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, Discovery]] = {}

    def find(self, cloud: str, tenant: str) -> Discovery:
        """The document, fetched where it is not known or too old. Raises what `fetch` raises."""
        with self._lock:
            fetched_at, discovery = self._kept.get((cloud, tenant), (float("-inf"), None))
        if discovery is None or self._clock() - fetched_at > _KEPT_SECONDS:
            discovery = self._fetch(cloud, tenant)
            with self._lock:
                self._kept[cloud, tenant] = self._clock(), discovery
        return discovery


def _wrong(problem: str) -> InvalidInput:
    return InvalidInput("the install", [("tenant_id", problem)])


def _odd(what: str) -> ProtocolError:
    return ProtocolError(
        f"The discovery document of Entra ID {what}; it was not used. Check the cloud's address."
    )
