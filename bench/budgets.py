"""What each law of docs/performance.md costs in two small folders, beside its budget: the benchmark that CI prints.

The folders are the running interpreter's standard library and every fourth file of it, so nothing is fetched. A law
holds where its cost a unit is the same at both sizes; a budget says how much that may be. Nothing fails here: a
figure over its budget is a place to look, on a machine whose speed is known.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from attrs import frozen

from bench import corpora
from bench.index import index, scratch
from bench.latency import Typist, a_python_file, cpu_seconds, engine_pid
from bench.measure import percentile, resident_bytes
from bench.query import queries_from
from bench.report import Report
from bench.scale import recall, restart, stop, timed

if TYPE_CHECKING:
    from pathlib import Path

    from bench.corpora import Corpus
    from bench.editor import Editor

_WARM_UP = 40
_QUERIES = 100
_EDITS = 30


@frozen
class Budget:
    """How much one law may cost: at most `most`, or at least `least`."""

    law: str
    most: float | None = None
    least: float | None = None

    def says(self, figure: float) -> str:
        """Return the verdict on a figure."""
        kept = figure <= self.most if self.most is not None else figure >= (self.least or 0)
        return "within" if kept else "OVER" if self.most is not None else "UNDER"

    @property
    def bound(self) -> str:
        """Return the budget as tables show it."""
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}"


BUDGETS = (
    Budget("cold index, CPU ms a chunk", most=0.6),
    Budget("unchanged folder, whole process, CPU s", most=1),
    Budget("restart to first answer, s", most=2),
    Budget("query, p95 ms over stdio", most=30),
    Budget("query, CPU ms of the engine", most=20),
    Budget("recall@10 of the vector search", least=0.98),
    Budget("edit to searchable, p95 ms", most=50),
    Budget("engine, MB resident", most=350),
    Budget("disk bytes / source bytes", most=1.3),
)


def costs(corpus: Corpus, data: Path) -> dict[str, float]:
    """Return the cost of each law in `corpus`, by the law's name."""
    cold = index(corpus.root, data)
    made = json.loads(cold.output)
    again = index(corpus.root, data)
    disk = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    editor, _, answered = restart(corpus, data)
    queries = queries_from(corpus.root, None)[:_QUERIES]
    figures = {
        "cold index, CPU ms a chunk": 1e3 * cold.cpu / made["chunks"],
        "unchanged folder, whole process, CPU s": again.cpu,
        "restart to first answer, s": answered,
        **_answering(editor, queries),
        **_typing(editor, corpus),
        "engine, MB resident": resident_bytes(engine_pid(editor)) / 1e6,
        "disk bytes / source bytes": disk / made["bytes"],
    }
    stop(editor)
    return {**figures, "recall@10 of the vector search": recall(corpus, data, queries)}


def _answering(editor: Editor, queries: list[str]) -> dict[str, float]:
    editor.wait_until_complete()
    timed(editor, queries[:_WARM_UP])
    engine = engine_pid(editor)
    used = cpu_seconds(engine)
    taken = timed(editor, queries)
    cpu = 1e3 * (cpu_seconds(engine) - used) / len(queries)
    return {"query, p95 ms over stdio": percentile(taken, 0.95), "query, CPU ms of the engine": cpu}


def _typing(editor: Editor, corpus: Corpus) -> dict[str, float]:
    typist = Typist(editor, a_python_file(corpus.root))
    taken = [typist.edit() for _ in range(_EDITS)]
    typist.close()
    return {"edit to searchable, p95 ms": percentile(taken, 0.95)}


def main(arguments: list[str]) -> None:
    """Print each law's cost at both sizes, its growth between them, and its budget."""
    parser = argparse.ArgumentParser(prog="python -m bench budgets", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("budgets")
    sizes = (corpora.quarter_of_the_library(), corpora.standard_library())
    with scratch() as folder:
        small, large = (costs(corpus, folder / corpus.name) for corpus in sizes)
    rows = [(one.law, small[one.law], large[one.law], one.bound, one.says(large[one.law])) for one in BUDGETS]
    names = (f"{corpus.files:,} files, {corpus.megabytes:.0f} MB" for corpus in sizes)
    report.table("What the laws cost", ("", *names, "budget", ""), rows)
    report.figures.update({name: round(figure, 4) for name, figure in large.items()})
    report.finish(save=options.save)
