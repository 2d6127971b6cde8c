"""OData query options applied to lists of Graph-shaped items.

`$filter` itself is parsed by `odata_filter`. Rules of single workloads (which filters they refuse) are left
to their route modules. Source: Microsoft: Use query parameters to customize responses.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .odata_filter import BadFilter, comparable, parse_filter, property_at

Item = dict[str, Any]

_KNOWN = {
    "$filter", "$search", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$select", "$expand",
    "$deltatoken", "$format",
}  # fmt: skip


class BadQuery(ValueError):
    """A query option that Graph refuses with 400; `code` is the code of the error envelope."""

    def __init__(self, message: str, code: str = "BadRequest") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its items, the count of all (if asked) and the query of the next page (if any)."""

    items: list[Item]
    total: int | None
    next_query: dict[str, str] | None


def page_of(
    items: Iterable[Item],
    query: Mapping[str, str],
    *,
    default_page: int,
    max_page: int,
    search: Callable[[Item, str], bool] | None = None,
    paging: str = "$skiptoken",
    page_preference: str | None = None,
    ignore_filter: bool = False,
) -> Page:
    """Filter, search, sort, count and cut; raises BadQuery."""
    unknown = [name for name in query if name.startswith("$") and name not in _KNOWN]
    if unknown:
        raise BadQuery(f"The query parameter '{unknown[0]}' is not supported.")
    found = list(items)
    if "$filter" in query and not ignore_filter:
        found = _filtered(found, query["$filter"])
    if "$search" in query:
        wanted = search or _any_text_contains
        found = [item for item in found if wanted(item, query["$search"])]
    if "$orderby" in query:
        found = _sorted(found, query["$orderby"])
    total = len(found) if query.get("$count", "").casefold() == "true" else None
    top = _whole_number(query, "$top", 1, max_page)
    size = top or _whole_number({"$top": page_preference or ""}, "$top", 1, max_page) or default_page
    start = _start(query, paging)
    end = start + size
    if end >= len(found):
        return Page(found[start:], _first_page_only(total, query), None)
    following = {name: value for name, value in query.items() if name not in ("$skip", "$skiptoken")}
    following[paging] = str(end) if paging == "$skip" else _skip_token(end)
    return Page(found[start:end], _first_page_only(total, query), following)


def _first_page_only(total: int | None, query: Mapping[str, str]) -> int | None:
    return None if "$skiptoken" in query else total


def _filtered(items: list[Item], text: str) -> list[Item]:
    try:
        matches = parse_filter(text).matches
    except BadFilter as error:
        raise BadQuery(f"Invalid filter clause: {error}") from None
    return [item for item in items if matches(item)]


def _any_text_contains(item: Item, search: str) -> bool:
    wanted = search.strip('"').casefold()
    return wanted in json.dumps(item, ensure_ascii=False, default=str).casefold()


def _sorted(items: list[Item], orderby: str) -> list[Item]:
    for clause in reversed(orderby.split(",")):
        path, _, direction = clause.strip().partition(" ")
        if not path or direction.strip().casefold() not in ("", "asc", "desc"):
            raise BadQuery(f"Syntax error in $orderby: '{orderby}'.")
        items = sorted(
            items,
            key=lambda item: _sort_key(property_at(item, path)),
            reverse=direction.strip().casefold() == "desc",
        )
    return items


def _sort_key(value: Any) -> tuple[int, str, Any]:
    value = comparable(value)
    if value is None:
        return (0, "", 0)
    return (1, type(value).__name__, value)


def _whole_number(query: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not re.fullmatch(r"-?\d+", text):
        raise BadQuery(f"Invalid value '{text}' for {name} query option found. A number is required.")
    if not least <= int(text) <= most:
        raise BadQuery(
            f"Invalid page size specified: '{text}'. Must be between {least} and {most} inclusive."
        )
    return int(text)


def _start(query: Mapping[str, str], paging: str) -> int:
    if "$skiptoken" in query:
        try:
            return int(json.loads(_unpacked(query["$skiptoken"]))["start"])
        except (ValueError, KeyError, TypeError):
            raise BadQuery("The specified skip token is invalid.") from None
    skip = query.get("$skip")
    if skip is None:
        return 0
    if not skip.isdigit():
        raise BadQuery(f"Invalid value '{skip}' for $skip query option found.")
    if paging != "$skip" and int(skip):
        raise BadQuery("'$skip' is not supported by the service.", "Request_BadRequest")
    return int(skip)


def _skip_token(start: int) -> str:
    return packed({"start": start})


def packed(data: Any) -> str:
    """A value as an opaque token for a URL."""
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode().rstrip("=")


def _unpacked(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error as error:
        raise ValueError("not a token") from error


def unpacked(token: str) -> Any:
    """What `packed` put in; raises ValueError."""
    return json.loads(_unpacked(token))


def shaped(
    item: Item,
    query: Mapping[str, str],
    default_select: Sequence[str],
    always: Sequence[str],
    expand: Mapping[str, Callable[[Item], Any]],
) -> Item:
    """An item as $select and $expand leave it; keys with a leading underscore never show. Raises BadQuery."""
    selected = [name.strip() for name in query.get("$select", "").split(",") if name.strip()]
    if selected and "*" not in selected:
        heads = {name.split("/")[0].casefold() for name in [*selected, *always]}
        shown = {key: value for key, value in item.items() if key.casefold() in heads}
    elif default_select and not selected:
        shown = {key: value for key, value in item.items() if key.startswith("@")}
        shown |= {name: item.get(name) for name in default_select}
    else:
        shown = dict(item)
    shown = {key: value for key, value in shown.items() if not key.startswith("_")}
    for name, options in _expansions(query.get("$expand", "")):
        if name not in expand:
            raise BadQuery(f"Could not find a property named '{name}' to expand.", "ExpandNotSupported")
        value = expand[name](item)
        if isinstance(value, list):
            shown[name] = [shaped(entry, options, (), ("id", "@odata.type"), {}) for entry in value]
        else:
            shown[name] = value if value is None else shaped(value, options, (), ("id", "@odata.type"), {})
    return shown


def _expansions(text: str) -> list[tuple[str, dict[str, str]]]:
    """`a($select=x,y;$top=1),b` as names with their options."""
    found: list[tuple[str, dict[str, str]]] = []
    for match in re.finditer(r"\s*([\w.]+)\s*(?:\(([^)]*)\))?\s*(?:,|$)", text):
        options = dict(part.strip().split("=", 1) for part in (match[2] or "").split(";") if "=" in part)
        found.append((match[1], options))
    return found


def parse_prefer(header: str) -> dict[str, str]:
    """`outlook.timezone="UTC", odata.maxpagesize=5` as a dictionary with lower-case names."""
    found: dict[str, str] = {}
    for part in re.findall(r'(?:[^,;"]|"[^"]*")+', header):
        name, _, value = part.strip().partition("=")
        if name:
            found[name.strip().casefold()] = value.strip().strip('"')
    return found


def link(url: str, query: Mapping[str, str]) -> str:
    """A URL with these query parameters, escaped as Graph does: `$` and `,` stay readable."""
    pairs = "&".join(
        f"{quote(name, safe='$')}={quote(value, safe='$,()*!')}" for name, value in query.items()
    )
    return f"{url}?{pairs}" if pairs else url
