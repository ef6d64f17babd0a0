"""A folder that is kept in step: open texts at once, saved files next, everything when it must be.

Two threads per folder, so that typing never waits for files: one gives open texts their rows, one reads what
changed on disk. Both only take what `Pending` says is due.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from attrs import define, frozen

from conexus import settings as settings_files
from conexus.domain import CancelledError, ConexusError
from conexus.engine.pending import Pending
from conexus.engine.wire import Completeness, FolderStatus
from conexus.store.errors import IndexMissing
from conexus.store.memory import give_back_memory
from conexus.workspace.files import IGNORE_FILES, WalkCancelledError
from conexus.workspace.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any

    from conexus.engine.folder import Folder, Status
    from conexus.engine.latencies import Latencies
    from conexus.engine.pending import DiskWork
    from conexus.indexing.indexer import Progress
    from conexus.indexing.reconcile import Plan
    from conexus.workspace.files import Walk

_log = logging.getLogger(__name__)

_ANNOUNCE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0
_JOIN_SECONDS = 5.0
_MOST_PROBLEMS = 50
# So many open texts are read at once: the first of a replacement in all files is not kept back by the last.
_MOST_TEXTS = 16
# More files are not counted while they are being looked at: it takes a second, and the first question waits.
_QUICKLY_COUNTED = 20_000
# An edit is searchable in this time; where it is not, hits in it are fitted to the new text.
_CATCH_UP_SECONDS = 0.05


@define
class _Progress:
    """How far the disk thread is."""

    phase: str = "scanning"
    complete: bool = False
    """Whether every file was looked at once."""
    pending: int = 0
    failure: str = ""
    failures: int = 0


@frozen
class _Counts:
    """What is slow to count, and for which revision it was counted."""

    revision: int
    status: Status


class LiveFolder:
    """One folder, its open texts and what is being done for it. Safe to use from several threads."""

    def __init__(
        self,
        folder: Folder,
        editor: Mapping[str, Mapping[str, Any]],
        *,
        problems: tuple[str, ...],
        latencies: Latencies,
        announce: Callable[[FolderStatus], None],
        changed: Callable[[Collection[str]], None] = lambda _: None,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        """`give_way` is called in the midst of work on files, and returns when it may go on."""
        self.folder = folder
        folder.keep_worker()
        self._editor = editor
        self._latencies = latencies
        self._announce = announce
        self._changed = changed
        self._give_way = give_way
        self._pending = Pending()
        self._progress = _Progress()
        self._counts: _Counts | None = None
        self._fresh = False
        self._index: object = None
        self._edited: dict[str, float] = {}
        self._settings_problems = problems
        self._watcher = Watcher(folder.root, self._seen, folder.settings.engine.rescan_seconds)
        self._announcing = threading.Lock()
        self._telling = threading.Lock()
        self._announced = 0.0
        self._last_status: FolderStatus | None = None
        self._owed = False
        """Whether somebody was answered from less than everything, and was not told since that everything is there."""
        self._announcement: threading.Timer | None = None
        name = folder.root.name
        self._threads = [
            threading.Thread(target=self._show_texts, name=f"texts of {name}", daemon=True),
            threading.Thread(target=self._follow_disk, name=f"files of {name}", daemon=True),
        ]
        self._pending.touch([""], awaited=False)
        for thread in self._threads:
            thread.start()

    def watch(self) -> None:
        """Watch the file system from now on."""
        self._watcher.start()

    def open_text(self, owner: object, path: str, version: int, text: str) -> int:
        """Let `text` count for `path` (relative) until `owner` closes it; return the ticket to wait for."""
        before = self.folder.texts.get(path)
        held = self.folder.texts.put(owner, path, version, text)
        if before is None or before.digest != held.digest:
            self._edited.setdefault(path, time.perf_counter())
            self._pending.edit(path)
        return self._pending.ticket

    def close_text(self, owner: object, path: str) -> int:
        """Let the file count again, unless another editor has it open; it may have been saved meanwhile.

        Returns the ticket to wait for.
        """
        if self.folder.texts.drop(owner, path):
            self._pending.edit(path)
        self._pending.touch([path])
        return self._pending.ticket

    def close_texts(self, owner: object) -> None:
        """Close all texts of `owner`."""
        for path in self.folder.texts.of_owner(owner):
            self.close_text(owner, path)

    def touch(self, paths: Iterable[str], *, awaited: bool = True) -> None:
        """Take note that files (relative paths; "" for all) may have changed; whether `wait` waits for them."""
        self._pending.touch(paths, awaited=awaited)
        self._soon()

    def _seen(self, paths: Collection[str]) -> None:
        """Take note of what the watcher saw. Where that may be anything (""), nobody told of it, and nobody waits for it."""
        self.touch(paths, awaited="" not in paths)

    def configure(self, editor: Mapping[str, Mapping[str, Any]]) -> None:
        """Go by other settings of an editor."""
        if editor != self._editor:
            self._editor = editor
            self._reload_settings()
            self._pending.touch([""], awaited=False)

    def reindex(self, *, fresh: bool) -> None:
        """Look at every file again; `fresh` builds the index anew, beside the one that answers until then."""
        self._fresh = self._fresh or fresh
        self._pending.touch([""])

    def set_paused(self, *, paused: bool) -> None:
        """Hold back work on files, or let it go on; open texts stay searchable."""
        self._pending.set_paused(paused=paused)
        self._soon()

    def introduce(self) -> None:
        """Announce the state, be it the one that was announced last: somebody listens who has not heard it."""
        # Not under the lock, for whoever opens a folder does not wait until one is described: what is being told
        # now is told to the newcomer too.
        self._last_status = None
        self._soon()

    def wait(self, revision: int, *, complete: bool, seconds: float, cancelled: Callable[[], bool]) -> bool:
        """Wait until everything told before is searchable; return False if it was not in time."""
        ticket = self._pending.ticket

        def reached() -> bool:
            return (
                self._pending.has_done(ticket)
                and (not complete or self._progress.complete)
                and (not revision or self.revision >= revision)
            )

        done = self._pending.wait_until(reached, time.monotonic() + seconds, cancelled)
        if cancelled():
            raise CancelledError(f"waiting for {self.folder.root} was cancelled")
        return done

    def catch_up(self, ticket: int | None = None) -> None:
        """Wait a moment for texts that were typed just now, so that a question sees what was told before it.

        `ticket` is of the last text that whoever asks told here; by default of the last one that anybody did.
        """
        ticket = self._pending.ticket if ticket is None else ticket
        if not self._pending.has_shown(ticket):
            self._pending.hurry(ticket)
            deadline = time.monotonic() + _CATCH_UP_SECONDS
            self._pending.wait_until(lambda: self._pending.has_shown(ticket), deadline, lambda: False)

    @property
    def revision(self) -> int:
        """Return the number of the last committed state; 0 before the first."""
        return self.folder.revision

    def completeness(self) -> Completeness:
        """Return how much of the folder an answer covers now; where that is not all, say so once it is."""
        covered = self._covered()
        if not (covered.complete or self._owed):
            self._owed = True
            # What was missing may be there by now, and nothing else announce it.
            self._soon()
        return covered

    def _covered(self) -> Completeness:
        files = self.folder.files
        state = self._progress
        pending = state.pending + self._pending.waiting_paths
        known = files + pending
        percent = 100 if state.complete and not pending else min(99, 100 * files // max(1, known))
        phase = "paused" if self._pending.paused else state.phase
        return Completeness(state.complete and not pending, files, pending, percent, phase)

    def status(self, *, thorough: bool = True) -> FolderStatus:
        """Return everything worth showing; without `thorough`, sizes may be of an older revision."""
        covered = self._covered()
        counts = self._counted(thorough=thorough)
        held = counts.status if counts else None
        stats = held.stats if held else None
        sizes = {
            name.removeprefix("bytes_"): getattr(stats, name)
            for name in dir(stats)
            if name.startswith("bytes_") and stats
        }
        return FolderStatus(
            root=str(self.folder.root),
            phase=covered.phase,
            files=covered.files,
            chunks=held.chunks if held else 0,
            symbols=stats.symbols if stats else 0,
            pending=covered.pending,
            percent=covered.percent,
            revision=counts.revision if counts else 0,
            languages=held.languages if held else {},
            language_chunks=held.language_chunks if held else {},
            # What a walk leaves out is no revision of its own.
            skipped=self.folder.skipped,
            problems=self._problems(held),
            model=held.model if held else self.folder.settings.model.name,
            bytes=sizes,
            buffers=len(self.folder.texts),
            watching=self._watcher.state,
            directory=held.directory if held else "",
        )

    def close(self) -> None:
        """End the threads; the folder itself stays open."""
        self._pending.close()
        self._watcher.close()
        with self._announcing:
            if self._announcement is not None:
                self._announcement.cancel()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    # -- open texts -------------------------------------------------------------------------------------

    def _show_texts(self) -> None:
        while paths := self._pending.take_edits():
            for first in range(0, len(paths), _MOST_TEXTS):
                self._show_some(paths[first : first + _MOST_TEXTS])
            self._changed(paths)
            self._soon()

    def _show_some(self, paths: Sequence[str]) -> None:
        edited = {path: self._edited.pop(path, None) for path in paths}
        again = self._show(paths)
        for path, moment in edited.items():
            if path in again:
                self._pending.retry_edit(path)
                continue
            self._pending.finish_edit(path)
            if moment is not None:
                self._latencies.add("edit", time.perf_counter() - moment)

    def _show(self, paths: Sequence[str]) -> Collection[str]:
        """Show open texts, and return those that have to be tried again."""
        try:
            return self.folder.show_texts(paths)
        except ConexusError as error:
            _log.warning("the open text of %s cannot be shown yet: %s", ", ".join(paths), error)
            return paths
        except Exception:  # noqa: BLE001 -- one text must not end the thread that serves all
            if len(paths) > 1:
                return [path for path in paths if self._show([path])]
            _log.exception("the open text of %s cannot be shown", paths[0])
            return ()

    # -- files ------------------------------------------------------------------------------------------

    def _follow_disk(self) -> None:
        while (work := self._pending.take_disk()) is not None:
            if self._do(work):
                self._progress.failures = 0
                self._progress.failure = ""
                self._pending.finish_disk(work)
                self._changed(("",) if work.everything else work.paths)
            else:
                self._pending.put_back(work)
                self._rest()
            self._soon()

    def _do(self, work: DiskWork) -> bool:
        """Return whether `work` is done; a failure is kept for the status."""
        try:
            # Of a look at everything nobody knows what has changed: it may be the rules.
            if work.everything or self._must_reload(work.paths):
                self._reload_settings()
                return self._reconcile()
            done = self.folder.touch(work.paths, self._is_stopped) or self._reconcile()
        except WalkCancelledError:
            return False
        except ConexusError as error:
            _log.warning("%s cannot be indexed now: %s", self.folder.root, error)
            self._fail(str(error))
            return False
        except Exception as error:  # noqa: BLE001 -- the thread must live on and try again
            _log.exception("%s cannot be indexed", self.folder.root)
            self._fail(f"{type(error).__name__}: {error}; the log has more")
            return False
        return done

    def _reconcile(self) -> bool:
        if self._fresh:
            self._fresh = False
            self._progress.complete = False
            self.folder.renew()
        self._progress.phase = "scanning"
        self._soon()
        report = self.folder.reconcile(self._note, self._is_stopped, self._walked, self._searchable)
        self._progress.pending = 0
        if report.cancelled:
            return False
        self._progress.phase = "ready"
        self._progress.complete = True
        give_back_memory()
        self._show_again()
        # Not waited for: questions about the past come later, if at all.
        self.folder.past.catch_up(0.0)
        return True

    def _walked(self, walk: Walk, plan: Plan) -> None:
        self._watcher.follow(walk)
        self._progress.phase = "indexing" if plan.read else "ready"
        self._progress.pending = len(plan.read)
        self._soon()

    def _searchable(self) -> None:
        """Take note that everything is found from now on; arranging rows only makes it faster."""
        self._progress.pending = 0
        self._progress.phase = "ready"
        self._progress.complete = True
        self._show_again()
        self._soon()

    def _note(self, progress: Progress) -> None:
        self._progress.pending = max(0, progress.total - progress.files)
        self._soon()

    def _show_again(self) -> None:
        """Give another index the rows of open texts; other rules may also leave one out, or let one in."""
        index = self.folder.view().opened.index
        if index is not self._index:
            self._index = index
            self._pending.show_again(self.folder.texts.paths())

    def _must_reload(self, paths: Iterable[str]) -> bool:
        return any(path.rpartition("/")[2] in {settings_files.FILE_NAME, *IGNORE_FILES} for path in paths)

    def _reload_settings(self) -> None:
        self._index = None
        loaded = settings_files.load(self.folder.root, editor=self._editor)
        self._settings_problems = loaded.problems
        if loaded.settings != self.folder.settings:
            self.folder.configure(loaded.settings)

    def _is_stopped(self) -> bool:
        self._give_way()
        return self._pending.closed or self._pending.paused

    def _fail(self, message: str) -> None:
        self._progress.phase = "failed"
        self._progress.failure = message
        self._progress.failures += 1

    def _rest(self) -> None:
        """Wait before the next attempt, longer after each failure."""
        seconds = min(_LONGEST_PAUSE_SECONDS, 0.5 * 2**self._progress.failures)
        if not self._progress.failure:
            return
        end = time.monotonic() + seconds
        self._pending.wait_until(lambda: time.monotonic() >= end, end + 1, lambda: self._pending.closed)

    # -- telling ----------------------------------------------------------------------------------------

    def _soon(self) -> None:
        """Announce the state, but not more often than people can read."""
        self._pending.tell()
        with self._announcing:
            if self._announcement is not None or self._pending.closed:
                return
            wait = max(0.0, self._announced + _ANNOUNCE_SECONDS - time.monotonic())
            self._announcement = threading.Timer(wait, self._announce_now)
            self._announcement.daemon = True
            self._announcement.start()

    def _announce_now(self) -> None:
        # One after the other: of two at once the older could be told last, and stay.
        with self._telling:
            with self._announcing:
                self._announcement = None
                self._announced = time.monotonic()
            try:
                status = self.status(thorough=self._progress.phase == "ready")
                kept = self._owed and status.percent == 100
                if kept or status != self._last_status:
                    self._last_status = status
                    self._owed = self._owed and not kept
                    self._announce(status)
            except ConexusError as error:
                _log.info("no status of %s: %s", self.folder.root, error)

    def _counted(self, *, thorough: bool) -> _Counts | None:
        revision = self.revision
        if not revision and not thorough:
            return None
        known = self._counts
        if (known is not None and known.revision == revision) or (
            not thorough and (known is not None or self.folder.files > _QUICKLY_COUNTED)
        ):
            return known
        try:
            self._counts = _Counts(revision, self.folder.status())
        except IndexMissing:
            return None
        return self._counts

    def _problems(self, held: Status | None) -> tuple[str, ...]:
        found = list(self._settings_problems)
        if held:
            found += held.fallbacks[-_MOST_PROBLEMS:]
            found += held.quarantined[-_MOST_PROBLEMS:]
            found += held.notes[-_MOST_PROBLEMS:]
        if self._progress.failure:
            found.append(self._progress.failure)
        return tuple(found)
