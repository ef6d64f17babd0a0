"""Which files change together, from git's log; nothing where there is no git."""

from __future__ import annotations

import logging
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_log = logging.getLogger(__name__)

_COMMITS = 1_000
# A commit of more files is a formatter's or a merge's work and relates nothing.
_MOST_FILES = 30
_FEWEST_COMMITS = 2
_SECONDS = 10.0
_MARK = "\x01"


@frozen
class History:
    """The files of recent commits, in paths relative to a folder."""

    head: str = ""
    commits: tuple[frozenset[str], ...] = field(default=(), repr=False)

    def together(self, path: str) -> dict[str, float]:
        """Return other paths → the share of the commits of `path` that changed them too, at least 2."""
        own = [files for files in self.commits if path in files]
        counts = Counter(other for files in own for other in files if other != path)
        return {
            other: count / len(own) for other, count in counts.most_common(50) if count >= _FEWEST_COMMITS
        }


def read(root: Path, known: History) -> History:
    """Return the recent history of `root`; `known` itself if nothing was committed since."""
    head = _git(root, "rev-parse", "HEAD").strip()
    if not head or head == known.head:
        return known
    # Nothing of a repository's own configuration may start a program here.
    log = _git(
        root, "-c", "core.quotePath=false", "log", f"-n{_COMMITS}", "--no-merges", "--name-only", "--relative",
        "--no-renames", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--format=%x01",
    )  # fmt: skip
    return History(head, tuple(_commits(log.split(_MARK))))


def _commits(parts: Iterable[str]) -> Iterable[frozenset[str]]:
    for part in parts:
        files = frozenset(line for line in part.split("\n") if line)
        if 1 < len(files) <= _MOST_FILES:
            yield files


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.info("no history of %s: %s", root, error)
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
