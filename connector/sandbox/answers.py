"""What a route handler can give back: an answer, or an error of Graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class GraphError(Exception):
    """An error answer of Graph: status, code and message of the envelope, and the more precise inner code."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        inner_code: str = "",
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.inner_code = inner_code


@dataclass(slots=True)
class Answer:
    """What goes back: JSON in `body`, or bytes in `content`."""

    status: int = 200
    body: Any = None
    content: bytes | Iterable[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
