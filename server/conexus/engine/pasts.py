"""The past of files and tickets: commits and blame, in the words of the wire."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field

from conexus.domain import CancelledError
from conexus.engine import wire
from conexus.orchestrate.blame import longest_run
from conexus.search.rank import Ranked
from conexus.store.commits import CommitRecord
from conexus.store.errors import IndexMissing, StoreError
from conexus.workspace import history as git
from conexus.workspace.tickets import as_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from conexus.engine.live import LiveFolder
    from conexus.engine.view import View
    from conexus.store.commits import CommitStore
    from conexus.store.places import Row

_log = logging.getLogger(__name__)

# So long a question waits for what git has and the index does not; what is known by then answers.
_PATIENCE_SECONDS = 10.0
# Files of a ticket in which the very lines are looked for; others are shown by their first lines.
_MOST_BLAMED = 8
_BLAME_SECONDS = 2.0
NO_REPOSITORY = "there is no git repository, or no commit in it"
SHALLOW = "the clone is shallow: older commits are missing"


def known(live: LiveFolder, seconds: float = _PATIENCE_SECONDS) -> CommitStore | None:
    """Return what is known of the commits of a folder; None where they cannot be kept."""
    live.folder.past.catch_up(seconds)
    try:
        return live.folder.past.store()
    except StoreError as error:
        _log.info("no past of %s: %s", live.folder.root, error)
        return None


def together(live: LiveFolder, path: str) -> dict[str, float]:
    """Return other paths → how often, 0 to 1, they changed when `path` did."""
    store = known(live)
    return store.together(path) if store is not None else {}


def commits_of(live: LiveFolder, path: str, limit: int) -> list[wire.WireCommit]:
    """Return the newest commits that changed `path`."""
    store = known(live)
    return _wired(store, store.of_path(path, limit)) if store is not None else []


def history(
    places: Sequence[tuple[str, LiveFolder, str]], params: wire.History, cancelled: Callable[[], bool]
) -> wire.HistoryReply:
    """Return who wrote the lines of the file at `places`, and the commits that changed them last."""
    begun = time.perf_counter()
    for _, live, path in places:
        source = live.folder.read(path)
        if source is None:
            raise wire.EngineError(
                f"{params.path} cannot be read, or does not belong to the index", "invalid"
            )
        store, where = known(live), live.folder.past.position
        if cancelled():
            raise CancelledError(path)
        if where is None or store is None:
            return wire.HistoryReply("", (), (), (NO_REPOSITORY,), _since(begun))
        held = live.folder.texts.get(path)
        lines = source.source.count(b"\n") + (not source.source.endswith(b"\n"))
        first = min(max(1, params.start_line), max(1, lines))
        last = max(first, min(params.end_line or lines, lines))
        blamed = git.blame(live.folder.root, path, first, last, held.text if held else None)
        notes = [SHALLOW] if where.shallow else []
        if not blamed:
            notes.append(f"git does not know {path}")
        return wire.HistoryReply(
            branch=where.branch,
            commits=tuple(_commits(store, live, path, params, blamed)),
            blame=tuple(wire.BlameLines(b.start_line, b.end_line, b.commit) for b in blamed),
            notes=tuple(notes),
            milliseconds=_since(begun),
        )
    raise wire.EngineError(f"{params.path} is in no open folder; open its folder first", kind="invalid")


def of_ticket(
    folders: Sequence[tuple[str, LiveFolder]],
    params: wire.Related,
    hit: Callable[[str, View, Sequence[Ranked]], Iterable[wire.WireHit]],
    cancelled: Callable[[], bool],
) -> tuple[list[wire.WireHit], list[wire.WireCommit], int, list[str]]:
    """Return the code that a ticket's commits changed, these commits, the revision, and notes.

    `hit` checks ranked chunks and makes hits of them. Raises EngineError if that is no ticket.
    """
    ticket = as_asked(params.ticket)
    if not ticket:
        raise wire.EngineError(f"{params.ticket} is no ticket; write #123 or ABC-123", kind="invalid")
    found = _TicketCode(ticket, params.limit)
    revision, notes = 0, []
    for called, live in folders:
        if cancelled():
            raise CancelledError(called)
        store = known(live)
        if store is None or live.folder.past.position is None:
            notes.append(f"{called}: {NO_REPOSITORY}")
            continue
        try:
            view = live.folder.view()
        except IndexMissing:
            continue  # completeness says that nothing is indexed yet
        revision = max(revision, view.snapshot.revision)
        found.hits += hit(called, view, found.ranked(live, view, store))
    found.hits.sort(key=lambda one: -one.score)
    if not found.commits:
        notes.append(f"no commit or branch names {ticket}")
    return found.hits[: params.limit], found.commits, revision, notes


@define
class _TicketCode:
    """The files of a ticket, most changed first, each by the lines its commits wrote."""

    ticket: str
    limit: int
    hits: list[wire.WireHit] = field(factory=list)
    commits: list[wire.WireCommit] = field(factory=list)

    def ranked(self, live: LiveFolder, view: View, store: CommitStore) -> list[Ranked]:
        commits = store.of_ticket(self.ticket)
        self.commits += _wired(store, commits)
        counts: Counter[str] = Counter(path for paths in commits.values() for path in paths)
        subjects = {path: record for record, paths in reversed(commits.items()) for path in paths}
        there = [path for path, _ in counts.most_common() if view.snapshot.file_id(path) is not None]
        deadline = time.monotonic() + _BLAME_SECONDS
        found = []
        for place, path in enumerate(there[: self.limit]):
            own = {record.id for record, paths in commits.items() if path in paths}
            line = 1
            if place < _MOST_BLAMED and time.monotonic() < deadline:
                line = _line_of(live, path, view, own) or 1
            if (row := _row(view, path, line)) is not None:
                record = subjects[path]
                score = counts[path] / max(counts.values()) * 0.98**place
                reasons = (f"changed for {self.ticket}", f"{record.id[:10]} {record.subject}")
                found.append(Ranked(row, round(score, 4), reasons))
        return found


def _line_of(live: LiveFolder, path: str, view: View, commits: set[str]) -> int:
    """Return the first line of the longest run that `commits` wrote last; 0 if none is left."""
    source = view.read(path)
    lines = source.source.count(b"\n") if source else 0
    held = live.folder.texts.get(path)
    run = longest_run(live.folder.root, path, lines, held.text if held else None, commits)
    return run.start_line if run else 0


def _row(view: View, path: str, line: int) -> Row | None:
    number = view.snapshot.file_id(path)
    if number is None:
        return None
    rows = view.snapshot.rows_of([number])
    return next(
        (row for row in rows if row.span.start_line <= line <= row.span.end_line), rows[0] if rows else None
    )


def _commits(
    store: CommitStore, live: LiveFolder, path: str, params: wire.History, blamed: Sequence[git.Blamed]
) -> list[wire.WireCommit]:
    """Return the commits that wrote the lines, newest first; of a whole file also those that left no line."""
    ids = list(dict.fromkeys(one.commit for one in blamed if one.commit))
    records = store.by_ids(ids)
    # Older than what is kept: git is asked for these.
    older = [one for one in ids if one not in records][: params.limit]
    for one in git.commits(live.folder.root, older) if older else ():
        records[one.id] = _record(one)
    if not params.start_line:
        records |= {one.id: one for one in store.of_path(path, params.limit)}
    newest = sorted(records.values(), key=lambda one: -one.time)
    return _wired(store, newest[: params.limit])


def _record(one: git.Commit) -> CommitRecord:
    return CommitRecord(one.id, one.time, one.author, one.subject, one.is_merge)


def _wired(store: CommitStore, records: Iterable[CommitRecord]) -> list[wire.WireCommit]:
    kept = list(records)
    tickets = store.tickets_of([one.id for one in kept])
    return [
        wire.WireCommit(one.id, one.time, one.author, one.subject, tickets.get(one.id, ())) for one in kept
    ]


def _since(begun: float) -> float:
    return 1000 * (time.perf_counter() - begun)
