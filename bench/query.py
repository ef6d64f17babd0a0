"""What a query costs: warm latency and memory at 10 K and 20 K files, and a first search from nothing."""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections import defaultdict
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from bench import corpora
from bench.index import CONEXUS, conexus_environment, index, scratch
from bench.measure import median, percentile, run, spread
from bench.report import Report
from conexus.engine import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.corpora import Corpus

_QUERIES = 300
_EACH_FILE = 7


def queries_from(root: Path, extra: Path | None) -> list[str]:
    """Return the same varied queries for the same corpus: docstrings, names, paths, and given questions."""
    files = [path for path in corpora.source_files(root) if path.suffix == ".py"][::_EACH_FILE]
    given = _questions(extra) if extra else iter(())
    names = (f"{path.parent.name}/{path.stem}" for path in files[::5])
    kinds = (_docstrings(files), given, _names(files), names)
    mixed = chain.from_iterable(zip_longest(*kinds))
    return list(islice(dict.fromkeys(filter(None, mixed)), _QUERIES))


def _questions(file: Path) -> Iterator[str]:
    projects = json.loads(file.read_text())
    return (query["query"] for project in projects for query in project["queries"][::3])


def _docstrings(files: list[Path]) -> Iterator[str]:
    for node in _definitions(files):
        line = (ast.get_docstring(node) or "").partition("\n")[0]
        if 20 < len(line) < 120:
            yield line


def _names(files: list[Path]) -> Iterator[str]:
    return (node.name for node in _definitions(files) if len(node.name) > 6)


def _definitions(files: list[Path]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield one definition a file, so that no file dominates."""
    for number, path in enumerate(files):
        try:
            nodes = [
                n for n in ast.parse(path.read_bytes()).body if isinstance(n, ast.FunctionDef | ast.ClassDef)
            ]
        except (SyntaxError, ValueError):
            continue
        if nodes:
            yield nodes[number % len(nodes)]


def _warm(corpus: Corpus, folder: Path, queries: list[str]) -> dict:
    data, file = folder / corpus.name, folder / "queries.json"
    index(corpus.root, data)
    return in_process(corpus, data, file, queries)


def in_process(corpus: Corpus, data: Path, file: Path, queries: list[str], *how: str) -> dict:
    """Return what `bench.warm` says of an engine of its own, in the environment that engines are started in."""
    file.write_text(json.dumps(queries))
    command = [sys.executable, "-m", "bench.warm", corpus.root, data, file, *how]
    return json.loads(run(command, lifecycle.environment()).output)


def _report_latency(report: Report, corpus: Corpus, warm: dict) -> None:
    replies = warm["replies"]
    kinds = defaultdict(list, {"all": [reply["ms"] for reply in replies]})
    kinds["CPU, all threads"] = [reply["cpu"] for reply in replies]
    for reply in replies:
        kinds[f"intent {reply['intent']}"].append(reply["ms"])
        for agent, milliseconds in reply["agents"].items():
            kinds[f"  agent {agent}"].append(milliseconds)
    title = (
        f"Warm search in process, {corpus.name}: {warm['files']:,} files, {warm['chunks']:,} chunks, "
        f"hybrid, 10 hits; agents run at the same time; ms"
    )
    rows = [
        (name, len(ms), *(percentile(ms, p) for p in (0.5, 0.95, 0.99)), max(ms))
        for name, ms in kinds.items()
    ]
    report.table(title, ("", "n", "p50", "p95", "p99", "worst"), rows)
    empty = sum(not reply["hits"] for reply in replies)
    report.add(
        f"recall@10 of the vector search against exact search: {warm['recall']:.3f} "
        f"(exact takes {warm['exact_ms']:.1f} ms); queries without a hit: {empty}"
    )


def _report_memory(report: Report, warm: list[dict]) -> None:
    rows = [
        (f"{size['files']:,} files", size["chunks"], size["resident"] / 1e6, size["anonymous"] / 1e6)
        for size in warm
    ]
    title = f"Memory of the engine process, warm, after {len(warm[0]['replies'])} queries; MB"
    report.table(title, ("", "chunks", "resident", "anonymous"), rows)
    report.bar("resident memory, 10 K files, MB", warm[0]["resident"] / 1e6, most=350.0)
    if len(warm) > 1:
        small, large = warm
        grown = (large["resident"] - small["resident"]) / 1e6
        report.bar(
            "growth per further 10 K files, MB", grown / (large["files"] - small["files"]) * 10_000, most=60.0
        )


def _first_search(report: Report, rounds: int) -> None:
    corpus = corpora.five_hundred()
    runs = []
    for _ in range(rounds):
        with scratch() as data:
            command = [CONEXUS, "search", "--root", corpus.root, "render a stream field block"]
            runs.append(run(command, conexus_environment(data)))
    walls = [done.wall for done in runs]
    row = ("conexus search", median(walls), spread(walls), median(done.cpu for done in runs))
    title = (
        f"First search in a folder never seen: {corpus.files} files, {corpus.megabytes:.1f} MB, whole process"
    )
    report.table(title, ("", "wall s", "spread", "CPU s"), [row])
    report.bar("first search in a fresh 500-file folder, s", median(walls), most=5.0)


def main(arguments: list[str]) -> None:
    """Measure first search, then a warm engine at two sizes."""
    parser = argparse.ArgumentParser(prog="python -m bench query", description=__doc__)
    parser.add_argument("--queries", type=Path, help="also draw from this question file (see quality)")
    parser.add_argument("--rounds", type=int, default=3, help="of the first search")
    parser.add_argument("--small", action="store_true", help="only 10 K files; no growth")
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("query")
    _first_search(report, options.rounds)
    sizes = [corpora.ten_thousand()] if options.small else [corpora.ten_thousand(), corpora.twenty_thousand()]
    queries = queries_from(sizes[0].root, options.queries)
    with scratch() as folder:
        warm = [_warm(corpus, folder, queries) for corpus in sizes]
    for corpus, figures in zip(sizes, warm, strict=True):
        _report_latency(report, corpus, figures)
    p95 = percentile([reply["ms"] for reply in warm[0]["replies"]], 0.95)
    report.bar("warm hybrid query at 10 K files, p95 ms", p95, most=15.0)
    _report_memory(report, warm)
    report.finish(save=options.save)
