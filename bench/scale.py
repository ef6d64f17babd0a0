"""A million chunks: latency, recall, edits, restart, memory and disk of the shipped server.

The folder is made once (1.3 GB) and indexed once (some minutes); both stay in the cache for the next run.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np

from bench import corpora
from bench.editor import Editor
from bench.index import CONEXUS, conexus_environment, scratch
from bench.latency import NAMES, Typist, a_python_file, cpu_seconds, engine_pid, until_idle
from bench.measure import distribution, percentile, resident_bytes, run
from bench.query import in_process, queries_from
from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.corpora import Corpus

_NEAREST = 10
_RECALL_QUERIES = 100
_ROW_BATCH = 50_000


def _indexed(report: Report, corpus: Corpus, data: Path) -> None:
    """Index the folder unless it is; an index that is there is brought up to date."""
    made = run([CONEXUS, "index", "--json", corpus.root], conexus_environment(data))
    row = ("conexus index", made.wall, made.cpu, made.peak / 1e6)
    report.table("Indexing, or seeing that nothing changed", ("", "wall s", "CPU s", "peak MB"), [row])


def restart(corpus: Corpus, data: Path) -> tuple[Editor, float, float]:
    """Start server and engine anew; return the editor and the seconds to `initialize` and to the first hits."""
    editor = Editor(data)
    initialized = editor.initialize(corpus.root)
    while not editor.search("where do we retry failed uploads"):
        time.sleep(0.01)
    return editor, initialized, time.perf_counter() - editor.started


def stop(editor: Editor) -> None:
    """End the server and the engine behind it."""
    engine = engine_pid(editor)
    editor.close()
    os.kill(engine, signal.SIGTERM)
    while os.path.exists(f"/proc/{engine}/fd/0"):  # noqa: PTH110 -- of a process that may end meanwhile
        time.sleep(0.05)


def timed(editor: Editor, queries: Sequence[str]) -> list[float]:
    """Return the milliseconds of each query."""
    return [editor.timed("conexus/search", {"query": text})[0] for text in queries]


def recall(corpus: Corpus, data: Path, queries: Sequence[str]) -> float:
    """Return the share of the exact ten nearest that the vector search finds; copies of a text are equally right."""
    from conexus.engine.engine import Engine
    from conexus.settings import Settings

    with Engine(Settings(), data) as engine:
        embedder = engine.embedder("static")
        vectors = np.array([embedder.embed_query(text) for text in queries], np.float32)
        index = engine.open(corpus.root).view().opened.index
        least = _exact(index.directory, vectors)
        found = [index.snapshot().nearest(vector, _NEAREST) for vector in vectors]
    hits = [sum(row.score >= tenth - 2e-3 for row in rows) for rows, tenth in zip(found, least, strict=True)]
    return sum(hits) / (_NEAREST * len(hits))


def _exact(directory: Path, queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the tenth best similarity of all rows to each query, float32[n]."""
    import lancedb

    best = np.full((len(queries), 0), -1, np.float32)
    table = lancedb.connect(directory).open_table("chunks")
    for batch in table.search().select(["vector"]).limit(None).to_batches(_ROW_BATCH):
        column = batch["vector"]
        rows = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1).astype(np.float32)
        best = np.concatenate([best, queries @ rows.T], axis=1)
        best = np.partition(best, -_NEAREST, axis=1)[:, -_NEAREST:]
    return best.min(axis=1)


def _in_process(report: Report, corpus: Corpus, data: Path, queries: Sequence[str]) -> None:
    with scratch() as folder:
        warm = in_process(corpus, data, folder / "queries.json", list(queries), "alone")
    replies = warm["replies"]
    rows = [
        distribution(name, [reply[key] for reply in replies])
        for name, key in (("wall", "ms"), ("CPU", "cpu"))
    ]
    report.table(
        "The same questions in a process of their own, without protocol; ms",
        ("", "n", "p50", "p95", "max"),
        rows,
    )


def measure(report: Report, corpus: Corpus, data: Path, options: argparse.Namespace) -> None:
    """Measure everything on `corpus`, indexed in `data`."""
    starts = []
    for _ in range(options.restarts):
        editor, initialized, answered = restart(corpus, data)
        starts.append((initialized, answered))
        if len(starts) < options.restarts:
            stop(editor)
    report.table("Starts of server and engine, s", ("initialize", "first hits"), starts)
    queries = queries_from(corpora.ten_thousand().root, None)[: options.queries]
    editor.wait_until_complete()
    editor.timed("workspace/symbol", {"query": "Client"})
    timed(editor, queries[:40])
    # Whoever begins to watch files has them all compared once more, 2 s of CPU in the background.
    early = timed(editor, queries[:100])
    until_idle(editor)
    engine = engine_pid(editor)
    used = cpu_seconds(engine)
    rows = {
        "conexus/search, files are still compared": early,
        "conexus/search, warm": timed(editor, queries),
    }
    cpu = 1e3 * (cpu_seconds(engine) - used) / len(queries)
    rows["workspace/symbol, warm"] = [
        editor.timed("workspace/symbol", {"query": NAMES[i % len(NAMES)]})[0] for i in range(100)
    ]
    typist = Typist(editor, a_python_file(corpus.root))
    rows["edit to searchable"] = [typist.edit() for _ in range(options.edits)]
    report.table(
        "Milliseconds over stdio",
        ("", "n", "p50", "p95", "max"),
        [distribution(*row) for row in rows.items()],
    )
    report.add(f"CPU of the engine a query, warm: {cpu:.1f} ms")
    resident = resident_bytes(engine) / 1e6
    typist.close()
    stop(editor)
    _in_process(report, corpus, data, queries)
    disk = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    found = recall(corpus, data, queries[:_RECALL_QUERIES])
    first = sorted(answered for _, answered in starts)[len(starts) // 2]
    report.bar("hybrid query, p95 ms", percentile(rows["conexus/search, warm"], 0.95), most=25)
    report.bar("recall@10 of the vector search", found, least=0.98)
    report.bar("edit to searchable, p95 ms", percentile(rows["edit to searchable"], 0.95), most=50)
    report.bar("restart to first answer, s", first, most=2)
    report.bar("engine, MB resident", resident, most=900)
    report.bar("disk bytes / source bytes", disk / corpus.size, most=1.3)


def main(arguments: list[str]) -> None:
    """Measure at a million chunks, or at ten thousand files to compare with."""
    parser = argparse.ArgumentParser(prog="python -m bench scale", description=__doc__)
    parser.add_argument("--small", action="store_true", help="the 10,000 files instead")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--data", help="directory of the index (default: in the cache)")
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("scale")
    corpus = corpora.ten_thousand() if options.small else corpora.million_chunks()
    data = (
        corpora.CACHE / f"scale-{corpus.name}" if options.data is None else type(corpora.CACHE)(options.data)
    )
    report.add(f"{corpus.name}: {corpus.files:,} files, {corpus.megabytes:,.0f} MB, digest {corpus.digest}")
    _indexed(report, corpus, data)
    measure(report, corpus, data, options)
    report.finish(save=options.save)
