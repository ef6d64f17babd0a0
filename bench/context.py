"""Evidence for questions: true to the byte, within its budget, in time, and does it hold the answer's file.

Questions are made from three repositories' own definitions (their names as words, the first sentence above or
in them); for localisation, the questions of the development split are asked on whole repositories. A target is
contained when the pack shows lines of it; where a target is only a file, its relevant definition is the one
that the search puts first when only that file may answer. Tokens are counted by real tokenizers.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from bench.measure import percentile
from bench.quality import LIMIT, indexed, indexes, projects_in, tree
from bench.quality.options import add_repositories
from bench.report import Report
from conexus import settings
from conexus.engine.contexts import Contexts, ground_of
from conexus.engine.engine import Engine
from conexus.orchestrate.context import Question
from conexus.orchestrate.evidence import Role
from conexus.orchestrate.routing import Profile
from conexus.orchestrate.steps import Outcome
from conexus.search.query import SearchRequest
from conexus.workspace.source import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.quality import Project, Target
    from conexus.engine.folder import Folder
    from conexus.orchestrate.context import Answer

BUDGET = 4_000
GENERATED_FROM = ("requests", "gin", "express")
_QUESTIONS_EACH = 80
_ATTEMPTS = 4
_BUDGETS = (500, 1_000, 2_000, 4_000, 8_000)
_BODIES = {"function", "method", "class", "struct", "interface"}
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@define
class Tally:
    """What was counted over many answers."""

    questions: int = 0
    citations: int = 0
    wrong: int = 0
    lines: int = 0
    twice: int = 0
    over: Counter[str] = field(factory=Counter)
    used: list[float] = field(factory=list)
    milliseconds: list[float] = field(factory=list)
    processor: list[float] = field(factory=list)
    gates: Counter[str] = field(factory=Counter)


def tokenizers() -> dict[str, Callable[[str], int]]:
    """Return real tokenizers by name."""
    import anthropic_tokenizer
    from bpe_openai import get_encoding

    counts = {name: get_encoding(f"{name}_base").encode for name in ("cl100k", "o200k", "voyage3")}
    return {name: lambda text, encode=encode: len(encode(text)) for name, encode in counts.items()} | {
        "claude": lambda text: len(anthropic_tokenizer.encode(text))
    }


def generated(folder: Folder, count: int) -> list[str]:
    """Return questions about definitions of a folder, always the same."""
    snapshot = folder.view().snapshot
    table = snapshot.symbols()
    listed = (one for record in snapshot.files.values() for one in table.of_file(record.file_id))
    entries = [one for one in listed if one.kind in _BODIES and len(one.name) > 3]
    entries.sort(key=lambda one: (one.path, one.line))
    chosen = random.Random(7).sample(entries, min(count, len(entries)))
    shapes = (
        "where is {words} implemented", "{name}", "why does {words} fail", "how does {words} work in {place}",
        "what calls {name}", "documentation of {words}", "is {words} safe with untrusted input",
    )  # fmt: skip
    return [
        shapes[number % len(shapes)].format(
            words=" ".join(_HUMPS.findall(one.name)).lower(),
            name=one.name,
            place=one.path.rpartition("/")[2].partition(".")[0],
        )
        for number, one in enumerate(chosen)
    ]


def ask(contexts: Contexts, folder: Folder, text: str, budget: int) -> tuple[Answer, float, float]:
    """Return the evidence for a question, and the milliseconds it took by the clock and of the processors.

    On a busy machine a step may be late; such a question is asked again, so that what is counted is the answer
    and not the neighbours.
    """
    for _ in range(_ATTEMPTS):
        begun, cpu = time.perf_counter(), time.process_time()
        ground = ground_of("", folder, folder.view(), lambda: False)
        question = Question(text, budget, None, Profile.DEFAULT, None)
        found = contexts.answer(question, [ground], behind=0, cancelled=lambda: False)
        took = 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - cpu)
        if not any(step.outcome is Outcome.LATE for step in found.steps):
            break
    return found, *took


def check(found: Answer, folder: Folder, budget: int, tally: Tally) -> None:
    """Count what is wrong with an answer, by the files themselves."""
    tally.questions += 1
    for one in (*found.pack.pieces, *found.pack.statements):
        tally.citations += 1
        tally.wrong += not _stands(one.cited, folder)
    shown = [
        (piece.cited.path, number)
        for piece in found.pack.pieces
        for number in range(piece.cited.span.start_line, piece.cited.span.end_line + 1)
    ]
    numbered = Counter(_numbered(found.pack.text))
    tally.lines += len(numbered)
    tally.twice += sum(count - 1 for count in numbered.values())
    assert set(numbered) == set(shown), "the text shows other lines than its evidence"
    for name, count in _TOKENIZERS.items():
        tally.over[name] += count(found.pack.text) > budget
    tally.used.append(_TOKENIZERS["o200k"](found.pack.text) / budget)
    tally.gates.update(f"{gate.name} {gate.verdict}" for gate in found.gates)


def _stands(cited: object, folder: Folder) -> bool:
    source = read(folder.root, cited.path, folder.settings.scope).source
    lines = source.split(b"\n")[cited.span.start_line - 1 : cited.span.end_line]
    return (
        b"\n".join(lines).rstrip(b"\r") == cited.source
        and source[cited.span.start : cited.span.end] == cited.source
    )


def _numbered(text: str) -> Iterable[tuple[str, int]]:
    path = ""
    for line in text.split("\n"):
        if line.startswith("## "):
            path = line[3:]
        elif found := re.match(r"(\d+)(?: |$)", line):
            yield path, int(found[1])


def contains(
    found: Answer, targets: Sequence[Target], relevant: Sequence[tuple[str, int, int]]
) -> tuple[bool, bool]:
    """Return whether the pack shows lines of a target's file, and of its relevant definition."""
    shown = [
        (one.cited.path, one.cited.span.start_line, one.cited.span.end_line) for one in found.pack.pieces
    ]
    in_file = any(target.is_hit_by(path, 1, 10**9) for target in targets for path, *_ in shown)
    relevant_too = any(
        path == where and first <= end and last >= start
        for path, first, last in shown
        for where, start, end in relevant
    )
    return in_file, relevant_too


def relevant_in(
    folder: Folder, question: str, targets: Sequence[Target], paths: Sequence[str]
) -> list[tuple[str, int, int]]:
    """Return the lines of each target that answer: as given, or by a search in that file only."""
    found = []
    for target in targets:
        if target.last:
            found += [
                (path, target.first, target.last)
                for path in paths
                if target.is_hit_by(path, target.first, target.last)
            ]
            continue
        path = next((path for path in paths if target.is_hit_by(path, 1, 1)), None)
        hits = folder.search(SearchRequest(question, 1, paths=(path,))).hits if path else ()
        found += [(hit.path, hit.span.start_line, hit.span.end_line) for hit in hits if hit.path == path]
    return found


def _localised(folder: Folder, project: Project, contexts: Contexts, rows: list, times: list) -> None:
    paths = list(folder.view().snapshot.files)
    for question in project.questions:
        hits = folder.search(SearchRequest(question.text, limit=LIMIT)).hits
        by_search = any(t.is_hit_by(hit.path, 1, 10**9) for t in question.targets for hit in hits)
        found, *took = ask(contexts, folder, question.text, BUDGET)
        times.append(took)
        relevant = relevant_in(folder, question.text, question.targets, paths)
        in_file, in_definition = contains(found, question.targets, relevant)
        lines_by_search = any(
            hit.path == where and hit.span.start_line <= end and hit.span.end_line >= start
            for hit in hits for where, start, end in relevant
        )  # fmt: skip
        rows.append((project, question, by_search, lines_by_search, in_file, in_definition, found))


def main(arguments: list[str]) -> None:
    """Ask, check and report."""
    parser = argparse.ArgumentParser(prog="python -m bench context", description=__doc__)
    add = parser.add_argument
    add_repositories(parser, "projects of the localisation, separated by commas")
    add("--indexes", type=Path, help="where the indexes lie; those of `bench quality` if not given")
    add("--missed", action="store_true", help="list the questions whose file is found but not contained")
    add("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    if not options.queries:
        raise SystemExit("no questions: give --queries; see bench/README.md")
    run(options)


_TOKENIZERS: dict[str, Callable[[str], int]] = {}


def run(options: argparse.Namespace) -> None:
    """Ask, check and report, by the options."""
    _TOKENIZERS.update(tokenizers())
    report, kept = Report("context"), options.indexes or indexes(fresh=False)
    projects = {project.name: project for project in projects_in(options.queries)}
    tally, contexts, rows, times = Tally(), Contexts(), [], []
    for name, project in projects.items():
        wanted = not options.only or name in options.only
        if not wanted and name not in GENERATED_FROM:
            continue
        with Engine(settings.Settings(), kept) as engine:
            folder = indexed(engine, tree(options, project))
            folder.past.catch_up(10.0)
            ask(contexts, folder, "warm", BUDGET)
            if name in GENERATED_FROM:
                _generated(folder, contexts, tally)
            if wanted:
                _localised(folder, project, contexts, rows, times)
    contexts.close()
    _report_truth(report, tally)
    _report_localisation(report, rows, times, missed=options.missed)
    report.finish(save=options.save)


def _generated(folder: Folder, contexts: Contexts, tally: Tally) -> None:
    for number, text in enumerate(generated(folder, _QUESTIONS_EACH)):
        budget = _BUDGETS[number % len(_BUDGETS)]
        found, milliseconds, processor = ask(contexts, folder, text, budget)
        tally.milliseconds.append(milliseconds)
        tally.processor.append(processor)
        check(found, folder, budget, tally)


def _report_truth(report: Report, tally: Tally) -> None:
    rows = [
        ("questions", tally.questions),
        ("citations (pieces and statements)", tally.citations),
        ("citations that differ from the file", tally.wrong),
        ("lines shown", tally.lines),
        ("lines shown twice", tally.twice),
        *((f"packs over budget, {name}", tally.over[name]) for name in _TOKENIZERS),
        ("budget used, median (o200k)", percentile(tally.used, 0.5)),
        ("p50 ms", percentile(tally.milliseconds, 0.5)),
        ("p95 ms", percentile(tally.milliseconds, 0.95)),
        ("p95 ms of the processors", percentile(tally.processor, 0.95)),
    ]
    report.table(f"Generated questions on {', '.join(GENERATED_FROM)}", ("", ""), rows)
    report.table("Gates", ("", "answers"), sorted(tally.gates.items()))
    report.bar("generated questions", float(tally.questions), least=200.0)
    report.bar("citations that differ", float(tally.wrong), most=0.0)
    report.bar("lines twice", float(tally.twice), most=0.0)
    report.bar("packs over budget", float(sum(tally.over.values())), most=0.0)


def _report_localisation(
    report: Report, rows: Sequence[tuple], times: Sequence[Sequence[float]], *, missed: bool
) -> None:
    count = len(rows) or 1
    figures = {
        "search: a file of the top 10": sum(row[2] for row in rows) / count,
        "search: the definition in the top 10": sum(row[3] for row in rows) / count,
        "context: the file": sum(row[4] for row in rows) / count,
        "context: the definition": sum(row[5] for row in rows) / count,
    }
    report.table(
        f"Localisation of {len(rows)} natural questions, whole repositories, {BUDGET} tokens", ("", "share"),
        [
            *figures.items(),
            ("p50 ms", percentile([wall for wall, _ in times], 0.5)),
            ("p95 ms", percentile([wall for wall, _ in times], 0.95)),
            ("p50 ms of the processors", percentile([cpu for _, cpu in times], 0.5)),
            ("p95 ms of the processors", percentile([cpu for _, cpu in times], 0.95)),
        ],
    )  # fmt: skip
    sure = sorted(rows, key=lambda row: -row[6].confidence)
    half = len(sure) // 2 or 1
    report.table(
        "Confidence: is the definition contained",
        ("", "share"),
        [
            ("surer half", sum(r[5] for r in sure[:half]) / half),
            ("other half", sum(r[5] for r in sure[half:]) / max(1, len(sure) - half)),
        ],
    )
    roles = Counter(piece.role for row in rows for piece in row[6].pack.pieces)
    report.table("Pieces an answer", ("", "mean"), [(str(role), roles[role] / count) for role in Role])
    report.bar("context has the definition, search has the file", figures["context: the definition"],
               least=figures["search: a file of the top 10"])  # fmt: skip
    report.bar("context p95 ms", percentile([wall for wall, _ in times], 0.95), most=400.0)
    if missed:
        lines = [f"{row[1].id}: {row[1].text}  [{row[4]}]" for row in rows if row[2] and not row[5]]
        report.show("\n".join(lines))
