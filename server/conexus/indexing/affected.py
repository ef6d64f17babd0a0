"""What must be read again when some paths may have changed, without looking at the whole folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from conexus.indexing.reconcile import Plan, plan
from conexus.workspace.files import IGNORE_FILES, Entry, SkipReason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from conexus.store.index import Index
    from conexus.workspace.files import Scope

# Asking about one path costs what walking over some ten does.
_MOST_PATHS = 300


def affected_by(paths: Collection[str], index: Index, scope: Scope, root: Path) -> Plan | None:
    """Return the plan for `paths` (relative; directories stand for all in them).

    None where walking the folder is cheaper or needed: many paths, or ignore files among them.
    """
    if len(paths) > _MOST_PATHS or any(path.rpartition("/")[2] in IGNORE_FILES for path in paths):
        return None
    entries: dict[str, Entry] = {}
    for path in _expanded(paths, scope, root):
        if len(entries) > _MOST_PATHS or path is None:
            return None
        if isinstance(outcome := scope.admit(path), Entry):
            entries[path] = outcome
    known = _known(paths, index, entries)
    files = {path: record for path, record in index.files.items() if path in known}
    skips = {path: record for path, record in index.skips.items() if path in known}
    return plan(files, skips, entries.values())


def _expanded(paths: Iterable[str], scope: Scope, root: Path) -> Iterable[str | None]:
    """Yield files of `paths`, and None for what must be left to a walk."""
    for path in paths:
        if not path:
            yield None
            return
        directory = root / path
        if directory.is_dir() and not directory.is_symlink():
            yield from _below(path, scope, root)
        else:
            yield path


def _below(path: str, scope: Scope, root: Path) -> Iterable[str | None]:
    outcome = scope.admit(path)
    if isinstance(outcome, Entry) or outcome.reason is not SkipReason.NOT_REGULAR:
        return
    with os.scandir(root / path) as listing:
        items = list(listing)
    for seen, item in enumerate(items):
        name = f"{path}/{item.name}"
        if seen > _MOST_PATHS or item.name in IGNORE_FILES:
            yield None
        elif item.is_dir(follow_symlinks=False):
            yield from _below(name, scope, root)
        else:
            yield name


def _known(paths: Iterable[str], index: Index, entries: Collection[str]) -> set[str]:
    """Return the indexed paths that `paths` are or contain."""
    known = {path for path in (*paths, *entries) if path in index.files or path in index.skips}
    gone = tuple(f"{path}/" for path in paths if path not in known)
    if gone:
        known.update(path for held in (index.files, index.skips) for path in held if path.startswith(gone))
    return known
