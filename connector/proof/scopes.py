"""A method's scopes against Microsoft's tables: enough for each request, and no more than the least."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from connector.proof.findings import Finding
from connector.proof.permissions import Mode, Requests, Row, Scopes, includes, least
from connector.proof.requests import Variant
from connector.spec.model import Manifest, Method, Permission

_MODES: tuple[Mode, ...] = ("delegated", "application")


def check_requests(
    method: Method, variants: Iterable[Variant], manifest: Manifest, requests: Requests, scopes: Scopes | None
) -> Iterator[Finding]:
    """Whether what the method asks for lets each of its requests through, and is the least that does.

    The look after a lost answer is left out: it is made with whatever was granted.
    """
    made = [one for one in variants if one.resolved is not None and one.role != "settle"]
    for mode in _MODES:
        asked = method.scopes.get(mode, ())
        if not asked:
            continue
        here = [one for one in made if mode == "delegated" or not _needs_a_user(one)]
        if not here:
            yield Finding(
                "scopes",
                "asks for application permissions, but an app without a user cannot call /me",
                {"mode": mode},
            )
        yield from _check_mode(mode, asked, here, manifest, requests, scopes)


def _needs_a_user(variant: Variant) -> bool:
    prefix = variant.path.prefix
    return (prefix is not None and prefix.signed_in) or f"{variant.path.text}/".startswith("/me/")


def _check_mode(
    mode: Mode,
    asked: tuple[str, ...],
    made: list[Variant],
    manifest: Manifest,
    requests: Requests,
    scopes: Scopes | None,
) -> Iterator[Finding]:
    """A scope is the least when it is that for one request; the others of the method then come with it."""
    enough_for: dict[str, set[str]] = {}
    for variant in made:
        assert variant.resolved is not None
        request = f"{variant.verb} {variant.path.text}"
        about = {"mode": mode, "path": variant.path.text, "scope": " ".join(asked)}
        row = requests.find(variant.verb, variant.resolved, mode)
        if row is None:
            yield Finding("scopes", f"{request}: the table of requests has no entry for it", about)
            continue
        at_target = {scope: _at_target(mode, scope, variant, manifest) for scope in asked}
        if problem := _shortage(mode, request, at_target, row, scopes):
            yield Finding("scopes", problem, about)
        for scope in asked if variant.role != "result" else ():
            if at_target[scope] == scope:
                enough_for.setdefault(scope, set()).update(_less(mode, scope, row, scopes))
    for scope, less in enough_for.items():
        if "" not in less:
            yield Finding(
                "scopes",
                f"{scope} ({mode}) is more than any request needs; enough is {_one_of(less)}",
                {"mode": mode, "scope": scope},
            )


def _less(mode: Mode, scope: str, row: Row, scopes: Scopes | None) -> frozenset[str]:
    """The scopes that are less than the one asked for; the empty name when it is the least itself."""
    enough = least(row, mode, scopes)
    return frozenset({""}) if scope in enough else enough


def _at_target(mode: Mode, scope: str, variant: Variant, manifest: Manifest) -> str:
    """What a scope becomes at the target of the path: `Mail.Read.Shared` in another's mailbox.

    An app without a user reaches every mailbox with the plain scope.
    """
    name = variant.path.prefix.variant if variant.path.prefix and mode == "delegated" else None
    permission = manifest.permissions.get(scope)
    return permission.variants.get(name, scope) if name and permission else scope


def _shortage(
    mode: Mode, request: str, at_target: Mapping[str, str], row: Row, scopes: Scopes | None
) -> str | None:
    """Why the scopes, each as declared or as it is at the target, do not let the request through."""
    enough = row.enough[mode]
    if not enough:
        return f"{request}: Graph does not support it with {mode} permissions"
    if _reach({*at_target, *at_target.values()}, enough):
        return None
    needed = _one_of(least(row, mode, scopes))
    return f"{request}: {' and '.join(at_target)} ({mode}) is not enough; needed is {needed}"


def _reach(given: Iterable[str], enough: Iterable[str]) -> bool:
    return any(includes(scope, one) for scope in given for one in enough)


def _one_of(names: Iterable[str]) -> str:
    return " or ".join(sorted(names)) or "nothing that can be granted"


def check_permissions(method: Method, manifest: Manifest, scopes: Scopes) -> Iterator[Finding]:
    """The entries of the manifest's table that the method's scopes lead to."""
    for mode in _MODES:
        for name in method.scopes.get(mode, ()):
            permission = manifest.permissions.get(name)
            about = {"mode": mode, "scope": name}
            if permission is None:
                yield Finding("scopes", f"{name} is not in the manifest's table of permissions", about)
                continue
            if (permission.id if mode == "delegated" else permission.application_id) is None:
                yield Finding("scopes", f"{name} has no GUID for {mode} use in the manifest", about)
            for entry in (permission, *_variants(permission, method, manifest)):
                for problem in entry_problems(entry, scopes):
                    yield Finding("scopes", problem, {"scope": entry.name})


def _variants(permission: Permission, method: Method, manifest: Manifest) -> Iterator[Permission]:
    prefixes = method.target.prefixes if method.target else ()
    for name in {prefix.variant for prefix in prefixes if prefix.variant}:
        other = manifest.permissions.get(permission.variants.get(name, ""))
        if other is not None:
            yield other


def entry_problems(permission: Permission, scopes: Scopes) -> Iterator[str]:
    """What Microsoft's list of scopes says against one entry of the manifest's table."""
    given: Mapping[Mode, str | None] = {"delegated": permission.id, "application": permission.application_id}
    for mode, guid in given.items():
        known = scopes.known.get((mode, permission.name))
        if guid is None:
            continue
        if known is None or known.id is None:
            yield f"{permission.name} cannot be granted as a {mode} permission, but has a GUID for it"
        elif known.id != guid:
            yield f"{permission.name} has the {mode} GUID {guid}; Microsoft's is {known.id}"
    delegated = scopes.known.get(("delegated", permission.name))
    if permission.id is not None and delegated is not None and delegated.admin != permission.admin:
        yield (
            f"{permission.name} is said to need {'' if permission.admin else 'no '}admin consent; "
            f"Microsoft says that it {'does' if delegated.admin else 'does not'}"
        )
    for other in (*permission.covered_by, *permission.variants.values()):
        if not any((mode, other) in scopes.known for mode in _MODES):
            yield f"{permission.name} refers to {other}, which is no scope of Graph"


def check_cover(
    method: Method, variants: Iterable[Variant], manifest: Manifest, requests: Requests
) -> Iterator[Finding]:
    """Whether what is said to cover a scope of the method is enough for the method's own requests."""
    made = [one for one in variants if one.role in ("main", "small")]
    for mode in _MODES:
        for scope in method.scopes.get(mode, ()):
            permission = manifest.permissions.get(scope)
            for other in permission.covered_by if permission else ():
                for request in _uncovered(mode, scope, other, made, requests):
                    yield Finding(
                        "scopes",
                        f"{other} is said to cover {scope} ({mode}), but is not enough for {request}",
                        {"mode": mode, "scope": scope, "covered_by": other},
                    )


def _uncovered(mode: Mode, scope: str, other: str, made: Iterable[Variant], requests: Requests) -> list[str]:
    """The requests that `scope` lets through and `other` does not, each once."""
    found = {}
    for variant in made:
        if (
            variant.resolved is None
            or includes(other, scope)
            or (mode == "application" and _needs_a_user(variant))
        ):
            continue
        row = requests.find(variant.verb, variant.resolved, mode)
        if row and _reach([scope], row.enough[mode]) and not _reach([other], row.enough[mode]):
            found[f"{variant.verb} {row.path}"] = True
    return list(found)
