"""A parse worker: `python -m conexus.indexing.worker WHEREABOUTS`, jobs in on stdin, rows out on stdout.

It reads files, cuts them, splits words and embeds, and hands back Arrow bytes, so the process that
writes never touches a row. It may be killed at any moment: it owns nothing but its memory.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import sys
import time
import traceback
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from attrs import evolve

from conexus.embedding.embedder import load
from conexus.embedding.static import StaticEmbedder
from conexus.embedding.terms import terms_of_names
from conexus.embedding.vocabulary import document_frequencies, embedded_vocabulary
from conexus.embedding.words import passage
from conexus.indexing.jobs import FileRows, Item, Job, Made, Setup, Unfinished
from conexus.indexing.whereabouts import Whereabouts
from conexus.parsing.chunker import parse
from conexus.parsing.languages import language_of
from conexus.store.schema import RowsBuilder, runs_of
from conexus.workspace.files import Skipped, SkipReason
from conexus.workspace.source import of_text, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from conexus.domain import Parsed
    from conexus.embedding.vocabulary import Bags
    from conexus.embedding.words import Passage
    from conexus.workspace.source import Source

NICENESS = 10  # typing and searching go before indexing
_HEAD_BYTES = 256
_REMEMBERED_TEXTS = 64


class Worker:
    """Turns jobs into rows; one per process."""

    def __init__(self, setup: Setup) -> None:
        self._root = Path(setup.root)
        self._scope = setup.scope
        self._dimensions = setup.dimensions
        self._embedder = _static(setup.model) if setup.model else None
        self._recent: OrderedDict[str, dict[bytes, bytes]] = OrderedDict()
        """Vectors by passage digest of the last version of editors' texts: an edit changes few passages."""

    def make(self, job: Job, started: Callable[[], None]) -> Made:
        """Return what became of every file of `job`; `started` is called before each is touched, and after the last."""
        batch = _Batch(self._known(job), self._dimensions)
        for item in job.items:
            started()
            read_at = time.time_ns()
            outcome = self._source(item)
            if isinstance(outcome, Skipped):
                batch.skipped.append((item, outcome))
            elif outcome.digest == item.digest:
                batch.touched.append((item, read_at))
            else:
                batch.add(item, outcome, read_at)
        started()
        made = batch.finish(self._embedder)
        for item in job.items:
            if item.text is not None:
                self._remember(item.entry.path, batch.vectors)
        return made

    def _source(self, item: Item) -> Source | Skipped:
        path = item.entry.path
        try:
            if item.text is None:
                return read(self._root, item.entry, self._scope)
            return of_text(path, item.text, self._scope)
        except Exception as error:  # noqa: BLE001 -- whatever one file's bytes make a check stumble over
            return Skipped(path, SkipReason.UNREADABLE, f"{type(error).__name__}: {error}")

    def _known(self, job: Job) -> dict[bytes, bytes]:
        known = job.known
        for item in job.items:
            if item.text is not None:
                known = {**known, **self._recent.get(item.entry.path, {})}
        return known

    def _remember(self, path: str, vectors: dict[bytes, bytes]) -> None:
        self._recent[path] = vectors
        self._recent.move_to_end(path)
        if len(self._recent) > _REMEMBERED_TEXTS:
            self._recent.popitem(last=False)


class _Batch:
    """The rows of one job while they are gathered."""

    def __init__(self, known: dict[bytes, bytes], dimensions: int) -> None:
        self._known = known
        self._builder = RowsBuilder(dimensions)
        self._passages: list[Passage] = []
        self._digests: list[bytes] = []
        self._files: list[FileRows] = []
        self.touched: list[tuple[Item, int]] = []
        self.skipped: list[tuple[Item, Skipped]] = []
        self.vectors: dict[bytes, bytes] = {}
        """By passage digest, of editors' texts."""

    def add(self, item: Item, source: Source, read_at_ns: int) -> None:
        text = source.source
        path = item.entry.path
        language = language_of(path, text[:_HEAD_BYTES])
        parsed, note = _parsed(text, language, item.lines_only)
        passages = [
            passage(path, chunk.symbol, text[chunk.span.start : chunk.span.end].decode("utf-8", "replace"))
            for chunk in parsed.chunks
        ]
        digests = [made.digest for made in passages]
        names = [terms_of_names(path, chunk.symbol) for chunk in parsed.chunks]
        self._builder.add(item.file_id, parsed, names, digests)
        self._passages += passages
        self._digests += digests
        self._files.append(
            FileRows(
                item,
                source.digest,
                source.size,
                source.mtime_ns,
                language,
                source.encoding,
                len(passages),
                source.redactions,
                read_at_ns,
                note,
            )
        )

    def finish(self, embedder: StaticEmbedder | None) -> Made:
        made = Made(
            files=tuple(self._files),
            touched=tuple(self.touched),
            skipped=tuple(self.skipped),
            chunk_rows=b"",
            symbol_rows=b"",
            frequencies=None,
            embedded=0,
            reused=0,
        )
        if not self._files:
            return made
        vocabulary = embedder.vocabulary if embedder is not None else embedded_vocabulary()
        runs = runs_of([made.encoded for made in self._passages])
        said, rows_of_words = vocabulary.read(runs)
        self._builder.say(runs, said)
        bags = vocabulary.counted(runs, rows_of_words)
        if embedder is None:
            rows = Unfinished(self._builder, tuple(self._passages), tuple(self._digests), self._known)
            return evolve(made, frequencies=vocabulary.document_frequencies(bags), unfinished=rows)
        vectors, computed = self._vectors(embedder, bags)
        chunks, symbols = self._builder.encode(vectors)
        if any(rows.item.text is not None for rows in self._files):
            halves = vectors.astype(np.float16)
            self.vectors = {digest: row.tobytes() for digest, row in zip(self._digests, halves, strict=True)}
        same_words = vocabulary is embedded_vocabulary()
        return evolve(
            made,
            chunk_rows=chunks,
            symbol_rows=symbols,
            frequencies=vocabulary.document_frequencies(bags)
            if same_words
            else document_frequencies(self._passages),
            embedded=computed,
            reused=len(self._digests) - computed,
        )

    def _vectors(self, embedder: StaticEmbedder, bags: Bags) -> tuple[NDArray[np.float32], int]:
        missing = [i for i, digest in enumerate(self._digests) if digest not in self._known]
        if len(missing) == len(self._digests):
            return embedder.embed_bags(bags), len(missing)
        vectors = np.empty((len(self._digests), embedder.dimensions), np.float32)
        vectors[missing] = embedder.embed([self._passages[i] for i in missing])
        for i, digest in enumerate(self._digests):
            if (vector := self._known.get(digest)) is not None:
                vectors[i] = np.frombuffer(vector, np.float16)
        return vectors, len(missing)


def _parsed(text: bytes, language: str, lines_only: str) -> tuple[Parsed, str]:
    """Return the file cut by its grammar, or by lines with the reason; no file may stop the others."""
    if lines_only:
        return parse(text, "text"), lines_only
    try:
        parsed = parse(text, language)
    except Exception as error:  # noqa: BLE001 -- whatever a grammar or its rules stumble over
        return parse(text, "text"), f"parser failed: {type(error).__name__}: {error}"
    return parsed, parsed.note


def _static(model: str) -> StaticEmbedder:
    embedder = load(model, "cpu")
    assert isinstance(embedder, StaticEmbedder)
    return embedder


def main() -> None:
    """Serve jobs until stdin ends, or nobody reads what was made."""
    # Rows are made and handed on without cycles: the collector would walk over them again and again.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    jobs = sys.stdin.buffer
    answers = _private_stdout()
    whereabouts = Whereabouts.share(Path(sys.argv[1]))
    setup = pickle.load(jobs)  # noqa: S301 -- written by our own parent process
    if setup.background:
        with contextlib.suppress(AttributeError, OSError):
            os.nice(NICENESS)
            # A question does not wait for the end of a time slice.
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    worker = Worker(setup)
    # Its parent may end it by closing a pipe, or be killed and close both.
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            made = _made(worker, pickle.load(jobs), whereabouts)  # noqa: S301 -- written by our own parent process
            pickle.dump(made, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _made(worker: Worker, job: Job, whereabouts: Whereabouts) -> Made | RuntimeError:
    try:
        return worker.make(job, whereabouts.step)
    except Exception as error:  # noqa: BLE001 -- handed to the parent, which decides
        return RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")


def _private_stdout() -> BinaryIO:
    """Return what was stdout, and point file descriptor 1 at stderr: nothing may print into the answers."""
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return private


if __name__ == "__main__":
    main()
