"""Collections of Graph-shaped items that remember their changes, so that delta queries can be answered.

A collection is the unit of a delta stream: the users of a tenant, the messages of one folder, the items of
one drive. Keys of an item that start with an underscore are the sandbox's own and never leave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """The latest change of one item; `removed` is the reason (`deleted`, `changed`) or None."""

    sequence: int
    item_id: str
    at: datetime
    removed: str | None = None
    created: bool = False


@dataclass(slots=True)
class Collection:
    """Items by id, in order of creation, with the latest change of each.

    `generation` is part of every delta token; `forget_tokens` raises it, which makes all of them answer 410.
    """

    generation: int = 1
    items: dict[str, Item] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    sequence: int = 0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items.values())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.items

    def get(self, item_id: str) -> Item | None:
        """The item with this id (ids are case-sensitive), or None."""
        return self.items.get(item_id)

    def add(self, item: Item, at: datetime) -> Item:
        """Keep a new item under its `id`."""
        self.items[item["id"]] = item
        self._record(item["id"], at, created=True)
        return item

    def touch(self, item_id: str, at: datetime) -> Item:
        """Note that an item, already altered in place, changed."""
        self._record(item_id, at)
        return self.items[item_id]

    def remove(self, item_id: str, at: datetime, reason: str = "deleted") -> Item:
        """Take an item out; delta queries report it as removed for this reason."""
        item = self.items.pop(item_id)
        self._record(item_id, at, removed=reason)
        return item

    def visible(self, now: datetime, delay_seconds: float) -> list[Item]:
        """The items that lists show: all but those created less than `delay_seconds` ago."""
        if not delay_seconds:
            return list(self.items.values())
        return [item for item in self.items.values() if not self._is_late(item["id"], now, delay_seconds)]

    def changes_between(self, after: int, until: int) -> list[Change]:
        """Latest changes with a sequence in (after, until], oldest first."""
        return [change for change in self.changes.values() if after < change.sequence <= until]

    def settled_sequence(self, now: datetime, delay_seconds: float) -> int:
        """The last sequence that delta queries already show."""
        for change in self.changes.values():
            if delay_seconds and (now - change.at).total_seconds() < delay_seconds:
                return change.sequence - 1
        return self.sequence

    def forget_tokens(self) -> None:
        """Invalidate every delta token given out so far."""
        self.generation += 1

    def _record(self, item_id: str, at: datetime, removed: str | None = None, created: bool = False) -> None:
        self.sequence += 1
        self.changes.pop(item_id, None)
        self.changes[item_id] = Change(self.sequence, item_id, at, removed, created)

    def _is_late(self, item_id: str, now: datetime, delay_seconds: float) -> bool:
        change = self.changes[item_id]
        return change.created and (now - change.at).total_seconds() < delay_seconds
