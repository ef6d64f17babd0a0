"""The figures an earlier system published for itself, each beside ours: on disk, durable, with real embeddings.

Only their numbers are known, not their machine, their vectors or what a document was; the ratio is therefore an
order of magnitude and no race. Of ours, each row says what exactly was measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from bench import corpora, crowd, rows
from bench.index import index, scratch
from bench.measure import median, percentile, run, spread
from bench.query import queries_from
from bench.report import Report
from conexus.embedding.embedder import load
from conexus.embedding.terms import stems
from conexus.embedding.words import words
from conexus.engine.engine import Engine
from conexus.indexing.reconcile import plan
from conexus.parsing.chunker import parse
from conexus.parsing.languages import GRAMMARS, language_of, parser_of
from conexus.settings import Settings
from conexus.workspace.files import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.corpora import Corpus
    from conexus.store.index import Index
    from conexus.store.snapshot import Snapshot

THEIRS = {
    "vector search, 1 K documents, ms": 248.0,
    "vector search, 10 K documents, ms": 2_180.0,
    "BM25, ms": 0.81,
    "upserts in memory, rows/s": 2_907.0,
    "upserts on disk, rows/s": 247.0,
    "walking, files/s": 65_000.0,
    "chunking, files/s": 45_000.0,
    "full indexing, files/s": 450.0,
    "change detection, 10 K files, ms": 665.0,
    "memory per 10 K files, MB": 208.0,
}
"""As published; of a range its modest end."""
_NEAREST = 10
_COMMIT_ROWS = 1_000
_ROUNDS = 5


class Seed:
    """Rows of the table: what was measured, theirs, ours, how many times better."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._rows: list[tuple[str, object, object, str, str, str]] = []

    def compare(self, what: str, ours: float, note: str, *, least: float = 1.0, of: str = "") -> None:
        """Add a row; rates are better when higher, everything else when lower. `of` tells two rows apart."""
        theirs, label = THEIRS[what], f"{what} ({of})" if of else what
        better = ours / theirs if what.endswith("/s") else theirs / ours
        verdict = "beaten" if better >= least else "MISSED"
        self._rows.append((label, theirs, float(ours), f"{better:,.2f}x", verdict, note))
        self.report.figures[label] = round(ours, 3)
        self.report.bar(f"{label}: times better", better, least=least)

    def latency(self, what: str, chunks: int, p50: float, p95: float) -> None:
        """Keep a point of the plot of latency against size."""
        points = self.report.figures.setdefault(f"latency {what}: chunks, p50 ms, p95 ms", [])
        points.append([chunks, round(p50, 3), round(p95, 3)])

    def show(self) -> None:
        """Print the table."""
        title = "Theirs as published, ours now (p50 where a question is timed)"
        self.report.table(title, ("", "theirs", "ours", "better", "", "ours is"), self._rows)


def _vectors(seed: Seed, snapshot: Snapshot, directory: Path, queries: Sequence[str], size: str) -> None:
    """Time the vector search of an index, with its recall@10 against exact search of all rows."""
    embedder = load("static")
    asked = np.array([embedder.embed_query(text) for text in queries], np.float32)
    stored = _stored(directory)
    least = np.partition(stored @ asked.T, -_NEAREST, axis=0)[-_NEAREST]
    taken, found = _timed(lambda vector: snapshot.nearest(vector, _NEAREST), asked)
    # By score, not by row: copies of one text are equally right; vectors are kept as float16.
    hits = [sum(row.score >= tenth - 2e-3 for row in f) for f, tenth in zip(found, least, strict=True)]
    recall = sum(hits) / (_NEAREST * len(hits))
    p50, p95 = percentile(taken, 0.5), percentile(taken, 0.95)
    seed.report.add(
        f"vector search over {len(stored):,} chunks ({size}): p50 {p50:.2f} ms, p95 {p95:.2f} ms, "
        f"recall@{_NEAREST} {recall:.3f} against exact, {len(queries)} questions"
    )
    seed.latency("by meaning", len(stored), p50, p95)
    small = size == "1 K chunks"
    what = f"vector search, {'1' if small else '10'} K documents, ms"
    note = f"Snapshot.nearest, {len(stored):,} rows, recall {recall:.3f}"
    seed.compare(what, p50, note, least=1.0 if small else 500.0, of=size)
    seed.report.bar(f"recall@{_NEAREST} of the vector search, {size}", recall, least=0.99)


def _stored(directory: Path) -> NDArray[np.float32]:
    """Return all vectors of an index, float32[rows, d], L2-normalised."""
    import lancedb

    column = lancedb.connect(directory).open_table("chunks").to_arrow()["vector"].combine_chunks()
    vectors = column.values.to_numpy(zero_copy_only=False).reshape(len(column), -1).astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _timed(ask: Callable, questions: Sequence) -> tuple[list[float], list]:
    """Return the milliseconds and the answers, after every question was asked once."""
    for question in questions[:40]:
        ask(question)
    taken, answers = [], []
    for question in questions:
        begun = time.perf_counter()
        answers.append(ask(question))
        taken.append(1e3 * (time.perf_counter() - begun))
    return taken, answers


def _words(seed: Seed, snapshot: Snapshot, queries: Sequence[str], size: str) -> None:
    terms = [stems(words(text)) for text in queries]
    taken, _ = _timed(lambda asked: snapshot.matching(asked, _NEAREST), terms)
    p50, p95 = percentile(taken, 0.5), percentile(taken, 0.95)
    seed.report.add(f"BM25 over {size}: p50 {p50:.2f} ms, p95 {p95:.2f} ms, {len(queries)} questions")
    seed.latency("by words", sum(record.chunks for record in snapshot.files.values()), p50, p95)
    seed.compare("BM25, ms", p50, "Snapshot.matching, all words of a question", of=size)


def _upserts(seed: Seed, root: Path, folder: Path, queries: Sequence[str], sizes: Sequence[int]) -> None:
    """Fill indexes of stated sizes with real rows, and ask them; the last one's filling is what counts."""
    rate = 0.0
    for size in sizes:
        filled = rows.empty_index(folder / f"rows-{size}")
        groups = list(_grouped(rows.batches(root, filled, size), _COMMIT_ROWS))
        seconds = sum(rows.commit(filled, group) for group in groups)
        rate = sum(batch.chunks for group in groups for batch in group) / seconds
        filled.optimize()
        name = f"{size // 1_000} K chunks"
        _vectors(seed, filled.snapshot(), filled.directory, queries, name)
        _words(seed, filled.snapshot(), queries, name)
        filled.close()
    note = f"Index.commit of {_COMMIT_ROWS:,} parsed and embedded chunks at a time, synced to disk"
    seed.compare("upserts on disk, rows/s", rate, note)
    seed.compare(
        "upserts in memory, rows/s", _overlay_rate(root, folder), "put_buffer of open texts, then asked"
    )


def _grouped(made: Iterator[rows.Batch], chunks: int) -> Iterator[list[rows.Batch]]:
    group: list[rows.Batch] = []
    for batch in made:
        group.append(batch)
        if sum(b.chunks for b in group) >= chunks:
            yield group
            group = []
    if group:
        yield group


def _overlay_rate(root: Path, folder: Path) -> float:
    """Return the rows a second that become searchable as open texts, asked for once a thousand rows."""
    held = rows.empty_index(folder / "overlay")
    groups = list(_grouped(rows.batches(root, held, 5_000, job_files=1), _COMMIT_ROWS))
    question = load("static").embed_query("read a file")
    begun = time.perf_counter()
    for group in groups:
        for batch in group:
            record = batch.files[0]
            held.put_buffers({record.path: record.file_id}, batch.made.chunk_rows, batch.made.symbol_rows)
        assert held.snapshot().nearest(question, _NEAREST)
    seconds = time.perf_counter() - begun
    held.close()
    return sum(batch.chunks for group in groups for batch in group) / seconds


def _walking(seed: Seed, corpus: Corpus) -> None:
    scope = Scope(corpus.root, Settings().scope)
    taken = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        walk = scope.walk()
        taken.append(time.perf_counter() - begun)
    note = (
        f"Scope.walk, {len(walk.entries):,} files, all ignore rules, size and time of each, {spread(taken)}"
    )
    seed.compare("walking, files/s", len(walk.entries) / median(taken), note)


def _chunking(seed: Seed, corpus: Corpus, count: int) -> None:
    """Cut code files of 1 to 10 KB on one core, with their grammars and, apart, between lines.

    What theirs cut, and whether that includes reading, is not known: both are measured, and beside the grammars
    what parsing alone would reach if nothing were made of the trees.
    """
    sample = list(_small_sources(corpus, count))
    cut, read = _cut_rate(sample, _cut), _cut_rate(sample, _read_and_cut)
    outlined, parsed = _cut_rate(sample, _outline), _cut_rate(sample, _parse_only)
    files = f"{len(sample):,} code files of 1 to 10 KB, one core"
    note = f"chunks and symbols of {files}; tree-sitter alone, nothing cut: {parsed:,.0f} files/s"
    seed.compare("chunking, files/s", outlined, note, of="tree-sitter")
    note = f"bytes in memory to chunks with their lines, {files}; {read:,.0f} with opening and reading each"
    seed.compare("chunking, files/s", cut, note, of="by lines")


_Small = tuple["Path", bytes, str]


def _small_sources(corpus: Corpus, count: int) -> Iterator[_Small]:
    paths = [p for p in corpora.source_files(corpus.root) if 1_000 <= p.stat().st_size <= 10_000]
    for path in paths[:: max(1, len(paths) // count)]:
        language = language_of(path.name, b"")
        if language in GRAMMARS:
            yield path, path.read_bytes(), language


def _cut(_: Path, source: bytes, __: str) -> object:
    return parse(source, "text")


def _read_and_cut(path: Path, _: bytes, __: str) -> object:
    with path.open("rb", buffering=0) as file:
        return parse(file.readall(), "text")


def _outline(_: Path, source: bytes, language: str) -> object:
    return parse(source, language)


def _parse_only(_: Path, source: bytes, language: str) -> object:
    return parser_of(language).parse(source)


def _cut_rate(sample: Sequence[_Small], work: Callable[[Path, bytes, str], object]) -> float:
    """Return files a second, median of some rounds."""
    taken = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        for path, source, language in sample:
            work(path, source, language)
        taken.append(time.perf_counter() - begun)
    return len(sample) / median(taken)


def _changes(seed: Seed, root: Path, data: Path) -> float:
    """Return the seconds in which a running engine sees that nothing changed, median; print walk and plan apart."""
    with Engine(Settings(), data) as engine:
        folder = engine.open(root)
        folder.reconcile()
        taken = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            done = folder.reconcile()
            taken.append(time.perf_counter() - begun)
        compared = _comparing(folder.view().opened.index, root)
    seed.report.add(
        f"change detection, {done.unchanged:,} files unchanged: {1e3 * median(taken):,.0f} ms ({spread(taken)}), "
        f"of it {1e3 * compared:,.0f} ms comparing the walk with the manifest"
    )
    return median(taken)


def _comparing(opened: Index, root: Path) -> float:
    entries = Scope(root, Settings().scope).walk().entries
    begun = time.perf_counter()
    plan(opened.files, opened.skips, entries)
    return time.perf_counter() - begun


def _warm_memory(corpus: Corpus, data: Path, questions: Path) -> tuple[int, float]:
    """Return the files in the index, and the resident MB of an engine that has answered questions."""
    done = json.loads(run([sys.executable, "-m", "bench.warm", corpus.root, data, questions]).output)
    return done["files"], done["resident"] / 1e6


def _memory(seed: Seed, sizes: Sequence[tuple[Corpus, Path]], questions: Path) -> None:
    (small, low), (large, high) = [_warm_memory(corpus, data, questions) for corpus, data in sizes]
    grown = (high - low) / (large - small) * 10_000
    note = f"warm engine process, {low:,.0f} MB at {small:,} files, {high:,.0f} MB at {large:,}"
    seed.compare("memory per 10 K files, MB", grown, note)


def _crowds(seed: Seed, corpus: Corpus, data: Path, options: argparse.Namespace) -> None:
    load = crowd.Load(options.clients, options.pause, options.seconds, options.actions)
    paced, hurried = crowd.meet(corpus.root, data, load)
    pace = f"an action every {load.pause:g} s of each"
    lines = []
    for name, met in ((pace, paced), ("no pause", hurried)):
        for kind, taken in (*sorted(met.milliseconds.items()), ("all", met.all)):
            quantiles = [percentile(taken, share) for share in (0.5, 0.95)]
            lines.append((f"{name}: {kind}", len(taken), *quantiles, max(taken)))
        _account(seed, name, met)
    seed.report.table(f"{load.clients} clients of one engine; ms", ("", "n", "p50", "p95", "max"), lines)
    asked = load.clients / load.pause
    bar = f"{load.clients} clients, {pace} ({asked:g} a second, waiting or not), p95 ms"
    seed.report.bar(bar, percentile(paced.all, 0.95), most=100)
    seed.report.bar(
        "their edits until searchable, p95 ms", percentile(paced.milliseconds["edit"], 0.95), most=100
    )
    seed.report.bar("errors, with and without pauses", len(paced.errors) + len(hurried.errors), most=0)
    edits, all_of_them = (percentile(one, 0.95) for one in (hurried.milliseconds["edit"], hurried.all))
    seed.report.bar("without a pause: p95 of edits by p95 of all", edits / all_of_them, most=1)
    seed.report.add(
        f"without a pause all {load.clients} wait all the time: p95 {all_of_them:,.0f} ms; for 100 ms the engine would "
        f"have to do {load.clients / 0.1:,.0f} actions a second"
    )


def _account(seed: Seed, name: str, met: crowd.Crowd) -> None:
    count, (seconds,), (others,) = max(1, len(met.all)), met.seconds, met.others
    of_engine, of_workers, of_clients = (1e3 * used / count for used in met.cpu[0])
    seed.report.add(
        f"{name}: {count / seconds:,.0f} actions/s; CPU an action {of_engine:.1f} ms in the engine, {of_workers:.1f} "
        f"in its workers, {of_clients:.1f} in the clients, on the same cores, of which others used "
        f"{others / seconds:.2f}; errors: {met.errors[:3] or 'none'}"
    )
    seed.report.figures[f"clients, {name}, actions/s"] = round(count / seconds, 1)


def _indexed(seed: Seed, corpus: Corpus, data: Path) -> None:
    cold = index(corpus.root, data)
    rate = corpus.files / cold.wall
    note = (
        f"conexus index, whole process, {corpus.files:,} files, {corpus.megabytes:.0f} MB, {cold.wall:.1f} s"
    )
    seed.compare("full indexing, files/s", rate, note)


def _measure(seed: Seed, folder: Path, options: argparse.Namespace) -> None:
    corpus = corpora.five_hundred() if options.small else corpora.ten_thousand()
    data, questions = folder / "data", folder / "questions.json"
    queries = queries_from(corpus.root, None)[: options.queries]
    questions.write_text(json.dumps(queries))
    _indexed(seed, corpus, data)
    _walking(seed, corpus)
    _chunking(seed, corpus, options.sample)
    _upserts(seed, corpus.root, folder, queries, [1_000] if options.small else [1_000, 10_000])
    with Engine(Settings(), data) as engine:
        opened = engine.open(corpus.root).view().opened.index
        _vectors(seed, opened.snapshot(), opened.directory, queries, f"{corpus.files:,} files")
        _words(seed, opened.snapshot(), queries, f"{corpus.files:,} files")
    seconds = _changes(seed, corpus.root, data)
    seed.compare(
        "change detection, 10 K files, ms", 1e3 * seconds, f"reconcile in process, {corpus.files:,} files"
    )
    _unchanged_hundred_thousand(seed)
    _crowds(seed, corpus, data, options)
    if not options.small:
        larger = corpora.twenty_thousand()
        index(larger.root, folder / "larger")
        _memory(seed, [(corpus, data), (larger, folder / "larger")], questions)


def _unchanged_hundred_thousand(seed: Seed) -> None:
    """Reconcile the folder of a million chunks, if `bench scale` has made and indexed it."""
    root, data = corpora.CACHE / "corpora" / "chunks-1m", corpora.CACHE / "scale-chunks-1m"
    if root.exists() and data.exists():
        seconds = _changes(seed, root, data)
        seed.report.bar("reconcile of an unchanged tree of 130 K files, s", seconds, most=5.0)
    else:
        seed.report.add(
            "no folder of a million chunks in the cache: `python -m bench scale` makes and indexes it"
        )


def main(arguments: list[str]) -> None:
    """Measure every published figure again."""
    parser = argparse.ArgumentParser(prog="python -m bench seed", description=__doc__)
    parser.add_argument("--small", action="store_true", help="500 files: does it run at all")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--sample", type=int, default=1_000, help="files to cut")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--actions", type=int, default=8, help="of each client without a pause")
    parser.add_argument(
        "--pause", type=float, default=2.0, help="mean seconds between two actions of a client"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long clients act at their own pace")
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    seed = Seed(Report("seed"))
    with scratch() as folder:
        _measure(seed, folder, options)
    seed.show()
    seed.report.finish(save=options.save)
