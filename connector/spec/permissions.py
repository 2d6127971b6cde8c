"""Which permissions a method needs, at which target, in which mode."""

from __future__ import annotations

from collections.abc import Mapping

from connector.spec.model import Method, Mode, Permission, Prefix


def needed(
    method: Method, prefix: Prefix | None, mode: Mode, permissions: Mapping[str, Permission]
) -> tuple[str, ...]:
    """The permissions of a call, all of which it needs.

    Delegated ones change with the target: what reads your own mailbox does not read a shared one.
    Empty where the method does not exist in this mode.
    """
    scopes = method.scopes.get(mode, ())
    if mode == "application" or prefix is None or prefix.variant is None:
        return scopes
    return tuple(variant_of(scope, prefix.variant, permissions) for scope in scopes)


def variant_of(scope: str, variant: str, permissions: Mapping[str, Permission]) -> str:
    """What a permission becomes at another target; itself where it reaches there as it is."""
    entry = permissions.get(scope)
    return entry.variants.get(variant, scope) if entry else scope
