"""The requests and answers of Microsoft's reference documentation, read as they are printed there.

A page prints absolute and relative URLs, blanks, placeholders in braces and made-up values. Here they
become parts that can be compared; what describes no request to Graph v1.0 is left out, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from connector.proof.errors import InvalidReference

_HARMLESS = frozenset({"enum-case", "name-case", "open-property", "derived-property"})
"""Faults of a page that a tolerant reader does not notice."""
SYSTEM_OPTIONS = frozenset(
    {"select", "filter", "search", "orderby", "expand", "top", "skip", "count",
     "format", "skiptoken", "deltatoken", "apply", "compute"}
)  # fmt: skip
"""Microsoft: Use query parameters to customize Microsoft Graph query results."""
_OPTION = re.compile(r"(?:'[^']*'|[^&])+")
_VERSION = re.compile(r"/(v\d+\.\d+|beta)(?=/|$)", re.I)
_HOST = re.compile(r"(dod-)?graph\.microsoft\.(com|us)|microsoftgraph\.chinacloudapi\.cn", re.I)


@dataclass(frozen=True)
class Example:
    """One documented request with its answer. `raw` is a body that is not JSON."""

    id: str
    page: str
    verb: str
    url: str
    headers: Mapping[str, str]
    body: Any
    raw: str | None
    status: int
    answer: Any
    alternative: bool
    inbound: bool
    faults: tuple[str, ...]

    @cached_property
    def path(self) -> str:
        """The path below the API version, as printed."""
        return _VERSION.sub("", self._parts[0], count=1)

    @cached_property
    def query(self) -> tuple[tuple[str, str | None], ...]:
        """The query options, decoded; their names as `option_name` spells them, None for no value."""
        pairs = []
        for part in _OPTION.findall(self._parts[1]):
            name, equals, value = part.partition("=")
            pairs.append((option_name(name), unquote(value).strip() if equals else None))
        return tuple(pairs)

    @cached_property
    def _parts(self) -> tuple[str, str]:
        """Path and query of the URL; `?` and `#` can stand in placeholders, so no parser of URLs is used."""
        text = re.sub(r"(?i)^https?://[^/]+", "", self.url.strip())
        path, _, query = text.partition("?")
        return path if path.startswith(("/", "{")) else f"/{path}", query

    def unusable(self) -> str | None:
        """Why the example shows no request that a method could make; None when it does."""
        if self.inbound:
            return "it is sent by Graph, not to it"
        host = urlsplit(self.url.strip()).hostname if "://" in self.url else None
        if host and not _HOST.fullmatch(host):
            return f"it goes to {host}, not to Graph"
        if not self._parts[0].startswith("/"):
            return "its URL is a placeholder"
        version = _VERSION.match(self._parts[0])
        if version and version[1].lower() != "v1.0":
            return f"it calls {version[1]}"
        if any(value is None for _, value in self.query):
            return "an option of its query has no value"
        if self.alternative and self.status >= 400:
            return "it shows another answer, to which its request need not lead"
        harmful = sorted({fault.partition(":")[0] for fault in self.faults} - _HARMLESS)
        return f"its page is out of step with the metadata: {', '.join(harmful)}" if harmful else None


def option_name(name: str) -> str:
    """`$select` for `select`, `$Select` and `%24select`: Graph leaves the `$` and the letter case free."""
    plain = unquote(name).strip().lower()
    return f"${plain}" if plain in SYSTEM_OPTIONS else plain


def is_placeholder(text: str) -> bool:
    """Whether a page prints a name in braces or angle brackets in place of a value."""
    return re.fullmatch(r"\s*(\{[^{}]*\}|<[^<>]*>)\s*", text) is not None


def read_examples(folder: Path) -> Iterator[Example]:
    """Every example of the `*.jsonl` files in a folder. Raises InvalidReference."""
    files = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    if not files:
        raise InvalidReference(folder, "is no folder with files of examples (*.jsonl)")
    for path in files:
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise InvalidReference(path, f"cannot be read ({error.strerror})") from None
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _example(orjson.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InvalidReference(path, f"has no example on line {number}: {error}") from None


def _example(data: Mapping[str, Any]) -> Example:
    request, response = data["request"], data["response"]
    return Example(
        id=data["id"],
        page=data.get("page") or data["id"].partition("#")[0],
        verb=request["method"].upper(),
        url=request["url"],
        headers={name.lower(): str(value) for name, value in (request.get("headers") or {}).items()},
        body=request.get("body"),
        raw=request.get("body_raw"),
        status=int(response["status"]),
        answer=response.get("body"),
        alternative=bool(data.get("alternative")),
        inbound=data.get("direction") == "inbound",
        faults=tuple(data.get("csdl_problems") or ()),
    )
