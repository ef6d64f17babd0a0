"""A pool of killable parse workers: a file that hangs or crashes a grammar costs only itself."""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, TypeVar

from attrs import evolve

from conexus.domain import ConexusError
from conexus.indexing import whereabouts
from conexus.indexing.jobs import Job, Made, nothing_made
from conexus.indexing.whereabouts import Whereabouts
from conexus.store.memory import passing_environment
from conexus.workspace.files import Skipped, SkipReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conexus.indexing.jobs import Item, Setup

_WATCH_SECONDS = 0.2
_BATCH_SECONDS = 120.0  # embedding a whole job; reached only if the machine is swapping
_STOP = None

T = TypeVar("T")


class WorkersFailedError(ConexusError):
    """Workers cannot be started at all."""


class WorkerPool:
    """Runs jobs on `count` processes and yields what they made, in the order it is ready.

    A file that keeps a worker busy longer than `file_timeout` seconds, or kills it, is tried once more
    cut by lines, then skipped; the other files of its job are done again.
    """

    def __init__(self, setup: Setup, count: int, file_timeout: float) -> None:
        self._setup = setup
        self._file_timeout = file_timeout
        self._todo: queue.Queue[Job | None] = queue.Queue(maxsize=count + 1)
        # Deep enough that workers go on while the first commit loads LanceDB.
        self._done: queue.Queue[Made | Exception | None] = queue.Queue(maxsize=8 * count)
        self.workers = [_Worker(setup) for _ in range(count)]
        self._closed = threading.Event()

    def run(self, jobs: Iterable[Job]) -> Iterator[Made]:
        """Start the workers and return an iterator over one or more `Made` for each of `jobs`.

        Closing the iterator stops the workers. It raises WorkersFailedError when one dies before it could take any job.
        """
        threads = [threading.Thread(target=self._feed, args=(jobs,), daemon=True)]
        threads += [threading.Thread(target=self._serve, args=(w,), daemon=True) for w in self.workers]
        threads.append(threading.Thread(target=self._watch, daemon=True))
        for thread in threads:
            thread.start()
        return self._results()

    def _results(self) -> Iterator[Made]:
        running = len(self.workers)
        try:
            while running:
                made = self._done.get()
                if isinstance(made, Exception):
                    raise made
                if made is None:
                    running -= 1
                else:
                    yield made
        finally:
            self.close()

    def close(self) -> None:
        """Kill what still runs. Idempotent."""
        self._closed.set()
        for worker in self.workers:
            worker.kill()

    def _feed(self, jobs: Iterable[Job]) -> None:
        try:
            for job in jobs:
                if not self._put(self._todo, job):
                    return
        except Exception as error:  # noqa: BLE001 -- raised again by run(), in the caller's thread
            self._put(self._done, error)
        for _ in self.workers:
            self._put(self._todo, _STOP)

    def _put(self, target: queue.Queue[T], what: T) -> bool:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                target.put(what, timeout=_WATCH_SECONDS)
                return True
        return False

    def _next(self) -> Job | None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Empty):
                return self._todo.get(timeout=_WATCH_SECONDS)
        return _STOP

    def _serve(self, worker: _Worker) -> None:
        try:
            while (job := self._next()) is not _STOP:
                for made in self._attempts(worker, job):
                    self._put(self._done, made)
            worker.stop()
            self._put(self._done, None)
        except Exception as error:  # noqa: BLE001 -- raised again by run(), in the caller's thread
            self._put(self._done, error)

    def _attempts(self, worker: _Worker, job: Job) -> Iterator[Made]:
        pending = [job]
        while pending and not self._closed.is_set():
            part = pending.pop()
            try:
                yield worker.make(part)
            except _WorkerDiedError as death:
                if self._closed.is_set():
                    return
                smaller, lost = _after_death(part, death)
                pending += smaller
                if lost is not None:
                    yield lost

    def _watch(self) -> None:
        while not self._closed.wait(_WATCH_SECONDS):
            for worker in self.workers:
                worker.kill_if_stuck(self._file_timeout)


class ResidentWorker:
    """One process that stays warm for single files: what is typed or saved. Safe to use from several threads.

    A file that hangs or crashes it is treated as a pool would.
    """

    def __init__(self, setup: Setup, file_timeout: float) -> None:
        self._worker = _Worker(setup)
        self._file_timeout = file_timeout
        self._turn = threading.Lock()
        self._closed = False

    def run(self, jobs: Iterable[Job]) -> Iterator[Made]:
        """Yield one or more `Made` for each of `jobs`. Raises WorkersFailedError."""
        for job in jobs:
            pending = [job]
            while pending and not self._closed:
                part = pending.pop()
                try:
                    yield self._make(part)
                except _WorkerDiedError as death:
                    if self._closed:
                        return
                    smaller, lost = _after_death(part, death)
                    pending += smaller
                    if lost is not None:
                        yield lost

    def close(self) -> None:
        """End the process. Idempotent."""
        self._closed = True
        self._worker.kill()
        with self._turn:
            self._worker.stop()

    def _make(self, job: Job) -> Made:
        with self._turn:
            done = threading.Event()
            watch = threading.Thread(target=self._watch, args=(done,), daemon=True)
            watch.start()
            try:
                return self._worker.make(job)
            finally:
                done.set()

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(_WATCH_SECONDS):
            self._worker.kill_if_stuck(self._file_timeout)


def _after_death(job: Job, death: _WorkerDiedError) -> tuple[list[Job], Made | None]:
    """Return the jobs to try again, and what was made of a file that is given up."""
    if death.position is None or death.position >= len(job.items):
        if len(job.items) == 1:
            return [], _given_up(job.items[0], death.reason)
        middle = len(job.items) // 2
        halves = (job.items[:middle], job.items[middle:])
        return [evolve(job, items=half) for half in halves], None
    poison = job.items[death.position]
    rest = job.items[: death.position] + job.items[death.position + 1 :]
    again = [evolve(job, items=rest)] if rest else []
    if poison.lines_only:
        return again, _given_up(poison, death.reason)
    return [*again, evolve(job, items=(evolve(poison, lines_only=death.reason),))], None


def _given_up(item: Item, reason: str) -> Made:
    return evolve(nothing_made(), skipped=((item, Skipped(item.entry.path, SkipReason.HUNG, reason)),))


class _WorkerDiedError(Exception):
    """The process ended inside a job, at file `position` (None: before the first)."""

    def __init__(self, position: int | None, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


class _Worker:
    """One process, started when its first job comes, replaced when it dies."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._whereabouts: Whereabouts | None = None
        self._before = 0
        """What the worker had counted before its job."""
        self._seen, self._since = 0, 0.0
        self._busy_with = 0
        self._stuck = False
        self._proven = False

    def make(self, job: Job) -> Made:
        """Return what the process made of `job`; raises _WorkerDiedError."""
        self._stuck = False
        process, counted = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        self._before = counted.count
        self._busy_with = len(job.items)
        try:
            _send(process.stdin, job)
            message = pickle.load(process.stdout)  # noqa: S301 -- our own worker
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._death(error) from error
        finally:
            self._busy_with = 0
        if isinstance(message, BaseException):
            raise message
        assert isinstance(message, Made)
        self._proven = True
        return message

    def stop(self) -> None:
        """Let the process end by itself."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
        self._forget()

    def kill(self) -> None:
        """End the process at once."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    @property
    def ended(self) -> bool:
        """Return whether no process runs for this worker."""
        return self._process is None or self._process.wait(1) is not None

    def kill_if_stuck(self, file_timeout: float) -> None:
        """Kill the process if its current file, or embedding its batch, takes too long. To be called often."""
        counted, files = self._whereabouts, self._busy_with
        if not files or counted is None:
            return
        # No two jobs have the same counts, so what is seen twice was not left between.
        if (count := counted.count) != self._seen:
            self._seen, self._since = count, time.monotonic()
            return
        position = count - self._before - 1
        allowed = file_timeout if position < files else _BATCH_SECONDS
        if position >= 0 and time.monotonic() - self._since > allowed:
            self._stuck = True
            self.kill()

    def _position(self) -> int | None:
        """Return the number of the file that the worker is at, as many as there are after the last, None before any."""
        steps = self._whereabouts.count - self._before if self._whereabouts is not None else 0
        return steps - 1 if steps else None

    def _started(self) -> tuple[subprocess.Popen[bytes], Whereabouts]:
        if self._process is None or self._whereabouts is None:
            self._whereabouts = _new_whereabouts()
            self._process = subprocess.Popen(
                # -P: a folder that is worked in must not be able to shadow our modules.
                [sys.executable, "-P", "-m", "conexus.indexing.worker", self._whereabouts.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
                # Its own group: Ctrl-C in the terminal is for the indexer, which then ends its workers.
                start_new_session=True,
            )
            assert self._process.stdin is not None
            _send(self._process.stdin, self._setup)
            self._seen = -1
        return self._process, self._whereabouts

    def _death(self, error: Exception) -> Exception:
        assert self._process is not None
        self.kill()
        code = self._process.wait()
        position = self._position()
        self._forget()
        if position is None and not self._proven:
            return WorkersFailedError(
                f"a parse worker ended with code {code} before its first file ({error}); "
                "run `conexus doctor`, and see its message above"
            )
        return _WorkerDiedError(position, "parser timed out" if self._stuck else f"parser died ({code})")

    def _forget(self) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
        path = self._whereabouts.path if self._whereabouts is not None else None
        self._process = self._whereabouts = None
        if path is not None:
            whereabouts.remove(path)


def _new_whereabouts() -> Whereabouts:
    try:
        return Whereabouts.create()
    except OSError as error:
        raise WorkersFailedError(
            f"no temporary file can be made for a parse worker: {error}; make room there, or set TMPDIR to another folder"
        ) from error


def _send(pipe: IO[bytes], message: object) -> None:
    pickle.dump(message, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _environment() -> dict[str, str]:
    # Workers are the parallelism; a thread pool inside each would only fight over the same cores.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**passing_environment(), **single, "ARROW_NUM_THREADS": "1"}
