"""Progress bars on a terminal, for uploads, downloads, operations and long lists; silence elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from connector.runtime.call import Step


class Progress:
    """One bar on standard error; nothing where that is no terminal.

    `total_bytes` is known for an upload. The bar of a list counts items. Not `shown` where data is being
    written to the same screen.
    """

    def __init__(self, title: str, total_bytes: int | None = None, *, shown: bool = True) -> None:
        self._title = title
        self._shown = shown
        self._total_bytes = total_bytes
        self._items = 0
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        if self._shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn())
            sizes = (DownloadColumn(), TimeRemainingColumn()) if self._total_bytes is not None else ()
            self._bar = Bar(*columns, *sizes, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._title, total=self._total_bytes)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, step: Step) -> None:
        """Hears of each step of the engine: bytes of an upload, percent of an operation, items of a list."""
        self._items += len(step.items)
        if self._bar is None or self._task is None:
            return
        if step.progress is None:
            self._bar.update(self._task, description=f"{self._title}: {self._items}")
        else:
            total = 100 if self._total_bytes is None else self._total_bytes
            self._bar.update(self._task, completed=step.progress, total=total)

    def expect_bytes(self, size: int | None) -> None:
        """A download of `size` bytes begins."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=size, completed=0)

    def advance(self, size: int) -> None:
        """So many bytes more."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=size)
