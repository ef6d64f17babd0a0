"""What the engine does for its fronts: one method per request, over the folders they have open."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

import conexus
from conexus import settings as settings_files
from conexus.domain import CancelledError
from conexus.engine import answers, grepping, pasts, reading, wire
from conexus.engine.contexts import Contexts
from conexus.engine.engine import Engine
from conexus.engine.latencies import Latencies
from conexus.engine.live import LiveFolder
from conexus.engine.questions import QUESTIONS, Questions
from conexus.engine.wire import EngineError
from conexus.store.errors import IndexClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

# A front that comes back within this time (an editor that restarts) finds its folders warm.
_LINGER_SECONDS = 30.0
# Of more files than this it is only said that something changed.
_MOST_CHANGED = 100


@define(eq=False)
class Front:
    """One connected editor, agent or command."""

    name: str
    tell: Callable[[str, str, Any], None]
    """Called with an event's name, its key and the event, from any thread."""
    roots: dict[Path, str] = field(factory=dict)
    """Real root → the root as the front calls it, which may lead through links."""
    curious: set[Path] = field(factory=set)
    """Those of its roots whose changed files it is told of."""
    texts: dict[str, wire.Buffer] = field(factory=dict)
    told: dict[Path, int] = field(factory=dict)
    """Real root → the ticket of the last text it told there."""

    def places(self, path: str) -> Iterator[tuple[Path, str]]:
        """Yield (real root, relative path) of every open folder that holds the absolute `path`."""
        for real, called in self.roots.items():
            for root in {called, os.fspath(real)}:
                relative = _below(root, path)
                if relative is not None:
                    yield real, relative
                    break


class Service:
    """Everything fronts can ask. Safe to use from several threads."""

    def __init__(self, data_directory: Path) -> None:
        loaded = settings_files.load(data_directory)
        self._engine = Engine(loaded.settings, data_directory)
        self._folders: dict[Path, LiveFolder] = {}
        self._fronts: set[Front] = set()
        self._lingering: dict[Path, threading.Timer] = {}
        self._lock = threading.RLock()
        self._latencies = Latencies()
        self._questions = Questions()
        self._contexts = Contexts()
        self._started = time.monotonic()

    def join(self, name: str, tell: Callable[[str, str, Any], None]) -> Front:
        """Take note of a new front."""
        front = Front(name, tell)
        with self._lock:
            self._fronts.add(front)
        return front

    def leave(self, front: Front) -> None:
        """Close what only `front` had open."""
        with self._lock:
            self._fronts.discard(front)
            for real in list(front.roots):
                # None is left when the engine ends before its fronts go.
                if (live := self._folders.get(real)) is not None:
                    live.close_texts(front)
                    self._let_go(front, real, _LINGER_SECONDS)

    def request(self, front: Front, method: str, params: Any, cancelled: Callable[[], bool]) -> Any:
        """Return the result of a request. Raises ConexusError."""
        begun = time.perf_counter()
        try:
            if method not in QUESTIONS:
                return self._answer(front, method, params, cancelled)
            if not cancelled():
                self._catch_up(front)
            with self._questions.asked():
                return self._answer(front, method, params, cancelled)
        except CancelledError:
            raise EngineError(f"{method} was cancelled", kind="cancelled") from None
        finally:
            if method != "wait":
                self._latencies.add(method, time.perf_counter() - begun)

    def _catch_up(self, front: Front) -> None:
        """Wait a moment until what the front told is searchable; who told nothing sees what all others told."""
        for real in list(front.roots):
            if (live := self._folders.get(real)) is not None:
                live.catch_up(front.told.get(real))

    def _answer(self, front: Front, method: str, params: Any, cancelled: Callable[[], bool]) -> Any:
        if cancelled():
            raise CancelledError(method)  # as what is typed on often is, while others have their turn
        try:
            return _METHODS[method](self, front, params, cancelled)
        except IndexClosed:
            # It was thrown away under the question, which the one that takes its place answers.
            return _METHODS[method](self, front, params, cancelled)

    def notice(self, front: Front, notice: Any) -> None:
        """Take note of what a front says; returns at once."""
        if isinstance(notice, wire.Buffer):
            front.texts[notice.path] = notice
            self._show(front, notice, front.roots)
        elif isinstance(notice, wire.BufferClosed):
            front.texts.pop(notice.path, None)
            for real, path in front.places(notice.path):
                front.told[real] = self._folders[real].close_text(front, path)
        elif isinstance(notice, wire.Touched):
            self._touch(front, notice)

    def close(self) -> None:
        """End everything."""
        with self._lock:
            for timer in self._lingering.values():
                timer.cancel()
            folders, self._folders = list(self._folders.values()), {}
        for live in folders:
            live.close()
        self._contexts.close()
        self._engine.close()

    # -- requests ---------------------------------------------------------------------------------------

    def _open(self, front: Front, params: wire.OpenFolder, _: Callable[[], bool]) -> wire.Done:
        called = params.root.rstrip("/") or "/"
        real = Path(called).resolve()
        with self._lock:
            lingered = self._lingering.pop(real, None)
            if lingered is not None:
                lingered.cancel()
            live = self._folders.get(real)
            if live is None:
                live = self._start(real, params)
            else:
                live.configure(params.settings)
                if lingered is not None:
                    # Whoever told of changed files went away with the last editor.
                    live.touch([""])
            is_new = real not in front.roots
            front.roots[real] = called
            if params.changes:
                front.curious.add(real)
        if params.watch:
            live.watch()
        if is_new:
            live.introduce()
            for buffer in front.texts.values():
                self._show(front, buffer, {real})
        return wire.Done(live.revision)

    def _start(self, real: Path, params: wire.OpenFolder) -> LiveFolder:
        loaded = settings_files.load(real, editor=params.settings)
        folder = self._engine.open(real, loaded.settings)
        live = LiveFolder(
            folder,
            params.settings,
            problems=loaded.problems,
            latencies=self._latencies,
            announce=lambda status: self._announce(real, status),
            changed=lambda paths: self._tell_changed(real, paths),
            give_way=self._questions.give_way,
        )
        self._folders[real] = live
        return live

    def _close(self, front: Front, params: wire.CloseFolder, _: Callable[[], bool]) -> wire.Done:
        real = self._real(front, params.root)
        live = self._folders[real]
        live.close_texts(front)
        revision = live.revision
        self._let_go(front, real, 0.0)
        return wire.Done(revision)

    def _search(self, front: Front, params: wire.Search, cancelled: Callable[[], bool]) -> wire.Reply:
        return answers.search(self._asked(front, params.roots), params, cancelled)

    def _similar(self, front: Front, params: wire.Similar, cancelled: Callable[[], bool]) -> wire.Reply:
        places = self._places(front, params.path) if params.path else []
        return answers.similar(self._asked(front, params.roots), places, params, cancelled)

    def _related(
        self, front: Front, params: wire.Related, cancelled: Callable[[], bool]
    ) -> wire.RelatedReply:
        if params.ticket:
            return answers.related_to_ticket(self._asked(front, params.roots), params, cancelled)
        return answers.related(self._places(front, params.path), params, cancelled)

    def _history(
        self, front: Front, params: wire.History, cancelled: Callable[[], bool]
    ) -> wire.HistoryReply:
        return pasts.history(self._places(front, params.path), params, cancelled)

    def _context(
        self, front: Front, params: wire.Context, cancelled: Callable[[], bool]
    ) -> wire.ContextReply:
        places = self._places(front, params.path) if params.path else []
        return self._contexts.ask(self._asked(front, params.roots), places, params, cancelled)

    def _symbols(self, front: Front, params: wire.Symbols, cancelled: Callable[[], bool]) -> wire.SymbolReply:
        if params.path:
            return answers.symbols_of(self._places(front, params.path), params)
        return answers.symbols(self._asked(front, params.roots), params, cancelled)

    def _read(self, front: Front, params: wire.ReadText, _: Callable[[], bool]) -> wire.TextReply:
        return reading.read(self._asked(front, params.roots), params)

    def _outline(
        self, front: Front, params: wire.Outline, cancelled: Callable[[], bool]
    ) -> wire.OutlineReply:
        return reading.outline(self._asked(front, params.roots), params, cancelled)

    def _grep(self, front: Front, params: wire.Grep, cancelled: Callable[[], bool]) -> wire.GrepReply:
        return grepping.grep(self._asked(front, params.roots), params, cancelled)

    def _status(self, front: Front, params: wire.StatusOf, _: Callable[[], bool]) -> wire.EngineStatus:
        asked = self._asked(front, (params.root,) if params.root else ())
        return wire.EngineStatus(
            version=conexus.__version__,
            pid=os.getpid(),
            memory=_resident_bytes(),
            seconds=time.monotonic() - self._started,
            fronts=len(self._fronts),
            folders=tuple(evolve(live.status(), root=called) for called, live in asked),
            latencies=self._latencies.summary(),
            recent=self._latencies.recent(),
            gates=self._contexts.counts() | self._engine.gates.counts(),
        )

    def _reindex(self, front: Front, params: wire.Reindex, _: Callable[[], bool]) -> wire.Done:
        for _called, live in self._named(front, params.root):
            live.reindex(fresh=params.fresh)
        return self._done(front, params.root)

    def _pause(self, front: Front, params: wire.Pause, _: Callable[[], bool]) -> wire.Done:
        for _called, live in self._named(front, params.root):
            live.set_paused(paused=True)
        return self._done(front, params.root)

    def _resume(self, front: Front, params: wire.Resume, _: Callable[[], bool]) -> wire.Done:
        for _called, live in self._named(front, params.root):
            live.set_paused(paused=False)
        return self._done(front, params.root)

    def _wait(self, front: Front, params: wire.WaitFor, cancelled: Callable[[], bool]) -> wire.Done:
        deadline = time.monotonic() + params.timeout_ms / 1000
        in_time = True
        for _called, live in self._named(front, params.root):
            seconds = max(0.0, deadline - time.monotonic())
            in_time &= live.wait(
                params.revision, complete=params.complete, seconds=seconds, cancelled=cancelled
            )
        return evolve(self._done(front, params.root), timed_out=not in_time)

    # -- folders ----------------------------------------------------------------------------------------

    def _show(self, front: Front, buffer: wire.Buffer, among: Any) -> None:
        for real, path in front.places(buffer.path):
            if real in among:
                front.told[real] = self._folders[real].open_text(front, path, buffer.version, buffer.text)

    def _touch(self, front: Front, notice: wire.Touched) -> None:
        by_root: dict[Path, list[str]] = {}
        for touched in notice.paths:
            for real, path in front.places(touched):
                by_root.setdefault(real, []).append(path)
        for real, paths in by_root.items():
            self._folders[real].touch(paths, awaited=notice.awaited)

    def _let_go(self, front: Front, real: Path, seconds: float) -> None:
        """End a folder after a while if no front has it open any more."""
        with self._lock:
            front.roots.pop(real, None)
            front.curious.discard(real)
            if any(real in other.roots for other in self._fronts):
                return
            timer = threading.Timer(seconds, self._end, args=(real,))
            timer.daemon = True
            self._lingering[real] = timer
            timer.start()

    def _end(self, real: Path) -> None:
        with self._lock:
            if self._lingering.pop(real, None) is None or real not in self._folders:
                return
            live = self._folders.pop(real)
            # Before it is closed, so that whoever opens it meanwhile does not get what is about to close.
            self._engine.release(live.folder)
        live.close()
        live.folder.close()

    def _asked(self, front: Front, roots: tuple[str, ...]) -> list[tuple[str, LiveFolder]]:
        """Return the folders that a question is about, with what the front calls them."""
        if roots:
            reals = [self._real(front, root) for root in roots]
            return [(front.roots[real], self._folders[real]) for real in reals]
        if front.roots:
            return [(called, self._folders[real]) for real, called in front.roots.items()]
        # A front without a folder of its own, such as a status command, asks about all.
        return [(os.fspath(real), live) for real, live in list(self._folders.items())]

    def _named(self, front: Front, root: str) -> list[tuple[str, LiveFolder]]:
        return self._asked(front, (root,) if root else ())

    def _places(self, front: Front, path: str) -> list[tuple[str, LiveFolder, str]]:
        """Return (root as called, folder, relative path) of the innermost open folder that holds `path`."""
        places = sorted(front.places(path), key=lambda place: -len(os.fspath(place[0])))
        if not places:
            raise EngineError(f"{path} is in no open folder; open its folder first", kind="invalid")
        real, relative = places[0]
        return [(front.roots[real], self._folders[real], relative)]

    def _real(self, front: Front, root: str) -> Path:
        real = Path(root).resolve()
        if real not in front.roots:
            raise EngineError(f"{root} is not open; open it first", kind="invalid")
        return real

    def _done(self, front: Front, root: str) -> wire.Done:
        return wire.Done(max((live.revision for _, live in self._named(front, root)), default=0))

    def _announce(self, real: Path, status: wire.FolderStatus) -> None:
        for front in list(self._fronts):
            if (called := front.roots.get(real)) is not None:
                front.tell("status", called, evolve(status, root=called))

    def _tell_changed(self, real: Path, paths: Collection[str]) -> None:
        told = paths if len(paths) <= _MOST_CHANGED else ("",)
        for front in list(self._fronts):
            if real in front.curious and (called := front.roots.get(real)) is not None:
                for path in told:
                    front.tell("changed", f"{called} {path}", wire.Changed(called, path))


_METHODS: dict[str, Callable[..., Any]] = {
    "open": Service._open,
    "close": Service._close,
    "search": Service._search,
    "similar": Service._similar,
    "related": Service._related,
    "history": Service._history,
    "context": Service._context,
    "symbols": Service._symbols,
    "grep": Service._grep,
    "read": Service._read,
    "outline": Service._outline,
    "status": Service._status,
    "reindex": Service._reindex,
    "pause": Service._pause,
    "resume": Service._resume,
    "wait": Service._wait,
}


def _below(root: str, path: str) -> str | None:
    """Return `path` relative to `root` with slashes, "" for the root itself, None if it is elsewhere."""
    if path == root:
        return ""
    prefix = root.rstrip(os.sep) + os.sep
    return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    # Elsewhere only the largest size so far is known; macOS gives bytes, others kilobytes.
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if os.uname().sysname == "Darwin" else largest * 1024
