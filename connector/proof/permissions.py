"""Microsoft's own tables: which scopes are enough for a request, the least of them, and their GUIDs.

The table of requests has gaps that are known (its own notes name them). A request without an entry
is looked up under the kin that Graph guards in the same way: `/me` and `/users/{id}`, the default
calendar and any calendar, a file by its path and by its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from connector.proof.csdl import Metadata
from connector.proof.errors import InvalidReference
from connector.proof.paths import PathError, Resolved, resolve

Mode = Literal["delegated", "application"]
_RANKS = {"ReadBasic": 0, "Read": 1, "ReadWrite": 2}
_REACHES = {"": 0, "Shared": 1, "All": 2}

_KIN: tuple[tuple[str, str, str], ...] = (
    # verbs, part of a signature, what Graph guards in the same way
    ("", r"^me(?=/|$)", "users/*"),
    ("", r"^users/\*(?=/|$)", "me"),
    ("", r"^(users/\*|groups/\*|sites/\*|me)/drive(?=/|$)", "drives/*"),
    ("", r"^(users/\*|groups/\*|sites/\*|me)/drive(?=/|$)", "me/drive"),
    ("", r"^drives/\*(?=/|$)", "me/drive"),
    ("", r"/calendar(?=/|$)", "/calendars/*"),
    ("", r"^(me|users/\*|groups/\*)/calendars/\*(?=/.)", r"\1/calendar"),
    ("", r"^(me|users/\*)/calendarGroups/\*/calendars/\*(?=/|$)", r"\1/calendars/*"),
    ("", r"/root(?=/|$)", "/items/*"),
    ("", r"/:\*(?=/|$)", ""),
    ("", r"/mailFolders/\*/messageRules", "/mailFolders/inbox/messageRules"),
    ("", r"/items/\*/search$", "/root/search"),
    ("", r"/drive/search$", "/drive/root/search"),
    ("", r"/contacts/delta$", "/contactFolders/*/contacts/delta"),
    ("", r"/messages/delta$", "/mailFolders/*/messages/delta"),
    ("", r"/photo/\$value$", "/photo"),
    ("GET", r"/(\$value|\$count)$", ""),
    ("GET", r"/attachments/\*$", "/attachments"),
)
"""The gaps of the table of requests that its notes name, as rules."""
_MOST_KIN = 400


@dataclass(frozen=True, slots=True)
class Row:
    """One request: by mode the scopes of which any one is enough, and the least privileged of them."""

    path: str
    enough: Mapping[Mode, frozenset[str]]
    least: Mapping[Mode, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope as Entra ID knows it; `id` is None where it cannot be granted."""

    id: str | None
    admin: bool


@dataclass(frozen=True)
class Scopes:
    """Every scope, by mode and name."""

    known: Mapping[tuple[Mode, str], Scope]

    @classmethod
    def open(cls, path: Path) -> Scopes:
        """The scopes in a file. Raises InvalidReference."""
        known: dict[tuple[Mode, str], Scope] = {}
        try:
            for entry in read_json(path):
                known[entry["type"], entry["value"]] = Scope(
                    entry["id"], bool(entry["requires_admin_consent"])
                )
        except (KeyError, TypeError) as error:
            raise InvalidReference(path, f"is not the list of scopes: an entry lacks {error}") from None
        return cls(known)

    def is_grantable(self, mode: Mode, name: str) -> bool:
        """Whether the scope exists in this mode and has a GUID."""
        scope = self.known.get((mode, name))
        return scope is not None and scope.id is not None


@dataclass(frozen=True)
class Requests:
    """The table of requests. Entries whose path the metadata does not know are left out."""

    rows: Mapping[tuple[str, str], Row]

    @classmethod
    def open(cls, path: Path, metadata: Metadata) -> Requests:
        """The table in a file. Raises InvalidReference."""
        rows: dict[tuple[str, str], Row] = {}
        try:
            for entry in read_json(path):
                try:
                    resolved = resolve(metadata, entry["path"])
                except PathError:
                    continue
                row = _row(entry)
                key = (entry["method"], _with_literal_keys(resolved))
                rows[key] = _join(rows[key], row) if key in rows else row
        except (KeyError, TypeError) as error:
            raise InvalidReference(path, f"is not the table of requests: an entry lacks {error}") from None
        return cls(rows)

    def find(self, verb: str, path: Resolved, mode: Mode) -> Row | None:
        """The entry of a request, else that of its nearest kin, else None.

        For application permissions an entry of `/me` is the last resort: it lists some, but an app
        without a user cannot call `/me`.
        """
        found = None
        for signature in _kin(verb, [_with_literal_keys(path), path.signature]):
            row = self.rows.get((verb, signature))
            if row is not None and (mode == "delegated" or not signature.startswith("me/")):
                return row
            found = found or row
        return found


def _kin(verb: str, signatures: Iterable[str]) -> Iterator[str]:
    """The signatures themselves, then their kin, the nearest first."""
    pending = list(dict.fromkeys(signatures))
    for signature in pending:
        yield signature
        for verbs, part, other in _KIN:
            kin = re.sub(part, other, signature, count=1)
            if (not verbs or verb in verbs) and kin not in pending and len(pending) < _MOST_KIN:
                pending.append(kin)


def _with_literal_keys(path: Resolved) -> str:
    """As the signature, but keys that are no placeholders stay: `me/mailFolders/inbox/messageRules`."""
    steps = path.signature.split("/")
    for at, segment in enumerate(path.segments):
        if segment.kind == "key" and not segment.text.startswith("{"):
            steps[at] = segment.text
    return "/".join(steps)


def _row(entry: Mapping[str, Any]) -> Row:
    return Row(
        entry["path"],
        {
            "delegated": frozenset(entry["delegated_work"]),
            "application": frozenset(entry["application"]),
        },
        {
            "delegated": frozenset(entry["delegated_work_least"]),
            "application": frozenset(entry["application_least"]),
        },
    )


def _join(one: Row, other: Row) -> Row:
    return Row(
        one.path,
        {mode: one.enough[mode] | other.enough[mode] for mode in one.enough},
        {mode: one.least[mode] | other.least[mode] for mode in one.least},
    )


def includes(wider: str, narrower: str) -> bool:
    """Whether a scope's name says that it includes another: `Mail.ReadWrite` includes `Mail.Read`.

    Microsoft: Overview of Microsoft Graph permissions, on how permissions are named.
    """
    if wider == narrower:
        return True
    (resource, does, reach), (other, other_does, other_reach) = _parse(wider), _parse(narrower)
    if resource != other or reach not in _REACHES or other_reach not in _REACHES:
        return False
    acts = does == other_does or (
        does in _RANKS and other_does in _RANKS and _RANKS[does] >= _RANKS[other_does]
    )
    return acts and _REACHES[reach] >= _REACHES[other_reach]


def _parse(scope: str) -> tuple[str, str, str]:
    resource, _, rest = scope.partition(".")
    does, _, reach = rest.partition(".")
    return resource, does, reach


def least(row: Row, mode: Mode, scopes: Scopes | None) -> frozenset[str]:
    """The least privileged scopes of a request that can be granted at all."""
    marked = row.least[mode]
    if scopes is None:
        return marked
    if grantable := frozenset(name for name in marked if scopes.is_grantable(mode, name)):
        return grantable
    enough = [name for name in row.enough[mode] if scopes.is_grantable(mode, name)]
    return frozenset(
        name for name in enough if not any(other != name and includes(name, other) for other in enough)
    )


def read_json(path: Path) -> Any:
    """The JSON in a reference file. Raises InvalidReference."""
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise InvalidReference(path, f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InvalidReference(path, f"is not JSON: {error}") from None
