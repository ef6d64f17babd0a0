"""Places of a text or an expression in the files of one or several folders, as they are now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from conexus.domain import CancelledError
from conexus.engine import wire
from conexus.engine.answers import about_filters, completeness
from conexus.search.exact import fault
from conexus.search.query import Exact, SearchRequest, plan
from conexus.store.errors import IndexMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conexus.engine.live import LiveFolder
    from conexus.engine.view import View
    from conexus.search.exact import Place


def grep(
    folders: Sequence[tuple[str, LiveFolder]], params: wire.Grep, cancelled: Callable[[], bool]
) -> wire.GrepReply:
    """Return the first `params.limit` places of all `folders` (root as called, folder), in their order."""
    if not params.text:
        raise wire.EngineError("there is no text to look for", kind="invalid")
    begun = time.monotonic()
    deadline = begun + params.timeout_ms / 1000
    wanted = Exact(params.text, params.regex, "i" if params.ignore_case else "")
    if params.strict and (reason := fault(wanted)):
        raise wire.EngineError(
            f"{reason.rpartition(' and was')[0]}; mend it, or look for it literally", "pattern"
        )
    filters = plan(SearchRequest("", 1, params.paths, params.exclude_paths, params.languages)).filters
    places: list[wire.WirePlace] = []
    notes: list[str] = []
    complete, files, revision = True, 0, 0
    for called, live in folders:
        try:
            found, view = live.folder.grep(
                wanted,
                filters,
                limit=params.limit - len(places),
                seconds=deadline - time.monotonic(),
                cancelled=cancelled,
            )
        except IndexMissing:
            continue  # completeness says that nothing is indexed yet
        if cancelled():
            raise CancelledError(called)
        places += [_wire_place(called, place, view) for place in found.places]
        complete, files = complete and found.complete, files + found.files
        notes += [note for note in found.notes if note not in notes]
        revision = max(revision, view.snapshot.revision)
    covered = completeness(folders)
    asked_of = [live.folder for _, live in folders]
    notes += about_filters(filters, asked_of, found=bool(places) or not covered.complete)
    seconds = time.monotonic() - begun
    return wire.GrepReply(tuple(places), complete, files, revision, covered, tuple(notes), 1000 * seconds)


def _wire_place(called: str, place: Place, view: View) -> wire.WirePlace:
    return wire.WirePlace(
        path=os.path.join(called, place.path),  # noqa: PTH118 -- Path normalises odd names
        root=called,
        relative=place.path,
        span=place.span,
        line=place.span.start_line,
        column=place.column,
        text=place.text,
        version=view.versions.get(place.path),
    )
