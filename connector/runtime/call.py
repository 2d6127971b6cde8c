"""What goes into the engine, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from connector.spec.model import Method
from connector.wire import Request


@dataclass(frozen=True, slots=True)
class Call:
    """One execution of a method. `id` also traces it; `cursor` is a path and query of an earlier page."""

    method: Method
    params: Mapping[str, Any]
    cursor: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def with_params(self, params: Mapping[str, Any]) -> Call:
        """The same call with other inputs."""
        return replace(self, params=params)


@dataclass(frozen=True, slots=True)
class Step:
    """What one answer led to: items to give out, and the request to send next, after a wait.

    `cursor` continues a listing after these items, `here` is where it gave them out; `complete` says
    that it has reached its end, which for a delta comes with a cursor: the one for the next round.
    `progress` is bytes sent, or percent done.
    """

    items: tuple[Any, ...] = ()
    next: Request | None = None
    wait_seconds: float = 0
    cursor: str | None = None
    here: str | None = None
    complete: bool = True
    progress: float | None = None


class Page:
    """What the connector gives out: `items`, and the `cursor` for more.

    `complete` is False while there are more items to come. A delta that is complete still has a
    cursor: give it to the next round. The cursor is made when it is first looked at.
    """

    __slots__ = ("_cursor", "complete", "items")

    def __init__(
        self, items: tuple[Any, ...], cursor: str | Callable[[], str] | None = None, complete: bool = True
    ) -> None:
        self.items = items
        self.complete = complete
        self._cursor = cursor

    @property
    def cursor(self) -> str | None:
        """What continues after these items; None where nothing does."""
        if callable(self._cursor):
            self._cursor = self._cursor()
        return self._cursor

    def with_items(self, items: tuple[Any, ...]) -> Page:
        """The same place in the listing, with other items."""
        return Page(items, self._cursor, self.complete)

    def __repr__(self) -> str:
        return f"Page({len(self.items)} items, complete={self.complete})"
