"""Permissions: what methods need, what a token grants, what is missing, what to register.

The permissions table is the manifest's. Names are compared without regard to letter case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from connector.errors import InvalidInput
from connector.spec.model import Method, Permission, Prefix
from connector.tenancy import Mode

OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
"""Sign-in itself. Entra ID may or may not list them in a token, and never lists offline_access."""
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph's own application ID, the same in every cloud and tenant."""

Permissions = Mapping[str, Permission]


def needed(
    methods: Iterable[Method], mode: Mode, permissions: Permissions, targets: Iterable[str] = ("me",)
) -> tuple[str, ...]:
    """The least set of permissions with which all these methods run, sorted.

    `targets` names the targets that will be used (`me`, `user`, `group`, …): with delegated
    permissions another user's mailbox needs another permission than one's own. Raises InvalidInput
    for a method that does not exist in this mode.
    """
    used = set(targets)
    found: set[str] = set()
    problems = []
    for method in methods:
        if not method.scopes.get(mode):
            problems.append((method.name, f"has no {mode} permission; Graph does not offer it in this mode"))
        family = method.target.prefixes if method.target else ()
        prefixes: list[Prefix | None] = [prefix for prefix in family if prefix.name in used]
        for prefix in prefixes or [None]:
            found.update(at_target(method, prefix, mode, permissions))
    if problems:
        raise InvalidInput("the choice of methods", problems)
    return least(found, permissions)


def at_target(method: Method, prefix: Prefix | None, mode: Mode, permissions: Permissions) -> tuple[str, ...]:
    """The permissions of one call, all of which it needs; empty where there is no such mode.

    Delegated ones change with the target: what reads one's own mailbox does not read a shared one.
    """
    scopes = method.scopes.get(mode, ())
    variant = prefix.variant if prefix is not None and mode == "delegated" else None
    if variant is None:
        return scopes
    entries = ((scope, permissions.get(scope)) for scope in scopes)
    return tuple(entry.variants.get(variant, scope) if entry else scope for scope, entry in entries)


def least(scopes: Iterable[str], permissions: Permissions) -> tuple[str, ...]:
    """The same set without what others of it cover, sorted.

    Of two that cover each other the first in the alphabet stays.
    """
    wanted = sorted(set(scopes))
    kept = wanted
    for scope in reversed(wanted):
        others = [other for other in kept if other != scope]
        if scope not in OPENID_SCOPES and not missing(others, wanted, permissions):
            kept = others
    return tuple(kept)


def missing(granted: Iterable[str], wanted: Iterable[str], permissions: Permissions) -> tuple[str, ...]:
    """Which of `wanted` the granted ones neither contain nor cover, in the order of `wanted`.

    The sign-in scopes are left out: a token need not list them.
    """
    have = {scope.casefold() for scope in granted}

    def suffices(scope: str) -> bool:
        entry = permissions.get(scope)
        return any(name.casefold() in have for name in (scope, *(entry.covered_by if entry else ())))

    return tuple(scope for scope in wanted if scope not in OPENID_SCOPES and not suffices(scope))


def granted(scope: str | Iterable[str], graph: str, permissions: Permissions) -> tuple[str, ...]:
    """The permissions of a token's `scope`, as short names in the table's spelling, sorted.

    Entra ID lists them short or as URIs below the Graph host of the cloud (`graph`), sometimes
    percent-encoded, in any order and case. Those of other services keep their whole name.
    """
    texts = [scope] if isinstance(scope, str) else scope
    spelling = {name.casefold(): name for name in (*permissions, *OPENID_SCOPES)}
    prefix = f"{graph.rstrip('/')}/".casefold()
    names = set()
    for word in (word for text in texts for word in unquote(text).split()):
        short = word[len(prefix) :] if word.casefold().startswith(prefix) else word
        names.add(spelling.get(short.casefold(), short))
    return tuple(sorted(names))


def asked(scopes: Iterable[str], permissions: Permissions) -> tuple[str, ...]:
    """The permissions that a caller typed, checked and in the table's spelling.

    Raises InvalidInput with every name that is not known; `File.*`, a common misprint of `Files.*`, gets
    a hint and is never sent.
    """
    spelling = {name.casefold(): name for name in (*permissions, *OPENID_SCOPES)}
    found: list[str] = []
    problems = []
    for scope in scopes:
        known = spelling.get(scope.casefold())
        if known is None:
            problems.append((scope, _hint(scope, spelling)))
        elif known not in found:
            found.append(known)
    if problems:
        raise InvalidInput("the permissions", problems)
    return tuple(found)


def _hint(scope: str, spelling: Mapping[str, str]) -> str:
    first, dot, rest = scope.partition(".")
    plural = spelling.get(f"{first}s{dot}{rest}".casefold())
    return f"is no permission; did you mean {plural}?" if plural else "is no permission that a method uses"


def of_admin(scopes: Iterable[str], mode: Mode, permissions: Permissions) -> tuple[str, ...]:
    """Those that only an administrator can grant: in application mode, all."""
    return tuple(
        scope
        for scope in scopes
        if mode == "application" or ((entry := permissions.get(scope)) is not None and entry.admin)
    )


def required_resource_access(
    scopes: Iterable[str], mode: Mode, permissions: Permissions
) -> list[dict[str, Any]]:
    """`requiredResourceAccess` of the app registration that asks for these permissions.

    As Microsoft Graph's `application` resource has it. Raises InvalidInput for permissions that do not
    exist in this mode.
    """
    kind = "Role" if mode == "application" else "Scope"
    access, problems = [], []
    for scope in sorted(set(scopes) - OPENID_SCOPES):
        entry = permissions.get(scope)
        guid = None if entry is None else entry.application_id if mode == "application" else entry.id
        if guid is None:
            problems.append((scope, f"does not exist as {mode} permission"))
        else:
            access.append({"id": guid, "type": kind})
    if problems:
        raise InvalidInput("the permissions", problems)
    return [{"resourceAppId": GRAPH_APP_ID, "resourceAccess": access}]
