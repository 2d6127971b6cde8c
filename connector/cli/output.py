"""Data on standard output: JSON, JSON lines, CSV, or a table.

A table is for people: drawn on a terminal, aligned text in a pipe, control characters written out, so
that a mail subject can neither break a line nor colour the screen. The other forms are for programs
and hold everything.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import click

from connector.errors import UsageError
from connector.log import one_line

Form = Literal["json", "jsonl", "table", "csv"]
FORMS: tuple[Form, ...] = ("json", "jsonl", "table", "csv")

_UNSAFE_ON_SCREEN = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters that JSON leaves as they are, and marks that turn the direction of a text around."""
_CELL_WIDTH, _GAP_WIDTH = 60, 3
_PIPE_WIDTH = 200


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def default_form() -> Form:
    """A table for people, JSON for programs."""
    return "table" if on_terminal() else "json"


def compile_query(expression: str | None) -> Callable[[Any], Any]:
    """What `--query` does with a result. Raises UsageError for what is no JMESPath."""
    if expression is None:
        return lambda value: value
    import jmespath  # type: ignore[import-untyped]
    from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

    try:
        compiled = jmespath.compile(expression)
    except JMESPathError as error:
        raise UsageError(f"--query is no JMESPath expression: {str(error).splitlines()[0]}") from None

    def search(value: Any) -> Any:
        try:
            return compiled.search(value)
        except JMESPathError as error:
            raise UsageError(f"--query does not fit the result: {str(error).splitlines()[0]}") from None

    return search


class Output:
    """Receives items as they come and writes them in one form.

    `listing` says whether the result is a list, however many items there are, or the one item. A list
    as JSON, and JSON lines, are written while they arrive; of an interrupted list the JSON is closed, so
    that it can still be read. With JSON lines the query sees each item, else the whole result.
    """

    def __init__(self, form: Form, query: Callable[[Any], Any] | None = None, *, listing: bool) -> None:
        self._form = form
        self._query = query
        self._listing = listing
        self.streams = form == "jsonl" or (form == "json" and listing and query is None)
        self._kept: list[Any] = []
        self._count = 0

    def add(self, items: Iterable[Any]) -> None:
        """Takes items in their order."""
        for item in items:
            if not self.streams:
                self._kept.append(item)
            elif self._form == "jsonl":
                _line(_json(self._query(item) if self._query else item))
            else:
                _line(("[" if not self._count else ",") + "\n" + _json(item), end="")
            self._count += 1

    def finish(self) -> None:
        """Writes what is not written yet."""
        if self._form == "jsonl":
            return
        if self.streams:
            _line("\n]" if self._count else "[]")
            return
        result = self._kept if self._listing else next(iter(self._kept), None)
        if result is None and not self._listing:
            return
        write(self._query(result) if self._query else result, self._form)


def write(value: Any, form: Form) -> None:
    """One document in one form. Objects are rows; what lies deeper stands as JSON in a cell."""
    if form == "json":
        _line(_json(value, indent=2))
    elif form == "jsonl":
        for item in value if isinstance(value, list) else [value]:
            _line(_json(item))
    elif form == "csv":
        _line(_csv(value), end="")
    else:
        _table(value)


def _line(text: str, end: str = "\n") -> None:
    """Writes data as it is; `click.echo` would take out what looks like a colour."""
    sys.stdout.write(text + end)


def _json(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _UNSAFE_ON_SCREEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _rows(value: Any) -> tuple[list[str], list[Mapping[str, Any]]]:
    """The columns and the rows of any value; columns in the order of their first appearance."""
    items = value if isinstance(value, list) else [value]
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in items]
    return list(dict.fromkeys(key for row in rows for key in row)), rows


def _csv(value: Any) -> str:
    columns, rows = _rows(value)
    if not columns:
        return ""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_plain(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return _json(value)


def cell(value: Any) -> str:
    """A value on one line of a screen, with nothing in it that the screen would obey."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    return _UNSAFE_ON_SCREEN.sub(lambda found: f"\\u{ord(found[0]):04x}", one_line(_plain(value)))


def _table(value: Any) -> None:
    if isinstance(value, Mapping):
        lines = [[cell(name), cell(entry)] for name, entry in value.items() if not name.startswith("@odata.")]
        _draw(None, lines, wrap=True)
    elif isinstance(value, list):
        known, rows = _filled_columns(value)
        shown = _columns_that_fit(known, rows)
        _draw([cell(column) for column in shown], [[cell(row.get(key)) for key in shown] for row in rows])
        if left := len(known) - len(shown):
            click.echo(f"({left} more with --output json; or choose with --query)", err=True)
    elif value is not None:
        _line(cell(value))


def _filled_columns(value: list[Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """The columns that have something to show, and the rows."""
    columns, rows = _rows(value)
    filled = [
        column
        for column in columns
        if not column.startswith("@odata.") and any(row.get(column) not in (None, "", []) for row in rows)
    ]
    return filled, rows


def _columns_that_fit(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """As many as the line holds, plain ones before nested ones, in their order; two at least."""
    nested = [key for key in columns if any(isinstance(row.get(key), dict) for row in rows)]
    left = _screen_width() if on_terminal() else _PIPE_WIDTH
    chosen: list[str] = []
    for column in [*(key for key in columns if key not in nested), *nested]:
        widest = max(len(text) for text in [column, *(cell(row.get(column)) for row in rows)])
        left -= min(widest, _CELL_WIDTH) + _GAP_WIDTH
        if left < 0 and len(chosen) >= 2:
            break
        chosen.append(column)
    return [column for column in columns if column in chosen]


def _screen_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _draw(header: list[str] | None, lines: list[list[str]], *, wrap: bool = False) -> None:
    """Draws on a terminal; aligns in a pipe."""
    if on_terminal():
        _draw_rich(header, lines, wrap=wrap)
        return
    rows = [header, *lines] if header else lines
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    if header:
        widths = [min(width, _CELL_WIDTH) for width in widths[:-1]] + widths[-1:]
    for row in rows:
        cells = [_cut(text, width) for text, width in zip(row, widths, strict=True)]
        _line("  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip())


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _draw_rich(header: list[str] | None, lines: list[list[str]], *, wrap: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD if header else None, show_header=header is not None, pad_edge=False)
    for title in header or ["", ""]:
        table.add_column(Text(title), overflow="fold" if wrap else "ellipsis", no_wrap=not wrap)
    for line in lines:
        table.add_row(*map(Text, line))
    Console(file=sys.stdout).print(table)
