"""Search engines a user could pick instead, over our chunks of 10 K files: latency with recall, in turns.

By meaning and by words, all engines get the same rows and the same questions. Each has a process of its own, is
built once, and is asked all questions once a round, one question at a time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from bench import corpora, peers
from bench.index import index, scratch
from bench.measure import CommandError, median, percentile, run, spread
from bench.query import queries_from
from bench.report import Report
from conexus.embedding.terms import stems
from conexus.embedding.words import words
from conexus.engine.engine import Engine
from conexus.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from bench.corpora import Corpus

VECTORS = ("our vectors", "flat", "usearch", "hnswlib", "sqlite-vec", "lancedb", "lancedb ivf_pq")
WORDS = ("our words", "fts5", "tantivy")
_SCRIPT = Path(__file__).with_name("rival.py")
_LIMIT = 10
_RIPGREP_QUERIES = 20
_K1, _B = 1.2, 0.75


@define(eq=False)
class Rival:
    """One engine's process, and what it answered so far by label."""

    name: str
    _process: subprocess.Popen[str]
    build: float = 0.0
    """Seconds, reading the rows included."""
    resident: int = 0
    passes: dict[str, list[list[float]]] = field(factory=dict)
    rows: dict[str, list[list[int]]] = field(factory=dict)

    @classmethod
    def start(cls, name: str, folder: Path) -> Rival:
        """Build the engine over what `folder` holds."""
        python = sys.executable if name.startswith("our ") else peers.environment() / "python"
        command = [python, _SCRIPT, name, folder]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        rival = cls(name, process)
        rival.build = rival._heard()["build"]
        return rival

    def ask(self) -> None:
        """Ask every question once."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        heard = self._heard()
        self.resident = heard["resident"]
        for label, answer in heard["points"].items():
            self.passes.setdefault(label, []).append(answer["ms"])
            self.rows[label] = answer["rows"]

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def _heard(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise CommandError(f"{self.name} ended: {self._process.wait()}; its last words are above")
        return json.loads(line)


def _prepare(corpus: Corpus, folder: Path, queries: Sequence[str]) -> None:
    """Index the corpus with Conexus, and write its rows and the questions where every engine finds them."""
    index(corpus.root, folder / "data")
    with Engine(Settings(), folder / "data") as engine:
        embedder = engine.embedder("static")
        asked = np.array([embedder.embed_query(text) for text in queries], np.float32)
        table = _rows_of(engine.open(corpus.root).view().opened.index.directory)
    column = table["vector"].combine_chunks()
    stored = column.values.to_numpy(zero_copy_only=False).reshape(len(column), -1).astype(np.float32)
    stored /= np.maximum(np.linalg.norm(stored, axis=1, keepdims=True), 1e-9)
    np.save(folder / "vectors.npy", stored)
    np.save(folder / "asked.npy", asked)
    np.save(folder / "keys.npy", np.stack([table["file_id"].to_numpy(), table["ord"].to_numpy()], axis=1))
    (folder / "texts.json").write_text(json.dumps(table["tokens"].to_pylist()))
    (folder / "words.json").write_text(json.dumps([_words_of(text) for text in queries]))
    (folder / "job.json").write_text(json.dumps({"root": str(corpus.root), "data": str(folder / "data")}))


def _rows_of(directory: Path) -> pa.Table:
    import lancedb

    return lancedb.connect(directory).open_table("chunks").to_arrow()


def _words_of(text: str) -> list[str]:
    return list(dict.fromkeys(stems(words(text))))


def exact_vectors(folder: Path) -> Callable[[int], NDArray[np.float32]]:
    """Return what gives the similarity of every row to a question."""
    stored, asked = np.load(folder / "vectors.npy"), np.load(folder / "asked.npy")
    return lambda number: stored @ asked[number]


def exact_words(folder: Path) -> Callable[[int], NDArray[np.float64]]:
    """Return what gives the BM25 of every row to a question, over all its words.

    Robertson/Sparck Jones weights as in Lucene: idf = ln(1 + (N - n + .5) / (n + .5)), k1 = 1.2, b = .75.
    """
    questions = json.loads((folder / "words.json").read_text())
    wanted = {word for question in questions for word in question}
    lengths, places = [], {}
    for number, text in enumerate(json.loads((folder / "texts.json").read_text())):
        found = text.split()
        lengths.append(len(found))
        for word in wanted.intersection(found):
            places.setdefault(word, []).append((number, found.count(word)))
    sizes = np.array(lengths)
    norms = _K1 * (1 - _B + _B * sizes / sizes.mean())

    def scores(number: int) -> NDArray[np.float64]:
        total = np.zeros(len(sizes))
        for word in questions[number]:
            rows, counts = np.array(places.get(word, [])).reshape(-1, 2).T.astype(int)
            idf = np.log1p((len(sizes) - len(rows) + 0.5) / (len(rows) + 0.5))
            total[rows] += idf * counts * (_K1 + 1) / (counts + norms[rows])
        return total

    return scores


def recall(answers: Sequence[Sequence[int]], exact: Callable[[int], NDArray], slack: float) -> float:
    """Return the share of the best ten that was found, by score: rows that tie are equally right."""
    shares = []
    for number, rows in enumerate(answers):
        scores = exact(number)
        tenth = max(np.partition(scores, -_LIMIT)[-_LIMIT], 1e-9)
        there = min(_LIMIT, int((scores >= tenth).sum()))
        found = int((scores[rows] >= tenth - slack * tenth).sum()) if rows else 0
        shares.append(min(1.0, found / there) if there else 1.0)
    return sum(shares) / len(shares)


def _race(names: Iterable[str], folder: Path, rounds: int) -> list[Rival]:
    rivals = [Rival.start(name, folder) for name in names]
    for _ in range(rounds + 1):
        for rival in rivals:
            rival.ask()
    for rival in rivals:
        rival.close()
        for passes in rival.passes.values():
            # The first is for files, caches and lazy loading.
            del passes[0]
    return rivals


def _rows(rivals: Sequence[Rival], exact: Callable[[int], NDArray], slack: float) -> list[tuple]:
    return [
        _row(rival, label, recall(rival.rows[label], exact, slack))
        for rival in rivals
        for label in rival.passes
    ]


def _row(rival: Rival, label: str, found: float) -> tuple:
    passes = rival.passes[label]
    together = [value for taken in passes for value in taken]
    middle = spread([median(taken) for taken in passes])
    quantiles = [percentile(together, share) for share in (0.5, 0.95)]
    return label, rival.build, *quantiles, middle, found, round(rival.resident / 1e6)


def _report(report: Report, what: str, rows: Sequence[tuple]) -> None:
    columns = ("", "build s", "p50 ms", "p95 ms", "spread of p50", f"recall@{_LIMIT}", "MB resident")
    report.table(what, columns, rows)
    key = what.partition(":")[0]
    report.figures[key] = {label: [round(p50, 3), round(found, 4)] for label, _, p50, _, _, found, _ in rows}


def _limit(report: Report, rows: Sequence[tuple], folder: Path) -> None:
    """Say what memory bandwidth the flat scan gets, which no scan of these rows can beat."""
    size = (folder / "vectors.npy").stat().st_size
    flat = next(row for row in rows if row[0].startswith("numpy"))[2]
    ours = rows[0][2]
    report.add(
        f"limit: the flat scan reads {size / 1e6:,.0f} MB at {size / flat / 1e6:.1f} GB/s; "
        f"ours takes {ours / flat:.2f} of its time"
    )


def _ripgrep(report: Report, corpus: Corpus, folder: Path) -> None:
    questions = json.loads((folder / "words.json").read_text())[:_RIPGREP_QUERIES]
    command = [peers.environment() / "rg", "--files-with-matches", "--ignore-case", "--no-messages"]
    taken = []
    for question in filter(None, questions):
        # It exits with 1 where nothing matches; the interpreter's own name always does.
        patterns = [part for word in [*question, "import"] for part in ("-e", word)]
        taken.append(1e3 * run([*command, *patterns, corpus.root]).wall)
    report.add(
        f"rg --files-with-matches, any of a question's words, whole process, no order: "
        f"p50 {percentile(taken, 0.5):,.0f} ms, p95 {percentile(taken, 0.95):,.0f} ms"
    )


def _measure(report: Report, folder: Path, options: argparse.Namespace) -> None:
    corpus = corpora.five_hundred() if options.small else corpora.ten_thousand()
    queries = [text for text in queries_from(corpus.root, None) if _words_of(text)][: options.queries]
    _prepare(corpus, folder, queries)
    count = len(np.load(folder / "keys.npy"))
    rows = _rows(_race(VECTORS, folder, options.rounds), exact_vectors(folder), 2e-3)
    size = f"{count:,} chunks of {corpus.files:,} files, {len(queries)} questions, {options.rounds} rounds"
    _report(report, f"By meaning: {size}", rows)
    _limit(report, rows, folder)
    ours = rows[0]
    report.bar("ours by meaning, recall@10", ours[5], least=0.98)
    rows = _rows(_race(WORDS, folder, options.rounds), exact_words(folder), 1e-3)
    _report(report, f"By words: {size}", rows)
    _ripgrep(report, corpus, folder)


def main(arguments: list[str]) -> None:
    """Ask every engine."""
    parser = argparse.ArgumentParser(prog="python -m bench rivals", description=__doc__)
    parser.add_argument("--small", action="store_true", help="500 files: does it run at all")
    parser.add_argument("--queries", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("rivals")
    with scratch() as folder:
        _measure(report, folder, options)
    report.finish(save=options.save)
