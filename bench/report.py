"""One run's tables: printed, and with ``--save`` kept in RESULTS.md and history.jsonl."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).parent


class Report:
    """Tables, notes and bars of one run, in the order they were added."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._blocks = [_heading(name)]
        self._bars: list[tuple[str, str, str, str]] = []
        self.figures: dict[str, object] = {}
        print(self._blocks[0], flush=True)

    def add(self, text: str) -> None:
        """Add a block of text, and print it at once: long runs are watched."""
        self._blocks.append(text)
        self.show(text)

    def show(self, text: str) -> None:
        """Print a block that is not kept."""
        print(f"\n{text}", flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table; the first column is left-aligned, the others right-aligned."""
        self.add(f"{title}\n{_grid(columns, [[_cell(value) for value in row] for row in rows])}")

    def bar(self, what: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
        """Compare a figure with the bar the project has set itself (not edited to fit)."""
        met = value >= least if least is not None else value <= (most or 0)
        bar = f">= {_cell(least)}" if least is not None else f"<= {_cell(most)}"
        self._bars.append((what, _cell(value), bar, "met" if met else "MISSED"))
        self.figures[what] = round(value, 4)

    def finish(self, *, save: bool) -> None:
        """Print the bars; keep the run if asked."""
        if self._bars:
            self.table("Bars", ("", "figure", "bar", ""), self._bars)
        if save:
            _replace_section(HERE / "RESULTS.md", self._name, "\n\n".join(self._blocks))
            _append(HERE / "history.jsonl", {"bench": self._name, **facts(), "figures": self.figures})


def facts() -> dict[str, str]:
    """Return what a figure is worth nothing without: machine, date, commit, command."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(),
        "command": " ".join(["python -m bench", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {_cpu()}, {_memory_gib():.0f} GiB, {platform.system()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "",
    }


def _heading(name: str) -> str:
    return "\n".join([f"bench {name}", *(f"  {key:<8} {value}" for key, value in facts().items())])


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", HERE, *arguments], check=False, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "../server")
    return git("rev-parse", "--short", "HEAD") + (" with changes in server/" if changed else "")


def _cpu() -> str:
    try:
        return re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())[1]
    except (OSError, TypeError):
        return platform.processor() or platform.machine()


def _memory_gib() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return 0.0


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1 else f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _grid(columns: Sequence[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join("  " + "  ".join(_align(line, widths)).rstrip() for line in lines)


def _align(cells: Sequence[str], widths: list[int]) -> list[str]:
    first, *others = zip(cells, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def _replace_section(path: Path, name: str, text: str) -> None:
    old = path.read_text() if path.exists() else "# Results\n\nWritten by `python -m bench NAME --save`.\n"
    sections = re.split(r"(?m)^(?=## )", old)
    kept = [part for part in sections if not part.startswith(f"## {name}\n")]
    path.write_text("".join(kept).rstrip() + f"\n\n## {name}\n\n```text\n{text}\n```\n")


def _append(path: Path, record: dict[str, object]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
