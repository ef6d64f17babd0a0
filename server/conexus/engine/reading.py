"""What fronts may read of a folder: the text of a file as it is now, and what files define.

Everything goes through the folder's scope: what is ignored, secret or outside is not read for anybody, links are
resolved before anything is opened, and strings that look like keys are blanked.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.domain import CancelledError
from conexus.engine import answers, wire
from conexus.engine.wire import EngineError
from conexus.search.symbols import standing
from conexus.store.errors import IndexMissing
from conexus.workspace.files import Skipped, SkipReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from conexus.engine.live import LiveFolder
    from conexus.engine.view import View
    from conexus.workspace.source import Source

_OUTSIDE = (SkipReason.OUTSIDE, SkipReason.SYMLINK_LOOP, SkipReason.BROKEN_SYMLINK, SkipReason.SYMLINK)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\|//")
_LONGEST_SHOWN = 120

Asked = tuple[str, "LiveFolder"]
"""A folder, and its root as the front calls it."""


@frozen
class _Found:
    """A file that may be read."""

    called: str
    live: LiveFolder
    path: str
    source: Source
    version: int | None


def read(folders: Sequence[Asked], params: wire.ReadText) -> wire.TextReply:
    """Return lines of a file; raises EngineError, whose kind says why it cannot be read."""
    found = _find(folders, params.path)
    lines = found.source.source.split(b"\n")
    if lines[-1] == b"" and len(lines) > 1:
        lines.pop()  # what follows the last line end is not a line
    start = max(1, params.start_line)
    end = min(params.end_line or len(lines), len(lines))
    if start > len(lines) or (params.end_line and end < start):
        raise EngineError(
            f"{_shown(params.path)} has lines 1 to {len(lines)}; there is no {params.start_line} to {params.end_line}",
            kind="invalid",
        )
    kept, text = _fitting(lines[start - 1 : end], params.limit)
    return wire.TextReply(
        path=os.path.join(found.called, found.path),  # noqa: PTH118 -- Path normalises odd names
        root=found.called,
        relative=found.path,
        version=found.version,
        digest=found.source.digest.hex(),
        lines=len(lines),
        start_line=start,
        end_line=start + kept - 1,
        text=text.decode("utf-8", "replace"),
        more=start + kept - 1 < end,
        redactions=found.source.redactions,
    )


def outline(
    folders: Sequence[Asked], params: wire.Outline, cancelled: Callable[[], bool]
) -> wire.OutlineReply:
    """Return what a file, or the files of a directory, define; raises EngineError."""
    if params.path:
        folders = _holding(folders, params.path)
    files: list[wire.FileOutline] = []
    total, revision, more = 0, 0, False
    # In the same order every time, or a page could not go on where the last one ended.
    for called, live in sorted(folders, key=lambda asked: asked[0]):
        try:
            view = live.folder.view()
        except IndexMissing:
            continue  # completeness says that nothing is indexed yet
        revision = max(revision, view.snapshot.revision)
        paths = sorted(_below(view.snapshot.paths().values(), _relative(called, live, params.path)))
        total += len(paths)
        left = [path for path in paths if (called, path) > (params.after_root, params.after)]
        room = params.limit - len(files)
        more = more or len(left) > room
        for path in left[:room]:
            if cancelled():
                raise CancelledError(path)
            files.append(_outlined(called, live, view, path, params))
    return wire.OutlineReply(tuple(files), total, more, revision, answers.completeness(folders))


def _outlined(called: str, live: LiveFolder, view: View, path: str, params: wire.Outline) -> wire.FileOutline:
    number = view.snapshot.file_id(path)
    entries = view.snapshot.symbols().of_file(number) if params.symbols and number is not None else []
    shown = [entry for entry in entries if not params.depth or _depth(entry.container) < params.depth]
    now = standing(shown, view.records, live.folder.is_unchanged, view.read)
    record, held = view.records.get(path), live.folder.texts.get(path)
    return wire.FileOutline(
        path=os.path.join(called, path),  # noqa: PTH118 -- as above
        root=called,
        relative=path,
        language=record.language if record else "",
        version=held.version if held else None,
        symbols=tuple(answers.wire_symbol(called, entry, 1.0, live) for entry in now if entry is not None),
    )


def _find(folders: Sequence[Asked], path: str) -> _Found:
    """Return the one file of all folders that `path` means, or say what became of it."""
    refusals: list[tuple[str, Skipped]] = []
    found: list[_Found] = []
    for called, live in _holding(folders, path):
        relative = _relative(called, live, path)
        if not relative:
            raise _a_directory(path or called)
        source, version = live.folder.text_of(relative)
        if isinstance(source, Skipped):
            refusals.append((called, source))
        else:
            found.append(_Found(called, live, relative, source, version))
    if len(found) > 1:
        roots = ", ".join(one.called for one in found)
        raise EngineError(
            f"{_shown(path)} is in several folders: {roots}; name one of them as root", "ambiguous"
        )
    if not found:
        raise _refusal(path, refusals)
    return found[0]


def _holding(folders: Sequence[Asked], path: str) -> list[Asked]:
    """Return the folders that `path` (absolute, or relative to any of them) may be in; raises EngineError."""
    if not folders:
        raise EngineError("no folder is open; open one first", kind="invalid")
    if "\0" in path:
        raise EngineError(
            "a path has no NUL character in it; give the path as search shows it", kind="outside"
        )
    if not _is_absolute(path):
        return list(folders)
    holding = [(called, live) for called, live in folders if _stripped(called, live, path) is not None]
    if not holding:
        raise _outside(path, folders)
    # Of nested folders the innermost counts.
    return [max(holding, key=lambda asked: len(asked[0]))]


def _relative(called: str, live: LiveFolder, path: str) -> str:
    """Return `path` below the folder; raises EngineError for one that climbs out of it."""
    inside = _stripped(called, live, path) if _is_absolute(path) else path
    assert inside is not None
    if os.sep == "\\":
        inside = inside.replace("\\", "/")
    inside = posixpath.normpath(inside) if inside else ""
    if inside == ".." or inside.startswith("../"):
        raise _outside(path, [(called, live)])
    return "" if inside == "." else inside


def _stripped(called: str, live: LiveFolder, path: str) -> str | None:
    for root in (called, os.fspath(live.folder.root)):
        prefix = root.rstrip(os.sep) + os.sep
        if path == root:
            return ""
        if path.startswith(prefix):
            return path[len(prefix) :]
    return None


def _is_absolute(path: str) -> bool:
    # Drives and shares are outside on every system, also where they would be odd names of files.
    return Path(path).is_absolute() or bool(_DRIVE.match(path))


def _outside(path: str, folders: Sequence[Asked]) -> EngineError:
    roots = ", ".join(called for called, _ in folders)
    return EngineError(f"{_shown(path)} is outside the opened folders; give a path below {roots}", "outside")


def _refusal(path: str, refusals: Sequence[tuple[str, Skipped]]) -> EngineError:
    """Return why no folder gives the file away; what says most comes first."""
    for called, skipped in refusals:
        if skipped.reason in _OUTSIDE:
            return EngineError(
                f"{_shown(path)} leads out of {called} or round in it ({skipped.reason}); read what it points to"
                " by its own path, if that lies in the folder",
                kind="outside",
            )
        if skipped.reason is SkipReason.NOT_REGULAR and skipped.detail == "a directory":
            return _a_directory(path)
        if skipped.reason is not SkipReason.UNREADABLE:
            reason = f"{skipped.reason}{': ' + skipped.detail if skipped.detail else ''}"
            return EngineError(
                f"{_shown(path)} is not part of the index and is not shown ({reason})", "withheld"
            )
    return EngineError(f"{_shown(path)} does not exist any more, or never did; search again", kind="missing")


def _a_directory(path: str) -> EngineError:
    return EngineError(f"{_shown(path)} is a directory; ask for its outline", kind="invalid")


def _fitting(lines: Sequence[bytes], limit: int) -> tuple[int, bytes]:
    """Return how many whole lines fit in `limit` bytes, at least one, and their text."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > limit and number:
            return number, b"\n".join(lines[:number]) + b"\n"
    if size > limit:
        return len(lines), lines[0][:limit]
    return len(lines), b"\n".join(lines) + (b"\n" if lines else b"")


def _below(paths: Iterable[str], prefix: str) -> Iterator[str]:
    return (path for path in paths if not prefix or path == prefix or path.startswith(f"{prefix}/"))


def _depth(container: str) -> int:
    return container.count(".") + 1 if container else 0


def _shown(path: str) -> str:
    text = path if path.isprintable() else ascii(path)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
