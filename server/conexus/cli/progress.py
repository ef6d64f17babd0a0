"""How far an index is, on stderr: a bar on a terminal, plain lines elsewhere, nothing for quick runs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Bar

    from conexus.indexing.indexer import Progress

_QUICK_SECONDS = 0.3
_LINE_SECONDS = 2.0


class ProgressView:
    """Shows progress reports; used as a context manager so that the bar is always taken down."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._next_line = self._started + _LINE_SECONDS
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Take one report; called often, so it mostly returns at once."""
        now = time.monotonic()
        if self._quiet or now - self._started < _QUICK_SECONDS:
            return
        if self._terminal:
            self._draw(progress, now)
        elif now >= self._next_line:
            self._next_line = now + _LINE_SECONDS
            click.echo(f"{progress.phase}: {self._figures(progress, now)}", err=True)

    def _draw(self, progress: Progress, now: float) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task("", total=None, figures="")
            self._bar.start()
        self._bar.update(
            self._bar.task_ids[0],
            description=progress.phase,
            completed=progress.files,
            total=progress.total or None,
            figures=self._figures(progress, now),
        )

    def _figures(self, progress: Progress, now: float) -> str:
        speed = progress.files / max(now - self._started, 0.001)
        return (
            f"{progress.files:,} of {progress.total:,} files, {progress.chunks:,} chunks, "
            f"{speed:,.0f} files/s{_remaining(progress, speed)}"
        )


def _remaining(progress: Progress, speed: float) -> str:
    left = progress.total - progress.files
    if not speed or left <= 0:
        return ""
    minutes, seconds = divmod(round(left / speed), 60)
    return f", {minutes}:{seconds:02} left"


def _new_bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),
        transient=True,
    )
