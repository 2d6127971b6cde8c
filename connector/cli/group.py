"""A click group whose commands are imported when they are used.

The help of the whole program needs only their names and summaries, so it appears without reading the
catalogue or importing an HTTP or database library.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

Entries = Mapping[str, tuple[str, str]]
"""For each command the module and attribute where it is (`package.module:name`), and its summary."""


class LazyGroup(click.Group):
    """A group of commands that are known by address; they appear in the order of `entries`."""

    def __init__(self, *args: Any, entries: Entries, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._entries:
            return None
        module, _, attribute = self._entries[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._entries and not name.startswith("-") and not ctx.resilient_parsing:
            close = get_close_matches(name, list(self._entries), 2)
            hint = f"Did you mean {' or '.join(close)}?" if close else f"See `{ctx.command_path} --help`."
            raise click.UsageError(f"There is no command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self._entries.items()])
